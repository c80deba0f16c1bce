"""What an estate is made of, as a short YAML file (`content/ranges/*.yaml`): who and how much, the rest is drawn.

`version: 1` is the demo's format, in which everything has a name (`countersign.range.demo`); `version: 2` is this one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import date
from difflib import get_close_matches
from ipaddress import IPv4Network
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from countersign.errors import InputError
from countersign.range.wording import dotted, first_wrong

MAX_HOSTS, MAX_DAYS = 20_000, 400


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError(f"no IANA time zone is called {name!r}") from error
    return name


def _like(pattern: str, words: str) -> AfterValidator:
    wanted = re.compile(pattern)

    def check(text: str) -> str:
        if not wanted.fullmatch(text):
            raise ValueError(f"must be {words}")
        return text

    return AfterValidator(check)


Name = Annotated[
    str,
    _like(
        r"[A-Za-z0-9][A-Za-z0-9._-]{0,31}",
        "1 to 32 letters, digits, dots, dashes, the first a letter or digit",
    ),
]
Zone = Annotated[str, AfterValidator(_zone)]
Hours = Annotated[
    str,
    _like(
        r"([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d", "hours such as 08:00-18:00, with two digits each"
    ),
]
Share = Annotated[float, Field(ge=0, le=1)]
Way = Literal["vpn", "direct", "entra", "aws", "bastion", "support", "okta"]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DomainSpec(_Part):
    """A Windows forest: `MERIDIAN` and `meridian.example`; `share` of the hosts are in it."""

    netbios: Name
    dns: Name
    share: Share = 1.0


class SiteSpec(_Part):
    """A place with a network of its own; behind `nat`, others see all its hosts as that one address.

    Two sites may have the same `network`, if one of them is behind NAT.
    """

    name: Name
    network: IPv4Network
    share: Share
    nat: bool = False


class GatewaySpec(_Part):
    """A VPN gateway and the addresses that it gives out."""

    name: Name
    kind: Literal["anyconnect", "openvpn", "fortigate"]
    pool: IPv4Network
    zone: Zone | None = None
    """The zone in which it writes its log; the estate's where it is not said."""
    sign_in: Literal["local", "radius", "saml", "okta"] = "local"
    """Who says who its users are: itself, an NPS server, the tenant, or Okta."""


class ProviderSpec(_Part):
    """A provider: how many people, when they work, from where, how often each comes on a working day."""

    name: Name
    title: str
    gateway: Name | None = None
    people: int = Field(ge=1, le=500)
    visits: float = Field(default=2.0, ge=0, le=20)
    hours: Hours = "08:00-18:00"
    zone: Zone = "Europe/London"
    origins: tuple[IPv4Network, ...] = Field(min_length=1)
    mobile: tuple[IPv4Network, ...] = ()
    """Where on-call people come from: a mobile network's carrier-grade NAT."""
    servers: int = Field(default=12, ge=1, le=2000)
    """How many of the estate's servers it looks after."""
    ways: dict[Way, Annotated[float, Field(ge=0)]] = {"vpn": 1.0}
    bastion: Literal["teleport", "cyberark"] = "teleport"
    """Which bastion its people come through, where `ways` has one."""
    on_call: bool = True
    shared_accounts: int = Field(default=0, ge=0, le=20)
    inherited_accounts: int = Field(default=0, ge=0, le=20)
    """Locums who work on the account of somebody who left."""
    services: int = Field(default=1, ge=0, le=20)
    """Unattended accounts: backup, agent, monitoring."""
    agents: int = Field(default=0, ge=0, le=100)
    """How many hosts its management agent does maintenance on each night."""
    busy: bool = False
    """All its people share one jump host, several at a time."""


class DirtSpec(_Part):
    """What real collections suffer; each is a share of the records or hosts concerned."""

    lost: Share = 0.01
    late: Share = 0.05
    doubled: Share = 0.005
    logoffs: Share = 0.20
    zero_guids: Share = 0.10
    empty_addresses: Share = 0.03
    """Logons over the network without the caller's address, but for the two kinds below."""
    empty_winrm: Share = 0.97
    """Those by WinRM with a ticket: none of the public captures has an address."""
    empty_machines: Share = 0.34
    """Those of machines' accounts with a ticket: 64 of 187 in the public captures."""
    clocks: Share = 0.05
    silent: Share = 0.10
    sysmon: Share = 0.50
    audit: Share = 0.60
    """Servers and workstations that log processes (4688)."""
    wrong_zones: Share = 0.10
    reused_addresses: Share = 0.10


