"""Zeek's logs in OCSF's columns, and which log a JSON row belongs to when it does not say.

OCSF has no activity for some of what Zeek sees; those rows have activity 99 (other) and keep Zeek's own words in
their fields. An RDP cookie is no user name here: the client writes into it what it likes, cut at nine characters.

References: https://docs.zeek.org/en/master/script-reference/log-files.html, https://schema.ocsf.io/1.6.0/classes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache

from countersign.model.columns import Kind, Values
from countersign.sources._address import address
from countersign.sources._zeek_more import FTP_COMMANDS, MORE_SAME, RESULTS, TUNNELS

Row = Mapping[str, object]
Fields = Mapping[str, Values]
Columns = dict[str, Sequence[object]]
Reader = Callable[[Values], Sequence[object]]

KEYED = frozenset({"conn", "ssh", "rdp", "ssl"})
"""One row a uid and time: their key is path, uid and time."""

_NAMED = ("_path", "@path", "@stream", "_log_name")
"""Where JSON writers put the log's path: Corelight and json-streaming-logs, older Corelight, Kafka tags."""

_SIGNATURES: tuple[tuple[str, frozenset[str]], ...] = tuple(
    (path, frozenset(keys.split()))
    for path, keys in (
        # any one set of keys present names the log; the narrow ones stand before the broad ones
        ("conn", "conn_state"),
        ("ssh", "kex_alg"),
        ("ssh", "auth_attempts"),
        ("ssh", "auth_success"),
        ("ssh", "host_key_alg"),
        ("rdp", "security_protocol"),
        ("rdp", "client_dig_product_id"),
        ("rdp", "cookie result"),
        ("kerberos", "request_type"),
        ("kerberos", "forwardable renewable"),
        ("ntlm", "domainname username"),
        ("ntlm", "server_nb_computer_name"),
        ("ntlm", "server_dns_computer_name"),
        ("smb_mapping", "share_type"),
        ("smb_files", "action times.modified"),
        ("smb_files", "action path name size"),
        ("dce_rpc", "endpoint operation"),
        ("dce_rpc", "named_pipe"),
        ("smtp", "helo"),
        ("smtp", "mailfrom"),
        ("http", "trans_depth method"),
        ("http", "trans_depth status_code"),
        ("http", "trans_depth host"),
        ("http", "trans_depth version"),
        ("ssl", "established"),
        ("ssl", "cipher server_name"),
        ("x509", "certificate.serial"),
        ("dns", "trans_id qtype_name"),
        ("dns", "trans_id query"),
        ("dns", "trans_id rcode_name"),
        ("files", "fuid seen_bytes"),
        ("dhcp", "msg_types"),
        ("dhcp", "assigned_ip mac"),
        ("dpd", "analyzer failure_reason"),
        ("ntp", "stratum ref_id"),
        ("ftp", "command reply_code"),
        ("notice", "note actions"),
        ("weird", "name notice"),
        ("pe", "machine compile_ts"),
        ("tunnel", "tunnel_type action"),
        ("radius", "username framed_addr"),
        ("radius", "username connect_info"),
        ("rfb", "authentication_method"),
        ("socks", "bound.host"),
        ("socks", "request.host"),
        ("software", "software_type"),
        ("snmp", "community get_requests"),
        ("capture_loss", "percent_lost"),
        ("stats", "pkts_proc"),
        ("packet_filter", "filter init"),
        ("reporter", "level location"),
    )
)


_DOTTED = (
    "id.orig_h", "id.orig_p", "id.resp_h", "id.resp_p",
    "times.modified", "times.accessed", "times.created", "times.changed",
    "certificate.version", "certificate.serial", "certificate.subject", "certificate.issuer",
    "certificate.not_valid_before", "certificate.not_valid_after", "certificate.key_alg", "certificate.sig_alg",
    "certificate.key_type", "certificate.key_length", "certificate.exponent", "certificate.curve",
    "san.dns", "san.uri", "san.email", "san.ip", "basic_constraints.ca", "basic_constraints.path_len",
)  # fmt: skip
RENAMED = {name.replace(".", "_"): name for name in _DOTTED}
"""Some shippers (Kafka, Splunk) write `_` for the `.` in Zeek's names."""


@lru_cache(maxsize=4096)
def path_field(names: tuple[str, ...]) -> str | None:
    """The field among `names` that says which log a JSON row belongs to."""
    return next((name for name in _NAMED if name in names), None)


