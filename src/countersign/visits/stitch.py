"""From events to visits, in numbered steps (docs/visits.md explains each with an example).

(1) who is a provider's; (2) sessions; (3) arrivals; (4) where each came from; (5) links, in order of time;
(6) what was done; (7) trees; (8) who should have seen it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import replace

import ibis.expr.types as ir

from countersign.model.identity import keyed_id
from countersign.model.visit import Link, Visit
from countersign.visits import clocks, reading
from countersign.visits.asking import Days, Key, dates
from countersign.visits.attended import clients
from countersign.visits.becoming import became, by_others
from countersign.visits.claims import claims
from countersign.visits.clouds import cloud_nodes
from countersign.visits.deeds import DeedScene, attach
from countersign.visits.departures import (
    Departed,
    Scene,
    answered,
    departures,
    locate_by_ticket,
)
from countersign.visits.desktop_clients import calls
from countersign.visits.eyes import look
from countersign.visits.facts import Fact
from countersign.visits.gathering import Gathered, gather
from countersign.visits.handed import hand_over
from countersign.visits.keyed import keyed_sessions, known_by_name
from countersign.visits.likeliest import settle
from countersign.visits.links import Linker, Tie, explicit_index
from countersign.visits.merge import IDLE_ELSE, Arrival, arrivals, trace
from countersign.visits.names import AddressBook, is_local
from countersign.visits.netonly import lent_for_elsewhere
from countersign.visits.sensors import unlogged
from countersign.visits.sessions import NEW_CREDENTIALS, Session, terminal_sessions, windows_sessions
from countersign.visits.strays import Present, lately_lost
from countersign.visits.subjects import Claimed, Subjects
from countersign.visits.trees import Node, trees
from countersign.visits.unix import told_by_others
from countersign.visits.use import seen_in_use
from countersign.visits.vouching import radius
from countersign.visits.witnessed import witnessed
from countersign.visits.words import is_weak_ticket


def stitch(
    events: ir.Table | Days, subjects: Subjects, leaf_of: Callable[[str], int | None]
) -> tuple[Visit, ...]:
    """All visits of all providers in `events` (the events table or a part of it), in order of time.

    `leaf_of` gives the ledger leaf of a segment. The result depends on the set of events only, not on their order.
    """
    days = events if isinstance(events, Days) else Days(events)
    gathered = gather(days, subjects)  # (1)
    sessions = _sessions(gathered)  # (2)
    gathered.boots.end(sessions)
    leases = gathered.leases
    book = AddressBook(claims(days, gathered.cast.hosts, leases.addresses))
    known_by_name(sessions, book)
    clock = clocks.read(days, gathered.cast.hosts, {session.host for session in sessions})
    gathered.clock = clock
    for session in sessions:
        begun = clock.corrected(session.host, session.begun)
        held = leases.at(session.source_ip, begun) if session.kind in {"windows", "terminal"} else ()
        session.tunnel = (*held[0].key, held[0].first) if held else None
    trace(sessions, gathered.facts.values(), gathered.cast.hosts, clock)
    made = arrivals(sessions, clock)  # (3)
    hand_over(made)
    locate_by_ticket(made, gathered.facts.values(), gathered.cast.hosts, clock)
    gathered.used = explicit_index(gathered.facts.values(), gathered.cast.hosts)
    present = Present(made, gathered.used, gathered.cast.hosts, clock)
    _locate(made, book, gathered, present)  # (4)
    departed = _depart(made, book, gathered, present)
    flows = reading.flows_of(days, _ports(made))
    linker = Linker(
        gathered.cast.hosts,
        leases,
        gathered.used,
        _pairs(flows, gathered),
        departed,
        clients(gathered.deeds.values(), gathered.cast.hosts),
    )
    linker.clock, linker.anchors = clock, gathered.anchors
    linker.others = by_others(days, gathered.names, sessions, gathered.cast.hosts)
    gathered.boots.end((one for arrival in made for one in arrival.sessions), linker.clock)
    nodes = _link(made, linker, gathered)  # (5)
    told, origins = gathered.facts.values(), gathered.cast.origins
    further, left = unlogged(days, nodes, linker, book, told, origins, leases, gathered.names)
    nodes.extend(further)
    settle(nodes, linker.clock)
    nodes.extend(cloud_nodes(days, subjects, nodes, linker, book))
    radius(gathered.facts.values(), nodes)
    _knocks(nodes, linker, book, gathered, present)
    scene = DeedScene(gathered.cast.hosts, gathered.names, book, linker.clock, left)
    attach(days, nodes, gathered.deeds.values(), scene)  # (6)
    came = [node.arrival for node in nodes]
    facts = gathered.facts.values()
    eyes = look(days, came, facts, flows, gathered.cast, book, linker.clock)
    return trees(nodes, eyes, leaf_of)  # (7), (8)


def _ports(made: Iterable[Arrival]) -> dict[int, set[Key]]:
    """Address and port of every connection by which somebody came, with the days about it."""
    out: dict[int, set[Key]] = defaultdict(set)
    for arrival in made:
        for session in arrival.sessions:
            for port in session.ports if session.source_ip else ():
                for day in dates(session.begun - clocks.FAR, session.begun + clocks.FAR):
                    out[day].add((session.source_ip, port))
    return out


def _sessions(gathered: Gathered) -> list[Session]:
    hosts = gathered.cast.hosts
    facts = list(gathered.facts.values())
    sessions = [
        *windows_sessions(facts, hosts),
        *terminal_sessions(facts, hosts),
        *(s for s in keyed_sessions(facts, hosts) if s.kind != "vpn" or _is_ours(s, gathered)),
    ]
    done = [*facts, *gathered.deeds.values()]
    sessions = told_by_others([s for s in sessions if not s.account.name.endswith("$")], done, hosts)
    sessions.extend(became(done, sessions, hosts))
    lent_for_elsewhere(sessions, facts, hosts)
    sessions.extend(seen_in_use(sessions, gathered.usage, gathered.cast))
    gathered.anchors.own(sessions)
    return sessions


def _is_ours(session: Session, gathered: Gathered) -> bool:
    cast = gathered.cast
    return cast.who(session.account) is not None or session.source_ip in cast.origins


def _locate(made: list[Arrival], book: AddressBook, gathered: Gathered, present: Present) -> None:
    """The source of each arrival: a host where its address or its own word names one, else the address."""
    clock = gathered.clock
    for arrival in made:
        if arrival.lead.kind == "became" or arrival.lead.logon_type == NEW_CREDENTIALS:
            arrival.source = arrival.host
            continue
        address = arrival.source_ip
        host = book.host(address, clock.corrected(arrival.host, arrival.begun)) if address else None
        host = present.host(arrival, book.rivals(address)) or host
        named = gathered.cast.hosts.canonical(arrival.source_host)
        if host is not None:
            arrival.source = host
            if book.is_leased(address, host):
                arrival.leased = f"; {address} was leased to {host} then"
        elif named and named != arrival.host and (named in gathered.cast.recorders or not address):
            arrival.source = named
        else:
            arrival.source = address


def _depart(made: list[Arrival], book: AddressBook, gathered: Gathered, present: Present) -> Departed:
    """What left providers' sessions, held against arrivals; adds to `made` the hops that only others tell of."""
    hosts = gathered.cast.hosts
    deeds = gathered.deeds.values()
    processes = reading.opened_by((fact.process for fact in gathered.left.values()), deeds, hosts)
    scene = Scene(hosts, book, frozenset(gathered.names), gathered.cast.recorders, processes, present)
    left = departures([*gathered.left.values(), *gathered.facts.values(), *deeds], scene)
    left.extend(calls(gathered.facts.values(), scene, left))
    left.sort(key=lambda departure: departure.order)
    departed = answered(left, made, hosts, gathered.clock)
    told = witnessed(departed.unanswered, gathered.cast.recorders)
    gathered.anchors.own(session for arrival in told for session in arrival.sessions)
    made.extend(told)
    return departed


