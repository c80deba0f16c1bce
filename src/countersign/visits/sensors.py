"""Hops that a network sensor saw and no host logged: from an address that a provider's tunnel holds or that is a provider's own, and
from a host on whose name a domain controller checked a provider's password just then (4776 names account and host, no target), in a
session of which a client was started just then, or at which nobody but providers' people were at work."""

from __future__ import annotations

import bisect
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from countersign.model.identity import keyed_id
from countersign.visits import reading
from countersign.visits.asking import Days, dates
from countersign.visits.attended import Attendance, others_at, sensed
from countersign.visits.clocks import SENSOR, Clock
from countersign.visits.departures import PORTS
from countersign.visits.facts import RDP, SMB, SSH, Fact
from countersign.visits.links import Linker, Tie, among, by_client
from countersign.visits.merge import PAUSE, Arrival
from countersign.visits.names import Account, AddressBook, HostNames, Leases, is_address, is_local
from countersign.visits.presence import recorded
from countersign.visits.sessions import SECOND, Session
from countersign.visits.strays import is_at_work
from countersign.visits.subjects import Claimed
from countersign.visits.trees import Node

SLACK = 90 * SECOND
"""A sensor's connection and the host's logon are one arrival within this time."""
CHECKED = 5 * SECOND
"""Between a connection and the domain controller's word on the password that was shown in it."""
A_DAY = 24 * 3600 * SECOND
ALONE = frozenset({"ssh", "rdp"})
"""One connection, one session."""


def unlogged(
    days: Days,
    nodes: list[Node],
    linker: Linker,
    book: AddressBook,
    found: Iterable[Fact],
    origins: dict[str, str],
    leases: Leases,
    names: Iterable[str],
) -> tuple[list[Node], list[Fact]]:
    """Those hops, linked, and the connections that left the estate from where people of providers were at work. `origins` are providers' own addresses, by address; `leases` those of their tunnels; `found` the facts
    of their accounts, `names`."""
    checks = _Checks(found, linker.hosts)
    own = {*origins, *leases.addresses}
    near = _asked(days, checks, book, leases, origins)
    there = _attended(days, nodes, linker, names)
    desks = {address for host in there.hosts for address in book.addresses(host)} - own
    left, lengths, outward = sensed(days, desks)
    around = _Around(linker, book, checks, there, _ends(lengths))
    seen_by_sensors = [*reading.sensor_arrivals(days, "unlogged", near), *left]
    told = sorted({fact.id: fact for fact in seen_by_sensors}.values(), key=lambda fact: fact.order)
    seen = _Seen(nodes)
    of = {id(node.arrival): node for node in nodes}
    clusters = _clusters(told, book)
    for first, *_ in clusters:
        if protocol_of(first) in ALONE and first.src_ip in desks:
            around.there.note(around.source(first), protocol_of(first), around.left(first))
    out: list[Node] = []
    for calls in clusters:
        first = calls[0]
        target = book.host(first.dst_ip, first.time) or first.dst_ip
        inside = first.src_ip not in own
        places = {target, *(around.named(first, target) if inside else ())}
        if any(seen.has(fact, place, linker.clock) for fact in calls for place in sorted(places)):
            continue
        tie = around.opener(first, target) if inside else None
        account = first.user if not inside else tie.parent.account if tie else around.account(first)
        if account is None:
            continue
        arrival = _arrival(calls, target, account, around.source(first) if inside else first.src_ip)
        arrival.lead.last = max(arrival.lead.last, first.time + around.lasted(first))
        linker.anchors.own(arrival.sessions)
        tie = tie or linker.parent(arrival)
        if tie is not None:
            parent = of[id(tie.parent)]
            if not account.name:
                arrival.lead.account = parent.arrival.account
            out.append(Node(arrival, None, parent, tie.link, [*tie.facts]))
        elif (provider := origins.get(first.src_ip)) is not None:
            out.append(Node(arrival, Claimed(provider, "not named in the logs"), None, None))
    return out, outward


def _asked(
    days: Days, checks: _Checks, book: AddressBook, leases: Leases, origins: Iterable[str]
) -> dict[int, set[tuple[str]]]:
    """The addresses from which somebody of a provider may have come, by day: leased ones, providers' own, and those of hosts at which
    a password was checked."""
    near = leases.by_day()
    own = {*origins, *leases.addresses}
    for day in recorded(days):
        near[day].update((address,) for address in origins)
    for day, hosts in checks.by_day().items():
        inside = {address for host in hosts for address in book.addresses(host)}
        near[day].update((address,) for address in inside - own)
    return near


