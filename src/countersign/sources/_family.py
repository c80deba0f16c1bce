"""A declared family: records read into rows, rows told apart by kind and shape, blocks of them mapped at once.

What a family is, is said by `Family`, in one small file each; how, stands here. Records of one kind and one shape are
turned on their side and go into the batch as one block, whatever reader they came from.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from countersign.model import identity
from countersign.model.batch import EventBatch, ParseContext, Parsed
from countersign.model.columns import Values
from countersign.sources._base import Framing, Source
from countersign.sources._clock import Clock
from countersign.sources._convert import text
from countersign.sources._flat import Row, getter, values_at
from countersign.sources._gathered import Come, Gathered, Group, Taken
from countersign.sources._mapping import Compiled, Get, What
from countersign.sources._times import Time, stamps

Read = tuple[int, bytes, Row | str | None, Mapping[str, object]]
"""Index of a record, the bytes that it is known by, its row (or why it has none, or None where the record is none), and
columns that its frame gives where the row does not: the host and time of syslog."""
NO_FRAME: Mapping[str, object] = {}
Chosen = Callable[..., What]
NOT_OURS = "a record of another kind than the rest of the file"


@dataclass(frozen=True, slots=True)
class Layout:
    """How a family's bytes are read: its framing, `read` from records to rows, `rows` of the start of a file for
    recognition, and `preamble` as in `Source`."""

    framing: Framing
    read: Callable[[Sequence[bytes], ParseContext], Iterable[Read]]
    rows: Callable[[bytes], Sequence[Row]]
    preamble: Callable[[bytes], int] = lambda _: 0


@dataclass(frozen=True, slots=True, eq=False)
class Family:
    """One log family, declared.

    `name` is the events' `source`; `match` tells its records strictly, by fields no other family's records have
    together, and is also how the file is recognised. `key` are paths to what names a record in its origin,
    `identity` what stands before it in the id (give two shapes of one log the same). `by` are the paths whose values
    choose the kind: `kinds` by those values (a tuple where there are several, `*` for any), else `otherwise`.
    `log` is the path to, or the word for, `metadata.log_name`. `also` adds fields under further names: name -> path.
    `prepare` may turn a row into another before anything else is done. `ends_at` as in `Source`. `join` is given all rows of
    a segment, each with its frame, and may write into one what another says.
    """

    name: str
    title: str
    page: str
    product: str
    vendor: str
    match: Callable[[Row], bool]
    time: tuple[Time, ...]
    what: What = field(default_factory=What)
    by: tuple[str, ...] = ()
    kinds: Mapping[Any, What] = field(default_factory=dict)
    otherwise: What | Chosen = field(default_factory=What)
    key: tuple[str, ...] = ()
    identity: str = ""
    log: str = ""
    also: Mapping[str, str] = field(default_factory=dict)
    prepare: Callable[[Row], Row] | None = None
    ends_at: tuple[int, ...] = ()
    join: Callable[[Iterable[tuple[dict[str, Any], Mapping[str, object]]]], None] | None = None


class Mapper:
    """Runs a family over rows. One for each segment: it remembers shapes."""

    def __init__(self, family: Family) -> None:
        self.family = family
        self._come: list[Come] = []
        self._chosen: dict[tuple[Any, ...], Compiled] = {}
        self._by = tuple(map(getter, family.by))
        self._taken: dict[tuple[Compiled, tuple[str, ...]], Taken] = {}
        self._compiled = _compiled(family)

    def take(self, index: int, raw: bytes, row: Row, frame: Mapping[str, object] = NO_FRAME) -> bool:
        """Takes one row; False if it is none of this family's."""
        if not self.family.match(row):
            return False
        self.put(index, raw, row, frame)
        return True

    def put(self, index: int, raw: bytes, row: Row, frame: Mapping[str, object] = NO_FRAME) -> None:
        """Takes a row that is this family's."""
        if self.family.prepare is not None:
            row = self.family.prepare(row)
        self._come.append((index, raw, row if type(row) is dict else dict(row), frame))
        if len(self._come) == _AT_ONCE:
            self._sort()

    def _sort(self) -> None:
        """Puts the rows that have come with those of their kind."""
        kinds = self._choose([row for _, _, row, _ in self._come])
        members: dict[tuple[Compiled, tuple[str, ...]], list[Come]] = {}
        for kind, come in zip(kinds, self._come, strict=True):
            key = (kind, tuple(come[3]))
            known = members.get(key)
            if known is None:
                members[key] = [come]
            else:
                known.append(come)
        self._come.clear()
        for key, those in members.items():
            taken = self._taken.get(key)
            if taken is None:
                taken = self._taken[key] = Taken([], {})
            taken.held.extend(those)
            if len(taken.held) >= _AT_ONCE and self.family.join is None:
                taken.fold(_AT_ONCE)

    def _choose(self, rows: Sequence[Row]) -> Sequence[Compiled]:
        """The kind of each row."""
        columns = [list(map(get, rows)) for get in self._by]
        words = [each if _TEXT.issuperset(map(type, each)) else list(map(text, each)) for each in columns]
        values = list(zip(*words, strict=True)) if words else [()] * len(rows)
        distinct = set(values)
        if len(self._chosen) + len(distinct) > _REMEMBERED:
            self._chosen.clear()
        for each in distinct - self._chosen.keys():
            self._chosen[each] = self._compiled(each)
        return list(map(self._chosen.__getitem__, values))

    def write(self, batch: EventBatch, clock: Clock) -> None:
        """Adds all rows taken to `batch`."""
        if self._come:
            self._sort()
        if self.family.join is not None:
            held = (come for taken in self._taken.values() for come in taken.held)
            self.family.join((row, frame) for _, _, row, frame in held)
        kinds: dict[Compiled, list[Group]] = {}
        for (compiled, _), taken in self._taken.items():
            taken.fold(len(taken.held))
            kinds.setdefault(compiled, []).extend(taken.groups.values())
        for compiled, groups in kinds.items():
            _write(batch, self.family, compiled, Gathered(groups), clock)
        self._taken.clear()


