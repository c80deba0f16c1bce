from __future__ import annotations

from typing import Any

from agreement_cases import LATER, WATCHED, agreement, entry, hop, inner, visit
from countersign.agreements.hearing import LONGEST_PATH, Hearing, place
from countersign.model.visit import Hop


def hearing(*hops: Hop, **changes: Any) -> Hearing:
    return Hearing(visit(*hops, **changes), agreement(), WATCHED, LATER)


def test_a_path_that_bites_its_tail_ends() -> None:
    one, two = hop("one", parent="two"), hop("two", parent="one")
    assert [step.id for step in hearing(one, two).path(one)] == ["one", "two"]


def test_the_entry_is_the_stated_one_else_the_first_without_a_parent() -> None:
    first = hearing(inner(), entry()).entry
    assert first is not None
    assert first.id == "h1"  # as the visit says
    fallback = hearing(inner(), entry(), entry="lost").entry
    assert fallback is not None
    assert fallback.id == "entry"
    assert hearing().entry is None


def test_hops_of_unknown_start_come_first() -> None:
    assert [one.id for one in hearing(entry(), inner(start=None)).hops] == ["h1", "entry"]


def test_a_place_is_named_even_where_nothing_is_known() -> None:
    assert place(hop(target="", protocol="")) == "to an unknown host by an unknown protocol"


def test_a_very_long_chain_is_followed_only_so_far() -> None:
    chain = [hop("h0"), *(hop(f"h{n}", parent=f"h{n - 1}") for n in range(1, LONGEST_PATH + 9))]
    assert len(hearing(*chain).path(chain[-1])) == LONGEST_PATH
