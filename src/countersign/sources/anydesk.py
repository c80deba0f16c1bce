"""AnyDesk on the machine that was helped: who came in with which consent, from which address, and which files were moved.

For an auditor `connection_trace.txt` is the list of visits: AnyDesk number and alias, and whether somebody at the screen allowed it (`User`),
a password (`Passwd`) or a token kept from an earlier visit (`Token`) did, or it was refused (`REJECTED`); to the minute, without an end,
an address or a second factor. `ad_svc.trace` and `ad.trace` add the second, the peer's address, its version, files and the end.
Anybody who is administrator there can edit them.

Read are `connection_trace.txt` (UTF-16 or UTF-8) and the traces of service and user. Their times are in UTC.

References: http://support.anydesk.com/knowledgebase/articles/467186-connection-log (the fields and methods),
https://alexandruhera.com/posts/anydesk-trace-file-forensics (the traces), https://support.anydesk.com/docs/log-files.
"""

from __future__ import annotations

import re

from countersign.sources._family import Family, has
from countersign.sources._flat import Row
from countersign.sources._mapping import From, What, endpoint, enum
from countersign.sources._times import written
from countersign.sources._traces import trace_source

_LOGIN, _NETWORK, _FILE = 3002, 4001, 1001
_WAYS = ("Incoming", "Outgoing")
_LEVELS = frozenset({"info", "warning", "error", "debug", "trace", "fatal"})
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_TIME = re.compile(r"\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?")
_LONGEST = 8192
_ADDRESS = re.compile(r"(?P<address>[0-9A-Fa-f.:\[\]]{3,64})")
_NUMBER = re.compile(r"(?P<id>\d{3,12})(?: \(FPR: (?P<fingerprint>[0-9a-f]{4,64})\))?")
_QUOTED = re.compile(r"'(?P<path>[^']{1,4096})'")
_NOTHING = re.compile(r"(?!)")
_PROVEN = re.compile(r"\d{0,9}(?:: )?Authenticated (?:by|with) (?P<method>[^.]{1,64})")
_PEER = (
    ("Logged in from ", "peer", _ADDRESS),
    ("Client-ID: ", "client", _NUMBER),
    ("Accept request from ", "client", _NUMBER),
    ("Accepting from ", "client", _NUMBER),
)
_MESSAGES: dict[str, tuple[tuple[str, str, re.Pattern[str]], ...]] = {
    "anynet.any_socket": _PEER,
    "anynet.relay_conn": _PEER[:1],
    "app.session": (("", "authenticated", _PROVEN),),
    "app.backend_session": (
        ("Incoming session request: ", "request", re.compile(r"(?P<name>.{0,256}?) ?\((?P<id>\d{3,12})\)$")),
        ("Remote OS: ", "remote", re.compile(r"(?P<remote_os>[^,]{1,64})")),
        ("Remote version: ", "remote", re.compile(r"(?P<remote_version>[^,]{1,64})")),
        ("Session closed", "closed", _NOTHING),
        ("Session stopped", "closed", _NOTHING),
        ("Session ended", "closed", _NOTHING),
        ("The socket was closed", "closed", _NOTHING),
        ("The user has requested a connection quit", "closed", _NOTHING),
    ),
    "app.prepare_task": (("Preparing files in ", "sent", _QUOTED),),
    "app.local_file_transfer": (
        ("Preparation of ", "sent", _NOTHING),
        ("Download started", "received", re.compile(r" ?\(?'?(?P<path>[^)']{1,4096})")),
        ("Download ", "received", _NOTHING),
    ),
    "app.deleter": (("Deleting ", "deleted", _QUOTED),),
}
"""By module: how a message begins, what it tells, and what is read behind that (where nothing is, it tells by itself)."""


def _visit(text: str) -> Row | None:
    """A line of connection_trace.txt; the alias is the number again where the peer has none."""
    words = text.split()
    if len(words) < 5 or words[0] not in _WAYS or _TIME.fullmatch(words[2]) is None:
        return None
    date = words[1].rstrip(",")
    if _DATE.fullmatch(date) is None:
        return None
    alias = " ".join(words[4:-1]) or words[4]
    return {
        "direction": words[0],
        "date": date,
        "time": words[2],
        "method": words[3],
        "alias": alias,
        "id": words[-1],
    }


