"""Everyday life of an estate as columns: staff, machines and the estate's own tools, a day at a time.

A row is something that one host does to another (or to itself); it leaves records in several streams. Both tables are
drawn from numbers that belong to (host, day, purpose), so a day can be made anywhere and is always the same.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from countersign.range.calendar import HOUR, MINUTE, SECOND, Day, moment
from countersign.range.draws import U64, again, column, mix, share
from countersign.range.estate import Estate

I64 = NDArray[np.int64]
I32 = NDArray[np.int32]
Mask = NDArray[np.bool_]

# kinds of rows
(
    LOOKUP, PAGE, SHARE, PROGRAM, UNLOCK, DESK, INTRANET, REFRESH, SERVICE, MISTYPED, POLL, COPY, SCAN, CRON, DENIED,
    SIGN_IN, MAIL, TAP, CALL, NOISE,
) = range(20)  # fmt: skip

# kinds of records
(
    Z_DNS, Z_CONN, Z_SSL, Z_HTTP, Z_MAPPING, Z_RPC, Z_SSH,
    TICKET, GRANTING, ARRIVED, LEFT, SHARED, TOUCHED, SPECIAL, STARTED, SYSMON_STARTED, EXITED, SYSMON_EXITED,
    CONNECTED, AT_DESK, DESK_EXPLICIT, DESK_LEFT, DESK_LEFT_TOKEN, UNLOCKED, LOCKED, AS_SERVICE, REFUSED, CRON_OPENED,
    CRON_CLOSED, SSH_ACCEPTED, SSH_OPENED, SSH_CLOSED, PACKET_DENIED, SIGNED_IN, MAIL_READ, CLOUD_CALL, NTLM,
) = range(37)  # fmt: skip

USER, MACHINE, TOOL = range(3)
"""Whose account a row uses: the workstation's member of staff, the machine's own, a tool's service account."""

WEEKEND_STAFF, HOSPITAL_WEEKEND, PRESENT = 0.03, 0.45, 0.9
MACHINE_PERIOD = 90 * MINUTE
"""Group policy's default refresh."""
MAX_LENGTH = 20 * MINUTE
SECURE, SECURE_PURPOSE = 0.8, 22
KERBEROS, NTLM_PURPOSE = 0.94, 23
"""The share of network logons that use Kerberos; the rest name a host by its address or are old."""


def by_kerberos(seed: int) -> bool:
    """Whether the logon of a row used Kerberos."""
    return (mix(seed ^ mix(NTLM_PURPOSE)) >> 11) / (1 << 53) < KERBEROS


@dataclass(slots=True)
class Rows:
    """Rows by column; `length` is how long it takes, in microseconds."""

    kind: NDArray[np.int8]
    time: I64
    source: I32
    target: I32
    who: NDArray[np.int8]
    length: I64
    seed: U64

    @classmethod
    def joined(cls, parts: Iterable[Rows]) -> Rows:
        """All rows of `parts`."""
        rows = list(parts)
        names = cls.__dataclass_fields__
        return cls(*(np.concatenate([getattr(row, name) for row in rows]) for name in names))

    def __len__(self) -> int:
        return len(self.time)


@dataclass(slots=True)
class Records:
    """What rows leave behind, in the order of stream and time."""

    stream: I32
    time: I64
    kind: NDArray[np.int8]
    row: I32
    bounds: list[int]
    """Where each stream begins, and the end of the last."""

    def of(self, stream: int) -> slice:
        """The records of one stream."""
        return slice(self.bounds[stream], self.bounds[stream + 1])


@dataclass(slots=True)
class Layout:
    """Numbers of streams: hosts first, then sensors, gateways, and the clouds' logs."""

    hosts: int
    sensors: int
    gateways: int
    aws: int
    cloud: bool

    def sensor(self, number: int = 0) -> int:
        """A network sensor's stream."""
        return self.hosts + number

    def gateway(self, number: int) -> int:
        """A gateway's stream."""
        return self.hosts + self.sensors + number

    @property
    def entra(self) -> int:
        """Entra's sign-ins and audit."""
        return self.hosts + self.sensors + self.gateways

    @property
    def m365(self) -> int:
        """The unified audit log."""
        return self.entra + 1

    def trail(self, number: int) -> int:
        """The trail of an AWS account."""
        return self.entra + 2 + number

    @property
    def total(self) -> int:
        """How many streams there are."""
        return self.entra + 2 + self.aws


