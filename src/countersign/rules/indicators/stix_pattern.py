"""STIX patterns as clauses: what one event can answer, and in words what it cannot.

A pattern is parsed by OASIS's own library; only the commonest form, one comparison, is read without it, which is a
hundred times quicker. Of alternatives (OR) those that can be matched are kept; of what must hold together (AND)
nothing is left out, for then it would match more than was written.

Reference: STIX Version 2.1, part 9 (https://docs.oasis-open.org/cti/stix/v2.1/os/stix-v2.1-os.html#_e8slinrhxcc9).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from typing import TYPE_CHECKING, Any

from countersign.rules.indicators.terms import Clause, Kind, Side, Term, term

if TYPE_CHECKING:
    from antlr4 import ParserRuleContext

MAX_PATTERN = 65_536
"""Characters. A thousand hashes in one pattern have 100,000, and are rare."""
MAX_CLAUSES = 2_048
"""Alternatives of one pattern, multiplied out."""
MAX_TERMS = 16
"""Comparisons that must hold together."""
MAX_DEPTH = 64
"""Brackets inside brackets."""

_SIMPLE = re.compile(
    r"\s*\[\s*([a-z0-9-]+):([A-Za-z0-9_]+)(?:\.([A-Za-z0-9_]+|'[A-Za-z0-9_-]+'))?\s*=\s*'((?:[^'\\]|\\['\\])*)'\s*\]\s*"
)
_HASHES = {
    "md5": Kind.MD5, "sha1": Kind.SHA1, "sha256": Kind.SHA256, "imphash": Kind.IMPHASH,
}  # fmt: skip
_VALUES: Mapping[tuple[str, str], tuple[Kind, Side]] = {
    ("ipv4-addr", "value"): (Kind.ADDRESS, Side.ANY),
    ("ipv6-addr", "value"): (Kind.ADDRESS, Side.ANY),
    ("domain-name", "value"): (Kind.DOMAIN, Side.ANY),
    ("domain-name", "resolves_to_refs.value"): (Kind.ADDRESS, Side.ANY),
    ("url", "value"): (Kind.URL, Side.ANY),
    ("email-addr", "value"): (Kind.EMAIL, Side.ANY),
    ("email-message", "from_ref.value"): (Kind.EMAIL, Side.ANY),
    ("email-message", "sender_ref.value"): (Kind.EMAIL, Side.ANY),
    ("email-message", "to_refs.value"): (Kind.EMAIL, Side.ANY),
    ("file", "name"): (Kind.FILE, Side.ANY),
    ("process", "image_ref.name"): (Kind.FILE, Side.ANY),
    ("process", "binary_ref.name"): (Kind.FILE, Side.ANY),
    ("mutex", "name"): (Kind.MUTEX, Side.ANY),
    ("network-traffic", "src_ref.value"): (Kind.ADDRESS, Side.SOURCE),
    ("network-traffic", "dst_ref.value"): (Kind.ADDRESS, Side.DESTINATION),
    ("network-traffic", "src_port"): (Kind.PORT, Side.SOURCE),
    ("network-traffic", "dst_port"): (Kind.PORT, Side.DESTINATION),
}
"""Object type and path -> what it is here. Hashes are in `_HASHED`."""
_HASHED = frozenset(
    {
        ("file", "hashes."),
        ("artifact", "hashes."),
        ("process", "image_ref.hashes."),
        ("process", "binary_ref.hashes."),
        ("x509-certificate", "hashes."),
    }
)
_ENDS = frozenset({"src_ref.type", "dst_ref.type"})
_END_TYPES = frozenset({"ipv4-addr", "ipv6-addr", "domain-name"})


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a pattern comes to: its `clauses` (none if it cannot be matched), and what of it cannot be matched."""

    clauses: tuple[Clause, ...]
    unmatched: tuple[str, ...] = ()

    def or_(self, other: Meaning) -> Meaning:
        """Either."""
        return _bounded(self.clauses + other.clauses, self.unmatched + other.unmatched)

    def and_(self, other: Meaning) -> Meaning:
        """Both, in the same event."""
        if len(self.clauses) * len(other.clauses) > MAX_CLAUSES:
            return Meaning(
                (), (*self.unmatched, *other.unmatched, f"it has more than {MAX_CLAUSES} alternatives")
            )
        both = tuple(tuple(dict.fromkeys((*one, *two))) for one, two in product(self.clauses, other.clauses))
        return _bounded(both, self.unmatched + other.unmatched)


