"""Who was at a host when a connection left it, where nothing names the account: whose session had just started a client for such a
connection (4688 and Sysmon 1 tell so without command lines too), else who alone was at work there.
"""

from __future__ import annotations

import bisect
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import ibis.expr.types as ir

from countersign.visits import facts as f
from countersign.visits.asking import Days
from countersign.visits.clients import called, spoken
from countersign.visits.facts import Fact, among, leaf, lowered, one_of
from countersign.visits.merge import Arrival
from countersign.visits.names import WELL_KNOWN_DOMAINS, WELL_KNOWN_SESSIONS, HostNames, is_address
from countersign.visits.outside_addresses import is_outside, outward
from countersign.visits.sessions import SECOND, SLACK
from countersign.visits.spans import Spans
from countersign.visits.strays import INTERACTIVE, is_at_work

SOON = {"ssh": 5 * SECOND, "rdp": 120 * SECOND, "network": 5 * SECOND}
"""How long after its client's start a connection comes: a desktop's asks for the password first."""
EARLY = 2 * SECOND
LATELY = 12 * 3600 * SECOND
"""Who logged on at a screen no longer ago may still be there."""
BY_ITSELF = 0.05
"""A host that opens more than this share of such connections while nobody is there does so by itself."""
FAILURE = 2
DOORS = (22, 3389)
"""Ports of SSH and remote desktop."""
LOGGED_OFF = frozenset({"23", "4634", "4647"})
"""Records of a logoff, which ends whatever the session had open; a disconnected desktop goes on."""


def way(arrival: Arrival) -> str:
    """By what kind of client it came: `ssh`, `rdp` or `network`."""
    words = {session.protocol for session in arrival.sessions} | {
        session.kind for session in arrival.sessions
    }
    if "ssh" in words:
        return "ssh"
    types = {session.logon_type for session in arrival.sessions}
    return "rdp" if words & {"rdp", "terminal"} or 10 in types else "network"


@dataclass(frozen=True, slots=True)
class Started:
    """A client that a session on `host` started."""

    host: str
    session: str
    way: str
    fact: Fact
    named: str  # the host that its command line names, empty if there is no command line


@dataclass(slots=True)
class Clients:
    """Clients that providers' sessions started, by host, in order of time."""

    by_host: dict[str, list[Started]] = field(default_factory=dict)

    def before(self, source: str, kind: str, target: str, at: int) -> list[Started]:
        """Those that may have opened a connection of this kind from `source` to `target` at `at` (on the source's clock)."""
        known = self.by_host.get(source, [])
        first = bisect.bisect_left(known, at - SOON[kind], key=lambda client: client.fact.time)
        last = bisect.bisect_right(known, at + EARLY, key=lambda client: client.fact.time)
        return [client for client in known[first:last] if client.way == kind and _fits(client.named, target)]


def _fits(named: str, target: str) -> bool:
    return not named or named == target or is_address(named) or is_address(target)


def clients(deeds: Iterable[Fact], hosts: HostNames) -> Clients:
    """Of processes that began, those that go to other hosts. A command line that names no host goes to none."""
    found: dict[str, list[Started]] = defaultdict(list)
    for fact in deeds:
        if fact.class_uid != f.PROCESS or fact.activity != 1:
            continue
        told = called(fact.path, fact.cmd_line)
        protocol = told[0] if told else spoken(fact.path)
        session = next((s for s in (fact.session, fact.actor_session) if s not in WELL_KNOWN_SESSIONS), "")
        if not protocol or not session or (" " in fact.cmd_line.strip() and told is None):
            continue
        host = hosts.canonical(fact.host)
        kind = protocol if protocol in SOON else "network"
        found[host].append(Started(host, session, kind, fact, hosts.canonical(told[1]) if told else ""))
    return Clients({host: sorted(known, key=lambda one: one.fact.order) for host, known in found.items()})


