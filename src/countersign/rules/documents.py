"""YAML documents of a rule file, each parsed by pySigma on its own, so that one cannot spoil another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sigma.correlations import SigmaCorrelationRule
from sigma.filters import SigmaFilter
from sigma.policy import SigmaPolicy
from sigma.rule import SigmaRule
from sigma.rule.base import SigmaYAMLLoader, check_alias_expansion
from sigma.rule.detection import EmptySigmaDetections
from sigma.rule.logsource import EmptyLogSource
from yaml import YAMLError  # noqa: TID251  # this is the rules' loader: SigmaYAMLLoader is safe and refuses double keys

from countersign.rules.correlations.parse import Broken, parse_correlation
from countersign.rules.failures import PARSER_FAILURES, clean
from countersign.rules.filters import parse_filter
from countersign.rules.modifiers import ALIASES, aliased
from countersign.rules.regexes import QuietRE2
from countersign.rules.yamlfile import refuse_depth

MAX_DOCUMENTS = 1_000
"""In one file."""
__all__ = ["MAX_DOCUMENTS", "PARSER_FAILURES", "Document", "Parsed", "read_documents"]

Parsed = SigmaRule | SigmaCorrelationRule | SigmaFilter
"""What pySigma makes of a document."""


@dataclass(frozen=True, slots=True)
class Document:
    """One rule's data, the line where it begins (from 1), pySigma's view (None where it has none), and what was wrong
    with it."""

    data: Mapping[str, Any]
    line: int
    parsed: Parsed | None
    problems: tuple[tuple[int, str], ...] = ()


def read_documents(data: bytes) -> tuple[list[Document], list[tuple[int, str]]]:
    """The rules in a file, and (line, reason) of what could not be read."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return [], [(data[: error.start].count(b"\n") + 1, "is not UTF-8")]
    raw: list[tuple[dict[str, Any], int]] = []
    problems: list[tuple[int, str]] = []
    try:
        refuse_depth(text)
        _read(text, raw, problems)
    except YAMLError as error:
        problems.append(_yaml_problem(error))
    except PARSER_FAILURES as error:
        problems.append((1, clean(error)))
    documents: list[Document] = []
    for merged, line in _collection(raw, problems):
        documents.append(_document(merged, line))
    return documents, problems


def _read(text: str, raw: list[tuple[dict[str, Any], int]], problems: list[tuple[int, str]]) -> None:
    loader = SigmaYAMLLoader(text)
    try:
        while loader.check_node():
            node = loader.get_node()
            if node is None:
                continue
            line = node.start_mark.line + 1
            try:
                value = loader.construct_document(node)
                if "&" in text:  # without an anchor there are no aliases
                    check_alias_expansion(value)
            except YAMLError as error:
                problems.append(_yaml_problem(error, line))
                continue
            if value is None:
                continue
            if not isinstance(value, dict):
                problems.append((line, "is not a mapping, so it is no rule"))
            elif len(raw) >= MAX_DOCUMENTS:
                problems.append((line, f"more than {MAX_DOCUMENTS} documents in one file"))
                return
            else:
                named = any(name in text for name in ALIASES)  # one file in thousands needs the walk
                raw.append((aliased(value) if named else value, line))
    finally:
        loader.dispose()


def _collection(
    raw: list[tuple[dict[str, Any], int]], problems: list[tuple[int, str]]
) -> list[tuple[dict[str, Any], int]]:
    """Sigma collections: `action: global` adds to every rule after it, `repeat` to the rule before, `reset`
    ends a global."""
    out: list[tuple[dict[str, Any], int]] = []
    common: dict[str, Any] = {}
    previous: dict[str, Any] = {}
    for data, line in raw:
        action = data.get("action")
        rest = {name: value for name, value in data.items() if name != "action"}
        if action == "global":
            common = previous = rest
        elif action == "reset":
            common = {}
        elif action == "repeat":
            previous = _merge(previous, rest)
            out.append((previous, line))
        elif action is not None:
            problems.append((line, "the collection action is none of global, repeat, reset"))
        else:
            plain = "correlation" in data or "filter" in data
            previous = data if plain else _merge(data, common)  # as pySigma: the global part wins
            out.append((previous, line))
    return out


def _merge(base: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    out = dict(base)
    for name, value in more.items():
        old = out.get(name)
        out[name] = _merge(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return out


def _document(data: dict[str, Any], line: int) -> Document:
    if "correlation" in data or "filter" in data:
        return _meta(data, line)
    try:
        parsed = SigmaRule.from_dict(dict(data), collect_errors=True, policy=SigmaPolicy(QuietRE2()))
    except PARSER_FAILURES as error:
        return Document(data, line, None, ((line, clean(error)),))
    problems = tuple((line, clean(error)) for error in parsed.errors)
    broken = isinstance(parsed.detection, EmptySigmaDetections) or isinstance(
        parsed.logsource, EmptyLogSource
    )
    return Document(data, line, None if broken else parsed, problems)


def _meta(data: dict[str, Any], line: int) -> Document:
    """A correlation or a filter."""
    parsed: Parsed | None
    try:
        parsed, wrong = parse_correlation(data) if "correlation" in data else parse_filter(data)
    except (*PARSER_FAILURES, Broken) as error:
        parsed, wrong = None, [str(error)]
    return Document(data, line, parsed, tuple((line, clean(reason)) for reason in wrong))


def _yaml_problem(error: YAMLError, line: int = 1) -> tuple[int, str]:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None)
    return (mark.line + 1 if mark is not None else line), clean(problem or error)
