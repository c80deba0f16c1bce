"""A slow evaluator, one event and one rule at a time, written from the words of the Sigma specification (2.1: rules,
modifiers), agrees with the columnar engine. It shares no code with it and does not use pySigma."""

from __future__ import annotations

import base64
import ipaddress
import itertools
import random
import re
import zipfile
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st
from sigma.rule.base import SigmaYAMLLoader

from countersign.model.batch import ParseContext
from countersign.model.schema import source_columns
from countersign.rules import compile_rules, load_rules
from countersign.rules.load import _Loader
from countersign.sources import windows_json

Event = Mapping[str, str]


class Reference:
    """One rule: `matches(event)` by recursion over the rule's text."""

    def __init__(self, detection: Mapping[str, Any]) -> None:
        self.selections = {name: value for name, value in detection.items() if name != "condition"}
        conditions = detection["condition"]
        self.conditions = conditions if isinstance(conditions, list) else [conditions]

    def matches(self, event: Event) -> bool:
        return any(_Condition(text, self, event).value() for text in self.conditions)

    def selection(self, definition: Any, event: Event) -> bool:
        if isinstance(definition, dict):
            return all(self.item(key, value, event) for key, value in definition.items())
        if any(isinstance(one, dict | list) for one in definition):
            return any(self.selection(one, event) for one in definition)
        return self.item("", definition, event)

    def item(self, key: str, value: Any, event: Event) -> bool:
        field, *modifiers = key.split("|")
        values = value if isinstance(value, list) else [value]
        if not values:
            values = [None]
        link = all if "all" in modifiers else any
        result = link(self.value(field, modifiers, one, event) for one in values)
        return result != ("neq" in modifiers)

    def value(self, field: str, modifiers: list[str], value: Any, event: Event) -> bool:
        if not field:
            return any(holds(modifiers, value, text, event, keyword=True) for text in event.values())
        text = next((text for name, text in event.items() if name.casefold() == field.casefold()), None)
        if "exists" in modifiers:
            return (text is not None) is value
        if value is None:
            return text is None
        return text is not None and holds(modifiers, value, text, event)


class _Condition:
    """`not` binds closest, then `and`, then `or`; `1 of`, `any of` and `all of` take names with `*`, or `them`."""

    def __init__(self, text: str, rule: Reference, event: Event) -> None:
        self.tokens = re.findall(r"[()]|[^\s()]+", text)
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
            names = [name for name in self.rule.selections if pattern == "them" or _named(pattern, name)]
            link = all if token == "all" else any
            return link(self.rule.selection(self.rule.selections[name], self.event) for name in names)
        return self.rule.selection(self.rule.selections[token], self.event)


def _named(pattern: str, name: str) -> bool:
    return bool(re.fullmatch(re.escape(pattern).replace(r"\*", ".*"), name))


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


def like(pattern: list[Token], text: str) -> bool:
    """The whole text, `*` for any characters and `?` for one, line ends included."""
    words = {MANY: ".*", ONE: "."}
    expression = "".join(re.escape(token) if isinstance(token, str) else words[token] for token in pattern)
    return bool(re.fullmatch(expression, text, re.DOTALL))


def holds(modifiers: list[str], value: Any, text: str, event: Event, *, keyword: bool = False) -> bool:
    if "fieldref" in modifiers:
        other = next((found for name, found in event.items() if name.casefold() == value.casefold()), None)
        return other is not None and other.casefold() == text.casefold()
    if "re" in modifiers:
        flags = {"i": re.IGNORECASE, "m": re.MULTILINE, "s": re.DOTALL}
        return bool(re.search(value, text, sum(flags[one] for one in modifiers if one in flags) | re.ASCII))
    if "cidr" in modifiers:
        try:
            return ipaddress.ip_address(text) in ipaddress.ip_network(value)
        except ValueError:
            return False
    for name in ("lt", "lte", "gt", "gte"):
        if name in modifiers:
            number = _number(text)
            return number is not None and _compare(name, number, value)
    if isinstance(value, bool):
        value = str(value)
    if isinstance(value, int | float):
        return str(value) in text if keyword else _number(text) == value
    return any(_string(modifiers, one, text, keyword=keyword) for one in encoded(modifiers, value))


def _number(text: str) -> float | None:
    if re.fullmatch(r"0[xX][0-9a-fA-F]+", text):
        return int(text, 16)
    return float(text) if re.fullmatch(r"[+-]?\d+(\.\d+)?", text, re.ASCII) else None


def _compare(name: str, left: float, right: float) -> bool:
    return {"lt": left < right, "lte": left <= right, "gt": left > right, "gte": left >= right}[name]