class Everyday:
    """Makes the tables of a day."""

    def __init__(self, estate: Estate) -> None:
        self.estate = estate
        spec = estate.spec
        sensors = len(spec.sites) if spec.sensors == "sites" else 1
        self.layout = Layout(
            len(estate.hosts), sensors, len(spec.gateways), spec.aws_accounts, spec.tenant is not None
        )
        hosts = estate.hosts
        self.site = np.array([h.site for h in hosts], np.int32)
        self.controller = np.array([h.controller for h in hosts], np.int32)
        self.linux = np.array([h.linux for h in hosts])
        self.silent = np.array([h.silent for h in hosts])
        self.sysmon = np.array([h.sysmon for h in hosts])
        self.audit = np.array([h.audit for h in hosts])
        roles = {role: np.array(members, np.int32) for role, members in estate.by_role.items()}
        self.roles = roles
        self.desks = roles["workstation"]
        self.members = np.concatenate([roles["workstation"], roles["citrix"]])
        self.windows = np.array([h.index for h in hosts if not h.linux and h.role != "device"], np.int32)
        self.servers = np.array(
            [h.index for h in hosts if h.role in {"file", "app", "sql", "web", "clinical", "jump", "citrix"}],
            np.int32,
        )

    def base(self, purpose: str, day: Day) -> int:
        """The key of a purpose on a day."""
        return self.estate.base("everyday", purpose, day.number)

    # rows

    def rows(self, day: Day) -> Rows:
        """Everything that happens on a day, apart from visits."""
        load = self.estate.spec.load
        hospital = self.estate.spec.profile == "hospital"
        parts = [
            self._staff(day, "lookup", LOOKUP, load.lookups, self._controllers, 8 * SECOND // 100),
            self._staff(day, "page", PAGE, load.pages, None, 30 * SECOND),
            self._staff(day, "share", SHARE, load.shares, self._file_servers, 6 * MINUTE),
            self._staff(day, "program", PROGRAM, load.programs, None, MAX_LENGTH),
            self._staff(day, "unlock", UNLOCK, load.unlocks, None, SECOND),
            self._staff(day, "intranet", INTRANET, load.intranet, self._applications, 5 * MINUTE),
            self._staff(day, "mistyped", MISTYPED, 0.25, None, SECOND),
            self._staff(day, "desk", DESK, 1, None, 8 * HOUR),
            self._machines(
                day, "refresh", REFRESH, self.windows, load.refreshes, self._controllers, 30 * SECOND
            ),
            self._machines(
                day, "updates", LOOKUP, self.windows, load.refreshes, self._controllers, SECOND // 10
            ),
            self._machines(day, "service", SERVICE, self.windows, 8, None, SECOND),
            self._machines(day, "cron", CRON, self.roles["linux"], 96, None, 3 * SECOND),
            *self._tools(day),
        ]
        if hospital:
            wards = self.desks[: len(self.desks) // 5]
            parts.append(self._machines(day, "tap", TAP, wards, 60, self._controllers, 10 * MINUTE))
            parts.append(
                self._machines(
                    day, "device", NOISE, self.roles["device"], 48, self._applications, 30 * SECOND
                )
            )
        if self.layout.cloud:
            parts.append(self._staff(day, "cloud", SIGN_IN, load.mail, None, SECOND))
            parts.append(self._staff(day, "mail", MAIL, load.mail * 3, None, SECOND))
        if self.layout.gateways:
            parts.append(
                self._machines(day, "denied", DENIED, self.roles["controller"][:1], 400, None, SECOND)
            )
        if self.layout.aws:
            parts.append(self._machines(day, "calls", CALL, self.roles["app"], 40, None, SECOND))
        rows = Rows.joined(part for part in parts if len(part))
        return self._without_outage(rows)

    def _without_outage(self, rows: Rows) -> Rows:
        """A hospital's clinical system stands still for thirty hours in the middle of the range."""
        estate = self.estate
        if estate.spec.profile != "hospital":
            return rows
        begin = moment(estate.calendar.day(estate.spec.days // 2).date, "03:20", estate.spec.zone)
        clinical = np.isin(rows.target, self.roles["clinical"])
        down = clinical & (rows.time >= begin) & (rows.time < begin + 30 * HOUR)
        return Rows(*(getattr(rows, name)[~down] for name in Rows.__dataclass_fields__))

    def _counted(self, base: int, sources: I32, each: NDArray[np.float64]) -> tuple[I32, U64]:
        """`each` times a row for each source: its whole part, and one more as often as the rest says."""
        number = np.floor(each + share(column(base, sources.astype(np.uint64)))).astype(np.int64)
        source = np.repeat(sources, number)
        index = np.arange(len(source)) - np.repeat(np.cumsum(number) - number, number)
        return source, column(base ^ 1, source.astype(np.uint64), index.astype(np.uint64))

    def _staff(self, day: Day, purpose: str, kind: int, each: float, choose: object, length: int) -> Rows:
        sources = self.members
        numbers = sources.astype(np.uint64)
        presence = self.base("presence", day)
        come = PRESENT if day.working else WEEKEND_STAFF
        if self.estate.spec.profile == "hospital":
            come = max(come * 0.95, HOSPITAL_WEEKEND)
        there = share(column(presence, numbers)) < come
        sources, numbers = sources[there], numbers[there]
        busy = 0.4 + 1.2 * share(column(self.estate.base("busy", purpose), numbers))
        # a session host is everybody's desk
        busy[np.isin(sources, self.roles["citrix"])] *= 25
        factor = busy if kind != DESK else np.ones(len(sources))
        source, seed = self._counted(self.base(purpose, day), sources, factor * each)
        begin, span = self._shift(day, source)
        time = begin + (span * (again(seed, 11) if kind != DESK else 0)).astype(np.int64)
        lengths = (
            span if kind == DESK else np.minimum(length * (0.05 + 1.9 * again(seed, 12) ** 2), MAX_LENGTH)
        ).astype(np.int64)
        target = source if choose is None else choose(source, seed)  # type: ignore[operator] # a method of this class
        return self._rows(day, kind, time, source, target, USER, lengths, seed)

    def _shift(self, day: Day, source: I32) -> tuple[I64, I64]:
        """When each host's person begins and for how long, on this day."""
        numbers = source.astype(np.uint64)
        early = share(column(self.base("arrival", day), numbers))
        zone, date = self.estate.spec.zone, day.date
        first, last = (moment(date, text, zone) for text in ("07:30", "16:20"))
        begin = first + (early * 110 * MINUTE).astype(np.int64)
        end = last + (share(column(self.base("leaving", day), numbers)) * 110 * MINUTE).astype(np.int64)
        if self.estate.spec.profile == "hospital":
            late = share(column(self.estate.base("ward shift"), numbers)) < 0.3
            begin = np.where(late, begin + 6 * HOUR, begin)
            end = np.where(late, np.minimum(end + 5 * HOUR, day.end - MINUTE), end)
        return begin, end - begin

    def _machines(
        self, day: Day, purpose: str, kind: int, sources: I32, each: float, choose: object, length: int
    ) -> Rows:
        source, seed = self._counted(self.base(purpose, day), sources, np.full(len(sources), float(each)))
        time = day.start + (again(seed, 11) * (day.length - MAX_LENGTH)).astype(np.int64)
        lengths = (length * (0.1 + 0.9 * again(seed, 12))).astype(np.int64)
        target = source if choose is None else choose(source, seed)  # type: ignore[operator] # a method of this class
        return self._rows(day, kind, time, source, target, MACHINE, lengths, seed)

    def _tools(self, day: Day) -> list[Rows]:
        """Monitoring looks at every server each quarter of an hour, backup each night, the scanner each Sunday."""
        parts = []
        servers = np.concatenate([self.servers, self.roles["linux"]]).astype(np.int32)
        rounds = 96 if len(self.estate.hosts) <= 5000 else 24
        parts.append(
            self._tool(day, "monitor", POLL, servers, rounds, day.start, day.length - MAX_LENGTH, 8 * SECOND)
        )
        night = moment(day.date, "01:00", self.estate.spec.zone)
        parts.append(self._tool(day, "backup", COPY, self.servers, 1, night, 3 * HOUR, 15 * MINUTE))
        parts.append(
            self._tool(day, "manager", POLL, self.desks, 0.3, day.start, day.length - MAX_LENGTH, 20 * SECOND)
        )
        if day.date.weekday() == 6:
            everyone = np.arange(len(self.estate.hosts), dtype=np.int32)
            parts.append(
                self._tool(day, "scanner", SCAN, everyone, 6, day.start + 3 * HOUR, 6 * HOUR, SECOND)
            )
        return parts

    def _tool(
        self, day: Day, role: str, kind: int, targets: I32, each: float, begin: int, span: int, length: int
    ) -> Rows:
        target, seed = self._counted(self.base(role, day), targets, np.full(len(targets), float(each)))
        source = np.full(len(target), self.roles[role][0], np.int32)
        time = begin + (again(seed, 11) * span).astype(np.int64)
        lengths = (length * (0.1 + 0.9 * again(seed, 12))).astype(np.int64)
        return self._rows(day, kind, time, source, target, TOOL, lengths, seed)

    @staticmethod
    def _rows(
        day: Day, kind: int, time: I64, source: I32, target: I32, who: int, length: I64, seed: U64
    ) -> Rows:
        count = len(time)
        # nothing of everyday life runs past midnight
        length = np.minimum(length, np.maximum(day.end - time - SECOND, 0))
        return Rows(
            np.full(count, kind, np.int8),
            time,
            source,
            target.astype(np.int32),
            np.full(count, who, np.int8),
            length,
            seed,
        )

    def _controllers(self, source: I32, _: U64) -> I32:
        return self.controller[source]

    def _one_of(self, members: I32, usual: float, source: I32, seed: U64, purpose: str) -> I32:
        """Mostly the one that a host usually goes to, else any."""
        home = column(self.estate.base("usual", purpose), source.astype(np.uint64)) % np.uint64(len(members))
        other = (again(seed, 13) * len(members)).astype(np.int64)
        return members[np.where(again(seed, 14) < usual, home.astype(np.int64), other)]

    def _file_servers(self, source: I32, seed: U64) -> I32:
        return self._one_of(self.roles["file"], 0.85, source, seed, "file")

    @cached_property
    def _app_servers(self) -> I32:
        return np.concatenate([self.roles["app"], self.roles["web"], self.roles["clinical"]])

    def _applications(self, source: I32, seed: U64) -> I32:
        return self._one_of(self._app_servers, 0.5, source, seed, "app")

    # records

    def records(self, rows: Rows, wanted: Mask) -> Records:  # noqa: PLR0915 # a table of rules, one a line
        """What the rows leave in the streams that are `wanted`."""
        dirt = self.estate.spec.dirt
        out = _Out(wanted)
        kind, time, length, seed = rows.kind, rows.time, rows.length, rows.seed
        source, target = rows.source, rows.target
        asked = self.controller[source]
        logged_off = again(seed, 21) >= dirt.logoffs
        windows = ~self.linux[target] & ~self.silent[target]
        seen, sensor = self._seen(rows)
        end = time + length

        def of(*kinds: int) -> Mask:
            return np.isin(kind, kinds)

        dns, page = of(LOOKUP), of(PAGE)
        secure = again(seed, SECURE_PURPOSE) < SECURE
        arrives = of(SHARE, INTRANET, REFRESH, POLL, COPY, TAP)
        kerberos = arrives & (again(seed, NTLM_PURPOSE) < KERBEROS)
        files = of(SHARE, COPY, REFRESH)
        flows = of(LOOKUP, PAGE, SHARE, INTRANET, REFRESH, POLL, COPY, SCAN, NOISE) & seen
        out.add(Z_DNS, sensor, time, dns & seen)
        out.add(Z_CONN, sensor, end, flows)
        out.add(Z_SSL, sensor, time + SECOND // 10, (page & secure | of(INTRANET)) & seen)
        out.add(Z_HTTP, sensor, time + SECOND // 10, page & ~secure & seen)
        out.add(Z_MAPPING, sensor, time + SECOND // 20, files & seen)
        out.add(Z_RPC, sensor, time + SECOND // 20, of(POLL) & ~self.linux[target] & seen)
        out.add(Z_SSH, sensor, time + SECOND // 20, of(POLL) & self.linux[target] & seen)
        out.add(TICKET, asked, time - SECOND // 50, kerberos & ~self.silent[asked])
        out.add(NTLM, asked, time - SECOND // 50, arrives & ~kerberos & windows & ~self.silent[asked])
        out.add(GRANTING, asked, time - SECOND // 25, of(DESK, TAP) & ~self.silent[asked])
        landed = arrives & windows & ~of(TAP)
        out.add(ARRIVED, target, time, landed)
        out.add(SPECIAL, target, time + 150, landed & of(POLL, COPY))
        out.add(SHARED, target, time + SECOND // 40, of(SHARE, COPY, REFRESH) & windows)
        out.add(TOUCHED, target, time + SECOND // 8, of(SHARE, COPY) & windows & (again(seed, 24) < 0.6))
        out.add(LEFT, target, end, landed & logged_off)
        out.add(REFUSED, target, time, of(SCAN) & windows)
        here = ~self.linux[source] & ~self.silent[source]
        out.add(
            CONNECTED,
            source,
            time,
            of(PAGE, INTRANET, SHARE) & here & self.sysmon[source] & (again(seed, 25) < 0.5),
        )
        out.add(STARTED, source, time, of(PROGRAM) & here & self.audit[source])
        out.add(SYSMON_STARTED, source, time + 900, of(PROGRAM) & here & self.sysmon[source])
        out.add(EXITED, source, end, of(PROGRAM) & here & self.audit[source])
        out.add(SYSMON_EXITED, source, end + 700, of(PROGRAM) & here & self.sysmon[source])
        out.add(DESK_EXPLICIT, source, time - 2000, of(DESK) & here)
        out.add(AT_DESK, source, time, of(DESK, TAP) & here)
        out.add(DESK_LEFT, source, end, of(DESK, TAP) & here)
        out.add(DESK_LEFT_TOKEN, source, end + 500, of(DESK, TAP) & here & logged_off)
        out.add(UNLOCKED, source, time, of(UNLOCK) & here)
        out.add(LOCKED, source, end, of(UNLOCK) & here & logged_off)
        out.add(AS_SERVICE, source, time, of(SERVICE) & here)
        out.add(SPECIAL, source, time + 150, of(SERVICE) & here)
        out.add(REFUSED, source, time, of(MISTYPED) & here)
        unix = self.linux[target] & ~self.silent[target]
        out.add(CRON_OPENED, source, time, of(CRON) & ~self.silent[source])
        out.add(CRON_CLOSED, source, end, of(CRON) & ~self.silent[source])
        out.add(SSH_ACCEPTED, target, time, of(POLL) & unix)
        out.add(SSH_OPENED, target, time + 900, of(POLL) & unix)
        out.add(SSH_CLOSED, target, end, of(POLL) & unix)
        layout = self.layout
        if layout.gateways:
            out.add_to(PACKET_DENIED, layout.gateway(0), time, of(DENIED))
        if layout.cloud:
            out.add_to(SIGNED_IN, layout.entra, time, of(SIGN_IN))
            out.add_to(MAIL_READ, layout.m365, time, of(MAIL))
        if layout.aws:
            trail = layout.trail(0) + (seed % np.uint64(layout.aws)).astype(np.int32)
            out.add(CLOUD_CALL, trail, time, of(CALL))
        return out.sorted()

    def _seen(self, rows: Rows) -> tuple[Mask, I32]:
        """Which rows a sensor sees, and which sensor: one at the core, or one at each site's border."""
        at, to = self.site[rows.source], self.site[rows.target]
        outside = np.isin(rows.kind, (PAGE,))
        if self.layout.sensors == 1:
            return (at == 0) | (to == 0) | outside, np.full(len(rows), self.layout.sensor(), np.int32)
        return np.ones(len(rows), bool), (self.layout.sensor() + at).astype(np.int32)


class _Out:
    """Collects records and sorts them."""

    def __init__(self, wanted: Mask) -> None:
        self._wanted = wanted
        self._parts: list[tuple[I32, I64, NDArray[np.int8], I32]] = []

    def add(self, kind: int, stream: I32, time: I64, which: Mask) -> None:
        row = np.flatnonzero(which & self._wanted[stream]).astype(np.int32)
        self._parts.append((stream[row], time[row], np.full(len(row), kind, np.int8), row))

    def add_to(self, kind: int, stream: int, time: I64, which: Mask) -> None:
        if self._wanted[stream]:
            row = np.flatnonzero(which).astype(np.int32)
            self._parts.append(
                (np.full(len(row), stream, np.int32), time[row], np.full(len(row), kind, np.int8), row)
            )

    def sorted(self) -> Records:
        stream, time, kind, row = (np.concatenate(parts) for parts in zip(*self._parts, strict=True))
        order = np.lexsort((row, kind, time, stream))
        stream = stream[order]
        bounds = np.searchsorted(stream, np.arange(len(self._wanted) + 1, dtype=np.int32)).tolist()
        return Records(stream, time[order], kind[order], row[order], bounds)
