"""A campaign laid over an estate: only the files of the streams that it touches are written again.

Hosts' files are written from the range's first day on, as record and logon ids count through; what came before the campaign
comes out the same. A sensor's files are an hour each and are kept only where they differ.
"""

from __future__ import annotations

import filecmp
import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import orjson

from countersign.errors import InputError
from countersign.range.attacks.player import AGREED, FOREIGN, NOISY, Player
from countersign.range.attacks.scenario import Scenario
from countersign.range.attacks.steps import STEPS
from countersign.range.attacks.steps.time import account_after_cleanup
from countersign.range.building import build_estate
from countersign.range.calendar import HOUR, Day, moment
from countersign.range.draws import generator, key
from countersign.range.estate import Estate, Person, Provider
from countersign.range.plan.deeds import Deeds
from countersign.range.plan.everyday import Everyday
from countersign.range.plan.plays import Play
from countersign.range.plan.visits import Planner
from countersign.range.run import MADE, write_streams
from countersign.range.spec import RangeSpec, Way
from countersign.range.truth import TrueVisit

More = dict[int, list[tuple[int, Play, TrueVisit]]]
WAYS_IN: dict[str, tuple[Way, ...]] = {
    "login_partner": ("entra",),
    "assume_role": ("aws",),
    "login_bastion": ("bastion",),
    "login_support": ("support",),
}
"""What a provider must have for a scenario to begin like this; a VPN, or a line of its own, for all others."""


@dataclass(frozen=True, slots=True)
class Laid:
    """What an overlay wrote: the campaign, its files below the folder, its visits."""

    campaign: str
    files: tuple[str, ...]
    visits: int
    provider: str
    person: str


