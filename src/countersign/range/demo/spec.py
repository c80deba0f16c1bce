"""What an estate is made of and what shall happen in it, as a YAML file (`content/ranges/demo.yaml`).

A specification says who and how much; times and details are drawn from the seed.
"""

from __future__ import annotations

from datetime import date, time
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from countersign.errors import InputError
from countersign.range.spec import Zone

MAX_DAYS = 31
"""Longer ranges need the full simulator; the bound keeps a typing slip from filling a disk."""

Role = Literal["controller", "server", "jump", "linux", "workstation"]
Arrival = Literal["rdp", "winrm", "smb", "ssh"]

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._$-]{0,63}$")]
Clock = Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DomainSpec(_Part):
    """The Windows domain: `MERIDIAN` and `meridian.example`."""

    netbios: Name
    dns: Name


class HostSpec(_Part):
    """One machine; `audit` is process auditing (4688), `sysmon` whether Sysmon runs on it."""

    name: Name
    address: IPv4Address
    role: Role
    audit: bool = False
    sysmon: bool = False


class GatewaySpec(_Part):
    """A VPN gateway and the addresses it hands out."""

    name: Name
    kind: Literal["anyconnect", "openvpn"]
    pool: IPv4Network
    group: str = "DfltGrpPolicy"


class HoursSpec(_Part):
    """Clock times in the estate's zone, `to` the next day where it is the smaller."""

    from_: Clock = Field(alias="from")
    to: Clock


class PersonSpec(_Part):
    """A person of a provider; the account is used at the gateway and in the domain."""

    name: str
    account: Name


class ServiceSpec(_Part):
    """A provider's unattended account that comes every working day at a clock time."""

    account: Name
    target: Name
    share: Name
    at: Clock
    hours: HoursSpec


class JobSpec(_Part):
    """Something a provider is asked to do: on which host, arriving how, doing which `work`."""

    target: Name
    by: Arrival
    work: Name


class ProviderSpec(_Part):
    """A provider, its people and services, where they come from and when."""

    name: Name
    title: str
    gateway: Name
    origins: tuple[IPv4Network, ...] = Field(min_length=1)
    hours: HoursSpec
    visits: int = Field(ge=0, le=10_000)
    people: tuple[PersonSpec, ...] = Field(min_length=1)
    services: tuple[ServiceSpec, ...] = ()
    jobs: tuple[JobSpec, ...] = Field(min_length=1)


class EmployeeSpec(_Part):
    """One of the customer's own people at a workstation."""

    account: Name
    name: str
    workstation: Name


class StaffSpec(_Part):
    """The customer's own people and how busy they are, in records each day and person."""

    people: tuple[EmployeeSpec, ...]
    administrator: EmployeeSpec
    shares_on: Name
    lookups: int = Field(ge=0, le=100_000)
    pages: int = Field(ge=0, le=100_000)
    shares: int = Field(ge=0, le=10_000)
    programs: int = Field(ge=0, le=10_000)


class IntrusionSpec(_Part):
    """One intrusion through a provider, on working day `day` (from 1) at clock time `at`."""

    provider: Name
    account: Name
    day: int = Field(ge=1)
    at: Clock
    origin: IPv4Address
    client: Name
    jump: Name
    target: Name
    switch_to: Name
    share: Name
    drop: IPv4Address
    megabytes: int = Field(ge=1, le=1_000_000)


class RangeSpec(_Part):
    """A whole range."""

    version: Literal[1]
    organisation: str
    domain: DomainSpec
    zone: Zone
    start: date
    days: int = Field(ge=1, le=MAX_DAYS)
    hosts: tuple[HostSpec, ...]
    gateways: tuple[GatewaySpec, ...]
    providers: tuple[ProviderSpec, ...]
    work: dict[str, tuple[str, ...]]
    staff: StaffSpec
    intrusion: IntrusionSpec | None = None

    @model_validator(mode="after")
    def _names_exist(self) -> RangeSpec:
        hosts = {host.name for host in self.hosts}
        gateways = {gateway.name for gateway in self.gateways}
        wanted = [("host", person.workstation) for person in (*self.staff.people, self.staff.administrator)]
        wanted.append(("host", self.staff.shares_on))
        for provider in self.providers:
            wanted += [("gateway", provider.gateway)]
            wanted += [("host", job.target) for job in provider.jobs]
            wanted += [("work", job.work) for job in provider.jobs]
            wanted += [("host", service.target) for service in provider.services]
        if self.intrusion is not None:
            wanted += [("host", self.intrusion.jump), ("host", self.intrusion.target)]
            wanted += [("provider", self.intrusion.provider)]
        known = {
            "host": hosts,
            "gateway": gateways,
            "work": set(self.work),
            "provider": {provider.name for provider in self.providers},
        }
        for kind, name in wanted:
            if name not in known[kind]:
                raise ValueError(f"there is no {kind} called {name!r} in this range")
        roles = [host.role for host in self.hosts]
        for role in ("controller", "jump"):
            if roles.count(role) != 1:
                raise ValueError(f"a range needs exactly one host with the role {role!r}")
        return self


def clock_time(text: str) -> time:
    """`07:30` as a time of day."""
    return time.fromisoformat(text)


def load_spec(path: Path) -> RangeSpec:
    """Reads a range's specification.

    Raises `InputError` with file, line where known and remedy if it cannot be read or does not fit.
    """
    try:
        data = YAML(typ="safe", pure=True).load(path.read_bytes())
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot be read: {error}", path=str(path), remedy="check the path") from error
    except YAMLError as error:
        mark = error.problem_mark if isinstance(error, MarkedYAMLError) else None
        line = None if mark is None else mark.line + 1
        raise InputError("is not valid YAML", path=str(path), line=line, remedy="mend that line") from error
    try:
        return RangeSpec.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the range"
        raise InputError(
            f"{place}: {first['msg']}", path=str(path), remedy="compare with content/ranges/demo.yaml"
        ) from error
