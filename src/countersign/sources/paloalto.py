"""Palo Alto Networks PAN-OS: GlobalProtect sessions, connections, threats, administrators, changes of configuration.

For an auditor `gateway-connected` joins a person and their device to the private address that they were given, and
`gateway-logout` or `gateway-config-release` ends that lease. There is no number of a session: it is named by firewall and host
id, which stay the same when the client roams. GlobalProtect says which method was asked (`SAML`, `RADIUS`), not
how many factors; the authentication log's factor number is the only proof of a second one. `portal-auth` is no way
in, only a logon at the portal.

Read are lines of CSV as PAN-OS sends them by syslog (any version: fields are added at the end), the same from
Strata Logging Service, and CEF of both. `high_res_timestamp` states its offset; `time_generated` is in the firewall's zone.

References: https://docs.paloaltonetworks.com/pan-os/11-0/pan-os-admin/monitoring/use-syslog-for-monitoring/syslog-field-descriptions
(GlobalProtect, traffic, threat, system, config, authentication, User-ID, HIP match), .../strata-logging-service/log-reference.
"""

from __future__ import annotations

from collections.abc import Sequence

from countersign.sources._convert import number_of_port, said
from countersign.sources._family import Family
from countersign.sources._flat import Row
from countersign.sources._mapping import From, Step, Via, What, account, endpoint, enum, lowered, scaled, via
from countersign.sources._paloalto_lines import KINDS, read
from countersign.sources._payload import Payload, line_source
from countersign.sources._times import epoch, iso, written

_AUTHENTICATION, _ENTITY, _NETWORK, _HTTP, _TUNNEL, _FINDING = 3002, 3004, 4001, 4002, 4014, 2004
_CEF_STARTS = ("CEF:0|Palo Alto Networks|PAN-OS|", "CEF:0|Palo Alto Networks|LF|")


def _match(row: Row) -> bool:
    return "receive_time" in row and "serial" in row and row.get("type") in KINDS


def _session(serial: object, host: object, user: object, address: object) -> Sequence[object]:
    """The key of a VPN session: a host has one tunnel to a gateway at a time."""
    firewall, key = said(serial) or "", said(host)
    if key is None and said(user) and said(address):
        key = f"{said(user)}|{said(address)}"
    return (None if key is None else f"paloalto:{firewall}:{key}",)


def _given(value: object) -> object:
    found = said(value)
    return None if found in {"0.0.0.0", "::", "0"} else found  # noqa: S104  # an address in a log, nothing is bound


def _country(value: object) -> object:
    """Of private addresses the range stands where a country does."""
    found = said(value)
    return None if found is None or found[0].isdigit() else found


def _number(value: object) -> object:
    return number_of_port(value) or None


_LEVELS = {"informational": 1, "low": 2, "medium": 3, "high": 4, "critical": 5}
_RESULT = enum("status", {"success": 1, "failure": 2, "failed": 2})
_BASE = What(
    columns={
        "metadata.uid": "seqno",
        "device.hostname": "device_name",
        "device.uid": "serial",
        "severity_id": enum("severity", _LEVELS),
        "message": "opaque",
        "metadata.event_code": "eventid",
    },
)
_SESSION = Step(("serial", "hostid", "srcuser", "public_ip"), ("session.uid",), _session)
_CLIENT: dict[str, From] = {
    "auth_protocol": "auth_method",
    "tunnel_interface.ip": via(_given, "private_ip", "private_ipv6"),
    "tunnel_type": "tunnel_type",
    "src_endpoint.ip": via(_given, "public_ip", "public_ipv6"),
    "src_endpoint.name": "machinename",
    "src_endpoint.uid": ("hostid", "serialnumber"),
    "src_endpoint.os.name": ("client_os_ver", "client_os"),
    "src_endpoint.agent.version": "client_ver",
    "src_endpoint.location.country": "srcregion",
    "status_detail": ("error", "reason"),
    "status_code": "error_code",
    "dst_endpoint.name": ("gateway", "portal", "object"),
}
_USER = account("user", "srcuser")


def _client(class_uid: int, activity: int, status: int | Via | None = _RESULT) -> What:
    return What(class_uid, activity, status, _CLIENT, (_SESSION, _USER))


