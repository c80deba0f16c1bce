"""What is read of an event."""

from __future__ import annotations

import ibis
from hypothesis import example, given, settings
from hypothesis import strategies as st

from countersign.model.batch import microseconds
from countersign.visits import facts
from story import START, Story


def test_every_leaf_is_a_column() -> None:
    facts.check_columns()


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**9))
@example(700_000)
@example(999_999)
def test_times_keep_their_fraction_once(later: int) -> None:
    story = Story()
    story.logon(later / 1_000_000, "SRV1", "jdoe", "0x1")
    (fact,) = facts.read(facts.flat(story.table(), facts.LEAVES), ibis.literal(value=True))
    assert abs(fact.time - microseconds(START) - later) <= 1