def _attended(days: Days, nodes: list[Node], linker: Linker, names: Iterable[str]) -> Attendance:
    present = [node.arrival for node in nodes]
    places = {arrival.host for arrival in present if is_at_work(arrival)}
    further: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for node in nodes:
        end = node.arrival.end
        if node.parent is not None and end is not None and is_at_work(node.arrival):
            begun, end = (linker.clock.corrected(node.arrival.host, at) for at in (node.arrival.begun, end))
            further[node.parent.arrival.id].append((begun, end))
    return Attendance(present, others_at(days, names, places, linker.hosts), further)


def _ends(lengths: Iterable[Fact]) -> dict[tuple[str, int], list[tuple[int, int]]]:
    out: dict[tuple[str, int], list[tuple[int, int]]] = defaultdict(list)
    for fact in lengths:
        out[fact.src_ip, fact.src_port].append((fact.time, fact.time + fact.duration * 1000))
    return out


@dataclass(frozen=True, slots=True)
class _Around:
    """What tells whose a connection was that only a sensor saw."""

    linker: Linker
    book: AddressBook
    checks: _Checks
    there: Attendance
    ends: dict[
        tuple[str, int], list[tuple[int, int]]
    ]  # by address and port: when connections began and ended

    def lasted(self, call: Fact) -> int:
        """How long it lasted, at least (microseconds)."""
        near = [
            ended
            for begun, ended in self.ends.get((call.src_ip, call.src_port), ())
            if 0 <= call.time - begun <= CHECKED
        ]
        return max([call.duration * 1000, *(ended - call.time for ended in near)])

    def source(self, call: Fact) -> str:
        """The host that it left, else its address. Of two that have the same one that at which a password was checked just then, else
        at which somebody of a provider was at work."""
        rivals = sorted(self.book.rivals(call.src_ip))
        spoken = protocol_of(call)
        checked = [host for host in rivals if spoken != "ssh" and self.checks.account(host, call.time)]
        at_work = [host for host in rivals if self.there.anybody(host, self._on(host, call))]
        found = next((some[0] for some in (checked, at_work) if len(some) == 1), None)
        return found or self.book.host(call.src_ip, call.time) or call.src_ip

    def _on(self, host: str, call: Fact) -> int:
        return self.linker.clock.on(host, call.time, SENSOR)

    def left(self, call: Fact) -> int:
        """When, on that host's clock."""
        return self._on(self.source(call), call)

    def named(self, call: Fact, target: str) -> set[str]:
        """The names that clients started just then were given, where nothing else names the address that the connection goes to."""
        kind = protocol_of(call)
        if kind not in ALONE or not is_address(target):
            return set()
        started = self.linker.opened(self.source(call), kind, target, self.left(call))
        return {client.named for _, client in started if client.named}

    def opener(self, call: Fact, target: str) -> Tie | None:
        """Of a connection that is a session of its own: in whose session a client for it was started, else who was there."""
        kind, source, at = protocol_of(call), self.source(call), self.left(call)
        if kind not in ALONE:
            return None
        started = self.linker.opened(source, kind, target, at)
        if started:
            return by_client(started)
        if kind == "rdp" and self.account(call) is not None:
            return None
        there = self.there.candidates(source, kind, at, at + self.lasted(call))
        return among(there) if there else None

    def account(self, call: Fact) -> Account | None:
        """Whose password a controller checked for that host just then; SSH's is none of its."""
        spoken = protocol_of(call)
        return None if spoken == "ssh" else self.checks.account(self.source(call), call.time)


def protocol_of(fact: Fact) -> str:
    """What a sensor's record shows to be spoken."""
    if fact.class_uid in {SSH, RDP, SMB}:
        return {SSH: "ssh", RDP: "rdp", SMB: "smb"}[fact.class_uid]
    return PORTS.get(fact.dst_port, "network")


def _clusters(found: Iterable[Fact], book: AddressBook) -> list[list[Fact]]:
    """Records of one connection, or of one piece of work over several."""
    out: list[list[Fact]] = []
    latest: dict[tuple[str, str, str, int], list[Fact]] = {}
    for fact in found:
        spoken = protocol_of(fact)
        port = fact.src_port if spoken in ALONE else 0
        key = (fact.src_ip, book.host(fact.dst_ip, fact.time) or fact.dst_ip, spoken, port)
        home = latest.get(key)
        if home is None or fact.time - home[-1].time > PAUSE:
            home = latest[key] = []
            out.append(home)
        home.append(fact)
    return out


