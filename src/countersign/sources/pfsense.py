"""pfSense and OPNsense: what the packet filter passed and refused, and administrators at the web interface.

For an auditor the filter log says which address talked to which one and under what rule's number, and nothing of the person: a
VPN's lease (OpenVPN, IPsec) joins the two. A rule without logging leaves nothing, so silence proves nothing. The rule stands as
its tracker (pfSense) or label (OPNsense), which a change of the rules' order does not move.

References: https://docs.netgate.com/pfsense/en/latest/monitoring/logs/raw-filter-format.html; OPNsense src filterlog;
pfSense etc/inc/auth.inc and openvpn scripts (messages of logins).
"""

from __future__ import annotations

import re

from countersign.sources._address import account, endpoint
from countersign.sources._programs import Understood

_Columns = dict[str, object]
_Found = tuple[_Columns, _Columns] | None

_HEAD = (
    "rule_number",
    "sub_rule",
    "anchor",
    "tracker",
    "interface",
    "reason",
    "action",
    "direction",
    "ip_version",
)
_IPV4 = (
    *_HEAD,
    "tos",
    "ecn",
    "ttl",
    "id",
    "offset",
    "flags",
    "protocol_id",
    "protocol",
    "length",
    "src",
    "dst",
)
_IPV6 = (*_HEAD, "class", "flow_label", "hop_limit", "protocol", "protocol_id", "length", "src", "dst")
_TCP = ("src_port", "dst_port", "data_length", "tcp_flags", "sequence", "ack", "window", "urgent", "options")
_NAMES = {"4": _IPV4 + _TCP, "6": _IPV6 + _TCP}
_PORTED = frozenset({"tcp", "udp", "sctp"})
_LOGIN = re.compile(
    r"(?:\S{1,128}: )?(Successful login|webConfigurator authentication error|Web GUI authentication error|User logged out"
    r"|Session timed out|Authentication error|Could not login|User locked out) (?:for )?(?:user )?'?(.{0,256}?)'?"
    r" from:? (?:UserID: )?([0-9A-Fa-f.:]{2,45})(?: \((.{1,128})\))?\.?$"
)
_CHANGED = re.compile(
    r"(?:\S{1,128}: )?[Uu]ser (?:')?([^'@\s]{1,128})(?:')?@([0-9A-Fa-f.:]{2,45}) (?:\([^)]{1,128}\) )?changed configuration to (\S{1,512})(?: in (\S{1,512}))?"
)
_PASSED = {"pass": 1, "rdr": 1, "nat": 1, "binat": 1, "block": 2, "reject": 2}
_LOGONS = {"Successful login": (1, 1), "User logged out": (2, 1), "Session timed out": (2, 1)}


def understand(program: str, pid: str | None, message: str) -> Understood | None:
    """A line of the filter log, or of the web interface's."""
    del pid
    found = _filtered(message) if program.endswith("filterlog") else _administered(message)
    if found is None:
        return None
    columns, fields = found
    columns["metadata.product"] = "pfSense/OPNsense"
    return columns, fields, None


def _filtered(message: str) -> _Found:
    cells = message.split(",")
    names = _NAMES.get(cells[8]) if 14 < len(cells) < 64 else None
    if names is None or cells[6] not in _PASSED:
        return None
    told = dict(zip(names, cells, strict=False))
    protocol = told.get("protocol", "").lower()
    action = _PASSED[cells[6]]
    ported = protocol in _PORTED
    columns: _Columns = {
        "class_uid": 4001,
        "activity_id": 1 if action == 1 else 5,
        "status_id": action,
        "action_id": action,
        "connection_info.protocol_name": protocol or None,
        "connection_info.direction_id": {"in": 1, "out": 2}.get(cells[7]),
        "src_endpoint.zone": cells[4] or None,
        "policy.uid": (cells[3] if cells[3] not in {"", "0"} else cells[0]) or None,
    }
    columns |= endpoint("src_endpoint", told.get("src", ""), told.get("src_port", "") if ported else "")
    columns |= endpoint("dst_endpoint", told.get("dst", ""), told.get("dst_port", "") if ported else "")
    return columns, {name: value for name, value in told.items() if value and (ported or name not in _TCP)}


def _administered(message: str) -> _Found:
    match = _LOGIN.match(message)
    if match is not None:
        what, user, source, where = match.groups()
        activity, status = _LOGONS.get(what, (1, 2))
        columns: _Columns = {"class_uid": 3002, "activity_id": activity, "status_id": status}
        columns |= account(user) | endpoint("src_endpoint", source)
        if where:
            columns["auth_protocol"] = where
        if status == 2:
            columns["status_detail"] = what
        return columns, {}
    changed = _CHANGED.match(message)
    if changed is None:
        return None
    user, source, backup, page = changed.groups()
    columns = {"class_uid": 3004, "activity_id": 3, "status_id": 1, "resources.type": "configuration"}
    columns |= {f"actor.{name}": value for name, value in account(user).items()}
    return columns | endpoint("src_endpoint", source), {"backup": backup, **({"page": page} if page else {})}
