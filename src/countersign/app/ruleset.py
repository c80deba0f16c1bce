"""The rules of a workspace: our own pack and those in its `rules/` folder."""

from __future__ import annotations

from typing import Any

from countersign.app.workspace import Workspace
from countersign.rules import CompiledSet, RuleSet, compile_rules, load_logsources, load_rules, own_rules


def rule_set(workspace: Workspace) -> RuleSet:
    """Our own pack, then whatever lies in the workspace's folder `rules`."""
    own = own_rules()
    folder = workspace.root / "rules"
    if not folder.is_dir():
        return own
    theirs = load_rules(
        sorted(path for path in folder.iterdir() if path.is_dir() or path.suffix in {".yml", ".zip"})
    )
    known = {rule.id for rule in own.rules}
    kept = [index for index, rule in enumerate(theirs.rules) if rule.id not in known]
    return RuleSet(
        rules=(*own.rules, *(theirs.rules[index] for index in kept)),
        problems=(*own.problems, *theirs.problems),
        digests={**theirs.digests, **own.digests},
        parsed=(*own.parsed, *(theirs.parsed[index] for index in kept)),
    )


def compiled(workspace: Workspace) -> tuple[CompiledSet, RuleSet]:
    """The rules ready to run, and what they came from."""
    rules = rule_set(workspace)
    return compile_rules(rules, load_logsources()), rules


def status(workspace: Workspace) -> list[dict[str, Any]]:
    """One object a rule: active or not, and why."""
    ready, rules = compiled(workspace)
    rows = [
        {
            "id": rule.id,
            "title": rule.title,
            "level": rule.level,
            "state": state.state,
            "reason": state.reason,
            "path": rule.path,
            "sha256": rule.sha256,
        }
        for rule, state in zip(ready.rules, ready.status, strict=True)
    ]
    rows += [
        {
            "id": "",
            "title": "",
            "level": "",
            "state": "broken",
            "reason": problem.reason,
            "path": problem.path,
            "sha256": "",
        }
        for problem in rules.problems
    ]
    return rows
