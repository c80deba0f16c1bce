"""Compiled rules and what they answer: the door to the engine.

`CompiledSet` keeps no state between batches but the automata it was made of: it may be used in any process, on
batches of any size, and the hits are the same.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from countersign.rules import atoms, correlations
from countersign.rules.columns import NAMES, Batch, Kind, Rows
from countersign.rules.compiled import Route, Status
from countersign.rules.explain import Alternative, Explanation, Fired, Record, fired, in_words
from countersign.rules.fields import FieldResolver, Fields, as_text, event_fields
from countersign.rules.keywords import KeywordIndex
from countersign.rules.logsources import LogSources, load_logsources
from countersign.rules.pool import Answers, Pool
from countersign.rules.rule import Rule, RuleSet
from countersign.rules.scope import Mask, RouteIndex
from countersign.rules.tally import Tally

BATCH_ROWS = 262_144
"""Rows matched at a time: enough that distinct values repeat, few enough that masks stay small."""

KINDS_KEPT = 65_536
"""Combinations of log, provider and event id whose routes are remembered; a hostile log can make up more."""

KEYWORD_INDEXES_KEPT = 128

WIDE = 4
"""A route with more than 1/4 of a batch's rows is searched for keywords in the whole batch."""

HITS = pa.schema([pa.field("rule", pa.int32()), pa.field("row", pa.int64())])
"""`rule` is an index into `CompiledSet.rules`, `row` a row of what was given."""


