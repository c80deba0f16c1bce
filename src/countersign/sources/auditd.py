"""Linux audit: what the kernel saw a process do, and what the programs that let people in told it.

For an auditor the strongest record a Linux machine keeps: `auid` is the account that logged on, whatever it became by su or
sudo, and `ses` its session, on every record until it logs off. The kernel tells one event in several records of one serial
number. The system call's own record holds the event joined: command line, directory, files, the far end of a socket, and which
records it was joined from. It is the one with a class, which visits and pages use. The other records stay as rows with their own
fields, for Sigma rules ask `type: EXECVE` for arguments that the system call has under the same names with other values
(docs/adr/0010-audit-events.md).

Read are audit.log (raw, with or without `log_format=ENRICHED` and `node=`), ausearch's output, also interpreted (`-i`), and the
lines that audisp and the kernel send to syslog.

References: https://github.com/linux-audit/audit-documentation/wiki (SPEC-Audit-Event-Enrichment, field and record
dictionaries), auditd.conf(5), ausearch(8); unistd.h of x86-64 and of the generic table.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

from countersign.model.batch import ParseContext
from countersign.sources._address import address
from countersign.sources._audit_fields import OPENING, row_of
from countersign.sources._audit_values import arguments, event_of, socket_address
from countersign.sources._clock import Clock
from countersign.sources._family import NO_FRAME, Family, Layout, Read, has, source_of
from countersign.sources._flat import Row
from countersign.sources._mapping import Step, What, enum, via
from countersign.sources._payload import Payload, decoded, first_lines
from countersign.sources._times import Order, epoch, on_paper

_UNSET = frozenset({"4294967295", "-1", "unset", "(none)", "?", "(null)", ""})
_MOST_JOINED = 64
_ALONE = frozenset({"EXECVE", "PATH"})
"""Records that say more once they are put together, also by themselves."""
_NOT_AUDIT = "a line that is no audit record"
_SEPARATORS = ("----", "time->")


def _read(records: Sequence[bytes], context: ParseContext) -> Iterator[Read]:
    """All rows of a segment."""
    rows: list[tuple[int, bytes, Row]] = []
    for index, record in enumerate(records):
        text = decoded(record).strip("\ufeff\0 \t\r")
        if not text or text.startswith(_SEPARATORS):
            continue
        row: Any = row_of(text)
        if row is None:
            yield index, record, _NOT_AUDIT, NO_FRAME
            continue
        rows.append((index, text.encode("utf-8", "surrogatepass"), row))
    order: Order = "dmy" if any(_day_first(row["audit_time"]) for _, _, row in rows) else "mdy"
    clock = Clock(context)
    for index, raw, row in rows:
        stamp = row["audit_time"]
        if stamp[:10].isdecimal():
            yield index, raw, row, NO_FRAME
            continue
        written, _, part = stamp.rpartition(".")
        time, _, basis = on_paper(written or stamp, order, clock)
        if time is not None and part.isdecimal() and written:
            time += int(part[:6].ljust(6, "0"))
        yield index, raw, row, {"time": time, "time_text": stamp, "time_basis": basis}


def _day_first(stamp: str) -> bool:
    day, _, rest = stamp.partition("/")
    return stamp[2:3] == "." or (bool(rest) and len(day) <= 2 and day.isdecimal() and int(day) > 12)


def _join_all(rows: Iterable[tuple[dict[str, Any], Mapping[str, object]]]) -> None:
    """Rows of one machine, time and serial, whatever their order."""
    events: dict[tuple[object, ...], list[dict[str, Any]]] = {}
    for row, frame in rows:
        machine = row.get("node") or frame.get("device.hostname")
        events.setdefault((machine, row["audit_time"], row["serial"]), []).append(row)
    for members in events.values():
        if 1 < len(members) <= _MOST_JOINED or members[0].get("type") in _ALONE:
            _join(sorted(members, key=_place))


def _place(row: Row) -> tuple[int, str]:
    """Where a record stands in its event: the files by their number."""
    item = row.get("item")
    return (
        int(item) if isinstance(item, str) and item.isdecimal() and len(item) < 6 else 0,
        str(row.get("type")),
    )


def _join(members: Sequence[dict[str, Any]]) -> None:
    """What other records of the event say, in the system call's; the arguments of a long command line together."""
    call = next((row for row in members if row.get("type") == "SYSCALL"), None)
    cwd = next((row["cwd"] for row in members if row.get("type") == "CWD" and row.get("cwd")), None)
    line = arguments([row for row in members if row.get("type") == "EXECVE"])
    paths, kinds = [], []
    for row in members:
        if row.get("type") == "PATH" and (path := _absolute(row, cwd)):
            row["path_name"] = path
            paths.append(path)
            kinds.append(row.get("nametype"))
    if call is None:
        return
    joined = {
        "cmdline": line
        or next((row.get("proctitle") for row in members if row.get("type") == "PROCTITLE"), None),
        "cwd": cwd,
        "paths": paths or None,
        "nametypes": kinds if any(kinds) else None,
        "records": sorted(str(row.get("type")) for row in members) if len(members) > 1 else None,
        "touched": next(
            (path for path, kind in zip(paths, kinds, strict=True) if kind in {"CREATE", "DELETE"}),
            next((path for path, kind in zip(paths, kinds, strict=True) if kind != "PARENT"), None),
        ),
        "saddr": next((row.get("saddr") for row in members if row.get("type") == "SOCKADDR"), None),
    }
    for name, value in joined.items():
        if value and name not in call:
            call[name] = value


