"""The smallest questions a rule asks, such as whether a field's value matches a pattern.

An atom is plain data (it can be written as JSON). `holds` answers it for one value, slowly and exactly; the
engine uses it to verify candidates and to explain hits, and answers most atoms for all values at once instead.

Text is compared casefolded unless cased: `?` then stands for one character of the casefolded value.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Literal

MANY = 0
"""`*` in a pattern: any run of characters, line ends included, or none."""
ONE = 1
"""`?` in a pattern: exactly one character."""

Pattern = tuple[str | int, ...]
Shape = Literal["exact", "prefix", "suffix", "contains", "any", "glob"]
Operator = Literal["eq", "lt", "lte", "gt", "gte", "neq"]
Part = Literal["minute", "hour", "day", "week", "month", "year"]


@dataclass(frozen=True, slots=True)
class Text:
    """A string with wildcards, over the whole value. Literals are casefolded unless `cased`."""

    field: str
    pattern: Pattern
    cased: bool = False


@dataclass(frozen=True, slots=True)
class Regex:
    """A regular expression of RE2 syntax, searched anywhere in the value; flags stand inside it. `literals`, where
    not empty, are casefolded strings one of which every match contains."""

    field: str
    pattern: str
    literals: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Number:
    """A value equal to a number, written in decimal or as 0x in hexadecimal."""

    field: str
    number: float


@dataclass(frozen=True, slots=True)
class Compare:
    """A numeric comparison; a value that is no number never holds."""

    field: str
    operator: Operator
    number: float


@dataclass(frozen=True, slots=True)
class Network:
    """An address inside a network. An IPv4-mapped IPv6 address counts as IPv4, a zone index is ignored."""

    field: str
    network: str


@dataclass(frozen=True, slots=True)
class TimePart:
    """A part of a time compared with a number. The time is ISO 8601, or seconds since 1970; in UTC, weeks as in
    ISO 8601."""

    field: str
    part: Part
    number: float
    operator: Operator = "eq"


@dataclass(frozen=True, slots=True)
class Absent:
    """The record has no such field."""

    field: str


@dataclass(frozen=True, slots=True)
class Same:
    """Two fields of one record, both present, the first equal to (or starting with, ending with or containing)
    the second."""

    field: str
    other: str
    starts: bool = False
    ends: bool = False


Value = Text | Regex | Number | Compare | Network | TimePart
Atom = Value | Absent | Same
LAST = r"(?:\n?\z)"
"""What `$` means in PCRE unless `m` is set: the end, or a line end that is the last character."""
KEYWORDS = ""
"""The field of an atom that is asked of every value of the record."""


def shape(pattern: Pattern) -> Shape:
    """Which of the quick kinds a pattern is."""
    match pattern:
        case () | (str(),):
            return "exact"
        case (str(), 0):
            return "prefix"
        case (0, str()):
            return "suffix"
        case (0, str(), 0):
            return "contains"
        case (0,):
            return "any"
    return "glob"


def literal(pattern: Pattern) -> str:
    """The longest literal of a pattern, empty if it has none; the first of equals."""
    return max((part for part in pattern if isinstance(part, str)), key=len, default="")


def glob(pattern: Pattern, value: str) -> bool:
    """Whether the whole of `value` matches. Leftmost greedy matching of the runs between `*`: no backtracking
    beyond one run, so the time is at most len(value) * len(pattern)."""
    runs: list[list[str | int]] = [[]]
    for part in pattern:
        if part == MANY:
            runs.append([])
        else:
            runs[-1].append(part)
    if len(runs) == 1:
        return _size(runs[0]) == len(value) and _run_at(runs[0], value, 0)
    head, *middle, tail = runs
    end = len(value) - _size(tail)
    at = _size(head)
    if at > end or not _run_at(head, value, 0) or not _run_at(tail, value, end):
        return False
    for run in middle:
        found = _find(run, value, at, end)
        if found < 0:
            return False
        at = found + _size(run)
    return True


def _size(run: list[str | int]) -> int:
    return sum(len(part) if isinstance(part, str) else 1 for part in run)


def _run_at(run: list[str | int], value: str, at: int) -> bool:
    for part in run:
        if isinstance(part, str):
            if not value.startswith(part, at):
                return False
            at += len(part)
        else:
            at += 1
    return True


def _find(run: list[str | int], value: str, at: int, end: int) -> int:
    if len(run) == 1 and isinstance(run[0], str):
        return value.find(run[0], at, end)
    size = _size(run)
    return next((i for i in range(at, end - size + 1) if _run_at(run, value, i)), -1)


_DECIMAL = re.compile(r"[+-]?[0-9]{1,40}(\.[0-9]{1,40})?", re.ASCII)
_HEXADECIMAL = re.compile(r"0[xX][0-9a-fA-F]{1,32}", re.ASCII)


def number(value: str) -> float | None:
    """The number that a text states, in decimal or 0x hexadecimal (status codes and masks are written so)."""
    if _DECIMAL.fullmatch(value):
        return float(value) if "." in value else int(value)
    return int(value, 16) if _HEXADECIMAL.fullmatch(value) else None


def address(value: str) -> tuple[int, int] | None:
    """(IP version, address as an integer) of a text."""
    try:
        parsed = ipaddress.ip_address(value.partition("%")[0].strip())
    except ValueError:
        return None
    mapped = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else None
    parsed = mapped or parsed
    return parsed.version, int(parsed)


@lru_cache(maxsize=4096)
def network(text: str) -> tuple[int, int, int]:
    """(IP version, prefix length, prefix) of a network."""
    parsed = ipaddress.ip_network(text)
    return (
        parsed.version,
        parsed.prefixlen,
        int(parsed.network_address) >> parsed.max_prefixlen - parsed.prefixlen,
    )


def prefix(version: int, number_: int, length: int) -> int:
    """The first `length` bits of an address."""
    return number_ >> (32 if version == 4 else 128) - length


def moment(value: str) -> datetime | None:
    """The UTC time that a text states; a time without zone is UTC."""
    try:
        if (seconds := number(value)) is not None:
            return datetime.fromtimestamp(seconds, UTC)
        parsed = datetime.fromisoformat(value.strip())
        return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        return None


def part(time: datetime, name: Part) -> int:
    """A part of a time by its Sigma name."""
    return time.isocalendar().week if name == "week" else int(getattr(time, name))


def compare(operator: Operator, left: float, right: float) -> bool:
    """`left operator right`."""
    match operator:
        case "eq":
            return left == right
        case "lt":
            return left < right
        case "lte":
            return left <= right
        case "gt":
            return left > right
        case "gte":
            return left >= right
        case "neq":
            return left != right


def same(atom: Same, value: str, other: str) -> bool:
    """Whether two values stand to each other as `atom` says, whatever their case."""
    left, right = value.casefold(), other.casefold()
    if atom.starts and atom.ends:
        return right in left
    if atom.starts:
        return left.startswith(right)
    return left.endswith(right) if atom.ends else left == right


def holds(atom: Value, value: str) -> bool:
    """Whether one value answers the atom."""
    match atom:
        case Text():
            return glob(atom.pattern, value if atom.cased else value.casefold())
        case Regex():
            return _regex(atom.pattern, value)
        case Number():
            return number(value) == atom.number
        case Compare():
            found = number(value)
            return found is not None and compare(atom.operator, found, atom.number)
        case Network():
            version, length, wanted = network(atom.network)
            found_address = address(value)
            return (
                found_address is not None
                and found_address[0] == version
                and prefix(version, found_address[1], length) == wanted
            )
        case TimePart():
            time = moment(value)
            return time is not None and compare(atom.operator, part(time, atom.part), atom.number)


def _regex(pattern: str, value: str) -> bool:
    import pyarrow as pa
    import pyarrow.compute as pc

    return bool(pc.match_substring_regex(pa.array([value], pa.string()), pattern)[0].as_py())