_TEXT = frozenset({str, type(None)})
_REMEMBERED = 4096
_AT_ONCE = 256
"""Rows turned on their side together: few enough to be in the processor's cache still."""


def _compiled(family: Family) -> Callable[[tuple[Any, ...]], Compiled]:
    """From the values of `by` to what runs, each kind compiled once."""
    made: dict[int, tuple[What, Compiled]] = {}

    def compiled(values: tuple[Any, ...]) -> Compiled:
        own = _what(family, values)
        known = made.get(id(own))
        if known is None:  # the kind is kept with it, so that its id stays its own
            known = made[id(own)] = (own, Compiled(_base(family), own))
        return known[1]

    return compiled


def _base(family: Family) -> What:
    """What all records of a family have, with its own name and product among the constants."""
    what = family.what
    columns = dict(what.columns)
    named = {
        "source": family.name,
        "metadata.product": family.product,
        "metadata.vendor_name": family.vendor,
    }
    constants: dict[str, object] = {name: word for name, word in named.items() if word}
    if family.log.startswith("="):
        constants["metadata.log_name"] = family.log[1:]
    elif family.log:
        columns["metadata.log_name"] = family.log
    return What(
        what.class_uid, what.activity_id, what.status, columns, what.steps, {**constants, **what.constants}
    )


def _what(family: Family, values: tuple[Any, ...]) -> What:
    words = tuple(
        "" if value is None else value if type(value) is str else text(value) or "" for value in values
    )
    if len(words) == 1:
        found = family.kinds.get(words[0])
    else:
        found = family.kinds.get(words)
        for place in range(len(words) - 1, -1, -1):
            if found is None:
                found = family.kinds.get((*words[:place], *("*",) * (len(words) - place)))
    if found is not None:
        return found
    return family.otherwise if isinstance(family.otherwise, What) else family.otherwise(*words)


