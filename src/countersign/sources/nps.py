r"""Microsoft NPS and RRAS: RADIUS requests, acceptances, refusals and accounting, in all three file formats.

For an auditor this is where a VPN gateway or a Wi-Fi asked: who was accepted under which policy and by which method, who refused
and why, and from accounting when a session began, which inner address it had, and what it moved. A request is not yet a
logon. What an extension asked besides (a push to a telephone) is only seen in its refusals (reason 21): `is_mfa` stays null.

Read are the database-compatible file, the IAS (legacy) file and DTS-compliant XML. All times are the server's local time, month first.

References: https://learn.microsoft.com/en-us/windows-server/networking/technologies/nps/nps-accounting-configure; Interpret NPS Database
Format Log Files, Interpret IAS Format Log Files (learn.microsoft.com, previous versions); RFC 2865, RFC 2866, RFC 2868.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from html import unescape
from typing import Any

from countersign.sources._convert import said, split_endpoint
from countersign.sources._family import Family
from countersign.sources._flat import Row
from countersign.sources._lines import LONGEST
from countersign.sources._mapping import From, Step, What, account, endpoint, enum, scaled
from countersign.sources._payload import Payload, line_source
from countersign.sources._times import written

_AUTHENTICATION, _NETWORK, _TUNNEL = 3002, 4001, 4014
_DATABASE = [
    "Computer-Name",
    "Event-Source",
    "Record-Date",
    "Record-Time",
    "Packet-Type",
    "User-Name",
    "Fully-Qualified-Distinguished-Name",
    "Called-Station-Id",
    "Calling-Station-Id",
    "Callback-Number",
    "Framed-IP-Address",
    "NAS-Identifier",
    "NAS-IP-Address",
    "NAS-Port",
    "Client-Vendor",
    "Client-IP-Address",
    "Client-Friendly-Name",
    "Event-Timestamp",
    "Port-Limit",
    "NAS-Port-Type",
    "Connect-Info",
    "Framed-Protocol",
    "Service-Type",
    "Authentication-Type",
    "NP-Policy-Name",
    "Reason-Code",
    "Class",
    "Session-Timeout",
    "Idle-Timeout",
    "Termination-Action",
    "EAP-Friendly-Name",
    "Acct-Status-Type",
    "Acct-Delay-Time",
    "Acct-Input-Octets",
    "Acct-Output-Octets",
    "Acct-Session-Id",
    "Acct-Authentic",
    "Acct-Session-Time",
    "Acct-Input-Packets",
    "Acct-Output-Packets",
    "Acct-Terminate-Cause",
    "Acct-Multi-Session-Id",
    "Acct-Link-Count",
    "Acct-Interim-Interval",
    "Tunnel-Type",
    "Tunnel-Medium-Type",
    "Tunnel-Client-Endpt",
    "Tunnel-Server-Endpt",
    "Acct-Tunnel-Connection",
    "Tunnel-Pvt-Group-ID",
    "Tunnel-Assignment-ID",
    "Tunnel-Preference",
    "MS-Acct-Auth-Type",
    "MS-Acct-EAP-Type",
    "MS-RAS-Version",
    "MS-RAS-Vendor",
    "MS-CHAP-Error",
    "MS-CHAP-Domain",
    "MS-MPPE-Encryption-Types",
    "MS-MPPE-Encryption-Policy",
    "Proxy-Policy-Name",
    "Provider-Type",
    "Provider-Name",
    "Remote-Server-Address",
    "MS-RAS-Client-Name",
    "MS-RAS-Client-Version",
]
_LEGACY = ("NAS-IP-Address", "User-Name", "Record-Date", "Record-Time", "Event-Source", "Computer-Name")
_BY_NUMBER = {
    "1": "User-Name", "4": "NAS-IP-Address", "5": "NAS-Port", "6": "Service-Type", "7": "Framed-Protocol", "8": "Framed-IP-Address",
    "12": "Framed-MTU", "18": "Reply-Message", "25": "Class", "27": "Session-Timeout", "28": "Idle-Timeout", "30": "Called-Station-Id",
    "31": "Calling-Station-Id", "32": "NAS-Identifier", "40": "Acct-Status-Type", "41": "Acct-Delay-Time", "42": "Acct-Input-Octets",
    "43": "Acct-Output-Octets", "44": "Acct-Session-Id", "45": "Acct-Authentic", "46": "Acct-Session-Time", "47": "Acct-Input-Packets",
    "48": "Acct-Output-Packets", "49": "Acct-Terminate-Cause", "50": "Acct-Multi-Session-Id", "55": "Event-Timestamp",
    "61": "NAS-Port-Type", "64": "Tunnel-Type", "65": "Tunnel-Medium-Type", "66": "Tunnel-Client-Endpt", "67": "Tunnel-Server-Endpt",
    "77": "Connect-Info", "4108": "Client-IP-Address", "4116": "Client-Vendor", "4127": "Authentication-Type",
    "4128": "Client-Friendly-Name", "4129": "SAM-Account-Name", "4130": "Fully-Qualified-User-Name", "4132": "EAP-Friendly-Name",
    "4136": "Packet-Type", "4142": "Reason-Code", "4149": "NP-Policy-Name", "4154": "Proxy-Policy-Name", "4155": "Provider-Type",
    "4156": "Provider-Name", "4157": "Remote-Server-Address",
}  # fmt: skip
_SERVICES = frozenset({"IAS", "RAS"})
_DATE = re.compile(r"\d{1,2}/\d{1,2}/\d{4}$")
_XML = re.compile(r'<([A-Za-z][\w.-]{0,63}) data_type="\d">([^<]{0,8192})</')
_XML_START = "<Event><Timestamp"
_FIXED = len(_LEGACY)


def _read(text: str) -> dict[str, Any] | None:
    if len(text) > LONGEST:
        return None
    if text.startswith(_XML_START):
        row: dict[str, Any] = {}
        for name, value in _XML.findall(text):
            row.setdefault(_SPELT.get(name, name), unescape(value))
        return row if row.get("Event-Source") in _SERVICES else None
    try:
        cells = next(csv.reader([text]), [])
    except csv.Error:
        return None
    if len(cells) > _FIXED and cells[1] in _SERVICES and _DATE.match(cells[2]):
        return {name: cell for name, cell in zip(_DATABASE, cells, strict=False) if cell}
    if len(cells) > _FIXED and cells[4] in _SERVICES and _DATE.match(cells[2]):
        row = {name: cell for name, cell in zip(_LEGACY, cells, strict=False) if cell}
        for number, value in zip(cells[_FIXED::2], cells[_FIXED + 1 :: 2], strict=False):
            if value:
                row.setdefault(_BY_NUMBER.get(number, f"attribute_{number}"), value)
        return row
    return None


_SPELT = {"Fully-Qualifed-User-Name": "Fully-Qualified-User-Name", "NP-Policy-Name": "NP-Policy-Name"}
"""As Windows spells it."""


class _Lines(Payload):
    """Three formats of which two begin with whatever the data say."""

    def find(self, text: str) -> tuple[int, Row] | None:
        row = self.read(text)
        return None if row is None else (0, row)


def _match(row: Row) -> bool:
    return row.get("Event-Source") in _SERVICES and "Packet-Type" in row


def _session(server: object, number: object, gateway: object, client: object) -> Sequence[object]:
    del server
    key = said(number)
    return (None if key is None else f"radius:{said(gateway) or said(client) or ''}:{key}",)


def _caller(value: object) -> Sequence[object]:
    """An address of a VPN client, the hardware address of a Wi-Fi's."""
    address, _, name = split_endpoint(value)
    digits = (name or "").replace("-", "").replace(":", "").replace(".", "").lower()
    if (
        address is None
        and len(digits) == _MAC_DIGITS
        and all(digit in "0123456789abcdef" for digit in digits)
    ):
        return None, ":".join(digits[at : at + 2] for at in range(0, _MAC_DIGITS, 2))
    return address, None


