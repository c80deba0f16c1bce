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

import csv
import re
from collections.abc import Sequence
from functools import lru_cache
from itertools import compress
from typing import Any

from countersign.sources._convert import number_of_port, said
from countersign.sources._family import Family
from countersign.sources._flat import Row
from countersign.sources._lines import LONGEST, cef
from countersign.sources._mapping import From, Step, Via, What, account, endpoint, enum, lowered, scaled, via
from countersign.sources._payload import Payload, line_source
from countersign.sources._times import epoch, iso, written

_AUTHENTICATION, _ENTITY, _NETWORK, _HTTP, _TUNNEL, _FINDING = 3002, 3004, 4001, 4002, 4014, 2004
_CEF_STARTS = ("CEF:0|Palo Alto Networks|PAN-OS|", "CEF:0|Palo Alto Networks|LF|")

_HEAD = "future_use receive_time serial type subtype config_ver time_generated"
_GROUPS = "dg_hier_level_1 dg_hier_level_2 dg_hier_level_3 dg_hier_level_4 vsys_name device_name"
_FLOW = (
    "src dst natsrc natdst rule srcuser dstuser app vsys from to inbound_if outbound_if logset - sessionid repeatcnt sport"
    " dport natsport natdport flags proto action"
)
_DEVICES = " ".join(
    f"{side}_{what}"
    for side in ("src", "dst")
    for what in ("category", "profile", "model", "vendor", "osfamily", "osversion", "host", "mac")
)
_APPLICATION = (
    "subcategory_of_app category_of_app technology_of_app risk_of_app characteristic_of_app container_of_app tunneled_app"
    " is_saas_of_app sanctioned_state_of_app"
)
_LAYOUTS = {
    "TRAFFIC": f"{_FLOW} bytes bytes_sent bytes_received packets start elapsed category - seqno actionflags srcloc dstloc -"
    f" pkts_sent pkts_received session_end_reason {_GROUPS} action_source src_uuid dst_uuid tunnelid monitortag"
    " parent_session_id parent_start_time tunnel assoc_id chunks chunks_sent chunks_received rule_uuid http2_connection"
    " link_change_count policy_id link_switches sdwan_cluster sdwan_device_type sdwan_cluster_type sdwan_site"
    f" dynusergroup_name xff_ip {_DEVICES} container_id pod_namespace pod_name src_edl dst_edl hostid serialnumber src_dag"
    f" dst_dag session_owner high_res_timestamp nsdsai_sst nsdsai_sd {_APPLICATION} offloaded flow_type cluster_name",
    "THREAT": f"{_FLOW} misc threatid category severity direction seqno actionflags srcloc dstloc - contenttype pcap_id"
    " filedigest cloud url_idx user_agent filetype xff referer sender subject recipient reportid"
    f" {_GROUPS} - src_uuid dst_uuid http_method tunnelid monitortag parent_session_id parent_start_time tunnel thr_category"
    " contentver - assoc_id ppid http_headers url_category_list rule_uuid http2_connection dynusergroup_name xff_ip"
    f" {_DEVICES} container_id pod_namespace pod_name src_edl dst_edl hostid serialnumber domain_edl src_dag dst_dag"
    f" partial_hash high_res_timestamp reason justification nsdsai_sst {_APPLICATION}",
    "SYSTEM": f"vsys eventid object - - module severity opaque seqno actionflags {_GROUPS} - - high_res_timestamp",
    "CONFIG": f"host vsys cmd admin client result path before_change_detail after_change_detail seqno actionflags {_GROUPS}"
    " dg_id comment - high_res_timestamp",
    "GLOBALPROTECT": "vsys eventid stage auth_method tunnel_type srcuser srcregion machinename public_ip public_ipv6 private_ip"
    " private_ipv6 hostid serialnumber client_ver client_os client_os_ver repeatcnt reason error opaque status location"
    " login_duration connect_method error_code portal seqno actionflags high_res_timestamp selection_type response_time"
    f" priority attempted_gateways gateway {_GROUPS} vsys_id cluster_name",
    "AUTHENTICATION": "vsys ip user normalize_user object authpolicy repeatcnt authid vendor logset serverprofile desc clienttype"
    f" event factorno seqno actionflags {_GROUPS} vsys_id authproto rule_uuid high_res_timestamp src_category src_profile"
    " src_model src_vendor src_osfamily src_osversion src_host src_mac region - user_agent sessionid cluster_name",
    "USERID": "vsys ip user datasourcename eventid repeatcnt timeout beginport endport datasource datasourcetype seqno actionflags"
    f" {_GROUPS} vsys_id factortype factorcompletiontime factorno ugflags userbysource tag_name high_res_timestamp"
    " origindatasource - cluster_name",
    "HIPMATCH": f"srcuser vsys machinename os src matchname repeatcnt matchtype - - seqno actionflags {_GROUPS} vsys_id srcipv6"
    " hostid serialnumber mac high_res_timestamp cluster_name",
}  # fmt: skip
"""PAN-OS's own names in the order of its fields; `-` is kept free by the vendor."""
_LAYOUTS["AUTH"] = _LAYOUTS["AUTHENTICATION"]
_LAYOUTS["HIP-MATCH"] = _LAYOUTS["HIPMATCH"]
_NAMES = {kind: tuple(f"{_HEAD} {rest}".split()) for kind, rest in _LAYOUTS.items()}
_OTHERS = frozenset({"DECRYPTION", "CORRELATION", "TUNNEL", "SCTP", "GTP", "IPTAG", "URL", "DATA", "FILE", "WILDFIRE", "AUDIT"})  # fmt: skip
_KNOWN = _OTHERS | _NAMES.keys()
_UNNAMED = tuple(_HEAD.split())
_OLD_CONFIG = 17
"""Fields of a CONFIG line up to PAN-OS 6.1, or of a profile without details: the two details are then not there."""


