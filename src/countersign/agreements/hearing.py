"""One visit under one agreement: the questions that several clauses ask of it."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property, lru_cache

from countersign.agreements.accounts import SYSTEM_ACCOUNTS, AccountPattern, Login
from countersign.agreements.answer import NO, YES, Answer, best, no, unknown, worst
from countersign.agreements.coverage import Coverage
from countersign.agreements.hosts import HostSet, is_private, parse_address
from countersign.agreements.terms import Agreement, Gateway, Grant, Never
from countersign.model.visit import Hop, Reference, Visit

FIRST = datetime.min.replace(tzinfo=UTC)
"""Sorts a hop without a start before all others."""

LONGEST_PATH = 256
"""Hops from an entry inwards that are followed; people walk over five or six machines."""

UNTIED = "a record that ties the hop to this visit (a shared logon id, logon GUID or port pair)"


@dataclass(frozen=True, slots=True)
class Door:
    """A gateway, read."""

    gateway: Gateway
    hosts: HostSet
    leases: HostSet


@dataclass(frozen=True, slots=True)
class Terms:
    """An agreement with its patterns read."""

    agreement: Agreement
    own: tuple[tuple[AccountPattern, str], ...]
    doors: tuple[Door, ...]
    targets: dict[str, HostSet]
    switches: dict[str, tuple[AccountPattern, ...]]
    forbidden: dict[str, HostSet]
    networks: HostSet
    places: HostSet

    @property
    def has_keys(self) -> bool:
        """Some account is named by SID or key fingerprint, which a hop does not show."""
        return any(pattern.kind != "name" for pattern, _ in self.own)


@lru_cache(maxsize=128)
def read_terms(agreement: Agreement) -> Terms:
    """The patterns of an agreement, read once."""
    origins = HostSet.of(origin.address for origin in agreement.origins)

    def hosts(item: Grant | Never) -> HostSet:
        return HostSet.of(agreement.hosts(item.to))

    return Terms(
        agreement,
        tuple(
            (AccountPattern.parse(text), identity.name)
            for identity in agreement.identities
            for text in identity.accounts
        ),
        tuple(
            Door(gateway, HostSet.of(gateway.hosts), HostSet.of(gateway.leases))
            for gateway in agreement.gateways
        ),
        {grant.name: hosts(grant) for grant in agreement.grants},
        {grant.name: tuple(AccountPattern.parse(text) for text in grant.as_) for grant in agreement.grants},
        {never.name: hosts(never) for never in agreement.never},
        HostSet(tuple(pattern for pattern in origins.patterns if pattern.network is not None)),
        HostSet(tuple(pattern for pattern in origins.patterns if pattern.network is None)),
    )


@dataclass(frozen=True, slots=True)
class Asked:
    """What one hop answered; `records` are the evidence, those of the hop where empty."""

    hop: Hop
    answer: Answer
    records: tuple[Reference, ...] = ()


@dataclass(frozen=True)
class Hearing:
    """One visit under one agreement, with what the logs could have shown, as of a moment."""

    visit: Visit
    agreement: Agreement
    coverage: Coverage
    as_of: datetime
    terms: Terms = field(init=False, repr=False)
    _doors: dict[tuple[str, str, str], Answer] = field(init=False, repr=False, default_factory=dict)
    _doubtful: dict[str, bool] = field(init=False, repr=False, default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "terms", read_terms(self.agreement))

    @cached_property
    def hops(self) -> tuple[Hop, ...]:
        """The hops in order of time, whatever order they came in."""
        return tuple(sorted(self.visit.hops, key=lambda hop: (hop.start or FIRST, hop.id)))

    @cached_property
    def _by_id(self) -> dict[str, Hop]:
        return {hop.id: hop for hop in reversed(self.hops)}

    @cached_property
    def entry(self) -> Hop | None:
        """The hop that the visit entered by."""
        found = self._by_id.get(self.visit.entry)
        return found or next((hop for hop in self.hops if hop.parent is None), None)

    def path(self, hop: Hop) -> tuple[Hop, ...]:
        """The hop and its ancestors, outwards; cut off at `LONGEST_PATH`, where its root is not known."""
        out: dict[str, Hop] = {}
        step: Hop | None = hop
        while step is not None and step.id not in out and len(out) < LONGEST_PATH:
            out[step.id] = step
            step = None if step.parent is None else self._by_id.get(step.parent)
        return tuple(out.values())

    def is_doubtful(self, hop: Hop) -> bool:
        """Whether the hop may belong to another visit: a link on its way is ambiguous."""
        if hop.id not in self._doubtful:
            self._doubtful[hop.id] = any(step.link.kind == "ambiguous" for step in self.path(hop))
        return self._doubtful[hop.id]

    def certain(self, hop: Hop, answer: Answer) -> Answer:
        """The answer, but no certain no of a hop that may belong to another visit."""
        if answer.value == "no" and self.is_doubtful(hop):
            return unknown(f"{answer.why}, but the hop may belong to another visit", UNTIED)
        return answer

    def known_as(self, *hosts: str) -> tuple[str, ...]:
        """Everything that these texts, which name one host, are known as."""
        return tuple(
            name for host in hosts if host.strip() not in {"", "-"} for name in self.coverage.known_as(host)
        )

    def leads_to(self, hop: Hop, hosts: HostSet) -> Answer:
        """Whether a hop leads to one of these hosts. Accounts and applications of a cloud have no address, so none can become known."""
        answer = hosts.holds(self.known_as(hop.target))
        return NO if answer.value == "unknown" and hop.protocol in CLOUDS else answer

    def may_be(self, hop: Hop) -> bool:
        """Whether a grant to this host lists the account under `as`."""
        login = Login.of(hop.account)
        return any(
            any(pattern.fits(login) for pattern in patterns)
            and self.leads_to(hop, self.terms.targets[name]).value == "yes"
            for name, patterns in self.terms.switches.items()
        )

    @cached_property
    def _identities(self) -> dict[tuple[str, str], str | None]:
        found: dict[tuple[str, str], str | None] = {}
        for account, uid in {(hop.account, hop.account_uid) for hop in self.hops}:
            login = Login.of(account, None, uid)
            fitting = [(pattern.weight, name) for pattern, name in self.terms.own if pattern.fits(login)]
            found[account, uid] = max(fitting)[1] if fitting else None
        return found

    def identity(self, hop: Hop) -> str | None:
        """The agreement's identity that acts in a hop: the owner of its account, else the visit's person."""
        own = self._identities.get((hop.account, hop.account_uid))
        if own is not None:
            return own
        person = self.visit.person
        return person if any(identity.name == person for identity in self.agreement.identities) else None

    def owner(self, hop: Hop) -> Answer:
        """Whether the account of a hop is one of the provider's own."""
        if self._identities.get((hop.account, hop.account_uid)) is not None:
            return YES
        entry = self.entry
        if entry is not None and entry.account.casefold() == hop.account.casefold() and self.identity(entry):
            return YES
        login = Login.of(hop.account, None, hop.account_uid)
        if login.is_blank:
            return unknown("the account is not recorded", "a logon record that names the account")
        if any(name in SYSTEM_ACCOUNTS for name, _ in login.names):
            return YES
        if self.terms.has_keys:
            return unknown(
                f"{hop.account} is declared under no name",
                "the SID or key fingerprint of the account, in its logon record",
            )
        return NO

    def through(self, hop: Hop, door: Door) -> Answer:
        """Whether a hop is the entering of a gateway."""
        key = ("through", hop.id, door.gateway.name)
        if key not in self._doors:
            self._doors[key] = self._through(hop, door)
        return self._doors[key]

    def _through(self, hop: Hop, door: Door) -> Answer:
        gateway = door.gateway
        named = hop.gateway.strip()
        if named and (
            named.casefold() == gateway.name.casefold() or door.hosts.holds((named,)).value == "yes"
        ):
            return YES
        there = self.leads_to(hop, door.hosts)
        if there.value == "no":
            return there
        protocol = protocol_among(hop, (gateway.protocol,))
        if protocol.value != "no":
            return worst((there, protocol))
        return (
            no(f"entered {gateway.name} by {hop.protocol}, not by {gateway.protocol}")
            if there.value == "yes"
            else NO
        )

    def out_of(self, hop: Hop, door: Door) -> Answer:
        """Whether a hop comes from a gateway, or from an address that it gave."""
        key = ("out of", hop.id, door.gateway.name)
        if key not in self._doors:
            self._doors[key] = self._out_of(hop, door)
        return self._doors[key]

    def _out_of(self, hop: Hop, door: Door) -> Answer:
        known = self.known_as(hop.source, hop.source_ip)
        if not known:
            return unknown(f"{place(hop)}: no source is recorded", f"the log of gateway {door.gateway.name}")
        answer = best((door.leases.holds(known), door.hosts.holds(known)))
        address = parse_address(hop.source_ip) or parse_address(hop.source)
        if answer.value == "unknown" and address is not None and not is_private(address):
            # a gateway's inner side is not on a public address, unless the agreement lists that address
            return NO
        return answer

    def entered(self, doors: Iterable[Door]) -> Answer:
        """Whether the visit entered through one of these gateways."""
        hop = self.entry
        if hop is None:
            return unknown("the entry is not in the logs", "the log of the gateway")
        asked = list(doors)
        answer = best(one for door in asked for one in (self.through(hop, door), self.out_of(hop, door)))
        if answer.value == "yes":
            return YES
        if hop.protocol == "console":
            return no(f"entered at the console of {hop.target}")
        if answer.value == "unknown":
            return answer
        came = hop.source or hop.source_ip
        wrong_way = sorted(
            one.why for door in asked if (one := self.through(hop, door)).why and one.value == "no"
        )
        return no(
            wrong_way[0] if wrong_way else f"entered {place(hop)} from {came}, through no agreed gateway"
        )


