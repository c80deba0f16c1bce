"""Of several sessions from which a hop may have come, the likeliest: all stay candidates, and the link stays ambiguous.

What one hop alone does not tell it tells beside the others: who was logged off before it ended did not open it; who had a screen or
shell open on a further host meanwhile rather did not; of several accounts it is the one that goes to that host, that way, as a habit;
of several sessions of one account, that which went on to other hosts that way just then.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from countersign.model.visit import Link
from countersign.visits.attended import gone, way
from countersign.visits.clocks import SENSOR, Clock
from countersign.visits.links import LATEST, several
from countersign.visits.merge import PAUSE, Arrival
from countersign.visits.sensors import ALONE
from countersign.visits.sessions import SECOND
from countersign.visits.trees import Node

SURELY = 30 * SECOND
"""A connection that ended so much later than a session was logged off was not that session's, whatever the clocks."""
WORDS = (
    "one that was not logged off before it ended is taken",
    "one that had no screen or shell open elsewhere is taken",
    "the account that goes there most is taken",
    "the one that went to other hosts that way just then is taken",
)
"""What of a rank (`_Evidence.rank`) told, in its order."""

LEAST = 1e-6
"""No share is nothing, however often an account went elsewhere: shares are divided by their sum."""

Going = tuple[str, str, str]
"""Account name, way (as `attended.way`) and host gone to."""


def settle(nodes: Iterable[Node], clock: Clock) -> None:
    """Puts the likeliest candidate of each ambiguous link first, and makes it the parent; where all but one were logged off before the
    connection ended, that one is inferred. Links whose candidates other evidence ranks (credentials, clients) stay as they are."""
    ordered = sorted(nodes, key=lambda node: (node.arrival.begun, node.arrival.id))
    known = {node.arrival.id: node for node in ordered}
    left: list[tuple[Node, list[Node]]] = []
    for node in ordered:
        if node.link is None or LATEST not in node.link.reason:
            continue
        found = [known[id_] for id_ in node.link.candidates if id_ in known]
        if len(found) < 2:  # one is no choice
            continue
        still = [one for one in found if not _surely_gone(node.arrival, one.arrival, clock)]
        if len(still) == 1:
            words = f"of {len(found)} open sessions on {still[0].arrival.host} all others were logged off before it ended"
            _hang(node, still[0], Link("inferred", words))
        else:
            left.append((node, still or found))
    if not left:
        return
    evidence = _gathered(ordered, left, clock)
    evidence.learn(left)
    for node, found in left:
        ranks = {id(one): evidence.rank(node, one, found) for one in found}
        ranked = sorted(found, key=lambda one: ranks[id(one)])  # of equals the latest, as before
        first, second = (ranks[id(one)] for one in ranked[:2])
        told = next((word for word, a, b in zip(WORDS, first, second, strict=True) if a != b), LATEST)
        _hang(node, ranked[0], several([one.arrival for one in ranked], told))


def _hang(node: Node, parent: Node, link: Link) -> None:
    node.parent, node.link = parent, link
    if node.arrival.lead.kind == "sensor":  # no record names its account
        node.arrival.lead.account = parent.arrival.account


def _until(arrival: Arrival) -> int:
    return arrival.last if arrival.end is None else arrival.end


def _writer(arrival: Arrival) -> str:
    """Whose clock its times are by."""
    return SENSOR if arrival.lead.kind == "sensor" else arrival.host


def _surely_gone(arrival: Arrival, other: Arrival, clock: Clock) -> bool:
    until = clock.on(other.host, _until(arrival), _writer(arrival))
    return way(arrival) in ALONE and gone(other, until - SURELY)


@dataclass(frozen=True, slots=True)
class _Span:
    """When a hop was open, by a right clock (microseconds, UTC), and how it was come by."""

    since: int
    until: int
    way: str

    def apart(self, other: _Span) -> int:
        """How long was between the two; nothing if they were open together."""
        return max(0, other.since - self.until, self.since - other.until)


def _span(arrival: Arrival, clock: Clock) -> _Span:
    since, until = (clock.corrected(_writer(arrival), at) for at in (arrival.begun, _until(arrival)))
    return _Span(since, until, way(arrival))


class _Habits:
    """How much of all that an account goes to, some way, each host is."""

    def __init__(self, times: Mapping[Going, float]) -> None:
        self._times = times
        self._in_all: dict[tuple[str, str], float] = defaultdict(float)
        places: dict[str, set[str]] = defaultdict(set)
        for (who, how, host), count in times.items():
            self._in_all[who, how] += count
            places[how].add(host)
        self._places = {how: len(hosts) for how, hosts in places.items()}

    def share(self, going: Going) -> float:
        """Of that host; who is not known to go anywhere may go to any."""
        who, how, _ = going
        share = (self._times.get(going, 0) + 1) / (
            self._in_all.get((who, how), 0) + self._places.get(how, 0) + 1
        )
        return max(round(share, 6), LEAST)


class _Evidence:
    """What sure hops tell: `further` are those from each hop, by its id; `gone_to` how often each account went where."""

    def __init__(
        self, clock: Clock, further: Mapping[str, list[_Span]], gone_to: Mapping[Going, int]
    ) -> None:
        self._clock, self._further, self._gone_to = clock, further, gone_to
        self._habits = _Habits(gone_to)

    def rank(self, node: Node, one: Node, among: Iterable[Node]) -> tuple[bool, bool, float, bool]:
        """The less the likelier."""
        span = _span(node.arrival, self._clock)
        until = self._clock.on(one.arrival.host, _until(node.arrival), _writer(node.arrival))
        further = self._further.get(one.arrival.id, ())
        accounts = {other.arrival.account.key[1] for other in among}
        return (
            gone(one.arrival, until),
            any(other.way in ALONE and not other.apart(span) for other in further),
            -self._habits.share(_going(node, one)) if len(accounts) > 1 else 0.0,
            not any(other.way == span.way and other.apart(span) <= PAUSE for other in further),
        )

    def learn(self, left: Iterable[tuple[Node, list[Node]]]) -> None:
        """Ambiguous hops tell of habits too, each by the shares that the sure ones give its candidates."""
        shares: dict[Going, float] = defaultdict(float)
        for node, found in left:
            ranks = [self.rank(node, one, found) for one in found]
            free = [one for one, rank in zip(found, ranks, strict=True) if rank[:2] == min(ranks)[:2]]
            whole = sum(self._habits.share(_going(node, one)) for one in free)
            for one in free:
                shares[_going(node, one)] += self._habits.share(_going(node, one)) / whole
        for going, times in self._gone_to.items():
            shares[going] += times
        self._habits = _Habits(shares)


def _going(node: Node, one: Node) -> Going:
    return (one.arrival.account.key[1], way(node.arrival), node.arrival.host)


def _gathered(nodes: Iterable[Node], left: Iterable[tuple[Node, list[Node]]], clock: Clock) -> _Evidence:
    candidates = [one for _, found in left for one in found]
    ids = {one.arrival.id for one in candidates}
    names = {one.arrival.account.key[1] for one in candidates}
    further: dict[str, list[_Span]] = defaultdict(list)
    gone_to: Counter[Going] = Counter()
    for node in nodes:
        if node.parent is None or node.link is None or node.link.kind == "ambiguous":
            continue
        if node.parent.arrival.account.key[1] in names and node.parent.arrival.host != node.arrival.host:
            gone_to[_going(node, node.parent)] += 1
        if node.parent.arrival.id in ids:
            further[node.parent.arrival.id].append(_span(node.arrival, clock))
    return _Evidence(clock, further, gone_to)