def planned(estate: Estate, scenario: Scenario, care: int, number: int) -> tuple[More, str, Provider, Person]:
    """The campaign's visits by day."""
    rng = generator(estate.seed, "campaign", scenario.name, care, number)
    needed = {WAYS_IN.get(str(part[0]["do"]), ("vpn", "direct")) for part in _parts(scenario)}
    able = [
        provider
        for provider in estate.providers
        if all(any(provider.spec.ways.get(way) for way in ways) for ways in needed)
    ]
    if not able:
        said = " and ".join(sorted(ways[0] for ways in needed))
        raise InputError(
            f"{scenario.name} comes by {said}, and no provider of this range does",
            remedy="give a provider that way in `ways`",
        )
    # whoever comes oftenest by such a way is likeliest the one whose credentials were stolen
    who = [(provider, person) for provider in able for person in provider.people]
    oftens = [_often(provider, needed) for provider, _ in who]
    provider, person = rng.choices(who, oftens)[0]
    campaign = f"{scenario.name}-{care}-{number}"
    days = estate.spec.days
    day = rng.randrange(days // 2, max(days // 2 + 1, days - 2))
    more: More = {}
    last = 0
    for part, steps in enumerate(_parts(scenario)):
        first = steps[0]
        if part:
            day = min(day + int(str(first.get("days", 1))), days - 1)
        if first["do"] == "return_after_cleanup":
            person = account_after_cleanup(provider, person)
        when = _present(estate, person, day) if care >= AGREED else estate.calendar.day(day)
        start = max(_start(estate, person, when, care, rng.random()), last + 5 * HOUR)
        if care >= AGREED and part and start > _over(person, when) and when.number + 1 < days:
            # the shift is over: the person comes again on another day
            when = _present(estate, person, when.number + 1)
            start = _start(estate, person, when, care, rng.random())
        last = start
        visit = TrueVisit(
            key(estate.seed, campaign, part), provider.spec.name, person.name if care >= AGREED else "unknown", "person", start,
            malicious=True, campaign=campaign, care=care, tags=(scenario.name,),
        )  # fmt: skip
        more.setdefault(when.number, []).append((start, _play(estate, provider, person, care, steps), visit))
    return more, campaign, provider, person


def _often(provider: Provider, needed: set[tuple[Way, ...]]) -> float:
    """How often each of a provider's people comes by a way that is needed."""
    ways = provider.spec.ways
    return (
        provider.spec.visits * sum(ways.get(way, 0) for some in needed for way in some) / sum(ways.values())
    )


def _parts(scenario: Scenario) -> list[list[dict[str, object]]]:
    """The steps of each visit: a new one begins with each way in."""
    parts: list[list[dict[str, object]]] = []
    for step in scenario.steps:
        if STEPS[str(step["do"])].way_in or not parts:
            parts.append([])
        parts[-1].append(dict(step))
    return parts


def _present(estate: Estate, person: Person, day: int) -> Day:
    """The next day on which this person would come, else the day itself."""
    for number in range(day, estate.spec.days):
        found = estate.calendar.day(number)
        if found.working and person.joined <= number < person.left and number not in person.absent:
            return found
    return estate.calendar.day(day)


def _start(estate: Estate, person: Person, day: Day, care: int, roll: float) -> int:
    if care >= AGREED:
        begin, last = moment(day.date, person.hours[0], person.zone), _over(person, day)
        return max(begin + HOUR // 4 + int(roll * (last - begin - HOUR // 4)), day.start)
    return moment(day.date, "22:10", estate.spec.zone) + int(roll * HOUR)


def _over(person: Person, day: Day) -> int:
    """Until when a person begins anything on a day."""
    begin, end = (moment(day.date, text, person.zone) for text in person.hours)
    return max((end if end > begin else begin + 8 * HOUR) - 2 * HOUR, begin + HOUR)


def _play(
    estate: Estate, provider: Provider, person: Person, care: int, steps: list[dict[str, object]]
) -> Play:
    def play(acts: Deeds) -> None:
        origin = (
            person.origin
            if care >= AGREED
            else FOREIGN
            if care == NOISY
            else f"198.51.100.{20 + acts.rng.randrange(200)}"
        )
        player = Player(estate, acts, provider, person, care, origin)
        for step in steps:
            STEPS[str(step["do"])].play(player, step)
        for leave in reversed(player.after):
            acts.wait(5, 40)
            leave()

    return play


def overlay(
    spec: RangeSpec,
    seed: int,
    scenario: Scenario,
    out: Path,
    *,
    care: int = 1,
    number: int = 0,
    base: Path | None = None,
) -> Laid:
    """Writes to `out` the files of the estate (`spec`, `seed`) that change when this campaign is run in it, and the truth.

    `base` is the estate's folder: a file that is there and the same is left out. `number` gives other campaigns of one
    scenario.
    """
    estate = build_estate(spec, seed)
    more, campaign, provider, person = planned(estate, scenario, care, number)
    touched = _touched(Planner(estate, Everyday(estate).layout), estate, more)
    out.mkdir(parents=True, exist_ok=True)
    write_streams(spec, seed, out, only=frozenset(touched), more=more)
    files = sorted(str(path.relative_to(out)) for path in _logs(out))
    if base is not None:
        files = [name for name in files if not _same(base, out, name)]
    written = [estate.hosts[stream] for stream in sorted(touched) if stream < len(estate.hosts)]
    made = {
        "seed": seed,
        "spec": spec.model_dump(mode="json"),
        "campaign": campaign,
        "base": None if base is None else Path(os.path.relpath(base.resolve(), out.resolve())).as_posix(),
        "files": files,
        "computers": [host.fqdn for host in written if not host.linux],
    }
    (out / "truth" / MADE).write_bytes(orjson.dumps(made, option=orjson.OPT_INDENT_2))
    return Laid(campaign, tuple(files), sum(map(len, more.values())), provider.spec.name, person.name)


def _touched(planner: Planner, estate: Estate, more: More) -> set[int]:
    keys = {visit.key for visits in more.values() for _, _, visit in visits}
    touched: set[int] = set()
    for number in range(estate.spec.days):
        told, _ = planner.day(estate.calendar.day(number), more.get(number))
        for stream, records in told.items():
            if any(record.ref is not None and record.ref.visit in keys for record in records):
                touched.add(stream)
    return touched


def _logs(out: Path) -> Iterable[Path]:
    return (
        path
        for path in out.rglob("*")
        if path.is_file() and path.relative_to(out).parts[0] not in {"truth", "agreements"}
    )


def _same(base: Path, out: Path, name: str) -> bool:
    other = base / name
    if other.is_file() and filecmp.cmp(other, out / name, shallow=False):
        (out / name).unlink()
        return True
    return False


def lay(base: Path, laid: Path, out: Path) -> None:
    """A whole estate in `out`: links to the files of `base`, but those of the overlay `laid` in their place."""
    shutil.copytree(base, out, copy_function=lambda source, target: Path(target).hardlink_to(source))
    for path in laid.rglob("*"):
        if path.is_file():
            target = out / path.relative_to(laid)
            target.unlink(missing_ok=True)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.hardlink_to(path)
