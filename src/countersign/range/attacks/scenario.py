"""Scenario files: named steps with what they need, and the public reports they are taken from (docs/range.md)."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from countersign.errors import InputError
from countersign.range.attacks.step import NUMBERS
from countersign.range.attacks.steps import STEPS, clouds, hosts, ways_on
from countersign.range.spec import Name, line_of, read_yaml
from countersign.range.wording import dotted, first_wrong

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
        place, kind, words, _ = first_wrong(error)
        remedy = "docs/range.md describes scenarios"
        if kind == "extra_forbidden":
            near = get_close_matches(str(place[-1]), Scenario.model_fields, 1)
            words, remedy = "there is no such key", f"did you mean {near[0]!r}?" if near else remedy
        if place[:1] == ("steps",) and len(place) > _OPTION:
            # pydantic names each type that the value is none of
            place, words = place[:_OPTION], "must be one text or number"
        raise InputError(
            f"{dotted(place, 'the scenario')}: {words}",
            path=str(path),
            line=line_of(raw, list(place)),
            remedy=remedy,
        ) from error
    for number, step in enumerate(scenario.steps):
        _check(step, number, raw, str(path))
    first_step = STEPS[str(scenario.steps[0]["do"])]
    if not first_step.way_in:
        raise InputError(
            f"steps.0: {scenario.steps[0]['do']} is no way in", path=str(path), line=line_of(raw, ["steps", 0]),
            remedy="begin with one of " + ", ".join(name for name, step in STEPS.items() if step.way_in),
        )  # fmt: skip
    _in_order(scenario, raw, str(path))
    return scenario


_OPTION = 3
"""Parts of the place of a step's option: `steps`, the number, its name."""
DESKTOPS = ("rdp", "login_bastion", "login_support")
TUNNELS = ("login_vpn", "return_after_cleanup")
IN_AWS = {"create_access_key", "share_snapshot", "stop_trail", "read_secrets"}


def _comes_after(name: str) -> tuple[str, ...]:
    """Of which steps one must have gone before, since the last way in; none where it can stand anywhere."""
    step = STEPS[name]
    if name == "rdp":
        return (*TUNNELS, *DESKTOPS[1:])
    if step in hosts.STEPS or step in ways_on.STEPS:
        return DESKTOPS
    if step in clouds.STEPS:
        return ("assume_role",) if name in IN_AWS else ("login_partner",)
    return ()


def _in_order(scenario: Scenario, raw: object, path: str) -> None:
    gone: set[str] = set()
    for number, step in enumerate(scenario.steps):
        name = str(step["do"])
        if STEPS[name].way_in:
            gone = set()
        elif (before := _comes_after(name)) and not gone.intersection(before):
            raise InputError(
                f"steps.{number}: {name} has no place yet where it could be done",
                path=path,
                line=line_of(raw, ["steps", number]),
                remedy=f"put {' or '.join(before)} before it, after the last way in",
            )
        gone.add(name)


def _check(step: dict[str, Value], number: int, raw: object, path: str) -> None:
    line, name = line_of(raw, ["steps", number]), str(step.get("do", ""))
    if not name:
        meant = next((str(value) for value in step.values() if str(value) in STEPS), "rdp")
        remedy = f"write {{do: {meant}}}, with the step's options after it"
        raise InputError(
            f"steps.{number}: has no `do`, which names the step", path=path, line=line, remedy=remedy
        )
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
        if option in NUMBERS and not NUMBERS[option].holds(value):
            raise InputError(
                f"steps.{number}: {name} knows no {option} {value!r}",
                path=path,
                line=line,
                remedy=f"it must be {NUMBERS[option].words}",
            )
