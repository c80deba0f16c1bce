"""A network sensor: Zeek's logs, rotated and compressed each hour."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from countersign.range.calendar import HOUR
from countersign.range.estate import Estate, Host
from countersign.range.plan import kinds as k
from countersign.range.streams.base import LEVEL, LOST, Common, Record, Today, fate_of, port_of, site_of
from countersign.range.writers import times, zeek

AGENT = b"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/132.0.0.0 Safari/537.36"
PORTS = {k.LOOKUP: 53, k.SHARE: 445, k.COPY: 445, k.REFRESH: 445, k.INTRANET: 443, k.NOISE: 8080}
SERVICES = {
    k.LOOKUP: b"dns", k.SHARE: b"smb,gssapi,krb", k.COPY: b"smb,gssapi,krb", k.REFRESH: b"smb,gssapi,krb",
    k.INTRANET: b"ssl", k.NOISE: b"http",
}  # fmt: skip
SCANNED = (22, 80, 135, 443, 445, 3389)
SSL = b"TLSv13\tTLS_AES_256_GCM_SHA384\tx25519\t%b\tF\t-\th2\tT\tCsiI\t-\t-\t-"
SSH = b"2\tT\t1\t-\t%b\t%b\tchacha20-poly1305@openssh.com\tumac-64-etm@openssh.com\tnone\tcurve25519-sha256\tssh-ed25519\t%b"
DEBIAN, RED_HAT = b"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3", b"SSH-2.0-OpenSSH_8.7"


@dataclass(frozen=True, slots=True)
class Seen:
    """A visit's line in one of Zeek's logs; `rest` are the fields behind the connection's, for conn.log their values."""

    path: str
    start: int
    uid: int
    source: str
    port: int
    target: str
    target_port: int
    rest: bytes = b""
    service: bytes = b"-"
    sent: int = 0
    received: int = 0


Handler = Callable[[Today, int, int], tuple[str, bytes]]
"""Makes an everyday line and says of which log: of which day, when, of which row."""


