"""Zeek's logs in OCSF's columns.

OCSF has no activity for some of what Zeek sees; those rows have activity 99 (other) and keep Zeek's own words in
their fields. An RDP cookie is no user name here: the client writes into it what it likes, cut at nine characters.

References: https://docs.zeek.org/en/master/script-reference/log-files.html, https://schema.ocsf.io/1.6.0/classes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache

from countersign.model.columns import Kind, Values
from countersign.sources._address import address
from countersign.sources._web import METHODS
from countersign.sources._zeek_more import FTP_COMMANDS, MORE_SAME, RESULTS, TUNNELS
from countersign.sources._zeek_values import (
    Reader,
    addresses,
    codes,
    durations,
    looked_up,
    number,
    numbers,
    ports,
    statuses,
    texts,
)

Fields = Mapping[str, Values]
Columns = dict[str, Sequence[object]]

KEYED = frozenset({"conn", "ssh", "rdp", "ssl"})
"""One row a uid and time: their key is path, uid and time."""

_ANY: tuple[tuple[str, str, Reader], ...] = (
    ("metadata.uid", "fuid", texts),
    ("metadata.uid", "uid", texts),
    ("connection_info.uid", "uid", texts),
    ("src_endpoint.ip", "id.orig_h", texts),
    ("src_endpoint.port", "id.orig_p", ports),
    ("dst_endpoint.ip", "id.resp_h", texts),
    ("dst_endpoint.port", "id.resp_p", ports),
    ("metadata.correlation_uid", "community_id", texts),
)
"""What every log has: the ends of the connection, where there is one. The later of two readings counts."""

_STATES = {"S0": 4, "REJ": 5, "RSTO": 3, "RSTR": 3, "RSTOS0": 3, "RSTRH": 3, "SF": 2, "S1": 1}
"""OCSF: 1 open, 2 close, 3 reset, 4 fail, 5 refuse, 6 traffic."""
_METHODS = {**METHODS, "PATCH": 9}

_SAME: dict[str, dict[str, object]] = {
    "conn": {"class_uid": 4001, "activity_id": 6},
    "ssh": {"class_uid": 4007, "activity_id": 1},
    "rdp": {"class_uid": 4005, "activity_id": 3},
    "kerberos": {"class_uid": 3002, "activity_id": 0, "status_id": 0, "auth_protocol": "Kerberos"},
    "ntlm": {"class_uid": 3002, "activity_id": 1, "status_id": 0, "auth_protocol": "NTLM"},
    "smb_mapping": {"class_uid": 4006, "activity_id": 99},
    "smb_files": {"class_uid": 4006, "activity_id": 99},
    "dce_rpc": {"class_uid": 4001, "activity_id": 6, "connection_info.protocol_name": "tcp"},
    "http": {"class_uid": 4002, "activity_id": 0},
    "ssl": {"class_uid": 4001, "activity_id": 6, "status_id": 0, "connection_info.protocol_name": "tcp"},
    "dns": {"class_uid": 4003, "activity_id": 6, "status_id": 0},
    **MORE_SAME,
}
"""What all rows of a log have, unless their fields say more."""

_READ: dict[str, tuple[tuple[str, str, Reader], ...]] = {
    "conn": (
        ("activity_id", "conn_state", looked_up(_STATES, 6)),
        ("connection_info.protocol_name", "proto", texts),
        ("traffic.bytes_out", "orig_bytes", numbers),
        ("traffic.bytes_in", "resp_bytes", numbers),
        ("duration", "duration", durations),
    ),
    "ssh": (("status_id", "auth_success", statuses),),
    "rdp": (
        ("status_id", "result", looked_up({"Success": 1}, 0)),  # `encrypted`: Zeek could not see it
        ("status_code", "result", texts),
        ("auth_protocol", "security_protocol", texts),
        ("src_endpoint.hostname", "client_name", texts),
    ),
    "kerberos": (
        ("activity_id", "request_type", looked_up({"AS": 3, "TGS": 4}, 0)),
        ("status_id", "success", statuses),
        ("status_code", "error_msg", texts),
        ("service.name", "service", texts),
    ),
    "ntlm": (
        ("status_id", "success", statuses),
        ("status_code", "status", texts),
        ("user.name", "username", texts),
        ("user.domain", "domainname", texts),
        ("src_endpoint.hostname", "hostname", texts),
        ("dst_endpoint.hostname", "server_nb_computer_name", texts),
        ("dst_endpoint.hostname", "server_dns_computer_name", texts),
    ),
    "smb_mapping": (("share", "path", texts),),
    "smb_files": (
        ("activity_id", "action", looked_up({"SMB::FILE_OPEN": 2, "SMB::PIPE_OPEN": 2}, 99)),
        ("share", "path", texts),
    ),
    "http": (
        ("activity_id", "method", looked_up(_METHODS, 99)),
        ("user.name", "username", texts),
        ("traffic.bytes_out", "request_body_len", numbers),
        ("traffic.bytes_in", "response_body_len", numbers),
    ),
    "ssl": (("status_id", "established", statuses),),
    "dns": (
        ("status_code", "rcode_name", texts),
        ("query.hostname", "query", texts),
        ("connection_info.protocol_name", "proto", texts),
    ),
    "dhcp": (
        ("src_endpoint.mac", "mac", texts),
        ("src_endpoint.hostname", "host_name", texts),
        ("src_endpoint.hostname", "client_fqdn", texts),
        ("src_endpoint.ip", "assigned_ip", addresses),
        ("src_endpoint.ip", "assigned_addr", addresses),
        ("src_endpoint.ip", "client_addr", addresses),
        ("dst_endpoint.ip", "server_addr", addresses),
    ),
    "ftp": (
        ("activity_id", "command", looked_up(FTP_COMMANDS, 99)),
        ("user.name", "user", texts),
        ("file.path", "arg", texts),
        ("file.size", "file_size", numbers),
        ("status_code", "reply_code", codes),
        ("status_detail", "reply_msg", texts),
    ),
    "smtp": (
        ("email.from", "from", texts),
        ("email.from", "mailfrom", texts),
        ("email.to", "rcptto", texts),
        ("email.subject", "subject", texts),
        ("email.message_uid", "msg_id", texts),
        ("http_request.user_agent", "user_agent", texts),
        ("status_detail", "last_reply", texts),
    ),
    "files": (
        ("file.name", "filename", texts),
        ("file.size", "seen_bytes", numbers),
        ("file.size", "total_bytes", numbers),
        ("duration", "duration", durations),
    ),
    "notice": (
        ("finding_info.title", "note", texts),
        ("status_detail", "msg", texts),
        ("src_endpoint.ip", "src", addresses),
        ("dst_endpoint.ip", "dst", addresses),
    ),
    "tunnel": (
        ("activity_id", "action", looked_up(TUNNELS, 99)),
        ("tunnel_type", "tunnel_type", texts),
    ),
    "radius": (
        ("user.name", "username", texts),
        ("src_endpoint.mac", "mac", texts),
        ("tunnel_interface.ip", "framed_addr", addresses),
        ("status_id", "result", looked_up(RESULTS, 0)),
        ("status_detail", "reply_msg", texts),
    ),
    "rfb": (
        ("status_id", "auth", statuses),
        ("auth_protocol", "authentication_method", texts),
        ("dst_endpoint.name", "desktop_name", texts),
    ),
    "socks": (
        ("user.name", "user", texts),
        ("status_code", "status", texts),
    ),
    "x509": (
        ("certificate.subject", "certificate.subject", texts),
        ("certificate.issuer", "certificate.issuer", texts),
        ("certificate.serial_number", "certificate.serial", texts),
        ("certificate.fingerprint", "fingerprint", texts),
    ),
}
"""By log path: column, field, how it is read."""


def _kerberos(fields: Fields, count: int) -> Columns:
    """`jane/ACME.LAN`, `host/pc1.acme.lan/ACME.LAN`: the realm is what follows the last slash."""
    parted = [client.rpartition("/") for client in _column(fields, "client", count)]
    return {
        "user.name": [left or right or None for left, _, right in parted],
        "user.domain": [right if left and right else None for left, _, right in parted],
    }


def _smb_files(fields: Fields, count: int) -> Columns:
    pairs = zip(_column(fields, "path", count), _column(fields, "name", count), strict=True)
    return {"file.path": [f"{share}\\{name}" if share and name else name or None for share, name in pairs]}


def _http(fields: Fields, count: int) -> Columns:
    hosts, paths = _column(fields, "host", count), _column(fields, "uri", count)
    codes = [number(code) for code in fields.get("status_code", (None,) * count)]
    return {
        "url": [
            f"http://{host}{path}" if host else path or None for host, path in zip(hosts, paths, strict=True)
        ],
        "status_id": [None if code is None else 1 if code < 400 else 2 for code in codes],
        "status_code": [None if code is None else str(code) for code in codes],
    }


def _dns(fields: Fields, count: int) -> Columns:
    codes = _column(fields, "rcode_name", count)
    return {"status_id": [0 if not code else 1 if code == "NOERROR" else 2 for code in codes]}


def _files(fields: Fields, count: int) -> Columns:
    """Digests, and the ends in logs that know no connection's: `tx_hosts` sent it to `rx_hosts`."""
    digests = zip(*[_column(fields, name, count) for name in ("md5", "sha1", "sha256")], strict=True)
    columns: Columns = {"file.hashes": [", ".join(filter(None, row)) or None for row in digests]}
    for side, name in (("src_endpoint.ip", "tx_hosts"), ("dst_endpoint.ip", "rx_hosts")):
        if "id.orig_h" not in fields:
            columns[side] = [
                address(hosts.partition(",")[0].strip('[]" ')) for hosts in _column(fields, name, count)
            ]
    return columns


