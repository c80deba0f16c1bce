"""Small typed converters: one foreign value in, one value of a column out, None where it says nothing.

They take whatever JSON or a line holds and never raise. Those that are slow are cached: logs repeat themselves.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, lru_cache
from typing import Any

import pyarrow as pa

from countersign.model import schema
from countersign.model.columns import text_of
from countersign.sources._address import address, port

Convert = Callable[[Any], object]
UNSAID = frozenset({"", "-", "--", "N/A", "n/a", "(null)", "null", "None", "none", "unknown", "(empty)"})
"""What sources write where they have nothing to say."""
_TRUE = frozenset({"true", "yes", "1", "y", "enabled"})
_FALSE = frozenset({"false", "no", "0", "n", "disabled"})
_LARGEST = (1 << 63) - 1
_SHORT = 4096


def text(value: Any) -> str | None:  # noqa: ANN401  # foreign
    """Text as it is; numbers, truth values, lists and objects as `model.columns` writes them."""
    if type(value) is str:
        return value or None
    if type(value) is int:
        return str(value)
    return None if value is None else text_of(value)


def said(value: Any) -> str | None:  # noqa: ANN401  # foreign
    """Text, None for the words by which sources say that they have none (`-`, `N/A`)."""
    if type(value) is str:
        return None if value in UNSAID else value
    if type(value) is int:
        return str(value)
    found = text(value)
    return None if found in UNSAID else found


def lower(value: Any) -> str | None:  # noqa: ANN401  # foreign
    """Text in lower case."""
    found = said(value)
    return None if found is None else found.lower()


def integer(value: Any) -> int | None:  # noqa: ANN401  # foreign
    """A whole number of at most 64 bits."""
    if type(value) is int:
        return value if -_LARGEST <= value <= _LARGEST else None
    if type(value) is float:
        return int(value) if abs(value) < 1 << 53 else None
    return _integer(value) if type(value) is str else None


@lru_cache(maxsize=16_384)
def _integer(value: str) -> int | None:
    digits = value.strip().replace(",", "")
    if not digits.removeprefix("-").isdecimal() or not digits.isascii() or len(digits) > 19:
        return None
    number = int(digits)
    return number if -_LARGEST <= number <= _LARGEST else None


def boolean(value: Any) -> bool | None:  # noqa: ANN401  # foreign
    """A truth value, also in words."""
    if type(value) is bool:
        return value
    word = text(value)
    if word is None or len(word) > 16:
        return None
    word = word.lower()
    return True if word in _TRUE else False if word in _FALSE else None


def ip(value: Any) -> str | None:  # noqa: ANN401  # foreign
    """An address; a port behind it is left out."""
    return split_endpoint(value)[0]


def number_of_port(value: Any) -> int | None:  # noqa: ANN401  # foreign
    """A port."""
    if type(value) is int:
        return value if 0 <= value <= 65_535 else None
    return port(value) if type(value) is str else None


def split_endpoint(value: Any) -> tuple[str | None, int | None, str | None]:  # noqa: ANN401  # foreign
    """Address, port and, where there is no address, the name in its place: `1.2.3.4:5`, `[::1]:5`, `host:5`."""
    return _endpoint(value) if type(value) is str else (None, None, None)


@lru_cache(maxsize=65_536)
def _endpoint(value: str) -> tuple[str | None, int | None, str | None]:
    value = value.strip()
    if value in UNSAID or len(value) > _SHORT:
        return None, None, None
    found = address(value)
    if found is not None:
        return found, None, None
    host, _, tail = value.rpartition(":")
    number = port(tail) if host else None
    if number is None:
        return None, None, value
    found = address(host)
    return (found, number, None) if found is not None else (None, number, host)


def split_account(value: Any) -> tuple[str | None, str | None, str | None]:  # noqa: ANN401  # foreign
    r"""Name, domain and the whole as its unique form: `DOMAIN\name`, `name@domain`, `DOMAIN/name`, a bare name.

    A user principal name keeps its domain in lower case, and is given whole as third; `DOMAIN\name` has no third.
    """
    return _account(value) if type(value) is str else (None, None, None)


@lru_cache(maxsize=65_536)
def _account(value: str) -> tuple[str | None, str | None, str | None]:
    value = value.strip()
    if value in UNSAID:
        return None, None, None
    domain, separator, name = value.partition("\\")
    if separator and domain and name:
        return name, domain, None
    name, separator, domain = value.rpartition("@")
    if separator and name and "." in domain and " " not in domain:
        return name, domain.lower(), value.lower()
    return value, None, None


def scaled(factor: int) -> Convert:
    """A whole number times `factor`: seconds to milliseconds with 1000; fractions are kept as far as they count."""

    def convert(value: Any) -> int | None:  # noqa: ANN401  # foreign
        whole = integer(value) if type(value) is not float else None
        if whole is not None:
            return whole * factor if abs(whole) <= _LARGEST // factor else None
        try:
            product = float(value) * factor
        except (TypeError, ValueError, OverflowError):
            return None
        return int(product) if abs(product) < 1 << 53 else None

    return convert


def chosen(table: dict[str, Any], otherwise: Any = None) -> Convert:  # noqa: ANN401  # values of any column
    """By a table whose keys are compared without regard to case; `otherwise` where it has none."""
    lowered = {key.casefold(): value for key, value in table.items()}

    @lru_cache(maxsize=1024)
    def convert(value: str) -> object:
        return lowered.get(value.casefold(), otherwise)

    def choose(value: Any) -> object:  # noqa: ANN401  # foreign
        word = text(value)
        return None if word is None or len(word) > _SHORT else convert(word)

    return choose


@cache
def default(column: str) -> Convert:
    """How a value becomes one of `column`, where nothing else is said: by its type and its name."""
    type_ = schema.OCSF_COLUMNS.get(column)
    if type_ is None:
        raise RuntimeError(f"{column} is no column of the events table")
    if column.endswith(".ip"):
        return ip
    if column.endswith(".port"):
        return number_of_port
    if pa.types.is_boolean(type_):
        return boolean
    return integer if pa.types.is_integer(type_) else said
