"""Events for rules and indicators: only the columns, days and log sources that can matter, in batches."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from datetime import datetime

import pyarrow as pa

from countersign.lake import Filter, Lake, Passage
from countersign.model.schema import events_schema
from countersign.rules import CompiledSet
from countersign.rules.atoms import KEYWORDS
from countersign.rules.fields import squeezed

LEAVES = {
    "metadata": ("log_name", "log_provider", "event_code"),
    "device": ("hostname",),
    "actor": ("user.name", "user.domain"),
    "user": ("name", "domain"),
}
"""Of these structs rules and hits read no other leaf: to read a struct whole is to read Windows' record ids."""

OF_HITS = frozenset({"id", "time", "segment", "record", "device", "actor", "user"})
"""Columns that a hit is made of."""

FEWEST = 32_768
"""Rows of a batch where many columns are read through the lake's engine."""

KeyTest = Callable[[str], bool]
CHUNK_ROWS = 1_000_000
"""Days are read together until they have so many rows: then hits and progress are written."""


def columns(needed: Iterable[str], leaves: Collection[str] = ()) -> list[str]:
    """Columns and dotted leaves to read for these top-level columns, and `leaves` beside them."""
    wanted = set(needed)
    names = dict.fromkeys(
        leaf
        for name in events_schema().names
        if name in wanted
        for leaf in ([f"{name}.{inner}" for inner in LEAVES[name]] if name in LEAVES else [name])
    )
    names.update(dict.fromkeys(sorted(leaves)))
    return list(names)


def chunks(days: Iterable[tuple[str, int]]) -> Iterator[tuple[tuple[str, ...], int]]:
    """Days put together until they have `CHUNK_ROWS`, with their rows."""
    group: list[str] = []
    rows = 0
    for day, count in days:
        group.append(day)
        rows += count
        if rows >= CHUNK_ROWS:
            yield tuple(group), rows
            group, rows = [], 0
    if group:
        yield tuple(group), rows


def filter_for(rules: CompiledSet, names: Sequence[tuple[str, ...]] | None) -> Filter | None:
    """What the rules' log sources ask of events, given all `names` (`Lake.names`) there are; None if no event is asked for.

    It lets through more than a rule looks at (each column is tested by itself), never less.
    """
    if names is None:
        return Filter()
    taken = [name for name in names if rules.takes(tuple(part.casefold() for part in name))]
    if not taken:
        return None
    source, log, _, event = (_distinct(names, taken, place) for place in range(4))
    return Filter(sources=source, log_names=log, event_codes=event)


def keys_for(rules: CompiledSet) -> KeyTest | None:
    """Which keys of `unmapped` the rules may ask for; None where they search all of it."""
    fields = {field for route in rules.routes for field in route.fields}
    if KEYWORDS in fields:
        return None
    captured = {name for names in rules.captured.values() for name in names}
    renamed = {route.rename.get(name.casefold(), name) for route in rules.routes for name in captured}
    wanted = frozenset(squeezed(name) for name in fields | captured | renamed)
    return lambda key: squeezed(key) in wanted


def _distinct(
    names: Sequence[tuple[str, ...]], taken: Sequence[tuple[str, ...]], place: int
) -> tuple[str, ...] | None:
    """The values to ask for; None where an absent one will do or all will, which need not be asked."""
    values = {name[place] for name in taken}
    if "" in values or len(values) == len({name[place] for name in names}):
        return None
    return tuple(sorted(values))


class Part:
    """Events in hand: `batch` has what was asked for, with the structs put together again from the leaves that were read;
    `more` reads other columns of the same events. A column that no event of a batch has may lack."""

    def __init__(self, passage: Passage) -> None:
        self._passage = passage
        self.batch = nested(passage.batch)
        self._more: tuple[tuple[str, ...], pa.RecordBatch] | None = None

    def more(self, names: Sequence[str]) -> pa.RecordBatch:
        """The columns and dotted leaves `names` beside those of `batch`."""
        if self._more is None or not set(names) <= set(self._more[0]):
            self._more = (tuple(names), nested(self._passage.more(names)))
        return self._more[1]


def read(
    lake: Lake,
    names: Sequence[str],
    *,
    where: Filter,
    since: datetime | None = None,
    until: datetime | None = None,
    later: Sequence[str] = (),
    keys: KeyTest | None = None,
    coded: bool = False,
) -> Iterator[Part]:
    """Events of a filter and span; `later` are columns that may be asked for afterwards, `keys` those of `unmapped` that
    matter (None: all). `coded`: texts may come as dictionaries, which rules take as they are."""
    for passage in lake.scan(names, since, until, where, later, keys, coded=coded):
        yield Part(passage)


def read_ids(
    lake: Lake, names: Sequence[str], ids: Sequence[str], days: Sequence[str] | None = None
) -> Iterator[pa.RecordBatch]:
    """Events by their ids, of these days if that is known."""
    where = Filter(ids=tuple(ids), days=None if days is None else tuple(days))
    for batch in lake.events(names, where=where):
        yield nested(batch)


def nested(batch: pa.RecordBatch) -> pa.RecordBatch:
    """`batch` with columns such as `metadata.log_name` as leaves of structs."""
    heads: dict[str, list[tuple[str, pa.Array]]] = {}
    for name, array in zip(batch.schema.names, batch.columns, strict=True):
        head, _, rest = name.partition(".")
        heads.setdefault(head, []).append((rest, array))
    return pa.RecordBatch.from_arrays([_struct(leaves) for leaves in heads.values()], names=list(heads))


def _struct(leaves: Sequence[tuple[str, pa.Array]]) -> pa.Array:
    if leaves[0][0] == "":
        return leaves[0][1]
    inner: dict[str, list[tuple[str, pa.Array]]] = {}
    for name, array in leaves:
        head, _, rest = name.partition(".")
        inner.setdefault(head, []).append((rest, array))
    return pa.StructArray.from_arrays([_struct(parts) for parts in inner.values()], names=list(inner))
