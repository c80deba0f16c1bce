"""Hosts that died or were started anew: whatever was open on one is over, though no record of its end was written.

Windows tells of a start by 4608 (Security), 6005, 6008 and 6009 (System, EventLog), 12 (Kernel-General) and 41 (Kernel-Power), and of a
shutdown by 4609, 6006, 13, 109 and 1074 (User32, that of somebody's wish, which can be taken back). Linux tells of a start by the kernel's
first line and by wtmp's BOOT_TIME (`reboot system boot` in last(1)), and of a shutdown by logind and wtmp.
"""

from __future__ import annotations

import bisect
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import ibis
import ibis.expr.types as ir

from countersign.visits.asking import Days
from countersign.visits.clocks import Clock
from countersign.visits.facts import leaf, lowered
from countersign.visits.merge import IDLE, NETWORK
from countersign.visits.names import HostNames
from countersign.visits.sessions import SECOND, Session

_STARTS = {"security": ("4608",), "system": ("6005", "6008", "6009")}
_STOPS = {"security": ("4609",), "system": ("6006",)}
"""By channel: numbers that nobody else writes there."""
_KERNEL = "microsoft-windows-kernel-"
_STARTS_OF = {f"{_KERNEL}general": ("12",), f"{_KERNEL}power": ("41",)}
_STOPS_OF = {f"{_KERNEL}general": ("13",), f"{_KERNEL}power": ("109",), "user32": ("1074",)}
"""By provider: others write the same numbers into the System channel."""
_FIRST_LINE = "Linux version "
_GOES_DOWN = ("System is rebooting", "System is powering down", "System is halting")
WISHED = "1074"
WISH = 900 * SECOND
"""A start so soon after it comes of the shutdown that somebody asked for."""
ONE_START = 300 * SECOND
"""Records of one start are written within this time."""


@dataclass(frozen=True, slots=True, order=True)
class Told:
    """A record of a start or a shutdown: when (microseconds, UTC, by the host's own clock), its number or word, and its place."""

    time: int
    word: str
    place: tuple[str, str, int]


@dataclass(frozen=True, slots=True)
class Boots:
    """Starts of each host, each with all of its records, and its shutdowns; in order of time."""

    hosts: HostNames
    starts: Mapping[str, list[list[Told]]] = field(default_factory=dict)
    stops: Mapping[str, list[Told]] = field(default_factory=dict)
    _before: dict[tuple[str, int], Told | None] = field(
        default_factory=dict
    )  # the shutdown before each start

    def end(self, sessions: Iterable[Session], clock: Clock | None = None) -> None:
        """Ends those that were open when their host was started anew: at the shutdown, else at their last sign of life. Others' records
        of a session are compared by the `clock`."""
        for session in sessions:
            known = self.starts.get(session.host, ())
            writers = {self.hosts.canonical(fact.host) for fact in session.facts} - {""}
            if not known or session.end is not None or len(writers) > 1:
                continue
            writer = writers.pop() if writers else session.host
            if writer != session.host and clock is None:
                continue
            at = (clock or Clock()).on(session.host, session.last, writer)
            index = bisect.bisect_right(known, at, key=lambda start: start[0].time)
            if index < len(known):
                self._close(session, index, (clock or Clock()), writer)

    def _close(self, session: Session, index: int, clock: Clock, writer: str) -> None:
        start = self.starts[session.host][index]
        begun = clock.on(writer, start[0].time, session.host)
        if session.logon_type in NETWORK and begun > session.last + IDLE["network"]:
            return  # left long before
        stop = self._stop(session.host, index)
        if stop is None:
            session.end, session.cut = session.last, begun
            told = "no end of it is logged: the last sign of life is taken"
        else:
            down = max(session.last, clock.on(writer, stop.time, session.host))
            session.end = session.cut = down
            told = f"it was shut down before ({stop.word})"
        words = ", ".join(sorted({record.word for record in start}))
        when = datetime.fromtimestamp(start[0].time // SECOND, UTC)
        session.ended = f"{session.host} was started anew at {when:%Y-%m-%d %H:%M:%S} UTC ({words}); {told}"
        session.seen.extend(record.place for record in (start if stop is None else [stop, *start]))

    def _stop(self, host: str, index: int) -> Told | None:
        """The shutdown between two starts of a host, the later one by its number."""
        if (host, index) not in self._before:
            starts = self.starts[host]
            after = starts[index - 1][0].time if index else 0
            self._before[host, index] = _latest(self.stops.get(host, []), after, starts[index][0].time)
        return self._before[host, index]


def _latest(stops: list[Told], after: int, until: int) -> Told | None:
    first = bisect.bisect_right(stops, after, key=lambda stop: stop.time)
    last = bisect.bisect_right(stops, until, key=lambda stop: stop.time)
    found = [stop for stop in stops[first:last] if stop.word != WISHED or until - stop.time <= WISH]
    sure = [stop for stop in found if stop.word != WISHED]
    return next(reversed(sure or found), None)


def boots(days: Days, hosts: HostNames) -> Boots:
    """Every start and shutdown that the events tell of."""
    starts: dict[str, list[Told]] = defaultdict(list)
    stops: dict[str, list[Told]] = defaultdict(list)
    for row in days.of_all("boots", _ask).to_pylist():
        host = hosts.canonical(row["host"] or row["origin"] or "")
        told = Told(row["at"], row["word"], (row["id"], row["segment"], row["record"]))
        (starts if row["starts"] else stops)[host].append(told)
    return Boots(
        hosts,
        {host: _each(found) for host, found in sorted(starts.items()) if host},
        {host: sorted(found) for host, found in sorted(stops.items()) if host},
    )


def _each(found: list[Told]) -> list[list[Told]]:
    out: list[list[Told]] = []
    for told in sorted(set(found)):
        if out and told.time - out[-1][0].time <= ONE_START:
            out[-1].append(told)
        else:
            out.append([told])
    return out


def _ask(events: ir.Table) -> ir.Table:
    base = events.filter(leaf(events, "class_uid") == 0)
    channel, provider = lowered(base, "metadata.log_name"), lowered(base, "metadata.log_provider")
    code: Any = leaf(base, "metadata.event_code").fill_null("")
    message: Any = leaf(base, "message").fill_null("")
    utmp = leaf(base, "metadata.product").fill_null("") == "utmp"
    kernel = (channel == "kernel") & message.contains(_FIRST_LINE)
    down = (channel == "systemd-logind") & ibis.or_(*(message.startswith(word) for word in _GOES_DOWN))
    starts = (
        _any(channel, code, _STARTS)
        | _any(provider, code, _STARTS_OF)
        | kernel
        | (utmp & (code == "BOOT_TIME"))
    )
    halts = utmp & (code == "RUN_LVL") & (message == "shutdown")
    stops = _any(channel, code, _STOPS) | _any(provider, code, _STOPS_OF) | down | halts
    word = ibis.ifelse(code != "", code, ibis.ifelse(kernel, "kernel", "logind"))
    rows = base.mutate(starts=starts, word=word, told=starts | stops)
    return rows.filter(rows.told).select(
        "date",
        "at",
        "id",
        "segment",
        "record",
        "origin",
        "starts",
        "word",
        host=leaf(rows, "device.hostname"),
    )


def _any(column: Any, code: Any, known: Mapping[str, tuple[str, ...]]) -> Any:  # noqa: ANN401  # Ibis has no public types for columns
    return ibis.or_(*((column == name) & code.isin(list(codes)) for name, codes in known.items()))