CLOUDS = frozenset({"signin", "m365", "aws", "azure", "gcp", "google", "okta", "duo", "adfs"})
"""Ways into a cloud or through an identity provider: they lead to an account or an application, and through no gateway of a network."""
_UNNAMED = frozenset({"", "-", "unknown"})
_NETWORK_RIDERS = frozenset({"smb", "wmi", "winrm", "dcom", "scm", "task", "registry", "rdp"})
"""Protocols whose logon Windows records as type 3, `network`, when nothing tells more."""


def protocol_among(hop: Hop, protocols: Collection[str]) -> Answer:
    """Whether a hop came by one of these protocols, as far as the logs tell."""
    if hop.protocol in protocols:
        return YES
    unclear = (
        hop.protocol in _UNNAMED
        or (hop.protocol == "network" and not _NETWORK_RIDERS.isdisjoint(protocols))
        # a use of explicit credentials for another host says nothing of the way there
        or (hop.protocol == "explicit" and hop.source.casefold() != hop.target.casefold())
    )
    if unclear:
        return unknown(
            f"{place(hop)}: the protocol is not recorded",
            f"a network sensor, or the logon, share, WMI and WinRM records of {hop.target or 'the target'}",
        )
    return NO


def place(hop: Hop) -> str:
    """For a person: where a hop went and how."""
    return f"to {hop.target or 'an unknown host'} by {hop.protocol or 'an unknown protocol'}"
