"""What an attack shows without names, times and addresses is no more than what ordinary work shows.

Visits are played and not written: a record is looked at as its stream gets it. That is stricter than a look at the files, for
everyday life, which is most of them, does not count as ordinary work here.
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from functools import lru_cache
from pathlib import Path

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
ORDINARY, TRAINED, SCORED = (5, 6, 7), (5, 6, 7), (8, 9)
"""Seeds of what counts as ordinary work, of the training, and of what is scored."""
NUMBERS = (0, 1)
"""Of each scenario so many campaigns in each of these."""
BOUND = {1: 0.67, 2: 0.66, 3: 0.62}
"""The greatest area under the curve by care; 0.5 is chance. At care 1 tools are ordinary, and how they are used is not."""
PROGRAM = ("NewProcessName", "Image", "SourceImage", "ParentProcessName")
ACCOUNT = re.compile(r"\b[a-z]{2,3}\.[a-z]+\d*(?:/[\d.:]+)?")
"""Whose line it is says nothing of another seed's people who are called the same."""
Hop = Counter[str]
Scored = tuple[str, float]
Score = Callable[[Hop], float]


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


@lru_cache
def spec() -> RangeSpec:
    read = load_spec(CONTENT / "ranges" / "small.yaml")
    assert isinstance(read, RangeSpec)
    return read.model_copy(update={"days": DAYS})


class Alone(Planner):
    """Plays what is laid over the ordinary visits, and not these."""

    def _in_turn(self, day: Day) -> list[TrueVisit]:
        del day
        return []


def played(planner: Planner, more: More, days: Iterable[int]) -> list[tuple[TrueVisit, Hop]]:
    """Each hop of each visit of some days: whose it is, and what it shows."""
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
    return [(visits[key], found) for (key, _), found in hops.items()]


@lru_cache
def ordinary(seed: int, *, people: bool = False) -> list[Hop]:
    """What ordinary hops show; of `people` alone, for nobody hides among backups."""
    estate = build_estate(spec(), seed)
    found = played(Planner(estate, Everyday(estate).layout), {}, range(DAYS))
    return [hop for visit, hop in found if not people or visit.kind == "person"]


@lru_cache
def attacks(seed: int, path: Path, care: int, number: int = 0) -> list[Hop]:
    """What an attack's hops show; what is done after midnight is told to the day after."""
    estate = build_estate(spec(), seed)
    more, *_ = planned(estate, load_scenario(path), care, number)
    days = sorted({day for begun in more for day in (begun, begun + 1) if day < DAYS})
    return [hop for _, hop in played(Alone(estate, Everyday(estate).layout), more, days)]


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_from_care_on_an_attack_shows_nothing_that_ordinary_work_does_not(path: Path) -> None:
    usual = {one for seed in ORDINARY for hop in ordinary(seed) for one in hop}
    for care in (1, 2, 3):
        mine = {one for hop in attacks(5, path, care) for one in hop}
        assert mine <= usual, (care, mine - usual)


def area(bad: list[Scored], good: list[Scored]) -> float:
    """The share of pairs, both by the same protocol, in which the attack's hop scores higher.

    By which protocols a campaign goes is told in its file, and no more a leak than that it is there.
    """
    pairs = [(b, g) for way, b in bad for other, g in good if way == other]
    return sum((b > g) + 0.5 * (b == g) for b, g in pairs) / len(pairs)


def protocol(hop: Hop) -> str:
    """By what a hop goes."""
    return next(name for name in hop if name.startswith("protocol"))


def by_what_is_there(bad: list[Hop], good: list[Hop]) -> Score:
    """Naive Bayes over what a hop shows."""
    ill, well = Counter(k for hop in bad for k in hop), Counter(k for hop in good for k in hop)
    sums = math.log(len(bad) + 2) - math.log(len(good) + 2)

    def score(hop: Hop) -> float:
        return sum(math.log(ill[k] + 1) - math.log(well[k] + 1) - sums for k in hop)

    return score


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

    def score(hop: Hop) -> float:
        way, found = protocol(hop), 0.0
        for k in seen[way] | hop.keys():
            b, g = ((count[way, k] + 1) / (count[way, ""] + 2) for count in (ill, well))
            found += math.log(b / g) if k in hop else math.log((1 - b) / (1 - g))
        return found

    return score


@pytest.mark.parametrize("care", [1, 2, 3])
@pytest.mark.parametrize("trained", [by_what_is_there, by_what_is_missing_too])
def test_a_classifier_trained_on_other_seeds_stays_near_chance(
    trained: Callable[[list[Hop], list[Hop]], Score], care: int
) -> None:
    def campaigns(seeds: Iterable[int]) -> list[Hop]:
        return [
            hop
            for seed in seeds
            for path in SCENARIOS
            for number in NUMBERS
            for hop in attacks(seed, path, care, number)
        ]

    score = trained(campaigns(TRAINED), [hop for seed in TRAINED for hop in ordinary(seed, people=True)])
    bad, good = (
        [(protocol(hop), score(hop)) for hop in hops]
        for hops in (campaigns(SCORED), [hop for seed in SCORED for hop in ordinary(seed, people=True)])
    )
    found = area(bad, good)
    assert found <= BOUND[care], found
