"""Why a hop belongs to another: the parent of each arrival, and the words for it.

Strongest first (docs/visits.md has the same list):

1. proven: the session that made it is named in its own logon record (run-as on the same host).
2. proven: an explicit-credential logon (4648) on the source host with the same, non-zero logon GUID.
3. inferred: a gateway had leased the source address to that hop then.
4. inferred: a 4648 on the source host whose target and time meet this logon.
5. proven or inferred: the same account has exactly one open hop on the source host; proven where the connection is
   seen at both ends (same address, port and peer), inferred where only the account says so.
6. ambiguous: several are left; they are kept, the likeliest first. Inferred where in one of them a client for it was started just then.
7. inferred or ambiguous: by a client that was started on the source host just then, whatever the account.
8. inferred or ambiguous: of a session whose logon is not in the logs, where the same account was at work elsewhere just then.
"""

from __future__ import annotations

import bisect
import ntpath
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from countersign.model.visit import Link
from countersign.visits.anchors import Anchors
from countersign.visits.attended import LATELY, Clients, Started, way
from countersign.visits.clocks import Clock
from countersign.visits.departures import ATTEMPT, DESKTOP_CLIENT, Departed, Departure, proof
from countersign.visits.facts import Fact
from countersign.visits.merge import Arrival
from countersign.visits.names import Account, HostNames, Leases
from countersign.visits.strays import AFTER, BEFORE, beside, is_stray, is_unplaced

LATEST = "the latest is taken"
_LOCAL_TARGETS = frozenset({"localhost", ""})


@dataclass(frozen=True, slots=True)
class Tie:
    """A link found: to which hop, of what kind and why, with the other candidates and the records that show it."""

    parent: Arrival
    link: Link
    facts: tuple[Fact, ...] = ()


