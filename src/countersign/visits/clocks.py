"""How far the clocks of hosts are apart, from pairs of views of one arrival.

Two recorders that wrote of the same thing show their clocks beside each other: the logon at the target (4624) and the connection by
which it came, as its source or a sensor saw it (same address and port), or the 4648 and 4769 that carry its logon GUID. Set
work is Ibis: out come a few numbers for each pair of hosts and day. The rest is medians, so that neither a wrong pair nor the order
of records matters.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import combinations
from statistics import median
from typing import Any

import ibis
import ibis.expr.types as ir

from countersign.visits import facts as f
from countersign.visits import zones
from countersign.visits.asking import Days
from countersign.visits.facts import among, leaf
from countersign.visits.names import HostNames

SECOND = 1_000_000
DAY = 86_400 * SECOND
FAR = 900 * SECOND
"""A port is used again after a while: further apart than this, two records of it are not taken for one connection."""
LEAST = 3
"""Pairs that two hosts must have in common, or nothing is said of their clocks."""
NOISE = 2 * SECOND
"""Records of one logon are written within this time by clocks that agree: less is no offset."""
LEAST_DAYS = 4
"""Days that a drift must be seen on."""
MOST_DAYS = 400
"""Days whose slopes are compared two by two; older ones say nothing of today's clock."""
OPENED = 1
"""OCSF `activity_id` of a logon."""
SENSOR = "network sensor"


@dataclass(frozen=True, slots=True)
class Daily:
    """What one day shows of two hosts: `middle`, `low` and `high` are the median and the quartiles of how much later `host` wrote
    than `other` (microseconds), beside the half hours of `step`; `day` counts from 1970 in UTC."""

    host: str
    other: str
    day: int
    pairs: int
    middle: float
    low: float
    high: float
    step: int = 0


@dataclass(frozen=True, slots=True)
class Offset:
    """How far a host's clock is ahead of most others' (microseconds, negative: behind) at `middle` (microseconds, UTC), half of
    the spread between the quartiles, the drift in microseconds a day (0 where none is visible), and the pairs it rests on."""

    host: str
    ahead: int
    spread: int
    drift: int
    middle: int
    pairs: int


@dataclass(frozen=True, slots=True)
class Clock:
    """Times of hosts made comparable. Of a host without an offset its own time is taken. `steps` are whole and half hours by
    which hosts are off, from when on."""

    offsets: Mapping[str, Offset] = field(default_factory=dict)
    steps: Mapping[str, tuple[zones.Step, ...]] = field(default_factory=dict)

    def ahead(self, host: str, time: int) -> int:
        """By how much the clock of `host` was ahead when it said `time`; 0 within the noise."""
        step = zones.at(self.steps.get(host, ()), time)
        known = self.offsets.get(host)
        if known is None:
            return step
        found = known.ahead + round(known.drift * (time - known.middle) / DAY)
        return step + (found if abs(found) > max(NOISE, 2 * known.spread) else 0)

    def corrected(self, host: str, time: int) -> int:
        """What a right clock would have said when that of `host` said `time`."""
        return time - self.ahead(host, time)

    def on(self, host: str, time: int, writer: str) -> int:
        """What the clock of `host` said when that of `writer` said `time`."""
        right = self.corrected(writer, time)
        return right + self.ahead(host, right)


def read(days: Days, hosts: HostNames, places: Iterable[str] | None = None) -> Clock:
    """The clock of the events; with `places` (canonical hosts) only of those that logons led to."""
    if places is None:
        found = days.of_all("clocks", daily)
    else:
        labels = {place.split(".")[0].casefold() for place in places if place}
        found = days.of_names("clocks of", labels, daily)
    return reckoned(merged(found.to_pylist(), hosts))


def reckoned(seen: Iterable[Daily]) -> Clock:
    """The clock of what each day shows, in whatever order it is given."""
    told = list(seen)
    shown = (zones.Shown(one.host, one.other, one.day, one.step, one.pairs) for one in told)
    steps = zones.steps(shown, SENSOR)

    def right(one: Daily) -> bool:
        noon = one.day * DAY + DAY // 2
        mine, theirs = (zones.at(steps.get(host, ()), noon) for host in (one.host, one.other))
        return one.step == mine - theirs

    return Clock(offsets(one for one in told if right(one)), steps)


def daily(events: ir.Table, labels: list[str] | None = None) -> ir.Table:
    """For each pair of recorders, day and step of half hours: how many arrivals both saw, and how much later the target's record was
    beside that step."""
    logons = _logons(events, labels)
    told = ibis.union(_by_guid(events, logons), _by_port(events, logons), distinct=False)
    apart = told.filter(told.host != told.other)
    apart = apart.mutate(later=(apart["at"] - apart.seen - apart.step).cast("float64"))
    return apart.group_by(["host", "other", "date", "step"]).agg(
        pairs=apart.count(),
        middle=apart.later.quantile(0.5),
        low=apart.later.quantile(0.25),
        high=apart.later.quantile(0.75),
    )