def read_pattern(text: str) -> Meaning:
    """The meaning of a pattern. Raises `ValueError` with the place where it is not one."""
    if len(text) > MAX_PATTERN:
        raise ValueError(f"the pattern is longer than {MAX_PATTERN} characters")
    simple = _SIMPLE.fullmatch(text)
    if simple is not None:
        kind, head, step, value = simple.groups()
        path = head if step is None else f"{head}.{step.strip(chr(39))}"
        return _narrow(_compared(kind, path, _unescaped(value)))
    return _narrow(_parsed(text))


def _narrow(meaning: Meaning) -> Meaning:
    if any(not clause for clause in meaning.clauses):
        return Meaning((), (*meaning.unmatched, "it holds of every event"))
    return meaning


def _bounded(clauses: tuple[Clause, ...], unmatched: tuple[str, ...]) -> Meaning:
    if len(clauses) > MAX_CLAUSES:
        return Meaning((), (*unmatched, f"it has more than {MAX_CLAUSES} alternatives"))
    if any(len(clause) > MAX_TERMS for clause in clauses):
        return Meaning((), (*unmatched, f"more than {MAX_TERMS} comparisons must hold together"))
    return Meaning(clauses, unmatched)


def _parsed(text: str) -> Meaning:
    from stix2patterns.exceptions import ParseException
    from stix2patterns.v21.pattern import Pattern

    if _depth(text) > MAX_DEPTH:
        raise ValueError(f"more than {MAX_DEPTH} brackets inside each other")
    try:
        tree = Pattern(text)
    except ParseException as error:
        raise ValueError(f"it is no STIX pattern: {error}") from None
    except RecursionError:
        raise ValueError("it is nested too deep") from None
    meaning: Meaning = tree.visit(_Reader())
    return meaning


def _depth(text: str) -> int:
    depth = deepest = 0
    for mark in text:
        if mark in "([":
            depth += 1
            deepest = max(deepest, depth)
        elif mark in ")]":
            depth -= 1
    return deepest


class _Reader:
    """Reads the library's parse tree. Chains of OR and AND lean to the left and are walked in a loop."""

    def visit(self, tree: ParserRuleContext) -> Meaning:
        """What `Pattern.visit` calls with the root."""
        return self._observations(tree.getChild(0))

    def _observations(self, node: ParserRuleContext) -> Meaning:
        name = _name(node)
        if name in {"ObservationExpressionsContext", "ObservationExpressionAndContext"}:
            if node.getChildCount() == 1:
                return self._observations(node.getChild(0))
            word = "FOLLOWEDBY" if name == "ObservationExpressionsContext" else "AND"
            return Meaning((), (f"[..] {word} [..] asks for several events",))
        if name == "ObservationExpressionOrContext":
            return _any(self._observations(part) for part in _chain(node))
        if name == "ObservationExpressionCompoundContext":
            return self._observations(node.getChild(1))
        if name == "ObservationExpressionSimpleContext":
            return self._comparison(node.getChild(1))
        return Meaning(
            (), (f"the qualifier {node.getChild(1).getText()!r} asks for more than one event says",)
        )

    def _comparison(self, node: ParserRuleContext) -> Meaning:
        name = _name(node)
        if name == "ComparisonExpressionContext":
            return _any(self._comparison(part) for part in _chain(node))
        if name == "ComparisonExpressionAndContext":
            found = Meaning(((),))
            for part in _chain(node):
                found = found.and_(self._comparison(part))
            return found
        if name == "PropTestParenContext":
            return self._comparison(node.getChild(1))
        return self._test(node, name)

    def _test(self, node: Any, name: str) -> Meaning:  # noqa: ANN401  # the library's contexts are made by a generator
        if name == "PropTestExistsContext":
            return Meaning((), (f"EXISTS is not matched ({node.getText()[:80]})",))
        kind, path = _path(node.objectPath())
        if node.NOT() is None:
            if name == "PropTestEqualContext" and node.EQ() is not None:
                return _literals(kind, path, [node.primitiveLiteral()])
            if name == "PropTestSetContext":
                return _literals(kind, path, node.setLiteral().primitiveLiteral())
            if name == "PropTestIsSubsetContext":
                return _compared(kind, path, _string(node.StringLiteral().getText()))
            if name == "PropTestLikeContext":
                value = _string(node.StringLiteral().getText())
                if "%" not in value and "_" not in value:
                    return _compared(kind, path, value)
        return Meaning((), (f"the comparison {_shown(node)} is not matched, only =, IN and ISSUBSET are",))


