"""Hunting: rules against the stored events, now, without keeping anything of it.

A rule that lies in the workspace is run over the history by the next review anyway, once; a hunt is for a rule that does
not, for a span of time, or for the impatient. It reads only the columns, days and log sources that its rules ask for.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from countersign.app import _events
from countersign.app.correlating import collected, group
from countersign.app.documents import stamp
from countersign.app.explaining import matched
from countersign.app.hit_findings import fields_of
from countersign.app.hits import Group, Homes, Place, grouped
from countersign.app.holding import Holding
from countersign.app.matching import Detectors
from countersign.app.rulelist import waiting
from countersign.app.ruleset import placeholders_of, prepare
from countersign.app.workspace import Workspace
from countersign.errors import UsageError
from countersign.lake import Lake
from countersign.model.visit import SEVERITIES, Matched
from countersign.rules import CompiledSet, Problem, Rule, RuleSet
from countersign.rules.correlations import plan, silent

EXPLAINED = 1000
"""So many hits by rule and host come with the values that matched."""
FEW = 3
"""Rules that cannot run of which an error says why."""
_ABLE = frozenset({"active", "waiting"})
"""States of rules that run, or would if there were such logs: no hit of theirs is an answer, not a failure."""
BASE_HITS = 5_000_000
"""Hits that correlations of a hunt may be made of: what they take in memory."""
Told = tuple[str, tuple[Matched, ...]]
"""An event, and the tests that held of it."""
Reason = tuple[Rule, str]
Progress = Callable[[int, int | None], None]


@dataclass(frozen=True, slots=True)
class Caught:
    """What one rule found on one host: how often, first and last (UTC, None where undated), and the first event with the
    tests that held of it."""

    rule: Rule
    host: str
    count: int
    first: datetime | None
    last: datetime | None
    event: str
    segment: str
    record: int
    matched: tuple[Matched, ...]

    def document(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "rule_id": self.rule.id,
            "title": self.rule.title,
            "level": self.rule.level,
            "host": self.host,
            "count": self.count,
            "first": stamp(self.first),
            "last": stamp(self.last),
            "event": self.event,
            "segment": self.segment,
            "record": self.record,
            "matched": [{"field": one.field, "value": one.value, "test": one.test} for one in self.matched],
        }


@dataclass(frozen=True, slots=True)
class Hunt:
    """What a hunt found, most severe rule first. `events` are those that were read, of `stored` in that span; `idle` are
    rules that could not run, with the reason, and `waiting` those that were asked for by name or file and have no log here;
    `problems` are what is wrong with rule files that were named."""

    caught: tuple[Caught, ...]
    rules: int
    events: int
    stored: int
    seconds: float
    idle: tuple[Reason, ...] = ()
    waiting: tuple[Reason, ...] = ()
    problems: tuple[Problem, ...] = ()


def hunt(
    workspace: Workspace,
    wanted: Sequence[str] = (),
    files: Sequence[Path] = (),
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    progress: Progress | None = None,
) -> Hunt:
    """Run rules over the events of a span: those of the workspace that `wanted` names (by the start of an id, or by
    title), those in `files`, or if neither is given all of the workspace.

    Times are aware; undated events are looked at where neither is given. `progress` is told rows. Raises `UsageError` where a
    name fits no rule or none of the rules asked for can run, `RuleError` where a file is not there.
    """
    begun = time.monotonic()
    rules, ruleset, chosen = _rules(workspace, wanted, files)
    status = {rule.id: state for rule, state in zip(rules.rules, rules.status, strict=True)}
    idle = tuple((rule, status[rule.id].reason) for rule in chosen if status[rule.id].state not in _ABLE)
    if len(idle) == len(chosen) and (wanted or files):
        raise UsageError(_cannot(idle, ruleset))
    asked = {rule.id for rule in chosen}
    with workspace.reading() as lake:
        looking = _Looking(lake, rules.only(asked | _bases(ruleset, asked)), ruleset, since, until, progress)
        groups = looking.run()
        waits = _waiting(lake, rules, ruleset) if wanted or files else {}
        quiet = silent(ruleset, asked) if files else frozenset()
        kept = {place: found for place, found in groups.items() if place.rule_id in asked - quiet}
        caught = _caught(kept, looking.told, chosen)
    return Hunt(
        caught,
        len(chosen) - len(idle),
        looking.events,
        looking.stored,
        time.monotonic() - begun,
        idle,
        tuple((rule, waits[rule.id]) for rule in chosen if rule.id in waits),
        ruleset.problems if files else (),
    )


def _waiting(lake: Lake, rules: CompiledSet, ruleset: RuleSet) -> dict[str, str]:
    """Rules that run and have no log here, or wait for a reader of such logs, by id: for what."""
    absent = waiting(rules, ruleset, lake)
    return {
        rule.id: absent.get(number, status.reason)
        for number, (rule, status) in enumerate(zip(rules.rules, rules.status, strict=True))
        if status.state in _ABLE and (number in absent or status.state == "waiting")
    }


def _cannot(idle: Sequence[Reason], ruleset: RuleSet) -> str:
    words = [f"{rule.title} does not run: {reason}" for rule, reason in idle[:FEW]]
    words += [f"and {len(idle) - FEW:,} more"] if len(idle) > FEW else []
    words += [f"{one.path}: {one.reason}" for one in ruleset.problems[: 0 if idle else FEW]]
    return "; ".join(words) or "there is no rule to hunt with"


def _rules(
    workspace: Workspace, wanted: Sequence[str], files: Sequence[Path]
) -> tuple[CompiledSet, RuleSet, list[Rule]]:
    """Compiled rules, what they came from, and those of them that are hunted with."""
    if files:
        from countersign.rules import compile_rules, load_rules
        from countersign.rules.references import checked

        ruleset = checked(load_rules(files))
        compiled = compile_rules(ruleset, placeholders=placeholders_of(workspace)[0])
        if not ruleset.rules:
            why = f": {ruleset.problems[0].reason}" if ruleset.problems else ""
            raise UsageError(f"no rule can be read from {', '.join(map(str, files))}{why}")
    else:
        ready = prepare(workspace)
        compiled, ruleset = ready.compiled, ready.ruleset
        ruleset = replace(
            ruleset, rules=tuple(rule for rule in ruleset.rules if rule.id not in ready.filters)
        )
    rules = [rule for rule in ruleset.rules if rule.kind != "filter"]
    if not wanted:
        return compiled, ruleset, rules
    chosen: dict[str, Rule] = {}
    for name in wanted:
        fitting = [rule for rule in rules if fits(rule, name.casefold())]
        if not fitting:
            raise UsageError(
                f"no rule has the title or an id that starts with {name!r}\n  remedy: `countersign rules list` names "
                "them; `--rule FILE` takes a rule that is not in the workspace"
            )
        chosen.update((rule.id, rule) for rule in fitting)
    return compiled, ruleset, list(chosen.values())


def fits(rule: Rule, name: str) -> bool:
    """Whether a casefolded name is the rule's title or begins its id."""
    return rule.id.casefold().startswith(name) or rule.title.casefold() == name