class Attendance:
    """Who was at work on hosts from which people of providers go on: `present` are their hops, `others` says when anybody else logged
    on at the screen there, `further` from when until when (on a right clock) each hop, by id, had a screen or shell open on another host."""

    def __init__(
        self,
        present: Iterable[Arrival],
        others: dict[str, list[int]],
        further: Mapping[str, list[tuple[int, int]]],
    ) -> None:
        self._further = further
        at_work: dict[str, list[tuple[int, int, Arrival]]] = defaultdict(list)
        for arrival in present:
            if is_at_work(arrival):
                at_work[arrival.host].append((*arrival.span, arrival))
        self._present = {host: Spans(known) for host, known in at_work.items()}
        self._others = others
        self._alone: dict[tuple[str, str], list[bool]] = defaultdict(list)

    @property
    def hosts(self) -> list[str]:
        """Hosts at which people of providers were at work."""
        return sorted(self._present)

    def note(self, host: str, kind: str, at: int) -> None:
        """A connection of this kind left `host` at `at`."""
        self._alone[host, kind].append(not self._at(host, at) and not self._others_at(host, at))

    def candidates(self, host: str, kind: str, at: int, until: int) -> list[Arrival]:
        """The hops one of which opened such a connection, that lasted `until` then: who had nothing else open on a further host before
        others, then the latest first; none where others may have been there, or where the host opens such connections by itself."""
        noted = self._alone[host, kind]
        if self._others_at(host, at) or sum(noted) > BY_ITSELF * len(noted):
            return []
        there = [arrival for arrival in self._at(host, at) if not gone(arrival, until)]
        return sorted(there, key=lambda arrival: (self._busy(arrival, at), -arrival.begun, arrival.id))

    def anybody(self, host: str, at: int) -> bool:
        """Whether somebody of a provider was at work on `host` then."""
        return bool(self._at(host, at))

    def _busy(self, arrival: Arrival, at: int) -> bool:
        return any(since <= at <= until for since, until in self._further.get(arrival.id, ()))

    def _at(self, host: str, at: int) -> list[Arrival]:
        return self._present[host].at(at) if host in self._present else []

    def _others_at(self, host: str, at: int) -> bool:
        known = self._others.get(host, [])
        return bisect.bisect_right(known, at) > bisect.bisect_left(known, at - LATELY)


def gone(arrival: Arrival, until: int) -> bool:
    """Whether it was logged off before `until`: no connection outlives the session that opened it."""
    end = arrival.end
    return (
        end is not None
        and end + SLACK < until
        and any(
            fact.code in LOGGED_OFF and abs(fact.time - end) <= SLACK
            for session in arrival.sessions
            for fact in session.facts
        )
    )


def others_at(
    days: Days, names: Iterable[str], places: Iterable[str], hosts: HostNames
) -> dict[str, list[int]]:
    """When accounts other than `names` logged on at the screens, or by SSH at the shells, of these hosts (microseconds, UTC), in order."""
    labels = {place.split(".")[0].casefold() for place in places if place}
    if not labels:
        return {}
    ours = set(names)
    rows = days.of_names("at screens", labels, _at_screens, again=True)
    found: dict[str, set[int]] = defaultdict(set)
    for host, who, at in zip(*(rows.column(name).to_pylist() for name in ("host", "who", "at")), strict=True):
        if who not in ours:
            found[hosts.canonical(host)].add(at)
    return {host: sorted(times) for host, times in found.items()}


def _at_screens(events: ir.Table, labels: list[str]) -> ir.Table:
    who: Any = lowered(events, "user.name")
    at_shell: Any = leaf(events, "session.uid").fill_null("").startswith("sshd:")
    chosen = events.filter(
        (leaf(events, "class_uid") == f.AUTHENTICATION)
        & (leaf(events, "logon_type_id").isin(sorted(INTERACTIVE)) | at_shell)
        & (leaf(events, "status_id").fill_null(1) != FAILURE)
        & among(lowered(events, "device.hostname").split(".")[0], labels)
        & (who != "")
        & ~who.endswith("$")
        & ~lowered(events, "user.domain").isin(sorted(WELL_KNOWN_DOMAINS))
    )
    rows = chosen.select("date", "at", host=leaf(chosen, "device.hostname"), who=lowered(chosen, "user.name"))
    return rows.distinct()


def sensed(days: Days, addresses: Iterable[str]) -> tuple[list[Fact], list[Fact], list[Fact]]:
    """What left these addresses: remote desktop and SSH that sensors saw, let in as far as they can tell; the connections to their
    doors, which alone tell how long one lasted; and connections out of the estate (`outflow.py`)."""
    wanted = set(addresses)
    if not wanted:
        return [], [], []

    def ask(events: ir.Table, some: list[str]) -> ir.Table:
        kind: Any = leaf(events, "class_uid")
        door: Any = leaf(events, "dst_endpoint.port")
        sensor: Any = leaf(events, "metadata.product") == "Zeek"
        let_in: Any = leaf(events, "status_id").fill_null(0) != FAILURE
        opened = kind.isin([f.RDP, f.SSH]) | ((kind == f.NETWORK) & door.isin(DOORS))
        return f.flow_columns(
            events.filter(
                one_of(kind, (f.NETWORK, f.RDP, f.SSH))
                & among(leaf(events, "src_endpoint.ip"), some)
                & ((opened & sensor & let_in) | ((kind == f.NETWORK) & outward(events)))
            )
        )

    found = days.facts([days.of_names("left desks", wanted, ask)])
    seen = [fact for fact in found if fact.product == "Zeek"]
    told = [fact for fact in seen if fact.class_uid != f.NETWORK]
    doors = [
        fact for fact in seen if fact.class_uid == f.NETWORK and fact.duration and fact.dst_port in DOORS
    ]
    return told, doors, [fact for fact in found if fact.class_uid == f.NETWORK and is_outside(fact.dst_ip)]
