"""TeamViewer on the machine that was helped: who came in, from when to when, in which mode, with which password, and which files moved.

For an auditor `Connections_incoming.txt` is the list of visits: TeamViewer number and display name of the one who came, start, end,
the local account at the screen, the mode and the connection's id. The name is what the visitor chose, the number is the
device's. The log file adds the way the password was proven, the peer's address and files; it holds a megabyte and one older.
Neither says anything of a second factor.

Read are `Connections_incoming.txt` (UTC), `Connections.txt` (outgoing) and `TeamViewerXX_Logfile.log` (local time: the workspace's zone).

References: https://community.teamviewer.com/English/kb/articles/4694 (log file reading: incoming connection),
https://community.teamviewer.com/English/kb/articles/109061 (log incoming connections).
"""

from __future__ import annotations

import re
from datetime import datetime

from countersign.sources._family import Family, has
from countersign.sources._flat import Row
from countersign.sources._mapping import Step, What, account, endpoint, enum
from countersign.sources._times import written
from countersign.sources._traces import trace_source

_LOGIN, _NETWORK, _FILE = 3002, 4001, 1001
_WHEN = re.compile(r"\d\d-\d\d-\d{4} \d\d:\d\d:\d\d")
_MODES = re.compile(r"[A-Z][A-Za-z]{2,31}")
_ENTRY = re.compile(
    r"(?P<date>\d{4}/\d\d/\d\d) (?P<time>\d\d:\d\d:\d\d\.\d{3})\s{1,8}(?P<pid>\d{1,10})\s{1,12}(?P<tid>\d{1,10})\s{1,4}"
    r"(?P<module>[A-Z0-9]{1,4})(?P<level>[!+]{0,3})\s{1,8}(?P<message>.*)",
    re.DOTALL,
)
_INCOMING = re.compile(
    r"SessionManagerDesktop::IncomingConnection: Connection incoming, sessionID = (?P<session>-?\d{1,12})"
)
_JOINED = re.compile(
    r"CParticipantManagerBase participant (?P<name>.{1,256}) \(ID \[(?P<id>\d{3,12}),(?P<session>-?\d{1,12})\]\)"
    r" was added with the role (?P<role>\d{1,2})"
)
_PERSISTED = re.compile(
    r"CPersistentParticipantManager::AddParticipant: \[(?P<id>\d{3,12}),(?P<session>-?\d{1,12})\] type=(?P<role>\d{1,2}) name=(?P<name>.{1,256})"
)
_PROVEN = re.compile(
    r"authentication using (?P<method>[\w -]{1,40}?) (?:was|is) (?P<result>successful|denied|rejected|\w{1,20})",
    re.IGNORECASE,
)
_LEFT = re.compile(
    r"(?:Net: )?RoutingSessions: We left session, SLID=\d{1,9}, SessionUUID=(?P<uuid>\{[0-9A-Fa-f-]{36}\})"
)
_ENDED = re.compile(r"(?:.{0,64}: )?Session to (?P<id>\d{3,12}) ended")
_PUNCHED = re.compile(r"UDPv[46]: punch received a=(?P<address>[0-9A-Fa-f.:\[\]]{3,64}?):?(?=\(|\s|$)")
_MOVED = re.compile(
    r"(?P<what>Write file|Send file|Download from|Upload from) (?P<path>.{1,4096})", re.DOTALL
)
_HEADER = re.compile(r"[A-Z][\w. /-]{1,40}(?::| {2,}).*|[-=*]{3,}.*", re.DOTALL)
_NAMED = 2
"""The cell in which the start stands where a name is before it."""
_VISITOR, _LONGEST = "6", 8192


def _visit(text: str) -> Row | None:
    """A line of Connections_incoming.txt (seven cells) or Connections.txt (six, without the name)."""
    cells = [cell.strip() for cell in text.split("\t", 8)]
    place = next((at for at, cell in enumerate(cells[:3]) if _WHEN.fullmatch(cell)), 0)
    if (
        not place
        or len(cells) < place + 4
        or not cells[0].isdecimal()
        or not _MODES.fullmatch(cells[place + 3])
    ):
        return None
    row: dict[str, object] = {"direction": "incoming" if place == _NAMED else "outgoing", "id": cells[0]}
    if place == _NAMED:
        row["name"] = cells[1]
    row.update(
        zip(("start", "end", "local_user", "mode", "connection"), cells[place : place + 5], strict=False)
    )
    return row