def path_of(row: Row) -> str | None:
    """The log a flattened JSON row belongs to: as it says, else by its keys; empty if only its kind is known."""
    names = tuple(row)
    field = path_field(names)
    path = row[field] if field is not None else None
    if isinstance(path, str) and path:
        return path[:64] if len(row) > 1 else None
    if len(row) == 1:
        script = row.get("name")
        return "loaded_scripts" if isinstance(script, str) and script.endswith((".zeek", ".bro")) else None
    return _path_by_keys(tuple(sorted(RENAMED.get(name, name) for name in names)))


@lru_cache(maxsize=4096)
def _path_by_keys(names: tuple[str, ...]) -> str | None:
    keys = frozenset(names)
    if not keys & {"ts", "uid"}:
        return None
    for path, signature in _SIGNATURES:
        if signature <= keys:
            return path
    return "" if {"uid", "id.orig_h"} <= keys or "fuid" in keys else None


def _texts(values: Values) -> Sequence[object]:
    return [value if type(value) is str and value else None for value in values]


@lru_cache(maxsize=65_536)
def _port(value: object) -> int | None:
    number = _number(value)
    return number if number is not None and number <= 65_535 else None


def _ports(values: Values) -> Sequence[object]:
    return [_port(value) for value in values]


def _number(value: object) -> int | None:
    """A count, from TSV's text or JSON's number; None beyond 63 bits."""
    if type(value) is str:
        return int(value) if value.isdecimal() and len(value) <= 18 and value.isascii() else None
    if type(value) is int:
        return value if 0 <= value < 1 << 63 else None
    return None


def _numbers(values: Values) -> Sequence[object]:
    return [_number(value) for value in values]


def _duration(value: object) -> int | None:
    """Milliseconds of a duration in seconds."""
    try:
        seconds = float(value) if isinstance(value, str | float | int) else -1.0
    except (ValueError, OverflowError):
        return None
    return round(seconds * 1000) if 0 <= seconds < 1e12 else None


def _durations(values: Values) -> Sequence[object]:
    return [None if value is None else _duration(value) for value in values]


_SAID = {"true": 1, "T": 1, "false": 2, "F": 2}


def _status(value: object) -> int:
    if type(value) is bool:
        return 1 if value else 2
    return _SAID.get(value, 0) if type(value) is str else 0


def _statuses(values: Values) -> Sequence[object]:
    return [_status(value) for value in values]


def _addresses(values: Values) -> Sequence[object]:
    return [address(value) if type(value) is str else None for value in values]


def _codes(values: Values) -> Sequence[object]:
    numbers = [_number(value) for value in values]
    return [None if number is None else str(number) for number in numbers]


def _looked_up(table: Mapping[str, int], other: int) -> Reader:
    def read(values: Values) -> Sequence[object]:
        return [table.get(value, other) if type(value) is str else other for value in values]

    return read


_ANY: tuple[tuple[str, str, Reader], ...] = (
    ("metadata.uid", "fuid", _texts),
    ("metadata.uid", "uid", _texts),
    ("connection_info.uid", "uid", _texts),
    ("src_endpoint.ip", "id.orig_h", _texts),
    ("src_endpoint.port", "id.orig_p", _ports),
    ("dst_endpoint.ip", "id.resp_h", _texts),
    ("dst_endpoint.port", "id.resp_p", _ports),
    ("metadata.correlation_uid", "community_id", _texts),
)
"""What every log has: the ends of the connection, where there is one. The later of two readings counts."""

