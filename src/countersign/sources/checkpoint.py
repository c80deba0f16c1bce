"""Check Point gateways and management: remote access with office-mode addresses, Mobile Access, connections, audit.

For an auditor `Log In` says who came in, from where, by which method, and `office_mode_ip` what they were given; `Log Out` ends it.
`session_uid` names the session where the blade writes one; else user and outer address do. `auth_method` names up to
three methods: a second one is proof of a second factor, one alone says nothing of the server behind it.

Read are Log Exporter's syslog form (`[action:"Accept"; ...]`), its Splunk, generic and LEA-like forms (`time=...|action=...|`), and its
CEF. `time` is in seconds since 1970, or as `20Nov2026 10:00:00` in the server's zone.

References: Check Point sk122323 (Log Exporter), sk144192 (log fields); R81 Logging and Monitoring Administration Guide; CEF mapping in
Log Exporter's CefFieldsMapping.xml.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from countersign.sources._convert import said, split_account
from countersign.sources._family import Family
from countersign.sources._flat import Row
from countersign.sources._lines import LONGEST, cef
from countersign.sources._mapping import From, Step, What, account, endpoint, enum, via
from countersign.sources._payload import Payload, line_source
from countersign.sources._times import epoch, iso, written

_AUTHENTICATION, _NETWORK, _TUNNEL, _ENTITY, _FINDING = 3002, 4001, 4014, 3004, 2004
_BRACKET, _CEF = "[", "CEF:0|Check Point|"
_PAIR = re.compile(r'([A-Za-z_][\w./ -]{0,63}):"([^"\\]*+(?:\\.[^"\\]*+)*+)"')
_STARTS = (
    '[action:"',
    '[flags:"',
    '[time:"',
    '[ifdir:"',
    '[product:"',
    '[loguid:"',
    '[operation:"',
    "time=",
    "loc=",
    "action=",
    _CEF,
)
_LEA_TIME = re.compile(r"(\d{1,2})([A-Z][a-z]{2})(\d{4}) +(\d{1,2}:\d\d:\d\d)")
_LOGINS = {"log in": "in", "login": "in", "log out": "out", "logout": "out", "failed log in": "failed", "failed login": "failed",
           "login failed": "failed", "authcrypt": "in"}  # fmt: skip


def _read(text: str) -> dict[str, Any] | None:
    if len(text) > LONGEST:
        return None
    if text.startswith("CEF:"):
        row = _of_cef(text)
    elif text.startswith(_BRACKET):
        row = {}
        for name, value in _PAIR.findall(text):
            row.setdefault(name.strip(), _plain(value))
    else:
        row = {}
        for pair in text.split("|"):
            name, equal, value = pair.partition("=")
            if equal and name and len(name) < 65 and (name := name.strip()) not in row:
                row[name] = value.strip('"')
    if row is None or "product" not in row or not _OURS & row.keys():
        return None
    _told(row)
    return row


_OURS = frozenset({"action", "operation", "event_type", "loguid", "origin", "orig", "originsicname", "act"})


def _plain(value: str) -> str:
    return re.sub(r"\\(.)", r"\1", value) if "\\" in value else value


_OF_CEF = {"act": "action", "suser": "src_user_name", "duser": "user", "spt": "s_port", "dpt": "service", "deviceDirection": "ifdir",
           "cs2": "rule_name", "out": "sent_bytes", "in": "received_bytes", "sourceTranslatedAddress": "xlatesrc", "rt": "time",
           "dvc": "origin", "deviceExternalId": "origin_sic_name", "outcome": "status"}  # fmt: skip


def _of_cef(text: str) -> dict[str, Any] | None:
    found = cef(text)
    if found is None:
        return None
    row = {_OF_CEF.get(name, name): value for name, value in found.items()}
    row.setdefault("product", row.get("cef.product", ""))
    row.setdefault("action", row.get("cef.name", ""))
    return row


def _told(row: dict[str, Any]) -> None:
    """One word for what happened: blades say it in `action`, `event_type` or `operation`."""
    words = [str(row.get(name, "")).lower() for name in ("action", "event_type", "operation")]
    kind = _LOGINS.get(words[0]) or _LOGINS.get(words[1]) or _LOGINS.get(words[2]) or ""
    if kind == "in" and "fail" in f"{row.get('status', '')}{row.get('auth_status', '')}".lower():
        kind = "failed"
    if kind == "in" and said(row.get("office_mode_ip")) not in {None, "0.0.0.0"}:  # noqa: S104  # an address in a log
        kind = "opened"
    if not kind and words[2] and not words[0]:
        kind = "changed"
    row["kind"] = kind or words[0]
    written = row.get("time")
    if written and (time := _LEA_TIME.fullmatch(str(written))) is not None:
        row["local_time"] = f"{time[1]} {time[2]} {time[3]} {time[4]}"


def _match(row: Row) -> bool:
    return "kind" in row and "product" in row and bool(_OURS & row.keys())


_PERSON = re.compile(r"(?:.{0,256} )?\(([^()]{1,256})\)(?:@.{0,256})?$")


def _who(value: object) -> Sequence[object]:
    r"""`Jane Roe (jane)`, `jane`, `EXAMPLE\jane`."""
    name = said(value)
    match = _PERSON.match(name) if name and len(name) < _LONGEST_NAME else None
    full = name[: name.rfind(" (")] if match is not None and name and " (" in name else None
    return (*split_account(match[1] if match else name), full or None)


_LONGEST_NAME = 1024


def _session(source: object, user: object, uid: object, origin: object) -> Sequence[object]:
    key, name, address = said(uid), said(user), said(source)
    if key is None and name and address:
        key = f"{said(origin) or ''}:{name}|{address}"
    return (f"checkpoint:{key.strip('{}')}" if key else None,)


def _methods(*values: object) -> Sequence[object]:
    names = [name for value in values if (name := said(value))]
    return ", ".join(names) or None, True if len(names) > 1 else None


def _address(value: object) -> object:
    found = said(value)
    return None if found == "0.0.0.0" else found  # noqa: S104  # an address in a log


_NAMES = ("user.name", "user.domain", "user.email_addr", "user.full_name")
_USERS = tuple(Step((path,), _NAMES, _who) for path in ("user", "src_user_name", "User"))
_KEY = Step(("src", "user", "session_uid", "origin"), ("session.uid",), _session)
_METHODS = Step(("auth_method", "auth_method2", "auth_method3"), ("auth_factors", "is_mfa"), _methods)
_ENDS = (endpoint("src_endpoint", "src", "s_port"), endpoint("dst_endpoint", "dst", "service"))
_CLIENT: dict[str, From] = {
    "auth_protocol": "auth_method",
    "tunnel_interface.ip": via(_address, "office_mode_ip"),
    "tunnel_type": "tunnel_protocol",
    "src_endpoint.agent.name": "client_name",
    "src_endpoint.agent.version": "client_version",
    "src_endpoint.os.name": "os_name",
    "src_endpoint.name": "src_machine_name",
    "src_endpoint.mac": "mac_address",
    "src_endpoint.location.country": "src_country",
    "group.name": "user_group",
    "status_detail": ("reason", "status", "auth_status"),
    "certificate.serial_number": "certificate_serial_number",
    "certificate.issuer": "certificate_issuer",
}


def _client(class_uid: int, activity: int, status: int) -> What:
    return What(
        class_uid,
        activity,
        status,
        _CLIENT,
        (*_USERS, _KEY, _METHODS, endpoint("src_endpoint", "src"), endpoint("dst_endpoint", "dst")),
    )


def _flow(activity: int, status: int | None, action: int) -> What:
    return What(
        _NETWORK,
        activity,
        status,
        columns={
            "connection_info.uid": "loguid",
            "connection_info.protocol_name": enum(
                "proto",
                {
                    "6": "tcp",
                    "17": "udp",
                    "1": "icmp",
                    "50": "esp",
                    "tcp": "tcp",
                    "udp": "udp",
                    "icmp": "icmp",
                },
            ),
            "src_endpoint.zone": "inzone",
            "dst_endpoint.zone": "outzone",
            "dst_endpoint.svc_name": "service_id",
            "src_endpoint.proxy_endpoint.ip": via(_address, "xlatesrc"),
            "dst_endpoint.proxy_endpoint.ip": via(_address, "xlatedst"),
            "policy.name": "rule_name",
            "policy.uid": ("rule_uid", "rule"),
            "traffic.bytes_out": ("client_outbound_bytes", "sent_bytes"),
            "traffic.bytes_in": ("client_inbound_bytes", "received_bytes"),
            "url": "resource",
        },
        steps=(*_USERS, *_ENDS),
        constants={"action_id": action},
    )


_CHANGED = What(
    _ENTITY,
    99,
    enum("status", {"success": 1, "failure": 2}),
    {
        "api.operation": "operation",
        "resources.name": "objectname",
        "resources.type": "objecttype",
        "message": "fieldschanges",
    },
    (
        account("actor.user", "administrator"),
        endpoint("src_endpoint", "client_ip"),
        endpoint("src_endpoint", "src"),
    ),
)
_FOUND = What(_FINDING, 1, None, {"finding_info.title": ("protection_name", "attack", "malware_action"), "file.name": "file_name",
                                  "file.hashes": "file_sha256", "url": "resource"}, (*_USERS, *_ENDS))  # fmt: skip
_PASSED, _REFUSED = _flow(1, 1, 1), _flow(5, 2, 2)
_KINDS = {
    "opened": _client(_TUNNEL, 1, 1), "in": _client(_AUTHENTICATION, 1, 1), "failed": _client(_AUTHENTICATION, 1, 2),
    "out": _client(_TUNNEL, 2, 1), "changed": _CHANGED, "accept": _PASSED, "encrypt": _PASSED, "decrypt": _PASSED, "allow": _PASSED,
    "vpn routing": _PASSED, "bypass": _PASSED, "drop": _REFUSED, "reject": _REFUSED, "block": _REFUSED, "detect": _FOUND, "prevent": _FOUND,
}  # fmt: skip

FAMILY = Family(
    name="checkpoint",
    title="Check Point (Log Exporter)",
    page="gateways",
    product="Check Point",
    vendor="Check Point",
    match=_match,
    time=(written("local_time", order="dmy"), epoch("time"), iso("time")),
    log="product",
    by=("kind",),
    kinds=_KINDS,
    otherwise=What(columns=_CLIENT, steps=(*_USERS, *_ENDS)),
    what=What(
        columns={
            "metadata.uid": "loguid",
            "device.ip": ("origin", "orig"),
            "device.hostname": "hostname",
            "severity_id": enum(
                "severity",
                {
                    "0": 1,
                    "1": 2,
                    "2": 3,
                    "3": 4,
                    "4": 5,
                    "Informational": 1,
                    "Low": 2,
                    "Medium": 3,
                    "High": 4,
                    "Critical": 5,
                },
            ),
        },
    ),
)
PAYLOAD = Payload(_STARTS, _read)
SOURCE = line_source(FAMILY, PAYLOAD)
