from __future__ import annotations

import random
from typing import Any

import pytest

from countersign.evaluate.compare import Comparison
from countersign.evaluate.made import MadeHop
from countersign.evaluate.score import Score
from countersign.evaluate.truth import TrueDeed, TrueHop, Truth


class Story:
    """A truth and what was made of it, a hop a line. A record of a hop `a` is `a1`; its event has that name too."""

    def __init__(self) -> None:
        self.truth = Truth()
        self.made: dict[str, MadeHop] = {}

    def true(
        self,
        id_: str,
        visit: str,
        parent: str | None,
        *records: str,
        provider: str = "northgate",
        deeds: tuple[str, ...] = (),
        person: str = "Ann Lee",
    ) -> None:
        keys = tuple(("id", record) for record in records)
        done = tuple(TrueDeed("process", (("id", record),)) for record in deeds)
        hop = TrueHop(id_, visit, parent, provider, "rdp", "somebody", keys, done, person)
        self.truth.hops[id_] = hop
        self.truth.owner.update(dict.fromkeys(keys, hop))

    def make(
        self, id_: str, visit: str, parent: str | None, link: str, *events: str, **more: tuple[str, ...]
    ) -> None:
        (provider,), (person,) = more.get("provider", ("northgate",)), more.get("person", ("Ann Lee",))
        candidates, deeds = more.get("candidates", ()), more.get("deeds", ())
        self.made[id_] = MadeHop(id_, visit, parent, link, "why", candidates, events, deeds, provider, person)

    def score(self, seed: int = 0) -> Score:
        named = {key[1]: key for key in self.truth.owner}
        made = list(self.made.items())
        random.Random(seed).shuffle(made)
        return Comparison(self.truth, dict(made), named).score(5)


@pytest.fixture
def story() -> Story:
    """A true visit V of three hops a > b > c, all of it made as P."""
    out = Story()
    out.true("a", "V", None, "a1", "a2")
    out.true("b", "V", "a", "b1")
    out.true("c", "V", "b", "c1", "c2", "c3")
    out.make("A", "P", None, "entry", "a1", "a2")
    out.make("B", "P", "A", "proven", "b1")
    out.make("C", "P", "B", "proven", "c1", "c2")
    return out


def misses(score: Score) -> list[tuple[str, str]]:
    return [(miss.kind, miss.hop) for miss in score.misses]


def figures(score: Score) -> tuple[int, int, int, int]:
    return score.hops, score.hops_in_visit, score.hops_wrong_visit, score.false_proven


def test_a_visit_as_it_was_is_right(story: Story) -> None:
    score = story.score()
    assert figures(score) == (3, 3, 0, 0)
    assert score.misses == []
    assert score.document()["shares"]["hops_in_visit"] == 1.0


def test_a_hop_that_is_only_an_action_is_in_no_visit(story: Story) -> None:
    story.make("C", "P", "B", "proven")
    story.make("B", "P", "A", "proven", "b1", deeds=("c1",))
    score = story.score()
    assert figures(score) == (3, 2, 0, 0)
    assert score.as_action_only == 1
    assert misses(score) == [("not in a visit", "c")]
    assert score.misses[0].records == ("id c1", "id c2", "id c3")
    assert "action of hop B" in score.misses[0].made


def test_a_hop_torn_off_is_in_the_wrong_visit(story: Story) -> None:
    story.make("C", "Q", None, "entry", "c1")
    score = story.score()
    assert figures(score) == (3, 3, 1, 0)
    assert (score.wrong_apart, score.wrong_mixed) == (1, 0)
    assert misses(score) == [("wrong visit", "c")]


def test_a_hop_in_anothers_visit_is_mixed_in_and_its_proven_link_false(story: Story) -> None:
    story.true("x", "W", None, "x1")
    story.true("y", "W", "x", "y1")
    story.make("X", "Q", None, "entry", "x1")
    story.make("Y", "Q", "X", "proven", "y1")
    story.make("C", "Q", "Y", "proven", "c1")
    score = story.score()
    assert figures(score) == (5, 5, 1, 1)
    assert (score.wrong_apart, score.wrong_mixed) == (0, 1)
    assert misses(score) == [("wrong visit", "c"), ("false proven link", "c")]
    assert "came from b" in score.misses[1].made


def test_a_proven_link_past_a_recorded_hop_is_false_and_past_a_lost_one_true(story: Story) -> None:
    story.make("C", "P", "A", "proven", "c1")
    assert story.score().false_proven == 1
    story.true("b", "V", "a")
    del story.made["B"]
    story.truth.owner.pop(("id", "b1"))
    score = story.score()
    assert score.lost_whole == 1
    assert figures(score) == (2, 2, 0, 0)


def test_a_link_between_two_parts_of_one_hop_is_true(story: Story) -> None:
    story.make("D", "P", "C", "proven", "c3")
    assert figures(story.score()) == (3, 3, 0, 0)


def test_a_true_visit_in_two_equal_parts_is_the_one_with_its_entry(story: Story) -> None:
    story.true("d", "V", "c", "d1")
    story.make("C", "0", None, "entry", "c1")
    story.make("D", "0", "C", "inferred", "d1")
    assert misses(story.score()) == [("wrong visit", "c"), ("wrong visit", "d")]


