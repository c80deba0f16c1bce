"""Unix hosts: su, sudo, the audit system and login records make hops, or are sshd's, and tell what is done in them."""

from __future__ import annotations

from random import Random

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unix_story import (
    AT,
    AUDITED,
    MOMENT,
    SECOND_SSH,
    SSH,
    audit,
    events,
    hops,
    machine,
    shape,
    syslog,
    told,
    visits,
    wtmp,
)


@pytest.mark.parametrize("pid", ["[5200]", ""])
def test_su_makes_a_hop_on_the_same_host_that_ends_where_pam_says_so(pid: str) -> None:
    lines = (
        f"14:10:00 su{pid}: (to oracle) eva on pts/1",
        f"14:10:00 su{pid}: pam_unix(su-l:session): session opened for user oracle(uid=1001) by eva(uid=1005)",
        f"14:20:00 su{pid}: pam_unix(su-l:session): session closed for user oracle",
    )
    ssh, su = hops(syslog(*SSH, *lines))
    assert shape(su) == ("oracle", "db1", "db1", "su")
    assert (su.parent, su.link.kind, su.credential_switch) == (ssh.id, "inferred", True)
    assert su.link.reason == "eva had one open session on db1"
    assert su.end is not None
    assert su.end.strftime("%H:%M") == "14:20"
    assert len(su.records) == 3


@pytest.mark.parametrize("pid", ["[5200]", ""])
@pytest.mark.parametrize(
    "command", ["/bin/bash", "/usr/bin/su -", "/bin/su - root -s /bin/sh", "/bin/zsh -l"]
)
def test_sudo_that_opens_a_shell_makes_a_hop(pid: str, command: str) -> None:
    lines = (
        f"14:10:00 sudo{pid}:      eva : TTY=pts/1 ; PWD=/home/eva ; USER=root ; COMMAND={command}",
        f"14:10:00 sudo{pid}: pam_unix(sudo:session): session opened for user root(uid=0) by eva(uid=1005)",
    )
    ssh, sudo = hops(syslog(*SSH, *lines))
    assert shape(sudo) == ("root", "db1", "db1", "sudo")
    assert (sudo.parent, sudo.link.kind, sudo.credential_switch) == (ssh.id, "inferred", True)
    assert told(ssh) == [f"{command} (sudo as root)"]


@pytest.mark.parametrize("pid", ["[5200]", ""])
def test_a_single_command_by_sudo_is_an_action_with_its_account(pid: str) -> None:
    asked = (
        f"14:10:00 sudo{pid}:      eva : TTY=pts/1 ; PWD=/home/eva ; USER=oracle ; COMMAND=/bin/bash -c id"
    )
    refused = (
        "14:11:00 sudo:      eva : command not allowed ; TTY=pts/1 ; PWD=/ ; USER=root ; COMMAND=/bin/su"
    )
    opened = (
        f"14:10:00 sudo{pid}: pam_unix(sudo:session): session opened for user oracle(uid=1) by eva(uid=0)"
    )
    closed = f"14:10:01 sudo{pid}: pam_unix(sudo:session): session closed for user oracle"
    (ssh,) = hops(syslog(*SSH, asked, opened, closed, refused))
    assert told(ssh) == ["/bin/bash -c id (sudo as oracle)", "/bin/su (sudo as root, refused)"]


def test_a_change_to_an_own_account_is_no_switch() -> None:
    line = "14:10:00 su[5200]: pam_unix(su:session): session opened for user eva2(uid=9) by eva(uid=1005)"
    _, su = hops(syslog(*SSH, line))
    assert (su.account, su.credential_switch) == ("eva2", False)


def test_of_several_sessions_the_one_at_that_terminal_is_proven_else_it_is_ambiguous() -> None:
    su = "14:10:00 su[5200]: (to oracle) eva on pts/1"
    both = syslog(*SSH, SECOND_SSH, su)
    made = [hop for hop in hops(both) if hop.protocol == "su"]
    assert [(hop.link.kind, len(hop.link.candidates)) for hop in made] == [("ambiguous", 2)]
    logins = events("linux.wtmp", [wtmp(7, -99, "eva")], "db1")
    first, change, _ = hops(both, logins)
    assert (change.parent, change.link.kind) == (first.id, "proven")
    assert "terminal pts/1" in change.link.reason