_STATES = {"S0": 4, "REJ": 5, "RSTO": 3, "RSTR": 3, "RSTOS0": 3, "RSTRH": 3, "SF": 2, "S1": 1}
"""OCSF: 1 open, 2 close, 3 reset, 4 fail, 5 refuse, 6 traffic."""
_METHODS = {
    "CONNECT": 1, "DELETE": 2, "GET": 3, "HEAD": 4, "OPTIONS": 5, "POST": 6, "PUT": 7, "TRACE": 8, "PATCH": 9,
}  # fmt: skip

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
        ("activity_id", "conn_state", _looked_up(_STATES, 6)),
        ("connection_info.protocol_name", "proto", _texts),
        ("traffic.bytes_out", "orig_bytes", _numbers),
        ("traffic.bytes_in", "resp_bytes", _numbers),
        ("duration", "duration", _durations),
    ),
    "ssh": (("status_id", "auth_success", _statuses),),
    "rdp": (
        ("status_id", "result", _looked_up({"Success": 1}, 0)),  # `encrypted`: Zeek could not see it
        ("status_code", "result", _texts),
        ("auth_protocol", "security_protocol", _texts),
        ("src_endpoint.hostname", "client_name", _texts),
    ),
    "kerberos": (
        ("activity_id", "request_type", _looked_up({"AS": 3, "TGS": 4}, 0)),
        ("status_id", "success", _statuses),
        ("status_code", "error_msg", _texts),
        ("service.name", "service", _texts),
    ),
    "ntlm": (
        ("status_id", "success", _statuses),
        ("status_code", "status", _texts),
        ("user.name", "username", _texts),
        ("user.domain", "domainname", _texts),
        ("src_endpoint.hostname", "hostname", _texts),
        ("dst_endpoint.hostname", "server_nb_computer_name", _texts),
        ("dst_endpoint.hostname", "server_dns_computer_name", _texts),
    ),
    "smb_mapping": (("share", "path", _texts),),
    "smb_files": (
        ("activity_id", "action", _looked_up({"SMB::FILE_OPEN": 2, "SMB::PIPE_OPEN": 2}, 99)),
        ("share", "path", _texts),
    ),
    "http": (
        ("activity_id", "method", _looked_up(_METHODS, 99)),
        ("user.name", "username", _texts),
        ("traffic.bytes_out", "request_body_len", _numbers),
        ("traffic.bytes_in", "response_body_len", _numbers),
    ),
    "ssl": (("status_id", "established", _statuses),),
    "dns": (
        ("status_code", "rcode_name", _texts),
        ("query.hostname", "query", _texts),
        ("connection_info.protocol_name", "proto", _texts),
    ),
    "dhcp": (
        ("src_endpoint.mac", "mac", _texts),
        ("src_endpoint.hostname", "host_name", _texts),
        ("src_endpoint.hostname", "client_fqdn", _texts),
        ("src_endpoint.ip", "assigned_ip", _addresses),
        ("src_endpoint.ip", "assigned_addr", _addresses),
        ("src_endpoint.ip", "client_addr", _addresses),
        ("dst_endpoint.ip", "server_addr", _addresses),
    ),
    "ftp": (
        ("activity_id", "command", _looked_up(FTP_COMMANDS, 99)),
        ("user.name", "user", _texts),
        ("file.path", "arg", _texts),
        ("file.size", "file_size", _numbers),
        ("status_code", "reply_code", _codes),
        ("status_detail", "reply_msg", _texts),
    ),
    "smtp": (
        ("email.from", "from", _texts),
        ("email.from", "mailfrom", _texts),
        ("email.to", "rcptto", _texts),
        ("email.subject", "subject", _texts),
        ("email.message_uid", "msg_id", _texts),
        ("http_request.user_agent", "user_agent", _texts),
        ("status_detail", "last_reply", _texts),
    ),
    "files": (
        ("file.name", "filename", _texts),
        ("file.size", "seen_bytes", _numbers),
        ("file.size", "total_bytes", _numbers),
        ("duration", "duration", _durations),
    ),
    "notice": (
        ("finding_info.title", "note", _texts),
        ("status_detail", "msg", _texts),
        ("src_endpoint.ip", "src", _addresses),
        ("dst_endpoint.ip", "dst", _addresses),
    ),
    "tunnel": (
        ("activity_id", "action", _looked_up(TUNNELS, 99)),
        ("tunnel_type", "tunnel_type", _texts),
    ),
    "radius": (
        ("user.name", "username", _texts),
        ("src_endpoint.mac", "mac", _texts),
        ("tunnel_interface.ip", "framed_addr", _addresses),
        ("status_id", "result", _looked_up(RESULTS, 0)),
        ("status_detail", "reply_msg", _texts),
    ),
    "rfb": (
        ("status_id", "auth", _statuses),
        ("auth_protocol", "authentication_method", _texts),
        ("dst_endpoint.name", "desktop_name", _texts),
    ),
    "socks": (
        ("user.name", "user", _texts),
        ("status_code", "status", _texts),
    ),
    "x509": (
        ("certificate.subject", "certificate.subject", _texts),
        ("certificate.issuer", "certificate.issuer", _texts),
        ("certificate.serial_number", "certificate.serial", _texts),
        ("certificate.fingerprint", "fingerprint", _texts),
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
    codes = [_number(code) for code in fields.get("status_code", (None,) * count)]
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
    codes = [_number(code) for code in fields.get("reply_code", (None,) * count)]
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
