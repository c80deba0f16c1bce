"""Hits as they are kept, put together by visit or by host, whatever order they come in and however many there are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from countersign.lake import Lake
from countersign.model.visit import Reference, Visit

MAX_EVIDENCE = 50
"""References a finding carries; its count says how many there were."""
BATCH_ROWS = 65_536
Numbers = npt.NDArray[np.int64]
_NEVER = np.iinfo(np.int64).min
_MASK = (1 << 64) - 1
_ODD = np.array([0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0xD6E8FEB86659FD93], np.uint64)
"""Spread the characters of an id over 64 bits."""


@dataclass(frozen=True, slots=True)
class Hit:
    """Something looked for that was found: in an event, or of a correlation in several (`others` are all but the last).

    `fields` is what the hit keeps of the event, the values of a correlation's group, or an indicator's own words.
    """

    rule_id: str
    kind: str
    time: datetime | None
    host: str
    reference: Reference
    fields: Mapping[str, str] = field(default_factory=dict)
    others: tuple[Reference, ...] = ()


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """What hits are put together by: rule, and the visit by number or else (-1) the host."""

    rule_id: str
    visit: int
    host: str


@dataclass(slots=True)
class Group:
    """Hits of one rule at one place: how many, when last, and the first ones of them. `mark` is a sum over all their events:
    the same for the same events in any order."""

    count: int = 0
    last: datetime | None = None
    hits: list[Hit] = field(default_factory=list)
    mark: int = 0

    def add(self, count: int, last: datetime | None, hits: Iterable[Hit], mark: int = 0) -> None:
        """Take in more of them."""
        self.count += count
        self.mark = (self.mark + mark) & _MASK
        self.last = max((moment for moment in (self.last, last) if moment is not None), default=None)
        self.hits.extend(hits)
        if len(self.hits) > 4 * MAX_EVIDENCE:
            self.hits = in_time(self.hits)[:MAX_EVIDENCE]

    @property
    def first(self) -> list[Hit]:
        """The first in time, at most as many as a finding cites."""
        return in_time(self.hits)[:MAX_EVIDENCE]

    @property
    def events(self) -> frozenset[str] | None:
        """The ids of all their events; None where there are more than a finding cites."""
        if self.count > MAX_EVIDENCE:
            return None
        return frozenset(hit.reference.event for hit in self.hits)


def in_time(hits: Iterable[Hit]) -> list[Hit]:
    """By time, undated ones last; those of one time by event."""
    return sorted(hits, key=lambda hit: (hit.time is None, hit.time, hit.reference))


class Homes:
    """Which visit each event belongs to."""

    def __init__(self, visits: Sequence[Visit]) -> None:
        home: dict[str, int] = {}
        for number, visit in enumerate(visits):
            for hop in visit.hops:
                for reference in (*hop.records, *(action.reference for action in hop.actions)):
                    home[reference.event] = number
        self._events = pa.array(list(home), pa.string())
        self._visits = np.fromiter(home.values(), np.int64, len(home))

    def of(self, events: pa.Array | pa.ChunkedArray) -> Numbers:
        """Number of each event's visit, -1 where it is in none."""
        flat = events.combine_chunks() if isinstance(events, pa.ChunkedArray) else events
        if not len(self._events) or not len(flat):
            return np.full(len(flat), -1, dtype=np.int64)
        places = pc.fill_null(pc.index_in(flat, self._events), -1).to_numpy(zero_copy_only=False)
        return np.where(places < 0, -1, self._visits[places])


def live(lake: Lake, kinds: Sequence[str], rules: Sequence[str] | None = None) -> Iterator[pa.Table]:
    """Kept hits of these kinds, of these rules if given, whose events are still there: what was read of half a line is
    taken back when the whole line comes."""
    hits, events = lake.table("hits"), lake.table("events")
    chosen = hits.filter(hits.kind.isin(list(kinds)))
    if rules is not None:
        chosen = chosen.filter(chosen.rule_id.isin(list(rules)))
    found = chosen.semi_join(events, chosen.event == events.id)
    for batch in found.to_pyarrow_batches(chunk_size=BATCH_ROWS):
        yield pa.Table.from_batches([batch])


