"""What a review says of rules that do not work as meant: little, and not the same again every day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from countersign.app._reviewed import digest
from countersign.app.ruleset import Ready
from countersign.rules import Problem

FEW = 3
"""So many broken rules are named each time; of more there is one line, once."""


def rule_notes(ready: Ready, told: str) -> tuple[list[str], str]:
    """Notes on broken rules, and a digest of what they are about: many are told once, when the digest is not `told`."""
    problems = [*ready.ruleset.problems, *ready.problems]
    about = digest([[one.path, one.line, one.reason] for one in problems]) if problems else ""
    if len(problems) <= FEW:
        return [f"rule left out: {one.reason} ({place(one)})" for one in problems], about
    if about == told:
        return [], about
    return [_many(problems)], about


def exception_notes(ready: Ready, held: Mapping[str, int], as_of: datetime) -> list[str]:
    """How many hits are held back, and which exceptions are over."""
    notes = []
    total, those = sum(held.values()), sum(count > 0 for count in held.values())
    if total:
        notes.append(
            f"{total:,} {_plural('hit', total)} held back by {those:,} {_plural('exception', those)} (countersign "
            "findings --held)"
        )
    over = [one for one in ready.exemptions if not one.in_force(as_of)]
    notes += [
        f"exception expired on {one.until.isoformat()}, its hits count again: {one.reason} ({one.path}:{one.line})"
        for one in over[:FEW]
    ]
    if len(over) > FEW:
        notes.append(f"{len(over) - FEW:,} more exceptions have expired")
    return notes


def _plural(noun: str, count: int) -> str:
    return noun if count == 1 else f"{noun}s"


def _many(problems: Sequence[Problem]) -> str:
    first = problems[0]
    return (
        f"{len(problems):,} rules are left out, for instance {place(first)}: {first.reason} (all: countersign rules list "
        "--state broken)"
    )


def place(problem: Problem) -> str:
    """File and line."""
    return problem.path if problem.line is None else f"{problem.path}:{problem.line}"
