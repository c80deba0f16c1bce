"""su and sudo: which records are one change of account, which make a hop, and where it was asked for."""

from __future__ import annotations

import pytest

from countersign.visits.becoming import became
from countersign.visits.names import HostNames
from countersign.visits.sessions import Session
from steps import steps
from unix_story import AUDITED, SSH, audit, facts, hops, machine, sessions, shape, syslog

OPENED_ROOT = "pam_unix(sudo:session): session opened for user root(uid=0) by eva(uid=1005)"
ROOT_SHELL = "14:05:00 sudo[4500]: eva : TTY=pts/1 ; PWD=/ ; USER=root ; COMMAND=/bin/bash"


def chain(found: list[Session]) -> dict[str, list[str]]:
    """The accounts in whose sessions each change of account may have been asked for."""
    known = {(one.host, key): one for one in found for key in (one.key, *one.aliases)}
    return {
        one.account.name: sorted(known[maker].account.name for maker in one.makers)
        for one in found
        if one.kind == "became"
    }


def test_sudo_of_which_the_command_is_lost_makes_no_hop() -> None:
    lines = (
        f"14:10:00 sudo[5200]: {OPENED_ROOT}",
        "14:10:01 sudo[5200]: pam_unix(sudo:session): session closed for user root",
    )
    assert [one.kind for one in sessions(syslog(*SSH, *lines))] == ["ssh"]


@pytest.mark.parametrize(("argument", "made"), [('a0="-bash"', True), ('a0="bash" a1="job.sh"', False)])
def test_sudo_of_which_the_command_is_lost_makes_a_hop_if_the_audit_system_saw_its_shell_start(
    argument: str, *, made: bool
) -> None:
    opened = '14:10:00 20 USER_START pid=5200 uid=1005 auid=1005 ses=41 msg=\'op=PAM:session_open acct="root" exe="/usr/bin/sudo" hostname=? addr=? terminal=pts/1 res=success\''
    shell = '14:10:01 21 SYSCALL arch=c000003e syscall=59 success=yes exit=0 ppid=5200 pid=5201 auid=1005 uid=0 euid=0 tty=pts2 ses=41 comm="bash" exe="/usr/bin/bash"'
    found = sessions(audit(*AUDITED[:3], opened, shell, f"14:10:01 21 EXECVE argc=2 {argument}"))
    assert [one.protocol for one in found] == ["ssh", *(["sudo"] if made else [])]


@pytest.mark.parametrize("pid", range(5200, 5206))
def test_who_comes_and_goes_within_a_second_came_first(pid: int) -> None:
    lines = (
        f"14:10:00 su[{pid}]: pam_unix(su:session): session opened for user oracle(uid=7) by eva(uid=1005)",
        f"14:10:00 su[{pid}]: pam_unix(su:session): session closed for user oracle",
    )
    _, su = sessions(syslog(*SSH, *lines))
    assert su.end == su.start


@pytest.mark.parametrize("pid", range(5200, 5206))
def test_sudo_su_is_one_hop_whichever_record_of_a_second_is_read_first(pid: int) -> None:
    lines = (
        f"14:10:00 sudo[{pid}]: eva : TTY=pts/1 ; PWD=/ ; USER=root ; COMMAND=/bin/su - oracle",
        f"14:10:00 su[{pid + 1}]: (to oracle) eva on pts/1",
        f"14:10:00 su[{pid + 1}]: pam_unix(su-l:session): session opened for user oracle(uid=7) by eva(uid=0)",
    )
    _, sudo = sessions(syslog(*SSH, *lines))
    assert (sudo.account.name, sudo.protocol, len(sudo.facts)) == ("oracle", "sudo", 3)


def test_what_somebody_else_asks_su_for_is_no_part_of_sudos_su() -> None:
    lines = (
        "14:10:00 sudo[5200]: eva : TTY=pts/1 ; PWD=/ ; USER=root ; COMMAND=/bin/su - oracle",
        "14:10:01 su[5300]: (to oracle) boss on pts/7",
    )
    assert [
        one.person and one.person.name for one in sessions(syslog(*SSH, *lines)) if one.kind == "became"
    ] == ["eva", "boss"]


