"""Who works for providers, and the customer's own administrators: accounts, shifts, habits, shared and inherited accounts."""

from __future__ import annotations

import random
from ipaddress import IPv4Network

from countersign.range import names
from countersign.range.draws import generator, key, mix
from countersign.range.estate import Account, Estate, Person, Provider, sid_of, uuid_of
from countersign.range.spec import ProviderSpec

WINDOWS_SERVERS = ("file", "app", "sql", "web", "clinical")
WAYS_ON = ("rdp", "winrm", "smb", "psexec", "wmi", "task", "service")


def _person(
    estate: Estate,
    rng: random.Random,
    provider: str,
    number: int,
    prefix: str,
    hosts: list[int],
    hours: str,
    zone: str,
) -> Person:
    first, last = names.person(number)
    forest = estate.spec.domains[0]
    sid = mix(estate.base("domain", 0))
    account = Account(
        f"{prefix}{last.lower()}{number % 100 if number >= len(names.LAST) else ''}",
        0, forest.netbios.upper(), forest.dns.upper(), sid_of(sid, 1200 + key(provider, number) % 3000),
    )  # fmt: skip
    begin, _, end = hours.partition("-")
    late = rng.random() < 0.25
    shift = (f"{int(begin[:2]) + (2 if late else 0):02d}{begin[2:]}", end)
    tools = list(WAYS_ON)
    rng.shuffle(tools)
    tools.sort(key=lambda tool: rng.random() * {"rdp": 0.25, "winrm": 0.6, "smb": 0.7}.get(tool, 1.6))
    mine = rng.sample(hosts, min(len(hosts), rng.randrange(3, 8)))
    days = estate.spec.days
    joined = rng.randrange(1, days) if days > 5 and rng.random() < 0.08 else 0
    left = rng.randrange(joined + 1, days + 1) if days > 5 and rng.random() < 0.06 else days
    away = rng.randrange(days)
    absent = frozenset(range(away, away + rng.randrange(2, 6))) if rng.random() < 0.3 else frozenset()
    return Person(
        name=f"{first} {last}",
        account=account,
        provider=provider,
        upn=f"{first}.{last}@{provider or 'corp'}.example".lower(),
        hours=shift,
        zone=zone,
        origin="",
        client=f"{(provider or 'ADM')[:3].upper()}-{rng.choice(('LT', 'PC'))}{rng.randrange(1000, 9999)}",
        tools=tuple(tools),
        hosts=tuple(mine),
        pace=rng.uniform(0.6, 1.8),
        joined=joined,
        left=left,
        absent=absent,
        password_day=rng.randrange(days) if rng.random() < 0.4 else -1,
    )


def administrators_of(estate: Estate) -> list[Person]:
    """The customer's own administrators, each at a workstation."""
    servers = [i for role in WINDOWS_SERVERS for i in estate.by_role[role]] + estate.by_role["linux"]
    out = []
    for number in range(estate.spec.administrators):
        rng = generator(estate.seed, "administrator", number)
        out.append(_person(estate, rng, "", 3000 + number, "adm.", servers, "08:00-18:00", estate.spec.zone))
        # they sit at workstations of the first site
        out[-1].origin = str(estate.by_role["workstation"][number % len(estate.by_role["workstation"])])
    return out


def _address_in(networks: tuple[IPv4Network, ...], rng: random.Random) -> str:
    network = rng.choice(networks)
    return str(network[rng.randrange(1, max(2, min(network.num_addresses - 1, 30)))])


def provider_of(estate: Estate, number: int, spec: ProviderSpec) -> Provider:
    """A provider with its people and services."""
    rng = generator(estate.seed, "provider", spec.name)
    jumps = estate.by_role["jump"]
    jump = jumps[0] if spec.busy else jumps[number % len(jumps)]
    pool = [i for role in WINDOWS_SERVERS for i in estate.by_role[role]] + estate.by_role["linux"]
    servers = sorted(rng.sample(pool, min(spec.servers, len(pool))))
    people = []
    prefix = f"{spec.name[:2].lower()}."
    for one in range(spec.people):
        its = generator(estate.seed, "person", spec.name, one)
        person = _person(estate, its, spec.name, 100 * number + one, prefix, servers, spec.hours, spec.zone)
        person.origin = _address_in(spec.origins, its)
        people.append(person)
    _share_accounts(spec, people)
    services = [_service(estate, spec, one, servers) for one in range(spec.services)]
    return Provider(
        spec, number, people, services, jump, servers,
        role_arn=f"arn:aws:iam::{{}}:role/{spec.name}-operations",
        tenant_id=uuid_of(estate.base("partner", spec.name)),
    )  # fmt: skip


def _share_accounts(spec: ProviderSpec, people: list[Person]) -> None:
    """The last people of a provider use one account in pairs, or work on the account of somebody who left."""
    rest = list(reversed(people))
    for number in range(spec.shared_accounts):
        for person in rest[number * 2 : number * 2 + 2]:
            first = rest[number * 2]
            person.account = first.account
            person.shared = True
    offset = spec.shared_accounts * 2
    for person in rest[offset : offset + spec.inherited_accounts]:
        person.alias = f"locum for {person.name}"


def _service(estate: Estate, spec: ProviderSpec, number: int, servers: list[int]) -> Person:
    rng = generator(estate.seed, "service", spec.name, number)
    kind = ("backup", "agent", "monitor")[number % 3]
    windows = [i for i in servers if not estate.hosts[i].linux] or servers
    person = _person(estate, rng, spec.name, 9000 + number, "", windows, "21:00-23:00", estate.spec.zone)
    name = f"svc-{spec.name[:8].lower()}-{kind}{number // 3 or ''}"
    old = person.account
    person.account = Account(name, old.domain, old.netbios, old.realm, old.sid)
    person.name, person.upn = name, f"{name}@{spec.name}.example"
    person.origin = str(spec.origins[0][1])
    person.client = f"{spec.name[:3].upper()}-SRV01"
    return person