def _stamped(events: ir.Table) -> ir.Table:
    dated = events
    return dated.select(
        at=dated["at"],
        date=dated.date,
        class_uid=leaf(dated, "class_uid"),
        product=leaf(dated, "metadata.product").fill_null(""),
        code=leaf(dated, "metadata.event_code").fill_null(""),
        shell=leaf(dated, "session.uid").fill_null("").startswith("sshd:")
        & (leaf(dated, "activity_id") == OPENED)
        & (leaf(dated, "status_id").fill_null(1) == 1)
        & leaf(dated, "src_endpoint.port").notnull(),
        writer=leaf(dated, "device.hostname").fill_null(""),
        guid=leaf(dated, "session.uuid").fill_null(""),
        ip=leaf(dated, "src_endpoint.ip").fill_null(""),
        port=leaf(dated, "src_endpoint.port").fill_null(0),
    )


def _logons(events: ir.Table, labels: list[str] | None) -> ir.Table:
    rows = _stamped(events)
    came = (rows.code == "4624") | rows.shell
    rows = rows.filter(came & (rows.class_uid == f.AUTHENTICATION) & (rows.writer != ""))
    if labels is not None:
        rows = rows.filter(among(rows.writer.lower().split(".")[0], labels))
    return rows.select("at", "date", "writer", "guid", "ip", "port")


def _by_guid(events: ir.Table, logons: ir.Table) -> ir.Table:
    said = _stamped(events)
    said = said.filter(said.code.isin(["4648", "4769"]) & (said.guid != "") & (said.writer != ""))
    # a ticket serves many logons: the first of them is the one that it was asked for
    came = logons.filter(logons.guid != "").group_by(["guid", "writer", "date"]).agg(at=_first(logons))
    gave = said.group_by(["guid", "writer", "date"]).agg(seen=_first(said))
    gave = gave.rename(other="writer", key="guid", of="date")
    both = came.join(gave, (came.guid == gave.key) & (came.date == gave.of))
    return both.select(
        host=both.writer,
        other=both.other,
        date=both.date,
        at=both["at"],
        seen=both.seen,
        step=ibis.literal(0, "int64"),
    )


