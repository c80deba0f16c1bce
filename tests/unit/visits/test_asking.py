"""What is remembered of days makes no difference to what is answered, only to what is read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import ibis
import ibis.expr.types as ir
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from countersign.visits import facts as f
from countersign.visits.asking import Days, Kept, Memory, dates, named_day
from countersign.visits.facts import leaf
from countersign.visits.names import DAY
from story import START, Story

FIRST = int(START.timestamp()) // 86_400
NAMES = ("ann", "bob", "cat")


class Ram(Memory):
    """A memory of which each day has a digest of its own."""

    def __init__(self, days: Mapping[int, str]) -> None:
        self.digests = dict(days)
        self.days = frozenset(days)
        self.known: dict[tuple[str, int], tuple[str, Kept]] = {}
        self.kept: Counter[int] = Counter()

    def recall(self, question: str, day: int) -> Kept | None:
        digest, kept = self.known.get((question, day), ("", None))
        return kept if digest == self.digests[day] else None

    def keep(self, question: str, day: int, kept: Kept) -> None:
        self.kept[day] += 1
        self.known[question, day] = (self.digests[day], kept)


def story(logons: set[tuple[int, str]]) -> ir.Table:
    """A logon of each name on each day, from an address of its own."""
    told = Story()
    for day, name in sorted(logons):
        told.logon(
            day * 86_400 + 60, "SRV1", name, f"0x{day}{NAMES.index(name)}", 3, f"10.0.0.{NAMES.index(name)}"
        )
    return told.table()


def days_of(logons: set[tuple[int, str]]) -> dict[int, str]:
    return {FIRST + day: str(sorted(name for on, name in logons if on == day)) for day, _ in logons}


def everybody(days: Days) -> Counter[str]:
    def ask(events: ir.Table) -> ir.Table:
        return events.select("date", name=leaf(events, "user.name"))

    return Counter(days.of_all("everybody", ask).column("name").to_pylist())


def named(days: Days, names: set[str]) -> set[str]:
    def ask(events: ir.Table, some: list[str]) -> ir.Table:
        return f.columns_of(events.filter(leaf(events, "user.name").isin(some)))

    return {fact.id for fact in days.facts([days.of_names("named", names, ask)])}


def near(days: Days, wanted: Mapping[int, set[tuple[str]]]) -> set[str]:
    return {
        fact.id for fact in days.facts(days.near("near", wanted, ("src_endpoint.ip",), lambda events: events))
    }


def exactly(days: Days, wanted: Mapping[int, set[tuple[str]]]) -> Counter[str]:
    def ask(events: ir.Table, keys: frozenset[tuple[str | int, ...]]) -> ir.Table:
        some = sorted(str(name) for (name,) in keys)
        chosen = events.filter(leaf(events, "user.name").isin(some) if some else ibis.literal(value=False))
        return chosen.select("date", name=leaf(chosen, "user.name"))

    return Counter(days.exactly("exactly", wanted, ask).column("name").to_pylist())


LOGONS = st.sets(st.tuples(st.integers(0, 3), st.sampled_from(NAMES)), min_size=1, max_size=8)
SOME = st.sets(st.sampled_from(NAMES), min_size=1)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(LOGONS, SOME), min_size=1, max_size=3))
def test_answers_are_those_of_asking_everything_at_once(
    reviews: list[tuple[set[tuple[int, str]], set[str]]],
) -> None:
    so_far: set[tuple[int, str]] = set()
    memory = Ram({})
    for logons, names in reviews:
        so_far |= logons
        memory.digests = days_of(so_far)
        memory.days = frozenset(memory.digests)
        table = story(so_far)
        plain, remembering = Days(table), Days(table, memory)
        assert everybody(remembering) == everybody(plain)
        assert named(remembering, names) == named(plain, names)
        spots = {FIRST + day: {(f"10.0.0.{NAMES.index(name)}",) for name in names} for day in (0, 2)}
        assert near(remembering, spots) == near(plain, spots)
        on = {FIRST + day: {(name,) for name in names} for day in range(4)}
        assert exactly(remembering, on) == exactly(plain, on)


def test_a_day_that_is_as_it_was_is_not_read_again() -> None:
    logons = {(0, "ann"), (1, "bob")}
    memory = Ram(days_of(logons))
    everybody(Days(story(logons), memory))
    logons.add((2, "cat"))
    memory.digests = days_of(logons)
    memory.days = frozenset(memory.digests)
    memory.kept.clear()
    assert everybody(Days(story(logons), memory)) == {"ann": 1, "bob": 1, "cat": 1}
    assert memory.kept == {FIRST + 2: 1}


def test_only_names_that_are_new_are_asked_of_days_that_are_known() -> None:
    logons = {(0, "ann"), (0, "bob")}
    memory = Ram(days_of(logons))
    asked: list[list[str]] = []

    def ask(events: ir.Table, some: list[str]) -> ir.Table:
        asked.append(some)
        return f.columns_of(events.filter(leaf(events, "user.name").isin(some)))

    for names in ({"ann"}, {"ann", "bob"}, {"ann", "bob"}, {"bob"}):
        days = Days(story(logons), memory)
        assert {fact.user.name for fact in days.facts([days.of_names("q", names, ask)])} == names
    assert asked == [["ann"], ["bob"], ["bob"]]


def test_one_event_is_one_fact_however_often_it_is_asked_for() -> None:
    days = Days(story({(0, "ann")}))
    first, second = (days.facts([f.columns_of(days.events).to_pyarrow()]) for _ in range(2))
    assert first[0] is second[0]


def test_days_are_counted_in_utc_from_1970() -> None:
    assert list(dates(0, 0)) == [0]
    assert list(dates(DAY - 1, DAY)) == [0, 1]
    assert list(dates(-1, 0)) == [-1, 0]
    assert named_day(0) == "1970-01-01"
    assert named_day(20_514) == "2026-03-02"


def test_facts_of_nothing_are_none() -> None:
    days = Days(story({(0, "ann")}))
    assert days.facts([]) == []
    assert isinstance(days.of_all("none", lambda e: e.select("date").limit(0)), pa.Table)
