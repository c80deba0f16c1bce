"""What is wrong with a term, and what to do about it, on its way through pydantic to the person."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass

from pydantic_core import PydanticCustomError

ECHO = 80
"""Characters of a person's own text that an error repeats."""


@dataclass(frozen=True, slots=True)
class Problem:
    """`place` is the way to the term: keys and list positions."""

    place: tuple[str | int, ...]
    message: str
    remedy: str = ""


def wrong(message: str, remedy: str = "") -> PydanticCustomError:
    """An error for a validator to raise; carries the remedy beside the message."""
    return PydanticCustomError("agreement", "{text}", {"text": message, "remedy": remedy})


def several(problems: list[Problem]) -> PydanticCustomError:
    """Problems of different places, found together by the validator of the whole."""
    first = problems[0]
    return PydanticCustomError("agreement_places", "{text}", {"text": first.message, "problems": problems})


def echo(value: object) -> str:
    """A person's text in back-quotes, shortened, on one line."""
    text = " ".join(str(value).split())
    return f"`{text if len(text) <= ECHO else text[:ECHO] + '…'}`"


def meant(word: str, known: Iterable[str]) -> str:
    """A remedy: the nearest known word, else all of them."""
    words = sorted(known)
    folded = {known_word.casefold(): known_word for known_word in reversed(words)}
    near = difflib.get_close_matches(word.casefold()[:ECHO], list(folded), n=1, cutoff=0.6)
    if near:
        return f"did you mean {echo(folded[near[0]])}?"
    return f"known are {', '.join(echo(known_word) for known_word in words[:12])}" if words else ""
