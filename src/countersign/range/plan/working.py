"""Pieces of work on hosts, by the tools that people have."""

from __future__ import annotations

import random
from collections.abc import Sequence

from countersign.range.estate import Host, Person
from countersign.range.plan.commands import BY_ROLE, GENERAL, PACKAGES, RARE, UPLOADS
from countersign.range.plan.deeds import Deeds
from countersign.range.plan.errands import DIAGNOSIS, errands
from countersign.range.plan.places import WORK, Cause, Foothold

RARE_COMMAND, INSTALLED = 0.06, 0.08
"""How often what somebody types is rare, and how often it installs something."""
FROM_AFAR = ("winrm", "psexec", "wmi", "task")
"""Tools for several hosts in a row: nobody opens a desktop on each."""
WORKED_ON = (1, 1, 1, 2, 2, 3)
"""On how many hosts somebody works in a visit."""
SHARE_NAMES = ("Install", "Projects", "Departments")


def tool_for(rng: random.Random, person: Person) -> str:
    """One of a person's tools, mostly the favourite."""
    return person.tools[min(int(rng.expovariate(1.1)), len(person.tools) - 1)]


def from_afar(rng: random.Random, person: Person) -> str:
    """One of a person's tools that needs no desktop, mostly the favourite of these."""
    tools = [tool for tool in person.tools if tool in FROM_AFAR]
    return tools[min(int(rng.expovariate(1.1)), len(tools) - 1)]


def command_for(host: Host, rng: random.Random) -> str:
    """Something that somebody types on a host."""
    roll = rng.random()
    if roll < RARE_COMMAND:
        return rng.choice(RARE)
    if roll < RARE_COMMAND + INSTALLED:
        return rng.choice(PACKAGES)
    return rng.choice(GENERAL + BY_ROLE.get(host.role, ()) * 4)


def work(acts: Deeds, place: Foothold, target: Host, person: Person, tool: str, *, patching: bool) -> None:
    """A piece of work on a host, by a tool."""
    rng, account = acts.rng, person.account
    if target.linux:
        acts.ssh(place, target, account)
        return
    commands = [command_for(target, rng) for _ in range(rng.randrange(1, 5))]
    if patching:
        commands = [
            r"C:\Windows\System32\wusa.exe C:\Install\windows10.0-kb5034441-x64.msu /quiet /norestart",
            *commands[:1],
        ]
    if tool == "smb":
        paths = [
            (rng.choice(UPLOADS) % rng.randrange(90), rng.random() < 0.4) for _ in range(rng.randrange(2, 8))
        ]
        share = rng.choice((*SHARE_NAMES, "C$", "ADMIN$"))
        acts.smb(place, target, account, share, paths, size=rng.randrange(10**5, 9 * 10**7))
    elif tool == "service":
        acts.service(place, target, account, f"Updater{rng.randrange(9)}", r"C:\Install\updater.exe")
    else:
        by_tool(acts, place, target, person, tool, commands)


def by_tool(
    acts: Deeds,
    place: Foothold,
    target: Host,
    person: Person,
    tool: str,
    commands: list[str],
    cause: Cause = WORK,
) -> None:
    """Commands on a host by a tool that runs commands; by a desktop where it is none."""
    account = person.account
    if tool == "winrm":
        acts.winrm(place, target, account, commands, cause)
    elif tool == "psexec":
        acts.psexec(place, target, account, commands[:2], cause=cause)
    elif tool == "wmi":
        acts.wmi(place, target, account, commands[:2], cause)
    elif tool == "task":
        acts.task(place, target, account, f"maintenance-{acts.rng.randrange(90)}", commands[0], cause)
    else:
        _desktop(acts, place, target, person, commands, cause)


def roll_out(acts: Deeds, place: Foothold, targets: Sequence[Host], person: Person) -> None:
    """A package comes to one host after the other."""
    tool, package = from_afar(acts.rng, person), acts.rng.choice(PACKAGES)
    for target in targets:
        by_tool(acts, place, target, person, tool, [package])
        acts.wait(10 * person.pace, 60 * person.pace)


def ask(acts: Deeds, place: Foothold, targets: Sequence[Host], person: Person) -> None:
    """One host after the other is asked the same."""
    tool, (command, _) = acts.rng.choice(("wmi", "wmi", "winrm", "psexec")), acts.rng.choice(DIAGNOSIS)
    for target in targets:
        by_tool(acts, place, target, person, tool, [command])
        acts.wait(5 * person.pace, 40 * person.pace)


def _desktop(
    acts: Deeds, place: Foothold, target: Host, person: Person, commands: list[str], cause: Cause
) -> None:
    desktop = acts.rdp(place, target, person.account)
    desktop.hop.switch = cause.switch
    acts.came_by(desktop.hop, cause)
    for command in commands:
        acts.wait(40 * person.pace, 500 * person.pace)
        acts.run(desktop, command, cause)
    errands(acts, desktop)
    acts.wait(30, 400)
    acts.leave(desktop)
