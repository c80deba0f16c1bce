"""Everyday life of an estate as columns: staff, machines and the estate's own tools, a day at a time.

A row is something that one host does to another (or to itself); it leaves records in several streams. Both tables are
drawn from numbers that belong to (host, day, purpose), so a day can be made anywhere and is always the same.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from countersign.range.calendar import HOUR, MINUTE, SECOND, Day, moment
from countersign.range.draws import U64, again, column, share
from countersign.range.estate import Estate
from countersign.range.plan import kinds as k
from countersign.range.plan.records import Leaving
from countersign.range.plan.tables import I32, I64, Layout, Mask, Records, Rows

Choose = Callable[[I32, U64], I32]
"""Where each row goes to, of where it comes from and its number."""
TURNOVER = 0.02
"""The share of staff who join within a range, and of those who leave."""
PASSWORD_CHANGES = 1 / 60
"""A day and member of staff: passwords that last ninety days, and those that are forgotten."""
WEEKEND_STAFF, HOSPITAL_WEEKEND, PRESENT = 0.03, 0.45, 0.9
MACHINE_PERIOD = 90 * MINUTE
"""Group policy's default refresh."""
MAX_LENGTH = 20 * MINUTE


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
        self._leaving = Leaving(estate, self.layout)
        self.controller = self._leaving.controller
        self.joined, self.left = self._stays()
        roles = {role: np.array(members, np.int32) for role, members in estate.by_role.items()}
        self.roles = roles
        self.desks = roles["workstation"]
        self.members = np.concatenate([roles["workstation"], roles["citrix"]])
        self.windows = np.array([h.index for h in hosts if not h.linux and h.role != "device"], np.int32)
        self.servers = np.array(
            [h.index for h in hosts if h.role in {"file", "app", "sql", "web", "clinical", "jump", "citrix"}],
            np.int32,
        )

    def _stays(self) -> tuple[I64, I64]:
        """On which day each host's person joins, and on which one leaves; most are there all the time."""
        days = self.estate.spec.days
        numbers = np.arange(len(self.estate.hosts), dtype=np.uint64)
        comes = share(column(self.estate.base("joining"), numbers))
        goes = share(column(self.estate.base("leaving"), numbers))
        joined = np.where(comes < TURNOVER, 1 + comes / TURNOVER * (days - 1), 0).astype(np.int64)
        left = np.where(goes < TURNOVER, 1 + goes / TURNOVER * (days - 1), days + 1).astype(np.int64)
        return joined, np.maximum(left, joined + 1)

    def base(self, purpose: str, day: Day) -> int:
        """The key of a purpose on a day."""
        return self.estate.base("everyday", purpose, day.number)

    # rows

    def rows(self, day: Day) -> Rows:
        """Everything that happens on a day, apart from visits."""
        load = self.estate.spec.load
        hospital = self.estate.spec.profile == "hospital"
        parts = [
            self._staff(day, "lookup", k.LOOKUP, load.lookups, self._controllers, 8 * SECOND // 100),
            self._staff(day, "page", k.PAGE, load.pages, None, 30 * SECOND),
            self._staff(day, "share", k.SHARE, load.shares, self._file_servers, 6 * MINUTE),
            self._staff(day, "program", k.PROGRAM, load.programs, None, MAX_LENGTH),
            self._staff(day, "unlock", k.UNLOCK, load.unlocks, None, SECOND),
            self._staff(day, "intranet", k.INTRANET, load.intranet, self._applications, 5 * MINUTE),
            self._staff(day, "mistyped", k.MISTYPED, 0.25, None, SECOND),
            self._staff(day, "desk", k.DESK, 1, None, 8 * HOUR),
            self._machines(
                day, "refresh", k.REFRESH, self.windows, load.refreshes, self._controllers, 30 * SECOND
            ),
            self._machines(
                day, "updates", k.LOOKUP, self.windows, load.refreshes, self._controllers, SECOND // 10
            ),
            self._staff(day, "password", k.PASSWORD, PASSWORD_CHANGES, None, SECOND),
            *self._turnover(day),
            self._machines(day, "service", k.SERVICE, self.windows, 8, None, SECOND),
            self._machines(day, "cron", k.CRON, self.roles["linux"], 96, None, 3 * SECOND),
            *self._tools(day),
        ]
        if hospital:
            wards = self.desks[: len(self.desks) // 5]
            parts.append(self._machines(day, "tap", k.TAP, wards, 60, self._controllers, 10 * MINUTE))
            parts.append(
                self._machines(
                    day, "device", k.NOISE, self.roles["device"], 48, self._applications, 30 * SECOND
                )
            )
        if self.layout.cloud:
            parts.append(self._staff(day, "cloud", k.SIGN_IN, load.mail, None, SECOND))
            parts.append(self._staff(day, "mail", k.MAIL, load.mail * 3, None, SECOND))
        if self.layout.gateways:
            parts.append(
                self._machines(day, "denied", k.DENIED, self.roles["controller"][:1], 400, None, SECOND)
            )
        if self.layout.aws:
            parts.append(self._machines(day, "calls", k.CALL, self.roles["app"], 40, None, SECOND))
        rows = Rows.joined(part for part in parts if len(part))
        return self._without_outage(rows)

    def _turnover(self, day: Day) -> list[Rows]:
        """Accounts of staff who join today, and of those who have left."""
        parts = []
        for kind, days in ((k.JOINING, self.joined), (k.LEAVING, self.left)):
            if day.number:
                desks = self.desks[days[self.desks] == day.number]
                seed = column(self.base(f"turnover {kind}", day), desks.astype(np.uint64))
                time = moment(day.date, "08:00", self.estate.spec.zone) + (share(seed) * 6 * HOUR).astype(
                    np.int64
                )
                length = np.full(len(desks), SECOND, np.int64)
                parts.append(self._rows(day, kind, time, desks, desks, k.USER, length, seed))
        return parts

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

    def _staff(
        self, day: Day, purpose: str, kind: int, each: float, choose: Choose | None, length: int
    ) -> Rows:
        sources = self.members
        numbers = sources.astype(np.uint64)
        presence = self.base("presence", day)
        come = PRESENT if day.working else WEEKEND_STAFF
        if self.estate.spec.profile == "hospital":
            come = max(come * 0.95, HOSPITAL_WEEKEND)
        there = share(column(presence, numbers)) < come
        there &= (self.joined[sources] <= day.number) & (day.number < self.left[sources])
        sources, numbers = sources[there], numbers[there]
        busy = 0.4 + 1.2 * share(column(self.estate.base("busy", purpose), numbers))
        # a session host is everybody's desk
        busy[np.isin(sources, self.roles["citrix"])] *= 25
        factor = busy if kind != k.DESK else np.ones(len(sources))
        source, seed = self._counted(self.base(purpose, day), sources, factor * each)
        begin, span = self._shift(day, source)
        time = begin + (span * (again(seed, 11) if kind != k.DESK else 0)).astype(np.int64)
        lengths = (
            span if kind == k.DESK else np.minimum(length * (0.05 + 1.9 * again(seed, 12) ** 2), MAX_LENGTH)
        ).astype(np.int64)
        target = source if choose is None else choose(source, seed)
        return self._rows(day, kind, time, source, target, k.USER, lengths, seed)

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
        self, day: Day, purpose: str, kind: int, sources: I32, each: float, choose: Choose | None, length: int
    ) -> Rows:
        source, seed = self._counted(self.base(purpose, day), sources, np.full(len(sources), float(each)))
        time = day.start + (again(seed, 11) * (day.length - MAX_LENGTH)).astype(np.int64)
        lengths = (length * (0.1 + 0.9 * again(seed, 12))).astype(np.int64)
        target = source if choose is None else choose(source, seed)
        return self._rows(day, kind, time, source, target, k.MACHINE, lengths, seed)

    def _tools(self, day: Day) -> list[Rows]:
        """Monitoring looks at every server each quarter of an hour, backup each night, the scanner each Sunday."""
        parts = []
        servers = np.concatenate([self.servers, self.roles["linux"]]).astype(np.int32)
        rounds = 96 if len(self.estate.hosts) <= 5000 else 24
        parts.append(
            self._tool(
                day, "monitor", k.POLL, servers, rounds, day.start, day.length - MAX_LENGTH, 8 * SECOND
            )
        )
        night = moment(day.date, "01:00", self.estate.spec.zone)
        parts.append(self._tool(day, "backup", k.COPY, self.servers, 1, night, 3 * HOUR, 15 * MINUTE))
        parts.append(
            self._tool(
                day, "manager", k.POLL, self.desks, 0.3, day.start, day.length - MAX_LENGTH, 20 * SECOND
            )
        )
        if day.date.weekday() == 6:
            everyone = np.arange(len(self.estate.hosts), dtype=np.int32)
            parts.append(
                self._tool(day, "scanner", k.SCAN, everyone, 6, day.start + 3 * HOUR, 6 * HOUR, SECOND)
            )
        return parts

    def _tool(
        self, day: Day, role: str, kind: int, targets: I32, each: float, begin: int, span: int, length: int
    ) -> Rows:
        target, seed = self._counted(self.base(role, day), targets, np.full(len(targets), float(each)))
        source = np.full(len(target), self.roles[role][0], np.int32)
        time = begin + (again(seed, 11) * span).astype(np.int64)
        lengths = (length * (0.1 + 0.9 * again(seed, 12))).astype(np.int64)
        return self._rows(day, kind, time, source, target, k.TOOL, lengths, seed)

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

    def records(self, rows: Rows, wanted: Mask) -> Records:
        """What the rows leave in the streams that are `wanted`."""
        return self._leaving.records(rows, wanted)