@dataclass(slots=True)
class Linker:
    """Finds parents among the arrivals admitted so far."""

    hosts: HostNames
    leases: Leases
    explicit: dict[tuple[str, str], list[Fact]]  # (target host or address, account name) -> 4648 facts
    pairs: dict[tuple[str, int], list[Fact]]  # (source address, source port) -> flows seen by hosts
    departed: Departed = field(default_factory=Departed)
    clients: Clients = field(default_factory=Clients)
    on_host: dict[tuple[str, str], list[Arrival]] = field(default_factory=lambda: defaultdict(list))
    by_session: dict[tuple[str, str], list[Arrival]] = field(default_factory=lambda: defaultdict(list))
    clock: Clock = field(default_factory=Clock)
    anchors: Anchors = field(default_factory=Anchors)
    by_name: dict[str, list[Arrival]] = field(default_factory=lambda: defaultdict(list))
    # when others became an account, by host and account
    others: Mapping[tuple[str, str], list[int]] = field(default_factory=dict)

    def admit(self, arrival: Arrival) -> None:
        """`arrival` is a hop of a visit: it can be a parent from now on."""
        self.on_host[arrival.host, arrival.account.key[1]].append(arrival)
        self.by_name[arrival.account.key[1]].append(arrival)
        for key in sorted(arrival.session_keys()):
            self.by_session[key].append(arrival)

    def _of(self, host: str, account: Account) -> list[Arrival]:
        """Hops to `host` under this name, in whatever domain."""
        return self.on_host.get((host, account.key[1]), [])

    def parent(self, arrival: Arrival) -> Tie | None:
        """The parent of `arrival`, None if it is an entry."""
        tie = self._first(arrival)
        if tie is None:
            return None
        seen = [d.fact for d in self.departed.near.get(arrival.id, ()) if d.kind in {DESKTOP_CLIENT, ATTEMPT}]
        tie = replace(tie, facts=(*tie.facts, *(fact for fact in seen if fact not in tie.facts)))
        return self._narrowed(arrival, tie) if tie.link.candidates else tie

    def opened(self, source: str, kind: str, target: str, at: int) -> list[tuple[Arrival, Started]]:
        """Open hops on `source` in which a client for a connection of this kind (as `attended.way`) to `target` was started just
        before `at` (on the source's clock), the latest first, each with its client."""
        found: dict[str, tuple[Arrival, Started]] = {}
        for client in reversed(self.clients.before(source, kind, target, at)):
            for hop in self._holding(source, client.session, client.fact.time):
                found.setdefault(hop.id, (hop, client))
        return list(found.values())

    def _narrowed(self, arrival: Arrival, tie: Tie) -> Tie:
        at = self.clock.on(arrival.source, arrival.begun, arrival.host)
        started = self.opened(arrival.source, way(arrival), arrival.host, at)
        left = [one for one in started if one[0].id in tie.link.candidates]
        return by_client(left) if len(left) == 1 else tie

    def _first(self, arrival: Arrival) -> Tie | None:
        return (
            self._opener(arrival)
            or self._maker(arrival)
            or self._same_guid(arrival)
            or self._departed(arrival, self.departed.exact, "proven")
            or self._lease(arrival)
            or self._explicit(arrival)
            or self._paired(arrival)
            or self._departed(arrival, self.departed.near, "inferred")
            or self._same_account(arrival)
            or self._client(arrival)
            or self._stray(arrival)
        )

    def _holding(self, host: str, session: str, at: int) -> list[Arrival]:
        return [hop for hop in self.by_session.get((host, session), ()) if hop.open_at(at)]

    def _opener(self, arrival: Arrival) -> Tie | None:
        for session in arrival.sessions:
            for parent in (
                self._holding(arrival.host, session.opener, session.begun) if session.opener else ()
            ):
                if parent is not arrival:
                    reason = (
                        f"its logon record names the session {session.opener} on {arrival.host} that made it"
                    )
                    return Tie(parent, Link("proven", reason))
        return None

    def _maker(self, arrival: Arrival) -> Tie | None:
        """The session that a product's own record names as the one it was opened from."""
        for session in arrival.sessions:
            found = {
                hop.id: hop
                for key in session.makers
                for hop in self.by_session.get(key, ())
                if hop is not arrival
                and hop.open_at(session.begun if session.asked is None else session.asked)
            }
            if found:
                hops = sorted(found.values(), key=lambda hop: (-hop.begun, hop.id))
                link = _link(hops, session.maker_kind, session.maker_words)
                others = sum(key not in self.by_session for key in session.makers)
                return Tie(
                    hops[0], _among_others(hops, others) if session.kind == "became" and others else link
                )
        return None

    def _same_guid(self, arrival: Arrival) -> Tie | None:
        guids = set().union(*(session.guids for session in arrival.sessions))
        if not guids:
            return None
        for fact in self._explicit_for(arrival):
            if fact.guid in guids:
                for parent in self._holding(self.hosts.canonical(fact.host), fact.actor_session, fact.time):
                    reason = (
                        f"explicit credentials on {parent.host} (4648) carry the same logon GUID {fact.guid}"
                    )
                    return Tie(parent, Link("proven", reason), (fact,))
        return None

    def _explicit_for(self, arrival: Arrival) -> list[Fact]:
        name = arrival.account.key[1]
        places = {
            arrival.host.casefold(),
            *(ip for s in arrival.sessions for ip in _target_addresses(s.facts)),
        }
        found = [fact for place in sorted(places) for fact in self.explicit.get((place, name), ())]
        return [fact for fact in found if fact.user.same_as(arrival.account)]

    def _lease(self, arrival: Arrival) -> Tie | None:
        """The tunnel that held the source address; of the same person's own, the record of whose lease is lost, before that of
        somebody else, the record of whose end is lost."""
        address = arrival.source_ip
        at = self.clock.on("", arrival.begun, arrival.host)  # gateways' clocks are taken to be right
        held = [
            parent
            for lease in (self.leases.at(address, at) if address in self.leases else ())
            for parent in self.by_session.get(lease.key, ())
            if any(lease.first == session.begun for session in parent.sessions)
        ]
        if not held or not held[0].account.same_as(arrival.account):
            own = self._unleased(arrival)
            if own is not None:
                gateway = own.host or "the gateway"
                words = f"{address} is of {gateway}'s pool, and {own.account.text} had one open tunnel without a known lease"
                return Tie(own, Link("inferred", words))
        if not held:
            return None
        gateway = held[0].host or "the gateway"
        return Tie(
            held[0], Link("inferred", f"{gateway} had leased {address} to {held[0].account.text} then")
        )

    def _unleased(self, arrival: Arrival) -> Arrival | None:
        pool = arrival.source_ip.rpartition(".")[0]
        found = [
            hop
            for gateway in sorted(self.leases.gateways(pool) if pool else ())
            for hop in self._of(gateway, arrival.account)
            if hop.open_at(self.clock.on("", arrival.begun, arrival.host))
            and hop.account.same_as(arrival.account)
            and hop.lead.kind == "vpn"
            and not any(session.leases for session in hop.sessions)
        ]
        return found[0] if len(found) == 1 else None

    def _explicit(self, arrival: Arrival) -> Tie | None:
        hits: list[tuple[int, str, Arrival, Fact]] = []
        for fact in self._explicit_for(arrival):
            origin = self.hosts.canonical(fact.host)
            gap = arrival.begun - self.clock.on(arrival.host, fact.time, origin)
            if not -AFTER <= gap <= BEFORE or (arrival.source and arrival.source != origin):
                continue
            hits.extend(
                (abs(gap), parent.id, parent, fact)
                for parent in self._holding(origin, fact.actor_session, fact.time)
                if parent is not arrival
            )
        if not hits:
            return None
        hits.sort(key=lambda hit: hit[:2])
        parents = list({hop.id: hop for _, _, hop, _ in hits}.values())
        _, _, best, fact = hits[0]
        words = (
            f"explicit credentials for {fact.user.text} were used on {best.host} (4648), target and time meet"
        )
        return Tie(best, _link(parents, "inferred", words, "the nearest in time is taken"), (fact,))

    def _departed(self, arrival: Arrival, known: Mapping[str, list[Departure]], kind: str) -> Tie | None:
        """The session whose own host tells of the connection; where it tells the account only, that account's."""
        found: dict[str, tuple[Arrival, Departure]] = {}
        begun = self.clock.on(arrival.source, arrival.begun, arrival.host)
        # what left later within the same piece of work tells nothing of how it began
        met = [d for d in known.get(arrival.id, ()) if kind == "proven" or d.fact.time <= begun + AFTER]
        for departure in met if not any(d.session for d in met) else [d for d in met if d.session]:
            for hop in self._left(departure):
                if hop is not arrival:
                    found.setdefault(hop.id, (hop, departure))
        if not found:
            return None
        parents = sorted((hop for hop, _ in found.values()), key=lambda hop: (-hop.begun, hop.id))
        departure = found[parents[0].id][1]
        shared = not departure.session and self._may_be_others(parents, departure.fact.time)
        link = _may_be(parents) if shared else _link(parents, kind, proof(departure))
        return Tie(parents[0], link, (departure.fact,))

    def _may_be_others(self, found: list[Arrival], at: int) -> bool:
        """Whether an account that was become on a host (root, oracle) may be somebody's of no visit, too: others had become it there."""
        known = self.others.get((found[0].host, found[0].account.key[1]), [])
        return bisect.bisect_right(known, at) > bisect.bisect_left(known, at - LATELY)

    def _left(self, departure: Departure) -> list[Arrival]:
        at = departure.fact.time
        if departure.session:
            return self._holding(departure.source, departure.session, at)
        here = self._of(departure.source, departure.actor)
        return [hop for hop in here if hop.open_at(at) and hop.account.same_as(departure.actor)]

    def _paired(self, arrival: Arrival) -> Tie | None:
        """The only open hop of the account, where the connection is seen at both ends."""
        tie = self._same_account(arrival) if self.port_pair(arrival) else None
        return tie if tie is not None and tie.link.kind == "proven" else None

    def _same_account(self, arrival: Arrival) -> Tie | None:
        source = arrival.source
        if not source or source == arrival.host:
            return None
        at = self.clock.on(source, arrival.begun, arrival.host)
        found = [
            hop
            for hop in self._of(source, arrival.account)
            if hop.open_at(at) and hop.account.same_as(arrival.account) and hop is not arrival
        ]
        if not found:
            return None
        found.sort(key=lambda hop: (-hop.begun, hop.id))
        pair = self.port_pair(arrival)
        if self._may_be_others(found, at):
            return Tie(found[0], _may_be(found), pair)
        words = f"{arrival.account.text} had one open session on {source}"
        if pair:
            port = pair[0].src_port
            seen = f"the connection from {arrival.source_ip}:{port} is seen at both ends"
            return Tie(found[0], _link(found, "proven", f"{seen}, and {words}"), pair)
        return Tie(found[0], _link(found, "inferred", words))

    def _client(self, arrival: Arrival) -> Tie | None:
        """The session on the source, whatever its account, that started a client for this host just before."""
        if not arrival.source or arrival.start is None or arrival.lead.kind not in {"windows", "ssh"}:
            return None
        at = self.clock.on(arrival.source, arrival.begun, arrival.host)
        started = self.opened(arrival.source, way(arrival), arrival.host, at)
        return by_client(started) if started else None

    def _stray(self, arrival: Arrival) -> Tie | None:
        """Where its account was at work, of a session whose logon is lost, or of a network logon that names no source."""
        lost = is_stray(arrival)
        if not lost and not is_unplaced(arrival):
            return None
        found = beside(arrival, self.by_name[arrival.account.key[1]], self.clock)
        if not found:
            return None
        why = "its logon is not in the logs" if lost else "its logon names no source"
        words = f"{why}; {arrival.account.text} was at work on {found[0].host} just then"
        return Tie(found[0], _link(found, "inferred", words))

    def port_pair(self, arrival: Arrival) -> tuple[Fact, ...]:
        """The source host's own record of the connection by which `arrival` came."""
        for session in arrival.sessions:
            for port in sorted(session.ports):
                for fact in self.pairs.get((session.source_ip, port), ()):
                    left = self.clock.on(arrival.host, fact.time, arrival.source)
                    near = abs(left - session.begun) <= BEFORE
                    if near and self.hosts.canonical(fact.host) == arrival.source != arrival.host:
                        return (fact,)
        return ()


