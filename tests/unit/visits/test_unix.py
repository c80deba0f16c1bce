"""Unix hosts: su, sudo, the audit system and login records make hops, or are sshd's, and tell what is done in them."""

from __future__ import annotations

import struct
from datetime import UTC, datetime
from random import Random

import ibis
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from countersign.model.batch import ParseContext
from countersign.model.visit import Hop, Visit
from countersign.sources import source
from countersign.visits import stitch
from countersign.visits.becoming import is_shell, wanted
from story import Claims, Story, whole

EVA = Claims({"eva": "Eva Meyer", "eva2": "Eva Meyer"})
AT = datetime(2026, 11, 20, 14, 0, tzinfo=UTC)
MOMENT = int(AT.timestamp())
ACCEPTED = "13:58:20 sshd[4100]: Accepted password for eva from 192.0.2.45 port 50123 ssh2"
OPENED = "13:58:20 sshd[4100]: pam_unix(sshd:session): session opened for user eva(uid=1005) by (uid=0)"
LEFT = "15:00:00 sshd[4100]: pam_unix(sshd:session): session closed for user eva"
SSH = (ACCEPTED, OPENED, LEFT)
SECOND_SSH = "13:59:00 sshd[4200]: Accepted password for eva from 192.0.2.46 port 50777 ssh2"


def events(family: str, records: list[bytes], origin: str = "") -> pa.Table:
    where = ParseContext("ab" * 32, AT, AT, "UTC", origin)
    parsed = source(family).parse(records, where)
    assert parsed.rejected.num_rows == 0
    return whole(parsed.events)


def syslog(*lines: str, host: str = "db1") -> pa.Table:
    return events("syslog", [f"Nov 20 {line[:8]} {host}{line[8:]}".encode() for line in lines])


def audit(*records: str, node: str = "node=db1 ", origin: str = "") -> pa.Table:
    """Records as `HH:MM:SS serial TYPE fields`."""
    out = []
    for record in records:
        clock, serial, kind, rest = record.split(" ", 3)
        hours, minutes, seconds = map(int, clock.split(":"))
        at = MOMENT + (hours - 14) * 3600 + minutes * 60 + seconds
        out.append(f"{node}type={kind} msg=audit({at}.000:{serial}): {rest}".encode())
    return events("linux.auditd", out, origin)


def wtmp(kind: int, at: int, user: str, *, line: str = "pts/1", address: str = "192.0.2.45") -> bytes:
    packed = bytes(map(int, address.split("."))) if address else b""
    return struct.pack(
        "<h2xi32s4s32s256shhiii16s20x",
        *(kind, 4106, line.encode(), b"ts/1", user.encode(), address.encode(), 0, 0, 0, MOMENT + at, 0),
        packed.ljust(16, b"\0"),
    )


def visits(*tables: pa.Table, claims: Claims = EVA) -> tuple[Visit, ...]:
    held = ibis.duckdb.connect().create_table("events", pa.concat_tables(tables))
    return stitch(held, claims, lambda _: 7)


def hops(*tables: pa.Table, claims: Claims = EVA) -> list[Hop]:
    return [hop for visit in visits(*tables, claims=claims) for hop in visit.hops]


def told(hop: Hop) -> list[str]:
    return [action.text for action in hop.actions]


def shape(hop: Hop) -> tuple[str, str, str, str]:
    return hop.account, hop.source, hop.target, hop.protocol


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


def machine(host: str, address: str) -> pa.Table:
    """`host` logs on at a controller, from `address`."""
    story = Story()
    story.logon(0, "DC01", f"{host}$", "0x77", ip=address)
    table = story.arrow()
    return table.set_column(
        table.column_names.index("time"), table.field("time"), pa.array([AT], table.schema.field("time").type)
    )


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


AUDITED = (
    "13:58:20 1 LOGIN pid=4100 uid=0 old-auid=4294967295 auid=1005 tty=(none) old-ses=4294967295 ses=41 res=1",
    "13:58:20 2 USER_START pid=4100 uid=0 auid=1005 ses=41 msg='op=PAM:session_open acct=\"eva\" exe=\"/usr/sbin/sshd\" hostname=192.0.2.45 addr=192.0.2.45 terminal=ssh res=success'",
    "13:58:21 3 USER_LOGIN pid=4100 uid=0 auid=1005 ses=41 msg='op=login id=1005 exe=\"/usr/sbin/sshd\" hostname=192.0.2.45 addr=192.0.2.45 terminal=/dev/pts/1 res=success'",
    '13:59:00 4 SYSCALL arch=c000003e syscall=59 success=yes exit=0 ppid=1 pid=4211 auid=1005 uid=1005 euid=1005 tty=pts1 ses=41 comm="id" exe="/usr/bin/id"',
    '13:59:00 4 EXECVE argc=2 a0="id" a1="-u"',
    "14:10:00 5 USER_START pid=5200 uid=1005 auid=1005 ses=41 msg='op=PAM:session_open acct=\"root\" exe=\"/usr/bin/su\" hostname=? addr=? terminal=pts/1 res=success'",
    '14:11:00 6 SYSCALL arch=c000003e syscall=59 success=yes exit=0 ppid=1 pid=5211 auid=1005 uid=0 euid=0 tty=pts1 ses=41 comm="cat" exe="/usr/bin/cat"',
    '14:11:00 6 EXECVE argc=2 a0="cat" a1="/etc/shadow"',
    "14:12:00 7 ADD_USER pid=5300 uid=0 auid=1005 ses=41 msg='op=adding user acct=\"backup2\" exe=\"/usr/sbin/useradd\" hostname=? addr=? terminal=pts/1 res=success'",
    '14:13:00 8 SYSCALL arch=c000003e syscall=257 success=yes exit=3 a0=ffffff9c a1=7f a2=241 a3=1b6 items=2 ppid=1 pid=5311 auid=1005 uid=0 euid=0 tty=pts1 ses=41 comm="tee" exe="/usr/bin/tee" key="keys"',
    '14:13:00 8 PATH item=0 name="/root/.ssh/" nametype=PARENT',
    '14:13:00 8 PATH item=1 name="/root/.ssh/authorized_keys" nametype=NORMAL',
    "14:20:00 9 USER_END pid=5200 uid=1005 auid=1005 ses=41 msg='op=PAM:session_close acct=\"root\" exe=\"/usr/bin/su\" hostname=? addr=? terminal=pts/1 res=success'",
    '14:21:00 10 SYSCALL arch=c000003e syscall=59 success=yes exit=0 ppid=1 pid=4300 auid=1005 uid=1005 euid=0 tty=pts1 ses=41 comm="passwd" exe="/usr/bin/passwd"',
    "15:00:00 11 USER_END pid=4100 uid=0 auid=1005 ses=41 msg='op=PAM:session_close acct=\"eva\" exe=\"/usr/sbin/sshd\" hostname=192.0.2.45 addr=192.0.2.45 terminal=ssh res=success'",
)  # fmt: skip


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


@pytest.mark.parametrize(
    ("command", "account"),
    [
        ("/usr/bin/su - oracle", "oracle"),
        ("su", "root"),
        ("su -s /bin/bash -l oracle", "oracle"),
        ("su - oracle -c id", ""),
        ("/usr/bin/id", ""),
        ("", ""),
    ],
)
def test_whom_su_is_asked_for(command: str, account: str) -> None:
    assert wanted(command) == account
    assert is_shell(command) == bool(account)
