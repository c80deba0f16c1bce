"""Who saw a hop, and who should have.

Only independent recorders count, each once: what is counted is who wrote a record, never how many records or copies of one there
are. A forwarded log is its host's (the record names the computer that wrote it, not the collector), a host is no second
witness of its own arrival, and a record exported twice has one id and is one event.
"""

from __future__ import annotations

import bisect
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from countersign.visits import facts as f
from countersign.visits import reading
from countersign.visits.asking import Days, Key, dates
from countersign.visits.clocks import FAR, SENSOR, Clock
from countersign.visits.facts import Fact
from countersign.visits.merge import Arrival
from countersign.visits.names import DAY, AddressBook, is_local
from countersign.visits.presence import HOUR, TICKETS, Presence, presence, subnet
from countersign.visits.rdgateways import is_gateway
from countersign.visits.reading import FAILURE, Cast
from countersign.visits.sessions import SECOND, Session

TARGET, SOURCE, GATEWAY = "target host", "source host", "gateway"
CONTROLLER, IDENTITY = "domain controller", "identity provider"

NEAR = 120 * SECOND
"""A record of a hop on another machine is written within this time of its arrival."""
TICKET_LIFE = 10 * 3600 * SECOND
"""The default life of a Kerberos service ticket: within it a logon needs no new word of the controller."""
_NETWORK = frozenset(
    {
        "Zeek",
        "PAN-OS",
        "FortiGate",
        "Check Point",
        "SonicOS",
        "VPC Flow Logs",
        "Cisco ASA",
        "Cisco FTD",
        "pfSense/OPNsense",
    }
)
"""Products that see connections pass and are neither of their ends."""
_VOUCHING = frozenset(
    {"AD FS", "Duo", "Entra ID", "Microsoft 365", "Network Policy Server", "Okta", "System Log", "Workspace"}
)
"""Products that say who somebody is on behalf of a gateway: SAML, OpenID Connect, RADIUS."""
_TOLD_BY_OTHERS = frozenset({"sensor", "implied", "outbound"})
"""Kinds of session that are put together from records of others than the target."""
_PASSED_THROUGH = frozenset({"vpn", "appliance", "bastion", "target"})
"""Kinds of session that a gateway records: its own, and those that it opens for somebody."""
_IN_THE_CLOUD = frozenset({"signin", "cloud"})


@dataclass(frozen=True, slots=True)
class Sight:
    """Vantage points that saw a hop, those that should have (the former are among them), and the records of the former
    that are not the hop's own."""

    seen_by: tuple[str, ...]
    expected_by: tuple[str, ...]
    facts: tuple[Fact, ...] = ()


