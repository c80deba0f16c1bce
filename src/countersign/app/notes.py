"""What a review says of rules that do not work as meant: little, and not the same again every day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from countersign.app._reviewed import digest
from countersign.app.indicators import crowded_said
from countersign.app.ruleset import Ready
from countersign.model.visible import counted
from countersign.rules import Problem

FEW = 3
"""So many broken rules are named each time; of more there is one line, once."""


def rule_notes(ready: Ready, told: str) -> tuple[list[str], str]:
    """Notes on broken rules, and a digest of what they are about: many are told once, when the digest is not `told`."""
    problems = [*ready.ruleset.problems, *ready.problems]
    about = digest([[one.path, one.line, one.reason] for one in problems]) if problems else ""
    notes = []
    for those, one_of, many in (
        (ready.ruleset.problems, "rule left out", "problems in rules"),
        (ready.problems, "exception or list not used", "problems in exceptions and lists"),
    ):
        if len(those) <= FEW:
            notes += [f"{one_of}: {one.reason} ({place(one)})" for one in those]
        elif about != told:
            notes.append(_many(those, many))
    return notes, about


def exception_notes(ready: Ready, held: Mapping[str, int], as_of: datetime) -> list[str]:
    """How many hits are held back, and which exceptions are over."""
    notes = []
    total, those = sum(held.values()), sum(count > 0 for count in held.values())
    if total:
        notes.append(
            f"{counted(total, 'hit')} held back by {counted(those, 'exception')} (countersign findings --held)"
        )
    over = [one for one in ready.exemptions if not one.in_force(as_of)]
    notes += [
        f"exception expired on {one.until.isoformat()}, its hits count again: {one.reason} ({one.path}:{one.line})"
        for one in over[:FEW]
    ]
    if len(over) > FEW:
        more = len(over) - FEW
        notes.append(f"{counted(more, 'more exception')} {'has' if more == 1 else 'have'} expired")
    return notes


def noisy_notes(ready: Ready, noisy: Mapping[str, tuple[int, int]]) -> list[str]:
    """Rules that fire on nearly everything: they describe the log, not an intruder."""
    titles = {rule.id: rule.title for rule in ready.ruleset.rules}
    worst = sorted(noisy.items(), key=lambda one: (-one[1][0] / max(1, one[1][1]), one[0]))
    notes = [
        f"rule fires on nearly everything ({hits:,} of {events:,} events of its log source): {titles[id_]} ({id_})"
        for id_, (hits, events) in worst
        if id_ in titles
    ]
    more = len(notes) - FEW
    verb = "fires" if more == 1 else "fire"
    return notes[:FEW] + ([f"{counted(more, 'more rule')} {verb} on nearly everything"] if more > 0 else [])


def crowded_notes(count: int) -> list[str]:
    """Indicators that are not matched because very many others have the same value."""
    return [crowded_said(count)] if count else []


def drift_notes(differing: Sequence[Problem]) -> list[str]:
    """Files of imports that somebody changed since."""
    if not differing:
        return []
    first = differing[0]
    more = f" and {len(differing) - 1:,} more" if len(differing) > 1 else ""
    return [
        f"imported rules differ from their lock: {first.path} {first.reason}{more} (import them again, or mean it)"
    ]


def _many(problems: Sequence[Problem], noun: str) -> str:
    first = problems[0]
    return (
        f"{len(problems):,} {noun}, for instance {place(first)}: {first.reason} (all: countersign rules list "
        "--state broken)"
    )


def place(problem: Problem) -> str:
    """File and line."""
    return problem.path if problem.line is None else f"{problem.path}:{problem.line}"