def _write(batch: EventBatch, family: Family, compiled: Compiled, all_: Gathered, clock: Clock) -> None:
    columns = compiled.derive(all_.get, all_.count)
    times, texts, bases = stamps(family.time, all_.get, all_.count, clock)
    columns |= {"time": times, "time_text": texts, "time_basis": bases}
    ids = _ids(family, all_.get, all_.count)
    keys = _keys(family, all_.get, all_.count) if ids is None else ()
    start = 0
    for group, fields in zip(all_.groups, all_.fields, strict=True):
        for name, path in family.also.items():
            if name not in fields and (values := values_at(fields, path)) is not None:
                fields[name] = values
        stop = start + len(group.indexes)
        alone = len(all_.groups) == 1
        own = columns if alone else {name: values[start:stop] for name, values in columns.items()}
        if group.frames:
            _frame(own, group.frames)
        if ids is None:
            batch.add_many(group.indexes, group.raws, own, fields, keys[start:stop], compiled.kind)
        else:
            batch.add_keyed(group.indexes, ids[start:stop], own, fields, compiled.kind)
        start = stop


def _frame(columns: dict[str, Values], frames: Sequence[Mapping[str, object]]) -> None:
    """Where a record does not say, its frame does."""
    for name in frames[0]:
        given = [frame[name] for frame in frames]
        if name.startswith("time"):
            continue
        known = columns.get(name, (None,) * len(given))
        columns[name] = [b if a is None else a for a, b in zip(known, given, strict=True)]
    if None in columns["time"] and "time" in frames[0]:
        for name in ("time_basis", "time_text", "time"):  # the time last: it tells the others
            rows = zip(columns["time"], columns[name], frames, strict=True)
            columns[name] = [frame[name] if time is None else value for time, value, frame in rows]


def _ids(family: Family, get: Get, count: int) -> list[str] | None:
    """Ids of records that all have a whole key; None where they must be asked one by one."""
    parts = [get(path) for path in family.key]
    if not parts or any(part is None for part in parts):
        return None
    words = [[word for value in part or () if (word := text(value))] for part in parts]
    if any(len(part) < count for part in words):
        return None
    return identity.keyed_ids((family.identity or family.name,), *words)


def _keys(family: Family, get: Get, count: int) -> list[tuple[str, ...] | None]:
    parts = [get(path) for path in family.key]
    if not parts or any(part is None for part in parts):
        return [None] * count
    name = family.identity or family.name
    rows = zip(*[list(map(text, part or ())) for part in parts], strict=True)
    return [None if None in row else (name, *[word or "" for word in row]) for row in rows]


def source_of(family: Family, layout: Layout) -> Source:
    """The family as the house knows one."""

    def detect(head: bytes) -> bool:
        rows = layout.rows(head)
        return 2 * sum(map(family.match, rows)) > len(rows)

    def parse(records: Sequence[bytes], context: ParseContext) -> Parsed:
        return parsed(family, layout.read(records, context), context)

    return Source(
        family.name, family.title, layout.framing, detect, parse, layout.preamble, family.page, family.ends_at
    )


def parsed(family: Family, read: Iterable[Read], context: ParseContext) -> Parsed:
    """Events and rejected records of one segment."""
    batch = EventBatch(family.name, context)
    mapper = Mapper(family)
    match, put = family.match, mapper.put
    for index, raw, row, frame in read:
        if row is None:
            continue
        if isinstance(row, str):
            batch.reject(index, row)
        elif match(row):
            put(index, raw, row, frame)
        else:
            batch.reject(index, NOT_OURS)
    mapper.write(batch, Clock(context))
    return batch.finish()


def has(*names: str) -> Callable[[Row], bool]:
    """Rows that have all these fields (paths, where they have dots)."""
    plain = frozenset(name for name in names if "." not in name)
    paths = tuple(getter(name) for name in names if "." in name)
    if not paths:
        return lambda row: plain <= row.keys()

    def match(row: Row) -> bool:
        return plain <= row.keys() and all(get(row) is not None for get in paths)

    return match
