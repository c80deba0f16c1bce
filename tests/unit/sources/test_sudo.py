from __future__ import annotations

from unit.sources.source_lines import syslog, within


def test_a_command_run_as_somebody_else() -> None:
    found = syslog(
        "    jane : TTY=pts/0 ; PWD=/home/jane ; USER=root ; COMMAND=/usr/bin/tar czf /tmp/x.tgz /srv ; id",
        "sudo",
    )
    assert within(
        found,
        class_uid=1007,
        activity_id=1,
        status_id=1,
        actor__user__name="jane",
        user__name="root",
        session__terminal="pts/0",
        process__path="/usr/bin/tar",
        process__cmd_line="/usr/bin/tar czf /tmp/x.tgz /srv ; id",
        src_user="root",
    )
    assert found["unmapped"]["PWD"] == "/home/jane"


def test_refusals_say_why() -> None:
    found = syslog("jane : user NOT in sudoers ; TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/bin/sh", "sudo[5]")
    assert within(found, status_id=2, status_code="user NOT in sudoers", session__uid="sudo:5")


def test_numbers_as_users_are_kept_for_the_rules() -> None:
    found = syslog("jane : TTY=pts/0 ; PWD=/ ; USER=#-1 ; COMMAND=/bin/sh", "sudo")
    assert within(found, user__name="#-1", src_user="#-1")


def test_the_rest_of_a_long_command() -> None:
    found = syslog("jane : (command continued) --more words", "sudo")
    assert within(found, class_uid=1007, activity_id=0, process__cmd_line="--more words")


def test_other_words_of_sudo() -> None:
    assert within(syslog("unable to resolve host web1", "sudo"), class_uid=0)
    assert within(syslog("jane : nothing here", "sudo"), class_uid=0)
