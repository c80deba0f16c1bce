"""What stitching reads, round by round: who plays, what they did, and which further accounts they came to use."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from countersign.visits import clocks, reading
from countersign.visits.anchors import Anchors
from countersign.visits.asking import Days, Key, dates
from countersign.visits.becoming import assumed_by, ends_and_roots
from countersign.visits.boots import Boots, boots
from countersign.visits.desktop_clients import told as client_told
from countersign.visits.facts import ARRIVALS, NETWORK, RDP, Fact
from countersign.visits.keyed import is_lent, keyed_sessions, nameless
from countersign.visits.merge import IDLE_ELSE
from countersign.visits.names import Lease, Leases
from countersign.visits.netonly import learn, used_elsewhere
from countersign.visits.reading import Cast, Usage
from countersign.visits.sessions import Session
from countersign.visits.subjects import Subjects
from countersign.visits.unix import within


@dataclass(slots=True)
class Gathered:
    """Everything read so far, each fact once."""

    cast: Cast
    names: set[str]
    boots: Boots
    facts: dict[str, Fact] = field(default_factory=dict)
    usage: list[Usage] = field(default_factory=list)
    vpn: list[Session] = field(default_factory=list)
    leases: Leases = field(default_factory=lambda: Leases(()))
    left: dict[str, Fact] = field(default_factory=dict)  # connections that providers' accounts opened
    deeds: dict[str, Fact] = field(default_factory=dict)
    used: dict[tuple[str, str], list[Fact]] = field(default_factory=dict)  # as `explicit_index`
    clock: clocks.Clock = field(default_factory=clocks.Clock)
    anchors: Anchors = field(default_factory=Anchors)

    def add(self, found: Iterable[Fact]) -> None:
        """Adds facts; the same event read twice is one."""
        for fact in found:
            self.facts.setdefault(fact.id, fact)

    def take(self, found: Iterable[Fact]) -> None:
        """Adds what accounts did, each to its kind."""
        for fact in found:
            left = self.left if fact.class_uid == NETWORK else self.deeds
            (self.facts if fact.class_uid in {*ARRIVALS, RDP} else left)[fact.id] = fact


def gather(days: Days, subjects: Subjects) -> Gathered:
    """All facts about providers: what their accounts, addresses and keys did, who came in by what they opened, and so on with every
    account that they came to use, `reading.ROUNDS` times at most."""
    cast = reading.cast(days, subjects)
    gathered = Gathered(cast, set(cast.names), boots(days, cast.hosts))
    if not cast.claimed and not cast.origins and not cast.keys:
        return gathered
    gathered.take(reading.facts_of(days, "subjects", cast.names, cast.origins, cast.sids, cast.keys))
    gathered.add(nameless(days, gathered.facts.values()))
    gathered.vpn = _provider_tunnels(gathered)
    gathered.boots.end(gathered.vpn)
    gathered.leases = Leases(_leases(gathered.vpn))
    gathered.add(reading.arrivals_from(days, "leased", gathered.leases.by_day()))
    gathered.add(_landed(days, gathered, 0))
    gathered.take(_on_unix(days, gathered, 0))
    for number in range(1, reading.ROUNDS + 1):
        further = _switched(gathered) - gathered.names
        if not further:
            break
        gathered.names |= further
        gathered.take(reading.facts_of(days, f"switched {number}", further))
        gathered.add(_landed(days, gathered, number))
        gathered.take(_on_unix(days, gathered, number))
    gathered.add(client_told(days, cast.accounts, gathered.names))
    learn(gathered.facts.values(), cast, subjects)
    gathered.usage = reading.usage_of(days, gathered.names)
    return gathered


def _on_unix(days: Days, gathered: Gathered, number: int) -> list[Fact]:
    done = [*gathered.facts.values(), *gathered.deeds.values()]
    audited = within(days, f"audited {number}", done, gathered.names)
    return [*audited, *ends_and_roots(days, number, [*done, *audited], gathered.names)]


def _switched(gathered: Gathered) -> set[str]:
    """Accounts whose credentials somebody among `names` used explicitly, that they became by su or sudo, or who came in from a leased
    address or a provider's own, or with a provider's key."""
    origins, leases, keys = gathered.cast.origins, gathered.leases, gathered.cast.keys
    ends = _ends(gathered)
    out = assumed_by([*gathered.facts.values(), *gathered.deeds.values()], gathered.names)
    out |= used_elsewhere(gathered.facts.values(), gathered.names)
    for fact in gathered.facts.values():
        name = fact.user.key[1]
        if not name or name.endswith("$"):
            continue
        used = (fact.code == "4648" or is_lent(fact)) and fact.actor.key[1] in gathered.names
        came = fact.src_ip in origins or fact.src_ip in leases or (fact.src_ip, fact.src_port) in ends
        if used or came or fact.credential in keys:
            out.add(name)
    return out


def _ends(gathered: Gathered) -> set[tuple[str, int]]:
    """Address and port from which providers' accounts left their hosts."""
    return {(fact.src_ip, fact.src_port) for fact in gathered.left.values() if fact.src_ip and fact.src_port}


def _landed(days: Days, gathered: Gathered, number: int) -> list[Fact]:
    """Arrivals by one of the connections that providers' accounts opened, whatever the account they came in with."""
    ends: dict[int, set[Key]] = defaultdict(set)
    for fact in gathered.left.values():
        if fact.src_ip and fact.src_port:
            for day in dates(fact.time - clocks.FAR, fact.time + clocks.FAR):
                ends[day].add((fact.src_ip, fact.src_port))
    return reading.arrivals_by_port(days, f"landed {number}", ends)


def _provider_tunnels(gathered: Gathered) -> list[Session]:
    cast = gathered.cast
    return [
        session
        for session in keyed_sessions(gathered.facts.values(), cast.hosts)
        if session.kind == "vpn" and (cast.who(session.account) or session.source_ip in cast.origins)
    ]


def _leases(tunnels: Iterable[Session]) -> list[Lease]:
    out: list[Lease] = []
    for session in tunnels:
        until = session.last + IDLE_ELSE if session.end is None else session.end
        out.extend(Lease(ip, session.begun, until, (session.host, session.key)) for ip in session.leases)
    return out
