"""Matching: what rules and indicators find in the lake's events, kept as hits, each looked for once.

A hit depends on nothing but its rule and its event, so it is kept until one of them changes. Segments that came in are
matched with everything; a rule that is new, or means something else than before, is run once over all that was there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc

from countersign.app import _events
from countersign.app._feeds import Difference, Feeds, described, forget_others, keep_met, recall_met
from countersign.app._reviewed import (
    Progress,
    State,
    digest,
    recall_progress,
    remember,
    remember_progress,
)
from countersign.app.workspace import Workspace
from countersign.lake import Filter, Lake
from countersign.lake.tables import HITS_SCHEMA
from countersign.model import schema
from countersign.model.identity import keyed_ids
from countersign.rules import CompiledSet
from countersign.rules.fields import as_text, leaf
from countersign.rules.indicators import IndicatorSet
from countersign.rules.tally import Tally

Step = Callable[[int, int | None], None]
"""Told how many rows are done, and of how many."""

FORM = "1"
"""Of what is kept of a hit. A change has everything matched anew."""

FEW_RULES = 20
"""So many rules hardly ever fire."""

HITS_AT_ONCE = 100_000
"""Hits written in one commit: a noisy rule on a large lake must not fill the memory."""


@dataclass(frozen=True, slots=True)
class Detectors:
    """All that is looked for: compiled rules (`exceptions` are those that hold hits of others back), and indicators. A `tally`
    counts what the rules do."""

    rules: CompiledSet
    indicators: IndicatorSet | None = None
    exceptions: frozenset[str] = frozenset()
    tally: Tally | None = None

    def columns(self) -> list[str]:
        """Columns and leaves to be read of all events."""
        leaves = self.indicators.needed_leaves() if self.indicators is not None else ()
        needed = self.rules.needed_columns()
        return _events.columns(needed if self.frugal else needed | _events.OF_HITS, leaves)

    def read(
        self, lake: Lake, where: Filter, since: datetime | None = None, until: datetime | None = None
    ) -> Iterator[_events.Part]:
        """The events to be looked at."""
        later = of_hits() if self.frugal else ()
        keys = _events.keys_for(self.rules) if self.indicators is None else None
        return _events.read(
            lake,
            self.columns(),
            where=where,
            since=since,
            until=until,
            later=later,
            keys=keys,
            coded=self.indicators is None,
        )

    @property
    def frugal(self) -> bool:
        """Whether hits are so rare that what they are made of is read only where there is one."""
        return len(self.rules.rules) <= FEW_RULES and self.indicators is None

    def hits(self, part: _events.Part) -> pa.Table:
        """The hits among some events (`HITS_SCHEMA`)."""
        matched = self.rules.match(part.batch, self.tally)
        tables = []
        if matched.num_rows:
            tables.append(_rule_hits(self, part, matched))
        if self.indicators is not None:
            tables.append(_indicator_hits(self.indicators, part))
        return pa.concat_tables(tables) if tables else HITS_SCHEMA.empty_table()


def of_hits() -> list[str]:
    """The columns and leaves that a hit is made of."""
    return _events.columns(_events.OF_HITS)


def _rule_hits(detectors: Detectors, part: _events.Part, found: pa.Table) -> pa.Table:
    rules = detectors.rules
    numbers = found["rule"].combine_chunks()
    ids = pa.array([rule.id for rule in rules.rules], pa.string())
    kinds = pa.array(["exception" if rule.id in detectors.exceptions else "rule" for rule in rules.rules])
    fields = _captured(rules, part.batch, found)
    return _rows(part, found["row"].combine_chunks(), ids.take(numbers), kinds.take(numbers), fields)


def _captured(rules: CompiledSet, batch: pa.RecordBatch, found: pa.Table) -> pa.Array:
    """For each hit the fields that correlations ask of its rule; null for rules of which none asks."""
    parts: list[pa.Array] = []
    numbers = found["rule"].to_numpy()  # sorted: the hits of a rule stand together
    start = 0
    while start < len(numbers):
        rule = int(numbers[start])
        end = int(numbers.searchsorted(rule, side="right"))
        names = rules.captured.get(rules.rules[rule].id, ())
        count = end - start
        if names:
            values = rules.values(batch, found["row"].slice(start, count), names, rule)
            parts.append(text_map(names, [values[name].combine_chunks() for name in names], count))
        else:
            parts.append(pa.nulls(count, schema.UNMAPPED))
        start = end
    return pa.chunked_array(parts, schema.UNMAPPED).combine_chunks()


def text_map(names: Sequence[str], columns: Sequence[pa.Array], count: int) -> pa.Array:
    """Maps with these names as keys, one a row, without the values that are null."""
    rows = [
        [(name, value) for name, value in zip(names, values, strict=True) if value is not None]
        for values in zip(*(column.to_pylist() for column in columns), strict=True)
    ]
    return pa.array(rows, schema.UNMAPPED) if rows else pa.nulls(count, schema.UNMAPPED)


def _indicator_hits(indicators: IndicatorSet, part: _events.Part) -> pa.Table:
    found = indicators.match(part.batch)
    if not found.num_rows:
        return HITS_SCHEMA.empty_table()
    numbers = found["indicator"].to_pylist()
    distinct = sorted(set(numbers))
    known = dict(zip(distinct, indicators.indicators(distinct), strict=True))
    fields = [
        described(known[number].words(), place, value)
        for number, place, value in zip(
            numbers, found["field"].to_pylist(), found["value"].to_pylist(), strict=True
        )
    ]
    ids = pa.array([known[number].id for number in numbers], pa.string())
    kinds = pa.repeat("indicator", len(ids))
    return _rows(part, found["row"].combine_chunks(), ids, kinds, pa.array(fields, schema.UNMAPPED))


def _rows(
    part: _events.Part, rows: pa.Array, rule_ids: pa.Array, kinds: pa.Array, fields: pa.Array
) -> pa.Table:
    batch = part.more(of_hits())
    names = [name for name in batch.schema.names if name in _events.OF_HITS]
    chosen = batch.select(names).take(rows)
    return pa.table(
        {
            "id": pa.array(keyed_ids(("hit",), rule_ids.to_pylist(), chosen["id"].to_pylist()), pa.string()),
            "rule_id": rule_ids,
            "event": chosen["id"],
            "segment": as_text(chosen["segment"]),
            "record": chosen["record"],
            "time": chosen["time"] if "time" in names else pa.nulls(len(rows), schema.TIMESTAMP),
            "host": _hosts(chosen),
            "account": _accounts(chosen),
            "kind": kinds,
            "fields": fields,
        },
        schema=HITS_SCHEMA,
    )


def _text(chosen: pa.RecordBatch, path: str) -> pa.Array:
    """A leaf, null where the batch has none."""
    found = leaf(chosen, path)
    return pa.nulls(chosen.num_rows, pa.string()) if found is None else as_text(found)


def _hosts(chosen: pa.RecordBatch) -> pa.Array:
    """The hosts' own names, without the domain."""
    names = pc.fill_null(_text(chosen, "device.hostname"), "")
    return pc.list_element(pc.split_pattern(names, ".", max_splits=1), 0)