def _entry(text: str) -> Row | None:
    match = _ENTRY.fullmatch(text)
    if match is None:
        return None
    row: dict[str, object] = match.groupdict()
    message = match["message"]
    if len(message) > _LONGEST:
        return row
    for action, start, pattern in _TOLD:
        if start in message and (found := pattern.search(message)):
            row["action"] = action
            row.update(found.groupdict())
            break
    if row.get("action") == "joined" and row.get("role") != _VISITOR:
        row["action"] = "present"
    if "session" in row:
        row["session"] = f"teamviewer:{row['session']}"
    return row


_TOLD = (
    ("incoming", "IncomingConnection", _INCOMING),
    ("joined", "was added with the role", _JOINED),
    ("joined", "AddParticipant", _PERSISTED),
    ("proven", "uthentication using", _PROVEN),
    ("left", "We left session", _LEFT),
    ("ended", "Session to", _ENDED),
    ("punched", "punch received", _PUNCHED),
    ("moved", "file", _MOVED),
    ("moved", "load from", _MOVED),
)


def _duration(start: object, end: object) -> tuple[int | None]:
    form = "%d-%m-%Y %H:%M:%S"
    seconds = (datetime.strptime(str(end), form) - datetime.strptime(str(start), form)).total_seconds()  # noqa: DTZ007  # both UTC
    return (int(seconds) * 1000 if seconds >= 0 else None,)


def _no_prose(_: str) -> bool:
    return False


def _prose(text: str) -> bool:
    """The header that each start of the service writes, and what a message of several lines goes on with."""
    return _HEADER.match(text) is not None


_LASTED = Step(("start", "end"), ("duration",), _duration)
_IN = What(
    _LOGIN,
    1,
    1,
    columns={
        "user.name": "name",
        "user.uid": "id",
        "src_endpoint.uid": "id",
        "src_endpoint.name": "name",
        "session.uid": "connection",
        "auth_protocol": "mode",
    },
    steps=(_LASTED,),
)
_OUT = What(
    _NETWORK,
    1,
    1,
    columns={"dst_endpoint.uid": "id", "session.uid": "connection"},
    steps=(account("actor.user", "local_user"), _LASTED),
)
VISITS = Family(
    name="teamviewer.connections",
    title="TeamViewer Connections_incoming.txt and Connections.txt",
    page="remote_support",
    product="TeamViewer",
    vendor="TeamViewer",
    match=has("direction", "id", "start", "local_user", "mode"),
    time=(written("start", order="dmy", zone="UTC"),),
    log="=connections",
    by=("direction",),
    kinds={"incoming": _IN, "outgoing": _OUT},
    what=What(constants={"connection_info.protocol_name": "teamviewer"}),
)
LOG = Family(
    name="teamviewer.log",
    title="TeamViewer log file",
    page="remote_support",
    product="TeamViewer",
    vendor="TeamViewer",
    match=has("date", "tid", "module", "message"),
    time=(written("date", "time", order="ymd"),),
    log="=logfile",
    by=("action",),
    kinds={
        "incoming": What(_LOGIN, 99),
        "joined": What(
            _LOGIN,
            1,
            1,
            {"user.name": "name", "user.uid": "id", "src_endpoint.uid": "id", "src_endpoint.name": "name"},
        ),
        "present": What(columns={"device.hostname": "name", "device.uid": "id"}),
        "proven": What(
            _LOGIN,
            99,
            enum("result", {"successful": 1}, 2),
            {"auth_protocol": "method", "status_detail": "result"},
        ),
        "left": What(_LOGIN, 2, 1, {"session.uuid": "uuid"}),
        "ended": What(_LOGIN, 2, 1, {"src_endpoint.uid": "id"}),
        "punched": What(_NETWORK, 1, 1, steps=(endpoint("src_endpoint", "address"),)),
        "moved": What(_FILE, 99, None, {"file.path": "path", "status_detail": "what"}),
    },
    what=What(columns={"message": "message", "process.pid": "pid", "session.uid": "session"}),
)
SOURCES = (trace_source(VISITS, _visit, _no_prose), trace_source(LOG, _entry, _prose))
