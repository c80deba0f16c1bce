from __future__ import annotations

from unit.sources.source_lines import syslog, within


def test_session_opened_and_closed_share_the_daemons_key() -> None:
    opened = syslog("pam_unix(sshd:session): session opened for user jane(uid=1001) by (uid=0)")
    assert within(
        opened,
        class_uid=3002,
        activity_id=1,
        status_id=1,
        user__name="jane",
        user__uid="1001",
        actor__user__uid="0",
        actor__user__name=None,
        session__uid="sshd:812",
        metadata__log_name="sshd",
    )
    closed = syslog("pam_unix(sshd:session): session closed for user jane", "sshd-session[812]")
    assert within(
        closed, activity_id=2, user__name="jane", session__uid="sshd:812", metadata__log_name="sshd"
    )


def test_su_session_names_both_accounts() -> None:
    found = syslog("pam_unix(su-l:session): session opened for user root(uid=0) by jane(uid=1001)", "su[9]")
    assert within(
        found, user__name="root", actor__user__name="jane", actor__user__uid="1001", session__uid="su:9"
    )
    assert found["unmapped"] == {"pam_module": "pam_unix", "pam_service": "su-l"}


def test_old_systems_name_the_module_in_the_tag() -> None:
    found = syslog("session opened for user jane by (uid=0)", "sshd(pam_unix)[8]")
    assert within(found, class_uid=3002, activity_id=1, user__name="jane", session__uid="sshd:8")


def test_failure_has_the_names_that_rules_ask_for() -> None:
    found = syslog(
        "pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=203.0.113.9  user=jane"
    )
    assert within(found, class_uid=3002, status_id=2, user__name="jane", src_endpoint__ip="203.0.113.9")
    assert within(
        found, src_pam_message="authentication failure", src_pam_user="jane", src_pam_rhost="203.0.113.9"
    )


def test_failure_at_a_terminal_names_who_tried() -> None:
    found = syslog(
        "pam_unix(sudo:auth): authentication failure; logname=jane uid=1001 euid=0 tty=/dev/pts/1 ruser=jane rhost=  user=root",
        "sudo",
    )
    assert within(
        found, actor__user__name="jane", user__name="root", session__terminal="/dev/pts/1", session__uid=None
    )


def test_lockouts() -> None:
    assert within(
        syslog("pam_tally2(sudo:auth): user zbadguy (4001) tally 6, deny 5", "sudo"),
        status_id=2,
        status_code="locked out",
        user__name="zbadguy",
    )
    assert within(
        syslog(
            "pam_faillock(sshd:auth): Consecutive login failures for user jane account temporarily locked"
        ),
        status_id=2,
        user__name="jane",
    )
    assert within(syslog("pam_unix(sshd:auth): check pass; user unknown"), status_id=2, user__name=None)


def test_other_words_of_pam_are_base_events() -> None:
    assert within(syslog("pam_systemd(sshd:session): Failed to create session"), class_uid=0)
    assert within(syslog("pam_x"), class_uid=0)
