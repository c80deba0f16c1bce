"""A slow evaluator of Sigma rules, one event and one rule at a time, written from the words of the specification
(2.1: rules, modifiers). It shares no code with the engine and does not use pySigma.

An event is a mapping of field names to texts. What the specification leaves open is decided as docs/adr/0005 says.
"""

from __future__ import annotations

import base64
import ipaddress
import itertools
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

Event = Mapping[str, str]
Lists = Mapping[str, tuple[str, ...]]
ENGINE_TABLE = Path(__file__).parents[1] / "src" / "countersign" / "rules" / "logsources.toml"


class Reference:
    """One rule. `names` and `values` say how the event's log writes the rule's fields and values."""

    def __init__(
        self,
        detection: Mapping[str, Any],
        lists: Lists | None = None,
        names: Mapping[str, str] | None = None,
        values: Mapping[str, Mapping[str, str]] | None = None,
    ) -> None:
        self.selections = {name: value for name, value in detection.items() if name != "condition"}
        conditions = detection["condition"]
        self.conditions = conditions if isinstance(conditions, list) else [conditions]
        self.lists = lists or {}
        self.names = {name.casefold(): there for name, there in (names or {}).items()}
        self.values = {
            name.casefold(): {one.casefold(): there for one, there in known.items()}
            for name, known in (values or {}).items()
        }

    def matches(self, event: Event) -> bool:
        """Conditions are linked by or."""
        return any(_Condition(text, self, event).value() for text in self.conditions)

    def selection(self, definition: Any, event: Event) -> bool:
        """A map links its items by and; a list its maps or its keywords by or."""
        if isinstance(definition, dict):
            return all(self.item(key, value, event) for key, value in definition.items())
        if isinstance(definition, list):
            if any(isinstance(one, dict | list) for one in definition):
                return any(self.selection(one, event) for one in definition)
            return self.item("", definition, event)
        return self.item("", [definition], event)

    def item(self, key: str, value: Any, event: Event) -> bool:
        """Values are linked by or, with `all` by and; `neq` is the opposite."""
        field, *modifiers = key.split("|")
        values = value if isinstance(value, list) else [value]
        if not values:
            values = [None]
        link = all if "all" in modifiers else any
        result = link(self.value(field, modifiers, one, event) for one in values)
        return result != ("neq" in modifiers)

    def value(self, field: str, modifiers: list[str], value: Any, event: Event) -> bool:
        """One value of one field; a keyword may stand in any value of the event."""
        if not field:
            return any(self.holds(modifiers, value, text, event, keyword=True) for text in event.values())
        if isinstance(value, str | bool) and set(modifiers) <= {"all", "neq"}:
            value = self.values.get(field.casefold(), {}).get(str(value).casefold(), value)
        text = self.text(field, event)
        if "exists" in modifiers:
            return (text is not None) is value
        if value is None:
            return text is None
        return text is not None and self.holds(modifiers, value, text, event)

    def text(self, field: str, event: Event) -> str | None:
        """What the event has in a field, whatever the case of its name."""
        there = self.names.get(field.casefold(), field)
        if there in event:
            return event[there]
        return next((text for name, text in event.items() if name.casefold() == there.casefold()), None)

    def holds(
        self, modifiers: list[str], value: Any, text: str, event: Event, *, keyword: bool = False
    ) -> bool:
        """Whether one text answers one value with its modifiers."""
        part = next((name for name in PARTS if name in modifiers), None)
        if part is not None:
            found = _moment(text)
            operator = next((name for name in COMPARISONS if name in modifiers), "eq")
            return found is not None and COMPARISONS[operator](_part(found, part), value)
        for name, compare in COMPARISONS.items():
            if name in modifiers:
                number = _number(text)
                return number is not None and compare(number, value)
        if "fieldref" in modifiers:
            other = self.text(value, event)
            return other is not None and _placed(modifiers, other.casefold(), text.casefold())
        if "cidr" in modifiers:
            return _inside(text, value)
        if isinstance(value, bool):
            value = str(value)
        if isinstance(value, int | float):
            whole = int(value) if value == int(value) else value
            return str(whole) in text if keyword else _number(text) == value
        if "re" in modifiers:
            return any(
                _searched(modifiers, expression, text)
                for expression in self.expressions("expand" in modifiers, value)
            )
        return any(
            _string(modifiers, pattern, text, keyword=keyword) for pattern in self.patterns(modifiers, value)
        )

    def expressions(self, expand: bool, value: str) -> Iterator[str]:
        """A regular expression with its placeholders replaced by expressions."""
        parts = placeholders(value) if expand else [value]
        choices = [
            [f"(?:{one})" for one in self.listed(part)] if isinstance(part, Placeholder) else [part]
            for part in parts
        ]
        yield from ("".join(choice) for choice in itertools.product(*choices))

    def listed(self, part: Placeholder) -> tuple[str, ...]:
        """The values of a placeholder."""
        return self.lists[part.name.casefold()]

    def patterns(self, modifiers: list[str], value: str) -> list[list[Token]]:
        """What encoding modifiers, `windash` and `expand` make of a value, in the order they are written."""
        if "expand" not in modifiers:
            return _patterns(tuple(modifiers), value)
        patterns = [tokens(value)]
        for modifier in modifiers:
            if modifier == "expand":
                patterns = [made for pattern in patterns for made in self.expand(pattern)]
            else:
                patterns = _changed(modifier, patterns)
        return patterns

    def expand(self, pattern: list[Token]) -> Iterator[list[Token]]:
        """Each placeholder as any one of its values, which may have wildcards."""
        choices: list[list[list[Token]]] = []
        for plain, run in itertools.groupby(pattern, lambda token: isinstance(token, str)):
            group = list(run)
            for part in placeholders("".join(map(str, group))) if plain else [group]:
                if isinstance(part, Placeholder):
                    choices.append([tokens(one) for one in self.listed(part)])
                else:
                    choices.append([list(part)])
        for choice in itertools.product(*choices):
            yield [token for piece in choice for token in piece]


