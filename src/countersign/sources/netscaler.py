"""Citrix NetScaler (ADC, Gateway): logins and their ends, failed ones, connections through the gateway, administrators' commands.

For an auditor `LOGIN` says who came in and from where, under a session number that all later messages carry; `LOGOUT` ends it with
duration and volume. Of a second factor nothing is said (nFactor's steps are debug messages). Compare `Client_ip`,
which made the session, with `Source` of its connections: another address is how a stolen session looks. A user name is what was
typed: of failed logins the last words of the message, not the first, are believed.

References: https://developer-docs.netscaler.com/en-us/netscaler-syslog-message-reference (SSLVPN, AAA, AAATM, TCP, UI); NetScaler
`set audit syslogParams -dateFormat -timeZone`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from countersign.sources._convert import said
from countersign.sources._family import Family, has
from countersign.sources._flat import Row
from countersign.sources._lines import LONGEST
from countersign.sources._mapping import From, Step, What, account, endpoint, enum, via
from countersign.sources._payload import Payload, line_source
from countersign.sources._times import written

_AUTHENTICATION, _NETWORK, _API = 3002, 4001, 6003
_HEAD = re.compile(
    r"(?P<time>\d\d/\d\d/\d{4}:\d\d:\d\d:\d\d)(?: (?P<zone>GMT|UTC))? {1,2}(?P<host>\S{1,255})? ?(?P<engine>(?:\d{1,3}-)?PPE-\d{1,3}) : "
    r"(?:(?P<partition>[\w.-]{1,64}) )?(?P<feature>[A-Z][A-Z0-9_]{1,31}) (?P<event>[A-Za-z][A-Za-z0-9_]{1,63}) (?P<id>\d{1,20})(?: \d{1,3})? : {0,2}"
)
_NAME = re.compile(
    r"(?:^|(?<=[\s\d])- )((?:username:domainname|applicationName|customername|startTime|endTime|connectionId)"
    r"|[A-Z][A-Za-z0-9]{1,24}(?:_[A-Za-z0-9]{1,24}){0,4}(?:\(s\))?):? "
)
_FAILED = re.compile(r'User (.*) - Client_ip (\S{1,64}) - Failure_reason "([^"]{0,512})"')
_STARTS = tuple(f"{number:02}/" for number in range(1, 32))


def _read(text: str) -> dict[str, Any] | None:
    if len(text) > LONGEST:
        return None
    head = _HEAD.match(text)
    if head is None:
        return None
    row: dict[str, Any] = {name: value for name, value in head.groupdict().items() if value}
    row["time"] = row["time"].replace(":", " ", 1)
    body = text[head.end() :]
    row["message"] = body
    failed = _FAILED.match(body) if row["event"] == "LOGIN_FAILED" else None
    if failed is not None:
        row["User"], row["Client_ip"], row["Failure_reason"] = failed.groups()
    else:
        _pairs(body, row)
    if row["event"] == "CMD_EXECUTED":
        row["verb"] = str(row.get("Command", "")).split(" ", 1)[0].lower()
    return row


def _pairs(body: str, row: dict[str, Any]) -> None:
    """`Name value - Name value`; the first of one name counts, a value ends where the next name begins."""
    name, start = "", 0
    for match in _NAME.finditer(body):
        at = match.start()
        if body[start : start + 1] == '"' and body.find('"', start + 1) > at:
            continue  # in the middle of a quoted value
        if name and name not in row:
            row[name] = body[start:at].strip(_AROUND)
        name, start = match[1], match.end()
    if name and name not in row:
        row[name] = body[start:].strip(_AROUND)


_AROUND = ' -"'


class _Lines(Payload):
    """Found by a date and a packet engine: a message has no other beginning."""

    def find(self, text: str) -> tuple[int, Row] | None:
        match = _HEAD.search(text[:_REACH])
        start = 0 if match is None else match.start()
        row = None if match is None else self.read(text[start:])
        return None if row is None else (start, row)


_REACH = 1024


def _session(number: object, host: object) -> Sequence[object]:
    key = said(number)
    return (None if key is None else f"netscaler:{said(host) or ''}:{key}",)


def _milliseconds(value: object) -> int | None:
    """`05:48:09`, with as many hours as it takes."""
    parts = (said(value) or "").strip().split(":")
    if len(parts) != 3 or not all(part.isdecimal() and len(part) < 7 for part in parts):
        return None
    hours, minutes, seconds = map(int, parts)
    return ((hours * 60 + minutes) * 60 + seconds) * 1000


def _citrix(value: object) -> Sequence[object]:
    """`name:domain` of a session host."""
    name, _, domain = (said(value) or "").partition(":")
    return name or None, domain or None


_SESSION = Step(("SessionId", "host"), ("session.uid",), _session)
_WHO = (account("user", "User"), Step(("username:domainname",), ("user.name", "user.domain"), _citrix))
_VOLUME: dict[str, From] = {
    "traffic.bytes_in": "Total_bytes_send",
    "traffic.bytes_out": "Total_bytes_recv",
    "duration": via(_milliseconds, "Duration"),
}


def _gate(activity: int, status: int) -> What:
    return What(
        _AUTHENTICATION,
        activity,
        status,
        columns={"http_request.user_agent": ("Browser_type", "Browser"), "src_endpoint.agent.name": "SSLVPN_client_type",
                 "status_detail": ("Failure_reason", "LogoutMethod"), **_VOLUME},
        steps=(_SESSION, *_WHO, endpoint("src_endpoint", "Client_ip"), endpoint("dst_endpoint", "Vserver")),
    )  # fmt: skip


def _flow(activity: int, status: int | None = 1) -> What:
    return What(
        _NETWORK,
        activity,
        status,
        columns={**_VOLUME, "connection_info.uid": "connectionId", "dst_endpoint.svc_name": "applicationName",
                 "action_id": enum("Access", {"Allowed": 1, "Denied": 2})},
        steps=(_SESSION, *_WHO, endpoint("src_endpoint", "Source"), endpoint("dst_endpoint", "Destination")),
    )  # fmt: skip


_DONE = enum("Status", {"Success": 1}, 2)
_COMMAND = (account("actor.user", "User"), endpoint("src_endpoint", "Remote_ip"))
_CALL = What(_API, 99, _DONE, {"api.operation": "Command"}, _COMMAND)
_ADMIN = (account("user", "User"), endpoint("src_endpoint", "Remote_ip"))
_LOGIN, _LOGOUT, _REFUSED = _gate(1, 1), _gate(2, 1), _gate(1, 2)
_CLOSED = _flow(2)
_KINDS = {
    ("SSLVPN", "LOGIN", "*"): _LOGIN, ("AAATM", "LOGIN", "*"): _LOGIN, ("AAA", "LOGIN_FAILED", "*"): _REFUSED,
    ("AAATM", "LOGIN_FAILED", "*"): _REFUSED, ("SSLVPN", "LOGIN_FAILED", "*"): _REFUSED,
    ("SSLVPN", "LOGOUT", "*"): _LOGOUT, ("AAATM", "LOGOUT", "*"): _LOGOUT,
    ("SSLVPN", "TCPCONNSTAT", "*"): _CLOSED, ("SSLVPN", "UDPFLOWSTAT", "*"): _CLOSED, ("SSLVPN", "ICAEND_CONNSTAT", "*"): _CLOSED,
    ("SSLVPN", "ICASTART", "*"): _flow(1), ("SSLVPN", "NONHTTP_RESOURCEACCESS_DENIED", "*"): _flow(5, 2),
    ("TCP", "CONN_TERMINATE", "*"): _CLOSED, ("TCP", "CONN_DELINK", "*"): _CLOSED,
}  # fmt: skip
_LOGGED_IN = What(_AUTHENTICATION, 1, _DONE, {"auth_protocol": "feature"}, _ADMIN)
_LOGGED_OUT = What(_AUTHENTICATION, 2, 1, {}, _ADMIN)
_OTHER = What(
    steps=(
        _SESSION,
        *_WHO,
        endpoint("src_endpoint", "Client_ip"),
        endpoint("src_endpoint", "ClientIP", "ClientPort"),
    )
)


def _otherwise(feature: str, event: str, verb: str) -> What:
    del feature
    if event == "CMD_EXECUTED":
        return _LOGGED_IN if verb == "login" else _LOGGED_OUT if verb == "logout" else _CALL
    return _OTHER


FAMILY = Family(
    name="netscaler",
    title="Citrix NetScaler (ADC, Gateway)",
    page="gateways",
    product="NetScaler",
    vendor="Citrix",
    match=has("feature", "event", "engine"),
    time=(written("time", order="mdy", offset="zone"), written("time", order="dmy", offset="zone")),
    log="feature",
    by=("feature", "event", "verb"),
    kinds=_KINDS,
    otherwise=_otherwise,
    what=What(
        columns={
            "message": "message",
            "metadata.event_code": "event",
            "metadata.uid": "id",
            "device.hostname": "host",
            "src_endpoint.proxy_endpoint.ip": ("Nat_ip", "NatIP"),
            "group.name": "Group(s)",
        },
    ),
)
PAYLOAD = _Lines(_STARTS, _read)
SOURCE = line_source(FAMILY, PAYLOAD)
