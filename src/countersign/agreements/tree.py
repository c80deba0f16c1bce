"""YAML as a tree of plain text with line numbers.

Only what agreements need: mappings, lists and scalars, all scalars as text (so no `no` turns into false and no
`10:30` into a number; the terms say what a text must be). Anchors, aliases, tags and several documents are
refused: nothing can expand, nothing can be constructed. Built from ruamel.yaml's events without recursion.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from ruamel.yaml import YAML, events
from ruamel.yaml.error import MarkedYAMLError, YAMLError, YAMLStreamError

from countersign.agreements.problem import Problem, echo
from countersign.errors import AgreementError

DEEPEST = 16
"""Levels of nesting; agreements need six."""
MOST_NODES = 50_000
"""Nodes of one file: some thousand identities with their accounts."""

_NULL = frozenset({"", "~", "null", "Null", "NULL"})

Plain = str | None | list["Plain"] | dict[str, "Plain"]


@dataclass(slots=True)
class Tree:
    """One file: its `data`, the line (from 1) of every place in it, and what was wrong without being fatal."""

    data: Plain = None
    lines: dict[tuple[str | int, ...], int] = field(default_factory=dict)
    problems: list[tuple[int, Problem]] = field(default_factory=list)

    def line(self, place: tuple[str | int, ...]) -> int | None:
        """The line of a place, or of the nearest one around it that is in the file."""
        for end in range(len(place), -1, -1):
            if place[:end] in self.lines:
                return self.lines[place[:end]]
        return None


@dataclass(slots=True)
class _Open:
    """A mapping or list that is being read; `key` is the key whose value comes next."""

    place: tuple[str | int, ...]
    into: dict[str, Plain] | list[Plain]
    key: str | None = None
    dropped: bool = False


def read_tree(text: str, path: str) -> Tree:
    """The tree of one YAML document.

    Raises:
        AgreementError: it is no YAML that an agreement can be written in.

    """
    try:
        return _build(YAML(typ="safe", pure=True).parse(text), path)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        what = (error.problem or error.context or "it cannot be read").strip()
        raise AgreementError(
            f"this is no YAML: {what}",
            path=path,
            line=None if mark is None else mark.line + 1,
            remedy="check indentation and quotes; a text that begins with * or @ must be in quotes",
        ) from None
    except (YAMLError, YAMLStreamError, ValueError, OverflowError):
        raise AgreementError(
            "this is no YAML: it holds characters that YAML does not allow",
            path=path,
            remedy="save it as plain UTF-8 text",
        ) from None


def _build(stream: Iterator[events.Event], path: str) -> Tree:
    tree = Tree()
    stack: list[_Open] = []
    documents = 0
    for count, event in enumerate(stream):
        line = event.start_mark.line + 1
        if isinstance(event, events.DocumentStartEvent):
            documents += 1
            if documents > 1:
                raise AgreementError(
                    "a second YAML document begins", path=path, line=line, remedy="write one agreement a file"
                )
        if count > MOST_NODES:
            raise AgreementError("the file has too many entries", path=path, line=line, remedy="split it up")
        if isinstance(event, events.NodeEvent):
            _refuse(event, path, line)
            _node(event, tree, stack, path, line)
        elif isinstance(event, events.CollectionEndEvent):
            stack.pop()
    return tree


def _refuse(event: events.NodeEvent, path: str, line: int) -> None:
    if isinstance(event, events.AliasEvent) or event.anchor:
        raise AgreementError(
            f"{echo(event.anchor)} is a YAML anchor or alias, which agreements do not have",
            path=path,
            line=line,
            remedy="write the text out; a text that begins with * or & must be in quotes",
        )
    if getattr(event, "tag", None):
        raise AgreementError("this has a YAML tag", path=path, line=line, remedy="leave the word with ! out")


def _node(event: events.NodeEvent, tree: Tree, stack: list[_Open], path: str, line: int) -> None:
    parent = stack[-1] if stack else None
    if parent is not None and isinstance(parent.into, dict) and parent.key is None:
        _key(event, tree, parent, path, line)
        return
    place, dropped = _place(parent)
    value: Plain
    if isinstance(event, events.ScalarEvent):
        value = None if event.style is None and event.value in _NULL else event.value
    else:
        value = {} if isinstance(event, events.MappingStartEvent) else []
        stack.append(_Open(place, value, dropped=dropped))
        if len(stack) > DEEPEST:
            raise AgreementError(
                "this is nested too deep", path=path, line=line, remedy="agreements need six levels"
            )
    if not dropped:
        tree.lines.setdefault(place, line)
        _put(tree, parent, value)
    elif parent is not None:
        parent.key = None


def _place(parent: _Open | None) -> tuple[tuple[str | int, ...], bool]:
    if parent is None:
        return (), False
    if isinstance(parent.into, dict):
        key = parent.key or ""
        return (*parent.place, key), parent.dropped or key in parent.into
    return (*parent.place, len(parent.into)), parent.dropped


def _put(tree: Tree, parent: _Open | None, value: Plain) -> None:
    if parent is None:
        tree.data = value
    elif isinstance(parent.into, dict):
        parent.into[parent.key or ""] = value
        parent.key = None
    else:
        parent.into.append(value)


def _key(event: events.NodeEvent, tree: Tree, parent: _Open, path: str, line: int) -> None:
    if not isinstance(event, events.ScalarEvent):
        raise AgreementError(
            "a key is a list or a mapping", path=path, line=line, remedy="put texts with { or [ in quotes"
        )
    parent.key = event.value
    place = (*parent.place, event.value)
    if event.value in parent.into and not parent.dropped:
        first = tree.lines.get(place)
        tree.problems.append(
            (
                line,
                Problem(
                    place,
                    f"key {echo(event.value)} stands twice, first in line {first}",
                    "keep one of the two",
                ),
            )
        )
    elif not parent.dropped:
        tree.lines[place] = line
