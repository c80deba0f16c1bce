"""Hops that a network sensor saw and no host logged: from an address that a provider's tunnel holds or that is a provider's own, and
from a host on whose name a domain controller checked a provider's password just then (4776 names account and host, no target)."""

from __future__ import annotations

import bisect
from collections import defaultdict
from collections.abc import Iterable

import ibis.expr.types as ir

from countersign.model.identity import keyed_id
from countersign.visits import reading
from countersign.visits.clocks import SENSOR, Clock
from countersign.visits.departures import PORTS
from countersign.visits.facts import RDP, SMB, SSH, Fact
from countersign.visits.links import Linker
from countersign.visits.merge import PAUSE, Arrival
from countersign.visits.names import Account, AddressBook, HostNames, is_local
from countersign.visits.sessions import SECOND, Session
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
    events: ir.Table,
    nodes: list[Node],
    linker: Linker,
    book: AddressBook,
    found: Iterable[Fact],
    origins: dict[str, str],
    leased: Iterable[str],
) -> list[Node]:
    """Those hops, linked. `origins` are providers' own addresses, by address; `leased` those of their tunnels; `found` the facts
    of their accounts."""
    checks = _Checks(found, linker.hosts)
    own = {*origins, *leased}
    inner = {address for host in checks.hosts for address in book.addresses(host)} - own
    seen = _Seen(nodes)
    of = {id(node.arrival): node for node in nodes}
    out: list[Node] = []
    for calls in _clusters(reading.sensor_arrivals(events, own | inner), book):
        first = calls[0]
        target = book.host(first.dst_ip, first.time) or first.dst_ip
        account = (
            first.user
            if first.src_ip in own
            else checks.account(book.host(first.src_ip, first.time), first.time)
        )
        if account is None or any(seen.has(fact, target, linker.clock) for fact in calls):
            continue
        arrival = _arrival(calls, target, account, book if first.src_ip in inner else None)
        tie = linker.parent(arrival)
        if tie is not None:
            parent = of[id(tie.parent)]
            if not account.name:
                arrival.lead.account = parent.arrival.account
            out.append(Node(arrival, None, parent, tie.link))
        elif (provider := origins.get(first.src_ip)) is not None:
            out.append(Node(arrival, Claimed(provider, "not named in the logs"), None, None))
    return out


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


def _arrival(calls: list[Fact], target: str, account: Account, book: AddressBook | None) -> Arrival:
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
    source = book.host(first.src_ip, first.time) if book is not None else None
    return Arrival([session], source=source or first.src_ip)


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
        for node in sorted(nodes, key=lambda node: (node.arrival.begun, node.arrival.id)):
            self._by[node.arrival.host, node.arrival.source_ip].append(node)

    def has(self, fact: Fact, target: str, clock: Clock) -> bool:
        """Whether one of them is the connection that a sensor saw."""
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
