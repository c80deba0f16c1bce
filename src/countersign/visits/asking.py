"""Questions to the events, answered day by day, and each day once.

What a day's records say does not change until the day gets further records. So an answer is kept with the digest of the day's files
and with the keys (accounts, addresses, connections) that were asked for; the next time only days that hold other records,
and keys that were not asked for before, are read. The answer is that of asking everything at once.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from operator import attrgetter
from typing import Any

import ibis
import ibis.expr.types as ir
import pyarrow as pa
import pyarrow.compute as pc

from countersign.visits.facts import LEAVES, Fact, columns_of, flat, made
from countersign.visits.names import DAY, Domains

Key = tuple[str | int, ...]
Ask = Callable[[ir.Table], ir.Table]
Part = Callable[[tuple[str, ...] | None], ir.Table]
_EPOCH = date(1970, 1, 1).toordinal()


def dates(first: int, last: int) -> range:
    """Every day (since 1970, UTC) from that of `first` to that of `last` (microseconds, UTC)."""
    return range(first // DAY, max(first, last) // DAY + 1)


def named_day(number: int) -> str:
    """A day since 1970 as the events' `day` column spells it."""
    return date.fromordinal(_EPOCH + number).isoformat()


@dataclass(frozen=True, slots=True)
class Kept:
    """What one day answered when it was asked for `keys`; a question to everything has none."""

    rows: pa.Table
    keys: frozenset[Key] = frozenset()


class Memory(ABC):
    """Where answers are kept. `days` are all days of dated records (since 1970, UTC)."""

    days: Collection[int]

    @abstractmethod
    def recall(self, question: str, day: int) -> Kept | None:
        """What `day`, with the records that it has now, answered to `question`."""

    @abstractmethod
    def keep(self, question: str, day: int, kept: Kept) -> None:
        """Keep an answer for the next time."""


