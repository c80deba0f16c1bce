"""What to switch on: which sources would move clauses and hops out of `not observed`, and what the sources at hand still hold.

The table of sources, with the words by which verdicts call for them and the snippets that switch them on, is
content/sources/enable.toml.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any

from countersign.app.documents import stamp
from countersign.app.origins import EVTX, Log, Until, event_logs, overwritten, table
from countersign.app.own_families import OwnFamilies
from countersign.app.results import Results
from countersign.app.workspace import Workspace, now

_UNSEEN = "not observed"


@dataclass(frozen=True, slots=True)
class Advice:
    """One source to switch on. `alone` verdicts would need nothing else, `shared` need another source too; `hops` are those
    at which it would have been a witness; `hosts` are where."""

    id: str
    title: str
    alone: int
    shared: int
    hops: int
    hosts: tuple[str, ...]
    clauses: tuple[str, ...]
    how: tuple[tuple[str, str], ...]

    def document(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "id": self.id,
            "title": self.title,
            "clauses_alone": self.alone,
            "clauses_with_others": self.shared,
            "hops": self.hops,
            "hosts": list(self.hosts),
            "clauses": list(self.clauses),
            "how": [{"by": by, "text": text} for by, text in self.how],
        }


@dataclass(frozen=True, slots=True)
class HeldHost:
    """What one machine, as it names itself, has in one source: its extent and days without any record between."""

    host: str
    records: int
    first: datetime | None
    last: datetime | None
    gaps: tuple[tuple[str, str], ...]

    def document(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "host": self.host,
            "events": self.records,
            "first": stamp(self.first),
            "last": stamp(self.last),
            "gaps": _gaps(self.gaps),
        }


@dataclass(frozen=True, slots=True)
class Held:
    """One source at hand: its extent, days without any record between (first and last of each gap), the same of each
    machine, and when the origin will have overwritten what was not collected; of Windows each machine's logs have their own
    end, the first to come first."""

    source: str
    title: str
    records: int
    first: datetime | None
    last: datetime | None
    gaps: tuple[tuple[str, str], ...]
    until: Until
    hosts: tuple[HeldHost, ...] = ()
    logs: tuple[tuple[Log, Until], ...] = ()

    def document(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "source": self.source,
            "title": self.title,
            "events": self.records,
            "first": stamp(self.first),
            "last": stamp(self.last),
            "gaps": _gaps(self.gaps),
            "overwritten": self.until.when,
            "why": self.until.why,
            "basis": self.until.basis,
            "reference": self.until.reference,
            "hosts": [one.document() for one in self.hosts],
            "logs": [
                {
                    "host": log.host,
                    "log": log.log,
                    "last": stamp(log.last),
                    "overwritten": until.when,
                    "why": until.why,
                    "basis": until.basis,
                    "reference": until.reference,
                }
                for log, until in self.logs
            ],
        }


def _gaps(gaps: Iterable[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"first": first, "last": last} for first, last in gaps]


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What to switch on, the most useful first; what is at hand; and what no known source would show, with how often."""

    advice: tuple[Advice, ...]
    held: tuple[Held, ...]
    rest: Mapping[str, int]
    unseen: int

    def document(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "not_observed": self.unseen,
            "switch_on": [one.document() for one in self.advice],
            "sources": [one.document() for one in self.held],
            "other_missing": dict(self.rest),
        }


def diagnose(workspace: Workspace, clock: datetime | None = None) -> Diagnosis:
    """Of all reviewed visits, what would show more; `clock` is the present, aware."""
    results = Results.open(workspace)
    visits = results.visits()
    advice, rest, unseen = advise(visits)
    return Diagnosis(advice, _held(workspace, results, clock or now()), rest, unseen)


@dataclass(slots=True)
class _Tally:
    alone: int = 0
    shared: int = 0
    hops: set[str] = field(default_factory=set)
    hosts: set[str] = field(default_factory=set)
    clauses: set[str] = field(default_factory=set)


def advise(visits: Iterable[Mapping[str, Any]]) -> tuple[tuple[Advice, ...], dict[str, int], int]:
    """Sources by what they would show of these visits (JSON bodies), what else is missing, and how many clauses are
    not observed."""
    known = table()["source"]
    tallies: dict[str, _Tally] = {one["id"]: _Tally() for one in known}
    rest: dict[str, int] = {}
    unseen = 0
    for visit in visits:
        hops = {hop["id"]: hop for hop in visit["hops"]}
        for verdict in visit["verdicts"]:
            if verdict["verdict"] == _UNSEEN:
                unseen += 1
                _verdict(verdict, hops, known, tallies, rest)
        for hop in hops.values():
            _hop(hop, known, tallies)
    found = [_advice(one, tallies[one["id"]]) for one in known]
    found = [one for one in found if one.alone or one.shared or one.hops]
    found.sort(key=lambda one: (-(one.alone + one.hops), -one.shared, one.id))
    return tuple(found), dict(sorted(rest.items(), key=lambda one: (-one[1], one[0]))), unseen


