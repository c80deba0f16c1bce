"""Times of many records read at once are those of each read by itself."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from countersign.model.batch import ParseContext
from countersign.sources._clock import Clock
from countersign.sources._times import Time, epoch, iso, stamps

NOW = datetime(2027, 1, 1, tzinfo=UTC)
CLOCK = Clock(ParseContext("0" * 64, NOW, NOW, "Europe/Berlin"))
TIMES: Sequence[Time] = (
    iso("at", zone="UTC"),
    iso("at"),
    epoch("at"),
    epoch("at", "s"),
    epoch("at", "ms"),
    epoch("at", "us"),
    epoch("at", "ns"),
)
ALIKE: Sequence[st.SearchStrategy[Any]] = (
    st.sampled_from(
        ["2026-11-20T10:00:00Z", "2026-11-20T10:00:00.1234567+02:00", "2026-11-20 10:00:00-0130"]
    ),
    st.sampled_from(
        ["2026-11-20T10:00:00", "2026-11-20 10:00:00.000000000", "2026-11-20", "2026-11-20T10:00"]
    ),
    st.integers(0, 10**20),
    st.integers(1_790_000_000, 1_799_999_999),
    st.integers(1_790_000_000_000, 1_799_999_999_999),
    st.floats(),
    st.floats(1_790_000_000, 1_799_999_999),
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
)
MANY = 40


@pytest.mark.parametrize("time", TIMES)
@given(values=st.one_of([st.lists(alike, min_size=1, max_size=4) for alike in ALIKE]))
@settings(max_examples=60, deadline=None)
def test_at_once_as_one_by_one(time: Time, values: list[Any]) -> None:
    column = (values * MANY)[:MANY]
    together = stamps((time,), lambda _: column, MANY, CLOCK)
    alone = [read_alone(time, value) for value in column]
    for place in range(3):
        assert list(together[place]) == [each[place][0] for each in alone]


def read_alone(time: Time, value: object) -> Sequence[Sequence[Any]]:
    return stamps((time,), lambda _: [value], 1, CLOCK)