def _pairs(flows: list[Fact], gathered: Gathered) -> dict[tuple[str, int], list[Fact]]:
    out: dict[tuple[str, int], list[Fact]] = defaultdict(list)
    for fact in flows:
        if fact.host and gathered.cast.hosts.canonical(fact.host) in gathered.cast.recorders:
            out[fact.src_ip, fact.src_port].append(fact)
    return out


def _link(made: list[Arrival], linker: Linker, gathered: Gathered) -> list[Node]:
    lost = lately_lost(made, linker.clock)

    def since(arrival: Arrival) -> tuple[int, int, str]:
        # where its source is known, only the record of its logon is lost: it came with its first sign of life
        unknown = arrival.start is None and not arrival.source and arrival.id not in lost
        began = linker.clock.on("", arrival.begun, arrival.host)
        for session in arrival.sessions:
            if session.asked is not None:  # not before the login to the bastion, whatever the host's clock
                began = linker.clock.on("", session.asked, session.gateway)
        return (began - (IDLE_ELSE if unknown else 0), arrival.lead.step, arrival.id)

    nodes: list[Node] = []
    of: dict[int, Node] = {}
    for arrival in sorted(made, key=since):
        claimed = _claim(arrival, gathered)
        tie = linker.parent(arrival)
        if tie is None and claimed is not None:
            tie = _implied(arrival, linker, nodes, of, claimed, gathered)
        if tie is None and claimed is None:
            continue
        link = replace(tie.link, reason=tie.link.reason + arrival.leased) if tie else None
        node = Node(arrival, claimed, of[id(tie.parent)] if tie else None, link)
        if tie:
            node.proof.extend(tie.facts)
        nodes.append(node)
        of[id(arrival)] = node
        linker.admit(arrival)
    return nodes


