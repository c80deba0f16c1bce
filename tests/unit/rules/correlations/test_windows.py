from __future__ import annotations

import random

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from countersign.rules.correlations.chains import lengths, terms
from countersign.rules.correlations.decimals import decimals, holds
from countersign.rules.correlations.windows import windows


@given(st.integers(0, 2**32))
def test_counts_ranks_and_chains_are_those_of_each_window(seed: int) -> None:
    choose = random.Random(seed)
    size, span = choose.randint(1, 40), choose.randint(0, 10)
    hits = sorted((choose.randint(0, 2), choose.randint(0, 20)) for _ in range(size))
    group, time = np.array(hits).T
    codes = np.array([choose.randint(0, 5) for _ in hits])
    found = windows(group, time, span)
    assert [hits[end] for end in found.ends.tolist()] == sorted(set(hits))
    distinct = found.distinct(group, codes)
    ranked = found.ranked(codes, (found.counts - 1) // 2)
    chains = lengths(found, codes, 3)
    for place, (first, end) in enumerate(zip(found.firsts.tolist(), found.ends.tolist(), strict=True)):
        at = hits[end]
        inside = [n for n, one in enumerate(hits) if one[0] == at[0] and at[1] - span <= one[1] <= at[1]]
        assert inside == list(range(first, end + 1))
        values = codes[inside].tolist()
        assert distinct[place] == len(set(values))
        assert ranked[place] == sorted(values)[(len(values) - 1) // 2]
        assert chains[place] == longest([(hits[n][1], int(codes[n])) for n in inside])


def longest(hits: list[tuple[int, int]]) -> int:
    """Of rules 0 to 2 in order; equal times in any order."""
    best = 0
    ordered = sorted(one for one in hits if one[1] < 3)
    chains: list[int] = []
    for time, rule in ordered:
        before = [
            chains[n]
            for n, (earlier, other) in enumerate(ordered[: len(chains)])
            if earlier <= time and other < rule
        ]
        chains.append(1 + max(before, default=0))
        best = max(best, chains[-1])
    return best


def test_the_alternatives_of_a_condition() -> None:
    none: frozenset[str] = frozenset()
    a, b, c = (frozenset({name}) for name in "abc")
    assert terms(("and", "a", ("or", "b", ("not", "c")))) == ((a | b, none), (a, c))
    assert terms(("not", ("or", "a", ("not", "b")))) == ((b, a),)
    assert terms(("and", "a", ("not", "a"))) == ()


def test_numbers_in_texts() -> None:
    found = decimals(["1", "-2.50", "0x1F", " 7 ", "", "1e5", "nan", "1.", "١", "9" * 31])
    assert found.known.tolist() == [True, True, True, True, *[False] * 6]
    assert (found.places, found.values.tolist()) == (1, [10, -25, 310, 70, *[0] * 6])


def test_comparisons_are_exact_beyond_64_bits() -> None:
    big = decimals(["9" * 30, "9" * 29 + "8"]).values
    assert holds(big, 1, [("gte", 10**30 - 1)]).tolist() == [True, False]
    assert holds(np.array([3, 2]), 10, [("gt", 0.2), ("lte", 0.3)]).tolist() == [True, False]