def test_ambiguous_links_count_by_their_first_three_candidates(story: Story) -> None:
    for name in ("m", "n", "o"):
        story.true(name, "V", None, f"{name}1")
        story.make(name.upper(), "P", None, "entry", f"{name}1")
    story.make("C", "P", "M", "ambiguous", "c1", candidates=("M", "N", "B"))
    score = story.score()
    assert (score.ambiguous, score.ambiguous_judged, score.ambiguous_top3) == (1, 1, 1)
    story.make("C", "P", "M", "ambiguous", "c1", candidates=("M", "N", "O", "B"))
    score = story.score()
    assert (score.ambiguous, score.ambiguous_judged, score.ambiguous_top3) == (1, 1, 0)
    assert ("ambiguous, truth not among three", "c") in misses(score)


def test_the_customers_own_hops_count_for_nobody_but_show_when_they_are_taken_in(story: Story) -> None:
    story.true("s", "S", None, "s1", provider="")
    story.make("T", "P", "B", "proven", "s1")
    score = story.score()
    assert figures(score) == (3, 3, 0, 1)
    assert score.hops_made_of_others == 1


def test_order_does_not_matter(story: Story) -> None:
    story.true("x", "W", None, "x1", "x2")
    story.make("X", "P", "A", "inferred", "x1")
    story.make("Z", "Q", None, "entry", "x2")
    seen: list[Any] = [story.score(seed).document() for seed in range(10)]
    assert all(one == seen[0] for one in seen)


def test_what_was_done_counts_where_it_hangs_on_its_own_hop(story: Story) -> None:
    story.true("b", "V", "a", "b1", "b2", "b3", "b4", deeds=("b2", "b3", "b4"))
    story.make("B", "P", "A", "proven", "b1", "b4", deeds=("b2",))
    story.make("C", "P", "B", "proven", "c1", "c2", deeds=("b3",))
    score = story.score()
    # b3 hangs on another hop, b4 is only cited by its own
    assert (score.actions, score.actions_in_hop) == (3, 1)
    document = score.document()
    assert document["deeds"] == {"process": {"actions": 3, "in_hop": 1}}
    assert document["shares"]["actions_in_hop"] == 0.33333


def test_two_hops_made_one_are_in_a_visit_and_counted_as_merged(story: Story) -> None:
    del story.made["C"]
    story.make("B", "P", "A", "proven", "b1", "c1")
    score = story.score()
    assert figures(score) == (3, 3, 0, 0)
    assert score.hops_merged == 1


def test_a_part_of_a_hop_that_is_told_as_a_visit_of_its_own_is_counted(story: Story) -> None:
    story.make("D", "Q", None, "entry", "a2")
    score = story.score()
    assert figures(score) == (3, 3, 0, 0)
    assert score.parts_elsewhere == 1
    story.make("D", "P", "A", "inferred", "a2")
    assert story.score().parts_elsewhere == 0


def test_what_one_did_and_another_is_said_to_have_done_is_counted(story: Story) -> None:
    story.true("x", "W", None, "x1", "x2")
    story.make("X", "Q", None, "entry", "x1", deeds=("x2",))
    assert (story.score().actions_made, story.score().actions_elsewhere) == (1, 0)
    story.make("B", "P", "A", "proven", "b1", deeds=("x2", "a2"))
    score = story.score()
    assert (score.actions_made, score.actions_elsewhere) == (3, 1)
    assert score.document()["shares"]["actions_elsewhere"] == pytest.approx(1 / 3, abs=1e-4)


def test_an_entry_to_which_a_recorded_hop_led_is_false(story: Story) -> None:
    assert (story.score().links["entry"].judged, story.score().links["entry"].false) == (1, 0)
    story.make("C", "P", None, "entry", "c1", "c2")  # in the right visit, and yet no entry
    score = story.score()
    assert figures(score) == (3, 3, 0, 0)
    assert (score.links["entry"].judged, score.links["entry"].false) == (2, 1)


def test_a_hop_that_the_truth_does_not_know_is_nobodys_parent(story: Story) -> None:
    story.make("N", "P", "A", "inferred")
    story.make("C", "P", "N", "proven", "c1", "c2")
    score = story.score()
    assert score.false_proven == 1
    assert ("false proven link", "c") in misses(score)
    assert (score.links["inferred"].made, score.links["inferred"].judged) == (1, 0)
    story.make("C", "P", "N", "ambiguous", "c1", "c2", candidates=("N", "B"))
    score = story.score()
    assert (score.ambiguous_judged, score.ambiguous_top3) == (1, 1)


def test_whose_a_visit_is_said_to_be_is_compared(story: Story) -> None:
    def wrong(**who: tuple[str, ...]) -> tuple[int, int, int]:
        story.make("A", "P", None, "entry", "a1", "a2", **who)
        story.make("B", "P", "A", "proven", "b1", **who)
        story.make("C", "P", "B", "proven", "c1", "c2", **who)
        score = story.score()
        return score.visits_paired, score.visits_wrong_provider, score.visits_wrong_person

    assert wrong() == (1, 0, 0)
    assert wrong(person=("Bo Ek and Ann Lee",)) == (1, 0, 0)
    assert wrong(person=("Ann Leeson",)) == (1, 0, 1)
    assert wrong(provider=("southgate",)) == (1, 1, 0)