class ZeekStream:
    """One sensor. It loses packets, but what it writes is neither late nor doubled."""

    def __init__(self, common: Common, number: int, stream: int) -> None:
        self.common, self.stream = common, stream
        name = (
            "zeek" if common.layout.sensors == 1 else f"zeek/sensor-{common.estate.spec.sites[number].name}"
        )
        self._folder = common.root / name
        self._hour = -1
        self._open: dict[str, list[bytes]] = {}
        self.count = 0
        self._handlers: dict[int, Handler] = {
            k.Z_CONN: self._conn,
            k.Z_DNS: self._dns,
            k.Z_SSL: self._ssl,
            k.Z_HTTP: self._http,
            k.Z_MAPPING: self._mapping,
            k.Z_RPC: self._rpc,
            k.Z_SSH: self._ssh,
        }

    def write(self, today: Today, visits: Sequence[Record]) -> None:
        """A day's lines, hour by hour."""
        part = today.records.of(self.stream)
        time, kind = today.records.time[part].tolist(), today.records.kind[part].tolist()
        row, fate = today.records.row[part].tolist(), today.fate[part].tolist()
        waiting = sorted(visits, reverse=True)
        handlers, opened = self._handlers, self._open
        limit = (self._hour + 1) * HOUR
        for number, moment in enumerate(time):
            while waiting and waiting[-1].time <= moment:
                self._visit(waiting.pop())
                limit = (self._hour + 1) * HOUR
            if moment >= limit:
                self._turn(moment)
                limit = (self._hour + 1) * HOUR
            if fate[number] != LOST:
                path, line = handlers[kind[number]](today, moment, row[number])
                self.count += 1
                lines = opened.get(path)
                if lines is None:
                    lines = opened[path] = [zeek.header(path, moment)]
                lines.append(line)
        while waiting:
            self._visit(waiting.pop())

    def close(self) -> None:
        """Ends the last hour's files."""
        self._turn((self._hour + 1) * HOUR)

    def _turn(self, moment: int) -> None:
        compressed = self.common.estate.spec.compressed
        for path, lines in sorted(self._open.items()):
            lines.append(zeek.closing((self._hour + 1) * HOUR))
            begin, end = (datetime.fromtimestamp(hour * 3600, UTC) for hour in (self._hour, self._hour + 1))
            name = f"{path}.{begin:%H:%M:%S}-{end:%H:%M:%S}.log"
            file = self._folder / f"{begin:%Y-%m-%d}" / (name + ".gz" * compressed)
            file.parent.mkdir(parents=True, exist_ok=True)
            data = b"".join(lines)
            if compressed:
                packer = zlib.compressobj(LEVEL, zlib.DEFLATED, 31)
                data = packer.compress(data) + packer.flush()
            file.write_bytes(data)
        self._open.clear()
        self._hour = moment // HOUR

    def _visit(self, record: Record) -> None:
        seen = record.body
        if not isinstance(seen, Seen):
            raise RuntimeError("a sensor writes connections")  # noqa: TRY004 # our own misuse
        if record.time >= (self._hour + 1) * HOUR:
            self._turn(record.time)
        uid = self.common.names.uid(seen.uid)
        ends = (seen.source.encode(), seen.port, seen.target.encode(), seen.target_port)
        if seen.path == "conn":
            line = zeek.conn(
                times.zeek(seen.start), uid, *ends, duration=record.time - seen.start, sent=seen.sent,
                received=seen.received, service=seen.service,
            )  # fmt: skip
        else:
            line = zeek.other(times.zeek(record.time), uid, *ends, seen.rest)
        kept = fate_of(record.number, self.common.estate) != LOST
        if kept:
            self.count += 1
            self._open.setdefault(seen.path, [zeek.header(seen.path, record.time)]).append(line)
        if record.ref is not None:
            self.common.sink.note(record.ref, kept, {"log": "zeek", "path": seen.path, "uid": uid.decode()})

    # everyday lines

    def _ends(self, today: Today, row: int) -> tuple[bytes, bytes, int, bytes, int]:
        """uid, source, port, target, port of a row's connection."""
        seed, kind, target = today.seed[row], today.kind[row], today.target[row]
        source = self.common.address(today, today.source[row], target)
        uid = self.common.names.uid(seed)
        if kind == k.PAGE:
            port = 443 if k.secure(seed) else 80
            return uid, today.outside[today.source[row]], port_of(seed), site_of(seed)[1], port
        if kind == k.POLL:
            port = 22 if self.common.hosts[target].linux else 49_667
        elif kind == k.SCAN:
            port = SCANNED[seed % len(SCANNED)]
        else:
            port = PORTS[kind]
        return uid, source, port_of(seed), today.addresses[target], port

    def _conn(self, today: Today, moment: int, row: int) -> tuple[str, bytes]:
        seed, kind, length = today.seed[row], today.kind[row], today.length[row]
        ends = self._ends(today, row)
        proto, state = b"tcp", b"SF"
        sent, received = 300 + (seed >> 8 & 0x3FFF), 800 + (seed >> 22 & 0xFFFF)
        if kind == k.LOOKUP:
            proto, sent, received = b"udp", 40 + (seed & 31), 80 + (seed >> 5 & 127)
            service = b"dns"
        elif kind == k.PAGE:
            service, received = (b"ssl" if ends[4] == 443 else b"http"), received * 9
        elif kind == k.POLL:
            service = b"ssh" if ends[4] == 22 else b"gssapi,dce_rpc"
        elif kind == k.SCAN:
            service, sent, received, state = b"-", 0, 0, b"REJ"
        else:
            service = SERVICES[kind]
            if kind == k.COPY:
                sent, received = sent * 40, received * 9000
        return "conn", zeek.conn(
            times.zeek(moment - length), *ends, duration=length, sent=sent, received=received, service=service,
            proto=proto, state=state,
        )  # fmt: skip

    def _dns(self, today: Today, moment: int, row: int) -> tuple[str, bytes]:
        seed = today.seed[row]
        name, address = site_of(seed)
        rest = b"udp\t%d\t0.003112\t%b\t1\tC_INTERNET\t1\tA\t0\tNOERROR\tF\tF\tT\tT\t0\t%b\t300.000000\tF" % (
            seed & 0xFFFF, name, address
        )  # fmt: skip
        return "dns", zeek.other(times.zeek(moment), *self._ends(today, row), rest)

    def _ssl(self, today: Today, moment: int, row: int) -> tuple[str, bytes]:
        name = (
            site_of(today.seed[row])[0] if today.kind[row] == k.PAGE else self.common.fqdn[today.target[row]]
        )
        return "ssl", zeek.other(times.zeek(moment), *self._ends(today, row), SSL % name)

    def _http(self, today: Today, moment: int, row: int) -> tuple[str, bytes]:
        seed = today.seed[row]
        rest = b"1\tGET\t%b\t/item/%d\t-\t1.1\t%b\t-\t0\t%d\t200\tOK\t-\t-\t(empty)\t-\t-\t-\t-\t-\t-\t-\t-\t-" % (
            site_of(seed)[0], seed % 9000, AGENT, 400 + (seed >> 9 & 0xFFFF)
        )  # fmt: skip
        return "http", zeek.other(times.zeek(moment), *self._ends(today, row), rest)

    def _mapping(self, today: Today, moment: int, row: int) -> tuple[str, bytes]:
        kind = today.kind[row]
        share = b"SYSVOL" if kind == k.REFRESH else b"Backup" if kind == k.COPY else b"Public"
        rest = b"\\\\%b\\%b\t-\tNTFS\tDISK" % (self.common.fqdn[today.target[row]], share)
        return "smb_mapping", zeek.other(times.zeek(moment), *self._ends(today, row), rest)

    def _rpc(self, today: Today, moment: int, row: int) -> tuple[str, bytes]:
        rest = b"0.000612\t49667\tIWbemServices\tExecQuery"
        return "dce_rpc", zeek.other(times.zeek(moment), *self._ends(today, row), rest)

    def _ssh(self, today: Today, moment: int, row: int) -> tuple[str, bytes]:
        rest = ssh_of(self.common.estate, self.common.hosts[today.target[row]], b"SSH-2.0-OpenSSH_8.9p1")
        return "ssh", zeek.other(times.zeek(moment), *self._ends(today, row), rest)


def ssh_of(estate: Estate, host: Host, client: bytes) -> bytes:
    """What a line of ssh.log says of a connection to a host."""
    return SSH % (client, RED_HAT if estate.red_hat(host) else DEBIAN, host_key(host.name))


def host_key(name: str) -> bytes:
    """A host key's fingerprint in Zeek's form, the same for a host always."""
    text = zlib.crc32(name.encode()).to_bytes(4, "big") * 4
    return b":".join(b"%02x" % byte for byte in text)
