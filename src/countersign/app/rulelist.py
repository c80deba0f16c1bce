"""Each rule and whether it runs here: active, waiting for a source that this workspace does not have, or why not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from countersign.app.importing import drift
from countersign.app.ruleset import FOLDER, Ready, prepare
from countersign.app.workspace import Workspace
from countersign.lake import Lake
from countersign.rules import CompiledSet, RuleSet
from countersign.rules.compiled import Route
from countersign.rules.correlations import plan
from countersign.rules.explain import in_words

STATES = ("active", "waiting", "no source", "unsupported", "broken")
LOGS_NAMED = 4


@dataclass(frozen=True, slots=True)
class Listed:
    """One rule, or a file that is none (`broken`, of which only reason and path are told). `source` is where it is from:
    `countersign`, the name of an import, or `workspace`."""

    id: str
    title: str
    level: str
    state: str
    reason: str
    path: str
    sha256: str
    kind: str = "rule"
    version: str = ""
    source: str = ""
    line: int | None = None

    def document(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "id": self.id,
            "title": self.title,
            "level": self.level,
            "state": self.state,
            "reason": self.reason,
            "path": self.path,
            "sha256": self.sha256,
            "kind": self.kind,
            "version": self.version,
            "source": self.source,
            "line": self.line,
        }


def listed(workspace: Workspace) -> list[Listed]:
    """Every rule of a workspace, then what is broken."""
    ready = prepare(workspace)
    with workspace.reading() as lake:
        absent = waiting(ready.compiled, ready.ruleset, lake)
    rows = []
    for index, (rule, status) in enumerate(zip(ready.compiled.rules, ready.compiled.status, strict=True)):
        state, reason = (status.state, status.reason)
        if state == "active" and index in absent:
            state, reason = "waiting", absent[index]
        rows.append(
            Listed(
                rule.id,
                rule.title,
                rule.level,
                state,
                reason,
                rule.path,
                rule.sha256,
                rule.kind,
                rule.version,
                source_of(rule.path, ready, workspace),
                rule.line,
            )
        )
    problems = (*ready.ruleset.problems, *ready.problems, *drift(workspace, ready.ruleset.digests))
    rows += [
        Listed(
            "",
            "",
            "",
            "broken",
            one.reason,
            one.path,
            "",
            source=source_of(one.path, ready, workspace),
            line=one.line,
        )
        for one in problems
    ]
    return rows


def source_of(path: str, ready: Ready, workspace: Workspace) -> str:
    """Where a rule is from, by its path."""
    if Path(path).is_relative_to(ready.own):
        return "countersign"
    folder = workspace.root / FOLDER
    parts = Path(path).relative_to(folder).parts if Path(path).is_relative_to(folder) else ()
    return parts[0] if len(parts) > 1 else "workspace"


def waiting(rules: CompiledSet, ruleset: RuleSet, lake: Lake) -> Mapping[int, str]:
    """For each rule that no event here can concern, what it waits for; by its number. A correlation waits for its rules."""
    names = lake.names()
    if names is None:
        return {}  # too many to tell: none is said to wait
    kinds = {tuple(part.casefold() for part in name) for name in names}
    met: set[int] = set()
    wanted: dict[int, list[Route]] = {}
    for route in rules.routes:
        if any(route.takes(kind) for kind in kinds):
            met.update(route.rules)
        else:
            for rule in route.rules:
                wanted.setdefault(rule, []).append(route)
    found = {
        rule: f"waits for a log that is not here: {_words(routes)}"
        for rule, routes in wanted.items()
        if rule not in met
    }
    for step in plan(ruleset).steps:
        idle = [ruleset.rules[one.index].title for one in step.references if one.index in found]
        if idle:
            found[step.index] = f"waits for rules that wait: {', '.join(idle[:LOGS_NAMED])}"
    return found


def _words(routes: Sequence[Route]) -> str:
    """The logs that would do, in words."""
    words = list(dict.fromkeys(in_words(route.where) for route in routes))
    return " or ".join(words[:LOGS_NAMED]) + (", or others" if len(words) > LOGS_NAMED else "")