@lru_cache(maxsize=10_000)
def _words(condition: str) -> tuple[str, ...]:
    return tuple(re.findall(r"[()]|[^\s()]+", condition))


class _Condition:
    """`not` binds closest, then `and`, then `or`; `1 of`, `any of` and `all of` take names with `*`, or `them`."""

    def __init__(self, text: str, rule: Reference, event: Event) -> None:
        self.tokens = list(_words(text))
        self.rule = rule
        self.event = event

    def value(self) -> bool:
        result = self.either()
        assert not self.tokens
        return result

    def either(self) -> bool:
        results = [self.both()]
        while self.tokens[:1] == ["or"]:
            self.tokens.pop(0)
            results.append(self.both())
        return any(results)

    def both(self) -> bool:
        results = [self.one()]
        while self.tokens[:1] == ["and"]:
            self.tokens.pop(0)
            results.append(self.one())
        return all(results)

    def one(self) -> bool:
        token = self.tokens.pop(0)
        if token == "not":
            return not self.one()
        if token == "(":
            result = self.either()
            assert self.tokens.pop(0) == ")"
            return result
        if self.tokens[:1] == ["of"]:
            self.tokens.pop(0)
            pattern = self.tokens.pop(0)
            names = [name for name in self.rule.selections if _named(pattern, name)]
            link = all if token == "all" else any
            return link(self.rule.selection(self.rule.selections[name], self.event) for name in names)
        return self.rule.selection(self.rule.selections[token], self.event)


def _named(pattern: str, name: str) -> bool:
    """Names that begin with an underscore belong to no group, unless the pattern itself begins so."""
    if name.startswith("_") and not pattern.startswith("_"):
        return False
    return pattern == "them" or bool(re.fullmatch(re.escape(pattern).replace(r"\*", ".*"), name))


class Placeholder:
    """`%name%` in a value with `expand`."""

    def __init__(self, name: str) -> None:
        self.name = name


def placeholders(text: str) -> list[str | Placeholder]:
    r"""`%name%`, where the name has no backslash; `\%` is a plain percent character, if a placeholder is left then."""
    for escapes in (True, False):
        parts: list[str | Placeholder] = []
        expression = (
            r"(?P<plain>\\%)|%(?P<name>[^%\\]+)%" if escapes else r"(?P<plain>\Z\A)|%(?P<name>[^%\\]+)%"
        )
        at = 0
        for found in re.finditer(expression, text):
            parts.append(text[at : found.start()])
            parts.append("%" if found["plain"] else Placeholder(found["name"]))
            at = found.end()
        parts.append(text[at:])
        if any(isinstance(part, Placeholder) for part in parts):
            return parts
    return [text]