@dataclass(slots=True)
class Eyes:
    """Looks for witnesses of arrivals: `flows` are connections by source address and port, `logins` those of them that are a
    remote desktop's or SSH's, by source address, `tickets` what domain controllers said of each account. All are in time order.
    """

    cast: Cast
    book: AddressBook
    presence: Presence
    flows: Mapping[tuple[str, int], list[Fact]]
    logins: Mapping[str, list[Fact]]
    tickets: Mapping[str, list[Fact]]
    clock: Clock = field(default_factory=Clock)
    given: Mapping[str, list[Fact]] = field(default_factory=dict)
    _times: dict[str, int] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        arrivals: Iterable[Arrival],
        facts: Iterable[Fact],
        flows: Iterable[Fact],
        cast: Cast,
        book: AddressBook,
        presence: Presence,
        clock: Clock,
    ) -> Eyes:
        """Eyes for `arrivals`; a record that names no session is about the nearest arrival that it fits."""
        seen: dict[tuple[str, int], list[Fact]] = defaultdict(list)
        logins: dict[str, list[Fact]] = defaultdict(list)
        tickets: dict[str, list[Fact]] = defaultdict(list)
        eyes = cls(cast, book, presence, seen, logins, tickets, clock)
        for fact in sorted(flows, key=eyes._order):
            seen[fact.src_ip, fact.src_port].append(fact)
            if fact.class_uid in {f.RDP, f.SSH}:
                logins[fact.src_ip].append(fact)
        for fact in sorted(facts, key=eyes._order):
            if fact.code in TICKETS and fact.status != FAILURE:
                tickets[fact.user.key[1]].append(fact)
        eyes.given = eyes._given(arrivals)
        return eyes

    def _time(self, fact: Fact) -> int:
        """When it was by a right clock."""
        found = self._times.get(fact.id)
        if found is None:
            writer = SENSOR if fact.product == "Zeek" else self.cast.hosts.canonical(fact.host)
            found = self._times[fact.id] = self.clock.corrected(writer, fact.time)
        return found

    def _order(self, fact: Fact) -> tuple[int, str]:
        return self._time(fact), fact.id

    def on(self, arrival: Arrival, proof: Iterable[Fact] = ()) -> Sight:
        """Who saw `arrival`; `proof` are the records that show its link."""
        recorders: dict[str, str] = {}
        extra: list[Fact] = []
        kinds = {session.kind for session in arrival.sessions}
        for session in arrival.sessions:
            recorder, vantage = self._own(session, arrival)
            if vantage:
                recorders.setdefault(recorder, vantage)
        told = [fact for s in arrival.sessions if s.kind in _TOLD_BY_OTHERS for fact in s.facts]
        for fact in [*told, *self._flows_of(arrival), *self.given.get(arrival.id, ())]:
            recorder, vantage = self._recorder(fact, arrival)
            if vantage:
                recorders.setdefault(recorder, vantage)
                extra.append(fact)
        for fact in proof:
            if fact.product in _VOUCHING:
                recorders.setdefault(fact.product, IDENTITY)
            if arrival.host != arrival.source == self.cast.hosts.canonical(fact.host):
                recorders.setdefault(arrival.source, SOURCE)
        seen = frozenset(recorders.values())
        expected = seen | self._expected(arrival, kinds)
        return Sight(tuple(sorted(seen)), tuple(sorted(expected)), tuple(extra))

    def _own(self, session: Session, arrival: Arrival) -> tuple[str, str]:
        """Who recorded a session, and as what kind of witness; no kind where others told of it."""
        if session.kind in _TOLD_BY_OTHERS:
            return "", ""
        writers = sorted({self.cast.hosts.canonical(fact.host) for fact in session.facts if fact.host})
        if session.kind == "signin":
            return "sign-in", IDENTITY
        if session.kind in _PASSED_THROUGH:
            return (writers[0] if writers else session.kind), GATEWAY
        if session.kind == "remote" and writers and arrival.host not in writers:
            return writers[0], GATEWAY
        return arrival.host, TARGET

    def _recorder(self, fact: Fact, arrival: Arrival) -> tuple[str, str]:
        """Who wrote a record, and as what kind of witness; no kind where it is the target's own or nobody's."""
        host = self.cast.hosts.canonical(fact.host)
        if host and host == arrival.host:
            return host, ""
        if host and host == arrival.source:
            return host, SOURCE
        if fact.code in TICKETS:
            return host, CONTROLLER
        if fact.product in _VOUCHING:
            return fact.product, IDENTITY
        return (host or "sensor", SENSOR if not host or fact.product in _NETWORK else "")

    def _expected(self, arrival: Arrival, kinds: set[str]) -> frozenset[str]:
        """Who was at work and stood where the hop passed. A session whose beginning is not in the logs passed nobody."""
        if kinds & _IN_THE_CLOUD or arrival.start is None:
            return frozenset()
        if kinds <= _PASSED_THROUGH and "target" not in kinds:
            return frozenset({GATEWAY})
        work, at = self.presence.at_work, arrival.begun
        out = {TARGET} if work(self.presence.logons.get(arrival.host), at) else set()
        if kinds == {"target"} and is_gateway(arrival.lead):
            out = set()  # the machine behind may have been logged on to by another name
        if arrival.source != arrival.host and work(self.presence.outward.get(arrival.source), at):
            out.add(SOURCE)
        if self._controller_asked(arrival):
            out.add(CONTROLLER)
        if any(work(self.presence.networks.get(f"{a}>{b}"), at) for a, b in passed(arrival, self.book)):
            out.add(SENSOR)
        return frozenset(out)

    def _controller_asked(self, arrival: Arrival) -> bool:
        """Whether a controller must have been asked: a domain's account, from elsewhere, without a ticket that still held."""
        domain, name = arrival.account.key
        packages = {fact.auth for session in arrival.sessions for fact in session.facts if fact.auth}
        if not arrival.source or arrival.source == arrival.host or domain == arrival.host.casefold():
            return False
        if not packages & {"Kerberos", "NTLM"} or domain not in self.presence.tickets:
            return False
        if not self.presence.at_work(self.presence.tickets[domain], arrival.begun):
            return False
        mine = self.tickets.get(name, ())
        begun = self.clock.corrected(arrival.host, arrival.begun)
        held = self._between(mine, begun - TICKET_LIFE, begun - NEAR)
        return "Kerberos" not in packages or not held

    def _given(self, arrivals: Iterable[Arrival]) -> dict[str, list[Fact]]:
        best: dict[str, tuple[int, str, Fact]] = {}
        for arrival in arrivals:
            begun = self.clock.corrected(arrival.host, arrival.begun)
            said = self._between(self.tickets.get(arrival.account.key[1], ()), begun - NEAR, begun + NEAR)
            passed = self._between(self.logins.get(arrival.source_ip, ()), begun - NEAR, begun + NEAR)
            for fact in [*said, *passed]:
                gap = abs(self._time(fact) - begun)
                if self._fits(fact, arrival):
                    found = (gap, arrival.id, fact)
                    best[fact.id] = min(best.get(fact.id, found), found, key=lambda item: item[:2])
        out: dict[str, list[Fact]] = defaultdict(list)
        for _, id_, fact in sorted(best.values(), key=lambda item: item[2].order):
            out[id_].append(fact)
        return out

    def _fits(self, fact: Fact, arrival: Arrival) -> bool:
        """Whether a record without a session or port of its own is about this arrival: a controller's by its service, address
        or workstation, a sensor's by protocol and peer."""
        if fact.code not in TICKETS:
            return self._passed(fact, arrival)
        if not _same_domain(fact, arrival):
            return False
        if fact.code == "4769":
            service = self.cast.hosts.canonical(fact.service.removesuffix("$"))
            return service.casefold() == arrival.host.casefold() and self._is_source(fact.src_ip, arrival)
        if fact.code == "4776":
            station = self.cast.hosts.canonical(fact.src_host)
            return bool(station) and station in {
                arrival.source,
                self.cast.hosts.canonical(arrival.source_host),
            }
        # the target asks for a ticket-granting ticket for whoever sits down at its desktop
        return fact.src_ip in self.book.addresses(arrival.host) and fact.src_ip != arrival.source_ip

    def _passed(self, fact: Fact, arrival: Arrival) -> bool:
        ports = {port for session in arrival.sessions for port in session.ports}
        kinds = {session.kind for session in arrival.sessions}
        types = {session.logon_type for session in arrival.sessions}
        if ports or (fact.class_uid == f.SSH) != ("ssh" in kinds) or "sensor" in kinds:
            return False
        if fact.class_uid == f.RDP and not types & {7, 10}:
            return False
        known = fact.dst_ip == arrival.host or fact.dst_ip in self.book.addresses(arrival.host)
        return fact.class_uid in {f.RDP, f.SSH} and known

    def _is_source(self, address: str, arrival: Arrival) -> bool:
        if is_local(address):  # the controller's own machine, or nothing said
            return True
        return address == arrival.source_ip or self.book.host(address, arrival.begun) == arrival.source

    def _flows_of(self, arrival: Arrival) -> list[Fact]:
        out: dict[str, Fact] = {}
        for session in arrival.sessions:
            for port in session.ports if session.source_ip else ():
                passed = self.flows.get((session.source_ip, port), ())
                begun = self.clock.corrected(arrival.host, session.begun)
                near = self._between(passed, begun - NEAR, begun + NEAR)
                out.update((fact.id, fact) for fact in near if self._led_here(fact, arrival))
        return sorted(out.values(), key=lambda fact: fact.order)

    def _between(self, facts: Sequence[Fact], first: int, last: int) -> Sequence[Fact]:
        begin = bisect.bisect_left(facts, first, key=self._time)
        return facts[begin : bisect.bisect_right(facts, last, key=self._time)]

    def _led_here(self, fact: Fact, arrival: Arrival) -> bool:
        """Whether a connection did not go to another host than the arrival's, as far as addresses tell."""
        return self.book.host(fact.dst_ip, fact.time) in {None, arrival.host}


