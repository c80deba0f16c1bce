"""FortiGate: VPN tunnels with the address that each gave out, logins, administrators' changes, connections.

For an auditor the gateway is the entry: `tunnel-up` says who came in, from where, and which inner address they got; `tunnel-down`
ends that lease by `tunnelid`, without an address. Web mode gives no address. Users of SAML have their address for a
name, users of RADIUS and LDAP their login name; of a second factor these messages say nothing. What a configuration change
did stands in `cfgattr`.

Read are syslog (with or without a header), the download from the GUI, downloads of FortiAnalyzer (text and CSV of pairs),
and CEF; a message is the same event from any of the first three. `eventtime` is in seconds or nanoseconds by its digits, else
`date` and `time` count with `tz`, else the workspace's zone.

References: https://docs.fortinet.com/document/fortigate/7.4.0/fortios-log-message-reference (39424, 39426, 39947, 39948,
37138, 32001 to 32003, 43008, 43009, 44546, 44547, 00013), .../cef-support, .../technical-tip-eventtime.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from countersign.sources._convert import said
from countersign.sources._family import Family
from countersign.sources._flat import Row
from countersign.sources._lines import cef, key_values
from countersign.sources._mapping import Step, Via, What, account, endpoint, enum, scaled
from countersign.sources._payload import Payload, line_source
from countersign.sources._times import epoch, written

_AUTHENTICATION, _ACCOUNT, _ENTITY, _NETWORK, _TUNNEL = 3002, 3001, 3004, 4001, 4014
_CEF_START = "CEF:0|Fortinet|Fortigate|"
_PREFIX = "FTNTFGT"
_OF_CEF = {
    "deviceExternalId": "devid", "dvchost": "devname", "act": "action", "outcome": "status", "duser": "user",
    "suser": "user", "src": "srcip", "spt": "srcport", "dst": "dstip", "dpt": "dstport", "in": "rcvdbyte",
    "out": "sentbyte", "externalId": "sessionid", "deviceInboundInterface": "srcintf",
    "deviceOutboundInterface": "dstintf", "sourceTranslatedAddress": "transip", "sourceTranslatedPort": "transport",
    "destinationTranslatedAddress": "tranip", "destinationTranslatedPort": "tranport", "sproc": "ui", "app": "service",
    "dhost": "hostname", "requestClientApplication": "agent",
}  # fmt: skip
"""FortiOS's own names for the keys of CEF; the others stand behind a prefix."""


def _read(text: str) -> Row | None:
    if text.startswith("CEF:"):
        return _of_cef(text)
    row = key_values(text)
    if text[5:6] != '"' and ',"' in text[:256]:  # FortiAnalyzer's CSV of pairs
        row = {name: value.rstrip(",") for name, value in row.items()}
    return row