class LoadSpec(_Part):
    """How busy a member of staff is on a working day, in records of each kind; machines by the hour."""

    lookups: float = Field(default=60, ge=0, le=10_000)
    pages: float = Field(default=34, ge=0, le=10_000)
    shares: float = Field(default=10, ge=0, le=10_000)
    programs: float = Field(default=16, ge=0, le=10_000)
    unlocks: float = Field(default=4, ge=0, le=1_000)
    intranet: float = Field(default=5, ge=0, le=10_000)
    refreshes: float = Field(default=16, ge=0, le=1_000)
    """A computer's visits to its controller, each day."""
    mail: float = Field(default=3, ge=0, le=1_000)
    """Signs in to the cloud tenant and things done there, each day and person."""


class RangeSpec(_Part):
    """A whole range."""

    version: Literal[2]
    organisation: str
    profile: Literal["office", "hospital"] = "office"
    zone: Zone = "Europe/London"
    start: date
    days: int = Field(ge=1, le=MAX_DAYS)
    hosts: int = Field(ge=50, le=MAX_HOSTS)
    domains: tuple[DomainSpec, ...] = Field(min_length=1, max_length=4)
    sites: tuple[SiteSpec, ...] = Field(min_length=1, max_length=40)
    gateways: tuple[GatewaySpec, ...] = ()
    providers: tuple[ProviderSpec, ...] = Field(min_length=1, max_length=60)
    holidays: tuple[date, ...] = ()
    administrators: int = Field(default=8, ge=1, le=500)
    tenant: Name | None = None
    """DNS name of the cloud tenant; no cloud logs without it."""
    aws_accounts: int = Field(default=0, ge=0, le=20)
    guests: int = Field(default=0, ge=0, le=100_000)
    """Guest accounts of the tenant, mostly people who were once sent a document."""
    sensors: Literal["core", "sites"] = "core"
    compressed: bool = True
    dirt: DirtSpec = DirtSpec()
    load: LoadSpec = LoadSpec()

    @model_validator(mode="after")
    def _fits_together(self) -> RangeSpec:
        for conflict in _conflicts(self):
            raise conflict
        return self


class ConflictError(ValueError):
    """Two parts of a specification that do not fit; `place` is where one of them stands."""

    def __init__(self, message: str, *place: str | int) -> None:
        super().__init__(message)
        self.place = place


def _conflicts(spec: RangeSpec) -> Iterator[ConflictError]:
    names = {gateway.name for gateway in spec.gateways}
    for number, provider in enumerate(spec.providers):
        yield from _of_provider(spec, provider, number, names)
    for number, gateway in enumerate(spec.gateways):
        if gateway.sign_in in {"saml", "okta"} and spec.tenant is None:
            message = f"gateway {gateway.name} asks a tenant who its users are, and the range has no `tenant`"
            yield ConflictError(message, "gateways", number, "sign_in")
    for kind, named in (
        ("provider", [one.name for one in spec.providers]),
        ("gateway", [one.name for one in spec.gateways]),
        ("site", [one.name for one in spec.sites]),
    ):
        for number, name in enumerate(named):
            if name in named[:number]:
                yield ConflictError(f"two of the {kind}s are called {name!r}", f"{kind}s", number, "name")
    yield from _shared_origins(spec)
    open_ = [(number, site.network) for number, site in enumerate(spec.sites) if not site.nat]
    for place, (number, network) in enumerate(open_):
        if any(network.overlaps(other) for _, other in open_[:place]):
            yield ConflictError(
                f"two sites without `nat` have the network {network}", "sites", number, "network"
            )


def _shared_origins(spec: RangeSpec) -> Iterator[ConflictError]:
    """An address is one provider's: agreements in which it is two's are refused."""
    named = [
        (number, key, network)
        for number, provider in enumerate(spec.providers)
        for key, networks in (("origins", provider.origins), ("mobile", provider.mobile))
        for network in networks
    ]
    for place, (number, key, network) in enumerate(named):
        for other, _, before in named[:place]:
            if other != number and network.overlaps(before):
                message = f"{network} is an origin of {spec.providers[other].name} too"
                yield ConflictError(message, "providers", number, key)