Token = str | tuple[str]
MANY, ONE = ("*",), ("?",)


def tokens(text: str) -> list[Token]:
    r"""A backslash makes `*`, `?` and itself plain; before anything else it is plain itself."""
    out: list[Token] = []
    at = 0
    while at < len(text):
        two = text[at : at + 2]
        if two in {"\\*", "\\?", "\\\\"}:
            out.append(two[1])
            at += 2
            continue
        out.append(MANY if text[at] == "*" else ONE if text[at] == "?" else text[at])
        at += 1
    return out


@lru_cache(maxsize=200_000)
def _like(pattern: tuple[Token, ...]) -> re.Pattern[str]:
    """The whole text, `*` for any characters and `?` for one, line ends included."""
    words = {MANY: ".*", ONE: "."}
    expression = "".join(re.escape(token) if isinstance(token, str) else words[token] for token in pattern)
    return re.compile(expression, re.DOTALL)


def _searched(modifiers: list[str], expression: str, text: str) -> bool:
    """Anywhere in the text, cased; with `startswith` and `endswith` at that end of it."""
    if "startswith" in modifiers:
        expression = rf"\A(?:{expression})"
    if "endswith" in modifiers:
        expression = rf"(?:{expression})\Z"
    flags = {
        re.IGNORECASE: {"i", "ignorecase"},
        re.MULTILINE: {"m", "multiline"},
        re.DOTALL: {"s", "dotall"},
    }
    letters = sum(flag for flag, names in flags.items() if names & set(modifiers))
    return bool(re.compile(expression, letters | re.ASCII * (not letters & re.IGNORECASE)).search(text))


def _placed(modifiers: list[str], part: str, text: str) -> bool:
    """Equal, or as `startswith`, `endswith` and `contains` say."""
    if "contains" in modifiers or {"startswith", "endswith"} <= set(modifiers):
        return part in text
    if "startswith" in modifiers:
        return text.startswith(part)
    return text.endswith(part) if "endswith" in modifiers else text == part


def _inside(text: str, network: str) -> bool:
    try:
        address = ipaddress.ip_address(text.partition("%")[0].strip())
    except ValueError:
        return False
    return (getattr(address, "ipv4_mapped", None) or address) in ipaddress.ip_network(network)


def _number(text: str) -> float | None:
    if re.fullmatch(r"0[xX][0-9a-fA-F]{1,32}", text):
        return int(text, 16)
    if re.fullmatch(r"[+-]?[0-9]{1,40}", text):
        return int(text)
    return float(text) if re.fullmatch(r"[+-]?[0-9]{1,40}\.[0-9]{1,40}", text) else None


COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "lt": lambda left, right: left < right,
    "lte": lambda left, right: left <= right,
    "gt": lambda left, right: left > right,
    "gte": lambda left, right: left >= right,
    "eq": lambda left, right: left == right,
}
PARTS = ("minute", "hour", "day", "week", "month", "year")


def _moment(text: str) -> datetime | None:
    """ISO 8601, or seconds since 1970; without a zone it is UTC."""
    try:
        seconds = _number(text)
        if seconds is not None:
            return datetime.fromtimestamp(seconds, UTC)
        found = datetime.fromisoformat(text.strip())
    except (ValueError, OverflowError, OSError):
        return None
    try:
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except OverflowError:
        return None


def _part(time: datetime, part: str) -> int:
    return int(time.strftime("%V")) if part == "week" else int(getattr(time, part))


@lru_cache(maxsize=200_000)
def _patterns(modifiers: tuple[str, ...], value: str) -> list[list[Token]]:
    patterns = [tokens(value)]
    for modifier in modifiers:
        patterns = _changed(modifier, patterns)
    return patterns


def _changed(modifier: str, patterns: list[list[Token]]) -> list[list[Token]]:
    """What one modifier makes of some values. Those to be encoded have no wildcards."""

    def plain(pattern: list[Token]) -> str:
        return "".join(map(str, pattern))

    match modifier:
        case "windash":
            return [changed for pattern in patterns for changed in dashes(pattern)]
        case "wide" | "utf16le":
            return [list(plain(one).encode("utf-16le").decode("latin-1")) for one in patterns]
        case "utf16be":
            return [list(plain(one).encode("utf-16be").decode("latin-1")) for one in patterns]
        case "utf16":
            return [list("\xff\xfe" + plain(one).encode("utf-16le").decode("latin-1")) for one in patterns]
        case "base64":
            return [list(base64.b64encode(_bytes(plain(one))).decode()) for one in patterns]
        case "base64offset":
            return [list(cut) for one in patterns for cut in offsets(_bytes(plain(one)))]
    return patterns


