r"""Routing and Remote Access (RRAS) in the System channel, and Windows' own dialler (RasClient) in Application. Part of the table of Windows
events.

20274 opens a VPN session: who, on which port, which address was given. 20272 and 20275 close it by the same correlation id; 20272 has
minutes, bytes and the reason. 20271 is a refusal, the only one of them with the caller's address. The fields have no names: they are read
by their place behind the ids, in any language, and where only the rendered sentence is left, from that (English).

References: https://learn.microsoft.com/en-us/previous-versions/windows/it-pro/windows-server-2008-R2-and-2008/cc733630(v=ws.10) (RRAS),
https://learn.microsoft.com/en-us/previous-versions/windows/it-pro/windows-server-2008-R2-and-2008/cc773769(v=ws.10) (RasClient).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from countersign.sources._windows import values
from countersign.sources._windows.plan import Plan
from countersign.sources._windows.values import Scalar

_LONGEST, _MOST_PARTS = 4096, 24
_GUID_CHARS = frozenset("0123456789abcdefABCDEF-")
_LEADS = ("routingdomainid", "coid")
_SAYS = ("Data", "Message")
Place = tuple[int, str, str]
"""Where a value stands: its number behind the ids, and in the sentence what is before it and behind it."""

_USER: Place = (0, "The user ", " connected ")
_PORT: Place = (1, " connected on port ", " ")
_REASON: Place = (10, "The reason for disconnecting was ", ". ")


def _id(word: str) -> str | None:
    """The id in `{...}`, `CoID={...}`, `RoutingDomainID-{...}`; empty where it is `NA`; None for anything else."""
    head, brace, rest = word.strip(" :").rpartition("{")
    named = head.strip(" =-").lower()
    if not brace or (named and named not in _LEADS):
        return None
    found = rest.rstrip("}")
    if found.upper() == "NA":
        return ""
    return found.lower() if len(found) == 36 and _GUID_CHARS.issuperset(found) else None


@lru_cache(maxsize=4096)
def _read(text: str) -> tuple[str, tuple[str, ...], str]:
    """The correlation id, the values behind the ids, and the sentence; either of the two last is empty."""
    if "The user " in text:
        start = max(text.lower().find(mark) for mark in ("coid=", "coid ="))
        near = text[start : start + 48] if start >= 0 else ""
        return _id(near.partition("}")[0] + "}") or "", (), text
    parts = [part.strip() for part in text.split("\n", _MOST_PARTS)]
    key = ""
    while parts and (found := _id(parts[0])) is not None:
        key = parts.pop(0) and found
    return ("" if not key.strip("0-") else key), tuple(parts), ""


def _value(value: Scalar, place: Place) -> str | None:
    if not isinstance(value, str):
        return None
    number, before, behind = place
    _, parts, sentence = _read(value[:_LONGEST])
    if parts:
        return parts[number] or None if number < len(parts) else None
    _, found, rest = sentence.partition(before)
    return rest.partition(behind)[0].strip(" .\r\n") or None if found else None


def _at(place: Place, convert: Callable[[Scalar], object] = values.text) -> Callable[[Scalar], object]:
    return lambda value: convert(_value(value, place))


def _key(value: Scalar) -> str | None:
    found = _read(value[:_LONGEST])[0] if isinstance(value, str) else ""
    return f"rras:{found}" if found else None


def _who(place: Place, part: int) -> Callable[[Scalar], object]:
    return lambda value: values.account(_value(value, place), None)[part]


def _volume(value: Scalar) -> int | None:
    number = values.whole(value)
    return number if number is not None and 0 <= number < 1 << 63 else None


def _duration(value: Scalar) -> int | None:
    minutes = _volume(_value(value, (6, "The user was active for ", " minute")))
    seconds = _volume(_value(value, (7, " minutes ", " second")))
    if minutes is None or minutes > 1 << 32:
        return None
    return (minutes * 60 + min(seconds or 0, 59)) * 1000


def _visitor(place: Place = _USER) -> Plan:
    return Plan(
        special={
            "user.name": (_SAYS, _who(place, 0)),
            "user.domain": (_SAYS, _who(place, 1)),
            "session.uid": (_SAYS, _key),
        }
    )


_PORTED = Plan(special={"session.terminal": (_SAYS, _at(_PORT))}) | _visitor()
_KEYED = Plan(special={"session.uid": (_SAYS, _key)})
RRAS: dict[int, Plan] = {
    20250: Plan(3002, 1, 1, special={"session.terminal": (_SAYS, _at((1, " authenticated on port ", ". ")))})
    | _visitor((0, "The user ", " has connected ")),
    20271: Plan(
        3002,
        1,
        2,
        special={
            "src_endpoint.ip": (_SAYS, _at((1, " connected from ", " but "), values.address_of_pair)),
            "status_detail": (_SAYS, _at((2, "the following reason: ", "\n"))),
        },
    )
    | _visitor(),
    20272: Plan(
        4014,
        2,
        1,
        special={
            "duration": (_SAYS, _duration),
            "traffic.bytes_in": (_SAYS, _at((8, "seconds. ", " bytes were sent"), _volume)),
            "traffic.bytes_out": (_SAYS, _at((9, "were sent and ", " bytes were received"), _volume)),
            "status_detail": (_SAYS, _at(_REASON)),
            "tunnel_type": (_SAYS, _at((11, "The tunnel used was ", ". "))),
        },
    )
    | _PORTED,
    20274: Plan(
        4014,
        1,
        1,
        special={"tunnel_interface.ip": (_SAYS, _at((2, "has been assigned address ", " "), values.address))},
    )
    | _PORTED,
    20275: Plan(
        4014,
        2,
        1,
        special={"tunnel_interface.ip": (_SAYS, _at((0, "with ip address ", " "), values.address))},
    )
    | _KEYED,
}
"""Sent and received are the server's words: what it sent came in at the caller's."""


def _dialled(value: Scalar) -> str | None:
    """The address that the other side gave to this machine."""
    _, found, rest = value[:_LONGEST].partition("TunnelIpAddress") if isinstance(value, str) else ("", "", "")
    return (
        values.address(rest.lstrip(" =").split(None, 1)[0].strip(".,") if rest.strip(" =") else None)
        if found
        else None
    )


_DIALLER = Plan(
    4001,
    special={
        "user.name": (_SAYS, _who((0, "The user ", " dialed "), 0)),
        "user.domain": (_SAYS, _who((0, "The user ", " dialed "), 1)),
        "dst_endpoint.name": (_SAYS, _at((1, " connection named ", " which "))),
        "session.uid": (_SAYS, _key),
    },
    constants={"connection_info.direction_id": 2},
)
_CODE = Plan(special={"status_code": (_SAYS, _at((2, " is ", ".")))})
RAS_CLIENT: dict[tuple[str, str], dict[int, Plan]] = {
    ("Application", "RasClient"): {
        20225: Plan(4001, 1, 1, special={"tunnel_interface.ip": (_SAYS, _dialled)}) | _DIALLER,
        20226: Plan(4001, 2, 1) | _CODE | _DIALLER,
        20227: Plan(4001, 4, 2) | _CODE | _DIALLER,
    }
}
"""Outward, from the machine that wrote it; what comes in at the other end is that end's to say."""
