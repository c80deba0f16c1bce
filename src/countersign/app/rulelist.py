"""Each rule and whether it runs here: active, waiting for a source that this workspace does not have, or why not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from countersign.app.ruleset import FOLDER, Ready, prepare
from countersign.app.workspace import Workspace
from countersign.lake import Lake
from countersign.rules import CompiledSet, Where
from countersign.rules.compiled import Route

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
        absent = waiting(ready.compiled, lake)
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
        for one in (*ready.ruleset.problems, *ready.problems)
    ]
    return rows


def source_of(path: str, ready: Ready, workspace: Workspace) -> str:
    """Where a rule is from, by its path."""
    if Path(path).is_relative_to(ready.own):
        return "countersign"
    folder = workspace.root / FOLDER
    parts = Path(path).relative_to(folder).parts if Path(path).is_relative_to(folder) else ()
    return parts[0] if len(parts) > 1 else "workspace"


def waiting(rules: CompiledSet, lake: Lake) -> Mapping[int, str]:
    """For each rule that no event here can concern, what it waits for; by its number."""
    kinds = {tuple(part.casefold() for part in name) for name in lake.names()}
    met: set[int] = set()
    wanted: dict[int, list[Route]] = {}
    for route in rules.routes:
        if any(route.takes(kind) for kind in kinds):
            met.update(route.rules)
        else:
            for rule in route.rules:
                wanted.setdefault(rule, []).append(route)
    return {
        rule: f"waits for a log that is not here: {_words(routes)}"
        for rule, routes in wanted.items()
        if rule not in met
    }


def _words(routes: Sequence[Route]) -> str:
    """The logs that would do, in words."""
    words = list(dict.fromkeys(_route(route.where) for route in routes))
    return " or ".join(words[:LOGS_NAMED]) + (", or others" if len(words) > LOGS_NAMED else "")


def _route(where: Sequence[Where]) -> str:
    logs = list(dict.fromkeys(name for one in where for name in (one.log or one.provider)))
    events = list(dict.fromkeys(event for one in where for event in one.event))
    families = list(dict.fromkeys(name for one in where for name in one.source))
    text = "/".join(families) if not logs else " or ".join(logs[:LOGS_NAMED])
    return f"{text} event {', '.join(events[:LOGS_NAMED])}" if events else text or "any log"
