"""Connections through a Cisco ASA or FTD: built and torn down, refused by access lists, seen by FTD's inspection.

For an auditor these say what passed between whom and how much, and what was refused. Who it was stands in them only where
the firewall knew the user of an address.

References: Cisco Secure Firewall ASA Series Syslog Messages, Cisco Secure Firewall Threat Defense Syslog Messages (430001 to 430005).
"""

from __future__ import annotations

import re
from collections.abc import Callable

from countersign.sources._address import account, endpoint

Columns = dict[str, object]
Found = tuple[Columns, Columns] | None
"""Columns and fields of a message; None where its text is not as it should be."""
Reader = Callable[[str, str], Found]
"""Reads the text of a message, given its number."""

_PLACE = r"([^\s:]{1,64}):([0-9A-Fa-f.:]{2,45})/(\d{1,5})(?:\([^)]{0,128}\))?(?: \([^)]{1,64}\))?(?:\([^)]{0,128}\))?"
_BUILT = re.compile(
    rf"Built (inbound|outbound) (TCP|UDP) connection (\d{{1,20}}) for {_PLACE} to {_PLACE}(?: \((.{{1,256}})\))?$"
)
_TEARDOWN = re.compile(
    rf"Teardown (TCP|UDP) connection (\d{{1,20}}) (?:for|faddr) {_PLACE} to {_PLACE} "
    r"duration (\d{1,5}):(\d{2}):(\d{2}) bytes (\d{1,18})(?: (.{0,256}))?$"
)


def _built(number: str, text: str) -> Found:
    """The outer side stands first; who began it says the direction."""
    del number
    match = _BUILT.match(text)
    if match is None:
        return None
    direction, protocol, uid, outer, outer_ip, outer_port, inner, inner_ip, inner_port, user = match.groups()
    sides = [(outer_ip, outer_port), (inner_ip, inner_port)]
    source, target = sides if direction == "inbound" else reversed(sides)
    columns = (
        _connection(1, protocol, uid) | endpoint("src_endpoint", *source) | endpoint("dst_endpoint", *target)
    )
    return columns | account(user or ""), {"interfaces": f"{outer},{inner}", "direction": direction}


def _teardown(number: str, text: str) -> Found:
    """Says no direction: the addresses stay fields, `connection_info.uid` finds the line that built it."""
    del number
    match = _TEARDOWN.match(text)
    if match is None:
        return None
    (
        protocol,
        uid,
        outer,
        outer_ip,
        outer_port,
        inner,
        inner_ip,
        inner_port,
        hours,
        minutes,
        seconds,
        size,
        why,
    ) = match.groups()
    columns = _connection(2, protocol, uid)
    columns["duration"] = ((int(hours) * 60 + int(minutes)) * 60 + int(seconds)) * 1000
    if why:
        columns["status_code"] = why
    fields: Columns = {
        "interfaces": f"{outer},{inner}",
        "outer": f"{outer_ip}/{outer_port}",
        "inner": f"{inner_ip}/{inner_port}",
        "bytes": size,
    }
    return columns, fields


def _connection(activity: int, protocol: str, uid: str) -> Columns:
    return {
        "class_uid": 4001,
        "activity_id": activity,
        "connection_info.uid": f"asa:{uid}",
        "connection_info.protocol_name": protocol.lower(),
    }


_ENDS = re.compile(
    r"faddr (\S{1,64})/(\d{1,5})(?:\([^)]{0,128}\))? gaddr \S{1,80} laddr (\S{1,64})/(\d{1,5})"
)
_GRE = re.compile(
    r"(?:from|for) ([^\s:]{1,64}):([0-9A-Fa-f.:]{2,45})(?:/\d{1,5})? ?(?:\([^)]{0,128}\))? to "
    r"([^\s:]{1,64}):([0-9A-Fa-f.:]{2,45})"
)
_WAY = re.compile(r"(Built|Teardown) (?:(inbound|outbound) )?(ICMP|GRE) connection (\d{1,20} )?")
_ICMP_CODE = re.compile(r"type (\d{1,3}) code (\d{1,3})")


def _portless(number: str, text: str) -> Found:
    """ICMP and GRE. Of ICMP the foreign end stands first, and nothing numbers the connection."""
    way = _WAY.match(text)
    ends = None if way is None else (_ENDS if way[3] == "ICMP" else _GRE).search(text)
    if way is None or ends is None:
        return None
    columns: Columns = {
        "class_uid": 4001,
        "activity_id": 1 if way[1] == "Built" else 2,
        "connection_info.protocol_name": way[3].lower(),
    }
    if way[4]:
        columns["connection_info.uid"] = f"asa:{way[4].strip()}"
    foreign, local = (ends[1], ends[3]) if way[3] == "ICMP" else (ends[2], ends[4])
    fields: Columns = {"foreign": foreign, "local": local}
    if way[2]:
        source, target = (foreign, local) if way[2] == "inbound" else (local, foreign)
        columns |= endpoint("src_endpoint", source) | endpoint("dst_endpoint", target)
    if code := _ICMP_CODE.search(text):
        fields |= {"icmp_type": code[1], "icmp_code": code[2]}
    del number
    return columns, fields