def encoded(modifiers: list[str], value: str) -> Iterator[list[Token]]:
    """The patterns that encoding modifiers and `windash` make of a value, in the order they are written."""
    patterns = [tokens(value)]
    for modifier in modifiers:
        if modifier == "windash":
            patterns = [changed for pattern in patterns for changed in dashes(pattern)]
        elif modifier == "wide":
            patterns = [list("".join(p).encode("utf-16le").decode()) for p in patterns]  # type: ignore[arg-type]  # a value to be encoded has no wildcard
        elif modifier == "base64":
            patterns = [list(base64.b64encode("".join(p).encode()).decode()) for p in patterns]  # type: ignore[arg-type]  # a value to be encoded has no wildcard
        elif modifier == "base64offset":
            patterns = [list(cut) for p in patterns for cut in offsets("".join(p).encode())]  # type: ignore[arg-type]  # a value to be encoded has no wildcard
    yield from patterns


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
        return like(pattern, text)
    folded: list[Token] = []
    for token in pattern:
        folded += token.casefold() if isinstance(token, str) else [token]
    return like(folded, text.casefold())


# --- what Hypothesis makes -------------------------------------------------------------------------------

FIELDS = ("CommandLine", "Image", "Oddity", "other field")
"""Two with a column of their own, two in the map."""
TEXT = st.text("abAB-/ \\.1ßSs", max_size=5)
VALUES = TEXT | st.sampled_from(
    [
        "",
        "10.0.0.1",
        "192.168.1.9",
        "::1",
        "5",
        "5.0",
        "0x5",
        "-2",
        "true",
        "aGVsbG8=",
        "xxhhZ",
        "YQBi",
        "a\nb",
        "–a",
    ]
)
EVENTS = st.lists(st.dictionaries(st.sampled_from(FIELDS), VALUES, max_size=4), max_size=8)

PATTERN = st.lists(
    st.sampled_from(["a", "B", "ab", "*", "?", "\\*", "\\\\", "\\", "-", " /a", "ß", "1"]), max_size=4
).map("".join)
ENCODED = st.sampled_from(["a", "ab", "hell", "hello"])
REGEX = st.sampled_from(["a", "^a", "b$", "[aB]b", "a.b", r"\s", "(?:a|bb)+", "x*", r"\.1", "^$", "^b"])
KEYS: dict[str, st.SearchStrategy[Any]] = {
    **dict.fromkeys(
        ["", "|contains", "|startswith", "|endswith", "|cased", "|contains|cased", "|neq", "|contains|neq"],
        PATTERN,
    ),
    **dict.fromkeys(["|all", "|contains|all", "|startswith|all"], PATTERN),
    **dict.fromkeys(["|contains|windash", "|windash"], st.sampled_from([" -a", "/a", "a-b", "- a", "-a*"])),
    **dict.fromkeys(
        ["|base64", "|base64offset|contains", "|wide|base64", "|wide|base64offset|contains"], ENCODED
    ),
    **dict.fromkeys(["|re", "|re|i", "|re|m", "|re|s", "|re|i|m"], REGEX),
    "|cidr": st.sampled_from(["10.0.0.0/8", "192.168.1.8/29", "::/64", "0.0.0.0/0"]),
    **dict.fromkeys(["|lt", "|lte", "|gt", "|gte"], st.sampled_from([5, -2, 4.5])),
    "|fieldref": st.sampled_from(FIELDS),
}
PLAIN = st.none() | st.booleans() | st.sampled_from([5, 1, -2, 5.5])


@st.composite
def items(draw: st.DrawFn) -> tuple[str, Any]:
    field = draw(st.sampled_from(FIELDS))
    modifiers = draw(st.sampled_from(["exists", *KEYS]))
    if modifiers == "exists":
        return f"{field}|exists", draw(st.booleans())
    one = KEYS[modifiers] | PLAIN if modifiers == "" else KEYS[modifiers]
    value = draw(one | st.lists(one, min_size=1, max_size=3))
    return field + modifiers, value


KEYWORDS = st.lists(PATTERN.filter(bool), min_size=1, max_size=3)
MAPS = st.lists(items(), min_size=1, max_size=3).map(dict)
SELECTION = MAPS | st.lists(MAPS, min_size=1, max_size=3) | KEYWORDS
LEAVES = st.sampled_from(["s1", "s2", "f1", "1 of s*", "all of s*", "1 of them", "all of them", "any of f*"])
CONDITION = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        inner.map(lambda one: f"not ({one})"),
        st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(
            lambda three: f"({three[0]}) {three[1]} {three[2]}"
        ),
        st.tuples(inner, inner).map(lambda two: f"{two[0]} and not {two[1]}"),
    ),
    max_leaves=4,
)
DETECTION = st.fixed_dictionaries(
    {
        "s1": SELECTION,
        "s2": SELECTION,
        "f1": SELECTION,
        "condition": CONDITION | st.lists(CONDITION, min_size=1, max_size=2),
    }
)


