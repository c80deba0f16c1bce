"""The terms of an agreement: what a provider may do, as its file says it.

Everything that can be checked without logs is checked here, so an `Agreement` that exists is valid. Texts keep
the form that people wrote; `judge` and `resolve` read the patterns.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, model_validator

from countersign.agreements.accounts import AccountPattern
from countersign.agreements.hosts import HostPattern
from countersign.agreements.problem import echo, several, wrong
from countersign.agreements.references import dangling
from countersign.agreements.schedule import Schedule, Zone
from countersign.agreements.term import Line, Lines, Slug, Term
from countersign.model.visit import Severity

TERMS_VERSION = 1
"""Version of these terms; a file of a newer one is refused, an older one is read as it was meant."""

Protocol = Literal[
    "vpn",
    "rdp",
    "ssh",
    "smb",
    "winrm",
    "wmi",
    "dcom",
    "scm",
    "task",
    "registry",
    "console",
    "network",
    "su",
    "sudo",
    "explicit",
    "service",
    "bastion",
    "vnc",
    "telnet",
    "anydesk",
    "kaseya",
    "ninjaone",
    "screenconnect",
    "simplehelp",
    "takecontrol",
    "teamviewer",
    "signin",
    "aws",
    "azure",
    "gcp",
    "m365",
    "google",
    "okta",
    "duo",
    "adfs",
    "unknown",
]
"""How a hop arrives, as `model.visit.Hop.protocol` says it."""

Act = Literal[
    "log_cleared",
    "account_changes",
    "new_services",
    "new_tasks",
    "admin_shares",
    "credential_switch",
    "outside_gateway",
]
"""What a never-clause may forbid beside hosts, protocols and tools."""

Duty = Literal["required", "optional"]


def _account(text: str) -> str:
    AccountPattern.parse(text)
    return text


def _host(text: str) -> str:
    HostPattern.parse(text)
    return text


def _place(text: str) -> str:
    """A host pattern that does not mean the whole world."""
    pattern = HostPattern.parse(text)
    if pattern.name.strip("*.") == "" and (pattern.network is None or pattern.network.prefixlen == 0):
        raise wrong(
            f"`{text}` would mean every address there is", "name the provider's own networks or hosts"
        )
    return text


def _network(text: str) -> str:
    if HostPattern.parse(text).network is None:
        raise wrong(f"`{text}` is no address or network", "write 192.0.2.7 or 192.0.2.0/24")
    return _place(text)


def _tool(text: str) -> str:
    if not text.replace("*", "") or "\\" in text or "/" in text:
        raise wrong(
            f"`{text}` is no program name", "write a name such as psexec* or mimikatz.exe, without its folder"
        )
    return text


def _listed(value: Any) -> Any:  # noqa: ANN401  # what YAML holds, before it is checked
    """A single thing may stand without a list."""
    return value if isinstance(value, list | tuple) else [value]


def _newest(value: Any) -> Any:  # noqa: ANN401  # as above
    """YAML's scalars reach us as text."""
    number = int(value) if isinstance(value, str) and value.isdecimal() and len(value) < 9 else value
    if isinstance(number, int) and number > TERMS_VERSION:
        raise wrong(
            f"version {number} of the terms is newer than this program, which knows {TERMS_VERSION}",
            "update Countersign, or write the agreement in the older terms",
        )
    return number


def _iso(value: Any) -> Any:  # noqa: ANN401  # as above
    """Only dates as people write them: pydantic would take a number of seconds for one."""
    if not isinstance(value, str):
        return value
    try:
        return date.fromisoformat(value.strip())
    except ValueError:
        raise wrong(f"{echo(value)} is no date", "write a date such as 2026-12-31") from None


Day = Annotated[date, BeforeValidator(_iso, json_schema_input_type=date)]
AccountText = Annotated[Line, AfterValidator(_account)]
HostText = Annotated[Line, AfterValidator(_host)]
PlaceText = Annotated[Line, AfterValidator(_place)]
NetworkText = Annotated[Line, AfterValidator(_network)]
ToolText = Annotated[Line, AfterValidator(_tool)]
Accounts = Annotated[
    tuple[AccountText, ...], BeforeValidator(_listed, json_schema_input_type=Line | list[Line])
]
Hosts = Annotated[tuple[HostText, ...], BeforeValidator(_listed, json_schema_input_type=Line | list[Line])]
Places = Annotated[tuple[PlaceText, ...], BeforeValidator(_listed, json_schema_input_type=Line | list[Line])]
Networks = Annotated[
    tuple[NetworkText, ...], BeforeValidator(_listed, json_schema_input_type=Line | list[Line])
]
GroupName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_-]{0,62}$")]
"""Like a host name without dots, so that it may stand where hosts stand."""
Tools = Annotated[tuple[ToolText, ...], BeforeValidator(_listed, json_schema_input_type=Line | list[Line])]
Protocols = Annotated[
    tuple[Protocol, ...], BeforeValidator(_listed, json_schema_input_type=Protocol | list[Protocol])
]
Acts = Annotated[tuple[Act, ...], BeforeValidator(_listed, json_schema_input_type=Act | list[Act])]


class Provider(Term):
    """The outside organisation."""

    id: Slug = Field(description="Short and stable: part of ids, never rename it.")
    name: Line = Field(description="As people know it.")


class Contract(Term):
    """When there is a contract at all. Both days are included, in the agreement's zone."""

    start: Day = Field(description="First day, 2026-01-01.")
    end: Day | None = Field(default=None, description="Last day. Open when left out.")
    reference: Annotated[str, Field(max_length=200)] = Field(
        default="", description="Where the contract is found."
    )

    @model_validator(mode="after")
    def _in_order(self) -> Contract:
        if self.end is not None and self.end < self.start:
            raise wrong(
                f"the contract ends on {self.end}, before it starts on {self.start}", "exchange the two dates"
            )
        return self