@lru_cache(maxsize=1024)
def _own_names(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(_OF_CEF.get(name, name.removeprefix(_PREFIX)) for name in names)


def _of_cef(text: str) -> Row | None:
    row = cef(text)
    if row is None:
        return None
    named = dict(zip(_own_names(tuple(row)), row.values(), strict=True))
    kind, _, rest = str(row.get("cat") or row.get("cef.name", "")).partition(":")
    named.setdefault("type", kind)
    named.setdefault("subtype", rest.partition(" ")[0])
    named.setdefault("logid", named.get("cef.signature", ""))
    return named


def _match(row: Row) -> bool:
    return "logid" in row and "type" in row and "subtype" in row and ("vd" in row or "devid" in row)


def _tunnel(tunnel: object, serial: object, name: object) -> Sequence[object]:
    """The key of a VPN session: tunnels are numbered by each gateway."""
    number, gateway = said(tunnel), said(serial) or said(name) or ""
    return (f"fortigate:{gateway}:{number}" if number and number != "0" else None,)


_STATUS = enum(
    "status", {"success": 1, "succeed": 1, "failed": 2, "failure": 2, "fail": 2, "error": 2, "timed_out": 2}
)
_LEVELS = {
    "debug": 1,
    "information": 1,
    "notice": 1,
    "warning": 3,
    "error": 4,
    "critical": 5,
    "alert": 5,
    "emergency": 6,
}

_BASE = What(
    columns={
        "message": ("msg", "logdesc"),
        "metadata.event_code": "logid",
        "device.hostname": "devname",
        "device.uid": "devid",
        "severity_id": enum("level", _LEVELS),
        "status_detail": ("reason", "error_reason"),
    },
)
_USER = (account("user", "xauthuser"), account("user", "user"))
_SESSION = Step(("tunnelid", "devid", "devname"), ("session.uid",), _tunnel)
_VPN = What(
    columns={
        "tunnel_type": "tunneltype",
        "tunnel_interface.ip": ("tunnelip", "assignip"),
        "tunnel_interface.name": "vpntunnel",
        "group.name": "group",
        "src_endpoint.location.country": "srccountry",
        "duration": scaled(1000, "duration"),
        # the gateway sends what the client is given
        "traffic.bytes_in": "sentbyte",
        "traffic.bytes_out": "rcvdbyte",
    },
    steps=(
        *_USER,
        endpoint("src_endpoint", "remip", "remport"),
        endpoint("dst_endpoint", "locip", "locport"),
        _SESSION,
    ),
)


def _vpn(class_uid: int, activity: int, status: int | Via | None) -> What:
    return What(class_uid, activity, status, _VPN.columns, _VPN.steps)


_LOGIN = What(
    _AUTHENTICATION,
    1,
    _STATUS,
    columns={
        "auth_protocol": ("authproto", "method"),
        "group.name": "group",
        "session.uid": "sn",
        "policy.uid": "policyid",
        "service.name": ("server", "authserver"),
    },
    steps=(*_USER, endpoint("src_endpoint", "srcip"), endpoint("src_endpoint", "remip"),
           endpoint("dst_endpoint", "dstip")),
)  # fmt: skip
_LOGOUT = What(_AUTHENTICATION, 2, 1, _LOGIN.columns, _LOGIN.steps)
_CHANGED = {
    "resources.name": "cfgobj",
    "resources.type": "cfgpath",
    "resources.uid": "cfgtid",
    "policy.name": "cfgpath",
}
_ACTOR = (account("actor.user", "user"),)


def _changed(activity: int) -> What:
    return What(_ENTITY, activity, 1, _CHANGED, _ACTOR)


def _account_changed(activity: int) -> What:
    return What(_ACCOUNT, activity, 1, {**_CHANGED, "user.name": "cfgobj"}, _ACTOR)


_CONFIGURED = {name: _changed(activity) for name, activity in (("add", 1), ("edit", 3), ("delete", 4))}
_ACCOUNTS = {name: _account_changed(activity) for name, activity in (("add", 1), ("edit", 99), ("delete", 6))}
_ACCOUNT_PATHS = ("system.admin", "user.local", "user.peer", "system.api-user", "system.sso-admin")


def _traffic(activity: int, status: int, action: int) -> What:
    return What(
        _NETWORK,
        activity,
        status,
        columns={
            "src_endpoint.hostname": "srcname",
            "src_endpoint.mac": "srcmac",
            "src_endpoint.zone": ("srcintfrole", "srcintf"),
            "src_endpoint.location.country": "srccountry",
            "src_endpoint.proxy_endpoint.ip": "transip",
            "src_endpoint.proxy_endpoint.port": "transport",
            "src_endpoint.os.name": "osname",
            "dst_endpoint.hostname": ("hostname", "dstname"),
            "dst_endpoint.mac": "dstmac",
            "dst_endpoint.zone": ("dstintfrole", "dstintf"),
            "dst_endpoint.svc_name": "service",
            "dst_endpoint.location.country": "dstcountry",
            "dst_endpoint.proxy_endpoint.ip": "tranip",
            "dst_endpoint.proxy_endpoint.port": "tranport",
            "connection_info.uid": "sessionid",
            "connection_info.protocol_name": enum(
                "proto", {"6": "tcp", "17": "udp", "1": "icmp", "50": "esp"}
            ),
            "policy.uid": "policyid",
            "policy.name": "policyname",
            "traffic.bytes_out": "sentbyte",
            "traffic.bytes_in": "rcvdbyte",
            "traffic.packets_out": "sentpkt",
            "traffic.packets_in": "rcvdpkt",
            "duration": scaled(1000, "duration"),
        },
        steps=(
            account("user", "user"),
            endpoint("src_endpoint", "srcip", "srcport"),
            endpoint("dst_endpoint", "dstip", "dstport"),
        ),
        constants={"action_id": action},
    )


_OPENED, _CLOSED, _PASSED, _DENIED = (
    _traffic(1, 1, 1), _traffic(2, 1, 1), _traffic(6, 1, 1), _traffic(5, 2, 2),
)  # fmt: skip
_FLOWS = {
    "start": _OPENED, "close": _CLOSED, "client-rst": _CLOSED, "server-rst": _CLOSED, "timeout": _CLOSED,
    "accept": _PASSED, "pass": _PASSED, "deny": _DENIED, "blocked": _DENIED, "ip-conn": _traffic(4, 2, 1),
}  # fmt: skip
_OTHER = What(
    columns={"action_id": enum("action", {"passthrough": 1, "detected": 1, "blocked": 2, "dropped": 2})},
    steps=(
        *_USER,
        endpoint("src_endpoint", "srcip", "srcport"),
        endpoint("dst_endpoint", "dstip", "dstport"),
    ),
)
_KINDS = {
    ("event", "vpn", "tunnel-up", ""): _vpn(_TUNNEL, 1, 1),
    ("event", "vpn", "tunnel-down", ""): _vpn(_TUNNEL, 2, 1),
    ("event", "vpn", "tunnel-stats", ""): _vpn(_TUNNEL, 99, None),
    ("event", "vpn", "negotiate", ""): _vpn(_TUNNEL, 99, _STATUS),
    ("event", "vpn", "ssl-login-fail", ""): _vpn(_AUTHENTICATION, 1, 2),
    ("event", "system", "login", ""): _LOGIN,
    ("event", "system", "logout", ""): _LOGOUT,
    ("event", "user", "authentication", ""): _LOGIN,
    ("event", "user", "auth-logon", ""): _LOGIN,
    ("event", "user", "auth-logout", ""): _LOGOUT,
    ("event", "user", "FSSO-logon", ""): _LOGIN,
    ("event", "user", "FSSO-logoff", ""): _LOGOUT,
}
_NEGOTIATED = _vpn(_TUNNEL, 99, _STATUS)


def _otherwise(kind: str, subtype: str, action: str, path: str) -> What:
    known = _KINDS.get((kind, subtype, action, ""))
    if known is not None:
        return known
    if path:
        changes = _ACCOUNTS if path.startswith(_ACCOUNT_PATHS) else _CONFIGURED
        return changes.get(action.lower(), changes["edit"])
    if kind == "traffic":
        return _FLOWS.get(action, _PASSED)
    return _NEGOTIATED if subtype == "vpn" else _OTHER


FAMILY = Family(
    name="fortigate",
    title="FortiGate (FortiOS) logs",
    page="fortigate",
    product="FortiGate",
    vendor="Fortinet",
    match=_match,
    time=(epoch("eventtime"), written("date", "time", order="ymd", offset="tz"), epoch("itime")),
    what=_BASE,
    by=("type", "subtype", "action", "cfgpath"),
    kinds=_KINDS,
    otherwise=_otherwise,
    log="type",
)
PAYLOAD = Payload(("date=", "itime=", "logver=", "timestamp=", "devname=", _CEF_START), _read)
SOURCE = line_source(FAMILY, PAYLOAD)