@pytest.mark.parametrize("pid", range(5200, 5206))
def test_of_changes_within_a_second_each_hangs_on_the_one_that_it_was_asked_for_in(pid: int) -> None:
    lines = (
        f"14:10:00 su[{pid}]: (to oracle) eva on pts/1",
        f"14:10:00 su[{pid + 1}]: (to grid) oracle on pts/1",
        f"14:10:00 su[{pid + 2}]: (to backup) grid on pts/1",
    )
    found = sessions(syslog(*SSH, *lines))
    assert [one.account.name for one in found] == ["eva", "oracle", "grid", "backup"]
    assert chain(found) == {"oracle": ["eva"], "grid": ["oracle"], "backup": ["grid"]}


def test_of_changes_in_a_ring_within_a_second_none_is_lost() -> None:
    lines = ("14:10:00 su[1]: (to oracle) grid on pts/1", "14:10:00 su[2]: (to grid) oracle on pts/1")
    assert {one.account.name for one in sessions(syslog(*SSH, *lines)) if one.kind == "became"} == {
        "oracle",
        "grid",
    }


def test_records_without_a_process_id_of_two_accounts_are_two_changes() -> None:
    lines = ("14:10:00 su: (to oracle) eva on pts/1", "14:10:03 su: (to grid) eva on pts/2")
    assert [one.account.name for one in sessions(syslog(*SSH, *lines))] == ["eva", "oracle", "grid"]


def test_an_end_with_the_same_process_id_is_of_the_account_that_it_names() -> None:
    opened = "14:10:00 su[5200]: pam_unix(su:session): session opened for user oracle(uid=7) by eva(uid=1005)"
    others = "16:00:00 su[5200]: pam_unix(su:session): session closed for user grid"
    _, su = sessions(syslog(*SSH, opened, others))
    assert su.ended == "the login in which it was asked for ended"


@pytest.mark.parametrize("said", ["by (uid=0)", "by root(uid=0)"])
def test_what_root_asks_for_without_a_terminal_is_a_programs(said: str) -> None:
    cron = (
        f"14:10:00 su[5200]: pam_unix(su-l:session): session opened for user oracle(uid=7) {said}",
        "14:10:00 su[5200]: (to oracle) root on none",
    )
    seated = "14:30:00 su[5300]: (to grid) root on pts/1"
    before = "14:08:00 su[5100]: (to backup) eva on pts/1"
    found = sessions(syslog(*SSH, ROOT_SHELL, before, *cron, seated))
    assert chain(found) == {"root": ["eva"], "backup": ["eva"], "grid": ["root"]}


def test_where_others_have_a_session_of_the_same_account_it_may_have_been_asked_for_there() -> None:
    lines = (
        "14:10:00 su[5200]: (to oracle) eva on pts/1",
        "14:11:00 su[5300]: (to oracle) boss on pts/7",
        "14:12:00 su[5400]: pam_unix(su:session): session opened for user grid(uid=8) by oracle(uid=7)",
    )
    _, oracle, grid = hops(syslog(*SSH, *lines))
    assert (grid.parent, grid.link.kind, grid.link.candidates) == (oracle.id, "ambiguous", (oracle.id,))
    assert "1 of them of no visit" in grid.link.reason


@pytest.mark.parametrize("boss", [True, False])
def test_a_root_of_whom_others_can_be_one_too_is_said_to_be_ambiguous(*, boss: bool) -> None:
    there = "13:00:00 sudo[4000]: boss : TTY=pts/7 ; PWD=/ ; USER=root ; COMMAND=/bin/bash"
    onward = "14:14:00 sshd[78]: Accepted publickey for root from 10.0.0.5 port 40001 ssh2"
    lines = [*SSH, ROOT_SHELL, *([there] if boss else [])]
    found = hops(syslog(*lines), syslog(onward, host="app2"), machine("db1", "10.0.0.5"))
    root, app = found[1:]
    assert (app.target, app.parent, root.protocol) == ("app2", root.id, "sudo")
    assert app.link.kind == ("ambiguous" if boss else "inferred")
    assert app.link.candidates == ((root.id,) if boss else ())