def look(
    days: Days,
    arrivals: list[Arrival],
    facts: Iterable[Fact],
    flows: list[Fact],
    cast: Cast,
    book: AddressBook,
    clock: Clock,
) -> Eyes:
    """Eyes for `arrivals` over all events."""
    peers: dict[int, set[Key]] = defaultdict(set)
    pairs: dict[int, set[Key]] = defaultdict(set)
    for arrival in arrivals:
        if not arrival.source_ip:
            continue
        for day in dates(arrival.begun - FAR, arrival.begun + FAR):
            peers[day].add((arrival.source_ip,))
        networks = passed(arrival, book)
        for day in dates(arrival.begun - DAY - HOUR, arrival.begun + DAY + HOUR) if networks else ():
            pairs[day].update(networks)
    known = {fact.id for fact in flows}
    seen = [
        *flows,
        *(fact for fact in reading.sensor_arrivals(days, "sensed", peers) if fact.id not in known),
    ]
    places = {place for arrival in arrivals for place in (arrival.host, arrival.source)}
    at_work = presence(days, cast.hosts, places, pairs)
    return Eyes.of(arrivals, facts, seen, cast, book, at_work, clock)


def passed(arrival: Arrival, book: AddressBook) -> list[tuple[str, str]]:
    """The networks between which somebody came: /24 of the source, and those of the target's addresses."""
    near = subnet(arrival.source_ip)
    far = {subnet(address) for address in book.addresses(arrival.host)} - {""}
    return [(near, other) for other in sorted(far)] if near else []


def _same_domain(fact: Fact, arrival: Arrival) -> bool:
    mine, theirs = arrival.account.key[0], fact.user.key[0]
    return not mine or not theirs or mine == theirs