def _name(node: object) -> str:
    return type(node).__name__


def _chain(node: ParserRuleContext) -> list[ParserRuleContext]:
    """The operands of a chain of one operator, which nests to the left."""
    parts = []
    while node.getChildCount() == 3 and _name(node.getChild(0)) == _name(node):
        parts.append(node.getChild(2))
        node = node.getChild(0)
    parts.append(node.getChild(0))
    return parts[::-1]


def _any(meanings: Iterable[Meaning]) -> Meaning:
    clauses: list[Clause] = []
    unmatched: list[str] = []
    for one in meanings:
        clauses += one.clauses
        unmatched += one.unmatched
    return _bounded(tuple(dict.fromkeys(clauses)), tuple(dict.fromkeys(unmatched)))


def _shown(node: Any) -> str:  # noqa: ANN401  # as above
    text = " ".join(child.getText() for child in node.getChildren())
    return repr(text if len(text) <= 80 else text[:80] + "...")


def _path(node: Any) -> tuple[str, str]:  # noqa: ANN401  # as above
    """Object type and path, without indexes into lists and quotes around keys."""
    text = node.getText()
    kind, _, path = text.partition(":")
    return kind, re.sub(r"\[[^\]]*\]", "", path).replace("'", "")


def _literals(kind: str, path: str, nodes: Iterable[Any]) -> Meaning:
    found = []
    for node in nodes:
        text = node.getText()
        if text.startswith("'"):
            found.append(_compared(kind, path, _string(text)))
        elif text.isdecimal():
            found.append(_compared(kind, path, text))
        else:
            found.append(Meaning((), (f"the value {text[:40]} is not matched",)))
    return _any(found)


def _string(literal: str) -> str:
    return _unescaped(literal[1:-1])


def _unescaped(text: str) -> str:
    return re.sub(r"\\(['\\])", r"\1", text) if "\\" in text else text


@lru_cache(maxsize=256)
def _meant(kind: str, path: str) -> tuple[Kind, Side] | None:
    known = _VALUES.get((kind, path))
    if known is not None:
        return known
    head, dot, algorithm = path.rpartition(".")
    if (kind, head + dot) in _HASHED:
        found = _HASHES.get(re.sub(r"[^a-z0-9]", "", algorithm.lower()))
        return None if found is None else (found, Side.ANY)
    return None


def _compared(kind: str, path: str, value: str) -> Meaning:
    """One comparison for equality."""
    if kind == "network-traffic" and path in _ENDS and value in _END_TYPES:
        return Meaning(((),))  # says of what type the other comparison's value is, and no more
    meant = _meant(kind, path)
    if meant is None:
        return Meaning((), (f"{kind}:{path} is not matched in any event",))
    try:
        return Meaning(((_term(*meant, value),),))
    except ValueError as error:
        return Meaning((), (f"{kind}:{path} = {value[:80]!r}: {error}",))


def _term(kind: Kind, side: Side, value: str) -> Term:
    if kind is Kind.ADDRESS and side is not Side.ANY:
        try:
            return term(kind, value, side)
        except ValueError:
            return term(Kind.DOMAIN, value, side)
    if kind is Kind.FILE and ("\\" in value or "/" in value):
        return term(Kind.PATH, value, side)
    return term(kind, value, side)