class CompiledSet:
    """Rules ready to run. Made by `compile_rules`.

    `fingerprints` has for the id of each active rule a digest of all that its hits depend on: while it stays the same, hits
    that are kept need not be looked for again. `captured` has the Sigma fields whose values the hits of a rule carry.
    """

    def __init__(
        self,
        rules: tuple[Rule, ...],
        status: tuple[Status, ...],
        routes: tuple[Route, ...],
        fields: FieldResolver,
        fingerprints: Mapping[str, str],
        captured: Mapping[str, tuple[str, ...]],
    ) -> None:
        self.rules = rules
        self.status = status
        self.routes = routes
        self.fingerprints = fingerprints
        self.captured = captured
        self._fields = fields
        self._routes_of: dict[Kind, tuple[int, ...]] = {}
        self._of_log: dict[str | None, list[int]] = {}  # routes that may take events of a log; None: of any
        for number, route in enumerate(routes):
            for log in route.logs:
                self._of_log.setdefault(log, []).append(number)
        self._with_keywords = frozenset(
            number for number, route in enumerate(routes) if atoms.KEYWORDS in route.fields
        )
        self._keyword_indexes: dict[frozenset[int], KeywordIndex] = {}
        self._indexes: dict[int, RouteIndex] = {}
        self._pool = Pool()

    def needed_columns(self) -> set[str]:
        """Top-level columns of the events that some active rule reads."""
        needed = {path.partition(".")[0] for path in NAMES}
        for route in self.routes:
            captured = {
                route.rename.get(name.casefold(), name).casefold()
                for rule in route.rules
                for name in self.captured.get(self.rules[rule].id, ())
            }
            for field in route.fields | captured:
                if field == atoms.KEYWORDS:
                    needed |= self._fields.text_columns()
                else:
                    needed |= self._fields.columns(field)
        return needed

    def only(self, ids: Collection[str]) -> CompiledSet:
        """The rules with these ids alone, in the same order; ids that are not here are passed over."""
        wanted = frozenset(ids)
        numbers: dict[int, int] = {}
        for index, rule in enumerate(self.rules):
            if rule.id in wanted:
                numbers[index] = len(numbers)
        routes = (route.only(numbers) for route in self.routes)
        return CompiledSet(
            tuple(self.rules[index] for index in numbers),
            tuple(self.status[index] for index in numbers),
            tuple(route for route in routes if route is not None),
            self._fields,
            {id_: digest for id_, digest in self.fingerprints.items() if id_ in wanted},
            {id_: names for id_, names in self.captured.items() if id_ in wanted},
        )

    def values(
        self,
        batch: pa.RecordBatch | pa.Table,
        rows: Sequence[int] | np.ndarray | pa.Array | pa.ChunkedArray,
        names: Sequence[str],
        rule: int | None = None,
    ) -> pa.Table:
        """The fields `names` of some rows as text, one column a name, one row for each of `rows`; null where
        absent.

        Names are Sigma's. What a log source calls them depends on the rule that asks (`Image` of a rule on process creation
        is `NewProcessName` in Security 4688), so `rule` gives its index; without one, names are those of the log.
        """
        place = rows if isinstance(rows, pa.Array | pa.ChunkedArray) else pa.array(rows, pa.int64())
        table = pa.Table.from_batches([batch]) if isinstance(batch, pa.RecordBatch) else batch
        parts = table.take(place).combine_chunks().to_batches()
        if not parts:
            return pa.table({name: pa.nulls(0, pa.string()) for name in names})
        fields = self._fields.open(parts[0])
        renames = None if rule is None else self._renames(Batch(parts[0], self._fields), rule)
        return pa.table({name: _named(fields, name.casefold(), parts[0].num_rows, renames) for name in names})

    def _renames(self, batch: Batch, rule: int) -> list[tuple[Mapping[str, str], np.ndarray]]:
        """Rows of the batch with the names that the rule has for them; the rule's first log source wins."""
        found = []
        left = np.ones(batch.rows, dtype=bool)
        for route in self.routes:
            if rule in route.rules:
                taken = np.zeros(batch.rows, dtype=bool)
                taken[
                    batch.select([place for place, kind in enumerate(batch.kinds) if route.takes(kind)])
                ] = True
                found.append((route.rename, taken & left))
                left &= ~taken
        return [*found, ({}, left)]

    def match(self, events: pa.RecordBatch | pa.Table, tally: Tally | None = None) -> pa.Table:
        """One row for each rule and event that matches (`HITS`), sorted; columns that are absent are null. A `tally`, made
        with `Tally(len(rules))`, counts on how many events each rule was asked and fired."""
        rules: list[np.ndarray] = []
        rows: list[np.ndarray] = []
        offset = 0
        for part in _parts(events):
            found: dict[int, list[np.ndarray]] = {}
            batch = Batch(part, self._fields)
            routed = self._routed(batch)
            answers, live = self._answered(batch, routed)
            keywords = self._keywords(batch, routed)  # after it: columns that are encoded already are shorter
            for number, own in routed.items():
                if tally is not None:
                    tally.met(self.routes[number].rules, len(own))
                hits_of = self._indexes[number].match(
                    batch, own, answers, live.get(number, ()), keywords.get(number, {})
                )
                for rule, places in hits_of:
                    found.setdefault(rule, []).append(places)
            for rule, places_ in found.items():
                hits = places_[0] if len(places_) == 1 else np.unique(np.concatenate(places_))
                if tally is not None:
                    tally.fired(rule, len(hits))
                rules.append(np.full(len(hits), rule, dtype=np.int32))
                rows.append(hits + offset)
            offset += part.num_rows
        if not rules:
            return HITS.empty_table()
        rule_column, row_column = np.concatenate(rules), np.concatenate(rows)
        order = np.lexsort((row_column, rule_column))
        return pa.table({"rule": rule_column[order], "row": row_column[order]}, schema=HITS)

    def _routed(self, batch: Batch) -> dict[int, Rows]:
        """The rows of each route that has any in the batch."""
        found: dict[int, list[int]] = {}
        for place, kind in enumerate(batch.kinds):
            for number in self._taking(kind):
                found.setdefault(number, []).append(place)
        return {number: batch.select(kinds) for number, kinds in found.items()}

    def takes(self, kind: Kind) -> bool:
        """Whether some rule looks at events of these names (as in `NAMES`, casefolded)."""
        return bool(self._taking(kind))

    def _taking(self, kind: Kind) -> tuple[int, ...]:
        """The routes that events of these names take."""
        numbers = self._routes_of.get(kind)
        if numbers is None:
            near = (*self._of_log.get(kind[1], ()), *self._of_log.get(None, ()))
            numbers = tuple(sorted(number for number in near if self.routes[number].takes(kind)))
            if len(self._routes_of) < KINDS_KEPT:
                self._routes_of[kind] = numbers
        return numbers

    def _keywords(self, batch: Batch, routed: Mapping[int, Rows]) -> dict[int, dict[int, Mask]]:
        """For each route its keyword atoms that some of its rows answer. Routes with much of the batch are searched for
        in all of it, the others in their own rows."""
        asked = {number: rows for number, rows in routed.items() if number in self._with_keywords}
        wide = {number: rows for number, rows in asked.items() if len(rows) * WIDE > batch.rows}
        narrow = {number: rows for number, rows in asked.items() if number not in wide}
        found: dict[int, dict[int, Mask]] = {}
        for together, everywhere in ((wide, True), (narrow, False)):
            if not together:
                continue
            index = self._keyword_index(frozenset(together))
            rows = None if everywhere else np.unique(np.concatenate(list(together.values())))
            masks = index.match(batch, rows)
            for number, own in together.items():
                at = own if rows is None else np.searchsorted(rows, own)
                of_route = index.of_route[number].items()
                found[number] = {atom: masks[place][at] for atom, place in of_route if place in masks}
        return found

    def _keyword_index(self, numbers: frozenset[int]) -> KeywordIndex:
        """Batches of one source ask for the same routes again and again, so a few indexes are kept."""
        index = self._keyword_indexes.get(numbers)
        if index is None:
            index = KeywordIndex({number: self.routes[number] for number in sorted(numbers)})
            if len(self._keyword_indexes) < KEYWORD_INDEXES_KEPT:
                self._keyword_indexes[numbers] = index
        return index

    def _answered(self, batch: Batch, routed: Iterable[int]) -> tuple[Answers, dict[int, list[int]]]:
        """What the batch's values answer, and for each route its atoms that some of them do."""
        for number in routed:
            if number not in self._indexes:
                route = self.routes[number]
                self._indexes[number] = RouteIndex(route, self._pool.add(number, route))
        fields = sorted({field for number in routed for field in self.routes[number].fields})
        answers = self._pool.answers(batch, fields)
        live: dict[int, list[int]] = {}
        for atom in answers.hits:
            for number, own in self._pool.holders[atom]:
                live.setdefault(number, []).append(own)
        return answers, live

    def explain(self, rule: int, events: pa.RecordBatch | pa.Table, row: int) -> tuple[Fired, ...]:
        """The atoms that made `rule` fire on `row`, with the values; empty if it does not."""
        found = (one.condition for one in self.trace(rule, events, row).alternatives)
        return tuple(dict.fromkeys(one for part in found if part is not None for one in fired(part)))

    def trace(self, rule: int, events: pa.RecordBatch | pa.Table, row: int) -> Explanation:
        """Each part of the condition of `rule` and whether it holds on `row`, for every log source of the rule."""
        batch = next(_parts(events.slice(row, 1)), None)
        alternatives: list[Alternative] = []
        kind = None if batch is None else Batch(batch, self._fields).kinds[0]
        for route in self.routes if batch is not None else ():
            for variant in route.variants if rule in route.rules else ():
                if variant.rule == rule:
                    taken = kind is not None and route.takes(kind)
                    record = Record(self._fields.open(batch), route.atoms)
                    condition = record.part(variant.node) if taken else None
                    alternatives.append(Alternative(in_words(route.where), taken, condition))
        held = any(one.condition is not None and one.condition.held for one in alternatives)
        return Explanation(held, tuple(alternatives))