def _entry(text: str) -> Row | None:
    """A line of a trace: level, date, time, process and its numbers, module, message."""
    head, dash, message = text.partition(" - ")
    words = head.split()
    if (
        not dash
        or len(words) < 6
        or words[0] not in _LEVELS
        or _DATE.fullmatch(words[1]) is None
        or _TIME.fullmatch(words[2]) is None
    ):
        return None
    row: dict[str, object] = {
        "level": words[0],
        "date": words[1],
        "time": words[2],
        "process": words[3],
        "pid": words[4],
        "module": words[-1],
    }
    if len(words) > 6:
        row["thread"] = words[5]
    row["message"] = message
    _told(row, words[-1], message)
    return row


def _told(row: dict[str, object], module: str, message: str) -> None:
    """What the messages say that tell of visits."""
    for start, action, pattern in _MESSAGES.get(module, ()) if len(message) <= _LONGEST else ():
        if not message.startswith(start):
            continue
        match = pattern.search(message, len(start))
        if match is None and pattern is not _NOTHING:
            continue
        row["action"] = action
        found = match.groupdict() if match else {}
        row.update({name: value for name, value in found.items() if value})
        break
    if row.get("process") == "back":  # each visit has a process of its own
        row["session"] = f"anydesk:{row['pid']}"


def _no_prose(_: str) -> bool:
    return False


def _ruler(text: str) -> bool:
    """Lines between entries: rulers, and what a message of several lines goes on with."""
    return text.partition(" ")[0] not in _LEVELS and _visit(text) is None


_TIME_OF = (written("date", "time", order="ymd", zone="UTC"),)
_IN = What(
    _LOGIN,
    1,
    status=enum("method", {"REJECTED": 2}, 1),
    columns={
        "auth_protocol": "method",
        "user.name": "alias",
        "user.uid": "id",
        "src_endpoint.uid": "id",
        "src_endpoint.name": "alias",
    },
)
_OUT = What(
    _NETWORK,
    1,
    status=enum("method", {"REJECTED": 2}, 1),
    columns={"auth_protocol": "method", "dst_endpoint.uid": "id", "dst_endpoint.name": "alias"},
)
VISITS = Family(
    name="anydesk.connections",
    title="AnyDesk connection_trace.txt",
    page="remote_support",
    product="AnyDesk",
    vendor="AnyDesk",
    match=has("direction", "method", "alias", "id"),
    time=_TIME_OF,
    log="=connection_trace",
    by=("direction",),
    kinds={"Incoming": _IN, "Outgoing": _OUT},
    what=What(constants={"connection_info.protocol_name": "anydesk"}),
)
_VISITOR: dict[str, From] = {
    "user.name": "name",
    "user.uid": "id",
    "src_endpoint.uid": "id",
    "src_endpoint.name": "name",
}


def _moved(activity: int) -> What:
    return What(_FILE, activity, columns={"file.path": "path", "actor.session.uid": "session"})


TRACE = Family(
    name="anydesk.trace",
    title="AnyDesk ad_svc.trace and ad.trace",
    page="remote_support",
    product="AnyDesk",
    vendor="AnyDesk",
    match=has("level", "process", "module", "message"),
    time=_TIME_OF,
    log="=trace",
    by=("action",),
    kinds={
        "request": What(_LOGIN, 99, None, _VISITOR),
        "authenticated": What(_LOGIN, 1, 1, {"auth_protocol": "method"}),
        "closed": What(_LOGIN, 2, 1),
        "peer": What(_NETWORK, 1, 1, steps=(endpoint("src_endpoint", "address"),)),
        "client": What(
            _NETWORK, 1, None, {"src_endpoint.uid": "id", "certificate.fingerprint": "fingerprint"}
        ),
        "remote": What(
            _LOGIN,
            99,
            None,
            {"src_endpoint.os.name": "remote_os", "src_endpoint.agent.version": "remote_version"},
            constants={"src_endpoint.agent.name": "AnyDesk"},
        ),
        "sent": _moved(2),
        "received": _moved(1),
        "deleted": _moved(4),
    },
    what=What(
        columns={
            "message": "message",
            "process.pid": "pid",
            "session.uid": "session",
            "severity_id": enum(
                "level", {"info": 1, "debug": 1, "trace": 1, "warning": 3, "error": 4, "fatal": 6}
            ),
        }
    ),
)
SOURCES = (trace_source(VISITS, _visit, _no_prose), trace_source(TRACE, _entry, _ruler))
