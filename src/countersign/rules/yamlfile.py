"""YAML files of the user's that are no rules: safe, of bounded depth, with the line of every entry."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator
from typing import Any

from yaml import (  # noqa: TID251  # this is a loader of the rules: safe, of bounded depth, double keys refused
    CSafeLoader,
    MappingNode,
    MarkedYAMLError,
    Node,
    SequenceNode,
    YAMLError,
)

from countersign.errors import RuleError

MAX_DEPTH = 100
"""Rules nest five deep; libyaml's composer recurses in C and a deep file would kill the process."""
_LEADING = re.compile(r"^[ \-?:]*", re.MULTILINE)


class Loader(CSafeLoader):
    """YAML's plain types only; a key that stands twice is an error."""

    def construct_mapping(self, node: MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """As in PyYAML."""
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key.value, str):
                raise MarkedYAMLError(problem="a name is no text", problem_mark=key.start_mark)
            if key.value in seen:
                raise MarkedYAMLError(
                    problem=f"the name `{key.value}` stands twice", problem_mark=key.start_mark
                )
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def refuse_depth(text: str) -> None:
    """Refuse text that nests too deep. Cheap bounds first; only a file beyond them is walked event by event, which
    needs no recursion.

    Raises:
        ValueError: it does.
        yaml.YAMLError: it is no YAML.

    """
    deepest = max(map(len, _LEADING.findall(text)), default=0)
    if deepest + text.count("[") + text.count("{") <= MAX_DEPTH:
        return
    loader = Loader(text)
    try:
        depth = 0
        while loader.check_event():
            name = type(loader.get_event()).__name__
            depth += name.endswith("StartEvent") - name.endswith("EndEvent")
            if depth > MAX_DEPTH:
                raise ValueError(f"nested more than {MAX_DEPTH} deep")
    finally:
        loader.dispose()


def read_values(data: bytes, path: str, remedy: str) -> Iterator[tuple[Any, int, Node]]:
    """Each document of a file: its value, its line (from 1) and its node, from which the lines of its parts come.

    Raises:
        RuleError: it is no YAML, or nested too deep.

    """
    try:
        text = data.decode("utf-8-sig")
        refuse_depth(text)
        loader = Loader(text)
        try:
            while loader.check_node():
                node = loader.get_node()
                if node is not None:
                    value = loader.construct_document(node)
                    yield value, node.start_mark.line + 1, node
        finally:
            loader.dispose()
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise RuleError("is not UTF-8", path=path, line=line, remedy="save the file as UTF-8") from error
    except YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        reason = str(getattr(error, "problem", None) or error)
        place = None if mark is None else mark.line + 1
        raise RuleError(f"no YAML: {reason}", path=path, line=place, remedy=remedy) from error
    except (ValueError, TypeError, RecursionError) as error:
        raise RuleError(" ".join(str(error).split())[:300], path=path, remedy=remedy) from error


def read_mapping(data: bytes, path: str, remedy: str) -> dict[str, tuple[Any, int]]:
    """The one mapping of a file: each name with its value and its line.

    Raises:
        RuleError: it is anything else.

    """
    out: dict[str, tuple[Any, int]] = {}
    for value, line, node in read_values(data, path, remedy):
        if value is None:
            continue
        if not isinstance(value, dict) or not isinstance(node, MappingNode) or out:
            raise RuleError("is not one mapping of names", path=path, line=line, remedy=remedy)
        lines = entry_lines(node)
        out = {str(name): (value[name], lines.get(str(name), line)) for name in value}
    return out


def entry_lines(node: Node) -> dict[str, int]:
    """The line (from 1) of each name of a mapping, or of each place (`0`, `1`, ...) of a list."""
    if isinstance(node, MappingNode):
        return {str(key.value): key.start_mark.line + 1 for key, _ in node.value}
    if isinstance(node, SequenceNode):
        return {str(place): one.start_mark.line + 1 for place, one in enumerate(node.value)}
    return {}


def entry(node: Node, name: str) -> Node | None:
    """The node under a name of a mapping."""
    if not isinstance(node, MappingNode):
        return None
    return next((value for key, value in node.value if key.value == name), None)
