"""One spelling for each host, account and address, and which address was which host when."""

from __future__ import annotations

import bisect
import ipaddress
import itertools
from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from functools import lru_cache

DAY = 86_400 * 1_000_000
"""Microseconds."""
WELL_KNOWN_SESSIONS = frozenset({"0x0", "0x3e4", "0x3e5", "0x3e7", "", "-"})
"""Logon ids that every Windows host has: no session, NETWORK SERVICE, LOCAL SERVICE, SYSTEM. They never link."""

WELL_KNOWN_DOMAINS = frozenset(
    {"nt authority", "window manager", "font driver host", "nt service", "iis apppool"}
)


@dataclass(frozen=True, slots=True, order=True)
class Account:
    """An account as logs write it; `key` is what two spellings of it share."""

    domain: str
    name: str
    key: tuple[str, str] = field(init=False, repr=False, compare=False)
    """First label of the domain and the name, casefolded: THESHIRE and theshire.local are one domain."""

    def __post_init__(self) -> None:
        # worked out once: it is asked for a hundred times
        object.__setattr__(self, "key", (self.domain.split(".")[0].casefold(), self.name.casefold()))

    @property
    def text(self) -> str:
        r"""`DOMAIN\\name`, or the bare name where no domain is known."""
        domain = self.domain.split(".")[0].upper()
        return f"{domain}\\{self.name}" if domain else self.name

    def same_as(self, other: Account) -> bool:
        """Whether both can be one account: equal names, and domains equal or one of them unknown."""
        mine, theirs = self.key, other.key
        return mine[1] == theirs[1] and (mine[0] == theirs[0] or not mine[0] or not theirs[0])


class Domains:
    """One name for each domain: its short (NetBIOS) one where logs write its DNS name too, as Kerberos does.

    The accounts of a domain share all of their SID but the last number (MS-DTYP 2.4.2): names under which accounts with one such
    beginning come are one domain's. Where several short names do, nothing is said.
    """

    def __init__(self, accounts: Iterable[tuple[str, str, str]] = ()) -> None:
        short: dict[str, set[str]] = defaultdict(set)
        long: dict[str, set[str]] = defaultdict(set)  # DNS name -> beginnings of SIDs
        for _, domain, uid in accounts:
            if domain and uid.startswith("S-1-5-21-"):
                beginning = uid.rpartition("-")[0]
                if "." in domain:
                    long[domain.casefold()].add(beginning)
                else:
                    short[beginning].add(domain.upper())
        found = {name: set[str]().union(*(short[one] for one in of)) for name, of in long.items()}
        self._short = {name: names.pop() for name, names in found.items() if len(names) == 1}
        self.sids: dict[str, Account] = {}  # who the accounts are that some records name by their SID alone

    def named(self, domain: str) -> str:
        """The one name of a domain, else how it is written."""
        return self._short.get(domain.casefold(), domain) if "." in domain else domain

    def account(self, domain: str, name: str, sid: str) -> Account:
        """The account that a record names."""
        known = self.sids.get(sid) if name in {"", "-"} else None
        return Account(self.named(domain), name) if known is None else known


class HostNames:
    """Canonical host names: the first label, unless two full names share it (two merged domains)."""

    def __init__(self, names: Iterable[str]) -> None:
        full: dict[str, set[str]] = defaultdict(set)
        spelt: dict[str, set[str]] = defaultdict(set)
        for name in names:
            label, _, rest = name.partition(".")
            spelt[label.casefold()].add(label)
            if rest:
                full[label.casefold()].add(name.casefold())
        self._full = full
        self._spelt = spelt
        self._known: dict[str, str] = {}

    def canonical(self, name: str) -> str:
        """The one spelling of `name`; an address stays what it is."""
        found = self._known.get(name)
        if found is None:
            found = self._known[name] = self._canonical(name)
        return found

    def _canonical(self, name: str) -> str:
        if not name or is_address(name):
            return name
        label = name.partition(".")[0]
        key = label.casefold()
        if len(self._full.get(key, ())) > 1 and "." in name:
            return name.casefold()
        return min(self._spelt.get(key, {label}) | {label})


@lru_cache(maxsize=65_536)
def is_address(text: str) -> bool:
    """Whether `text` is an IPv4 or IPv6 address."""
    try:
        ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return False
    return True


