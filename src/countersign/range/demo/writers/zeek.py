"""Zeek's tab-separated logs with their header lines and `#close`, rotated each UTC day.

A connection is written when it ends, as Zeek does, so the lines of conn.log are in the order of ends.
Field lists as of Zeek 6: https://docs.zeek.org/en/v6.0.0/script-reference/log-files.html
"""

from __future__ import annotations

import random
import string
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from countersign.range.demo.clock import Schedule, to_datetime
from countersign.range.demo.files import Files, Place

_ID = "ts:time uid:string id.orig_h:addr id.orig_p:port id.resp_h:addr id.resp_p:port"

_COLUMNS = {
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

BASE62 = string.ascii_letters + string.digits


@dataclass(frozen=True, slots=True)
class Flow:
    """A connection that the sensor saw begin."""

    uid: str
    start: int
    source: str
    source_port: int
    target: str
    target_port: int
    proto: str
    service: str


class ZeekLog:
    """The sensor on the core switch: sees what crosses it inside, and what goes out."""

    def __init__(self, files: Files, schedule: Schedule, rng: random.Random) -> None:
        self._files = files
        self._schedule = schedule
        self._rng = rng
        self._day = ""
        self._open: set[str] = set()

    def begin(
        self, source: str, source_port: int, target: str, target_port: int, service: str, proto: str = "tcp"
    ) -> Flow:
        """A connection begins now; nothing is written yet."""
        uid = "C" + "".join(self._rng.choices(BASE62, k=17))
        return Flow(uid, self._schedule.now, source, source_port, target, target_port, proto, service)

    def end(self, flow: Flow, sent: int, received: int) -> Place:
        """The connection ended now: its line in conn.log. `sent` and `received` as the originator saw them."""
        duration = (self._schedule.now - flow.start) / 1_000_000
        packets_out, packets_in = sent // 1400 + 3, received // 1400 + 3
        local = "T" if flow.target.startswith("10.") else "F"
        history, state = ("Dd", "SF") if flow.proto == "udp" else ("ShADadFf", "SF")
        overhead = 28 if flow.proto == "udp" else 40
        values = [
            flow.proto,
            flow.service or None,
            f"{duration:.6f}",
            sent,
            received,
            state,
            "T",
            local,
            0,
            history,
            packets_out,
            sent + overhead * packets_out,
            packets_in,
            received + overhead * packets_in,
            (),
        ]
        return self._write("conn", flow, flow.start, values)

    def entry(self, path: str, flow: Flow, values: Sequence[object]) -> Place:
        """A line of another log about `flow`, now. None is unset, an empty tuple the empty field."""
        return self._write(path, flow, self._schedule.now, values)

    def close(self) -> None:
        """Ends the files of the day."""
        moment = to_datetime(self._schedule.now)
        for path in sorted(self._open):
            name = self._name(path)
            self._files.write(name, f"#close\t{_stamp(moment)}")
            self._files.close(name)
        self._open.clear()

    def _write(self, path: str, flow: Flow, time: int, values: Sequence[object]) -> Place:
        day = f"{to_datetime(self._schedule.now):%Y-%m-%d}"
        if day != self._day:
            self.close()
            self._day = day
        if path not in self._open:
            self._open.add(path)
            self._header(path)
        head = (
            f"{time // 1_000_000}.{time % 1_000_000:06d}",
            flow.uid,
            flow.source,
            flow.source_port,
            flow.target,
            flow.target_port,
        )
        return self._files.write(self._name(path), "\t".join(_text(value) for value in (*head, *values)))

    def _header(self, path: str) -> None:
        columns = [column.rsplit(":", 1) for column in _COLUMNS[path].split()]
        opened = _stamp(to_datetime(self._schedule.now))
        for line in (
            "#separator \\x09",
            "#set_separator\t,",
            "#empty_field\t(empty)",
            "#unset_field\t-",
            f"#path\t{path}",
            f"#open\t{opened}",
            "\t".join(("#fields", *(name for name, _ in columns))),
            "\t".join(("#types", *(type_ for _, type_ in columns))),
        ):
            self._files.write(self._name(path), line)

    def _name(self, path: str) -> str:
        return f"zeek/{self._day}/{path}.log"


def _stamp(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d-%H-%M-%S}"


def _text(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, tuple):
        return ",".join(map(_text, value)) or "(empty)"
    if isinstance(value, bool):
        return "T" if value else "F"
    return str(value)
