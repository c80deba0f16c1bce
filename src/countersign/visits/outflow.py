"""What left the estate from a hop's host while the hop was open: by connections that sensors measured, where one hop alone can be meant.

That is so where the host's own record of the connection names the hop's account or process; else where one hop of a provider alone was
at work there, nobody else had logged on at its screen for twelve hours, and the host does not talk to that network when nobody
of a provider is there.
"""

from __future__ import annotations

import bisect
from collections import defaultdict
from collections.abc import Iterable, Mapping

from countersign.model.visible import counted, size
from countersign.visits.acts import Act, stamp
from countersign.visits.attended import LATELY
from countersign.visits.clocks import SENSOR, Clock
from countersign.visits.facts import Fact
from countersign.visits.holders import Holders
from countersign.visits.names import AddressBook
from countersign.visits.presence import subnet
from countersign.visits.sessions import SECOND
from countersign.visits.strays import is_at_work
from countersign.visits.trees import Node

SAME = 120 * SECOND
"""Two recorders of one connection write of it within this time, the one at its begin, the other maybe at its end."""
PORTS_SHOWN = 5
PLACES = 20
"""Addresses of one hop that are told one by one, those that got most; the rest is counted."""


def desks(nodes: Iterable[Node]) -> set[str]:
    """Hosts at which people of providers were at work."""
    return {node.arrival.host for node in nodes if is_at_work(node.arrival)}


def hang_left(
    found: Iterable[Fact], holders: Holders, book: AddressBook, clock: Clock, others: Mapping[str, list[int]]
) -> None:
    """Hangs connections out of the estate on their hops. `others` says when others logged on at the screens of hosts."""
    told = _Told(holders, book, clock, others, sorted(found, key=lambda fact: fact.order))
    sent: dict[str, dict[str, list[Fact]]] = defaultdict(lambda: defaultdict(list))
    nodes: dict[str, Node] = {}
    for fact in told.measured:
        hop = told.hop(fact)
        if hop is not None and fact.dst_ip != hop.arrival.source_ip:
            nodes[hop.arrival.id] = hop
            sent[hop.arrival.id][fact.dst_ip].append(fact)
    for id_, places in sent.items():
        _hang(nodes[id_], places)


class _Told:
    """Connections out of the estate: those `measured`, and the hosts' own records of them, by which they are some hop's."""

    def __init__(
        self,
        holders: Holders,
        book: AddressBook,
        clock: Clock,
        others: Mapping[str, list[int]],
        found: list[Fact],
    ) -> None:
        self._holders, self._book, self._clock, self._others = holders, book, clock, others
        self.measured = [fact for fact in found if fact.bytes_out > 0]
        self._own: dict[tuple[str, int, str], list[Fact]] = defaultdict(list)
        self._by_itself: dict[str, set[str]] = defaultdict(set)
        for fact in found:
            if fact.bytes_out <= 0 and fact.host:
                self._own[fact.src_ip, fact.src_port, fact.dst_ip].append(fact)
        for fact in self.measured:
            host, at = self._place(fact)
            if host and not self._holders.at_work(host, at):
                self._by_itself[host].add(_network(fact.dst_ip))

    def hop(self, fact: Fact) -> Node | None:
        """The hop that a measured connection left."""
        host, at = self._place(fact)
        if not host or self._book.host(fact.dst_ip, fact.time):
            return None
        known = self._own.get((fact.src_ip, fact.src_port, fact.dst_ip), ())
        own = [one for one in known if abs(self._clock.corrected(host, one.time) - self._time(fact)) <= SAME]
        if own:
            found = {id(node): node for one in own if (node := self._of(host, one)) is not None}
            return next(iter(found.values())) if len(found) == 1 else None
        there = self._holders.at_work(host, at)
        if len(there) != 1 or _network(fact.dst_ip) in self._by_itself[host] or self._others_at(host, at):
            return None
        return there[0]

    def _of(self, host: str, own: Fact) -> Node | None:
        found = self._holders.of_process(host, own.process, 0, own.time)
        return found or self._holders.of_account(host, own.user, own.time)

    def _time(self, fact: Fact) -> int:
        return self._clock.corrected(self._writer(fact), fact.time)

    def _writer(self, fact: Fact) -> str:
        return self._holders.hosts.canonical(fact.host) or SENSOR

    def _place(self, fact: Fact) -> tuple[str, int]:
        host = self._book.host(fact.src_ip, fact.time) or ""
        return host, self._clock.on(host, fact.time, self._writer(fact))

    def _others_at(self, host: str, at: int) -> bool:
        known = self._others.get(host, [])
        return bisect.bisect_right(known, at) > bisect.bisect_left(known, at - LATELY)


def _network(address: str) -> str:
    return subnet(address) or address


def _hang(node: Node, places: Mapping[str, list[Fact]]) -> None:
    """One act for each address that got most, one for all others."""
    told = {to: _fullest(facts) for to, facts in places.items()}
    totals = {to: sum(fact.bytes_out for fact in facts) for to, facts in told.items()}
    node.left = sum(totals.values())
    ordered = sorted(told, key=lambda to: (-totals[to], to))
    for to in ordered[:PLACES]:
        facts = told[to]
        ports = ", ".join(str(port) for port in sorted({fact.dst_port for fact in facts})[:PORTS_SHOWN])
        words = f"{size(totals[to])} to {to} (port {ports}), {counted(len(facts), 'connection')}"
        node.acts.append(_act(facts, words))
    rest = [fact for to in ordered[PLACES:] for fact in told[to]]
    if rest:
        total, many = (
            sum(fact.bytes_out for fact in rest),
            counted(len(ordered) - PLACES, "other address", "other addresses"),
        )
        node.acts.append(_act(sorted(rest, key=lambda fact: fact.order), f"{size(total)} to {many}"))


def _act(facts: list[Fact], words: str) -> Act:
    first, last = facts[0], facts[-1]
    until = f", until {stamp(last.time)}" if len(facts) > 1 else ""
    return Act(first.time, "network", words + until, (first.id, first.segment, first.record))


def _fullest(facts: Iterable[Fact]) -> list[Fact]:
    """Of several recorders of the same connections, that which saw most; in order of time."""
    by: dict[tuple[str, str], list[Fact]] = defaultdict(list)
    for fact in facts:
        by[fact.product, fact.host].append(fact)
    best = max(sorted(by), key=lambda recorder: sum(fact.bytes_out for fact in by[recorder]))
    return sorted(by[best], key=lambda fact: fact.order)