_MAC_DIGITS = 12
_METHODS = {
    "1": "PAP",
    "2": "CHAP",
    "3": "MS-CHAPv1",
    "4": "MS-CHAPv2",
    "5": "EAP",
    "7": "none",
    "8": "custom",
    "11": "PEAP",
}
_TUNNELS = {"1": "pptp", "3": "l2tp", "9": "esp", "12": "sstp"}
_REASONS = {"0": "success", "16": "wrong credentials", "21": "refused by an extension", "34": "account disabled", "36": "account locked out",
            "48": "no matching policy", "65": "dial-in permission denied", "66": "method not allowed by policy"}  # fmt: skip
_COLUMNS: dict[str, From] = {
    "auth_protocol": enum("Authentication-Type", _METHODS),
    "auth_factors": "EAP-Friendly-Name",
    "policy.name": ("NP-Policy-Name", "Proxy-Policy-Name"),
    "status_code": "Reason-Code",
    "status_detail": enum("Reason-Code", _REASONS),
    "tunnel_interface.ip": "Framed-IP-Address",
    "tunnel_type": enum("Tunnel-Type", _TUNNELS),
    "dst_endpoint.name": ("Client-Friendly-Name", "NAS-Identifier"),
    "src_endpoint.name": "MS-RAS-Client-Name",
    "src_endpoint.agent.version": "MS-RAS-Client-Version",
    "metadata.correlation_uid": "Class",
    "metadata.event_code": "Packet-Type",
    "device.hostname": "Computer-Name",
    "traffic.bytes_out": "Acct-Input-Octets",
    "traffic.bytes_in": "Acct-Output-Octets",
    "traffic.packets_out": "Acct-Input-Packets",
    "traffic.packets_in": "Acct-Output-Packets",
    "duration": scaled(1000, "Acct-Session-Time"),
}
_SIDES = ("src_endpoint.ip", "src_endpoint.mac")
_STEPS = (
    Step(("Computer-Name", "Acct-Session-Id", "NAS-IP-Address", "Client-IP-Address"), ("session.uid",), _session),
    account("user", "SAM-Account-Name"), account("user", "User-Name"), account("user", "Fully-Qualified-User-Name"), account("user", "Fully-Qualified-Distinguished-Name"),
    Step(("Tunnel-Client-Endpt",), _SIDES, _caller), Step(("Calling-Station-Id",), _SIDES, _caller),
    endpoint("dst_endpoint", "NAS-IP-Address"), endpoint("dst_endpoint", "Client-IP-Address"),
)  # fmt: skip
_REQUEST, _ACCEPTED, _REJECTED = (
    What(_AUTHENTICATION, 6),
    What(_AUTHENTICATION, 1, 1),
    What(_AUTHENTICATION, 1, 2),
)
_ANSWERS = {"1": _REQUEST, "2": _ACCEPTED, "3": _REJECTED, "11": _REQUEST}
_VPN = {"1": What(_TUNNEL, 1, 1), "2": What(_TUNNEL, 2, 1)}
_ACCESS = {"1": What(_NETWORK, 1, 1), "2": What(_NETWORK, 2, 1)}
_TUNNEL_OTHER, _ACCESS_OTHER, _OTHER = What(_TUNNEL, 99), What(_NETWORK, 6), What()
_VIRTUAL = "5"
"""NAS-Port-Type of VPNs (RFC 2865, section 5.41)."""


def _otherwise(packet: str, accounting: str, port: str, tunnel: str) -> What:
    if packet != "4":
        return _ANSWERS.get(packet, _OTHER)
    if port == _VIRTUAL or tunnel:
        return _VPN.get(accounting, _TUNNEL_OTHER)
    return _ACCESS.get(accounting, _ACCESS_OTHER)


FAMILY = Family(
    name="nps",
    title="Microsoft NPS and RRAS (RADIUS) log files",
    page="windows-network",
    product="Network Policy Server",
    vendor="Microsoft",
    match=_match,
    time=(written("Timestamp", order="mdy"), written("Record-Date", "Record-Time", order="mdy")),
    log="Event-Source",
    by=("Packet-Type", "Acct-Status-Type", "NAS-Port-Type", "Tunnel-Type"),
    otherwise=_otherwise,
    what=What(columns=_COLUMNS, steps=_STEPS),
)
PAYLOAD = _Lines((_XML_START,), _read)
SOURCE = line_source(FAMILY, PAYLOAD)