def _of_provider(
    spec: RangeSpec, provider: ProviderSpec, number: int, gateways: set[str]
) -> Iterator[ConflictError]:
    place, who = ("providers", number), f"provider {provider.name}"
    if provider.gateway is not None and provider.gateway not in gateways:
        near = get_close_matches(provider.gateway, gateways, 1)
        message = f"{who} comes by a gateway {provider.gateway!r} that is not in `gateways`"
        yield ConflictError(message + (f": {near[0]}?" if near else ""), *place, "gateway")
    if provider.gateway is None and provider.ways.get("vpn"):
        yield ConflictError(f"{who} comes by VPN and has no `gateway`", *place)
    if provider.ways.get("entra") and spec.tenant is None:
        yield ConflictError(f"{who} comes by Entra, and the range has no `tenant`", *place, "ways")
    if provider.ways.get("aws") and not spec.aws_accounts:
        yield ConflictError(f"{who} comes by AWS, and `aws_accounts` is 0", *place, "ways")
    if provider.agents and not provider.services:
        yield ConflictError(f"{who} has agents, and no service account for them", *place, "agents")


def parse_spec(data: object, raw: object, path: str) -> RangeSpec:
    """The specification in `data`; `raw` is the same with its places (ruamel's round-trip form).

    Raises `InputError` with file, line, place and remedy.
    """
    try:
        return RangeSpec.model_validate(data)
    except ValidationError as error:
        where, kind, message, cause = first_wrong(error)
        place = list(cause.place if isinstance(cause, ConflictError) else where)
        remedy = "docs/range.md lists every key"
        if kind == "extra_forbidden":
            message, remedy = _unknown(place, remedy)
        name = dotted(place, "the range")
        raise InputError(f"{name}: {message}", path=path, line=line_of(raw, place), remedy=remedy) from error


def _unknown(place: Sequence[str | int], remedy: str) -> tuple[str, str]:
    parts = (RangeSpec, DomainSpec, SiteSpec, GatewaySpec, ProviderSpec, DirtSpec, LoadSpec)
    fields = {name for part in parts for name in part.model_fields}
    near = get_close_matches(str(place[-1]), fields, 1)
    return "there is no such key", f"did you mean {near[0]!r}?" if near else remedy


def line_of(raw: object, place: Sequence[str | int]) -> int | None:
    """The line (from 1) of a place in a document that ruamel read with its marks."""
    line: int | None = None
    for part in place:
        if isinstance(raw, CommentedMap) and part in raw:
            line, raw = raw.lc.key(part)[0] + 1, raw[part]
        elif isinstance(raw, CommentedSeq) and isinstance(part, int) and part < len(raw):
            line, raw = raw.lc.item(part)[0] + 1, raw[part]
        else:
            return line
    return line


def read_yaml(path: Path) -> tuple[object, object]:
    """A YAML file as plain data, and once more with its places. Raises `InputError`."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(
            f"cannot be read: {error.strerror}", path=str(path), remedy="check the path"
        ) from error
    try:
        return YAML(typ="safe", pure=True).load(content), YAML(typ="rt", pure=True).load(content)
    except UnicodeDecodeError as error:
        raise InputError("is no text in UTF-8", path=str(path), remedy="save it as UTF-8") from error
    except YAMLError as error:
        marked = error if isinstance(error, MarkedYAMLError) else None
        line = None if marked is None or marked.problem_mark is None else marked.problem_mark.line + 1
        why = f": {marked.problem.splitlines()[0]}" if marked is not None and marked.problem else ""
        raise InputError(
            f"is not valid YAML{why}", path=str(path), line=line, remedy="mend that line"
        ) from error
    except ValueError as error:
        # ruamel makes a date of what looks like one, also of 2026-13-45
        raise InputError(
            f"holds a day that there is not: {error}",
            path=str(path),
            line=_impossible_day(content),
            remedy="write days as 2026-03-02",
        ) from error


DAY = re.compile(rb"\b(\d{4})-(\d\d?)-(\d\d?)\b")


def _impossible_day(content: bytes) -> int | None:
    for number, text in enumerate(content.splitlines(), 1):
        for found in DAY.finditer(text):
            try:
                date(*map(int, found.groups()))
            except ValueError:
                return number
    return None
