"""Hunting: indicators against the stored events, now, without keeping anything of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from countersign.app import _events
from countersign.app.documents import stamp
from countersign.app.indicators import current
from countersign.app.workspace import Workspace
from countersign.errors import UsageError
from countersign.lake import Filter, Lake
from countersign.model import schema
from countersign.rules.indicators import Indicator, IndicatorSet

MAX_SIGHTINGS = 100_000
"""Kept apart by indicator, host, field and value; what comes after is counted only."""
Progress = Callable[[int, int | None], None]
_OF_EVENT = ("id", "time", "segment", "record", "device.hostname")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_KEYS = ("indicator", "host", "field", "value")


@dataclass(frozen=True, slots=True)
class Sighting:
    """One indicator seen on one host in one field with one value: how often, when first and last (UTC, None where
    undated), and the first such event."""

    indicator: Indicator
    host: str
    field: str
    value: str
    count: int
    first: datetime | None
    last: datetime | None
    event: str
    segment: str
    record: int

    def document(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "indicator": {"id": self.indicator.id, "key": self.indicator.key, **self.indicator.words()},
            "host": self.host,
            "field": self.field,
            "value": self.value,
            "count": self.count,
            "first": stamp(self.first),
            "last": stamp(self.last),
            "event": self.event,
            "segment": self.segment,
            "record": self.record,
        }


@dataclass(frozen=True, slots=True)
class Hunt:
    """What a hunt found, by first time, then indicator. `events` were read, `more` are matches beyond `MAX_SIGHTINGS`
    sightings, `crowded` are indicators that were passed over because very many others have the same value."""

    sightings: tuple[Sighting, ...]
    events: int
    indicators: int
    more: int
    crowded: int


def hunt(
    workspace: Workspace,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    sources: Sequence[str] = (),
    any_time: bool = False,
    progress: Progress | None = None,
) -> Hunt:
    """Look for the imported indicators (of these `sources` if any is named) in the events of the lake.

    Only columns that can hold one are read, and only days in the span and within the indicators' validity. Times are
    aware; undated events are looked at where neither `since` nor `until` is given. `progress` is told rows. Raises
    `UsageError` where no indicator was imported.
    """
    wanted = current(workspace, sources=sources, any_time=any_time)
    if wanted is None:
        raise UsageError("no indicators were imported\n  remedy: `countersign indicators import PATH`")
    seen = _Seen(wanted)
    with workspace.reading() as lake:
        events = 0
        for batch in _batches(lake, wanted, since, until, progress):
            seen.take(batch)
            events += batch.num_rows
    return Hunt(seen.sightings(), events, len(wanted), seen.more, sum(wanted.crowded.values()))


def _batches(
    lake: Lake,
    wanted: IndicatorSet,
    since: datetime | None,
    until: datetime | None,
    progress: Progress | None,
) -> Iterator[pa.RecordBatch]:
    leaves = wanted.needed_leaves()
    if not leaves:
        return
    days = [pair for pair in lake.days(since, until) if _within(pair[0], wanted)]
    total, done = sum(rows for _, rows in days), 0
    names = sorted({*leaves, *_OF_EVENT})
    for group, _ in _events.chunks(days):
        for batch in lake.events(names, since, until, Filter(days=group), rows=_events.FEWEST):
            yield batch
            done += batch.num_rows
            if progress is not None:
                progress(min(done, total), total)


def _within(day: str, wanted: IndicatorSet) -> bool:
    """Whether an indicator can match on that day at all; undated events match whatever the validity."""
    first, last = wanted.span
    if day == schema.UNDATED:
        return True
    begin = datetime.fromisoformat(day).replace(tzinfo=UTC)
    return (last is None or begin < _moment(last)) and (
        first is None or begin + timedelta(days=1) > _moment(first)
    )


def _moment(microseconds: int) -> datetime:
    return _EPOCH + timedelta(microseconds=microseconds)


class _Seen:
    """Sightings put together batch by batch; what comes out does not depend on the batches."""

    def __init__(self, wanted: IndicatorSet) -> None:
        self._wanted = wanted
        self._found: dict[tuple[Any, ...], dict[str, Any]] = {}
        self.more = 0

    def take(self, batch: pa.RecordBatch) -> None:
        """The matches of one batch."""
        matches = self._wanted.match(batch)
        if not matches.num_rows:
            return
        chosen = pa.Table.from_batches([batch.select(list(_OF_EVENT))]).take(matches.column("row"))
        hosts = pc.list_element(
            pc.split_pattern(pc.fill_null(chosen.column("device.hostname"), ""), ".", max_splits=1), 0
        )
        table = pa.table(
            {
                **{name: matches.column(name) for name in ("indicator", "field", "value")},
                "host": hosts,
                **{name: chosen.column(name) for name in ("time", "id", "segment", "record")},
            }
        ).sort_by([("time", "ascending"), ("id", "ascending")])
        groups = table.group_by(list(_KEYS), use_threads=False).aggregate(
            [
                ("id", "count"),
                ("time", "min"),
                ("time", "max"),
                ("id", "first"),
                ("segment", "first"),
                ("record", "first"),
            ]
        )
        for row in groups.to_pylist():
            self._add(tuple(row[name] for name in _KEYS), row)

    def _add(self, key: tuple[Any, ...], row: dict[str, Any]) -> None:
        known = self._found.get(key)
        if known is None:
            if len(self._found) >= MAX_SIGHTINGS:
                self.more += row["id_count"]
            else:
                self._found[key] = row
            return
        count = known["id_count"] + row["id_count"]
        first, other = sorted((known, row), key=_order)
        self._found[key] = {**first, "id_count": count, "time_max": _latest(first, other)}

    def sightings(self) -> tuple[Sighting, ...]:
        """All of them, by first time, then indicator, host, field and value; undated ones last."""
        indexes = sorted({key[0] for key in self._found})
        indicators = dict(zip(indexes, self._wanted.indicators(indexes), strict=True))
        found = [
            Sighting(
                indicators[row["indicator"]],
                row["host"],
                row["field"],
                row["value"],
                row["id_count"],
                row["time_min"],
                row["time_max"],
                row["id_first"],
                row["segment_first"],
                row["record_first"],
            )
            for row in self._found.values()
        ]
        return tuple(
            sorted(
                found,
                key=lambda one: (
                    one.first is None,
                    one.first or _EPOCH,
                    one.indicator.source,
                    one.indicator.key,
                    one.host,
                    one.field,
                    one.value,
                ),
            )
        )


def _order(row: dict[str, Any]) -> tuple[bool, datetime, str]:
    return row["time_min"] is None, row["time_min"] or _EPOCH, row["id_first"]


def _latest(one: dict[str, Any], other: dict[str, Any]) -> datetime | None:
    return max((row["time_max"] for row in (one, other) if row["time_max"] is not None), default=None)