def test_who_goes_on_from_a_root_shell_comes_from_there_and_is_followed_to_other_hosts() -> None:
    up = "14:10:00 sudo[51]: eva : TTY=pts/1 ; PWD=/ ; USER=root ; COMMAND=/bin/bash"
    on = "14:11:00 su[52]: pam_unix(su-l:session): session opened for user oracle(uid=7) by eva(uid=0)"
    deed = "14:12:00 sudo: oracle : TTY=pts/1 ; PWD=/ ; USER=grid ; COMMAND=/usr/bin/asmcmd"
    there = [
        "14:13:00 sshd[77]: Accepted publickey for oracle from 10.0.0.5 port 40000 ssh2",
        "14:14:00 sshd[78]: Accepted publickey for root from 10.0.0.5 port 40001 ssh2",
    ]
    found = hops(syslog(*SSH, up, on, deed), syslog(*there, host="app2"), machine("db1", "10.0.0.5"))
    by = {(hop.account, hop.target): hop for hop in found}
    ssh, root, oracle = by["eva", "db1"], by["root", "db1"], by["oracle", "db1"]
    assert (root.parent, oracle.parent) == (ssh.id, root.id)
    assert by["oracle", "app2"].parent == oracle.id
    assert by["root", "app2"].parent == root.id
    assert told(oracle) == ["/usr/bin/asmcmd (sudo as grid)"]


def test_a_login_that_is_not_in_the_logs_is_implied() -> None:
    lines = ["14:10:00 su[5200]: (to oracle) eva on pts/1", "14:30:00 su[5300]: (to grid) eva on pts/1"]
    (visit,) = visits(syslog(*lines))
    login, *changes = visit.hops
    assert (login.account, login.start, login.link.kind) == ("eva", None, "entry")
    assert [(hop.account, hop.parent, hop.link.kind) for hop in changes] == [
        ("oracle", login.id, "inferred"),
        ("grid", login.id, "inferred"),
    ]


def test_what_an_administrator_does_as_a_providers_account_is_no_visit() -> None:
    assert not visits(syslog("14:10:00 su[5200]: (to eva) boss on pts/1"))


@pytest.mark.parametrize("with_sshd", [False, True])
def test_an_audit_session_is_sshds_hop_or_one_alone_and_holds_what_was_done(
    with_sshd: bool,
) -> None:
    ssh, su = hops(audit(*AUDITED), *([syslog(*SSH)] if with_sshd else []))
    assert shape(ssh) == ("eva", "192.0.2.45", "db1", "ssh")
    assert ssh.end is not None
    assert (ssh.end - AT).total_seconds() == 3600
    assert told(ssh) == ["id -u", "/usr/bin/passwd"]
    assert shape(su) == ("root", "db1", "db1", "su")
    assert (su.parent, su.link.kind, su.link.reason) == (
        ssh.id,
        "proven",
        "su ran in audit session 41 on db1",
    )
    assert told(su) == [
        "cat /etc/shadow",
        "account made: backup2 (ADD_USER)",
        "file written: /root/.ssh/authorized_keys",
    ]


def test_audit_files_that_name_no_host_are_their_origins() -> None:
    ssh, su = hops(audit(*AUDITED, node="", origin="db1"))
    assert (ssh.target, su.target, len(su.actions)) == ("db1", "db1", 3)


def test_one_change_of_which_two_logs_tell_is_one_hop() -> None:
    lines = (
        "14:10:00 su: (to root) eva on pts/1",
        "14:10:00 su: pam_unix(su:session): session opened for user root(uid=0) by eva(uid=1005)",
    )
    found = hops(audit(*AUDITED), syslog(*SSH, *lines))
    assert [hop.protocol for hop in found] == ["ssh", "su"]
    assert len(found[1].records) == 4


def test_sudo_su_is_one_hop_though_su_tells_of_it_too() -> None:
    command = '14:10:00 30 USER_CMD pid=5100 uid=1005 auid=1005 ses=41 msg=\'cwd="/" cmd=7375202D206F7261636C65 exe="/usr/bin/sudo" terminal=pts/1 res=success\''
    su = "14:10:01 su[5101]: pam_unix(su-l:session): session opened for user oracle(uid=7) by eva(uid=0)"
    found = hops(audit(*AUDITED[:3], command), syslog(*SSH, su))
    assert [shape(hop)[::3] for hop in found] == [("eva", "ssh"), ("oracle", "sudo")]
    assert told(found[0]) == ["su - oracle (sudo)"]


