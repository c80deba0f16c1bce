"""What the parsers of rules let out for odd input, and how it is told."""

from __future__ import annotations

import re

from sigma.exceptions import SigmaError
from yaml import YAMLError  # noqa: TID251  # its errors only

PARSER_FAILURES = (
    SigmaError,
    YAMLError,
    ValueError,
    TypeError,
    AttributeError,
    KeyError,
    IndexError,
    ArithmeticError,
    RecursionError,
)
"""What pySigma and PyYAML let out for odd input: their own errors, and those of values of an unexpected type."""

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")


def clean(error: object) -> str:
    """One line for a person, without control characters."""
    text = " ".join(str(error).split()) or type(error).__name__
    return _CONTROL.sub("\ufffd", text)[:300]
