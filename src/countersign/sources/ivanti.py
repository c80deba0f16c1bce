"""Ivanti Connect Secure (Pulse, Juniper SA): logins, sessions, VPN tunnels with the address given, administrators.

For an auditor `NWC23464` joins a person to an inner address and `NWC23465` ends it; both carry the session number in
`sessionID` from 9.1R12 on, before that user and outer address name the session. `AUT32033` (22.x) says which servers asked:
a secondary one is proof of a second factor; without that message nothing can be told.

Read are the WELF lines (`id=firewall ...`) and the standard ones, with or without syslog. `time` is the appliance's local time.

References: Ivanti Connect Secure Administration Guide, Log Monitoring and Troubleshooting; Juniper WELF logging; Ivanti log message
reference (AUT22673, AUT23457, AUT24326, AUT24327, AUT24414, AUT31504, AUT32033, NWC23464, NWC23465).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from countersign.sources._convert import said
from countersign.sources._family import Family, has
from countersign.sources._flat import Row
from countersign.sources._lines import LONGEST, key_values
from countersign.sources._mapping import From, Step, What, account, endpoint, scaled
from countersign.sources._payload import Payload, line_source
from countersign.sources._times import iso

_AUTHENTICATION, _TUNNEL, _API = 3002, 4014, 6003
_WELF = "id=firewall "
_USER = re.compile(r"\buser=(.{0,512}?) realm=")
_IVS = re.compile(r"\bivs=(.{1,128}?) user=")
_STANDARD = re.compile(
    r"(?P<time>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) - (?P<vpn>\S{1,128}) - \[(?P<src>[0-9A-Fa-f.:]{2,45})\] (?:(?P<ivs>[^:(\[]{1,128})::)?"
    r"(?P<user>[^(\[]{0,256})\((?P<realm>[^)]{0,256})\)\[(?P<roles>[^\]]{0,1024})\] - (?P<msg>[A-Z]{3}\d{5}: .*)$"
)
_CODE = re.compile(r"([A-Z]{3}\d{5}): ")
_INNER = re.compile(r"with (?:NC)?IP(?:v[46] address)?:? ?([0-9A-Fa-f.:]{2,45})")
_HOST = re.compile(r"hostname (\S{1,255})")
_SECOND = re.compile(
    r"secondary auth-server type: \[([^\]]{0,128})\], secondary auth-server ?name: \[([^\]]{0,128})\]"
)
_FIRST = re.compile(r"primary auth-server type: \[([^\]]{0,128})\]")
_SERVER = re.compile(r"using auth server (.{1,128}?)\.  ?Reason: (.{1,256})$")


def _read(text: str) -> dict[str, Any] | None:
    if len(text) > LONGEST:
        return None
    if text.startswith(_WELF):
        row = key_values(text)
        if "vpn" not in row or "realm" not in row or "msg" not in row:
            return None
        for name, pattern in (("user", _USER), ("ivs", _IVS)):
            if (found := pattern.search(text)) is not None:  # unquoted, with blanks
                row[name] = found[1]
    else:
        standard = _STANDARD.match(text)
        if standard is None:
            return None
        row = {name: value for name, value in standard.groupdict().items() if value is not None}
    _told(row)
    return row


def _told(row: dict[str, Any]) -> None:
    """What only the sentence says."""
    message = str(row.get("msg", ""))
    code = _CODE.match(message)
    row["code"] = code[1] if code else ""
    for code_, pattern, names in _SAYS:
        if row["code"].startswith(code_) and (found := pattern.search(message)) is not None:
            row.update({name: value for name, value in zip(names, found.groups(), strict=True) if value})


_SAYS = (
    ("NWC2346", _INNER, ("assigned",)),
    ("NWC2346", _HOST, ("client_host",)),
    ("AUT32033", _SECOND, ("second_type", "second_server")),
    ("AUT32033", _FIRST, ("first_type",)),
    ("AUT23457", _SERVER, ("auth_server", "reason")),
)


_REACH = 512


class _Lines(Payload):
    """Both forms, behind whatever a relay puts in front."""

    def find(self, text: str) -> tuple[int, Row] | None:
        start = text.find(_WELF, 0, _REACH)
        if start < 0:
            match = _STANDARD.search(text, 0, LONGEST)
            start = -1 if match is None else match.start()
        row = None if start < 0 else self.read(text[start:])
        return None if row is None else (start, row)


def _session(user: object, gateway: object, number: object, source: object) -> Sequence[object]:
    key = said(number)
    if key is None and said(user) not in {None, "System"} and said(source):
        key = f"{said(user)}|{said(source)}"
    return (None if key is None else f"ivanti:{said(gateway) or ''}:{key}",)


def _factors(first: object, second: object) -> Sequence[object]:
    names = [name for name in (said(first), said(second)) if name]
    return ", ".join(names) or None, True if said(second) else None


_KEY = Step(("user", "vpn", "sessionID", "src"), ("session.uid",), _session)
_WHO = (account("user", "user"), endpoint("src_endpoint", "src"), _KEY)
_SAID: dict[str, From] = {
    "http_request.user_agent": "agent",
    "group.name": "realm",
    "privileges": "roles",
    "service.name": ("auth_server", "second_server"),
    "status_detail": "reason",
    "tunnel_interface.ip": "assigned",
    "src_endpoint.name": "client_host",
    "traffic.bytes_in": "sent",
    "traffic.bytes_out": "rcvd",
    "duration": scaled(1000, "duration"),
}


def _kind(class_uid: int, activity: int, status: int | None) -> What:
    return What(class_uid, activity, status, _SAID, _WHO)


_LOGIN, _OUT, _FAILED = (
    _kind(_AUTHENTICATION, 1, 1),
    _kind(_AUTHENTICATION, 2, 1),
    _kind(_AUTHENTICATION, 1, 2),
)
_STAGE = What(
    _AUTHENTICATION,
    6,
    1,
    _SAID,
    (*_WHO, Step(("first_type", "second_type"), ("auth_factors", "is_mfa"), _factors)),
)
_KINDS = {
    "AUT24414": _LOGIN, "AUT31504": _LOGIN, "AUT22673": _OUT, "AUT20914": _OUT, "AUT20915": _OUT,
    "AUT23457": _FAILED, "AUT24327": _FAILED, "AUT24326": _STAGE, "AUT32033": _STAGE,
    "NWC23464": _kind(_TUNNEL, 1, 1), "NWC23465": _kind(_TUNNEL, 2, 1), "NWC30477": _kind(_TUNNEL, 99, None),
    "NWC23508": _kind(_TUNNEL, 99, None), "NWC24328": _kind(_TUNNEL, 99, None), "AUT32051": _kind(_TUNNEL, 99, None),
}  # fmt: skip
_OTHER = What(columns=_SAID, steps=_WHO)
_ADMIN = What(
    _API, 99, 1, {"api.operation": "msg"}, (account("actor.user", "user"), endpoint("src_endpoint", "src"))
)


def _otherwise(code: str) -> What:
    return _ADMIN if code.startswith("ADM") else _OTHER


FAMILY = Family(
    name="ivanti",
    title="Ivanti Connect Secure (Pulse)",
    page="gateways",
    product="Connect Secure",
    vendor="Ivanti",
    match=has("vpn", "realm", "code"),
    time=(iso("time"),),
    log="=connect_secure",
    by=("code",),
    kinds=_KINDS,
    otherwise=_otherwise,
    what=What(
        columns={"message": "msg", "metadata.event_code": "code", "device.hostname": "vpn", "device.ip": "fw"}
    ),
)
PAYLOAD = _Lines((_WELF, "20"), _read)
SOURCE = line_source(FAMILY, PAYLOAD)