class Days:
    """The events of a table, to be asked. Without a `memory` each question reads all of them. In place of the table may stand a
    function that gives the events of some days (as their `day` column spells them), or all for None.

    Every question has a name of its own. What is asked makes of the flat view, or of a part of it, a table whose rows each rest on the
    records of one day, which they name (`date`).
    """

    def __init__(self, events: ir.Table | Part, memory: Memory | None = None) -> None:
        self._table = events
        self._memory = memory
        self._parts: dict[tuple[str, ...], ir.Table] = {}
        self.domains = Domains()  # whoever learns of domains' names sets it, before facts are asked for
        self._made: dict[str, Fact] = {}
        self._told: dict[str, pa.Table] = {}
        self._names: dict[str, frozenset[Key]] = {}

    @cached_property
    def events(self) -> ir.Table:
        """The flat view of all."""
        return flat(self._table if isinstance(self._table, ir.Table) else self._table(None), LEAVES)

    def of_all(self, question: str, ask: Ask) -> pa.Table:
        """What all days answer; asked again, the same answer."""
        if question not in self._told:
            self._told[question] = self._all(question, ask)
        return self._told[question]

    def _all(self, question: str, ask: Ask) -> pa.Table:
        memory = self._memory
        if memory is None:
            return ask(self.events).to_pyarrow()
        known = {day: memory.recall(question, day) for day in sorted(memory.days)}
        fresh = [day for day, kept in known.items() if kept is None]
        parts = [kept.rows for kept in known.values() if kept is not None]
        if fresh or not parts:
            answer = ask(self._of(fresh)).to_pyarrow()
            for day, rows in _by_day(answer, fresh):
                memory.keep(question, day, Kept(rows))
            parts.append(answer)
        return pa.concat_tables(parts)

    def of_names(
        self,
        question: str,
        names: Iterable[str],
        ask: Callable[[ir.Table, list[str]], ir.Table],
        *,
        again: bool = False,
    ) -> pa.Table:
        """What all days answer about these names. The answer about several must be the answers about each, put together;
        a row may come twice. What is asked `again` with the same names has the same answer at once."""
        wanted = frozenset((name,) for name in names)
        if not again:
            return self._of_names(question, wanted, ask)
        known = self._told.get(question)
        if known is None or self._names.get(question) != wanted:
            known = self._told[question] = self._of_names(question, wanted, ask)
            self._names[question] = wanted
        return known

    def _of_names(
        self, question: str, wanted: frozenset[Key], ask: Callable[[ir.Table, list[str]], ir.Table]
    ) -> pa.Table:
        memory = self._memory
        if memory is None:
            return ask(self.events, _texts(wanted)).to_pyarrow()
        parts: list[pa.Table] = []
        lacking: dict[frozenset[Key], list[int]] = defaultdict(list)
        known: dict[int, Kept] = {}
        for day in sorted(memory.days):
            kept = _usable(memory.recall(question, day), wanted)
            if kept is not None:
                known[day] = kept
                parts.append(kept.rows)
            if kept is None or kept.keys != wanted:
                lacking[wanted - kept.keys if kept else wanted].append(day)
        for keys, days in sorted(lacking.items(), key=lambda item: item[1]):
            answer = ask(self._of(days), _texts(keys)).to_pyarrow()
            _keep(memory, question, known, answer, dict.fromkeys(days, wanted))
            parts.append(answer)
        return pa.concat_tables(parts) if parts else ask(self._of([]), _texts(wanted)).to_pyarrow()

    def exactly(
        self,
        question: str,
        wanted: Mapping[int, frozenset[Key] | Collection[Key]],
        ask: Callable[[ir.Table, frozenset[Key]], ir.Table],
    ) -> pa.Table:
        """What each day answers to all of its keys at once: of use where the answer about some says nothing about the others. A day
        may be asked for keys of other days too, if they are none of its own rows'."""
        memory = self._memory
        keys = {day: frozenset(some) for day, some in sorted(wanted.items()) if self._has(day)}
        parts: list[pa.Table] = []
        fresh: list[int] = []
        for day, some in keys.items():
            kept = memory.recall(question, day) if memory is not None else None
            if kept is not None and kept.keys == some:
                parts.append(kept.rows)
            else:
                fresh.append(day)
        if fresh or not parts:
            answer = ask(self._of(fresh), frozenset().union(*(keys[day] for day in fresh))).to_pyarrow()
            if memory is not None:
                _keep(memory, question, {}, answer, {day: keys[day] for day in fresh})
            parts.append(answer)
        return pa.concat_tables(parts)

    def near(
        self,
        question: str,
        wanted: Mapping[int, Collection[Key]],
        columns: tuple[str, ...],
        ask: Ask,
        shape: Ask = columns_of,
    ) -> list[pa.Table]:
        """Tables, in the columns of `shape`, of the rows of `ask` whose `columns` are one of the keys that are wanted of their day."""
        memory = self._memory
        all_keys = {day: frozenset(keys) for day, keys in wanted.items() if keys and self._has(day)}
        parts: list[pa.Table] = []
        known: dict[int, Kept] = {}
        for day in sorted(all_keys) if memory is not None else ():
            kept = _usable(memory.recall(question, day), all_keys[day]) if memory is not None else None
            if kept is not None:
                known[day] = kept
                parts.append(kept.rows)
        lacking = {
            day: keys - known[day].keys if day in known else keys
            for day, keys in all_keys.items()
            if day not in known or known[day].keys != keys
        }
        if lacking:
            answer = self._near(lacking, columns, ask, shape)
            if memory is not None:
                _keep(memory, question, known, answer, {day: all_keys[day] for day in lacking})
            parts.append(answer)
        return parts

    def _near(
        self, wanted: Mapping[int, Collection[Key]], columns: tuple[str, ...], ask: Ask, shape: Ask
    ) -> pa.Table:
        pairs = [(day, *key) for day in sorted(wanted) for key in sorted(wanted[day])]
        names = ["key_date", *(f"key_{number}" for number in range(len(columns)))]
        keys = ibis.memtable(pa.table([list(values) for values in zip(*pairs, strict=True)], names=names))
        rows = ask(self._of(sorted(wanted)))
        same: list[Any] = [
            rows[name] == keys[key] for name, key in zip(("date", *columns), names, strict=True)
        ]
        return shape(rows.semi_join(keys, same)).to_pyarrow()

    def facts(self, parts: list[pa.Table]) -> list[Fact]:
        """Rows of `columns_of` or `flow_columns`, each once, in order of time. One event is one object, however often it is asked for;
        what an account did is asked for first, and whole."""
        if not parts:
            return []
        wanted: set[str] = set()
        for rows in parts:
            ids = rows.column("id").to_pylist()
            wanted.update(ids)
            fresh = pa.array([id_ not in self._made for id_ in ids], pa.bool_())
            for fact in made(rows.filter(fresh), self.domains):
                self._made.setdefault(fact.id, fact)
        return sorted((self._made[id_] for id_ in wanted), key=attrgetter("time", "id"))

    def release(self) -> None:
        """Lets go of answers and of the events that were made of them, hundreds of megabytes of a large lake: asked again they are
        what the memory keeps."""
        self._made.clear()
        self._told.clear()
        self._names.clear()
        pa.default_memory_pool().release_unused()

    def _has(self, day: int) -> bool:
        return self._memory is None or day in self._memory.days

    def _of(self, days: list[int]) -> ir.Table:
        """The part of the view with these days, for the lake by their files."""
        if self._memory is None or len(days) == len(self._memory.days):
            return self.events
        names = tuple(named_day(day) for day in days)
        if not isinstance(self._table, ir.Table):
            if names not in self._parts:
                digest = hashlib.sha256(" ".join(names).encode()).hexdigest()[:16]
                self._parts[names] = flat(self._table(names), LEAVES, f"visits_of_{digest}")
            return self._parts[names]
        if "day" in self.events.columns:
            return self.events.filter(self.events.day.isin(names))
        return self.events.filter(self.events.date.isin(days))


def _usable(kept: Kept | None, wanted: frozenset[Key]) -> Kept | None:
    """An answer about more than is wanted (somebody is no subject any more) is of no use."""
    return kept if kept is not None and kept.keys <= wanted else None


def _keep(
    memory: Memory,
    question: str,
    known: Mapping[int, Kept],
    answer: pa.Table,
    keys: Mapping[int, frozenset[Key]],
) -> None:
    for day, rows in _by_day(answer, keys):
        before = known.get(day)
        memory.keep(question, day, Kept(pa.concat_tables([before.rows, rows]) if before else rows, keys[day]))


def _by_day(rows: pa.Table, days: Iterable[int]) -> Iterator[tuple[int, pa.Table]]:
    column = rows.column("date")
    for day in days:
        yield day, rows.filter(pc.equal(column, day))


def _texts(keys: Iterable[Key]) -> list[str]:
    return sorted(str(key[0]) for key in keys)