class Identity(Term):
    """A person or a service of the provider, with every account it has here."""

    name: Line = Field(description="The person's or service's name; grants name it in `who`.")
    kind: Literal["person", "service"] = Field(
        default="person", description="Services may run when nobody works."
    )
    accounts: Accounts = Field(
        min_length=1,
        description=r"CORP\name, name@corp.example, name (any domain), a SID, an SSH key SHA256:..., an ARN; `*` is a wildcard.",
    )
    shared: bool = Field(default=False, description="Several people use it, so it does not say who came.")
    notes: Annotated[str, Field(max_length=2000)] = ""


class Origin(Term):
    """Where the provider comes from."""

    address: PlaceText = Field(description="An address, a CIDR network or a host name.")
    label: Annotated[str, Field(max_length=200)] = ""

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, value: Any) -> Any:  # noqa: ANN401  # pydantic hands over whatever YAML held
        return {"address": value} if isinstance(value, str) else value


class Gateway(Term):
    """A door through which the provider must enter."""

    name: Line = Field(description="Grants name it in `via`.")
    hosts: Places = Field(min_length=1, description="The gateway itself: names, addresses, networks.")
    protocol: Protocol = Field(description="How one enters it: vpn, rdp, ssh.")
    leases: Networks = Field(
        default=(), description="Addresses that the gateway gives to those who came through it."
    )


class Grant(Term):
    """One permission. What it does not say, it does not limit."""

    name: Line
    who: Lines = Field(min_length=1, description="Names of identities, or '*' for all of this agreement.")
    to: Hosts = Field(
        min_length=1, description="Host names, '*' wildcards, addresses, networks, names of groups."
    )
    by: Protocols = Field(default=(), description="Protocols. Any when left out.")
    via: Lines = Field(default=(), description="Gateways that it must come through. Any way when left out.")
    as_: Accounts = Field(
        default=(), alias="as", description="Accounts, not the provider's own, that they may switch to there."
    )
    when: Annotated[
        tuple[Schedule, ...],
        BeforeValidator(_listed, json_schema_input_type=str | Schedule | list[str | Schedule]),
    ] = Field(
        default=(),
        description="mon-fri 08:00-18:00 Europe/London; several are alternatives. Always when left out.",
    )
    until: Day | None = Field(default=None, description="Last day of this grant, in the agreement's zone.")
    mfa: Duty = Field(default="optional", description="Whether they must have entered with a second factor.")
    ticket: Duty = Field(default="optional", description="Whether there must be a ticket.")


class Never(Term):
    """Something that must not happen, whatever was granted. What is stated must come together to break it."""

    name: Slug = Field(description="The clause is called never.<name>.")
    to: Hosts = Field(default=(), description="On these hosts. Any when left out.")
    by: Protocols = Field(default=(), description="By these protocols. Any when left out.")
    what: Acts = Field(default=(), description="Any of these acts.")
    tools: Tools = Field(default=(), description="Any of these programs, by file name: psexec*, mimikatz*.")
    severity: Severity = "high"

    @model_validator(mode="after")
    def _says_something(self) -> Never:
        if not (self.to or self.by or self.what or self.tools):
            raise wrong(
                f"never-clause `{self.name}` forbids nothing",
                "add `to`, `by`, `what` or `tools` to say what it forbids",
            )
        return self


class Limits(Term):
    """Bounds of a visit."""

    max_visit_hours: Annotated[float, Field(gt=0, le=8760)] | None = Field(
        default=None, description="No visit may last longer."
    )
    max_concurrent_visits: Annotated[int, Field(ge=1, le=10_000)] | None = Field(
        default=None, description="No more visits of this provider at one time."
    )


class Agreement(Term):
    """What one provider may do. Clauses that are left out are not judged."""

    version: Annotated[Literal[1], BeforeValidator(_newest, json_schema_input_type=Literal[1])] = Field(
        description="Version of these terms: 1."
    )
    provider: Provider
    draft: bool = Field(default=False, description="A draft is checked, but nobody is held to it.")
    zone: Zone = Field(default="UTC", description="IANA time zone of dates, and of schedules that name none.")
    contract: Contract | None = None
    identities: tuple[Identity, ...] = Field(default=(), max_length=5000)
    origins: Annotated[
        tuple[Origin, ...],
        BeforeValidator(_listed, json_schema_input_type=Line | Origin | list[Line | Origin]),
    ] = Field(default=(), max_length=5000)
    gateways: tuple[Gateway, ...] = Field(default=(), max_length=500)
    groups: dict[GroupName, Hosts] = Field(
        default_factory=dict, description="Names for sets of hosts, for use in `to`."
    )
    grants: tuple[Grant, ...] = Field(default=(), max_length=2000)
    never: tuple[Never, ...] = Field(default=(), max_length=500)
    limits: Limits = Limits()

    @model_validator(mode="after")
    def _hangs_together(self) -> Agreement:
        problems = dangling(self.model_dump(by_alias=True))
        if problems:
            raise several(problems)
        return self

    def __hash__(self) -> int:
        """What is read out of an agreement is remembered by it; equal agreements have equal providers."""
        return hash(self.provider.id)

    def hosts(self, texts: tuple[str, ...]) -> tuple[str, ...]:
        """Host patterns with the names of groups replaced by what they hold."""
        return tuple(pattern for text in texts for pattern in (self.groups.get(text, (text,))))
