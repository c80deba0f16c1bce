"""Each rule and whether it runs here: active, waiting for a source that this workspace does not have, or why not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from countersign.app.holding import quiet_rules
from countersign.app.importing import drift
from countersign.app.ruleset import FOLDER, Ready, prepare
from countersign.app.workspace import Workspace, now
from countersign.lake import Lake
from countersign.rules import CompiledSet, Problem, Rule, RuleSet
from countersign.rules.compiled import Route
from countersign.rules.correlations import plan
from countersign.rules.explain import in_words

STATES = ("active", "silent", "waiting", "no source", "unsupported", "broken", "filter", "exception")
"""`silent` is a rule that runs and speaks through correlations only. A `filter` is at work in other rules' conditions, an
`exception` (of those written as Sigma filters) holds their hits back."""
LOGS_NAMED = 4


@dataclass(frozen=True, slots=True)
class Listed:
    """One rule, or a file that is none (`broken` without an id, of which only reason and path are told). `source` is where it is
    from: `countersign`, the name of an import, or `workspace`."""

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


def listed(workspace: Workspace, as_of: datetime | None = None) -> list[Listed]:
    """Every rule of a workspace, then whatever else is broken."""
    ready = prepare(workspace)
    with workspace.reading() as lake:
        absent = waiting(ready.compiled, ready.ruleset, lake)
    problems = [*ready.ruleset.problems, *ready.problems, *drift(workspace, ready.ruleset.digests)]
    faults = {(one.path, one.line): one.reason for one in reversed(ready.ruleset.problems)}
    quiet, exceptions = _speaking_for(ready), _exceptions(ready, as_of or now())
    rows = []
    for index, (rule, status) in enumerate(zip(ready.compiled.rules, ready.compiled.status, strict=True)):
        state: str = status.state
        reason = status.reason
        if state == "unsupported" and (rule.path, rule.line) in faults:
            state, reason = "broken", faults[rule.path, rule.line]
            problems = [one for one in problems if (one.path, one.line) != (rule.path, rule.line)]
        elif state == "active" and rule.id in exceptions:
            state, reason = "exception", exceptions[rule.id]
        elif state == "active" and rule.kind == "filter":
            state = "filter"
        elif state == "active" and index in absent:
            state, reason = "waiting", absent[index]
        elif state == "active" and rule.id in quiet:
            state, reason = (
                "silent",
                f"speaks through {quiet[rule.id]} (generate: true gives it findings of its own)",
            )
        rows.append(_row(rule, state, reason, source_of(rule.path, ready, workspace)))
    return rows + [_broken(one, source_of(one.path, ready, workspace)) for one in problems]


def _row(rule: Rule, state: str, reason: str, source: str) -> Listed:
    kind = "exception" if state == "exception" else rule.kind
    return Listed(
        rule.id,
        rule.title,
        rule.level,
        state,
        reason,
        rule.path,
        rule.sha256,
        kind,
        rule.version,
        source,
        rule.line,
    )


def _broken(one: Problem, source: str) -> Listed:
    return Listed("", "", "", "broken", one.reason, one.path, "", source=source, line=one.line)


def _speaking_for(ready: Ready) -> dict[str, str]:
    """For each rule whose hits make no finding, the correlations that speak for it; by its id."""
    quiet = quiet_rules(ready)
    found: dict[str, list[str]] = {}
    for step in plan(ready.ruleset).steps:
        for one in step.references:
            found.setdefault(ready.ruleset.rules[one.index].id, []).append(
                ready.ruleset.rules[step.index].title
            )
    return {id_: ", ".join(dict.fromkeys(found[id_])) for id_ in quiet}


def _exceptions(ready: Ready, as_of: datetime) -> dict[str, str]:
    """What each exception that is written as a Sigma filter does, by its id."""
    return {
        one.id: f"{'holds hits back until' if one.in_force(as_of) else 'expired on'} {one.until.isoformat()}: {one.reason}"
        for one in ready.exemptions
        if one.parsed is not None
    }


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