def test_su_in_anothers_shell_is_told_by_the_number_that_it_was_run_with() -> None:
    lines = (
        "14:10:00 su[5200]: pam_unix(su:session): session opened for user oracle(uid=1001) by eva(uid=1005)",
        "14:20:00 su[5300]: pam_unix(su:session): session opened for user grid(uid=1002) by eva(uid=1001)",
        "14:30:00 su[5400]: pam_unix(su:session): session opened for user backup(uid=1003) by (uid=1002)",
    )
    assert chain(sessions(syslog(*SSH, *lines))) == {
        "oracle": ["eva"],
        "grid": ["oracle"],
        "backup": ["grid"],
    }


def test_of_two_with_one_process_id_each_is_told_by_itself() -> None:
    lines = (
        "14:10:00 su[5200]: (to oracle) eva on pts/1",
        "14:20:00 su[5200]: (to grid) eva on pts/1",
        "14:30:00 su[5300]: (to backup) grid on pts/1",
    )
    found = sessions(syslog(*SSH, *lines))
    keys = [key for one in found for key in one.aliases]
    assert len(keys) == len(set(keys)) == 3
    assert chain(found)["backup"] == ["grid"]


def test_of_very_many_sessions_in_which_it_may_have_been_asked_for_the_latest_are_told() -> None:
    logins = [
        f"14:00:{at:02d} sshd[{6000 + at}]: Accepted password for eva from 192.0.2.46 port {40000 + at} ssh2"
        for at in range(30)
    ]
    *_, su = sessions(syslog(*logins, "14:10:00 su[7]: (to oracle) eva on pts/9"))
    assert {key for _, key in su.makers} == {f"ssh:192.0.2.46:{40000 + at}" for at in range(10, 30)}


def test_a_number_for_a_name_is_roots() -> None:
    line = "14:10:00 sudo[5200]: eva : TTY=pts/1 ; PWD=/ ; USER=#-1 ; COMMAND=/bin/bash"
    assert sessions(syslog(*SSH, line))[1].account.name == "root"


def test_the_second_line_of_a_long_command_is_no_command() -> None:
    first = "14:10:00 sudo: eva : TTY=pts/1 ; PWD=/ ; USER=root ; COMMAND=/usr/bin/long"
    more = "14:10:00 sudo: eva : (command continued) sh"
    assert [one.kind for one in sessions(syslog(*SSH, first, more))] == ["ssh"]


FLOODS = {
    "no process id": "14:{m:02d}:{s:02d} su: (to oracle) eva on pts/1",
    "one process id": "14:{m:02d}:{s:02d} su[7]: (to oracle) eva on pts/1",
    "all at once": "14:10:00 su[{i}]: (to oracle) eva on pts/1",
    "there and back": "14:{m:02d}:{s:02d} su[{i}]: (to {to}) {by} on pts/1",
    "never known": "14:10:00 su[{i}]: (to u{i}) u{j} on pts/1",
    "sudo": "14:10:00 sudo[{i}]: eva : TTY=pts/1 ; PWD=/ ; USER=root ; COMMAND=/bin/bash",
    "ends": "14:{m:02d}:{s:02d} su: pam_unix(su:session): session {done} for user oracle{by}",
}