def _arrival(calls: list[Fact], target: str, account: Account, source: str) -> Arrival:
    first = calls[0]
    ends = [fact.time + fact.duration * 1000 for fact in calls]
    session = Session(
        kind="sensor",
        host=target,
        key=keyed_id("sensor", first.id),
        account=account,
        start=first.time,
        first=first.time,
        last=max(ends),
        end=max(ends) if any(fact.duration for fact in calls) else None,
        source_ip=first.src_ip,
        ports={fact.src_port for fact in calls if fact.src_port},
        protocol=protocol_of(first),
        facts=calls,
        anchor=first.id,
    )
    return Arrival([session], source=source)


class _Checks:
    """Domain controllers' words on passwords (4776), by the host on which they were typed."""

    def __init__(self, found: Iterable[Fact], hosts: HostNames) -> None:
        self._by: dict[str, list[tuple[int, str, Account]]] = defaultdict(list)
        for fact in found:
            if fact.code == "4776" and fact.src_host and fact.user.name:
                self._by[hosts.canonical(fact.src_host.lstrip("\\"))].append((fact.time, fact.id, fact.user))
        for known in self._by.values():
            known.sort(key=lambda item: item[:2])

    @property
    def hosts(self) -> list[str]:
        """Hosts on which a provider's password was typed."""
        return sorted(self._by)

    def by_day(self) -> dict[int, set[str]]:
        """Hosts on which a provider's password was typed, by day (since 1970, UTC)."""
        out: dict[int, set[str]] = defaultdict(set)
        for host, known in self._by.items():
            for at, _, _ in known:
                for day in dates(at - CHECKED, at + CHECKED):
                    out[day].add(host)
        return out

    def account(self, host: str | None, at: int) -> Account | None:
        """The only account whose password was checked for `host` just then."""
        known = self._by.get(host or "", [])
        first = bisect.bisect_left(known, at - CHECKED, key=lambda item: item[0])
        last = bisect.bisect_right(known, at + CHECKED, key=lambda item: item[0])
        accounts = {account.key: account for _, _, account in known[first:last]}
        return next(iter(accounts.values())) if len(accounts) == 1 else None


class _Seen:
    """Hops that are known already, by the host they went to and the address they came from, in order of time."""

    def __init__(self, nodes: Iterable[Node]) -> None:
        self._by: dict[tuple[str, str], list[Node]] = defaultdict(list)
        self._ends: dict[tuple[str, int], list[int]] = defaultdict(list)
        for node in sorted(nodes, key=lambda node: (node.arrival.begun, node.arrival.id)):
            self._by[node.arrival.host, node.arrival.source_ip].append(node)
            for session in node.arrival.sessions:
                for port in session.ports:
                    self._ends[session.source_ip, port].append(session.begun)

    def has(self, fact: Fact, target: str, clock: Clock) -> bool:
        """Whether one of them is the connection that a sensor saw: it may know the host by an address that nothing else names."""
        at = clock.on(target, fact.time, SENSOR)
        if any(abs(begun - at) <= SLACK for begun in self._ends.get((fact.src_ip, fact.src_port), ())):
            return True
        return any(
            _saw(node, fact, clock)
            for host in sorted({target, fact.dst_ip})
            for address in ("", fact.src_ip)
            for node in self._around(host, address, fact.time)
        )

    def _around(self, host: str, address: str, at: int) -> list[Node]:
        known = self._by.get((host, address), [])
        first = bisect.bisect_left(known, at - A_DAY, key=lambda node: node.arrival.begun)
        last = bisect.bisect_right(known, at + A_DAY, key=lambda node: node.arrival.begun)
        return known[first:last]


def _saw(node: Node, fact: Fact, clock: Clock) -> bool:
    arrival = node.arrival
    if is_local(fact.src_ip):
        return False
    if any(fact.src_port in session.ports for session in arrival.sessions):
        return True
    at = clock.on(arrival.host, fact.time, SENSOR)
    if any(abs(session.begun - at) <= SLACK for session in arrival.sessions):
        return True
    return protocol_of(fact) not in ALONE and arrival.begun <= at <= arrival.last + PAUSE
