"""Neither the order of segments nor how they are cut into batches changes what the lake holds."""

from __future__ import annotations

import tempfile
from collections import Counter, defaultdict
from datetime import timedelta
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from countersign.lake import Lake, WorkspaceLock
from lake_batches import NOON, event, ids, segment

RECORDS = st.tuples(st.sampled_from("abcdef"), st.booleans(), st.integers(1, 3))
SEGMENTS = st.lists(
    st.tuples(st.sampled_from(["log", "copy"]), st.lists(RECORDS, max_size=4, unique_by=lambda r: r[0])),
    min_size=1,
    max_size=5,
)


def rows(records: list[tuple[str, bool, int]]) -> list[dict[str, Any]]:
    """`a` to `c` are keyed, the others are lines with a count; `f` is undated."""
    return [
        event(
            name,
            None if name == "f" else NOON + timedelta(days=ord(name) % 3),
            keyed=name < "d",
            count=1 if name < "d" else count,
            class_uid=1 if flag else None,
        )
        for name, flag, count in records
    ]


@settings(max_examples=25)
@given(SEGMENTS, st.data())
def test_any_order_and_batching_gives_the_same_events_and_counts(
    parts: list[tuple[str, list[tuple[str, bool, int]]]], data: st.DataObject
) -> None:
    order = data.draw(st.permutations(range(len(parts))))
    cuts = data.draw(st.lists(st.booleans(), min_size=len(parts), max_size=len(parts)))
    expected: dict[str, Counter[str]] = defaultdict(Counter)
    for lineage, records in parts:
        for name, _, count in records:
            expected[ids(name)[0]][lineage] += count if name >= "d" else 0
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        with WorkspaceLock(root) as lock, Lake.create(root / "lake", lock=lock) as lake:
            batch = []
            new = 0
            for place, cut in zip(order, cuts, strict=True):
                batch.append(segment(f"s{place}", rows(parts[place][1]), lineage=parts[place][0]))
                if cut:
                    new += lake.append(batch).new_events
                    batch = []
            new += lake.append(batch).new_events
            stored = lake.events(["id"]).read_all()["id"].to_pylist()
            assert sorted(stored) == sorted(expected)
            assert new == len(stored)
            counts = lake.counts(stored)
    assert counts == {id_: max(1, *by_lineage.values()) for id_, by_lineage in expected.items()}
