"""How PAN-OS writes its logs: fields by their place in a line of CSV, or CEF, read into rows under PAN-OS's own names.

Fields are added at the end from version to version; what stands behind those that we know is kept by its number. A system log
says what it has to say in a sentence, and that is taken apart as well.

References: https://docs.paloaltonetworks.com/pan-os/11-0/pan-os-admin/monitoring/use-syslog-for-monitoring/syslog-field-descriptions,
https://docs.paloaltonetworks.com/strata-logging-service/log-reference.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import compress
from operator import itemgetter
from typing import Any

from countersign.sources._flat import Row
from countersign.sources._lines import LONGEST, cef
from countersign.sources._table import reader

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
KINDS = _OTHERS | _NAMES.keys()
_UNNAMED = tuple(_HEAD.split())
_OLD_CONFIG = 17
"""Fields of a CONFIG line up to PAN-OS 6.1, or of a profile without details: the two details are then not there."""


def read(text: str) -> Row | None:
    """The row of a message; None where it is none of PAN-OS's."""
    if text.startswith("CEF:"):
        return _of_cef(text)
    if len(text) > LONGEST:
        return None
    cells = text.split(",") if '"' not in text else _quoted()(text)
    if len(cells) < 8:
        return None
    kind = cells[3].upper()
    if kind not in KINDS:
        return None
    names, pick, all_ = _places(kind, len(cells), short=kind == "CONFIG" and _undetailed(cells))
    own = pick(cells)
    row: dict[str, Any] = dict(compress(zip(names, own, strict=True), own))
    if len(cells) > all_:
        later = enumerate(cells[all_:], all_ + 1)
        row |= {f"field_{place}": cell for place, cell in later if cell}
    row["type"] = kind
    if kind == "SYSTEM":
        _described(row)
    return row


@lru_cache(maxsize=1)
def _quoted() -> Callable[[str], list[str]]:
    return reader(",")


@lru_cache(maxsize=4096)
def _places(
    kind: str, count: int, *, short: bool
) -> tuple[tuple[str, ...], Callable[[Sequence[str]], Sequence[str]], int]:
    """The names of a line of `count` fields, what picks their values, and how many fields have a name or are kept free;
    a `short` one is without the details of a change."""
    names = _NAMES.get(kind, _UNNAMED)
    if short:
        names = tuple(name for name in names if not name.endswith("_change_detail"))
    kept = [place for place, name in enumerate(names[:count]) if name not in _NAMELESS]
    return tuple(names[place] for place in kept), itemgetter(*kept), len(names)


_NAMELESS = frozenset({"-", "future_use"})


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
def _own_names(names: tuple[str, ...]) -> tuple[tuple[str, ...], bool]:
    """The vendor's own names for keys of CEF, empty for what only carries a labelled value; and whether one comes again."""
    own = tuple("" if _LABELS.match(name) else _OF_CEF.get(name, name) for name in names)
    return own, len(set(own)) + max(own.count("") - 1, 0) < len(own)


def _own(row: Row) -> dict[str, Any]:
    """A row by the vendor's own names; of two values for one name the first counts."""
    names, again = _own_names(tuple(row))
    pairs = compress(zip(names, row.values(), strict=True), row.values())
    named: dict[str, Any] = {}
    if not again:
        named.update(pairs)
        named.pop("", None)
        return named
    for name, value in pairs:
        if name and name not in named:
            named[name] = value
    return named


def _of_cef(text: str) -> Row | None:
    row = cef(text)
    if row is None:
        return None
    words = str(row.get("cef.signature", "")), str(row.get("cef.name", ""))
    kind, sub = words if words[0].upper() in KINDS else words[::-1]
    if kind.upper() not in KINDS:
        return None
    named = _own(row)
    threat = named.get("cat")
    named.update(type=kind.upper(), subtype=sub)
    named.setdefault("serial", "")
    if kind.upper() == "THREAT" and threat:
        named["threatid"] = threat
    if kind.upper() == "SYSTEM":
        named.setdefault("eventid", threat or sub)
        _described(named)
    return named