def by_client(found: list[tuple[Arrival, Started]]) -> Tie:
    """The tie to the hop in which a client was started just then; ambiguous if there are several."""
    hop, client = found[0]
    program = ntpath.basename(client.fact.path)
    words = f"session {client.session} on {client.host} started {program} just before"
    hops = [hop for hop, _ in found]
    return Tie(hop, _link(hops, "inferred", words, "the last to start a client is taken"), (client.fact,))


def among(found: list[Arrival]) -> Tie:
    """The tie to those who alone were at work on a host when a connection left it."""
    hop = found[0]
    words = f"{hop.account.text} alone was at work on {hop.host} when the connection left it"
    return Tie(hop, _link(found, "inferred", words))


def _link(found: list[Arrival], kind: str, words: str, first: str = LATEST) -> Link:
    if len(found) == 1:
        return Link("proven" if kind == "proven" else "inferred", words)
    return several(found, first)


def several(found: list[Arrival], first: str) -> Link:
    """The link to one of several; `first` says why it is the first that is taken."""
    ids = tuple(hop.id for hop in found)
    return Link("ambiguous", f"{len(found)} open sessions could be the one: {first}", ids)


def _may_be(found: list[Arrival]) -> Link:
    """Where somebody of no visit may have become the same account."""
    words = f"{len(found)} open sessions of {found[0].account.text} on {found[0].host} could be the one, and others of no visit had become that account there"
    return Link("ambiguous", words, tuple(hop.id for hop in found))


def _among_others(found: list[Arrival], others: int) -> Link:
    """Where some of the sessions that could be the one are in no visit."""
    words = f"{len(found) + others} open sessions could be the one, {others} of them of no visit: the latest of the visits' is taken"
    return Link("ambiguous", words, tuple(hop.id for hop in found))


def _target_addresses(facts: Iterable[Fact]) -> set[str]:
    return {fact.dst_ip for fact in facts if fact.dst_ip}


def explicit_index(facts: Iterable[Fact], hosts: HostNames) -> dict[tuple[str, str], list[Fact]]:
    """4648 facts by target host (or address) and account name."""
    out: dict[tuple[str, str], list[Fact]] = defaultdict(list)
    for fact in sorted(facts, key=lambda fact: fact.order):
        target = fact.dst_host.split("/")[-1]
        if fact.code != "4648" or target.casefold() in _LOCAL_TARGETS:
            continue
        out[hosts.canonical(target).casefold(), fact.user.key[1]].append(fact)
    return out