def _ftp(fields: Fields, count: int) -> Columns:
    codes = [number(code) for code in fields.get("reply_code", (None,) * count)]
    return {"status_id": [None if code is None else 1 if code < 400 else 2 for code in codes]}


def _column(fields: Fields, name: str, count: int) -> list[str]:
    """The texts of a field, empty where there is none."""
    values = fields.get(name)
    if values is None:
        return [""] * count
    return [value if type(value) is str else "" for value in values]


_JOINED: dict[str, Callable[[Fields, int], Columns]] = {
    "kerberos": _kerberos,
    "smb_files": _smb_files,
    "http": _http,
    "dns": _dns,
    "files": _files,
    "ftp": _ftp,
}
"""By log path: columns that take more than one field, or give more than one."""


@lru_cache(maxsize=1024)
def kind_of(path: str) -> Kind:
    """What the rows of a log have in common and how their columns follow from their fields; a log that is not
    named here is a Base Event with all its fields."""
    readings = _ANY + _READ.get(path, ())
    joined = _JOINED.get(path)

    def derive(fields: Fields, count: int) -> Columns:
        columns: Columns = {}
        for column, field, read in readings:
            values = fields.get(field)
            if values is not None:
                found = read(values)
                known = columns.get(column)
                columns[column] = found if known is None else _either(found, known)
        return columns | joined(fields, count) if joined is not None else columns

    same = {
        "class_uid": 0,
        "metadata.product": "Zeek",
        "metadata.log_name": path or None,
        **_SAME.get(path, {}),
    }
    return Kind(same, {}, derive)


def _either(first: Sequence[object], second: Sequence[object]) -> Sequence[object]:
    return [a if a is not None else b for a, b in zip(first, second, strict=True)]
