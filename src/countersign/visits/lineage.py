"""Which process started which: by the key that Sysmon gives each, else by the number that its parent had on that host."""

from __future__ import annotations

import bisect
from collections import defaultdict
from collections.abc import Iterable

from countersign.visits import facts as f
from countersign.visits.facts import Fact
from countersign.visits.sessions import SECOND

LIVES = 24 * 3600 * SECOND
"""A parent's number is looked for this long back: numbers are given out again."""


def lineage(deeds: Iterable[Fact]) -> dict[str, str]:
    """Of the starts of processes among `deeds`, the event of the start of each one's parent, where that is among them."""
    started = sorted(
        (fact for fact in deeds if fact.class_uid == f.PROCESS and fact.activity == 1),
        key=lambda fact: fact.order,
    )
    keyed: dict[tuple[str, str], str] = {}
    numbered: dict[tuple[str, int], list[Fact]] = defaultdict(list)
    for fact in started:
        if fact.process:
            keyed.setdefault((fact.host.casefold(), fact.process), fact.id)
        if fact.pid:
            numbered[fact.host.casefold(), fact.pid].append(fact)
    out: dict[str, str] = {}
    for fact in started:
        parent = keyed.get((fact.host.casefold(), fact.parent)) if fact.parent else None
        parent = parent or _by_number(fact, numbered.get((fact.host.casefold(), fact.parent_pid), []))
        if parent is not None and parent != fact.id:
            out[fact.id] = parent
    return out


def _by_number(fact: Fact, known: list[Fact]) -> str | None:
    """The latest process before with the parent's number, whose program is the parent's as far as both are told."""
    before = bisect.bisect_left(known, fact.order, key=lambda one: one.order)
    if not fact.parent_pid or not before:
        return None
    found = known[before - 1]
    told = found.path.casefold(), fact.parent_path.casefold()
    if fact.time - found.time > LIVES or (all(told) and told[0] != told[1]):
        return None
    return found.id
