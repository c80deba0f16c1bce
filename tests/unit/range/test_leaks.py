"""What an attack shows without names, times and addresses is no more than what ordinary work shows.

Visits are played and not written: a record is looked at as its stream gets it. That is stricter than a look at the files, for
everyday life, which is most of them, does not count as ordinary work here.
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

import orjson
import pytest

from countersign.range import RangeSpec, load_spec
from countersign.range.attacks import load_scenario
from countersign.range.attacks.overlay import More, planned
from countersign.range.building import build_estate
from countersign.range.plan.everyday import Everyday
from countersign.range.plan.visits import Planner
from countersign.range.streams.base import Record
from countersign.range.streams.fields import Happened
from countersign.range.streams.zeek import Seen
from countersign.range.truth import TrueVisit
from range_made import CONTENT

SCENARIOS = sorted((CONTENT / "scenarios").glob("*.yaml"))
DAYS = 20
ORDINARY, TRAINED, SCORED = (5, 6, 7), (5, 6), 8
"""Seeds of what counts as ordinary work, of the training, and of what is scored."""
BOUND = {1: 0.87, 2: 0.80, 3: 0.75}
"""The greatest area under the curve by care; 0.5 is chance. At care 1 tools are ordinary, and how they are used is not."""
PROGRAM = ("NewProcessName", "Image", "SourceImage", "ParentProcessName")
Scored = tuple[str, float]


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
        yield "line " + " ".join(re.sub(r"[^A-Za-z%-]", " ", body).split()[:2])
    elif isinstance(body, bytes):
        yield from _of_cloud(body)


def _of_cloud(body: bytes) -> Iterable[str]:
    if body.startswith(b"<"):
        yield "radius " + body.partition(b"<Packet-Type")[2][:20].decode()
        return
    row = orjson.loads(body)
    inner = row.get("properties", {})
    name = [
        row.get(key)
        for key in ("operationName", "Operation", "eventName", "event", "EventType", "statusCode")
    ]
    yield f"cloud {[one for one in name if one]} {sorted(row)} {sorted(inner)}"


@lru_cache
def spec() -> RangeSpec:
    read = load_spec(CONTENT / "ranges" / "small.yaml")
    assert isinstance(read, RangeSpec)
    return read.model_copy(update={"days": DAYS})


def played(seed: int, more: More, days: Iterable[int]) -> list[tuple[TrueVisit, Counter[str]]]:
    """Each hop of each visit of some days: whose it is, and what it shows."""
    estate = build_estate(spec(), seed)
    planner = Planner(estate, Everyday(estate).layout)
    visits: dict[int, TrueVisit] = {}
    hops: dict[tuple[int, int], Counter[str]] = defaultdict(Counter)
    for number in days:
        told, found = planner.day(estate.calendar.day(number), more.get(number))
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
def ordinary(seed: int, *, people: bool = False) -> list[Counter[str]]:
    """What ordinary hops show; of `people` alone, for nobody hides among backups."""
    return [hop for visit, hop in played(seed, {}, range(DAYS)) if not people or visit.kind == "person"]


@lru_cache
def attacks(seed: int, path: Path, care: int) -> list[Counter[str]]:
    """What an attack's hops show. Days without a part of the campaign need not be played."""
    more, *_ = planned(build_estate(spec(), seed), load_scenario(path), care, 0)
    return [hop for visit, hop in played(seed, more, sorted(more)) if visit.malicious]


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


@pytest.mark.parametrize("care", [1, 2, 3])
def test_a_classifier_trained_on_other_seeds_stays_near_chance(care: int) -> None:
    """Naive Bayes over what a hop shows."""
    good_hops = [hop for seed in TRAINED for hop in ordinary(seed, people=True)]
    bad_hops = [hop for seed in TRAINED for path in SCENARIOS for hop in attacks(seed, path, care)]
    good, bad = Counter(k for hop in good_hops for k in hop), Counter(k for hop in bad_hops for k in hop)

    def score(hop: Counter[str]) -> Scored:
        way = next(name for name in hop if name.startswith("protocol"))
        return way, sum(
            math.log((bad[k] + 1) / (len(bad_hops) + 2)) - math.log((good[k] + 1) / (len(good_hops) + 2))
            for k in hop
        )

    scored = [score(hop) for path in SCENARIOS for hop in attacks(SCORED, path, care)]
    found = area(scored, [score(hop) for hop in ordinary(SCORED, people=True)])
    assert found <= BOUND[care], found
