"""What the rows of a day leave behind, and in which streams."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from countersign.range.calendar import SECOND
from countersign.range.draws import again
from countersign.range.estate import Estate
from countersign.range.plan import kinds as k
from countersign.range.plan.tables import I32, I64, Layout, Mask, Records, Rows

EXPLICIT_BEFORE, GRANTED_BEFORE, TICKET_BEFORE = 2000, SECOND // 25, SECOND // 50
"""Microseconds by which what leads to a logon comes before it."""


class Leaving:
    """Says what rows leave behind in an estate: which hosts are heard, and what each logs."""

    def __init__(self, estate: Estate, layout: Layout) -> None:
        self.estate, self.layout = estate, layout
        hosts = estate.hosts
        self.site = np.array([h.site for h in hosts], np.int32)
        self.controller = np.array([h.controller for h in hosts], np.int32)
        self.linux = np.array([h.linux for h in hosts])
        self.silent = np.array([h.silent for h in hosts])
        self.sysmon = np.array([h.sysmon for h in hosts])
        self.audit = np.array([h.audit for h in hosts])

    def records(self, rows: Rows, wanted: Mask) -> Records:
        """What the rows leave in the streams that are `wanted`."""
        day = _Day(self, rows, wanted)
        day.sensors()
        day.controllers()
        day.targets()
        day.desks()
        day.programs()
        day.unix()
        day.borders()
        return day.out.sorted()

    def seen(self, rows: Rows) -> tuple[Mask, I32]:
        """Which rows a sensor sees, and which sensor: one at the core, or one at each site's border."""
        at, to = self.site[rows.source], self.site[rows.target]
        outside = np.isin(rows.kind, (k.PAGE,))
        if self.layout.sensors == 1:
            return (at == 0) | (to == 0) | outside, np.full(len(rows), self.layout.sensor(), np.int32)
        return np.ones(len(rows), bool), (self.layout.sensor() + at).astype(np.int32)


