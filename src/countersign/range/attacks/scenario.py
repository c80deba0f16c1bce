"""Scenario files: named steps with what they need, and the public reports they are taken from (docs/range.md)."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from countersign.errors import InputError
from countersign.range.attacks.steps import STEPS
from countersign.range.spec import Name, line_of, read_yaml

Value = str | int | float | bool


class Scenario(BaseModel):
    """A campaign: who is used, what is done in which order, and what it is for."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: Literal[1]
    name: Name
    title: str
    reports: tuple[str, ...] = Field(min_length=1)
    objective: str
    steps: tuple[dict[str, Value], ...] = Field(min_length=1, max_length=100)
    """Each has `do`, the step's name, and the step's own options."""


def load_scenario(path: Path) -> Scenario:
    """Reads a scenario. Raises `InputError` with file, line and a suggestion where a step or option is unknown."""
    data, raw = read_yaml(path)
    try:
        scenario = Scenario.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        place = list(first["loc"])
        name = ".".join(map(str, place)) or "the scenario"
        raise InputError(
            f"{name}: {first['msg']}",
            path=str(path),
            line=line_of(raw, place),
            remedy="docs/range.md describes scenarios",
        ) from error
    for number, step in enumerate(scenario.steps):
        _check(step, number, raw, str(path))
    first_step = STEPS[str(scenario.steps[0]["do"])]
    if not first_step.way_in:
        raise InputError(
            f"steps.0: {scenario.steps[0]['do']} is no way in", path=str(path), line=line_of(raw, ["steps", 0]),
            remedy="begin with one of " + ", ".join(name for name, step in STEPS.items() if step.way_in),
        )  # fmt: skip
    return scenario


def _check(step: dict[str, Value], number: int, raw: object, path: str) -> None:
    line, name = line_of(raw, ["steps", number]), str(step.get("do", ""))
    known = STEPS.get(name)
    if known is None:
        near = get_close_matches(name, STEPS, 1)
        remedy = f"did you mean {near[0]!r}?" if near else "the steps are " + ", ".join(STEPS)
        raise InputError(f"steps.{number}: there is no step {name!r}", path=path, line=line, remedy=remedy)
    for option, value in step.items():
        if option == "do":
            continue
        allowed = known.options.get(option)
        if allowed is None:
            near = get_close_matches(option, known.options, 1)
            remedy = (
                f"did you mean {near[0]!r}?"
                if near
                else f"{name} knows: {', '.join(known.options) or 'no options'}"
            )
            raise InputError(
                f"steps.{number}: {name} has no option {option!r}", path=path, line=line, remedy=remedy
            )
        if allowed and str(value) not in allowed:
            near = get_close_matches(str(value), allowed, 1)
            remedy = f"did you mean {near[0]!r}?" if near else "it may be " + ", ".join(allowed)
            raise InputError(
                f"steps.{number}: {name} knows no {option} {value!r}", path=path, line=line, remedy=remedy
            )
