"""Which of Zeek's logs a row of JSON belongs to: as it says, else by its keys.

References: https://docs.zeek.org/en/master/script-reference/log-files.html.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

Row = Mapping[str, object]

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