def _verdict(
    verdict: Mapping[str, Any],
    hops: Mapping[str, Mapping[str, Any]],
    known: Sequence[Mapping[str, Any]],
    tallies: Mapping[str, _Tally],
    rest: dict[str, int],
) -> None:
    parts = [part for part in verdict["missing"].split("; ") if part]
    asked = [hops[hop] for hop in verdict["hops"] if hop in hops]
    fit = [one for one in known if not asked or any(_applies(one, hop) for hop in asked)]
    of_part = [[one["id"] for one in fit if any(word in part for word in one["answers"])] for part in parts]
    for part, ids in zip(parts, of_part, strict=True):
        if not ids:
            rest[part] = rest.get(part, 0) + 1
    for id_ in {id_ for ids in of_part for id_ in ids}:
        tally = tallies[id_]
        if all(id_ in ids for ids in of_part):
            tally.alone += 1
        else:
            tally.shared += 1
        tally.clauses.add(verdict["clause"])
        source = next(one for one in fit if one["id"] == id_)
        tally.hosts |= {hop["target"] for hop in asked if hop["target"] and _applies(source, hop)}


def _applies(source: Mapping[str, Any], hop: Mapping[str, Any]) -> bool:
    return "protocols" not in source or hop["protocol"] in source["protocols"]


def _hop(hop: Mapping[str, Any], known: Sequence[Mapping[str, Any]], tallies: Mapping[str, _Tally]) -> None:
    absent = set(hop["expected_by"]) - set(hop["seen_by"])
    for one in known:
        if one.get("vantage") in absent and _applies(one, hop):
            tally = tallies[one["id"]]
            tally.hops.add(hop["id"])
            place = hop["source"] if one["vantage"] == "source host" else hop["target"]
            tally.hosts |= {place} - {""}


def _advice(source: Mapping[str, Any], tally: _Tally) -> Advice:
    return Advice(
        source["id"],
        source["title"],
        tally.alone,
        tally.shared,
        len(tally.hops),
        tuple(sorted(tally.hosts)),
        tuple(sorted(tally.clauses)),
        tuple((how["by"], how["text"].strip("\n")) for how in source["how"]),
    )


def _held(workspace: Workspace, results: Results, clock: datetime) -> tuple[Held, ...]:
    own = OwnFamilies.of(workspace, strict=False)
    days: dict[tuple[str, str], set[str]] = {}
    events = results.lake.table("events")
    hosts = events["device"]["hostname"].fill_null("")
    for row in events.group_by("source", "day", host=hosts).agg(n=events.count()).to_pyarrow().to_pylist():
        days.setdefault((row["source"], row["host"]), set()).add(row["day"])
    spans: dict[str, list[Any]] = {}
    for part in results.lake.extent().seen:
        spans.setdefault(part.source, []).append(part)
    return tuple(
        _source(name, own.title(name), parts, days, _logs(results, clock) if name == EVTX else (), clock)
        for name, parts in sorted(spans.items())
    )


def _logs(results: Results, clock: datetime) -> tuple[tuple[Log, Until], ...]:
    found = [(log, log.until(clock)) for log in event_logs(results.lake)]
    return tuple(sorted(found, key=lambda one: (not one[1].basis, one[1].when, one[0].host, one[0].log)))


def _source(
    name: str,
    title: str,
    parts: Sequence[Any],
    days: Mapping[tuple[str, str], set[str]],
    logs: tuple[tuple[Log, Until], ...],
    clock: datetime,
) -> Held:
    first = min((part.first for part in parts if part.first), default=None)
    last = max((part.last for part in parts if part.last), default=None)
    until = next((until for _, until in logs), None) or overwritten(name, last, clock)
    hosts = tuple(
        HeldHost(part.host, part.rows, part.first, part.last, gaps(days.get((name, part.host), ())))
        for part in parts
        if part.host
    )
    together = gaps(day for (source, _), of_host in days.items() if source == name for day in of_host)
    return Held(name, title, sum(part.rows for part in parts), first, last, together, until, hosts, logs)


def gaps(days: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """Days in UTC without a record between others, as first and last of each gap."""
    known = sorted({date.fromisoformat(day) for day in days if day != "undated"})
    step = timedelta(days=1)
    return tuple(
        ((before + step).isoformat(), (after - step).isoformat())
        for before, after in pairwise(known)
        if after - before > step
    )
