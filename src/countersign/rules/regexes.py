"""Regular expressions in linear time: RE2 syntax only, and the literals that every match must contain.

A literal lets a field's one automaton find the few values worth trying. It is taken from Python's parse of
the expression (pySigma accepts only what Python does) and never from anything doubtful.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable
from typing import Any

from sigma.policy.regex_engine import RE2RegexEngine, RegexPattern

from countersign.rules.atoms import LAST

SHORTEST_LITERAL = 2
"""A single character stands in nearly every value and saves nothing."""
MOST_LITERALS = 64
"""An alternation of more than this many literals is not worth hanging on them."""
DEEPEST = 30
"""Nested groups beyond this are not looked into."""


class QuietRE2(RE2RegexEngine):
    """pySigma's RE2 engine, without RE2's own words on the standard error for every bad expression."""

    def compile(self, pattern: str, flags: int = 0) -> RegexPattern:
        """As in `RegexEngine`: the expression compiled, or `error`."""
        pattern = as_pcre(pattern, lines=bool(flags & re.MULTILINE))
        letters = "".join(name for flag, name in _FLAGS if flags & flag)
        reason = refusal(f"(?{letters}){pattern}" if letters else pattern)
        if reason:
            raise self.error(reason)
        return super().compile(pattern, flags)


_FLAGS = ((re.IGNORECASE, "i"), (re.MULTILINE, "m"), (re.DOTALL, "s"))


def refusal(pattern: str) -> str | None:
    """Why RE2 cannot run the expression, None if it can."""
    import re2

    if any("\ud800" <= character <= "\udfff" for character in pattern):
        return "a lone surrogate, which no text holds"
    options = re2.Options()
    options.log_errors = False
    try:
        re2.compile(pattern, options)
    except re2.error as error:
        text = error.args[0] if error.args else "not understood"
        said = (text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text)).strip()
        return next((f"{said} ({meant})" for start, meant in _NOT_LINEAR if said.startswith(start)), said)
    return None


_NOT_LINEAR = (
    ("invalid perl operator: (?=", "look-around does not run in linear time"),
    ("invalid perl operator: (?!", "look-around does not run in linear time"),
    ("invalid perl operator: (?<", "look-around does not run in linear time"),
    ("invalid perl operator: (?>", "atomic groups are not in RE2"),
    ("bad repetition operator", "possessive quantifiers are not in RE2"),
    ("invalid repetition size", "at most 1,000, nested ones multiplied"),
    *(
        (f"invalid escape sequence: \\{digit}", "back references do not run in linear time")
        for digit in "123456789"
    ),
)
"""How RE2's reasons begin, and what they mean for who wrote the rule."""


_TOKEN = re.compile(
    r"""\\Q.*?(?:\\E|\Z)      # quoted text
    | \\.                    # an escaped character
    | \[\^?\]?(?:\\.|\[:\^?[a-z]+:\]|[^\]\\])*\]   # a class
    | \$
    """,
    re.VERBOSE | re.DOTALL,
)
_LINES = re.compile(r"\(\?[a-zA-Z]*m")


def as_pcre(pattern: str, *, lines: bool) -> str:
    r"""The expression with `$` and `\Z` as in PCRE, where they also stand before a line end that is the last character:
    script blocks often end in one. `lines` says that `m` is set, with which the two engines agree on `$`."""
    kept = lines or bool(_LINES.search(pattern))

    def replaced(found: re.Match[str]) -> str:
        piece = found[0]
        return LAST if piece == r"\Z" or (piece == "$" and not kept) else piece

    return _TOKEN.sub(replaced, pattern)


def required_literals(pattern: str) -> tuple[str, ...]:
    """Casefolded ASCII literals one of which stands in every match, whatever its case; empty if none is sure."""
    if "[:" in pattern:  # a POSIX class, which Python reads as something else
        return ()
    try:
        with warnings.catch_warnings():  # a set that may change its meaning one day
            warnings.simplefilter("ignore", FutureWarning)
            parsed = re._parser.parse(pattern)  # type: ignore[attr-defined] # noqa: SLF001  # the only parser there is
    except (re.error, RecursionError, OverflowError):
        return ()
    found = _best(parsed, 0)
    return tuple(sorted(found)) if found else ()


Literals = frozenset[str]


def _best(sequence: Iterable[tuple[Any, Any]], depth: int) -> Literals | None:
    """The best set of literals of which one must stand in a match of the whole sequence."""
    if depth > DEEPEST:
        return None
    candidates: list[Literals] = []
    run: list[str] = []
    for operation, argument in sequence:
        name = str(operation)
        character = _character(name, argument)
        if character:
            run.append(character)
            continue
        if name == "AT":  # a place, not a character: the run goes on
            continue
        _close(run, candidates)
        inner = _inside(name, argument, depth)
        if inner:
            candidates.append(inner)
    _close(run, candidates)
    return max(candidates, key=_worth, default=None)


def _character(name: str, argument: Any) -> str:  # noqa: ANN401  # a parse tree has no types
    """The one ASCII character, casefolded, that stands here: itself, or a class such as `[Ee]`."""
    codes = [argument] if name == "LITERAL" else []
    if name == "IN" and all(str(operation) == "LITERAL" for operation, _ in argument):
        codes = [code for _, code in argument]
    folded = {chr(code).casefold() for code in codes if code < 128}
    return folded.pop() if len(folded) == 1 and all(code < 128 for code in codes) else ""


def _inside(name: str, argument: Any, depth: int) -> Literals | None:  # noqa: ANN401  # a parse tree has no types
    if name == "SUBPATTERN":
        return _best(argument[3], depth + 1)
    if name in {"MAX_REPEAT", "MIN_REPEAT"} and argument[0] >= 1:
        return _best(argument[2], depth + 1)
    if name == "BRANCH":
        union: set[str] = set()
        for alternative in argument[1]:
            found = _best(alternative, depth + 1)
            if not found:
                return None
            union |= found
        return frozenset(union) if len(union) <= MOST_LITERALS else None
    return None


def _close(run: list[str], candidates: list[Literals]) -> None:
    text = "".join(run).casefold()
    run.clear()
    if len(text) >= SHORTEST_LITERAL:
        candidates.append(frozenset({text}))


def _worth(literals: Literals) -> tuple[int, int]:
    return min(map(len, literals)), -len(literals)