def _bases(ruleset: RuleSet, asked: set[str]) -> set[str]:
    """The rules, at whatever distance, that the correlations among `asked` are made of."""
    refers = {
        ruleset.rules[step.index].id: [ruleset.rules[one.index].id for one in step.references]
        for step in plan(ruleset).steps
    }
    found: set[str] = set()
    left = list(asked)
    while left:
        for id_ in refers.get(left.pop(), ()):
            if id_ not in found:
                found.add(id_)
                left.append(id_)
    return found


class _Looking:
    """One way through the events."""

    def __init__(
        self,
        lake: Lake,
        rules: CompiledSet,
        ruleset: RuleSet,
        since: datetime | None,
        until: datetime | None,
        progress: Progress | None,
    ) -> None:
        self._lake = lake
        self._rules = rules
        self._ruleset = ruleset
        self._since, self._until = since, until
        self._progress = progress
        self._numbers = {rule.id: number for number, rule in enumerate(rules.rules)}
        self.events = 0
        self.stored = 0
        self.told: dict[Place, Told] = {}

    def run(self) -> dict[Place, Group]:
        """Hits by rule and host."""
        groups: dict[Place, Group] = {}
        base = self._based()
        kept: list[pa.Table] = []
        size = 0
        for part, hits in self._hits():
            grouped([hits], Homes(()), {}, groups)
            self._explain(part, hits, groups)
            if len(base):
                kept.append(hits.filter(pc.is_in(hits["rule_id"], value_set=base)))
                size += kept[-1].num_rows
            if size > BASE_HITS:
                raise UsageError(
                    f"the correlations would be made of more than {BASE_HITS:,} hits\n  remedy: ask for a shorter span "
                    "with --since and --until"
                )
        if kept:
            made = collected(pa.concat_tables(kept), self._ruleset, {})
            group(made, Homes(()), Holding.nothing(), groups)
        return groups

    def _explain(self, part: _events.Part, hits: pa.Table, groups: Mapping[Place, Group]) -> None:
        """Keep what held of the first event of each place, while that event is in hand."""
        if not hits.num_rows:
            return
        rows: dict[str, int] = {}
        for rule, host in sorted(
            set(zip(hits["rule_id"].to_pylist(), hits["host"].to_pylist(), strict=True))
        ):
            place = Place(rule, -1, host.lower())
            event = groups[place].first[0].reference.event
            if self.told.get(place, ("", ()))[0] == event or len(self.told) >= EXPLAINED:
                continue
            rows = rows or {id_: row for row, id_ in enumerate(part.more(["id"])["id"].to_pylist())}
            if event in rows:
                words = matched(self._rules, self._numbers[rule], part.batch, rows[event])
                self.told[place] = (event, tuple(words))

    def _based(self) -> pa.Array:
        """Ids of the rules that correlations are made of."""
        wanted = plan(self._ruleset).wanted
        ids = {self._ruleset.rules[index].id for index in wanted} & {rule.id for rule in self._rules.rules}
        return pa.array(sorted(ids), pa.string())

    def _hits(self) -> Iterator[tuple[_events.Part, pa.Table]]:
        days = self._lake.days(self._since, self._until)
        self.stored = sum(rows for _, rows in days)
        where = _events.filter_for(self._rules, self._lake.names([day for day, _ in days]))
        detectors = Detectors(self._rules)
        done = 0
        for group_, rows in _events.chunks(days):
            if where is not None:
                these = replace(where, days=group_)
                for part in detectors.read(self._lake, these, self._since, self._until):
                    self.events += part.batch.num_rows
                    yield part, detectors.hits(part)
            done += rows
            if self._progress is not None:
                self._progress(done, self.stored)


def _caught(
    groups: Mapping[Place, Group], told: Mapping[Place, Told], chosen: Sequence[Rule]
) -> tuple[Caught, ...]:
    known = {rule.id: rule for rule in chosen}
    order = sorted(
        groups, key=lambda place: (-_grade(known[place.rule_id]), known[place.rule_id].title, place)
    )
    out = []
    for place in order:
        rule, found = known[place.rule_id], groups[place]
        first = found.first[0]
        event, words = told.get(place, ("", ()))
        out.append(
            Caught(
                rule,
                first.host,
                found.count,
                first.time,
                found.last,
                first.reference.event,
                first.reference.segment,
                first.reference.record,
                words if event == first.reference.event else fields_of(first),
            )
        )
    return tuple(out)


def _grade(rule: Rule) -> int:
    return SEVERITIES.index(rule.level) if rule.level in SEVERITIES else 0