def _read(text: str) -> Row | None:
    if text.startswith("CEF:"):
        return _of_cef(text)
    if len(text) > LONGEST:
        return None
    cells = _cells(text)
    if len(cells) < 8:
        return None
    kind = cells[3].upper()
    if kind not in _KNOWN:
        return None
    names = _NAMES.get(kind, _UNNAMED)
    if kind == "CONFIG" and _undetailed(cells):
        names = tuple(name for name in names if not name.endswith("_change_detail"))
    row: dict[str, Any] = dict(compress(zip(names, cells, strict=False), cells))
    row.pop("-", None)
    if len(cells) > len(names):
        later = enumerate(cells[len(names) :], len(names) + 1)
        row |= {f"field_{place}": cell for place, cell in later if cell}
    row.pop("future_use", None)
    row["type"] = kind
    if kind == "SYSTEM":
        _described(row)
    return row


def _cells(text: str) -> list[str]:
    if '"' not in text:
        return text.split(",")
    try:
        return next(csv.reader([text]), [])
    except csv.Error:
        return text.split(",")


def _undetailed(cells: Sequence[str]) -> bool:
    """`0x...` are the action flags: where they stand says whether the two details are there."""
    return len(cells) < _OLD_CONFIG or (cells[15].startswith("0x") and cells[14].isdecimal())


_SAYS = re.compile(r"([A-Z][A-Za-z ]{2,24}): ([^,]{1,512})(?:, |$)")
_NAMED = {"Login from": "public_ip", "Source IP": "public_ip", "User name": "srcuser", "User Name": "srcuser", "Private IP": "private_ip",
          "Auth type": "auth_method", "Client OS version": "client_os_ver", "Client version": "client_ver",
          "Device name": "machinename", "VPN type": "tunnel_type", "Reason": "reason", "Client IP": "public_ip"}  # fmt: skip
_WHO = re.compile(r"for user '([^']{1,256})'")
_FROM = re.compile(r"[Ff]rom:? (?P<ip>[0-9A-Fa-f.:]{3,45}?)[.,]?(?: |$)")
_WHY = re.compile(r"Reason: ([^.]{1,200})\.")
_ADMIN = re.compile(r"User (\S{1,256}) logged (in|out) via (\S{1,32}) from (\S{1,64})")


def _described(row: dict[str, Any]) -> None:
    """What the sentence of a system log says: GlobalProtect before PAN-OS 9.1, and administrators."""
    text = str(row.get("opaque", ""))[:2048]
    if "globalprotect" in (str(row.get("eventid", "")) + str(row.get("subtype", ""))).replace("-", ""):
        for name, value in _SAYS.findall(text.partition(". ")[2] or text):
            if name in _NAMED:
                row.setdefault(_NAMED[name], value.rstrip(". "))
    elif (admin := _ADMIN.search(text)) is not None:
        row["srcuser"], row["logged"], row["via"], row["public_ip"] = admin.groups()
    elif (who := _WHO.search(text)) is not None:
        row["srcuser"] = who[1]
        if place := _FROM.search(text):
            row["public_ip"] = place["ip"]
        if why := _WHY.search(text):
            row["reason"] = why[1]


