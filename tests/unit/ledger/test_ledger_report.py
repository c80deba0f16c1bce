"""What a person reads of a verification."""

from __future__ import annotations

import pytest

from countersign.errors import VerificationError
from countersign.ledger import Problem, Report


def report_of(*problems: Problem) -> Report:
    return Report(3, 1, 2, 100, problems, (), 0)


def test_problems_say_where() -> None:
    assert str(Problem("ab", 3, "gone")) == "segment ab, leaf 3: gone"
    assert str(Problem(None, 0, "gone")) == "leaf 0: gone"
    assert str(Problem(None, None, "gone")) == "gone"


def test_the_error_names_a_segment_where_there_is_one() -> None:
    problems = [Problem(None, None, "head"), Problem("ab", 3, "gone"), Problem("cd", 4, "gone")]
    with pytest.raises(VerificationError, match=r"segment ab, leaf 3: gone \(and 2 more\)$") as caught:
        report_of(*problems).raise_for_problems()
    assert caught.value.segment == "ab"
    with pytest.raises(VerificationError, match=r"verify: head$") as caught:
        report_of(problems[0]).raise_for_problems()
    assert caught.value.segment is None


def test_no_problems_no_error() -> None:
    report_of().raise_for_problems()
