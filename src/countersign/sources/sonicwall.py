"""SonicWall firewalls and SMA: logins through SSL VPN and to the appliance, connections, refused ones.

For an auditor message 1080 says who came in through SSL VPN and from where, `... is assigned IP` what they were given. The
firewall numbers no session: user and outer address name it, so two at one time cannot be told apart. Whether a one-time
password was asked is not said. `time` says `UTC` only if the appliance is told to report in UTC.

References: SonicWall SonicOS 6.5 and 7 Log Events Reference Guide (29 to 35, 98, 237, 537, 1080, Enhanced Syslog fields);
SMA 100 Administration Guide, Log; public samples of both.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from countersign.sources._convert import said, split_endpoint
from countersign.sources._family import Family
from countersign.sources._flat import Row
from countersign.sources._lines import key_values
from countersign.sources._mapping import From, Step, What, account, scaled
from countersign.sources._payload import Payload, line_source
from countersign.sources._times import written

_AUTHENTICATION, _NETWORK, _TUNNEL, _ENTITY = 3002, 4001, 4014, 3004
_STARTS = ("id=firewall sn=", "id=sslvpn sn=", "id=firewall time=")
_ASSIGNED = re.compile(r"[Aa]ssigned (?:a |an |virtual |the )?IP(?: address)?:? ?([0-9A-Fa-f.:]{2,45})")
_KINDS_OF = (
    ("opened", re.compile(r"assigned (?:a |an |virtual |the )?ip")),
    ("closed", re.compile(r"netextender (?:client )?(?:disconnected|session (?:ended|closed))|ssl ?vpn tunnel (?:closed|disconnected)")),
    ("failed", re.compile(r"(?:log ?in|authentication|logon)s? (?:to \w{1,32} portal )?(?:denied|failed|failure)|unknown user attempted|bad credentials|incorrect (?:name|password)|xauth failed")),
    ("in", re.compile(r"log ?in (?:allowed|success|succeeded)|log ?in from an internal zone allowed|logged in|xauth succeeded|authentication success")),
    ("out", re.compile(r"logged out|log ?out|session (?:expired|timed out|timeout)")),
    ("begun", re.compile(r"^connection opened")),
    ("ended", re.compile(r"^connection closed")),
    ("refused", re.compile(r"dropped|blocked|access (?:rule )?den|packet den")),
    ("changed", re.compile(r"configuration (?:succeeded|changed)|(?:policy|rule|object) (?:added|modified|deleted)")),
)  # fmt: skip
"""By the sentence: the numbers differ between firewall and SMA."""


def _read(text: str) -> dict[str, Any] | None:
    row = key_values(text)
    if "sn" not in row or "fw" not in row or "pri" not in row or "realm" in row:
        return None
    message = str(row.get("msg", ""))
    low = message[:512].lower()
    row["kind"] = next((kind for kind, pattern in _KINDS_OF if pattern.search(low)), "")
    if row["kind"] == "opened" and (given := _ASSIGNED.search(message)) is not None:
        row["assigned"] = given[1]
    if not row["kind"] and row.get("m") in _BY_NUMBER:
        row["kind"] = _BY_NUMBER[row["m"]]
    return row


_BY_NUMBER = {
    "98": "begun",
    "537": "ended",
    "97": "ended",
    "36": "refused",
    "1080": "in",
    "237": "in",
    "236": "in",
}


def _match(row: Row) -> bool:
    return "sn" in row and "fw" in row and "pri" in row and row.get("id") in {"firewall", "sslvpn"}


def _end(value: object) -> Sequence[object]:
    """`203.0.113.9:5555:X1`, with a name behind the interface where there is one."""
    parts = (said(value) or "").split(":")
    if 2 <= len(parts) <= 4 and "." in parts[0]:
        address, number, name = split_endpoint(":".join(parts[:2]) if parts[1] else parts[0])
        zone = parts[2] if len(parts) > 2 else ""
        return address, number, parts[3] if len(parts) > 3 and parts[3] else name, zone or None
    address, number, name = split_endpoint(value)
    return address, number, name, None


def _side(side: str, path: str) -> Step:
    return Step((path,), (f"{side}.ip", f"{side}.port", f"{side}.hostname", f"{side}.zone"), _end)


def _session(user: object, source: object, serial: object) -> Sequence[object]:
    name, address = said(user), _end(source)[0]
    return (f"sonicwall:{said(serial) or ''}:{name}|{address}" if name and address else None,)


_ENDS = (_side("src_endpoint", "src"), _side("dst_endpoint", "dst"))
_WHO = (account("user", "usr"), account("user", "user"))
_KEY = Step(("usr", "src", "sn"), ("session.uid",), _session)
_VPN = (*_WHO, _side("src_endpoint", "src"), _side("dst_endpoint", "dst"), _KEY)
_SAYS: dict[str, From] = {
    "status_detail": "note",
    "http_request.user_agent": "agent",
    "tunnel_interface.ip": "assigned",
    "duration": scaled(1000, "dur"),
}
_FLOW: dict[str, From] = {
    "dst_endpoint.svc_name": "app",
    "policy.name": "rule",
    "src_endpoint.mac": "srcMac",
    "dst_endpoint.mac": "dstMac",
    "src_endpoint.proxy_endpoint.ip": "natSrc",
    "traffic.bytes_out": "sent",
    "traffic.bytes_in": "rcvd",
    "traffic.packets_out": "spkt",
    "traffic.packets_in": "rpkt",
    "duration": scaled(1, "cdur"),
    "url": "arg",
}


def _protocol(value: object) -> Sequence[object]:
    return ((said(value) or "").partition("/")[0].lower() or None,)


def _flow(activity: int, status: int) -> What:
    steps = (*_ENDS, *_WHO, Step(("proto",), ("connection_info.protocol_name",), _protocol))
    return What(_NETWORK, activity, status, _FLOW, steps, {"action_id": status})


_KINDS = {
    "in": What(_AUTHENTICATION, 1, 1, _SAYS, _VPN),
    "failed": What(_AUTHENTICATION, 1, 2, _SAYS, _VPN),
    "out": What(_AUTHENTICATION, 2, 1, _SAYS, _VPN),
    "opened": What(_TUNNEL, 1, 1, _SAYS, _VPN),
    "closed": What(_TUNNEL, 2, 1, _SAYS, _VPN),
    "begun": _flow(1, 1),
    "ended": _flow(2, 1),
    "refused": _flow(5, 2),
    "changed": What(_ENTITY, 3, 1, {}, (account("actor.user", "usr"), _side("src_endpoint", "src"))),
}

FAMILY = Family(
    name="sonicwall",
    title="SonicWall firewall and SMA",
    page="gateways",
    product="SonicOS",
    vendor="SonicWall",
    match=_match,
    time=(written("vp_time", order="ymd"), written("time", order="ymd")),
    log="id",
    by=("kind",),
    kinds=_KINDS,
    otherwise=What(steps=(*_WHO, *_ENDS)),
    what=What(columns={"message": "msg", "metadata.event_code": "m", "device.uid": "sn", "device.ip": "fw"}),
)
PAYLOAD = Payload(_STARTS, _read)
SOURCE = line_source(FAMILY, PAYLOAD)