_OF_CEF = {
    "deviceExternalId": "serial", "PanOSDeviceSN": "serial", "rt": "receive_time", "dvchost": "device_name", "src": "src", "dst": "dst",
    "spt": "sport", "dpt": "dport", "sourceTranslatedAddress": "natsrc", "destinationTranslatedAddress": "natdst",
    "sourceTranslatedPort": "natsport", "destinationTranslatedPort": "natdport", "suser": "srcuser", "duser": "dstuser",
    "act": "action", "in": "bytes_sent", "out": "bytes_received", "cnt": "repeatcnt", "externalId": "seqno", "request": "misc",
    "deviceInboundInterface": "inbound_if", "deviceOutboundInterface": "outbound_if", "requestClientApplication": "user_agent",
    "requestMethod": "http_method", "reason": "session_end_reason", "msg": "opaque", "shost": "src_host", "fname": "object",
    "PanOSEventID": "eventid", "PanOSEventIDValue": "eventid", "PanOSStage": "stage", "PanOSAuthMethod": "auth_method",
    "PanOSTunnelType": "tunnel_type", "PanOSSourceUserName": "srcuser", "PanOSSourceRegion": "srcregion",
    "PanOSEndpointDeviceName": "machinename", "PanOSPublicIPv4": "public_ip", "PanOSPublicIPv6": "public_ipv6",
    "PanOSPrivateIPv4": "private_ip", "PanOSPrivateIPv6": "private_ipv6", "PanOSHostID": "hostid",
    "PanOSGlobalProtectClientVersion": "client_ver", "PanOSEndpointOSType": "client_os", "PanOSEndpointOSVersion": "client_os_ver",
    "PanOSQuarantineReason": "reason", "PanOSConnectionError": "error", "PanOSDescription": "opaque", "PanOSEventStatus": "status",
    "PanOSLoginDuration": "login_duration", "PanOSConnectionMethod": "connect_method", "PanOSConnectionErrorID": "error_code",
    "PanOSPortal": "portal", "PanOSGateway": "gateway", "PanOSDeviceName": "device_name", "PanOSSequenceNo": "seqno",
    "PanOSVirtualSystem": "vsys", "Rule": "rule", "Source Zone": "from", "Destination Zone": "to", "FromZone": "from", "ToZone": "to",
    "SessionID": "sessionid", "Elapsed time in seconds": "elapsed", "SessionDuration": "elapsed", "URL Category": "category",
}  # fmt: skip
"""The vendor's own names for the keys of its CEF; the others stay as they are."""
_LABELS = re.compile(r"(?:cs[1-6]|cn[1-3]|flex(?:String|Number)[12])(?:Label)?$")


@lru_cache(maxsize=1024)
def _own_names(names: tuple[str, ...]) -> tuple[str, ...]:
    """The vendor's own names for keys of CEF; empty for what only carries a labelled value."""
    return tuple("" if _LABELS.match(name) else _OF_CEF.get(name, name) for name in names)


def _of_cef(text: str) -> Row | None:
    row = cef(text)
    if row is None:
        return None
    words = str(row.get("cef.signature", "")), str(row.get("cef.name", ""))
    kind, sub = words if words[0].upper() in _KNOWN else words[::-1]
    if kind.upper() not in _KNOWN:
        return None
    named: dict[str, Any] = {}
    for name, value in zip(_own_names(tuple(row)), row.values(), strict=True):
        if name and value != "" and name not in named:
            named[name] = value
    threat = named.get("cat")
    named.update(type=kind.upper(), subtype=sub)
    named.setdefault("serial", "")
    if kind.upper() == "THREAT" and threat:
        named["threatid"] = threat
    if kind.upper() == "SYSTEM":
        named.setdefault("eventid", threat or sub)
        _described(named)
    return named


def _match(row: Row) -> bool:
    return "receive_time" in row and "serial" in row and row.get("type") in _KNOWN


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
PAYLOAD = Payload(("1,20", *_CEF_STARTS), _read)
SOURCE = line_source(FAMILY, PAYLOAD)