def table(rows: list[dict[str, str]]) -> pa.Table:
    own = source_columns()
    columns = {
        own[name.casefold()]: [row.get(name) for row in rows] for name in FIELDS if name.casefold() in own
    }
    rest = [[(name, value) for name, value in row.items() if name.casefold() not in own] for row in rows]
    return pa.table(
        {
            "source": pa.array(["windows"] * len(rows), pa.string()),
            **{name: pa.array(values, pa.string()) for name, values in columns.items()},
            "unmapped": pa.array(rest, pa.map_(pa.string(), pa.string())),
        }
    )


def compiled(*detections: Mapping[str, Any]) -> Any:
    loader = _Loader()
    for number, detection in enumerate(detections):
        rule = {"title": f"{number}", "logsource": {"product": "windows"}, "detection": detection}
        loader.add(f"{number:04}.yml", orjson.dumps(rule))
    made = loader.finish()
    assert made.problems == ()
    return compile_rules(made)


@given(detections=st.lists(DETECTION, min_size=1, max_size=4), rows=EVENTS)
def test_the_engine_agrees_with_the_specification(
    detections: list[dict[str, Any]], rows: list[dict[str, str]]
) -> None:
    made = compiled(*detections)
    assert [status.state for status in made.status] == ["active"] * len(detections), made.status
    hits = made.match(table(rows)).to_pylist()
    wanted = [
        {"rule": number, "row": row}
        for number, detection in enumerate(detections)
        for row, event in enumerate(rows)
        if Reference(detection).matches(event)
    ]
    assert hits == wanted


@given(detection=DETECTION, rows=EVENTS)
def test_explain_fires_where_the_engine_does(detection: dict[str, Any], rows: list[dict[str, str]]) -> None:
    made = compiled(detection)
    events = table(rows)
    for row in made.match(events)["row"].to_pylist():
        for fired in made.explain(0, events, row):
            assert fired.value is None or fired.value in rows[row].values()


@given(detection=DETECTION, rows=EVENTS, data=st.data())
def test_hits_do_not_depend_on_order_or_batches(
    detection: dict[str, Any], rows: list[dict[str, str]], data: st.DataObject
) -> None:
    made = compiled(detection)
    whole = set(made.match(table(rows))["row"].to_pylist())
    order = data.draw(st.permutations(range(len(rows))))
    cut = data.draw(st.integers(0, len(rows)))
    found = set()
    for part in (order[:cut], order[cut:]):
        hits = made.match(table([rows[place] for place in part]))["row"].to_pylist()
        found |= {part[row] for row in hits}
    assert found == whole


def test_real_rules_agree_on_real_events(shared_data: Path) -> None:
    """All hits of the engine on one capture, and a seeded sample of the pairs that it left out."""
    with zipfile.ZipFile(shared_data / "windows-json" / "empire_wmic_add_user_backdoor.zip") as archive:
        lines = archive.read(archive.namelist()[0]).splitlines()
    now = datetime(2026, 11, 21, tzinfo=UTC)
    events = windows_json.parse(lines, ParseContext("0" * 64, now, now)).events
    zipped = shared_data / "sigma" / "sigma-rules.zip"
    made = compile_rules(load_rules([zipped]))
    hits = {(hit["rule"], hit["row"]) for hit in made.match(events).to_pylist()}
    codes = events["metadata"].combine_chunks().field("event_code").to_pylist()
    logs = [log.casefold() for log in events["metadata"].combine_chunks().field("log_name").to_pylist()]
    rows = {
        "security": [row for row, log in enumerate(logs) if log == "security"],
        "process_creation": [row for row, log in enumerate(logs) if "sysmon" in log and codes[row] == "1"],
    }
    asked = {
        number: rows[rule.category or rule.service]
        for number, rule in enumerate(made.rules)
        if made.status[number].state == "active"
        and rule.product == "windows"
        and (rule.category, rule.service) in {("", "security"), ("process_creation", "")}
    }
    draw = random.Random(3)
    numbers = sorted(asked)
    sample = {(number, draw.choice(asked[number])) for number in draw.choices(numbers, k=1_500)}
    sample |= {(number, row) for number, row in hits if row in asked.get(number, ())}
    assert len(sample & hits) > 20
    with zipfile.ZipFile(zipped) as archive:
        detections = {
            number: SigmaYAMLLoader(
                archive.read(made.rules[number].path.rpartition("!")[2])
            ).get_single_data()["detection"]
            for number, _ in sample
        }
    wrong = [
        (made.rules[number].title, row)
        for number, row in sorted(sample)
        if Reference(detections[number]).matches(record(events, row)) != ((number, row) in hits)
    ]
    assert wrong == []


def record(events: pa.Table, row: int) -> Event:
    found = events.slice(row, 1).to_pylist()[0]
    fields = {
        name: found[column] for name, column in source_columns().items() if found.get(column) is not None
    }
    fields.update(dict(found["unmapped"] or ()))
    fields.setdefault("eventid", found["metadata"]["event_code"])
    return fields
