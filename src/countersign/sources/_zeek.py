"""Zeek's logs in OCSF's columns, and which log a JSON row belongs to when it does not say.

OCSF has no activity for some of what Zeek sees; those rows have activity 99 (other) and keep Zeek's own words in
their fields. An RDP cookie is no user name here: the client writes into it what it likes, cut at nine characters.

References: https://docs.zeek.org/en/master/script-reference/log-files.html, https://schema.ocsf.io/1.6.0/classes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache

Row = Mapping[str, object]
Columns = dict[str, object]

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
        ("software", "software_type"),
        ("snmp", "community get_requests"),
        ("capture_loss", "percent_lost"),
        ("stats", "pkts_proc"),
        ("packet_filter", "filter init"),
        ("reporter", "level location"),
    )
)


def path_of(row: Row) -> str | None:
    """The log a flattened JSON row belongs to: as it says, else by its keys; empty if only its kind is known."""
    for name in _NAMED:
        path = row.get(name)
        if isinstance(path, str) and path:
            return path[:64] if len(row) > 1 else None
    if len(row) == 1:
        script = row.get("name")
        return "loaded_scripts" if isinstance(script, str) and script.endswith((".zeek", ".bro")) else None
    return _path_by_keys(tuple(row))


@lru_cache(maxsize=4096)
def _path_by_keys(names: tuple[str, ...]) -> str | None:
    keys = frozenset(names)
    if not keys & {"ts", "uid"}:
        return None
    for path, signature in _SIGNATURES:
        if signature <= keys:
            return path
    return "" if {"uid", "id.orig_h"} <= keys or "fuid" in keys else None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _number(value: object) -> int | None:
    """A count, from TSV's text or JSON's number; None beyond 63 bits."""
    if isinstance(value, str):
        return int(value) if value.isdecimal() and len(value) <= 18 and value.isascii() else None
    if type(value) is int:
        return value if 0 <= value < 1 << 63 else None
    return None


@lru_cache(maxsize=65_536)
def _port(value: object) -> int | None:
    number = _number(value)
    return number if number is not None and number <= 65_535 else None


def _milliseconds(value: object) -> int | None:
    try:
        seconds = float(value) if isinstance(value, str | float | int) else -1.0
    except (ValueError, OverflowError):
        return None
    return round(seconds * 1000) if 0 <= seconds < 1e12 else None


def _said(value: object) -> bool | None:
    """Zeek's `T` and `F`, JSON's true and false."""
    if isinstance(value, bool):
        return value
    return (
        {"T": True, "true": True, "F": False, "false": False}.get(value) if isinstance(value, str) else None
    )


def _status(value: object) -> int:
    said = _said(value)
    return 0 if said is None else 1 if said else 2


def _any(row: Row) -> Columns:
    """What every log has: who sees it, and the ends of the connection where there is one."""
    get = row.get
    uid = _text(get("uid"))
    columns: Columns = {
        "class_uid": 0,
        "metadata.product": "Zeek",
        "metadata.uid": uid or _text(get("fuid")),
        "connection_info.uid": uid,
    }
    source = get("id.orig_h")
    if source is not None:
        columns["src_endpoint.ip"] = _text(source)
        columns["src_endpoint.port"] = _port(get("id.orig_p"))
        columns["dst_endpoint.ip"] = _text(get("id.resp_h"))
        columns["dst_endpoint.port"] = _port(get("id.resp_p"))
    return columns


_STATES = {"S0": 4, "REJ": 5, "RSTO": 3, "RSTR": 3, "RSTOS0": 3, "RSTRH": 3, "SF": 2, "S1": 1}
"""OCSF: 1 open, 2 close, 3 reset, 4 fail, 5 refuse, 6 traffic."""


def _conn(row: Row) -> Columns:
    get = row.get
    columns = _any(row)
    columns["class_uid"] = 4001
    state = get("conn_state")
    columns["activity_id"] = _STATES.get(state, 6) if isinstance(state, str) else 6
    columns["connection_info.protocol_name"] = _text(get("proto"))
    columns["traffic.bytes_out"] = _number(get("orig_bytes"))
    columns["traffic.bytes_in"] = _number(get("resp_bytes"))
    duration = get("duration")
    if duration is not None:
        columns["duration"] = _milliseconds(duration)
    return columns


def _ssh(row: Row) -> Columns:
    return _any(row) | {"class_uid": 4007, "activity_id": 1, "status_id": _status(row.get("auth_success"))}


def _rdp(row: Row) -> Columns:
    """`result` is `Success` where Zeek saw the connection accepted, `encrypted` where it could not see."""
    columns = _any(row) | {"class_uid": 4005, "activity_id": 3}
    result = _text(row.get("result"))
    columns["status_id"] = 1 if result == "Success" else 0
    columns["status_code"] = result
    columns["auth_protocol"] = _text(row.get("security_protocol"))
    if name := _text(row.get("client_name")):
        columns["src_endpoint.hostname"] = name
    return columns


def _kerberos(row: Row) -> Columns:
    columns = _any(row) | {"class_uid": 3002, "auth_protocol": "Kerberos"}
    request = row.get("request_type")
    columns["activity_id"] = {"AS": 3, "TGS": 4}.get(request, 0) if isinstance(request, str) else 0
    columns["status_id"] = _status(row.get("success"))
    columns["status_code"] = _text(row.get("error_msg"))
    if client := _text(row.get("client")):
        name, _, realm = client.partition("/") if client.count("/") == 1 else client.rpartition("/")
        columns["user.name"] = name or client
        columns["user.domain"] = realm or None
    columns["service.name"] = _text(row.get("service"))
    return columns


def _ntlm(row: Row) -> Columns:
    get = row.get
    columns = _any(row) | {"class_uid": 3002, "activity_id": 1, "auth_protocol": "NTLM"}
    columns["status_id"] = _status(get("success"))
    columns["status_code"] = _text(get("status"))
    columns["user.name"] = _text(get("username"))
    columns["user.domain"] = _text(get("domainname"))
    columns["src_endpoint.hostname"] = _text(get("hostname"))
    columns["dst_endpoint.hostname"] = _text(get("server_dns_computer_name")) or _text(
        get("server_nb_computer_name")
    )
    return columns


def _smb_mapping(row: Row) -> Columns:
    return _any(row) | {"class_uid": 4006, "activity_id": 99, "share": _text(row.get("path"))}


def _smb_files(row: Row) -> Columns:
    columns = _any(row) | {"class_uid": 4006}
    columns["activity_id"] = 2 if row.get("action") in {"SMB::FILE_OPEN", "SMB::PIPE_OPEN"} else 99
    share, name = _text(row.get("path")), _text(row.get("name"))
    columns["share"] = share
    columns["file.path"] = f"{share}\\{name}" if share and name else name
    return columns


def _dce_rpc(row: Row) -> Columns:
    return _any(row) | {"class_uid": 4001, "activity_id": 6, "connection_info.protocol_name": "tcp"}


_METHODS = {
    "CONNECT": 1, "DELETE": 2, "GET": 3, "HEAD": 4, "OPTIONS": 5, "POST": 6, "PUT": 7, "TRACE": 8, "PATCH": 9,
}  # fmt: skip


def _http(row: Row) -> Columns:
    get = row.get
    columns = _any(row) | {"class_uid": 4002}
    method = get("method")
    columns["activity_id"] = _METHODS.get(method, 99) if isinstance(method, str) else 0
    code = _number(get("status_code"))
    if code is not None:
        columns["status_id"] = 1 if code < 400 else 2
        columns["status_code"] = str(code)
    host, uri = _text(get("host")), _text(get("uri"))
    if host or uri:
        columns["url"] = f"http://{host}{uri or ''}" if host else uri
    columns["user.name"] = _text(get("username"))
    columns["traffic.bytes_out"] = _number(get("request_body_len"))
    columns["traffic.bytes_in"] = _number(get("response_body_len"))
    return columns


def _ssl(row: Row) -> Columns:
    columns = _any(row) | {"class_uid": 4001, "activity_id": 6}
    columns["status_id"] = _status(row.get("established"))
    columns["connection_info.protocol_name"] = "tcp"
    return columns


def _dns(row: Row) -> Columns:
    columns = _any(row) | {"class_uid": 4003, "activity_id": 6}
    code = _text(row.get("rcode_name"))
    columns["status_id"] = 0 if code is None else 1 if code == "NOERROR" else 2
    columns["status_code"] = code
    columns["query.hostname"] = _text(row.get("query"))
    columns["connection_info.protocol_name"] = _text(row.get("proto"))
    return columns


COLUMNS: dict[str, Callable[[Row], Columns]] = {
    "": _any,
    "conn": _conn,
    "ssh": _ssh,
    "rdp": _rdp,
    "kerberos": _kerberos,
    "ntlm": _ntlm,
    "smb_mapping": _smb_mapping,
    "smb_files": _smb_files,
    "dce_rpc": _dce_rpc,
    "http": _http,
    "ssl": _ssl,
    "dns": _dns,
}
"""By log path; every other log is a Base Event with its fields."""
