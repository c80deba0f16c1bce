"""What remote support tools write into the Application channel: ScreenConnect's visits, commands and files, and Take Control's visits
(`take_control`).

ScreenConnect's provider is `ScreenConnect Client (<instance>)`, a name for each server that the client belongs to, or `ScreenConnect`. Older
clients write everything with event id 0 or 1, newer ones with 100 (connected), 101 (disconnected), 200 (command) and 201 (files):
so the text decides what an event is. It is one string: who connected is the account's name on the server, what the command
was is not said.

References: https://github.com/SigmaHQ/sigma/tree/master/rules/windows/builtin/application/screenconnect,
https://www.huntandhackett.com/blog/revil-the-usage-of-legitimate-remote-admin-tooling.
"""

from __future__ import annotations

import re

from countersign.sources._windows import take_control
from countersign.sources._windows.plan import Plan
from countersign.sources._windows.values import Scalar

CHANNEL, CLIENT = "Application", "ScreenConnect Client"
_LOGIN, _FILE, _API = 3002, 1001, 6003
_LINE = 4096
_WHO = re.compile(r"(.{1,256}) (Connected|Disconnected)\s*", re.IGNORECASE)
_FILES = re.compile(
    r"Transferred files with action '(?P<action>[^']{1,64})': ?(?P<names>.{0,3900})", re.IGNORECASE
)
_COMMAND = "executed command of length"
_VERSION = re.compile(r"Version: ?([\d.]{3,32})")


def _first(value: Scalar) -> str:
    return value[:_LINE].strip().partition("\n")[0].strip() if isinstance(value, str) else ""


def _visit(value: Scalar) -> tuple[str, bool] | None:
    match = _WHO.fullmatch(_first(value))
    return None if match is None else (match[1], match[2].lower() == "connected")


def _class(value: Scalar) -> int:
    if _visit(value) is not None:
        return _LOGIN
    return _FILE if _FILES.match(_first(value)) else _API if _first(value).lower().startswith(_COMMAND) else 0


def _activity(value: Scalar) -> int:
    visit = _visit(value)
    if visit is not None:
        return 1 if visit[1] else 2
    return 99 if _class(value) else 0


def _status(value: Scalar) -> int | None:
    return 1 if _class(value) else None


def _user(value: Scalar) -> str | None:
    visit = _visit(value)
    return visit[0] if visit else None


def _session(value: Scalar) -> str | None:
    """The client names no session: a person's next disconnection ends what their last connection began."""
    visit = _visit(value)
    return f"screenconnect:{visit[0].lower()}" if visit else None


def _names(value: Scalar) -> str | None:
    match = _FILES.match(_first(value))
    return match["names"].strip() or None if match else None


def _operation(value: Scalar) -> str | None:
    match = _FILES.match(_first(value))
    return match["action"] if match else "command" if _class(value) == _API else None


def _version(value: Scalar) -> str | None:
    match = _VERSION.search(value, 0, _LINE) if isinstance(value, str) else None
    return match[1] if match else None


_SAYS = ("Data", "param1", "Message")
_EVENT = Plan(
    special={
        "class_uid": (_SAYS, _class),
        "activity_id": (_SAYS, _activity),
        "status_id": (_SAYS, _status),
        "user.name": (_SAYS, _user),
        "session.uid": (_SAYS, _session),
        "file.name": (_SAYS, _names),
        "api.operation": (_SAYS, _operation),
        "src_endpoint.agent.version": (_SAYS, _version),
    },
    constants={"src_endpoint.agent.name": "ScreenConnect", "connection_info.protocol_name": "screenconnect"},
)
SUPPORT: dict[tuple[str, str], dict[int, Plan]] = {
    (CHANNEL, name): dict.fromkeys((0, 1, 100, 101, 200, 201), _EVENT) for name in (CLIENT, "ScreenConnect")
} | {(CHANNEL, take_control.NAME): take_control.PLANS}
"""(channel, provider without its instance) -> event id -> plan."""


def without_instance(provider: str) -> str:
    """`ScreenConnect Client (1a2b3c)` as `ScreenConnect Client`, the names of Take Control's agent as one; any other
    provider as it is."""
    if take_control.is_take_control(provider):
        return take_control.NAME
    name, instance, _ = provider.partition(" (")
    return name if instance and provider.endswith(")") and name.casefold() == CLIENT.casefold() else provider
