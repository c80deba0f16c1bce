"""The providers' ordinary work: agreed people, from agreed places, by day, to agreed hosts."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from ipaddress import IPv4Network

from countersign.range.demo.clock import Act
from countersign.range.demo.desktops import inside, leave, rdp, rejoin
from countersign.range.demo.estate import Account, Estate
from countersign.range.demo.footholds import Foothold
from countersign.range.demo.going import Going
from countersign.range.demo.programs import run
from countersign.range.demo.remoting import ssh, winrm
from countersign.range.demo.shares import map_share, touch, unmap
from countersign.range.demo.spec import JobSpec, ProviderSpec, ServiceSpec, clock_time
from countersign.range.demo.truth import TrueVisit
from countersign.range.demo.tunnels import dial_in, hang_up, outside, refused

MARGIN = timedelta(minutes=30)
"""Ordinary visits begin this long after the agreed hours do."""
LONGEST = timedelta(hours=3)
"""No ordinary visit begins later than this before the agreed hours end."""
MISTYPED = 0.1
"""Share of ordinary visits that begin with a wrong password."""
DROPPED = 0.2
"""Share of ordinary desktops whose connection drops and comes back once."""


def plan_work(estate: Estate) -> None:
    """Puts every provider's visits and unattended runs on the schedule."""
    for provider in estate.spec.providers:
        rng = estate.rng(f"{provider.name}/plan")
        for number, begin in enumerate(_starts(estate, provider, rng)):
            person = provider.people[number % len(provider.people)]
            visit_rng = estate.rng(f"{provider.name}/visit/{number}")
            job = provider.jobs[number % len(provider.jobs)]
            account = estate.accounts[person.account]
            estate.schedule.begin(begin, _visit(estate, visit_rng, provider, person.name, account, job))
        for service in provider.services:
            for day in range(estate.spec.days):
                name = f"{provider.name}/{service.account}/{day}"
                begin = estate.at(day, clock_time(service.at), rng.uniform(0, 240))
                estate.schedule.begin(begin, _unattended(estate, estate.rng(name), provider, service))


def _starts(estate: Estate, provider: ProviderSpec, rng: random.Random) -> list[datetime]:
    """Moments at which visits begin, spread over the days, each person's a day apart or hours apart."""
    starts = []
    for number in range(provider.visits):
        day = number * estate.spec.days // max(1, provider.visits)
        first = estate.at(day, clock_time(provider.hours.from_)) + MARGIN
        last = estate.at(day, clock_time(provider.hours.to)) - LONGEST
        starts.append(first + rng.random() * (last - first))
    return starts


def origin_of(network: IPv4Network, rng: random.Random) -> str:
    """An address of a provider's network."""
    return str(network[rng.randrange(1, min(network.num_addresses - 1, 6))])


def _visit(
    estate: Estate,
    rng: random.Random,
    provider: ProviderSpec,
    person: str,
    account: Account,
    job: JobSpec,
) -> Act[None]:
    gateway = estate.gateways[provider.gateway]
    origin = origin_of(rng.choice(provider.origins), rng)
    client = f"{provider.name[:2].upper()}-LT{rng.randrange(100, 999)}"
    if rng.random() < MISTYPED:
        refused(rng, gateway, account.name, origin)
        yield rng.uniform(5, 20)
    visit = TrueVisit(provider.name, person, account.name, "person", False, estate.schedule.now)
    tunnel = dial_in(estate, rng, visit, gateway, account, origin)
    yield rng.uniform(20, 90)
    start = outside(tunnel, rng, client)
    jump = yield from rdp(estate, rng, visit, start, estate.jump, account)
    commands = estate.spec.work.get("jump", ())
    for command in commands[: rng.randrange(len(commands) + 1)]:
        yield rng.uniform(10, 90)
        text = command.format(target=job.target, user=account.name)
        _, places = run(estate, rng, jump.session, text, jump.shell)
        jump.hop.note(*places)
        estate.truth.step(visit, estate.jump.name, text, None, *places)
    yield rng.uniform(15, 60)
    yield from _job(estate, rng, visit, inside(jump), account, job)
    if rng.random() < DROPPED:
        yield from rejoin(estate, rng, start, jump, rng.uniform(30, 240))
    yield rng.uniform(30, 200)
    yield from leave(estate, rng, jump)
    yield rng.uniform(3, 30)
    hang_up(estate, tunnel, rng.randrange(4 * 10**6, 6 * 10**7), rng.randrange(10**6, 9 * 10**6))
    estate.truth.end(visit)


def _job(
    estate: Estate, rng: random.Random, visit: TrueVisit, start: Foothold, account: Account, job: JobSpec
) -> Act[None]:
    target = estate.machines[job.target]
    going = Going(estate, rng, visit, start, target, account)
    commands = estate.spec.work[job.work]
    if job.by == "ssh":
        yield from ssh(going, commands)
        return
    if job.by == "winrm":
        yield from winrm(going, commands)
        return
    if job.by == "smb":
        command = rf"C:\Windows\System32\net.exe use \\{target.name}\Install"
        mapping = yield from map_share(going, "Install", command)
        for number in range(rng.randrange(2, 7)):
            yield rng.uniform(5, 40)
            touch(estate, mapping, f"updates\\package-{number}.msi", write=number % 2 == 0)
        unmap(estate, rng, mapping, rng.randrange(10**6, 4 * 10**7), rng.randrange(10**5, 10**7))
        return
    desktop = yield from rdp(estate, rng, visit, start, target, account)
    for command in commands:
        yield rng.uniform(60, 700)
        _, places = run(estate, rng, desktop.session, command, desktop.shell)
        desktop.hop.note(*places)
        estate.truth.step(visit, target.name, command, None, *places)
    yield rng.uniform(60, 900)
    yield from leave(estate, rng, desktop)


def _unattended(
    estate: Estate, rng: random.Random, provider: ProviderSpec, service: ServiceSpec
) -> Act[None]:
    """The provider's backup: dials in by itself, maps one share, reads much, leaves."""
    account = estate.accounts[service.account]
    gateway = estate.gateways[provider.gateway]
    visit = TrueVisit(provider.name, account.name, account.name, "service", False, estate.schedule.now)
    tunnel = dial_in(estate, rng, visit, gateway, account, str(provider.origins[0][1]))
    yield rng.uniform(3, 9)
    target = estate.machines[service.target]
    start = outside(tunnel, rng, "NG-BACKUP01")
    going = Going(estate, rng, visit, start, target, account)
    mapping = yield from map_share(going, service.share, None)
    for number in range(rng.randrange(25, 40)):
        yield rng.uniform(20, 70)
        touch(estate, mapping, f"daily\\set-{number:03d}.vbk")
    read = rng.randrange(7 * 10**8, 9 * 10**8)
    unmap(estate, rng, mapping, read // 60, read)
    yield rng.uniform(2, 6)
    hang_up(estate, tunnel, read + read // 30, read // 50)
    estate.truth.end(visit)