def _accounts(chosen: pa.RecordBatch) -> pa.Array:
    r"""Who did it, else whom it concerns, as `DOMAIN\name`; null where the event names nobody."""
    return pc.coalesce(_account(chosen, "actor.user"), _account(chosen, "user"))


def _account(chosen: pa.RecordBatch, user: str) -> pa.Array:
    names, domains = _text(chosen, f"{user}.name"), _text(chosen, f"{user}.domain")
    nameless = pc.fill_null(pc.is_in(names, pa.array(["", "-"])), fill_value=False)
    names = pc.if_else(nameless, pa.scalar(None, pa.string()), names)
    bare = pc.is_in(pc.fill_null(domains, ""), pa.array(["", "-"]))
    return pc.if_else(bare, names, pc.binary_join_element_wise(domains, names, "\\"))


@dataclass(slots=True)
class Matching:
    """Brings the hits of a workspace up to date with its events and what is looked for in them. Afterwards `changed` says
    whether there was anything to do."""

    workspace: Workspace
    lake: Lake
    rules: CompiledSet
    exceptions: frozenset[str]
    feeds: Feeds
    progress: Step | None = None
    changed: bool = field(default=False, init=False)
    _noisy: dict[str, tuple[int, int]] = field(default_factory=dict, init=False)

    def bring_up_to_date(self, state: State) -> State:
        """Hits of all that is looked for in all segments; returns the state, which is on disk already.

        May be interrupted at any moment: the next call does the rest, and no hit is there twice.
        """
        stored = {segment[:16]: segment for segment in self.lake.stored_segments()}
        state = replace(state, segments=state.segments & stored.keys())
        state = self._changed_rules(state, stored)
        fresh = sorted(stored.keys() - state.segments)
        if fresh:
            self.changed = True
            remember(self.workspace, replace(state, made_of=""))
            everywhere = not state.segments
            job = digest("arrivals", state.rules, state.indicators, fresh)
            self._run(
                job, self.rules, self.feeds.all, None if everywhere else [stored[short] for short in fresh]
            )
            state = replace(state, made_of="", segments=frozenset(stored))
        if self._noisy:
            state = replace(state, noisy={**state.noisy, **self._noisy})
        if self.changed:
            remember(self.workspace, state)
        return state

    def _changed_rules(self, state: State, stored: Mapping[str, str]) -> State:
        """The state in which the segments that were seen before have met today's rules and indicators."""
        wanted = {id_: f"{FORM} {text}" for id_, text in self.rules.fingerprints.items()}
        kept = {id_: text for id_, text in state.rules.items() if wanted.get(id_) == text}
        new = wanted.keys() - kept.keys()
        other = f"{FORM} {self.feeds.fingerprint}" if self.feeds.fingerprint else ""
        if not new and kept.keys() == state.rules.keys() and other == state.indicators:
            return state
        self.changed = True
        state = replace(state, made_of="", noisy={id_: at for id_, at in state.noisy.items() if id_ in kept})
        fresh = None
        if other != state.indicators:
            fresh = Difference.between(recall_met(self.workspace, state.indicators), self.feeds.ids)
        seen = sorted(state.segments)
        job = digest(
            "history", {id_: wanted[id_] for id_ in new}, fresh.digest(self.feeds.ids) if fresh else "", seen
        )
        if recall_progress(self.workspace).job != job:
            self._claim_less(state, kept, fresh)
        some = self.feeds.all.only(fresh.new) if fresh and fresh.new and self.feeds.all is not None else None
        if seen and (new or some is not None):
            everything = len(seen) == len(stored)
            self._run(
                job, self.rules.only(new), some, None if everything else [stored[short] for short in seen]
            )
        if fresh:
            keep_met(self.workspace, other, self.feeds.ids)
        state = replace(state, rules=wanted, indicators=other)
        remember(self.workspace, state)
        forget_others(self.workspace, other)
        return state

    def _claim_less(self, state: State, kept: Mapping[str, str], fresh: Difference | None) -> None:
        """Take out of the state what is changed or gone, and then the hits of it."""
        indicators = state.indicators
        if fresh is not None:
            indicators = f"part {digest(indicators, self.feeds.fingerprint)}" if len(fresh.kept) else ""
            keep_met(self.workspace, indicators, fresh.kept)
        remember(self.workspace, replace(state, rules=kept, indicators=indicators))
        remember_progress(self.workspace, Progress())  # what it calls done may be forgotten now
        self._forget(kept, fresh)

    def _forget(self, kept: Mapping[str, str], fresh: Difference | None) -> None:
        """Remove the hits of rules and indicators that are gone or changed. The lake is asked which there are, so that
        what a run that was killed left behind goes too."""
        found = self.lake.distinct("hits", ["rule_id", "kind"])
        kinds = found["kind"].fill_null("rule")
        of_rules = found["rule_id"].filter(pc.is_in(kinds, value_set=pa.array(["rule", "exception"])))
        gone = set(of_rules.to_pylist()) - kept.keys()
        if fresh is not None:
            of_indicators = found["rule_id"].filter(pc.equal(kinds, "indicator"))
            gone |= set(of_indicators.to_pylist()) - set(fresh.kept.to_pylist() if len(of_indicators) else ())
        self.lake.remove("hits", "rule_id", sorted(gone))

    def _run(
        self, job: str, rules: CompiledSet, indicators: IndicatorSet | None, segments: Sequence[str] | None
    ) -> None:
        """Match and keep, day by day, passing over the days that an earlier run of the same job had done."""
        before = recall_progress(self.workspace)
        progress = before if before.job == job else Progress(job)
        left = [pair for pair in self.lake.days(segments=segments) if pair[0] not in progress.days]
        total = sum(rows for _, rows in left)
        tally = Tally(len(rules.rules))
        detectors = Detectors(rules, indicators, self.exceptions, tally)
        where = _events.filter_for(rules, self.lake.names()) if indicators is None else Filter()
        done = 0
        for days, rows in _events.chunks(left):
            if where is not None:
                these = replace(where, days=days, segments=None if segments is None else tuple(segments))
                self._keep(self._hits(detectors, these, done, total))
            done += rows
            if self.progress is not None:
                self.progress(done, total)
            progress = Progress(job, (*progress.days, *days))
            remember_progress(self.workspace, progress)
        noisy = ((rules.rules[one.rule].id, (one.hits, one.events)) for one in tally.noisy())
        self._noisy.update(pair for pair in noisy if pair[0] not in self.exceptions)

    def _hits(self, detectors: Detectors, where: Filter, done: int, total: int) -> Iterator[pa.Table]:
        for part in detectors.read(self.lake, where):
            yield detectors.hits(part)
            done += part.batch.num_rows
            if self.progress is not None:
                self.progress(min(done, total), total)

    def _keep(self, found: Iterable[pa.Table]) -> None:
        waiting: list[pa.Table] = []
        for hits in found:
            if hits.num_rows:
                waiting.append(hits)
            if sum(part.num_rows for part in waiting) >= HITS_AT_ONCE:
                self._write(waiting)
                waiting = []
        self._write(waiting)

    def _write(self, waiting: Sequence[pa.Table]) -> None:
        if waiting:
            rows = pa.concat_tables(waiting)
            self.lake.replace("hits", rows, ids=rows.column("id").to_pylist())