def _claim(arrival: Arrival, gathered: Gathered) -> Claimed | None:
    cast = gathered.cast
    for session in arrival.sessions:
        found = cast.keys.get(session.uid) or cast.who(session.person or session.account)
        if found is not None:
            session.lent = session.person is not None and cast.who(session.account) != found
            return found
    provider = cast.origins.get(arrival.source_ip)
    return Claimed(provider, arrival.account.text) if provider else None


def _implied(
    arrival: Arrival,
    linker: Linker,
    nodes: list[Node],
    of: dict[int, Node],
    claimed: Claimed,
    gathered: Gathered,
) -> Tie | None:
    """A connection that its source host saw leave, by an account of whose presence there nothing is logged: the
    session there must have been open before the logs begin."""
    pair = linker.port_pair(arrival)
    if not pair or arrival.source not in gathered.cast.recorders:
        return None
    session = Session(
        kind="implied",
        host=arrival.source,
        key=f"implied:{arrival.account.key[1]}",
        account=arrival.account,
        start=None,
        first=pair[0].time,
        last=max(pair[0].time, arrival.last),
        facts=[pair[0]],
        anchor=keyed_id("implied", pair[0].id, *arrival.account.key),
    )
    linker.anchors.own([session])
    parent = Arrival([session])
    node = Node(parent, claimed, None, None)
    nodes.append(node)
    of[id(parent)] = node
    linker.admit(parent)
    port = pair[0].src_port
    words = (
        f"the connection from {arrival.source_ip}:{port} is seen at both ends; "
        f"the session on {arrival.source} itself began before the logs do"
    )
    return Tie(parent, Link("proven", words), pair)


def _knocks(
    nodes: list[Node], linker: Linker, book: AddressBook, gathered: Gathered, present: Present
) -> None:
    """Refused logons (4625) hang on the hop from which they came, as deeds: somebody there tried a door. So do weakly encrypted
    tickets (4769), which can be taken home."""
    of = {id(node.arrival): node for node in nodes}
    for fact in sorted(gathered.facts.values(), key=lambda fact: fact.order):
        if not (fact.code == "4625" or is_weak_ticket(fact)) or not fact.host:
            continue
        session = Session(
            kind="windows",
            host=gathered.cast.hosts.canonical(fact.host),
            key=fact.id,
            account=fact.user,
            start=fact.time,
            first=fact.time,
            last=fact.time,
            source_ip="" if is_local(fact.src_ip) else fact.src_ip,
            source_host=fact.src_host,
            facts=[fact],
            anchor=f"refused:{fact.id}",
        )
        arrival = Arrival([session])
        _locate([arrival], book, gathered, present)
        tie = linker.parent(arrival)
        if tie is not None:
            of[id(tie.parent)].deeds[fact.id] = fact
