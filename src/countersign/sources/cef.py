"""CEF and LEEF of any product without a family of its own: ends, accounts, what was done, by the keys both formats define.

For an auditor these are a product's words put into a common form by the product itself: the keys are defined, what they mean for
a product's event is not. Every event is a Base Event (class 0), with whatever its defined keys say; no login is read into it.

References: ArcSight Common Event Format (CEF) version 27, event dictionary; IBM QRadar LEEF guide, predefined attributes.
"""

from __future__ import annotations

from countersign.sources._family import Family
from countersign.sources._flat import Row
from countersign.sources._lines import cef, leef
from countersign.sources._mapping import What, account, endpoint, enum, via
from countersign.sources._payload import Payload, line_source
from countersign.sources._times import epoch, iso, written

_CLAIMED = frozenset(
    {
        ("Fortinet", "Fortigate"),
        ("Palo Alto Networks", "PAN-OS"),
        ("Palo Alto Networks", "LF"),
        ("Cyber-Ark", "Vault"),
        ("CyberArk", "Vault"),
        ("Thycotic Software", "Secret Server"),
        ("Delinea", "Secret Server"),
        ("Delinea Software", "Secret Server"),
    }
)
"""Vendor and product of CEF that families of their own read."""
_CLAIMED_VENDORS = frozenset({"Check Point", "Zscaler"})
"""Vendors all of whose CEF they read."""
_RESULTS = {"success": 1, "succeeded": 1, "ok": 1, "failure": 2, "failed": 2, "denied": 2}


def _severity(value: object) -> int | None:
    """CEF's 0 to 10, or its words, as OCSF's 1 to 5."""
    word = str(value)
    if word.isdecimal() and len(word) < 3:
        return 1 if int(word) < 4 else 3 if int(word) < 7 else 4 if int(word) < 9 else 5
    return {"low": 2, "medium": 3, "high": 4, "very-high": 5}.get(word.lower())


def _cef(row: Row) -> bool:
    vendor = row.get("cef.vendor")
    return (
        "cef.signature" in row
        and (vendor, row["cef.product"]) not in _CLAIMED
        and vendor not in _CLAIMED_VENDORS
    )


def _leef(row: Row) -> bool:
    return "leef.event" in row


CEF = Family(
    name="cef",
    title="CEF of other products",
    page="cef",
    product="",
    vendor="",
    match=_cef,
    time=(
        epoch("rt"), epoch("start"), epoch("end"),
        written("rt", order="mdy"), written("start", order="mdy"), written("end", order="mdy"),
    ),
    log="cef.product",
    what=What(
        status=enum("outcome", _RESULTS),
        columns={
            "message": ("msg", "cef.name"),
            "metadata.product": "cef.product",
            "metadata.vendor_name": "cef.vendor",
            "metadata.product_version": "cef.version",
            "metadata.event_code": "cef.signature",
            "metadata.uid": "externalId",
            "severity_id": via(_severity, "cef.severity"),
            "status_detail": "reason",
            "action_id": enum("act", {"allow": 1, "allowed": 1, "permit": 1, "deny": 2, "denied": 2, "block": 2, "blocked": 2, "drop": 2}),
            "device.hostname": "dvchost",
            "device.ip": "dvc",
            "device.uid": "deviceExternalId",
            "src_endpoint.hostname": "shost",
            "src_endpoint.mac": "smac",
            "src_endpoint.proxy_endpoint.ip": "sourceTranslatedAddress",
            "dst_endpoint.hostname": "dhost",
            "dst_endpoint.mac": "dmac",
            "dst_endpoint.proxy_endpoint.ip": "destinationTranslatedAddress",
            "actor.user.domain": "sntdom",
            "actor.user.uid": "suid",
            "user.domain": "dntdom",
            "user.uid": "duid",
            "process.path": "dproc",
            "service.name": "destinationServiceName",
            "connection_info.protocol_name": "proto",
            "traffic.bytes_in": "in",
            "traffic.bytes_out": "out",
            "http_request.user_agent": "requestClientApplication",
            "http_request.http_method": "requestMethod",
            "url": "request",
            "file.name": "fname",
            "file.path": "filePath",
            "file.size": "fsize",
            "file.hashes": "fileHash",
        },
        steps=(
            account("actor.user", "suser"),
            account("user", "duser"),
            endpoint("src_endpoint", "src", "spt"),
            endpoint("dst_endpoint", "dst", "dpt"),
        ),
    ),
)  # fmt: skip
LEEF = Family(
    name="leef",
    title="LEEF of other products",
    page="cef",
    product="",
    vendor="",
    match=_leef,
    time=(epoch("devTime"), iso("devTime"), written("devTime", order="mdy")),
    log="leef.product",
    what=What(
        columns={
            "message": ("msg", "leef.event"),
            "metadata.product": "leef.product",
            "metadata.vendor_name": "leef.vendor",
            "metadata.product_version": "leef.version",
            "metadata.event_code": "leef.event",
            "severity_id": via(_severity, "sev"),
            "device.hostname": "identHostName",
            "src_endpoint.mac": "srcMAC",
            "src_endpoint.proxy_endpoint.ip": "srcPostNAT",
            "dst_endpoint.mac": "dstMAC",
            "dst_endpoint.proxy_endpoint.ip": "dstPostNAT",
            "user.domain": "domain",
            "connection_info.protocol_name": "proto",
            "traffic.bytes_in": "dstBytes",
            "traffic.bytes_out": "srcBytes",
            "group.name": "groupID",
            "policy.name": "policy",
            "url": "url",
        },
        steps=(
            account("user", "usrName"),
            endpoint("src_endpoint", "src", "srcPort"),
            endpoint("dst_endpoint", "dst", "dstPort"),
        ),
    ),
)
CEF_PAYLOAD = Payload(("CEF:0|", "CEF:1|", "CEF: 0|"), cef)
LEEF_PAYLOAD = Payload(("LEEF:1.0|", "LEEF:2.0|", "LEEF: 1.0|", "LEEF: 2.0|"), leef)
PAYLOADS = ((CEF_PAYLOAD, CEF), (LEEF_PAYLOAD, LEEF))
SOURCES = (line_source(CEF, CEF_PAYLOAD), line_source(LEEF, LEEF_PAYLOAD))