def compile_rules(
    ruleset: RuleSet,
    logsources: LogSources | None = None,
    fields: FieldResolver | None = None,
    *,
    placeholders: Mapping[str, tuple[str, ...]] | None = None,
) -> CompiledSet:
    """Compile every rule that can run; `CompiledSet.status` says of each other one why it does not.

    `logsources` and `fields` are those of Countersign's events unless given. `placeholders` are the values of
    `expand`, by name.
    """
    from countersign.rules.compiling import compile_routes  # with pySigma, which a cached set does not need

    captured = correlations.captured(ruleset)
    made = compile_routes(ruleset, logsources or load_logsources(), captured, placeholders or {})
    return CompiledSet(
        ruleset.rules, made.status, made.routes, fields or event_fields(), made.fingerprints, captured
    )


def _named(
    fields: Fields, name: str, count: int, renames: list[tuple[Mapping[str, str], np.ndarray]] | None
) -> pa.Array:
    """A field's values, by the name that each row has for it."""
    masks: dict[str, np.ndarray] = {}
    for rename, rows in renames or [({}, np.ones(count, dtype=bool))]:
        there = rename.get(name, name).casefold()
        masks[there] = masks[there] | rows if there in masks else rows
    arrays: list[pa.Array] = []
    for there, rows in masks.items():
        found = fields.column(there) if rows.any() else None
        if found is not None:
            array = as_text(found)
            arrays.append(
                array if rows.all() else pc.if_else(pa.array(rows), array, pa.scalar(None, pa.string()))
            )
    if not arrays:
        return pa.nulls(count, pa.string())
    return arrays[0] if len(arrays) == 1 else pc.coalesce(*arrays)


def _parts(events: pa.RecordBatch | pa.Table) -> Iterator[pa.RecordBatch]:
    if isinstance(events, pa.RecordBatch):
        events = pa.Table.from_batches([events])
    for part in events.combine_chunks().to_batches(max_chunksize=BATCH_ROWS):
        if part.num_rows:
            yield part
