"""The estate: hosts with their places, accounts, providers' people, and what each host logs."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from ipaddress import IPv4Network
from zoneinfo import ZoneInfo

from countersign.range import names
from countersign.range.calendar import Calendar
from countersign.range.draws import generator, key, mix
from countersign.range.spec import DomainSpec, GatewaySpec, ProviderSpec, RangeSpec

SERVERS = ("file", "app", "sql", "web", "linux", "clinical")
WINDOWS_SERVERS = ("file", "app", "sql", "web", "clinical")
TOOLS = ("monitor", "backup", "scanner", "manager")
"""The estate's own machines that come to all others."""
DEVICE_SHARE, CITRIX_SHARE = 0.10, 0.006
"""Of a hospital's hosts: devices that log nothing, and the servers that everybody's sessions are on."""
FORWARDING_HOSPITAL = 0.45
"""A hospital forwards events of a part of its hosts only."""
DRIFT_MICROSECONDS = 40_000
"""A bad clock's greatest drift in a day, some half a part in a million."""


@dataclass(frozen=True, slots=True)
class Account:
    """An account of a domain; `admin` gets an administrator's rights where it logs on."""

    name: str
    domain: int
    netbios: str
    realm: str
    sid: str
    admin: bool = True

    @property
    def qualified(self) -> str:
        r"""`DOMAIN\name`."""
        return f"{self.netbios}\\{self.name}"


@dataclass(slots=True)
class Host:
    """One machine. `seen` is its address as other sites see it; `offset` and `drift` are of its clock."""

    index: int
    name: str
    fqdn: str
    domain: int
    netbios: str
    realm: str
    site: int
    ip: str
    seen: str
    role: str
    shape: str
    linux: bool
    sysmon: bool
    audit: bool
    commands: bool
    silent: bool
    offset: int
    drift: int
    zone: ZoneInfo
    account: Account
    user: Account | None
    controller: int
    """The index of the controller that it asks."""

    def ip_at(self, other: Host) -> str:
        """Its address as `other` sees it."""
        return self.ip if self.site == other.site else self.seen


@dataclass(slots=True)
class Person:
    """Somebody of a provider, or one of the customer's administrators, with habits."""

    name: str
    account: Account
    provider: str
    upn: str
    hours: tuple[str, str]
    zone: str
    origin: str
    client: str
    tools: tuple[str, ...]
    """Ways from the jump host on to others, the favourite first."""
    hosts: tuple[int, ...]
    """The hosts that this person looks after, the usual one first."""
    pace: float
    joined: int
    left: int
    absent: frozenset[int]
    password_day: int
    shared: bool = False
    alias: str = ""
    """The person who really works on an inherited account."""


@dataclass(slots=True)
class Provider:
    """A provider with its people and services; `number` is the place in the specification."""

    spec: ProviderSpec
    number: int
    people: list[Person]
    services: list[Person]
    jump: int
    servers: list[int]
    role_arn: str
    tenant_id: str


@dataclass(slots=True)
class Estate:
    """Everything that stays the same in a range."""

    spec: RangeSpec
    seed: int
    calendar: Calendar
    hosts: list[Host]
    by_role: dict[str, list[int]]
    providers: list[Provider]
    administrators: list[Person]
    gateways: dict[str, GatewaySpec]
    aws: list[str] = field(default_factory=list)
    tenant_id: str = ""

    def base(self, *parts: object) -> int:
        """The key of a purpose in this range."""
        return key(self.seed, *parts)

    def addresses(self, day: int) -> list[str]:
        """Each host's address on a day: some workstations get another each day, and another host gets theirs."""
        out = [host.ip for host in self.hosts]
        for site in range(len(self.spec.sites)):
            moved = [i for i in self.by_role["workstation"] if self.hosts[i].site == site]
            moved = moved[: int(len(moved) * self.spec.dirt.reused_addresses)]
            shift = mix(self.base("lease", site, day)) % len(moved) if moved else 0
            for place, index in enumerate(moved):
                out[index] = self.hosts[moved[(place + shift) % len(moved)]].ip
        return out


def build_estate(spec: RangeSpec, seed: int) -> Estate:
    """The estate of a specification and a seed."""
    calendar = Calendar(spec.start, ZoneInfo(spec.zone), frozenset(spec.holidays))
    estate = Estate(spec, seed, calendar, [], {}, [], [], {g.name: g for g in spec.gateways})
    _add_hosts(estate)
    estate.aws = [
        str(100_000_000_000 + mix(estate.base("aws", n)) % 800_000_000_000) for n in range(spec.aws_accounts)
    ]
    estate.tenant_id = uuid_of(estate.base("tenant"))
    estate.administrators = _administrators(estate)
    estate.providers = [_provider(estate, number, one) for number, one in enumerate(spec.providers)]
    return estate


def uuid_of(number: int) -> str:
    """A lower-case UUID of 64 bits, as Microsoft's cloud writes ids."""
    text = f"{number:016x}{mix(number):016x}"
    return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-a{text[17:20]}-{text[20:]}"


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


def sid_of(domain: int, rid: int) -> str:
    """A SID of a domain (64 bits) and a relative id."""
    return f"S-1-5-21-{domain >> 33}-{domain >> 2 & 0x7FFFFFFF}-{mix(domain) >> 33}-{rid}"


def _member(host: Host, number: int, sid: int, taken: dict[tuple[int, str], int], merged: bool) -> Account:
    # two forests that were merged both have an a.bennett
    first, last = names.person(number // 2 if merged else number)
    base = names.account(first, last, 0)
    count = taken.get((host.domain, base), 0)
    taken[host.domain, base] = count + 1
    name = names.account(first, last, count)
    return Account(name, host.domain, host.netbios, host.realm, sid_of(sid, 40_000 + number), False)


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


def _administrators(estate: Estate) -> list[Person]:
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


def _provider(estate: Estate, number: int, spec: ProviderSpec) -> Provider:
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