_CONNECTED, _TRYING = _client(_TUNNEL, 1), _client(_TUNNEL, 99)
_ENDED = What(_TUNNEL, 2, _RESULT, {**_CLIENT, "duration": scaled(1000, "login_duration")}, (_SESSION, _USER))
_LOGIN, _FAILED, _SUCCEEDED = (
    _client(_AUTHENTICATION, 1),
    _client(_AUTHENTICATION, 1, 2),
    _client(_AUTHENTICATION, 1, 1),
)
_BEFORE, _OUT = _client(_AUTHENTICATION, 6), _client(_AUTHENTICATION, 2, 1)
_GLOBALPROTECT = {
    "portal-prelogin": _BEFORE, "gateway-prelogin": _BEFORE, "portal-auth": _LOGIN, "gateway-auth": _LOGIN,
    "gateway-connected": _CONNECTED, "gateway-logout": _ENDED, "gateway-config-release": _ENDED,
    "gateway-inactivity-timeout": _ENDED, "gateway-tunnel-down": _ENDED,
}  # fmt: skip
_SYSTEM = {
    "globalprotectgateway-auth-succ": _SUCCEEDED, "globalprotectgateway-auth-fail": _FAILED,
    "globalprotectportal-auth-succ": _SUCCEEDED, "globalprotectportal-auth-fail": _FAILED,
    "globalprotectgateway-config-succ": _client(_TUNNEL, 1, 1), "globalprotectgateway-config-fail": _client(_TUNNEL, 1, 2),
    "globalprotectgateway-logout-succ": _client(_TUNNEL, 2, 1), "globalprotectgateway-config-release": _client(_TUNNEL, 2, 1),
    "auth-success": _SUCCEEDED, "auth-fail": _FAILED,
}  # fmt: skip


def _flow(class_uid: int, activity: int, columns: dict[str, From], status: int | None = None) -> What:
    return What(
        class_uid,
        activity,
        status,
        columns={
            "src_endpoint.zone": "from",
            "dst_endpoint.zone": "to",
            "src_endpoint.location.country": via(_country, "srcloc"),
            "dst_endpoint.location.country": via(_country, "dstloc"),
            "src_endpoint.proxy_endpoint.ip": via(_given, "natsrc"),
            "src_endpoint.proxy_endpoint.port": via(_number, "natsport"),
            "dst_endpoint.proxy_endpoint.ip": via(_given, "natdst"),
            "dst_endpoint.proxy_endpoint.port": via(_number, "natdport"),
            "src_endpoint.hostname": "src_host",
            "src_endpoint.mac": "src_mac",
            "dst_endpoint.hostname": "dst_host",
            "dst_endpoint.svc_name": "app",
            "connection_info.uid": via(_given, "sessionid"),
            "connection_info.protocol_name": lowered("proto"),
            "policy.name": "rule",
            "policy.uid": "rule_uuid",
            "action_id": enum("action", {"allow": 1, "alert": 1, "continue": 1, "override": 1}, 2),
            **columns,
        },
        steps=(_USER, endpoint("src_endpoint", "src", "sport"), endpoint("dst_endpoint", "dst", "dport")),
    )


_VOLUME: dict[str, From] = {
    "traffic.bytes_out": "bytes_sent",
    "traffic.bytes_in": "bytes_received",
    "traffic.packets_out": "pkts_sent",
    "traffic.packets_in": "pkts_received",
    "duration": scaled(1000, "elapsed"),
    "status_detail": "session_end_reason",
}
_FLOWS = {
    name: _flow(_NETWORK, activity, _VOLUME, status)
    for name, activity, status in (("start", 1, 1), ("end", 2, 1), ("drop", 5, 2), ("deny", 5, 2))
}
_URL = _flow(_HTTP, 99, {"url": "misc", "http_request.user_agent": "user_agent", "http_request.referrer": "referer",
                         "http_request.http_method": "http_method"})  # fmt: skip