class _Day:
    """One day's rows, and the rules by which they leave records: one a line."""

    def __init__(self, estate: Leaving, rows: Rows, wanted: Mask) -> None:
        self.estate, self.rows, self.out = estate, rows, _Out(wanted)
        self.time, self.end = rows.time, rows.time + rows.length
        self.source, self.target = rows.source, rows.target
        self.logged_off = again(rows.seed, 21) >= estate.estate.spec.dirt.logoffs
        self.windows = ~estate.linux[rows.target] & ~estate.silent[rows.target]
        self.arrives = self.of(k.SHARE, k.INTRANET, k.REFRESH, k.POLL, k.COPY, k.TAP)
        self.kerberos = self.arrives & (again(rows.seed, k.NTLM_PURPOSE) < k.KERBEROS)
        self.here = ~estate.linux[rows.source] & ~estate.silent[rows.source]

    def of(self, *kinds: int) -> Mask:
        """The rows of some kinds."""
        return np.isin(self.rows.kind, kinds)

    def sensors(self) -> None:
        """Zeek's logs."""
        add, of, time, linux = self.out.add, self.of, self.time, self.estate.linux[self.target]
        seen, sensor = self.estate.seen(self.rows)
        page = of(k.PAGE)
        secure = again(self.rows.seed, k.SECURE_PURPOSE) < k.SECURE
        files = of(k.SHARE, k.COPY, k.REFRESH)
        flows = files | page | of(k.LOOKUP, k.INTRANET, k.POLL, k.SCAN, k.NOISE)
        add(k.Z_DNS, sensor, time, of(k.LOOKUP) & seen)
        add(k.Z_CONN, sensor, self.end, flows & seen)
        add(k.Z_SSL, sensor, time + SECOND // 10, (page & secure | of(k.INTRANET)) & seen)
        add(k.Z_HTTP, sensor, time + SECOND // 10, page & ~secure & seen)
        add(k.Z_MAPPING, sensor, time + SECOND // 20, files & seen)
        add(k.Z_RPC, sensor, time + SECOND // 20, of(k.POLL) & ~linux & seen)
        add(k.Z_SSH, sensor, time + SECOND // 20, of(k.POLL) & linux & seen)

    def controllers(self) -> None:
        """Tickets and checked answers."""
        add, of, time = self.out.add, self.of, self.time
        asked = self.estate.controller[self.source]
        heard = ~self.estate.silent[asked]
        add(k.TICKET, asked, time - TICKET_BEFORE, self.kerberos & heard)
        add(k.NTLM, asked, time - TICKET_BEFORE, self.arrives & ~self.kerberos & self.windows & heard)
        add(k.GRANTING, asked, time - GRANTED_BEFORE, of(k.DESK, k.TAP) & heard)
        add(k.PASSWORD_CHANGED, asked, time, of(k.PASSWORD) & heard)
        add(k.ACCOUNT_MADE, asked, time, of(k.JOINING) & heard)
        add(k.ACCOUNT_ENABLED, asked, time + SECOND // 3, of(k.JOINING) & heard)
        add(k.ACCOUNT_DISABLED, asked, time, of(k.LEAVING) & heard)

    def targets(self) -> None:
        """Logons over the network, and what is done with shares."""
        add, of, time, target = self.out.add, self.of, self.time, self.target
        landed = self.arrives & self.windows & ~of(k.TAP)
        files = of(k.SHARE, k.COPY) & self.windows
        add(k.ARRIVED, target, time, landed)
        add(k.SPECIAL, target, time + 150, landed & of(k.POLL, k.COPY))
        add(k.SHARED, target, time + SECOND // 40, files | of(k.REFRESH) & self.windows)
        add(k.TOUCHED, target, time + SECOND // 8, files & (again(self.rows.seed, 24) < 0.6))
        add(k.LEFT, target, self.end, landed & self.logged_off)
        add(k.REFUSED, target, time, of(k.SCAN) & self.windows)

    def desks(self) -> None:
        """Logons at the host itself."""
        add, of, source, time, here = self.out.add, self.of, self.source, self.time, self.here
        sits = of(k.DESK, k.TAP) & here
        add(k.DESK_EXPLICIT, source, time - EXPLICIT_BEFORE, of(k.DESK) & here)
        add(k.AT_DESK, source, time, sits)
        add(k.DESK_LEFT, source, self.end, sits)
        add(k.DESK_LEFT_TOKEN, source, self.end + 500, sits & self.logged_off)
        add(k.UNLOCKED, source, time, of(k.UNLOCK) & here)
        add(k.LOCKED, source, self.end, of(k.UNLOCK) & here & self.logged_off)
        add(k.AS_SERVICE, source, time, of(k.SERVICE) & here)
        add(k.SPECIAL, source, time + 150, of(k.SERVICE) & here)
        add(k.REFUSED, source, time, of(k.MISTYPED) & here)

    def programs(self) -> None:
        """What is started, and whither it connects."""
        add, of, source, time = self.out.add, self.of, self.source, self.time
        sysmon, audit = self.here & self.estate.sysmon[source], self.here & self.estate.audit[source]
        often = again(self.rows.seed, 25) < 0.5
        add(k.CONNECTED, source, time, of(k.PAGE, k.INTRANET, k.SHARE) & sysmon & often)
        add(k.STARTED, source, time, of(k.PROGRAM) & audit)
        add(k.SYSMON_STARTED, source, time + 900, of(k.PROGRAM) & sysmon)
        add(k.EXITED, source, self.end, of(k.PROGRAM) & audit)
        add(k.SYSMON_EXITED, source, self.end + 700, of(k.PROGRAM) & sysmon)

    def unix(self) -> None:
        """cron, and monitoring by SSH."""
        add, of, estate = self.out.add, self.of, self.estate
        runs = of(k.CRON) & ~estate.silent[self.source]
        looks = of(k.POLL) & estate.linux[self.target] & ~estate.silent[self.target]
        add(k.CRON_OPENED, self.source, self.time, runs)
        add(k.CRON_CLOSED, self.source, self.end, runs)
        add(k.SSH_ACCEPTED, self.target, self.time, looks)
        add(k.SSH_OPENED, self.target, self.time + 900, looks)
        add(k.SSH_CLOSED, self.target, self.end, looks)

    def borders(self) -> None:
        """Gateways and clouds."""
        out, of, layout = self.out, self.of, self.estate.layout
        if layout.gateways:
            out.add_to(k.PACKET_DENIED, layout.gateway(0), self.time, of(k.DENIED))
        if layout.cloud:
            out.add_to(k.SIGNED_IN, layout.entra, self.time, of(k.SIGN_IN))
            out.add_to(k.MAIL_READ, layout.m365, self.time, of(k.MAIL))
        if layout.aws:
            trail = layout.trail(0) + (self.rows.seed % np.uint64(layout.aws)).astype(np.int32)
            out.add(k.CLOUD_CALL, trail, self.time, of(k.CALL))


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
