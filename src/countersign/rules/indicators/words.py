"""The words of `words.toml`, read once."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any

from countersign.rules.indicators.terms import Kind

_SQUEEZE = re.compile(r"[^a-z0-9:]+")


def squeezed(text: str) -> str:
    """A column's name or a type word in letters, digits and colons only."""
    return _SQUEEZE.sub("", text.lower())


@cache
def kinds() -> Mapping[str, Kind]:
    """Word -> the kind that it says."""
    return {word: Kind(kind) for kind, words in _table()["kinds"].items() for word in words}


@cache
def columns(name: str) -> frozenset[str]:
    """The words for a column that holds values, types, or addresses with ports."""
    return frozenset(_table()["columns"][name])


@cache
def attributes() -> Mapping[str, str]:
    """Word -> what of an indicator such a column says."""
    return {word: name for name, words in _table()["about"].items() for word in words}


@cache
def file_endings() -> frozenset[str]:
    """Endings that make a name a file's and not a domain."""
    return frozenset(_table()["files"]["endings"])


@cache
def _table() -> Mapping[str, Any]:
    text = resources.files(__package__).joinpath("words.toml").read_text("utf-8")
    return tomllib.loads(text)
