"""Builds the estate of a specification and a seed."""

from __future__ import annotations

import random
from zoneinfo import ZoneInfo

from countersign.range import names
from countersign.range.calendar import Calendar
from countersign.range.draws import generator, mix
from countersign.range.estate import Account, Estate, Host, sid_of, uuid_of
from countersign.range.people import administrators_of, provider_of
from countersign.range.spec import DomainSpec, RangeSpec

TOOLS = ("monitor", "backup", "scanner", "manager")
"""The estate's own machines that come to all others."""
DEVICE_SHARE, CITRIX_SHARE = 0.10, 0.006
"""Of a hospital's hosts: devices that log nothing, and the servers that everybody's sessions are on."""
FORWARDING_HOSPITAL = 0.45
"""A hospital forwards events of a part of its hosts only."""
DRIFT_MICROSECONDS = 40_000
"""A bad clock's greatest drift in a day, some half a part in a million."""


def build_estate(spec: RangeSpec, seed: int) -> Estate:
    """The estate of a specification and a seed."""
    calendar = Calendar(spec.start, ZoneInfo(spec.zone), frozenset(spec.holidays))
    estate = Estate(spec, seed, calendar, [], {}, [], [], {g.name: g for g in spec.gateways})
    _add_hosts(estate)
    estate.aws = [
        str(100_000_000_000 + mix(estate.base("aws", n)) % 800_000_000_000) for n in range(spec.aws_accounts)
    ]
    estate.tenant_id = uuid_of(estate.base("tenant"))
    estate.administrators = administrators_of(estate)
    estate.providers = [provider_of(estate, number, one) for number, one in enumerate(spec.providers)]
    return estate


def _counts(spec: RangeSpec) -> list[tuple[str, int]]:
    total, hospital = spec.hosts, spec.profile == "hospital"
    counts = [
        ("controller", len(spec.domains) * (1 + max(1, total // 1500))),
        ("jump", max(1, min(len(spec.providers), 6))),
        *((role, 1) for role in TOOLS),
        ("file", max(1, total // 250)),
        ("app", max(2, total // 40)),
        ("sql", max(1, total // 100)),
        ("web", max(1, total // 150)),
        ("linux", max(2, total // 25)),
        ("clinical", max(2, total // 120) if hospital else 0),
        ("citrix", max(1, round(total * CITRIX_SHARE)) if hospital else 0),
        ("device", round(total * DEVICE_SHARE) if hospital else 0),
    ]
    return [*counts, ("workstation", total - sum(count for _, count in counts))]


_PREFIX = {
    "controller": "DC", "jump": "JUMP", "monitor": "MON", "backup": "BKP", "scanner": "VULN", "manager": "SCCM",
    "file": "FILE", "app": "APP", "sql": "SQL", "web": "WEB", "linux": "lnx", "clinical": "EHR", "citrix": "CTX",
    "device": "DEV", "workstation": "WS",
}  # fmt: skip


def _add_hosts(estate: Estate) -> None:
    spec = estate.spec
    used = [0] * len(spec.sites)
    sids = [mix(estate.base("domain", n)) for n in range(len(spec.domains))]
    seen_names: dict[tuple[int, str], int] = {}
    for role, count in _counts(spec):
        for number in range(count):
            rng = generator(estate.seed, "host", role, number)
            domain = _domain(spec.domains, role, number, rng)
            # the sensor, the gateways and the servers stand at the first site
            site = _site(spec, rng) if role in {"workstation", "device"} else 0
            if role in {"controller", "file", "clinical"} and domain:
                site = min(domain, len(spec.sites) - 1)
            used[site] += 1
            host = _host(estate, rng, role, number, domain, site, used[site], sids[domain])
            if role == "workstation":
                host.user = _member(host, number, sids[domain], seen_names, spec.profile == "hospital")
            estate.hosts.append(host)
            estate.by_role.setdefault(role, []).append(host.index)
    for role in _PREFIX:
        estate.by_role.setdefault(role, [])
    for host in estate.hosts:
        mine = [i for i in estate.by_role["controller"] if estate.hosts[i].domain == host.domain]
        host.controller = mine[host.index % len(mine)]


def _domain(domains: tuple[DomainSpec, ...], role: str, number: int, rng: random.Random) -> int:
    if role == "controller":
        return number % len(domains)
    return rng.choices(range(len(domains)), [domain.share for domain in domains])[0]


def _site(spec: RangeSpec, rng: random.Random) -> int:
    return rng.choices(range(len(spec.sites)), [site.share for site in spec.sites])[0]


def _host(
    estate: Estate, rng: random.Random, role: str, number: int, domain: int, site: int, used: int, sid: int
) -> Host:
    spec, dirt, index = estate.spec, estate.spec.dirt, len(estate.hosts)
    name = f"{_PREFIX[role]}{number + 1:02d}" if role != "workstation" else f"WS{number + 1:05d}"
    forest, place = spec.domains[domain], spec.sites[site]
    linux, hospital = role in {"linux", "monitor"}, spec.profile == "hospital"
    rolls = [rng.random() for _ in range(6)]
    forwarded = (
        rolls[0] < FORWARDING_HOSPITAL if hospital and role == "workstation" else rolls[0] >= dirt.silent
    )
    needed = role in {"controller", "jump"}
    bad_clock = rolls[3] < dirt.clocks and not needed
    minutes = rng.choice((-7, -5, -4, -3, -2, 2, 3, 4, 6, 8))
    wrong = linux and rolls[5] < dirt.wrong_zones
    netbios = forest.netbios.upper()
    return Host(
        index=index,
        name=name,
        fqdn=f"{name}.{forest.dns}",
        domain=domain,
        netbios=netbios,
        realm=forest.dns.upper(),
        site=site,
        ip=str(place.network[used + 9]),
        seen=str(_nat_address(site)) if place.nat else str(place.network[used + 9]),
        role=role,
        shape=_shape(role, rolls[4]),
        linux=linux,
        sysmon=not hospital and not linux and rolls[1] < dirt.sysmon,
        audit=not linux and rolls[2] < dirt.audit,
        commands=not hospital,
        silent=role == "device" or not (forwarded or needed),
        offset=minutes * 60_000_000 + rng.randrange(1_000_000)
        if bad_clock
        else rng.randrange(-80_000, 80_000),
        drift=rng.randrange(-DRIFT_MICROSECONDS, DRIFT_MICROSECONDS) * (25 if bad_clock else 0),
        zone=ZoneInfo("UTC" if wrong else spec.zone),
        account=Account(
            f"{name.upper()}$", domain, netbios, forest.dns.upper(), sid_of(sid, 5000 + index), False
        ),
        user=None,
        controller=0,
    )


def _shape(role: str, roll: float) -> str:
    """How a host's events were collected: exported, or by a collector's agent."""
    if role == "controller":
        return "nested" if roll < 0.7 else "ecs"
    return "nested" if roll < 0.45 else "ecs" if roll < 0.8 else "flat"


def _nat_address(site: int) -> str:
    return f"10.255.{site}.1"


def _member(host: Host, number: int, sid: int, taken: dict[tuple[int, str], int], merged: bool) -> Account:
    # two forests that were merged both have an a.bennett
    first, last = names.person(number // 2 if merged else number)
    base = names.account(first, last, 0)
    count = taken.get((host.domain, base), 0)
    taken[host.domain, base] = count + 1
    name = names.account(first, last, count)
    return Account(name, host.domain, host.netbios, host.realm, sid_of(sid, 40_000 + number), False)
