from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from countersign.agreements.answer import NO, YES, Answer, best, no, unknown, worst

ANSWERS = st.sampled_from([YES, NO, no("so"), no("other"), unknown("a", "b"), unknown("c", "d")])


@given(st.lists(ANSWERS), st.randoms(use_true_random=False))
def test_many_answers_are_one_in_any_order(answers: list[Answer], random: Random) -> None:
    shuffled = random.sample(answers, len(answers))
    assert best(answers) == best(shuffled)
    assert worst(answers) == worst(shuffled)
    values = [answer.value for answer in answers]
    assert best(answers).value == ("yes" if "yes" in values else "unknown" if "unknown" in values else "no")
    assert worst(answers).value == ("no" if "no" in values else "unknown" if "unknown" in values else "yes")