_THREAT = _flow(_FINDING, 1, {
    "finding_info.title": "threatid", "url": "misc", "file.name": "object", "file.hashes": "filedigest", "email.from": "sender",
    "email.to": "recipient", "email.subject": "subject", "http_request.user_agent": "user_agent",
})  # fmt: skip
_CHANGED = What(
    _ENTITY,
    columns={"api.operation": "cmd", "resources.name": "path", "message": "comment"},
    status=enum("result", {"Succeeded": 1, "Submitted": 1, "Failed": 2, "Unauthorized": 2}, 0),
    steps=(
        account("actor.user", "admin"),
        account("actor.user", "dstuser"),
        endpoint("src_endpoint", "host"),
    ),
)
_CHANGES = {name: What(_ENTITY, activity, _CHANGED.status, _CHANGED.columns, _CHANGED.steps)
            for name, activity in (("set", 1), ("add", 1), ("clone", 1), ("edit", 3), ("rename", 3), ("move", 3), ("delete", 4))}  # fmt: skip
_OTHER_CHANGE = What(_ENTITY, 99, _CHANGED.status, _CHANGED.columns, _CHANGED.steps)


def _factor(number: object, event: object) -> Sequence[object]:
    """A second factor is proven only by its own success; the first one says nothing of a second."""
    done = _outcome(event)
    digits = str(number)
    return (True if done == 1 and digits.isdecimal() and len(digits) < 3 and int(digits) > 1 else None,)


def _outcome(event: object) -> int:
    word = str(event).lower()
    return (
        1
        if "succ" in word
        else 2
        if any(part in word for part in ("fail", "den", "timeout", "invalid", "reject"))
        else 0
    )


_FACTOR = What(
    _AUTHENTICATION,
    1,
    via(_outcome, "event"),
    columns={
        "auth_protocol": ("authproto", "serverprofile"),
        "auth_factors": "vendor",
        "policy.name": "authpolicy",
        "service.name": "serverprofile",
        "status_detail": ("desc", "event"),
        "http_request.user_agent": "user_agent",
    },
    steps=(
        Step(("factorno", "event"), ("is_mfa",), _factor),
        account("user", "normalize_user"), account("user", "user"), endpoint("src_endpoint", "ip"),
    ),
)  # fmt: skip
_MAPPED = What(steps=(account("user", "user"), account("user", "srcuser"), endpoint("src_endpoint", "ip"),
                                                    endpoint("src_endpoint", "src")))  # fmt: skip
_KINDS = {
    ("AUTHENTICATION", "*", "*", "*", "*"): _FACTOR,
    ("AUTH", "*", "*", "*", "*"): _FACTOR,
    ("USERID", "*", "*", "*", "*"): _MAPPED,
    ("HIPMATCH", "*", "*", "*", "*"): _MAPPED,
    ("HIP-MATCH", "*", "*", "*", "*"): _MAPPED,
}  # fmt: skip


def _otherwise(kind: str, subtype: str, event: str, command: str, logged: str) -> What:
    if kind == "GLOBALPROTECT":
        return _GLOBALPROTECT.get(event, _TRYING)
    if kind == "TRAFFIC":
        return _FLOWS.get(subtype, _FLOWS["end"])
    if kind in {"THREAT", "URL"}:
        return _URL if subtype == "url" or kind == "URL" else _THREAT
    if kind == "CONFIG":
        return _CHANGES.get(command, _OTHER_CHANGE)
    if kind == "SYSTEM":
        return _SUCCEEDED if logged == "in" else _OUT if logged == "out" else _SYSTEM.get(event, _NOTED)
    return _NOTED


_NOTED = What()

FAMILY = Family(
    name="paloalto",
    title="Palo Alto Networks (PAN-OS) logs",
    page="paloalto",
    product="PAN-OS",
    vendor="Palo Alto Networks",
    match=_match,
    time=(
        iso("high_res_timestamp"), iso("time_generated"), written("time_generated", order="ymd"),
        epoch("receive_time"), written("receive_time", order="ymd", offset="dtz"),
    ),
    what=_BASE,
    by=("type", "subtype", "eventid", "cmd", "logged"),
    kinds=_KINDS,
    otherwise=_otherwise,
    log="type",
)  # fmt: skip
PAYLOAD = Payload(("1,20", *_CEF_STARTS), read)
SOURCE = line_source(FAMILY, PAYLOAD)