def _by_port(events: ir.Table, logons: ir.Table) -> ir.Table:
    flows = _stamped(events)
    flows = flows.filter(
        flows.class_uid.isin([f.NETWORK, f.RDP, f.SSH]) & (flows.ip != "") & (flows.port > 0)
    )
    zeek = flows["product"] == "Zeek"
    flows = flows.mutate(recorder=zeek.ifelse(SENSOR, flows.writer))
    flows = flows.filter(flows.recorder != "")
    flows = flows.select(
        other=flows.recorder, seen=flows["at"], of=flows.date, address=flows.ip, gate=flows.port
    )
    came = logons.filter((logons.ip != "") & (logons.port > 0))
    came = came.mutate(chunk=came["at"] // FAR)
    # the first logon of a connection is the one that it was opened for
    came = came.group_by(["writer", "ip", "port", "date", "chunk"]).agg(at=_first(came))
    same = [came.ip == flows.address, came.port == flows.gate, came.date == flows.of]
    both = came.join(flows, same)
    both = both.mutate(apart=both["at"] - both.seen)
    halves = (both.apart / zones.HALF_HOUR).round().cast("int64") * zones.HALF_HOUR
    both = both.mutate(step=(both.apart.abs() <= FAR).ifelse(0, halves))
    both = both.filter(
        (both.step == 0) | (((both.apart - both.step).abs() <= zones.CLOSE) & (both.step.abs() <= zones.MOST))
    )
    # whoever is near in time is it, before anybody half hours away
    in_order = ibis.window(group_by=[both.writer, both.other, both.ip, both.port, both.date, both["at"]])
    both = both.mutate(
        near=(both.step == 0).cast("int64").sum().over(in_order), n=both.count().over(in_order)
    )
    one = both.filter(((both.near == 1) & (both.step == 0)) | ((both.near == 0) & (both.n == 1)))
    return one.select(
        host=one.writer, other=one.other, date=one.date, at=one["at"], seen=one.seen, step=one.step
    )


def _first(rows: ir.Table) -> Any:  # noqa: ANN401  # an Ibis value has no public type
    return rows["at"].min()


def merged(rows: Iterable[Mapping[str, Any]], hosts: HostNames) -> list[Daily]:
    """The rows of `daily` with one spelling of each host."""

    def name(text: str) -> str:
        return text if text == SENSOR else hosts.canonical(text)

    found = [
        Daily(
            name(row["host"]),
            name(row["other"]),
            row["date"],
            row["pairs"],
            row["middle"],
            row["low"],
            row["high"],
            row["step"],
        )
        for row in rows
    ]
    return [one for one in found if one.host != one.other]


def offsets(seen: Iterable[Daily]) -> dict[str, Offset]:
    """By how much each host's clock is ahead of most of those that it can be compared with, in whatever order they are given.

    Hosts that were never seen together with others often enough are left out. In each group of hosts that were, the median is zero: most
    clocks are right.
    """
    pairs: dict[tuple[str, str], list[Daily]] = defaultdict(list)
    for one in seen:
        pairs[_edge(one)].append(one)
    edges = {edge: days for edge, days in pairs.items() if sum(day.pairs for day in days) >= LEAST}
    met: dict[str, list[tuple[str, list[Daily]]]] = defaultdict(list)
    for edge, days in sorted(edges.items()):
        for host, other in (edge, edge[::-1]):
            met[host].append((other, days))
    out: dict[str, Offset] = {}
    for group in _groups(edges):
        middle = median(sorted(group.values()))
        right = {host: ahead - middle for host, ahead in group.items()}
        for host, ahead in right.items():
            out[host] = _offset(host, round(ahead), right, met[host])
    return dict(sorted(out.items()))


def _edge(one: Daily) -> tuple[str, str]:
    return (one.host, one.other) if one.host < one.other else (one.other, one.host)


def _later(one: Daily, host: str) -> float:
    """How much later `host` wrote than the other of the two."""
    return one.middle if one.host == host else -one.middle


def _weighted(values: Iterable[tuple[float, int]]) -> float:
    """The median of values that stand for so many pairs each."""
    ranked = sorted(values)
    half, passed = sum(weight for _, weight in ranked) / 2, 0
    for value, weight in ranked:
        passed += weight
        if passed >= half:
            return value
    raise RuntimeError("the median of nothing")


def _groups(edges: Mapping[tuple[str, str], list[Daily]]) -> list[dict[str, float]]:
    """Hosts that can be compared, each with its offset from the first of its group, along the pairs seen most often."""
    weights = {edge: sum(day.pairs for day in days) for edge, days in edges.items()}
    parent: dict[str, str] = {}

    def root(host: str) -> str:
        while parent.setdefault(host, host) != host:
            host = parent[host]
        return host

    tree: dict[str, list[str]] = defaultdict(list)
    for one, other in sorted(weights, key=lambda edge: (-weights[edge], edge)):
        if root(one) != root(other):
            parent[root(one)] = root(other)
            tree[one].append(other)
            tree[other].append(one)
    groups: list[dict[str, float]] = []
    placed: set[str] = set()
    for start in sorted(tree):
        if start in placed:
            continue
        group = {start: 0.0}
        waiting = [start]
        while waiting:
            host = waiting.pop()
            for other in sorted(set(tree[host]) - group.keys()):
                days = edges[(host, other) if host < other else (other, host)]
                group[other] = group[host] + _weighted((_later(day, other), day.pairs) for day in days)
                waiting.append(other)
        placed |= group.keys()
        groups.append(group)
    return groups


def _offset(
    host: str, ahead: int, group: Mapping[str, float], met: Iterable[tuple[str, list[Daily]]]
) -> Offset:
    mine = [(day, other) for other, days in met for day in days if other in group]
    by_day: dict[int, list[tuple[float, int]]] = defaultdict(list)
    for day, other in mine:
        by_day[day.day].append((_later(day, host) + group[other], day.pairs))
    course = {number: _weighted(values) for number, values in sorted(by_day.items())}
    spread = _weighted(((day.high - day.low) / 2, day.pairs) for day, _ in mine)
    middle = (min(course) + max(course) + 1) * DAY // 2
    return Offset(
        host, ahead, round(spread), _drift(course, spread), middle, sum(day.pairs for day, _ in mine)
    )


def _drift(course: Mapping[int, float], spread: float) -> int:
    """Microseconds a day by which the daily medians run away (Theil and Sen's slope), 0 where that is not more than the spread."""
    if len(course) < LEAST_DAYS:
        return 0
    days = sorted(course)[-MOST_DAYS:]
    slopes = [(course[b] - course[a]) / (b - a) for a, b in combinations(days, 2)]
    slope = median(slopes)
    whole = abs(slope) * (days[-1] - days[0])
    return round(slope) if whole > max(NOISE, 2 * spread) else 0
