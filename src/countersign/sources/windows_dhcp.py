"""Microsoft DHCP server's audit log: which machine had which address, from when to when.

For an auditor it joins an inner address to a host name and a hardware address; both are what the machine says of itself. The
server keeps one file a weekday (`DhcpSrvLog-Mon.log`) and **overwrites it a week later**: collect daily. Times are
local, without a zone, and the date is month first whatever the server's language. In the hour that daylight saving gives twice,
the order of lines is right and their times are not.

References: https://learn.microsoft.com/en-us/previous-versions/windows/it-pro/windows-server-2008-R2-and-2008/dd183591(v=ws.10)
(Analyze DHCP Server Log Files); OCSF 1.6.0, DHCP Activity.
"""

from __future__ import annotations

from collections.abc import Sequence

from countersign.sources._convert import said
from countersign.sources._family import Family
from countersign.sources._flat import Row
from countersign.sources._mapping import Step, What, account, via
from countersign.sources._table import csv_source
from countersign.sources._times import written

_DHCP = 4004
_ENGLISH = {
    "Datum": "Date", "Uhrzeit": "Time", "Zeit": "Time", "Beschreibung": "Description", "IP-Adresse": "IP Address",
    "IPv6-Adresse": "IPv6 Address", "Hostname": "Host Name", "MAC-Adresse": "MAC Address", "Benutzername": "User Name",
}  # fmt: skip
"""German servers have a German header; the rows are the same."""


def _prepare(row: Row) -> Row:
    row = {_ENGLISH.get(name, name): value for name, value in row.items()}
    code = str(row.get("ID", ""))
    return {**row, "ID": code.zfill(2)} if code.isdecimal() else row


def _match(row: Row) -> bool:
    return (
        "ID" in row and ("Date" in row or "Datum" in row) and ("Description" in row or "Beschreibung" in row)
    )


def _number(value: object) -> str | None:
    found = said(value)
    return None if found == "0" else found


def _mac(value: object) -> str | None:
    """Twelve digits as the house writes them; a longer hardware id stays as it is."""
    digits = (said(value) or "").replace("-", "").replace(":", "").lower()
    if len(digits) != _MAC_DIGITS or not all(digit in "0123456789abcdef" for digit in digits):
        return said(value)
    return ":".join(digits[at : at + 2] for at in range(0, _MAC_DIGITS, 2))


_MAC_DIGITS = 12


def _name(value: object) -> Sequence[object]:
    return ((said(value) or "").rstrip(".") or None,)


def _lease(activity: int, status: int | None = 1) -> What:
    return What(_DHCP, activity, status)


_ACK, _RELEASE, _EXPIRE, _REFUSED, _OTHER = _lease(5), _lease(7), _lease(9), _lease(6, 2), _lease(99, None)
_KINDS = {
    "10": _ACK, "11": _ACK, "20": _ACK, "21": _ACK, "12": _RELEASE, "16": _RELEASE, "17": _EXPIRE, "18": _EXPIRE, "23": _RELEASE,
    "13": _lease(4, 2), "14": _REFUSED, "15": _REFUSED, "22": _REFUSED,
    "11000": _lease(1), "11001": _lease(2), "11002": _lease(3), "11003": _lease(8), "11004": _ACK, "11005": _ACK, "11006": _lease(4, 2),
    "11007": _RELEASE, "11010": _ACK, "11011": _ACK, "11012": _REFUSED, "11013": _EXPIRE, "11014": _EXPIRE, "11016": _RELEASE,
}  # fmt: skip
"""By the numbers in the file's own head; from 11000 on those of DHCPv6."""

FAMILY = Family(
    name="windows_dhcp",
    title="Microsoft DHCP server audit log",
    page="windows-network",
    product="DHCP Server",
    vendor="Microsoft",
    match=_match,
    time=(written("Date", "Time", order="mdy"),),
    log="=DhcpSrvLog",
    by=("ID",),
    kinds=_KINDS,
    otherwise=_OTHER,
    prepare=_prepare,
    what=What(
        columns={
            "metadata.event_code": "ID",
            "message": "Description",
            "src_endpoint.ip": ("IP Address", "IPv6 Address"),
            "src_endpoint.mac": via(_mac, "MAC Address"),
            "src_endpoint.uid": "Duid Bytes(Hex)",
            "src_endpoint.agent.name": "VendorClass(ASCII)",
            "metadata.correlation_uid": via(_number, "TransactionID"),
        },
        steps=(Step(("Host Name",), ("src_endpoint.hostname",), _name), account("user", "User Name")),
    ),
)
SOURCE = csv_source(FAMILY, starts=("ID,Date,Time", "ID,Datum,"))
