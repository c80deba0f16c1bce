"""What really happened, beside the logs: `truth/visits.jsonl`, one object a visit, written when it ends."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field

import orjson

from countersign.range.demo.clock import Schedule, iso
from countersign.range.demo.files import Files, Place

VISITS_FILE = "truth/visits.jsonl"


@dataclass(slots=True)
class TrueHop:
    """One arrival as it happened; times in microseconds since 1970 UTC."""

    account: str
    source: str
    target: str
    protocol: str
    start: int
    end: int | None = None
    records: list[Place] = field(default_factory=list)

    def note(self, *places: Place | None) -> None:
        """Counts records (those that were written) as showing this hop."""
        self.records.extend(place for place in places if place is not None)


@dataclass(slots=True)
class Step:
    """Something done in a visit, with its ATT&CK technique where it is an attack's."""

    time: int
    host: str
    what: str
    technique: str | None
    records: list[Place]


@dataclass(slots=True)
class TrueVisit:
    """One visit as it happened."""

    provider: str
    person: str
    account: str
    kind: str
    malicious: bool
    start: int
    end: int | None = None
    hops: list[TrueHop] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)


class Truth:
    """Writes visits as they end and keeps their counts."""

    def __init__(self, files: Files, schedule: Schedule) -> None:
        self._files = files
        self._schedule = schedule
        self.visits: dict[str, int] = {}
        self.malicious = 0

    def hop(self, visit: TrueVisit, account: str, source: str, target: str, protocol: str) -> TrueHop:
        """Begins a hop of `visit` now."""
        hop = TrueHop(account, source, target, protocol, self._schedule.now)
        visit.hops.append(hop)
        return hop

    def step(
        self, visit: TrueVisit, host: str, what: str, technique: str | None, *places: Place | None
    ) -> None:
        """Notes something done now."""
        records = [place for place in places if place is not None]
        visit.steps.append(Step(self._schedule.now, host, what, technique, records))

    def end(self, visit: TrueVisit) -> None:
        """The visit is over: writes it."""
        visit.end = self._schedule.now
        for hop in visit.hops:
            hop.end = visit.end if hop.end is None else hop.end
        self.visits[visit.provider] = self.visits.get(visit.provider, 0) + 1
        self.malicious += visit.malicious
        self._files.write(VISITS_FILE, orjson.dumps(_plain(visit)))


def _plain(visit: TrueVisit) -> dict[str, object]:
    data = asdict(visit)
    for part in (data, *data["hops"]):
        part["start"], part["end"] = iso(part["start"]), iso(part["end"])
    for step in data["steps"]:
        step["time"] = iso(step["time"])
    return data
