"""Zeek's logs with their header lines and `#close`, as zeekctl rotates them each hour.

A connection is written when it ends. Field lists as of Zeek 6:
https://docs.zeek.org/en/v6.0.0/script-reference/log-files.html
"""

from __future__ import annotations

from datetime import UTC, datetime

_ID = "ts:time uid:string id.orig_h:addr id.orig_p:port id.resp_h:addr id.resp_p:port"

COLUMNS = {
    "conn": f"{_ID} proto:enum service:string duration:interval orig_bytes:count resp_bytes:count"
    " conn_state:string local_orig:bool local_resp:bool missed_bytes:count history:string orig_pkts:count"
    " orig_ip_bytes:count resp_pkts:count resp_ip_bytes:count tunnel_parents:set[string]",
    "dns": f"{_ID} proto:enum trans_id:count rtt:interval query:string qclass:count qclass_name:string"
    " qtype:count qtype_name:string rcode:count rcode_name:string AA:bool TC:bool RD:bool RA:bool Z:count"
    " answers:vector[string] TTLs:vector[interval] rejected:bool",
    "rdp": f"{_ID} cookie:string result:string security_protocol:string client_channels:vector[string]"
    " keyboard_layout:string client_build:string client_name:string client_dig_product_id:string"
    " desktop_width:count desktop_height:count requested_color_depth:string cert_type:string"
    " cert_count:count cert_permanent:bool encryption_level:string encryption_method:string",
    "ssh": f"{_ID} version:count auth_success:bool auth_attempts:count direction:enum client:string"
    " server:string cipher_alg:string mac_alg:string compression_alg:string kex_alg:string"
    " host_key_alg:string host_key:string",
    "smb_mapping": f"{_ID} path:string service:string native_file_system:string share_type:string",
    "dce_rpc": f"{_ID} rtt:interval named_pipe:string endpoint:string operation:string",
    "http": f"{_ID} trans_depth:count method:string host:string uri:string referrer:string version:string"
    " user_agent:string origin:string request_body_len:count response_body_len:count status_code:count"
    " status_msg:string info_code:count info_msg:string tags:set[enum] username:string password:string"
    " proxied:set[string] orig_fuids:vector[string] orig_filenames:vector[string]"
    " orig_mime_types:vector[string] resp_fuids:vector[string] resp_filenames:vector[string]"
    " resp_mime_types:vector[string]",
    "ssl": f"{_ID} version:string cipher:string curve:string server_name:string resumed:bool"
    " last_alert:string next_protocol:string established:bool ssl_history:string"
    " cert_chain_fps:vector[string] client_cert_chain_fps:vector[string] sni_matches_cert:bool",
}
PATHS = tuple(COLUMNS)
TYPES = {path: [tuple(part.rsplit(":", 1)) for part in text.split()] for path, text in COLUMNS.items()}


def header(path: str, opened: int) -> bytes:
    """The lines before the first record; `opened` in microseconds."""
    names, types = zip(*TYPES[path], strict=True)
    moment = datetime.fromtimestamp(opened // 1_000_000, UTC)
    lines = (
        "#separator \\x09",
        "#set_separator\t,",
        "#empty_field\t(empty)",
        "#unset_field\t-",
        f"#path\t{path}",
        f"#open\t{moment:%Y-%m-%d-%H-%M-%S}",
        "\t".join(("#fields", *names)),
        "\t".join(("#types", *types)),
        "",
    )
    return "\n".join(lines).encode()


def closing(closed: int) -> bytes:
    """The line after the last record."""
    return f"#close\t{datetime.fromtimestamp(closed // 1_000_000, UTC):%Y-%m-%d-%H-%M-%S}\n".encode()


CONN = b"%b\t%b\t%b\t%d\t%b\t%d\t%b\t%b\t%d.%06d\t%d\t%d\t%b\tT\t%b\t0\t%b\t%d\t%d\t%d\t%d\t-\n"
"""ts uid orig_h orig_p resp_h resp_p proto service duration orig_bytes resp_bytes state local_resp history packets ..."""


def conn(
    ts: bytes, uid: bytes, source: bytes, port: int, target: bytes, target_port: int, *,
    duration: int, sent: int, received: int, service: bytes = b"-", proto: bytes = b"tcp", state: bytes = b"SF",
) -> bytes:  # fmt: skip
    """A line of conn.log; `sent` and `received` as the originator saw them, `duration` in microseconds."""
    out, back = sent // 1400 + 3, received // 1400 + 3
    udp = proto == b"udp"
    overhead = 28 if udp else 40
    history = b"Dd" if udp else b"ShADadFf" if state == b"SF" else b"Sr"
    seconds, rest = divmod(duration, 1_000_000)
    local = b"T" if target.startswith((b"10.", b"172.16.", b"192.168.")) else b"F"
    return CONN % (
        ts, uid, source, port, target, target_port, proto, service, seconds, rest, sent, received, state, local,
        history, out, sent + overhead * out, back, received + overhead * back,
    )  # fmt: skip


def other(
    ts: bytes, uid: bytes, source: bytes, port: int, target: bytes, target_port: int, rest: bytes
) -> bytes:
    """A line of another log, `rest` being the fields behind the connection's, ready."""
    return b"%b\t%b\t%b\t%d\t%b\t%d\t%b\n" % (ts, uid, source, port, target, target_port, rest)
