"""What an attack shows without names, times and addresses is no more than what ordinary work shows.

Visits are played and not written: a record is looked at as its stream gets it. That is stricter than a look at the files, for
everyday life, which is most of them, does not count as ordinary work here.
"""

from __future__ import annotations

import math
import re
from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from statistics import fmean

import orjson
import pytest

from countersign.range import RangeSpec, load_spec
from countersign.range.attacks import load_scenario
from countersign.range.attacks.overlay import More, planned
from countersign.range.building import build_estate
from countersign.range.calendar import Day
from countersign.range.plan.everyday import Everyday
from countersign.range.plan.visits import Planner
from countersign.range.streams.base import Record
from countersign.range.streams.fields import Happened
from countersign.range.streams.zeek import Seen
from countersign.range.truth import TrueVisit
from range_made import CONTENT

SCENARIOS = sorted((CONTENT / "scenarios").glob("*.yaml"))
DAYS = 20
ORDINARY, SEEDS = (5, 6, 7), tuple(range(5, 13))
"""Seeds of what counts as ordinary work, and those of the classifiers."""
TRAINED, SCORED = 3, 2
"""Of the latter so many are trained on and the next so many scored, beginning with each in turn: one round is two estates' luck."""
NUMBERS = (0, 1)
"""Of each scenario so many campaigns in each of these."""
PROGRAM = ("NewProcessName", "Image", "SourceImage", "ParentProcessName")
ACCOUNT = re.compile(r"\b[a-z]{2,3}\.[a-z]+\d*(?:/[\d.:]+)?")
"""Whose line it is says nothing of another seed's people who are called the same."""
Hop = Counter[str]
Scored = tuple[str, float]
Score = Callable[[Hop], float]
Trained = Callable[[list[Hop], list[Hop]], Score]


@dataclass(frozen=True, slots=True)
class Played:
    """A hop as it was played: what it shows, whose it is, where it came from, and whether a step of an attack is in it."""

    shown: Hop
    kind: str
    place: str
    step: bool

    @property
    def placed(self) -> Hop:
        """What it shows, with the place in the protocol's stead: a jump host is compared with jump hosts."""
        rest = {name: count for name, count in self.shown.items() if not name.startswith("protocol")}
        return Counter({**rest, f"{protocol(self.shown)} from {self.place}": 1})


def shown(record: Record) -> Iterable[str]:
    """What a record shows: its kind and fields, its program, its protocol."""
    body = record.body
    if isinstance(body, Happened):
        yield f"event {body.event} {sorted(body.data)}"
        if "LogonType" in body.data:
            yield f"logon {body.data['LogonType']} {body.data.get('AuthenticationPackageName')}"
        for name in PROGRAM:
            if name in body.data:
                yield f"{name} {str(body.data[name]).rsplit(chr(92), 1)[-1].lower()}"
    elif isinstance(body, Seen):
        yield f"zeek {body.path} {body.target_port} {body.service.decode()}"
    elif isinstance(body, str):
        words = re.sub(r"[^A-Za-z%-]", " ", ACCOUNT.sub(" ", body)).split()
        yield "line " + " ".join(words[:2])
    elif isinstance(body, bytes):
        yield from _of_cloud(body)


def _of_cloud(body: bytes) -> Iterable[str]:
    if body.startswith(b"<Event"):
        yield "radius " + body.partition(b"<Packet-Type")[2][:20].decode()
        return
    if body.startswith(b"<5>1 "):
        yield "vault " + body.split(b"|")[5].decode()
        return
    row = orjson.loads(body)
    inner = row.get("properties", {})
    name = [
        row.get(key)
        for key in (
            "operationName",
            "Operation",
            "eventName",
            "event",
            "EventType",
            "eventType",
            "statusCode",
        )
    ]
    yield f"cloud {[one for one in name if one]} {sorted(row)} {sorted(inner)}"


@cache
def spec() -> RangeSpec:
    read = load_spec(CONTENT / "ranges" / "small.yaml")
    assert isinstance(read, RangeSpec)
    return read.model_copy(update={"days": DAYS})


class Alone(Planner):
    """Plays what is laid over the ordinary visits, and not these."""

    def _in_turn(self, day: Day) -> list[TrueVisit]:
        del day
        return []


def played(planner: Planner, more: More, days: Iterable[int]) -> list[Played]:
    """Each hop of each visit of some days."""
    visits: dict[int, TrueVisit] = {}
    hops: dict[tuple[int, int], Hop] = defaultdict(Counter)
    for number in days:
        told, found = planner.day(planner.estate.calendar.day(number), more.get(number))
        for visit in found:
            visits[visit.key] = visit
            for hop in visit.hops:
                hops[visit.key, hop.number][f"protocol {hop.protocol}"] += 1
        for records in told.values():
            for record in records:
                if record.ref is not None and record.ref.visit in visits:
                    hops[record.ref.visit, record.ref.hop].update(shown(record))
    steps = {
        (visit.key, step.hop)
        for visit in visits.values()
        for step in visit.steps
        if step.technique and step.name != "work_as_usual"
    }
    return [
        Played(found, visits[key].kind, _place(visits[key], number), (key, number) in steps)
        for (key, number), found in hops.items()
    ]


def _place(visit: TrueVisit, number: int) -> str:
    """Where a hop came from: another desktop, outside, or a desk of the customer's own."""
    parent = visit.hops[number].parent
    if parent is not None and visit.hops[parent].protocol == "rdp":
        return "inside"
    return "outside" if visit.provider else "desk"


@cache
def ordinary(seed: int) -> list[Played]:
    """Ordinary hops."""
    estate = build_estate(spec(), seed)
    return played(Planner(estate, Everyday(estate).layout), {}, range(DAYS))


