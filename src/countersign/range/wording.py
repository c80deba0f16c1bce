"""What is wrong in a specification or scenario, in words for whoever wrote it; pydantic's own speak of Python."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches

from pydantic import ValidationError

SAID: Mapping[str, str] = {
    "missing": "is missing",
    "int": "must be a whole number",
    "float": "must be a number",
    "bool": "must be true or false",
    "string_type": "must be a text",
    "date": "must be a day such as 2026-03-02",
    "ip_v4_network": "must be an IPv4 network such as 10.99.0.0/24, without bits behind its prefix",
    "tuple": "must be a list",
    "dict": "must be keys with values",
    "model": "must be keys with values",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "too_short": "must have at least {min_length} item(s)",
    "too_long": "must have at most {max_length} items",
    "literal_error": "must be {expected}",
}
"""By the type of pydantic's error, or how it begins."""

Place = tuple[str | int, ...]


def first_wrong(error: ValidationError) -> tuple[Place, str, str, Exception | None]:
    """Where the first mistake is, of what type, what it is in words, and the error that a check of ours raised.

    A key that there is not goes before one that is missing: mostly it is the same, mistyped.
    """
    found = min(error.errors(), key=lambda one: one["type"] != "extra_forbidden")
    context, kind = found.get("ctx", {}), found["type"]
    said = SAID.get(kind) or next((words for key, words in SAID.items() if kind.startswith(f"{key}_")), "")
    words = said.format_map(context) if said else found["msg"].removeprefix("Value error, ")
    near = _meant(found.get("input"), context.get("expected", "")) if kind == "literal_error" else ""
    cause = context.get("error")
    place = tuple(part for part in found["loc"] if part != "[key]")
    return place, kind, words + near, cause if isinstance(cause, Exception) else None


def _meant(given: object, expected: str) -> str:
    near = get_close_matches(str(given), expected.replace("'", " ").split(), 1)
    return f" ({near[0]}?)" if near else ""


def dotted(place: Sequence[str | int], whole: str) -> str:
    """A place as `providers.0.hours`; of no place the `whole`."""
    return ".".join(map(str, place)) or whole
