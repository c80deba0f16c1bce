"""What was open at a moment is found without looking at everything, and is what looking at everything finds."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from countersign.visits.spans import Spans

_MOMENTS = st.integers(-20, 20)


@given(st.lists(st.tuples(_MOMENTS, _MOMENTS)), _MOMENTS)
def test_it_is_what_looking_at_each_finds(known: list[tuple[int, int]], moment: int) -> None:
    spans = Spans((begin, end, number) for number, (begin, end) in enumerate(known))
    found = spans.at(moment)
    assert sorted(found) == [number for number, (begin, end) in enumerate(known) if begin <= moment <= end]
    assert [known[number][0] for number in found] == sorted(known[number][0] for number in found)


@given(st.lists(st.tuples(_MOMENTS, _MOMENTS), min_size=60, max_size=200), _MOMENTS)
def test_of_many_the_latest_comes_first(known: list[tuple[int, int]], moment: int) -> None:
    spans = Spans((begin, end, number) for number, (begin, end) in enumerate(known))
    assert [*spans.latest(moment)][::-1] == spans.at(moment)
    assert sorted(spans.at(moment)) == [
        number for number, (begin, end) in enumerate(known) if begin <= moment <= end
    ]


class _Counting(int):
    looks = 0

    def __ge__(self, other: int) -> bool:
        _Counting.looks += 1
        return int(self) >= other


def test_what_ended_long_before_is_not_looked_at() -> None:
    spans = Spans((10 * number, _Counting(10 * number + 5), number) for number in range(10_000))
    _Counting.looks = 0
    assert spans.at(99_990) == [9_999]
    assert _Counting.looks < 5


def test_beside_one_that_lasts_those_that_ended_are_not_each_looked_at() -> None:
    ended = ((10 * number, _Counting(10 * number + 5), number) for number in range(1, 40_000))
    spans = Spans([(0, _Counting(10**6), 0), *ended])
    _Counting.looks = 0
    assert spans.at(399_999) == [0]
    assert _Counting.looks < 400