def _bytes(text: str) -> bytes:
    """UTF-8; but what `wide` and its kin made are bytes already, of which a NUL tells."""
    return text.encode("latin-1") if "\0" in text else text.encode()


def dashes(pattern: list[Token]) -> Iterator[list[Token]]:
    """A dash or slash that begins a word may be any of the five."""

    def word(token: Token) -> bool:
        return isinstance(token, str) and (token.isalnum() or token == "_")

    def neighbours(at: int) -> tuple[bool, bool]:
        before = at > 0 and word(pattern[at - 1])
        after = at + 1 < len(pattern) and word(pattern[at + 1])
        return before, after

    choices = [
        "-/–—―" if token in ("-", "/") and neighbours(at) == (False, True) else [token]
        for at, token in enumerate(pattern)
    ]
    yield from (list(choice) for choice in itertools.product(*choices))


def offsets(data: bytes) -> Iterator[str]:
    """What stays of the encoding of `data` wherever it begins in a longer text: only whole, sure characters."""
    for shift in range(3):
        text = base64.b64encode(b"\0" * shift + data).decode()
        start = (0, 2, 3)[shift]
        length = (shift + len(data)) * 8 // 6
        yield text[start:length]


def _string(modifiers: list[str], pattern: list[Token], text: str, *, keyword: bool) -> bool:
    if keyword or "contains" in modifiers or "endswith" in modifiers:
        pattern = [MANY, *pattern]
    if keyword or "contains" in modifiers or "startswith" in modifiers:
        pattern = [*pattern, MANY]
    if "cased" in modifiers:
        return bool(_like(tuple(pattern)).fullmatch(text))
    folded: list[Token] = []
    for token in pattern:
        folded += token.casefold() if isinstance(token, str) else [token]
    return bool(_like(tuple(folded)).fullmatch(text.casefold()))


# --- which events a log source means -------------------------------------------------------------------------


@cache
def table() -> dict[str, Any]:
    """The engine's readable table, as data."""
    return tomllib.loads(ENGINE_TABLE.read_text("utf-8"))


Names = tuple[str, str, str, str]
"""Of an event: its source, log, provider and event code."""


def meanings(logsource: Mapping[str, str], names: Names) -> list[str]:
    """The ways (names of renames, '' for none) in which a log source means an event; empty if it does not."""
    asked = {
        kind: str(logsource[kind]).casefold()
        for kind in ("product", "category", "service")
        if logsource.get(kind)
    }
    return _meanings(tuple(asked.items()), names)


@lru_cache(maxsize=1_000_000)
def _meanings(logsource: tuple[tuple[str, str], ...], names: Names) -> list[str]:
    source, *rest = (name.casefold() for name in names)
    asked = [(kind, name) for kind, name in logsource if kind != "product"]
    products = [name for kind, name in logsource if kind == "product"] or list(table()["product"])
    found: list[str] = []
    for product in products:
        known = table()["product"].get(product)
        if known is None or (known["source"] and not any(_family(one, source) for one in known["source"])):
            continue
        if not asked and not known["source"]:
            continue
        ways = [""]
        for kind, name in asked:
            ways = [
                way or entry.get("rename", "")
                for way in ways
                for entry in known.get(kind, {}).get(name, ())
                if _meant(entry, rest)
            ]
        found += ways
    return list(dict.fromkeys(found))


def _family(wanted: str, source: str) -> bool:
    return source == wanted or source.startswith(f"{wanted}.")


def _meant(entry: Mapping[str, Any], names: list[str]) -> bool:
    return all(
        not entry.get(key) or name in {str(one).casefold() for one in entry[key]}
        for key, name in zip(("log", "provider", "event"), names, strict=True)
    )


def rule_in(way: str, detection: Mapping[str, Any], lists: Lists | None = None) -> Reference:
    """A rule as one log writes its names."""
    rename = table().get("rename", {}).get(way, {}) if way else {}
    return Reference(detection, lists, rename.get("fields"), rename.get("values"))
