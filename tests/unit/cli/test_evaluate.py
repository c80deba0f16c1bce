"""The table of `evaluate visits`: a share says what it is of."""

from __future__ import annotations

import pytest

from countersign.cli import evaluate
from countersign.evaluate import Score
from countersign.evaluate.score import Links


def test_every_share_stands_beside_what_it_is_of(capsys: pytest.CaptureFixture[str]) -> None:
    score = Score(
        hops=200,
        lost_whole=50,
        hops_in_visit=199,
        hops_wrong_visit=4,
        wrong_said_ambiguous=1,
        ambiguous=8,
        ambiguous_judged=5,
        ambiguous_top3=4,
        visits=60,
        visits_made=61,
        hops_made=400,
        links={"proven": Links(90, 80, 2)},
    )
    evaluate._show(score)
    rows = {
        line.split()[0]: " ".join(line.split()[1:])
        for line in capsys.readouterr().out.splitlines()
        if line.strip()
    }
    assert rows["lost_whole"] == "50 20.00% 250 hops of the truth"
    assert rows["hops_in_visit"] == "199 99.50% 200 hops"
    assert rows["wrong_said_ambiguous"] == "1 25.00% 4 hops_wrong_visit"
    assert rows["false_proven"] == "2 2.50% 80 proven links judged"
    assert rows["ambiguous"] == "8 2.00% 400 hops_made"
    assert rows["ambiguous_top3"] == "4 80.00% 5 ambiguous ones judged"
    assert rows["visits_made"] == "61"