@pytest.mark.parametrize("flood", FLOODS)
def test_a_flood_of_records_costs_no_more_for_each(flood: str) -> None:
    def cost(many: int) -> int:
        lines = [
            FLOODS[flood].format(
                i=i + 10,
                j=i + 9,
                m=10 + 40 * i // many,
                s=i % 60,
                to=("oracle", "eva")[i % 2],
                by=("eva", "oracle")[i % 2],
            )
            if flood != "ends"
            else FLOODS[flood].format(
                m=10 + 40 * i // many,
                s=i % 60,
                done=("opened", "closed")[2 * i // many],
                by=" by eva(uid=5)" if 2 * i < many else "",
            )
            for i in range(many)
        ]
        found, hosts = facts(syslog(*lines)), HostNames(("db1",))
        return steps(lambda: became(found, [], hosts))

    assert 0 < cost(4000) < 8 * 2 * cost(500)


SUDO_SU = (
    "14:10:00 sudo:      eva : TTY=pts/1 ; PWD=/home/eva ; USER=root ; COMMAND=/usr/bin/su -",
    "14:10:00 sudo: pam_unix(sudo:session): session opened for user root(uid=0) by eva(uid=1005)",
    "14:10:00 su: (to root) root on pts/2",
    "14:10:00 su: pam_unix(su-l:session): session opened for user root(uid=0) by eva(uid=0)",
)
LEFT_BOTH = (
    "14:21:00 su: pam_unix(su-l:session): session closed for user root",
    "14:21:00 sudo: pam_unix(sudo:session): session closed for user root",
)


def test_without_process_ids_each_end_is_its_own_changes_whoever_else_uses_sudo_meanwhile() -> None:
    lines = (
        "14:12:00 su: (to oracle) root on pts/2",
        "14:12:00 su: pam_unix(su-l:session): session opened for user oracle(uid=7) by eva(uid=0)",
        "14:13:00 sudo: pam_unix(sudo:session): session opened for user root(uid=0) by boss(uid=9)",
        "14:13:02 sudo: pam_unix(sudo:session): session closed for user root",
        "14:20:00 su: pam_unix(su-l:session): session closed for user oracle",
    )
    ssh, root, oracle = hops(syslog(*SSH, *SUDO_SU, *lines, *LEFT_BOTH))
    assert (shape(root), root.parent) == (("root", "db1", "db1", "sudo"), ssh.id)
    assert (shape(oracle), oracle.parent) == (("oracle", "db1", "db1", "su"), root.id)
    assert [hop.end and f"{hop.end:%H:%M}" for hop in (root, oracle)] == ["14:21", "14:20"]


@pytest.mark.parametrize("asked", ["(to oracle) root on pts/3", "(to oracle) boss on pts/3"])
def test_what_another_does_as_root_is_not_of_whoever_else_is_root(asked: str) -> None:
    lines = (
        f"14:12:00 su: {asked}",
        "14:12:00 su: pam_unix(su-l:session): session opened for user oracle(uid=7) by boss(uid=0)",
    )
    used = "14:11:00 su[5200]: (to oracle) eva on pts/1"
    made = hops(syslog(*SSH, *SUDO_SU, *LEFT_BOTH, used, *lines))
    assert [(hop.account, hop.protocol) for hop in made] == [
        ("eva", "ssh"),
        ("root", "sudo"),
        ("oracle", "su"),
    ]


def test_a_shell_ends_with_the_login_in_which_it_was_asked_for() -> None:
    _, su = hops(syslog(*SSH, "14:10:00 su[5200]: (to oracle) eva on pts/1"))
    assert (su.end and f"{su.end:%H:%M}", su.end_reason) == (
        "15:00",
        "the login in which it was asked for ended",
    )


def test_without_process_ids_who_asks_anew_at_a_terminal_is_done_with_what_was_asked_there_before() -> None:
    """The end of a single command is lost; the next end is not its, but that of the shell asked for since."""
    opened, closed = (
        f"pam_unix(sudo:session): session {word} for user root" for word in ("opened", "closed")
    )
    lines = (
        "14:05:00 sudo: eva : TTY=pts/1 ; PWD=/ ; USER=root ; COMMAND=/usr/bin/journalctl",
        f"14:05:00 sudo: {opened}(uid=0) by eva(uid=1005)",
        "14:09:00 sudo: eva : TTY=pts/1 ; PWD=/ ; USER=root ; COMMAND=/bin/bash",
        f"14:09:00 sudo: {opened}(uid=0) by eva(uid=1005)",
        f"14:10:00 sudo: {closed}",
        "17:00:00 sudo: bo : TTY=pts/1 ; PWD=/ ; USER=root ; COMMAND=/bin/df",
        f"17:00:00 sudo: {opened}(uid=0) by bo(uid=1006)",
        f"17:00:02 sudo: {closed}",
    )
    _, root = hops(syslog(*SSH, *lines))
    assert root.end
    assert f"{root.end:%H:%M}" == "14:10"
