"""Logs of text lines: a Linux host's auth.log, and the VPN gateways."""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from collections.abc import Sequence
from zoneinfo import ZoneInfo

from countersign.range.draws import mix
from countersign.range.estate import Host
from countersign.range.plan import kinds as k
from countersign.range.spec import GatewaySpec
from countersign.range.streams.base import (
    LOST,
    Common,
    Growing,
    Kept,
    Record,
    Today,
    fate_of,
    in_turn,
    pid_of,
    port_of,
)
from countersign.range.writers import times
from countersign.range.writers.gateways import ASA_DENIED

WEEK = 7
TRIED = (22, 23, 80, 445, 3389, 5900, 8080)


class _Lines(Kept):
    """Lines with their time in front, in files that are rotated each week as logrotate does."""

    def __init__(self, common: Common, stream: int, name: str, zone: ZoneInfo) -> None:
        super().__init__(common, stream, common.root / name)
        self._name, self.zone = name, zone
        self._last_day = common.estate.spec.days - 1

    def write(self, today: Today, visits: Sequence[Record]) -> None:
        """A day's lines."""
        weeks = self._last_day // WEEK - today.day.number // WEEK
        # the current file has no number, the one before it is not compressed yet (delaycompress)
        suffix = "" if weeks == 0 else f".{weeks}"
        packed = weeks > 1 and self.common.estate.spec.compressed
        self._file = Growing(self.common.root / (self._name + suffix), compressed=packed)
        for moment, kind, row, fate in in_turn(today, self.stream, visits, self.visited):
            self._way.put(self.line(today, moment, kind, row), fate, moment, today.seed[row] ^ kind)
        if (today.day.number + 1) % WEEK == 0 or today.day.number == self._last_day:
            self._way.settle()
        self._way.flush()

    @abstractmethod
    def line(self, today: Today, moment: int, kind: int, row: int) -> bytes:
        """An everyday line."""

    @abstractmethod
    def dated(self, moment: int, text: bytes) -> bytes:
        """`text` with its time in front."""

    @abstractmethod
    def source(self) -> str:
        """The recorder's name in references."""

    def visited(self, record: Record) -> None:
        """Writes a visit's line."""
        text = record.body
        if not isinstance(text, str):
            raise RuntimeError("a log of lines holds text")  # noqa: TRY004 # our own misuse
        line = self.dated(record.time, text.encode())
        fate = fate_of(record.number, self.common.estate)
        self._way.put(line, fate, record.time, record.number)
        if record.ref is not None:
            digest = hashlib.sha256(line.rstrip(b"\n")).hexdigest()[:32]
            reference = {"log": "line", "host": self.source(), "sha256": digest}
            self.common.sink.note(record.ref, fate != LOST, reference)


class SyslogStream(_Lines):
    """auth.log of a Linux host: RFC 3164 times in the host's zone, no year."""

    def __init__(self, common: Common, host: Host) -> None:
        super().__init__(common, host.index, f"linux/{host.name}/auth.log", host.zone)
        self.host = host
        self._start = common.estate.calendar.day(0).start

    def source(self) -> str:
        """The host's name."""
        return self.host.name

    def dated(self, moment: int, text: bytes) -> bytes:
        """`Mar  2 09:00:00 lnx01 ` in front, by the host's clock."""
        moment += self.host.offset + self.host.drift * (moment - self._start) // 86_400_000_000
        return b"%b %b %b\n" % (times.syslog(moment, self.zone), self.host.name.encode(), text)

    def line(self, today: Today, moment: int, kind: int, row: int) -> bytes:
        """cron, and monitoring by SSH."""
        seed = today.seed[row]
        pid = pid_of(seed)
        if kind == k.CRON_OPENED:
            text = b"CRON[%d]: pam_unix(cron:session): session opened for user root(uid=0) by (uid=0)" % pid
        elif kind == k.CRON_CLOSED:
            text = b"CRON[%d]: pam_unix(cron:session): session closed for user root" % pid
        elif kind == k.SSH_ACCEPTED:
            address = self.common.address(today, today.source[row], self.host.index)
            key = hashlib.sha256(b"svc-monitor").hexdigest()[:43].encode()
            text = b"sshd[%d]: Accepted publickey for svc-monitor from %b port %d ssh2: ED25519 SHA256:%b" % (
                pid, address, port_of(seed), key
            )  # fmt: skip
        else:
            word = (
                b"opened for user svc-monitor(uid=998) by (uid=0)"
                if kind == k.SSH_OPENED
                else b"closed for user svc-monitor"
            )
            text = b"sshd[%d]: pam_unix(sshd:session): session %b" % (pid, word)
        return self.dated(moment, text)


class GatewayStream(_Lines):
    """A VPN gateway's own log."""

    def __init__(self, common: Common, number: int, gateway: GatewaySpec) -> None:
        zone = ZoneInfo(gateway.zone or common.estate.spec.zone)
        super().__init__(common, common.layout.gateway(number), f"gateways/{gateway.name}.log", zone)
        self.gateway = gateway
        self._serial = f"FGT60F{mix(common.estate.base('serial', number)) % 10**10:010d}"

    def source(self) -> str:
        """The gateway's name."""
        return self.gateway.name

    def dated(self, moment: int, text: bytes) -> bytes:
        """As the product begins its lines."""
        name = self.gateway.name.encode()
        if self.gateway.kind == "anyconnect":
            return b"%b %b : %b\n" % (times.asa(moment, self.zone), name, text)
        if self.gateway.kind == "openvpn":
            return b"%b %b\n" % (times.local(moment, self.zone), text)
        date, clock = times.local(moment, self.zone).split(b" ")
        ahead = times.offset(moment, self.zone) // 60
        sign = b"-" if ahead < 0 else b"+"
        zone = b"%b%02d%02d" % (sign, abs(ahead) // 60, abs(ahead) % 60)
        return b'date=%b time=%b devname="%b" devid="%b" eventtime=%d tz="%b" %b\n' % (
            date, clock, name, self._serial.encode(), moment * 1000, zone, text
        )  # fmt: skip

    def line(self, today: Today, moment: int, kind: int, row: int) -> bytes:
        """The internet's background: packets refused outside, and logins with guessed names."""
        del kind  # there is one only
        seed = today.seed[row]
        origin = b"198.51.100.%d" % (1 + seed % 60)
        if self.gateway.kind == "anyconnect":
            text = ASA_DENIED % (origin, 1024 + (seed >> 9 & 0x7FFF), TRIED[seed % len(TRIED)])
        elif self.gateway.kind == "openvpn":
            text = b"%b:%d TLS Error: TLS key negotiation failed to occur within 60 seconds" % (
                origin,
                1024 + (seed >> 9 & 0x7FFF),
            )
        else:
            text = (
                b'logid="0101039426" type="event" subtype="vpn" level="alert" vd="root" logdesc="SSL VPN login fail" '
                b'action="ssl-login-fail" tunneltype="ssl-web" tunnelid=0 remip=%b user="admin" group="N/A" dst_host="N/A" '
                b'reason="sslvpn_login_unknown_user" msg="SSL user failed to logged in"' % origin
            )
        return self.dated(moment, text)
