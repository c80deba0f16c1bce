"""Families whose records come mixed in one stream: sign-ins, audit and activity that a cloud sends to one place.

Each record goes to the first family that matches it, and its event carries that family's name, whichever of them the
file was recognised as. So a file cut anywhere, or in another order, gives the same events.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from countersign.model.batch import EventBatch, ParseContext, Parsed
from countersign.sources._base import Source
from countersign.sources._clock import Clock
from countersign.sources._family import NOT_OURS, Family, Layout, Mapper
from countersign.sources._json import JSON


def mixed_sources(
    families: Sequence[Family], layout: Layout = JSON, made: Callable[[Family], Mapper] = Mapper
) -> tuple[Source, ...]:
    """One source for each family; a file belongs to the one that has most of its first records. `made` gives what maps a
    family's rows."""
    return tuple(
        Source(
            family.name,
            family.title,
            layout.framing,
            _detect(families, place, layout),
            _parse(families, place, layout, made),
            layout.preamble,
            family.page,
        )
        for place, family in enumerate(families)
    )


def whole_source(
    own: Family, families: Sequence[Family], layout: Layout, made: Callable[[Family], Mapper] = Mapper
) -> Source:
    """One source for files of a layout of their own, whichever of the families their records are of; `own` has none itself."""

    def detect(head: bytes) -> bool:
        rows = layout.rows(head)
        return 2 * sum(any(family.match(row) for family in families) for row in rows) > len(rows)

    parse = _parse((own, *families), 0, layout, made)
    return Source(own.name, own.title, layout.framing, detect, parse, layout.preamble, own.page, own.ends_at)


def _detect(families: Sequence[Family], place: int, layout: Layout) -> Callable[[bytes], bool]:
    def detect(head: bytes) -> bool:
        rows = layout.rows(head)
        counts = [0] * len(families)
        for row in rows:
            found = next((at for at, family in enumerate(families) if family.match(row)), None)
            if found is not None:
                counts[found] += 1
        return 2 * sum(counts) > len(rows) and counts.index(max(counts)) == place

    return detect


def _parse(
    families: Sequence[Family], place: int, layout: Layout, made: Callable[[Family], Mapper]
) -> Callable[[Sequence[bytes], ParseContext], Parsed]:
    def parse(records: Sequence[bytes], context: ParseContext) -> Parsed:
        batch = EventBatch(families[place].name, context)
        mappers = [made(family) for family in families]
        asked = [(at, family.match, mappers[at].put) for at, family in enumerate(families)]
        taken = [False] * len(mappers)
        for index, raw, row, frame in layout.read(records, context):
            if row is None:
                continue
            if isinstance(row, str):
                batch.reject(index, row)
                continue
            for at, match, put in asked:
                if match(row):
                    put(index, raw, row, frame)
                    taken[at] = True
                    break
            else:
                batch.reject(index, NOT_OURS)
        clock = Clock(context)
        for mapper in mappers:
            mapper.write(batch, clock)
        return batch.finish(by_record=sum(taken) > taken[place])

    return parse
