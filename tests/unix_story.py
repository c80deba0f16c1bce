"""Records of Unix hosts, as they write them, for tests of stitching: syslog, the audit system's, wtmp."""

from __future__ import annotations

import struct
from datetime import UTC, datetime

import ibis
import pyarrow as pa
import pyarrow.compute as pc

from countersign.model.batch import ParseContext
from countersign.model.visit import Hop, Visit
from countersign.sources import source
from countersign.visits import stitch
from countersign.visits.becoming import became
from countersign.visits.facts import LEAVES, Fact, made
from countersign.visits.keyed import keyed_sessions
from countersign.visits.names import Domains, HostNames
from countersign.visits.sessions import Session
from countersign.visits.unix import told_by_others
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


def facts(*tables: pa.Table) -> list[Fact]:
    """Events as facts, without asking an engine for them."""
    table = pa.concat_tables(tables)
    columns = {name: table.column(name) for name in ("id", "segment", "record", "origin")}
    columns["at"] = table.column("time").cast(pa.int64())
    for name in set(LEAVES) - {*columns, "time", "source", "day"}:
        head, *rest = name.split(".")
        columns[name] = pc.struct_field(table.column(head), rest) if rest else table.column(head)
    return sorted(made(pa.table(columns), Domains()), key=lambda fact: fact.order)


def sessions(*tables: pa.Table) -> list[Session]:
    """Logins, and what su and sudo opened, in order of time."""
    found, hosts = facts(*tables), HostNames(("db1",))
    logins = told_by_others(keyed_sessions(found, hosts), found, hosts)
    return sorted([*logins, *became(found, logins, hosts)], key=lambda one: (one.begun, one.step, one.key))


def visits(*tables: pa.Table, claims: Claims = EVA) -> tuple[Visit, ...]:
    held = ibis.duckdb.connect().create_table("events", pa.concat_tables(tables))
    return stitch(held, claims, lambda _: 7)


def hops(*tables: pa.Table, claims: Claims = EVA) -> list[Hop]:
    return [hop for visit in visits(*tables, claims=claims) for hop in visit.hops]


def told(hop: Hop) -> list[str]:
    return [action.text for action in hop.actions]


def shape(hop: Hop) -> tuple[str, str, str, str]:
    return hop.account, hop.source, hop.target, hop.protocol


def machine(host: str, address: str) -> pa.Table:
    """`host` logs on at a controller, from `address`."""
    story = Story()
    story.logon(0, "DC01", f"{host}$", "0x77", ip=address)
    table = story.arrow()
    return table.set_column(
        table.column_names.index("time"), table.field("time"), pa.array([AT], table.schema.field("time").type)
    )


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