def _absolute(row: Row, cwd: str | None) -> str | None:
    name = row.get("name")
    if not isinstance(name, str) or name in _UNSET:
        return None
    return f"{cwd.rstrip('/')}/{name.removeprefix('./')}" if cwd and not name.startswith("/") else name


@lru_cache(maxsize=4)
def _rows(head: bytes) -> Sequence[Row]:
    texts = [text for text in first_lines(head) if not text.startswith(_SEPARATORS)]
    return [row_of(text) or {} for text in texts]


@lru_cache(maxsize=4096)
def _set(value: str) -> str | None:
    return None if value in _UNSET else value


def _said(value: Any) -> str | None:  # noqa: ANN401  # foreign
    return _set(value) if isinstance(value, str) else None


def _session(value: Any) -> str | None:  # noqa: ANN401  # foreign
    """`audit:12`: the numbers are another name space than those of other logs."""
    word = _said(value)
    return f"audit:{word}" if word is not None and word.isdecimal() else None


def _pid(value: Any) -> int | None:  # noqa: ANN401  # foreign
    return (
        int(value)
        if isinstance(value, str) and value.isdecimal() and len(value) < 11 and value.isascii()
        else None
    )


def _uid(value: Any) -> tuple[str | None, str | None]:  # noqa: ANN401  # foreign
    """Number and name: one of them, as it was interpreted or not."""
    word = _said(value)
    if word is None:
        return None, None
    return (word, None) if word.isdecimal() else (None, word)


def _account(who: str, path: str, name: str) -> tuple[Step, ...]:
    return (
        Step((path,), (f"{who}.uid", f"{who}.name"), _uid),
        Step((name,), (f"{who}.name",), lambda value: (_said(value),)),
    )


def _far_end(value: Any) -> Sequence[object]:  # noqa: ANN401  # foreign
    return socket_address(value) if isinstance(value, str) else (None, None)


def _name(value: Any) -> Sequence[object]:  # noqa: ANN401  # foreign
    """A host by name: programs that know but the address write that here, too."""
    word = _said(value)
    return (None if word is None or address(word) else word,)


_STATUS = enum(
    ("res", "success", "result"), {"success": 1, "yes": 1, "1": 1, "failed": 2, "no": 2, "0": 2, "fail": 2}
)
_WHO = Step(("acct",), ("user.name",), lambda value: (_said(value),))
_IN = Step(("ses",), ("session.uid",), lambda value: (_session(value),))
_LOGON = What(
    3002,
    1,
    steps=(
        _WHO,
        Step(("id",), ("user.uid", "user.name"), _uid),
        Step(("id_name",), ("user.name",), lambda v: (_said(v),)),
        _IN,
    ),
)
_LOGOFF = What(3002, 2, steps=_LOGON.steps)
_OTHER_LOGON = What(3002, 99, steps=_LOGON.steps)
_ACTOR = (
    *_account("actor.user", "auid", "auid_name"),
    Step(("ses",), ("actor.session.uid",), lambda value: (_session(value),)),
)
_ACCOUNT = {name: What(3001, activity, steps=_LOGON.steps[:3]) for name, activity in (("ADD_USER", 1), ("DEL_USER", 6), ("USER_CHAUTHTOK", 3), ("USER_MGMT", 99), ("USER_ACCT_LOCK", 9), ("ACCT_LOCK", 9), ("ACCT_UNLOCK", 12))}  # fmt: skip
_GROUP = {name: What(3006, activity, columns={"group.name": ("grp", "acct")}, steps=_LOGON.steps[:1]) for name, activity in (("ADD_GROUP", 6), ("DEL_GROUP", 5), ("GRP_MGMT", 99))}  # fmt: skip
_CALL_STEPS = (
    *_account("user", "euid", "euid_name"),
    Step(("saddr",), ("dst_endpoint.ip", "dst_endpoint.port"), _far_end),
)
_CALL = {"process.cmd_line": "cmdline", "file.path": "paths.0"}
_EXEC = What(1007, 1, columns=_CALL, steps=_CALL_STEPS)
_FILE_CALLS = {
    1: ("creat", "mkdir", "mkdirat", "mknod", "mknodat", "link", "linkat", "symlink", "symlinkat"),
    3: ("truncate", "ftruncate"),
    4: ("unlink", "unlinkat", "rmdir"),
    5: ("rename", "renameat", "renameat2"),
    6: ("chmod", "fchmod", "fchmodat", "chown", "fchown", "fchownat", "lchown", "setxattr"),
}
"""System calls on files by what they do, as OCSF's 1001 numbers it: create, update, delete, rename, set attributes."""


