"""A slow evaluator of Sigma correlations, one window at a time, from the words of the specification and of
docs/adr/0008-correlations.md. It shares no code with `countersign.rules.correlations` and does not use pySigma."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import combinations
from operator import eq, ge, gt, le, lt, ne
from typing import Any

from countersign.model.identity import keyed_id

Document = Mapping[str, Any]
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = {
    "lt": lt,
    "lte": le,
    "gt": gt,
    "gte": ge,
    "eq": eq,
    "neq": ne,
}


@dataclass(eq=False)
class Hit:
    """A hit of a rule or of a correlation. `time` is in seconds; `moments` are the times at which it held."""

    id: str
    rule_id: str
    time: float
    event: object
    events: frozenset[str]
    host: str | None
    fields: Mapping[str, str]
    moments: list[float]
    row: dict[str, Any] = field(default_factory=dict)
    members: list[tuple[int, Hit]] = field(default_factory=list)
    document: Document | None = None

    def value(self, name: str) -> str | None:
        """A field's value; a correlation's hit has it if all hits that it is made of have the same."""
        if self.document is None:
            return next(
                (text for key, text in self.fields.items() if key.casefold() == name.casefold()), None
            )
        found = [hit.value(called(self.document, number, name)) for number, hit in self.members]
        if any(text is None for text in found) or len({str(text).casefold() for text in found}) > 1:
            return None
        return found[0]


@dataclass(eq=False)
class Entry:
    """A hit at one of its moments, as one of the rules that a correlation refers to."""

    time: float
    number: int
    hit: Hit
    group: tuple[str, ...]
    written: tuple[str, ...]
    value: Any


def body(document: Document) -> Mapping[str, Any]:
    found: Mapping[str, Any] = document["correlation"]
    return found


def listed(value: Any) -> list[str]:
    return [] if value is None else [value] if isinstance(value, str) else list(value)


def references(document: Document) -> list[str]:
    named = listed(body(document).get("rules"))
    return named or [
        name for name in dict.fromkeys(re.findall(r"\w+", body(document)["condition"])) if name not in WORDS
    ]


WORDS = {"and", "or", "not"}


def called(document: Document, number: int, name: str) -> str:
    """What the rule `number` of a correlation calls a field."""
    for alias, names in (body(document).get("aliases") or {}).items():
        if alias.casefold() == name.casefold():
            return str(names.get(references(document)[number], name))
    return name


class Reference:
    """All correlations among `documents`, over hits given as rows."""

    def __init__(self, documents: Sequence[Document], rows: Sequence[Mapping[str, Any]]) -> None:
        self.documents = {document["name"]: document for document in documents}
        self.rows = rows
        self.made: dict[str, list[Hit]] = {}

    def results(self) -> list[dict[str, Any]]:
        return [
            hit.row
            for name, document in self.documents.items()
            if "correlation" in document
            for hit in self.hits(name)
        ]

    def hits(self, name: str) -> list[Hit]:
        if name not in self.made:
            document = self.documents[name]
            self.made[name] = (
                list(self.correlated(document)) if "correlation" in document else list(self.base(document))
            )
        return self.made[name]

    def base(self, document: Document) -> Iterator[Hit]:
        for row in self.rows:
            if row["rule_id"] == document["id"] and row["time"] is not None:
                yield Hit(
                    row["id"],
                    row["rule_id"],
                    row["time"],
                    row["event"],
                    frozenset({row["event"]}),
                    row["host"],
                    row["fields"],
                    [row["time"]],
                )

    def correlated(self, document: Document) -> Iterator[Hit]:
        groups: dict[tuple[str, ...], list[Entry]] = {}
        for number, name in enumerate(references(document)):
            for hit in self.hits(name):
                for entry in entries(document, number, hit):
                    groups.setdefault(entry.group, []).append(entry)
        for group in groups.values():
            group.sort(key=lambda entry: (entry.time, entry.number, entry.hit.time, entry.hit.id))
            yield from of_group(document, once(document, group))


def entries(document: Document, number: int, hit: Hit) -> Iterator[Entry]:
    written = [hit.value(called(document, number, name)) for name in listed(body(document).get("group-by"))]
    if any(text is None for text in written):
        return
    texts = tuple(map(str, written))
    value: Any = None
    condition = body(document).get("condition")
    if isinstance(condition, Mapping) and body(document)["type"].startswith("value_"):
        values = [hit.value(called(document, number, name)) for name in listed(condition["field"])]
        if any(text is None for text in values):
            return
        value = tuple(str(text).casefold() for text in values)
        if body(document)["type"] != "value_count":
            value = number_of(str(values[0]))
            if value is None:
                return
    moments = hit.moments if body(document)["type"].startswith("temporal") else [hit.time]
    for moment in moments:
        yield Entry(moment, number, hit, tuple(text.casefold() for text in texts), texts, value)


def number_of(text: str) -> Fraction | None:
    if re.fullmatch(r"0[xX][0-9a-fA-F]+", text.strip()):
        return Fraction(int(text, 16))
    return Fraction(text.strip()) if re.fullmatch(r"[+-]?[0-9]+(\.[0-9]+)?", text.strip()) else None


def once(document: Document, group: list[Entry]) -> list[Entry]:
    """An event counts once, by however many rules it was hit."""
    if body(document)["type"].startswith("temporal"):
        return group
    seen: dict[tuple[object, Any], Entry] = {}
    for entry in group:
        seen.setdefault((entry.hit.event, entry.value), entry)
    return list(seen.values())


def of_group(document: Document, group: list[Entry]) -> Iterator[Hit]:
    span = int(body(document)["timespan"][:-1]) * UNITS[body(document)["timespan"][-1]]
    moments = sorted({entry.time for entry in group})
    windows = [[entry for entry in group if moment - span <= entry.time <= moment] for moment in moments]
    fulfilled = []
    for place, (moment, window) in enumerate(zip(moments, windows, strict=True)):
        followed = place + 1 < len(windows) and all(entry in windows[place + 1] for entry in window)
        if patient(document) and followed:
            continue
        holds, value = judged(document, window)
        if holds:
            fulfilled.append((moment, window, value))
    run: list[tuple[float, list[Entry], Any]] = []
    for one in fulfilled:
        if run and not any(entry in run[-1][1] for entry in one[1]):
            yield joined(document, run)
            run = []
        run.append(one)
    if run:
        yield joined(document, run)


def patient(document: Document) -> bool:
    """Whether a further hit can make the condition false."""
    condition = body(document).get("condition", {})
    if isinstance(condition, str):
        return bool(re.search(r"\bnot\b", condition))
    if body(document)["type"] in {"value_avg", "value_median", "value_percentile"}:
        return True
    return any(name in {"lt", "lte", "eq", "neq"} for name in condition)


def judged(document: Document, window: list[Entry]) -> tuple[bool, Fraction | None]:
    kind, condition = body(document)["type"], body(document).get("condition")
    names = references(document)
    present = {entry.number for entry in window}
    if isinstance(condition, str):
        if kind == "temporal":
            return said(condition, {name: number in present for number, name in enumerate(names)}), None
        return in_order(condition, names, window), None
    if kind == "event_count":
        value = Fraction(len(window))
    elif kind == "value_count":
        value = Fraction(len({entry.value for entry in window}))
    elif kind == "temporal":
        value = Fraction(len(present))
    elif kind == "temporal_ordered":
        value = Fraction(max(len(order) for order in orders(len(names)) if chained(order, window)))
    else:
        percentile = {"value_median": 50}.get(kind, (condition or {}).get("percentile", 0))
        value = reckoned(kind, sorted(entry.value for entry in window), percentile)
    needed = condition or {"gte": len(names)}
    return all(
        OPERATORS[name](value, Fraction(str(count))) for name, count in needed.items() if name in OPERATORS
    ), value


def reckoned(kind: str, values: list[Fraction], percentile: int) -> Fraction:
    if kind in {"value_sum", "value_avg"}:
        return sum(values, Fraction()) / (1 if kind == "value_sum" else len(values))
    place = Fraction(percentile, 100) * (len(values) - 1)
    low = values[int(place)]
    return low + (values[min(int(place) + 1, len(values) - 1)] - low) * (place - int(place))


def orders(count: int) -> Iterator[tuple[int, ...]]:
    for size in range(count + 1):
        yield from combinations(range(count), size)


def chained(order: tuple[int, ...], window: list[Entry]) -> bool:
    """Whether hits of these rules stand one after the other; equal times are in any order."""
    reached = float("-inf")
    for number in order:
        later = [entry.time for entry in window if entry.number == number and entry.time >= reached]
        if not later:
            return False
        reached = min(later)
    return True


def said(condition: str, known: Mapping[str, bool]) -> bool:
    return bool(eval(condition, {"__builtins__": {}}, dict(known)))  # noqa: S307  # the test's own text


def in_order(condition: str, names: list[str], window: list[Entry]) -> bool:
    """Some rules come one after the other, and with these and none else but those of the window that are refused, the
    condition holds: a rule that is asked for counts only in the chain, one that is refused counts anywhere."""
    present = {names[entry.number] for entry in window}
    for order in orders(len(names)):
        chain = {names[number] for number in order}
        if chained(order, window) and signed(condition, chain, present):
            return True
    return False


def signed(condition: str, chain: set[str], present: set[str]) -> bool:
    tokens = re.findall(r"\w+|[()]", condition)

    def either(affirm: bool) -> bool:
        found = [both(affirm)]
        while tokens[:1] == ["or"]:
            tokens.pop(0)
            found.append(both(affirm))
        return any(found) if affirm else all(found)

    def both(affirm: bool) -> bool:
        found = [one(affirm)]
        while tokens[:1] == ["and"]:
            tokens.pop(0)
            found.append(one(affirm))
        return all(found) if affirm else any(found)

    def one(affirm: bool) -> bool:
        token = tokens.pop(0)
        if token == "not":
            return one(not affirm)
        if token == "(":
            found = either(affirm)
            tokens.pop(0)
            return found
        return token in chain if affirm else token not in present

    return either(True)


def joined(document: Document, run: list[tuple[float, list[Entry], Any]]) -> Hit:
    made: list[Entry] = []
    for _, window, _ in run:
        made += [entry for entry in window if entry not in made]
    hits = list({(entry.number, id(entry.hit)): (entry.number, entry.hit) for entry in made}.values())
    first = made[0]
    below = isinstance(body(document).get("condition"), Mapping) and all(
        name in {"lt", "lte", "field", "percentile"} for name in body(document)["condition"]
    )
    values = [value for _, _, value in run]
    value = None if values[0] is None else float(min(values) if below else max(values))
    id_ = keyed_id("correlation", document["id"], first.hit.id)
    hosts = {str(hit.host).casefold() for _, hit in hits}
    events = frozenset().union(*(hit.events for _, hit in hits))
    made_of = Hit(
        id_,
        document["id"],
        run[0][0],
        object(),
        events,
        first.hit.host if len(hosts) == 1 else None,
        {},
        [moment for moment, _, _ in run],
        members=hits,
        document=document,
    )
    made_of.row = {
        "id": id_,
        "rule_id": document["id"],
        "time": run[0][0],
        "start": first.time,
        "end": made[-1].time,
        "host": made_of.host,
        "group": dict(zip(listed(body(document).get("group-by")), first.written, strict=True)),
        "events": events,
        "hits": frozenset(hit.id for _, hit in hits),
        "value": value,
        "count": len(hits),
    }
    return made_of
