"""Pieces of work on hosts, by the tools that people have."""

from __future__ import annotations

import random

from countersign.range.estate import Host, Person
from countersign.range.plan.acts import Acts
from countersign.range.plan.commands import BY_ROLE, GENERAL, RARE, UPLOADS
from countersign.range.plan.places import Foothold

RARE_COMMAND = 0.06
SHARE_NAMES = ("Install", "Projects", "Departments")


def tool_for(rng: random.Random, person: Person) -> str:
    """One of a person's tools, mostly the favourite."""
    return person.tools[min(int(rng.expovariate(1.1)), len(person.tools) - 1)]


def command_for(host: Host, rng: random.Random) -> str:
    """Something that somebody types on a host."""
    if rng.random() < RARE_COMMAND:
        return rng.choice(RARE)
    return rng.choice(GENERAL + BY_ROLE.get(host.role, ()) * 4)


def work(acts: Acts, place: Foothold, target: Host, person: Person, tool: str, *, patching: bool) -> None:
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
    if tool == "winrm":
        acts.winrm(place, target, account, commands)
    elif tool == "smb":
        paths = [
            (rng.choice(UPLOADS) % rng.randrange(90), rng.random() < 0.4) for _ in range(rng.randrange(2, 8))
        ]
        share = rng.choice((*SHARE_NAMES, "C$", "ADMIN$"))
        acts.smb(place, target, account, share, paths, size=rng.randrange(10**5, 9 * 10**7))
    elif tool == "psexec":
        acts.psexec(place, target, account, commands[:2])
    elif tool == "wmi":
        acts.wmi(place, target, account, commands[:2])
    elif tool == "task":
        acts.task(place, target, account, f"maintenance-{rng.randrange(90)}", commands[0])
    elif tool == "service":
        acts.service(place, target, account, f"Updater{rng.randrange(9)}", r"C:\Install\updater.exe")
    else:
        _desktop(acts, place, target, person, commands)


def _desktop(acts: Acts, place: Foothold, target: Host, person: Person, commands: list[str]) -> None:
    desktop = acts.rdp(place, target, person.account)
    for command in commands:
        acts.wait(40 * person.pace, 500 * person.pace)
        acts.run(desktop, command)
    acts.wait(30, 500)
    acts.leave(desktop)
