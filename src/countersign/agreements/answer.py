"""A three-valued answer with its reason: what an agreement asks, the logs may be unable to say."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Answer:
    """`why` is part of a sentence for a person, `missing` the source that would settle an unknown."""

    value: Literal["yes", "no", "unknown"]
    why: str = ""
    missing: str = ""

    @property
    def rank(self) -> int:
        """2 for yes, 1 for unknown, 0 for no."""
        return _RANKS[self.value]


_RANKS = {"no": 0, "unknown": 1, "yes": 2}

YES = Answer("yes")
NO = Answer("no")


def no(why: str) -> Answer:
    """A certain no, with its reason."""
    return Answer("no", why)


def unknown(why: str, missing: str) -> Answer:
    """Undecided, with what would decide it."""
    return Answer("unknown", why, missing)


def best(answers: Iterable[Answer]) -> Answer:
    """Yes if one is yes, unknown if one may be, else no; no for none at all. Their order does not matter."""
    return max(answers, key=_order, default=NO)


def worst(answers: Iterable[Answer]) -> Answer:
    """No if one is no, unknown if one may be, else yes. Their order does not matter."""
    return min(answers, key=_order, default=YES)


def _order(answer: Answer) -> tuple[int, str, str]:
    return answer.rank, answer.why, answer.missing
