"""What logs of web traffic have in common: the methods of HTTP, and the ending of what is fetched.

References: RFC 9110 section 9.3; https://schema.ocsf.io/1.6.0/classes/http_activity.
"""

from __future__ import annotations

from collections.abc import Callable

from countersign.sources._mapping import What

METHODS = {"CONNECT": 1, "DELETE": 2, "GET": 3, "HEAD": 4, "OPTIONS": 5, "POST": 6, "PUT": 7, "TRACE": 8}
"""OCSF's activity of each."""
_LONGEST_ENDING = 9


def by_method(kind: Callable[[int], What]) -> dict[str, What]:
    """A kind of event for each method, made of its activity."""
    return {method: kind(activity) for method, activity in METHODS.items()}


def ending(path: str) -> str | None:
    """The ending of a file's name at the end of a path (`exe`), None where there is none."""
    _, dot, word = path.rpartition("/")[2].rpartition(".")
    return word if dot and word.isalnum() and len(word) < _LONGEST_ENDING else None
