"""Sessions of which neither the logon nor the place they came from is in the logs.

Such a session may have been open before the logs begin. But where the same account was at work elsewhere just then, by a desktop or a
terminal of which the beginning is known, the record of the logon is lost, as a rule: it came from there.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from countersign.visits.clocks import Clock
from countersign.visits.facts import Fact
from countersign.visits.merge import Arrival
from countersign.visits.names import Account, HostNames
from countersign.visits.sessions import SECOND

INTERACTIVE = frozenset({2, 7, 10, 11})
"""Windows logon types with a screen and a keyboard."""
BEFORE = 120 * SECOND
"""An explicit logon may precede its arrival by this much: a desktop client asks for credentials first."""
AFTER = 5 * SECOND
"""... and be written this much later, when the clocks of two hosts differ a little."""
_TERMINALS = frozenset({"ssh", "target"})


def is_stray(arrival: Arrival) -> bool:
    """Whether neither its logon nor where it came from is known."""
    return arrival.start is None and not arrival.source and arrival.lead.kind == "windows"


def is_at_work(arrival: Arrival) -> bool:
    """Whether somebody sits before it, and came while the logs tell of it: a service or a network logon starts nothing of itself."""
    if arrival.start is None:
        return False
    return any(
        session.kind in _TERMINALS or session.logon_type in INTERACTIVE for session in arrival.sessions
    )


def is_unplaced(arrival: Arrival) -> bool:
    """Whether it came over the network, and nothing tells from where."""
    return (
        arrival.start is not None
        and not arrival.source
        and arrival.lead.kind == "windows"
        and arrival.is_network
    )


def beside(arrival: Arrival, others: Iterable[Arrival], clock: Clock) -> list[Arrival]:
    """Those of `others` at which the account of a session was at work elsewhere, the latest begun first."""
    found = [
        other
        for other in others
        if other.host != arrival.host
        and is_at_work(other)
        and other.account.same_as(arrival.account)
        and other.open_at(clock.on(other.host, arrival.begun, arrival.host))
    ]
    return sorted(found, key=lambda other: (-other.begun, other.id))


def lately_lost(made: Iterable[Arrival], clock: Clock) -> set[str]:
    """Ids of the stray arrivals that came from elsewhere, at their first sign of life."""
    by_name: dict[str, list[Arrival]] = defaultdict(list)
    strays: list[Arrival] = []
    for arrival in made:
        if is_stray(arrival):
            strays.append(arrival)
        else:
            by_name[arrival.account.key[1]].append(arrival)
    return {arrival.id for arrival in strays if beside(arrival, by_name[arrival.account.key[1]], clock)}


class Present:
    """At which of several hosts somebody was at work at a time, of all arrivals `made`, and where credentials were used (4648)."""

    def __init__(
        self,
        made: Iterable[Arrival],
        used: Mapping[tuple[str, str], list[Fact]],
        hosts: HostNames,
        clock: Clock,
    ) -> None:
        self._used = used
        self._hosts = hosts
        self._clock = clock
        self._by_host: dict[str, list[Arrival]] = defaultdict(list)
        for arrival in made:
            if is_at_work(arrival):
                self._by_host[arrival.host].append(arrival)

    def host(self, arrival: Arrival, among: Iterable[str]) -> str | None:
        """The only one of `among` from which `arrival` can have come."""
        return self.at(arrival.account, arrival.host, (arrival.begun, arrival.host), among, arrival)

    def at(
        self,
        account: Account,
        target: str,
        moment: tuple[int, str],
        among: Iterable[str],
        arrival: Arrival | None = None,
    ) -> str | None:
        """The only one of `among` on which credentials of the account were used for `target` just then; else at which that account was
        at work, else anybody of a provider was. `moment` is a time and the host whose clock told it."""
        among = sorted(among)
        if not among:
            return None
        asked = self._asked(account, target, moment) & set(among)
        if len(asked) == 1:
            return asked.pop()
        there = [
            other
            for host in among
            for other in self._by_host.get(host, ())
            if other is not arrival and host != target and other.open_at(self._clock.on(host, *moment))
        ]
        same = {other.host for other in there if other.account.same_as(account)}
        found = same or {other.host for other in there}
        return found.pop() if len(found) == 1 else None

    def _asked(self, account: Account, target: str, moment: tuple[int, str]) -> set[str]:
        found = set()
        time, writer = moment
        for fact in self._used.get((target.casefold(), account.key[1]), ()):
            host = self._hosts.canonical(fact.host)
            gap = time - self._clock.on(writer, fact.time, host)
            if -AFTER <= gap <= BEFORE and fact.user.same_as(account):
                found.add(host)
        return found
