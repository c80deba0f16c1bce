"""Folding: of the rules and indicators that tell of the same records at one place, one speaks and names the others.

Who reads findings wants one row for each thing that happened, and several rules know the well-known things. A finding
gives up its row when rows of at least its severity tell of each of its records. Nothing is lost by it: the hits stay, and
the row names every rule folded into it with its own count. What comes out depends on the hits alone, never on the order
in which rules or records came.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from countersign.app.hits import Group
from countersign.model.visit import SEVERITIES, Also, Finding

_FOLDED = frozenset({"rule", "indicator"})
"""Kinds that speak of single records. A correlation speaks of many together, which none of its rules does."""


@dataclass(frozen=True, slots=True)
class Told:
    """A finding of one rule at one place, and the hits that it is made of."""

    finding: Finding
    group: Group


@dataclass(slots=True)
class _Head:
    """A finding that speaks, the `number`-th of its place, and those that were folded into it."""

    number: int
    told: Told
    others: list[Told] = field(default_factory=list)


def folded(told: Iterable[Told]) -> list[Finding]:
    """The findings of one place, those of which others tell already folded into the one that tells of most of it.

    Up to `hits.MAX_EVIDENCE` records are compared one by one; a finding of more is folded where another is of exactly the same.
    """
    out: list[Finding] = []
    heads: list[_Head] = []
    by_event: dict[str, list[_Head]] = defaultdict(list)
    by_mark: dict[tuple[int, int], _Head] = {}
    for one in sorted(told, key=_precedence):
        if one.finding.kind not in _FOLDED:
            out.append(one.finding)
            continue
        events, mark = one.group.events, (one.group.count, one.group.mark)
        home = by_mark.get(mark) if events is None else _home(events, by_event)
        if home is not None:
            home.others.append(one)
            continue
        heads.append(_Head(len(heads), one))
        by_mark[mark] = heads[-1]
        for event in events or ():
            by_event[event].append(heads[-1])
    return out + [_one(head) for head in heads]


def _precedence(one: Told) -> tuple[int, int, bool, bool, str]:
    """Who speaks: the most severe, of these who tells of most, of these a rule that says what it answers."""
    finding = one.finding
    return (
        -SEVERITIES.index(finding.severity),
        -finding.count,
        not finding.cites,
        finding.kind != "rule",
        finding.rule_id,
    )


def _home(events: frozenset[str], by_event: Mapping[str, Sequence[_Head]]) -> _Head | None:
    """The head that tells of most of `events`; None where one of them is told of by none."""
    if not all(event in by_event for event in events):
        return None
    known = {head.number: head for event in events for head in by_event[event]}
    shared = Counter(head.number for event in events for head in by_event[event])
    return known[min(shared, key=lambda number: (-shared[number], number))]


def _one(head: _Head) -> Finding:
    finding, others = head.told.finding, [one.finding for one in head.others]
    if not others:
        return finding
    every = [finding, *others]
    alike = [one for one in others if one.severity == finding.severity]
    names = {id_ for one in alike for id_ in (one.id, *one.aliases)} | set(finding.aliases)
    return replace(
        finding,
        techniques=tuple(dict.fromkeys(id_ for one in every for id_ in one.techniques)),
        cites=tuple(dict.fromkeys(id_ for one in every for id_ in one.cites)),
        aliases=tuple(sorted(names - {finding.id})),
        also=tuple(_also(one) for one in others),
    )


def _also(finding: Finding) -> Also:
    return Also(
        id=finding.id,
        rule_id=finding.rule_id,
        kind=finding.kind,
        title=finding.title,
        severity=finding.severity,
        count=finding.count,
        time=finding.time,
        end=finding.end,
        techniques=finding.techniques,
        cites=finding.cites,
        rule_version=finding.rule_version,
        rule_sha256=finding.rule_sha256,
    )


def ids_told(bodies: Iterable[Mapping[str, Any]]) -> set[str]:
    """Every id under which something is known once these findings (as documents) were told: one that no longer is folded is
    no news, one that is more severe than what it was told with is."""
    return {
        id_
        for body in bodies
        for id_ in (body["id"], *body["aliases"], *(one["id"] for one in body.get("also", ())))
    }