@cache
def attacks(seed: int, path: Path, care: int, number: int = 0) -> list[Played]:
    """An attack's hops; what is done after midnight is told to the day after."""
    estate = build_estate(spec(), seed)
    more, *_ = planned(estate, load_scenario(path), care, number)
    days = sorted({day for begun in more for day in (begun, begun + 1) if day < DAYS})
    return played(Alone(estate, Everyday(estate).layout), more, days)


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_from_care_on_an_attack_shows_nothing_that_ordinary_work_does_not(path: Path) -> None:
    usual = {one for seed in ORDINARY for hop in ordinary(seed) for one in hop.shown}
    for care in (1, 2, 3):
        mine = {one for hop in attacks(5, path, care) for one in hop.shown}
        assert mine <= usual, (care, mine - usual)


def area(bad: list[Scored], good: list[Scored]) -> float:
    """The share of pairs, both by the same protocol, in which the attack's hop scores higher.

    By which protocols a campaign goes is told in its file, and no more a leak than that it is there.
    """
    usual: dict[str, list[float]] = defaultdict(list)
    for way, score in sorted(good):
        usual[way].append(score)
    higher = sum(bisect_left(usual[way], b) + bisect_right(usual[way], b) for way, b in bad) / 2
    return higher / sum(len(usual[way]) for way, _ in bad)


def protocol(hop: Hop) -> str:
    """By what a hop goes."""
    return next(name for name in hop if name.startswith("protocol"))


def by_what_is_there(bad: list[Hop], good: list[Hop]) -> Score:
    """Naive Bayes over what a hop shows."""
    ill, well = Counter(k for hop in bad for k in hop), Counter(k for hop in good for k in hop)
    sums = math.log(len(bad) + 2) - math.log(len(good) + 2)

    @cache
    def weight(k: str) -> float:
        return math.log(ill[k] + 1) - math.log(well[k] + 1) - sums

    # a sum that does not depend on the order of what is summed: equal hops score equally
    return lambda hop: math.fsum(map(weight, hop))


def by_what_is_missing_too(bad: list[Hop], good: list[Hop]) -> Score:
    """The same within each protocol, where what a hop does not show counts as well."""
    ill, well = Counter(), Counter()
    seen: dict[str, set[str]] = defaultdict(set)
    for count, hops in ((ill, bad), (well, good)):
        for hop in hops:
            way = protocol(hop)
            count[way, ""] += 1
            seen[way] |= hop.keys()
            count.update((way, k) for k in hop)

    @cache
    def weights(way: str, k: str) -> tuple[float, float]:
        """What it counts that something is there, and that it is missing."""
        b, g = ((count[way, k] + 1) / (count[way, ""] + 2) for count in (ill, well))
        return math.log(b / g), math.log((1 - b) / (1 - g))

    @cache
    def bare(way: str) -> float:
        return math.fsum(weights(way, k)[1] for k in seen[way])

    @cache
    def more(way: str, k: str) -> float:
        there, missing = weights(way, k)
        return there - missing if k in seen[way] else there

    def score(hop: Hop) -> float:
        way = protocol(hop)
        return bare(way) + math.fsum(more(way, k) for k in hop)

    return score


def campaigns(seed: int, care: int) -> Iterable[Played]:
    """The hops of all campaigns in an estate."""
    return (hop for path in SCENARIOS for number in NUMBERS for hop in attacks(seed, path, care, number))


def areas(trained: Trained, bad: dict[int, list[Hop]], good: dict[int, list[Hop]]) -> list[float]:
    """The area of each round."""

    def hops(of: dict[int, list[Hop]], seeds: Iterable[int]) -> list[Hop]:
        return [hop for seed in seeds for hop in of[seed]]

    found = []
    for first in range(len(SEEDS)):
        turn = [*SEEDS[first:], *SEEDS[:first]]
        seen, new = turn[:TRAINED], turn[TRAINED : TRAINED + SCORED]
        score = trained(hops(bad, seen), hops(good, seen))
        scored = ([(protocol(hop), score(hop)) for hop in hops(of, new)] for of in (bad, good))
        found.append(area(*scored))
    return found


@pytest.mark.parametrize("care", [1, 2, 3])
@pytest.mark.parametrize(("trained", "bound"), [(by_what_is_there, 0.57), (by_what_is_missing_too, 0.58)])
def test_a_classifier_trained_on_other_seeds_stays_near_chance(
    trained: Trained, bound: float, care: int
) -> None:
    """0.5 is chance. Ordinary hops are people's, for nobody hides among backups."""
    bad = {seed: [hop.shown for hop in campaigns(seed, care)] for seed in SEEDS}
    good = {seed: [hop.shown for hop in ordinary(seed) if hop.kind == "person"] for seed in SEEDS}
    found = areas(trained, bad, good)
    assert fmean(found) <= bound, found


@pytest.mark.parametrize("care", [1, 2, 3])
@pytest.mark.parametrize(("trained", "bound"), [(by_what_is_there, 0.57), (by_what_is_missing_too, 0.6)])
def test_so_it_does_on_what_an_attack_does_and_not_on_what_it_goes_under_in(
    trained: Trained, bound: float, care: int
) -> None:
    """Only hops that have a step of the attack, each beside ordinary ones that came from the same kind of place."""
    bad = {seed: [hop.placed for hop in campaigns(seed, care) if hop.step] for seed in SEEDS}
    good = {seed: [hop.placed for hop in ordinary(seed) if hop.kind == "person"] for seed in SEEDS}
    found = areas(trained, bad, good)
    assert fmean(found) <= bound, found
