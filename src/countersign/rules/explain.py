"""Why a rule holds on a record, or does not: its compiled condition as a tree, each part with its answer.

The tree is made of what the engine runs, atom by atom and slowly, so it explains what really was asked: names as
the log writes them, filters and placeholders in their places.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from countersign.rules import atoms
from countersign.rules.compiled import Plain
from countersign.rules.fields import Fields
from countersign.rules.logsources import Where

SEEN = 10
"""Values that one part shows. A keyword is asked of every value of a record, which may have hundreds."""


@dataclass(frozen=True, slots=True)
class Fired:
    """An atom that held: the field as the log writes it (casefolded; empty for a keyword), its value, and the test
    in words."""

    field: str
    value: str | None
    test: str


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a condition and whether it held.

    A `test` has a `field` (casefolded, as the log writes it; empty for a keyword), the test in words, and the values
    that the record has there: none where it has no such field, and of a keyword only those that answer it. The other
    kinds have `parts`.
    """

    kind: Literal["and", "or", "not", "test"]
    held: bool
    field: str = ""
    test: str = ""
    values: tuple[str, ...] = ()
    parts: tuple[Part, ...] = ()


@dataclass(frozen=True, slots=True)
class Alternative:
    """A rule as one log source is asked: `where` in words, whether the record is of that log source, and the
    condition, None where the record is not."""

    where: str
    taken: bool
    condition: Part | None = None


@dataclass(frozen=True, slots=True)
class Explanation:
    """One rule on one record. `alternatives` is empty for a rule that does not run (its status says why), or whose
    condition can never hold."""

    held: bool
    alternatives: tuple[Alternative, ...]

    def data(self) -> dict[str, Any]:
        """All of it as what JSON knows."""
        return asdict(self)


class Record:
    """One record, a batch of one row, asked about one route's atoms."""

    def __init__(self, fields: Fields, known: Sequence[atoms.Atom]) -> None:
        self._fields = fields
        self._known = known

    def part(self, node: Plain) -> Part:
        """The tree of a condition."""
        if isinstance(node, bool):
            return Part("test", node, test="always" if node else "never")
        if isinstance(node, int):
            return self._test(self._known[node])
        kind, *children = node
        parts = tuple(self.part(child) for child in children)
        answers = [one.held for one in parts]
        if kind == "not":
            return Part("not", not answers[0], parts=parts)
        return Part(kind, (all if kind == "and" else any)(answers), parts=parts)

    def _test(self, atom: atoms.Atom) -> Part:
        words = describe(atom)
        if isinstance(atom, atoms.Absent):
            values = self._values(atom.field)
            return Part("test", not values, atom.field, words, values)
        if isinstance(atom, atoms.Same):
            one, two = self._values(atom.field), self._values(atom.other)
            held = bool(one and two) and atoms.same(atom, one[0], two[0])
            return Part("test", held, atom.field, words, (*one, *two))
        if atom.field == atoms.KEYWORDS:
            values = tuple(value for value in self._texts() if atoms.holds(atom, value))
            return Part("test", bool(values), "", words, values[:SEEN])
        values = self._values(atom.field)
        return Part("test", any(atoms.holds(atom, value) for value in values), atom.field, words, values)

    def _values(self, field: str) -> tuple[str, ...]:
        array = self._fields.column(field)
        value = None if array is None else array[0].as_py()
        return () if value is None else (value,)

    def _texts(self) -> Iterator[str]:
        for _, array, _ in self._fields.texts():
            yield from (value for value in array.to_pylist() if value is not None)


def fired(part: Part) -> Iterator[Fired]:
    """The tests that made a condition hold; nothing if it did not. What stands under `not` is no reason."""
    if not part.held or part.kind == "not":
        return
    if part.kind == "test":
        if part.test != "always":
            yield Fired(part.field, part.values[0] if part.values else None, part.test)
        return
    for inner in part.parts:
        yield from fired(inner)


_WORDS: Mapping[str, str] = {"lt": "below", "lte": "at most", "gt": "above", "gte": "at least", "neq": "not"}


def describe(atom: atoms.Atom) -> str:
    r"""An atom in words, for a person: wildcards as `*` and `?`, those that are plain text as `\*` and `\?`."""
    match atom:
        case atoms.Text():
            text = "".join(_plain(part) if isinstance(part, str) else "*?"[part] for part in atom.pattern)
            return ("is empty" if not atom.pattern else f"matches {text}") + (
                " (cased)" if atom.cased else ""
            )
        case atoms.Regex():
            return f"has the expression {atom.pattern.replace(atoms.LAST, '$')}"
        case atoms.Number():
            return f"is {atom.number}"
        case atoms.Compare():
            return f"is {_WORDS[atom.operator]} {atom.number}"
        case atoms.Network():
            return f"is in {atom.network}"
        case atoms.TimePart():
            words = "" if atom.operator == "eq" else f"{_WORDS[atom.operator]} "
            return f"has {atom.part} {words}{atom.number}"
        case atoms.Absent():
            return "is absent"
        case atoms.Same():
            relation = "equals" if not (atom.starts or atom.ends) else "contains"
            if atom.starts != atom.ends:
                relation = "starts with" if atom.starts else "ends with"
            return f"{relation} {atom.other}"


def _plain(text: str) -> str:
    return text.replace("*", r"\*").replace("?", r"\?")


def in_words(where: Sequence[Where]) -> str:
    """What a log source asks of an event: `source windows, log security, event 4688`."""
    words: dict[str, None] = {}
    for one in where:
        for name in ("source", "log", "provider", "event"):
            values = getattr(one, name)
            if values:
                words[f"{name} {' or '.join(values)}"] = None
    return ", ".join(words) or "any event"