def grouped(
    hits: Iterable[pa.Table],
    homes: Homes,
    leaves: Mapping[str, int],
    groups: dict[Place, Group] | None = None,
) -> dict[Place, Group]:
    """Hits by place. Memory grows with the number of places, not of hits."""
    found = {} if groups is None else groups
    for table in hits:
        if table.num_rows:
            _group(table.combine_chunks(), homes, leaves, found)
    return found


def _group(table: pa.Table, homes: Homes, leaves: Mapping[str, int], groups: dict[Place, Group]) -> None:
    visits = homes.of(table["event"])
    rules, rule_names = _coded(table["rule_id"])
    hosts, host_names = _coded(pc.utf8_lower(table["host"]))
    hosts = np.where(visits >= 0, 0, hosts)
    keys = np.stack([rules, visits, hosts])
    distinct, members = np.unique(keys, axis=1, return_inverse=True)
    members = members.reshape(-1)
    times = _times(table["time"])
    order = np.lexsort((_ranks(table["event"]), times, times == _NEVER, members))
    counts = np.bincount(members, minlength=distinct.shape[1])
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
    latest = np.maximum.reduceat(times[order], starts)
    marks = np.add.reduceat(_marks(table["event"])[order], starts)
    nth = np.arange(len(order)) - np.repeat(starts, counts)
    kept = order[nth < MAX_EVIDENCE]
    rows = [_hit(row, leaves) for row in table.take(pa.array(kept)).to_pylist()]
    at = 0
    for number in range(distinct.shape[1]):
        rule, visit, host = distinct[:, number].tolist()
        size = min(int(counts[number]), MAX_EVIDENCE)
        place = Place(rule_names[rule], visit, "" if visit >= 0 else host_names[host])
        last = _moment(int(latest[number]), table["time"].type)
        groups.setdefault(place, Group()).add(
            int(counts[number]), last, rows[at : at + size], int(marks[number])
        )
        at += size


def _coded(column: pa.ChunkedArray) -> tuple[Numbers, list[str]]:
    encoded = pc.fill_null(column, "").combine_chunks().dictionary_encode()
    return encoded.indices.to_numpy().astype(np.int64), encoded.dictionary.to_pylist()


def _times(column: pa.ChunkedArray) -> Numbers:
    """Microseconds; the least number there is where undated."""
    numbers: Numbers = pc.fill_null(column.cast(pa.int64()), int(_NEVER)).combine_chunks().to_numpy()
    return numbers


def _moment(value: int, type_: pa.DataType) -> datetime | None:
    return None if value == _NEVER else pa.scalar(value, pa.int64()).cast(type_).as_py()


def _marks(column: pa.ChunkedArray) -> npt.NDArray[np.uint64]:
    """A number for each event's id, which is a digest already: 32 hexadecimal digits."""
    words = np.array(column.to_pylist(), dtype="S32").view(np.uint64).reshape(-1, 4)
    mixed = (words * _ODD).sum(axis=1, dtype=np.uint64)
    mixed = (mixed ^ (mixed >> np.uint64(31))) * _ODD[0]
    return np.asarray(mixed ^ (mixed >> np.uint64(29)), dtype=np.uint64)


def _ranks(column: pa.ChunkedArray) -> Numbers:
    flat = column.combine_chunks()
    ranks = np.empty(len(flat), dtype=np.int64)
    ranks[pc.array_sort_indices(flat).to_numpy()] = np.arange(len(flat))
    return ranks


def _hit(row: Mapping[str, Any], leaves: Mapping[str, int]) -> Hit:
    place = Reference(row["event"], row["segment"], row["record"], leaves.get(row["segment"]))
    return Hit(row["rule_id"], row["kind"], row["time"], row["host"] or "", place, dict(row["fields"] or ()))
