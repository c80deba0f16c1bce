"""The estate: hosts with their places, accounts, providers' people, and what each host logs; `building` makes it."""

from __future__ import annotations

from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from countersign.range.calendar import Calendar
from countersign.range.draws import key, mix
from countersign.range.spec import GatewaySpec, ProviderSpec, RangeSpec

RED_HAT = 50
"""The share of Linux hosts, in a hundred, that are Red Hat's."""


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

    @property
    def known(self) -> str:
        """Who it really is."""
        return self.alias or self.name


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

    def red_hat(self, host: Host) -> bool:
        """Whether a Linux host is Red Hat's; all others are Debian's."""
        return self.base("distribution", host.name) % 100 < RED_HAT

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


def uuid_of(number: int) -> str:
    """A lower-case UUID of 64 bits, as Microsoft's cloud writes ids."""
    text = f"{number:016x}{mix(number):016x}"
    return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-a{text[17:20]}-{text[20:]}"


def sid_of(domain: int, rid: int) -> str:
    """A SID of a domain (64 bits) and a relative id."""
    return f"S-1-5-21-{domain >> 33}-{domain >> 2 & 0x7FFFFFFF}-{mix(domain) >> 33}-{rid}"