def _on_file(activity: int) -> What:
    return What(1001, activity, columns={**_CALL, "file.path": ("touched", "paths.0")}, steps=_CALL_STEPS)


def _whatever_opened(kinds: Mapping[tuple[str, ...], What]) -> dict[tuple[str, ...], What]:
    return {(*key, "*")[:3]: what for key, what in kinds.items()}


FAMILY = Family(
    name="linux.auditd",
    title="Linux audit",
    page="linux",
    product="auditd",
    vendor="Linux",
    match=has("audit_time", "serial"),
    time=(epoch("audit_time", "s"),),
    log="=auditd",
    by=("type", "SYSCALL", "opened"),
    kinds=_whatever_opened(
        {
            ("SYSCALL", "execve"): _EXEC,
            ("SYSCALL", "execveat"): _EXEC,
            ("SYSCALL", "connect"): What(4001, 1, columns=_CALL, steps=_CALL_STEPS),
            **{("SYSCALL", name): _on_file(done) for done, names in _FILE_CALLS.items() for name in names},
            **{("SYSCALL", name, "to write"): _on_file(3) for name in OPENING},
            **{("SYSCALL", name, "to read"): _on_file(2) for name in OPENING},
            ("SYSCALL", "*"): What(columns=_CALL, steps=_CALL_STEPS),
            ("EXECVE", "*"): What(columns={"process.cmd_line": "cmdline"}),
            ("PROCTITLE", "*"): What(columns={"process.cmd_line": "proctitle"}),
            ("PATH", "*"): What(columns={"file.path": ("path_name", "name")}),
            ("SOCKADDR", "*"): What(steps=(_CALL_STEPS[-1],)),
            ("USER_LOGIN", "*"): _LOGON,
            ("USER_LOGOUT", "*"): _LOGOFF,
            ("USER_START", "*"): _OTHER_LOGON,
            ("USER_END", "*"): _LOGOFF,
            ("USER_AUTH", "*"): _OTHER_LOGON,
            ("USER_ERR", "*"): _OTHER_LOGON,
            ("USER_ACCT", "*"): _OTHER_LOGON,
            ("LOGIN", "*"): What(3003, 1, steps=(*_account("user", "auid", "auid_name"), _IN)),
            ("USER_CMD", "*"): What(
                1007,
                1,
                columns={"process.cmd_line": "cmd"},
                steps=(Step(("uid",), ("user.uid", "user.name"), _uid),),
            ),
            **{(name, "*"): what for name, what in (_ACCOUNT | _GROUP).items()},
            ("SERVICE_START", "*"): What(columns={"service.name": "unit"}),
            ("SERVICE_STOP", "*"): What(columns={"service.name": "unit"}),
            ("USER_TTY", "*"): What(1009, 1, columns={"process.cmd_line": "data"}),
            ("TTY", "*"): What(1009, 1, columns={"process.cmd_line": "data"}),
        }
    ),
    what=What(
        status=_STATUS,
        columns={
            "metadata.event_code": "type",
            "device.hostname": "node",
            "process.path": "exe",
            "process.pid": via(_pid, "pid"),
            "process.parent_process.pid": via(_pid, "ppid"),
            "src_endpoint.ip": ("addr", "hostname"),
            "status_code": "exit",
        },
        steps=(
            *_ACTOR,
            Step(("hostname",), ("src_endpoint.hostname",), _name),
            Step(
                ("audit_time", "serial"),
                ("metadata.correlation_uid",),
                lambda time, serial: (f"{time}:{serial}",),
            ),
            Step(("terminal",), ("session.terminal",), lambda value: (_said(value),)),
            Step(("tty",), ("session.terminal",), lambda value: (_said(value),)),
            Step(("key",), ("policy.name",), lambda value: (_said(value),)),
        ),
    ),
    join=_join_all,
)
PAYLOAD = Payload(("type=", "node=", "audit(", "audit: type=", "["), row_of)
SOURCE = replace(source_of(FAMILY, Layout("lines", _read, _rows)), together=event_of)