def test_sessions_of_nobody_and_of_cron_are_no_hops() -> None:
    cron = 'USER_START pid=9 uid=0 auid=1005 ses=50 msg=\'op=PAM:session_open acct="eva" exe="/usr/sbin/crond" hostname=? addr=? terminal=cron res=success\''
    unset = 'USER_START pid=8 uid=0 auid=4294967295 ses=4294967295 msg=\'op=PAM:session_open acct="eva" exe="/usr/sbin/sshd" hostname=192.0.2.45 addr=192.0.2.45 terminal=ssh res=success\''
    assert not visits(audit(f"14:00:00 1 {cron}", f"14:00:00 2 {unset}"))


def test_a_session_that_is_only_seen_at_work_began_before_the_logs_do() -> None:
    call = 'SYSCALL arch=c000003e syscall=59 success=yes pid=4211 auid=1005 uid=1005 euid=1005 tty=pts1 ses=41 exe="/usr/bin/id"\x1dARCH=x86_64 SYSCALL=execve AUID="eva" UID="eva" EUID="eva"'
    (hop,) = hops(audit(f"14:00:00 1 {call}"))
    assert (hop.account, hop.target, hop.start, told(hop)) == ("eva", "db1", None, ["/usr/bin/id"])
    (ssh,) = hops(audit(f"14:00:00 1 {call}"), syslog(*SSH))
    assert (ssh.protocol, told(ssh)) == ("ssh", ["/usr/bin/id"])


def test_wtmp_makes_hops_or_is_sshds() -> None:
    records = events("linux.wtmp", [wtmp(7, -99, "eva"), wtmp(8, 3000, "")], "db1")
    (alone,) = hops(records)
    assert shape(alone) == ("eva", "192.0.2.45", "db1", "ssh")
    assert alone.end is not None
    assert (alone.end - AT).total_seconds() == 3000
    (both,) = hops(records, syslog(*SSH))
    assert (both.session, len(both.records)) == ("ssh:192.0.2.45:50123", 5)
    screen = events("linux.wtmp", [wtmp(7, -99, "eva", line="tty1", address="")], "db1")
    assert [shape(hop) for hop in hops(screen)] == [("eva", "", "db1", "console")]
    assert not hops(events("linux.wtmp", [wtmp(7, -99, "eva", address="")], "db1"))


def test_the_journals_number_of_the_audit_session_proves_where_su_was_asked_for() -> None:
    def entry(at: str, program: str, pid: int, message: str) -> bytes:
        hours, minutes = map(int, at.split(":"))
        stamp = (MOMENT + (hours - 14) * 3600 + minutes * 60) * 1_000_000
        return (
            f'{{"__REALTIME_TIMESTAMP":"{stamp}","_HOSTNAME":"db1","SYSLOG_IDENTIFIER":"{program}","_PID":"{pid}",'
            f'"_AUDIT_SESSION":"{41 if pid != 4200 else 42}","MESSAGE":"{message}"}}'
        ).encode()

    found = events(
        "journald",
        [
            entry(
                "13:58",
                "sshd",
                4100,
                "pam_unix(sshd:session): session opened for user eva(uid=1005) by (uid=0)",
            ),
            entry(
                "13:59",
                "sshd",
                4200,
                "pam_unix(sshd:session): session opened for user eva(uid=1005) by (uid=0)",
            ),
            entry("14:10", "su", 5200, "(to oracle) eva on pts/1"),
        ],
    )
    first, su, _ = hops(found)
    assert (su.parent, su.link.kind) == (first.id, "proven")


@settings(max_examples=4, deadline=None)
@given(st.randoms(use_true_random=False))
def test_order_does_not_matter(rng: Random) -> None:
    table = pa.concat_tables(
        [audit(*AUDITED), syslog(*SSH, SECOND_SSH, "14:10:00 su: (to root) eva on pts/1")]
    )
    order = list(range(table.num_rows))
    rng.shuffle(order)
    assert visits(table.take(order)) == visits(table)