_REFUSED = re.compile(
    r"Deny (?:protocol )?(\S{1,16}) src ([^\s:]{1,64}):([0-9A-Fa-f.:]{2,45})(?:/(\d{1,5}))?(?:\([^)]{0,128}\))? "
    r"dst ([^\s:]{1,64}):([0-9A-Fa-f.:]{2,45})(?:/(\d{1,5}))?"
)
_LISTED = re.compile(
    r"access-list (\S{1,241}) (permitted|denied|est-allowed) (\S{1,16}) (?:for user '[^']{0,256}' )?"
    r"([^\s/]{1,64})/([0-9A-Fa-f.:]{2,45})\((\d{1,5})\)(?:\([^)]{0,128}\))? -> "
    r"([^\s/]{1,64})/([0-9A-Fa-f.:]{2,45})\((\d{1,5})\)"
)
_BY = re.compile(r'by access-group "([^"]{1,241})"')


def _listed(number: str, text: str) -> Found:
    """Access lists: what was refused (106023), and what they were asked to log (106100)."""
    if number == "106100":
        match = _LISTED.match(text)
        if match is None:
            return None
        rule, done, protocol, outer, source, port, inner, target, target_port = match.groups()
        refused = done == "denied"
    else:
        match = _REFUSED.match(text)
        if match is None:
            return None
        protocol, outer, source, port, inner, target, target_port = match.groups()
        named, refused = _BY.search(text), True
        rule = named[1] if named else ""
    columns: Columns = {
        "class_uid": 4001,
        "activity_id": 5 if refused else 1,
        "action_id": 2 if refused else 1,
    }
    columns |= {
        "status_id": 2 if refused else 1,
        "connection_info.protocol_name": protocol.lower(),
        "policy.name": rule or None,
    }
    columns |= endpoint("src_endpoint", source, port or "") | endpoint(
        "dst_endpoint", target, target_port or ""
    )
    return columns, {"interfaces": f"{outer},{inner}"}


_TOLD = re.compile(r"(?:^|, )([A-Z][A-Za-z0-9_]{0,39}(?: [A-Z][A-Za-z]{1,20})?): ")
_NOBODY = frozenset({"", "Unknown", "No Authentication Required", "Not Found"})
_OF_FTD = {
    "DeviceUUID": "device.uid", "IngressZone": "src_endpoint.zone", "EgressZone": "dst_endpoint.zone",
    "AccessControlRuleName": "policy.name", "ApplicationProtocol": "dst_endpoint.svc_name", "URL": "url",
    "UserAgent": "http_request.user_agent", "ReferencedHost": "dst_endpoint.hostname", "Client": "src_endpoint.agent.name",
    "DNSQuery": "query.hostname", "FileName": "file.name", "FileSHA256": "file.hashes", "Message": "finding_info.title",
}  # fmt: skip
_NUMBERS = {"InitiatorBytes": "traffic.bytes_out", "ResponderBytes": "traffic.bytes_in",
            "InitiatorPackets": "traffic.packets_out", "ResponderPackets": "traffic.packets_in"}  # fmt: skip


def _told(text: str) -> dict[str, str]:
    """`Name: value, Name: value`; a value ends where the next name begins."""
    found: dict[str, str] = {}
    name, start = "", 0
    for match in _TOLD.finditer(text):
        if name:
            found.setdefault(name, text[start : match.start()])
        name, start = match[1], match.end()
    if name:
        found.setdefault(name, text[start:])
    return found


def _security(number: str, text: str) -> Found:
    """FTD's own events: intrusion (430001), a connection's begin and end (430002, 430003), files (430004, 430005)."""
    told = _told(text)
    if not told:
        return None
    blocked = (
        told.get("AccessControlRuleAction", told.get("FileAction", "")).lower().startswith(("block", "reset"))
    )
    columns: Columns = {"action_id": 2 if blocked or told.get("InlineResult", "").lower() == "dropped" else 1}
    if number in {"430002", "430003"}:
        columns |= {"class_uid": 4001, "status_id": 2 if blocked else 1}
        columns["activity_id"] = 5 if blocked else 1 if number == "430002" else 2
    else:
        columns |= {"class_uid": 2004, "activity_id": 1}
    columns |= {column: told[name] for name, column in _OF_FTD.items() if told.get(name)}
    columns |= {column: int(told[name]) for name, column in _NUMBERS.items() if _count(told.get(name, ""))}
    if _count(told.get("ConnectionDuration", "")):
        columns["duration"] = int(told["ConnectionDuration"]) * 1000
    columns["connection_info.protocol_name"] = told.get("Protocol", "").lower() or None
    parts = [told.get(name, "") for name in ("DeviceUUID", "InstanceID", "FirstPacketSecond", "ConnectionID")]
    if parts[-1]:
        columns["connection_info.uid"] = "ftd:" + ":".join(parts)
    columns |= endpoint("src_endpoint", told.get("SrcIP", ""), told.get("SrcPort", ""))
    columns |= endpoint("dst_endpoint", told.get("DstIP", ""), told.get("DstPort", ""))
    user = told.get("User", "")
    return columns | ({} if user in _NOBODY else account(user)), {**told}


def _count(text: str) -> bool:
    return text.isdecimal() and text.isascii() and len(text) < 16


CONNECTIONS: dict[str, Reader] = {
    **dict.fromkeys(("302013", "302015"), _built),
    **dict.fromkeys(("302014", "302016"), _teardown),
    **dict.fromkeys(("302017", "302018", "302020", "302021"), _portless),
    **dict.fromkeys(("106023", "106100"), _listed),
    **dict.fromkeys(("430001", "430002", "430003", "430004", "430005"), _security),
}
"""By message number."""
