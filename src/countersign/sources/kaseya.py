r"""Kaseya VSA's agent on the machine that was helped: when a remote control session began and ended.

For an auditor it is the machine's own account of a visit by Kaseya: its beginning, its end and the session's number, but not who came and from
where; the console's remote control log has that (`support_reports`). Anybody who is administrator there can edit it.

Read are `KaseyaEndpoint-<time>.log` and the logs of the remote control host in the session's folder beside it, below
`C:\ProgramData\Kaseya\Log\Endpoint\Instance_<server>`. Their times are in UTC.

References: https://helpdesk.kaseya.com/hc/en-gb/articles/229009708-Live-Connect-Log-File-Locations,
https://helpdesk.kaseya.com/hc/en-gb/articles/229012748-KRC-log-file-locations, https://ruler-project.github.io/ruler-project/RULER/remote/Kaseya/.
"""

from __future__ import annotations

import re

from countersign.sources._family import Family, has
from countersign.sources._flat import Row
from countersign.sources._mapping import What, enum
from countersign.sources._times import iso
from countersign.sources._traces import trace_source

_LOGIN = 3002
_ENTRY = re.compile(
    r"\[(?P<level>[A-Z]) (?P<at>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z) [+-]\d\d:\d\d {1,4}(?P<pid>\d{1,10}) {1,4}(?P<thread>[0-9a-f]{1,16})\]"
    r" \[(?P<component>[\w.:-]{1,64})\] (?P<message>.*)"
)
_GUID = re.compile(r"(?i)(?<![\w-])[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?![\w-])")
_MESSAGES = (
    ("Launching remote control host for request ", "began"),
    ("Shutting down Remote Control Instance #", "ended"),
    ("Ending remote control session", "ending"),
    ("Remote Control Session Jwt is valid", "proven"),
    ("Remote Control Session Jwt is ", "refused"),
)
"""How messages that tell of a session begin, and what they tell."""


def _entry(text: str) -> Row | None:
    match = _ENTRY.match(text) if text.startswith("[") else None
    if match is None:
        return None
    row: dict[str, object] = dict(match.groupdict())
    message = match["message"]
    action = next((action for start, action in _MESSAGES if message.startswith(start)), None)
    if action is not None:
        row["action"] = action
        found = _GUID.findall(message, 0, 4096)
        if found:  # the request's own number stands before the session's
            row["session"] = f"kaseya:{found[-1].lower()}"
    return row


def _continued(text: str) -> bool:
    """Rulers, and what a message of several lines goes on with."""
    return not text.startswith("[")


def _session(activity: int, status: int) -> What:
    return What(_LOGIN, activity, status, {"session.uid": "session"})


FAMILY = Family(
    name="kaseya",
    title="Kaseya VSA agent's log",
    page="remote_support",
    product="VSA",
    vendor="Kaseya",
    match=has("level", "at", "component", "message"),
    time=(iso("at"),),
    log="=KaseyaEndpoint",
    by=("action",),
    kinds={
        "began": _session(1, 1),
        "ended": _session(2, 1),
        "ending": _session(99, 1),
        "proven": _session(99, 1),
        "refused": _session(1, 2),
    },
    what=What(
        columns={
            "message": "message",
            "process.pid": "pid",
            "severity_id": enum("level", {"I": 1, "D": 1, "T": 1, "W": 3, "E": 4, "F": 6}),
        },
        constants={"connection_info.protocol_name": "kaseya"},
    ),
)
SOURCE = trace_source(FAMILY, _entry, _continued)