@lru_cache(maxsize=65_536)
def is_local(address: str) -> bool:
    """Whether `address` says nothing about where from: empty, loopback, unspecified."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return True
    return parsed.is_loopback or parsed.is_unspecified


@dataclass(frozen=True, slots=True)
class Claim:
    """A record that shows `address` to be `host` from `first` to `last` (microseconds, UTC). `own` is whether the host
    says so itself: it is right in its own network, and behind translation another host may have that address here; `lease` whether a
    DHCP server gave it to who called itself so."""

    address: str
    host: str
    first: int
    last: int
    own: bool = False
    lease: bool = False


def settled(claims: Iterable[Claim], shared: Collection[str] = ()) -> list[Claim]:
    """Those of `claims` that stand: none on a `shared` address (translation hides several hosts behind it); no own word of a host
    that others see behind such an address, and none on an address that another host has too, while others see that host elsewhere."""
    kept = sorted(
        {claim for claim in claims if claim.own or claim.address not in shared},
        key=lambda c: (c.address, c.first, c.last, c.host, c.own),
    )
    seen: dict[str, set[str]] = defaultdict(set)
    holders: dict[str, set[str]] = defaultdict(set)
    for claim in claims:
        holders[claim.address].add(claim.host)
        if not claim.own:
            seen[claim.host].add(claim.address)
    return [
        claim
        for claim in kept
        if not (
            claim.own
            and claim.address not in seen[claim.host]
            and (
                (seen[claim.host] and len(holders[claim.address]) > 1)
                or not seen[claim.host].isdisjoint(shared)
                or claim.address in shared
            )
        )
    ]


class AddressBook:
    """Which host an address was, at a time, as the logs themselves show it."""

    def __init__(self, claims: Iterable[Claim]) -> None:
        self._claims: dict[str, list[Claim]] = defaultdict(list)
        self._of: dict[str, set[str]] = defaultdict(set)
        for claim in claims:
            self._claims[claim.address].append(claim)
            self._of[claim.host].add(claim.address)

    def host(self, address: str, at: int) -> str | None:
        """The host that had `address` at `at`: the claim that covers it or stands nearest, what others saw before a
        host's own word; None if two still differ or nothing is known."""
        known = [claim for claim in self._claims.get(address, ()) if not claim.lease or at <= claim.last]
        shown = [claim for claim in known if not claim.lease]
        for some in (
            known,
            [claim for claim in known if not claim.own],
            shown,
            [c for c in shown if not c.own],
        ):
            nearest = _nearest(some, at)
            if len(nearest) == 1:
                return nearest.pop()
        return None

    def is_leased(self, address: str, host: str) -> bool:
        """Whether nothing but a lease shows `host` to have had `address`."""
        return all(claim.lease for claim in self._claims.get(address, ()) if claim.host == host)

    def rivals(self, address: str) -> frozenset[str]:
        """The hosts that had `address` by turns, over and over: no lease that passed on, but two networks with the same private
        addresses, each with a controller of its own. Empty where it is one host's at a time."""
        shown = [claim for claim in self._claims.get(address, ()) if not claim.lease]
        known = sorted(shown, key=lambda claim: (claim.first, claim.last, claim.host))
        turns = sum(one.host != other.host for one, other in itertools.pairwise(known))
        hosts = frozenset(claim.host for claim in known)
        return hosts if turns > 2 * len(hosts) else frozenset()

    def addresses(self, host: str) -> frozenset[str]:
        """All addresses that `host` ever had."""
        return frozenset(self._of.get(host, ()))


def _nearest(claims: Iterable[Claim], at: int) -> set[str]:
    distances = [(max(claim.first - at, at - claim.last, 0), claim.host) for claim in claims]
    least = min((distance for distance, _ in distances), default=0)
    return {host for distance, host in distances if distance == least}


@dataclass(frozen=True, slots=True)
class Lease:
    """An address that a gateway gave to a session: `key` is its (host, session key)."""

    address: str
    first: int
    last: int
    key: tuple[str, str]


class Leases:
    """Address leases, found by address and time."""

    def __init__(self, leases: Iterable[Lease]) -> None:
        self._leases: dict[str, list[Lease]] = defaultdict(list)
        self._pools: dict[str, set[str]] = defaultdict(set)
        for lease in sorted(leases, key=lambda item: (item.address, item.first, item.last, item.key)):
            self._leases[lease.address].append(lease)
            self._pools[lease.address.rpartition(".")[0]].add(lease.key[0])

    @property
    def addresses(self) -> frozenset[str]:
        """Every address that was leased."""
        return frozenset(self._leases)

    def by_day(self) -> dict[int, set[tuple[str]]]:
        """The addresses that were leased on each day (since 1970, UTC), each as a key to ask by."""
        out: dict[int, set[tuple[str]]] = defaultdict(set)
        for leases in self._leases.values():
            for lease in leases:
                for day in range(lease.first // DAY, lease.last // DAY + 1):
                    out[day].add((lease.address,))
        return out

    def gateways(self, pool: str) -> frozenset[str]:
        """The gateways that gave out addresses that begin with these three numbers."""
        return frozenset(self._pools.get(pool, ()))

    def __contains__(self, address: str) -> bool:
        return address in self._leases

    def at(self, address: str, moment: int) -> list[Lease]:
        """The leases of `address` that cover `moment`, the latest begun first."""
        known = self._leases.get(address, [])
        upto = bisect.bisect_right([lease.first for lease in known], moment)
        return [lease for lease in reversed(known[:upto]) if lease.last >= moment]
