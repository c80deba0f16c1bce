"""Departures: what leaves a provider's session for another host, as the host it leaves, a domain controller or a sensor tells.

A departure that an arrival answers says where that arrival came from, and of which session. One that nothing answers is a hop that
the host it went to does not tell of: because it logs nothing, lost its log, or was made to be silent.

1. A connection that a process of the session opened (Sysmon 3 names account and process, Sysmon 1 the session of the process).
2. Explicit credentials for another host (4648 names session, account and host).
3. A client started with another host's name (4688, Sysmon 1): `ssh`, `mstsc /v:`, `Enter-PSSession`, `net use`, `sc`, `wmic` and so on.
4. A service ticket for another host (4769 names account, address and host); its logon GUID is that of the logon it was used for
   (Microsoft, "4769: A Kerberos service ticket was requested").
5. A call of the remote desktop client (`desktop_clients.py`), with whatever account it came in.
"""

from __future__ import annotations

import bisect
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from countersign.visits import facts as f
from countersign.visits.clients import account_named, called
from countersign.visits.clocks import Clock
from countersign.visits.facts import Fact
from countersign.visits.merge import DESKTOP, NETWORK, PAUSE, Arrival
from countersign.visits.names import (
    Account,
    AddressBook,
    HostNames,
    is_address,
    is_local,
)
from countersign.visits.sessions import SECOND
from countersign.visits.strays import Present
from countersign.visits.unix import doer

PORTS = {
    22: "ssh",
    23: "telnet",
    135: "wmi",
    139: "smb",
    445: "smb",
    3389: "rdp",
    5985: "winrm",
    5986: "winrm",
}
"""What listens there lets a person in."""
DYNAMIC = 49152
"""From here on ports are given out as needed (RFC 6335), to Windows services called over RPC among others."""
EARLY = 120 * SECOND
"""A connection may precede the logon that it is for by this much: somebody types a password."""
LATE = 5 * SECOND
TICKET = 10 * SECOND
"""A ticket is used within this time, as a rule; later it tells nothing of a logon without its GUID."""
A_DAY = 24 * 3600 * SECOND
_HERE = frozenset({"localhost", "127.0.0.1", "::1", ".", "-"})
DESKTOP_CLIENT, ATTEMPT = "desktop", "attempt"
KINDS = ("connection", "explicit", DESKTOP_CLIENT, "command", "ticket", ATTEMPT)


@dataclass(frozen=True, slots=True)
class Departure:
    """One record of somebody leaving `source` (a canonical host, or an address) for `target`. `session` is the one on the
    source that it left, empty if the record tells none; `account` the one used at the target, as far as it tells."""

    kind: str  # one of KINDS
    fact: Fact
    source: str
    session: str
    actor: Account
    account: Account
    target: str
    protocol: str

    @property
    def order(self) -> tuple[int, str]:
        """By time."""
        return self.fact.order


@dataclass(slots=True)
class Departed:
    """Departures sorted out: by the id of the arrival that answers them, and those that none does."""

    exact: dict[str, list[Departure]] = field(default_factory=lambda: defaultdict(list))
    near: dict[str, list[Departure]] = field(default_factory=lambda: defaultdict(list))
    unanswered: list[Departure] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Scene:
    """What telling departures needs to know of the estate: `names` are providers' accounts, `processes` the session and command
    line of a process by (host, process), `recorders` the hosts that log anything, `present` who was where."""

    hosts: HostNames
    book: AddressBook
    names: frozenset[str]
    recorders: frozenset[str]
    processes: Mapping[tuple[str, str], tuple[str, str]]
    present: Present


def departures(found: Iterable[Fact], scene: Scene) -> list[Departure]:
    """Those that `found` tells of, in order of time."""
    found = list(found)
    controllers = {scene.hosts.canonical(fact.host) for fact in found if fact.code in {"4768", "4769"}}
    made = [
        departure
        for fact in found
        for departure in (
            _connection(fact, scene),
            _explicit(fact, scene),
            _command(fact, scene),
            _ticket(fact, scene, controllers),
        )
        if departure is not None and departure.target != departure.source
    ]
    return sorted(made, key=lambda departure: departure.order)


def _connection(fact: Fact, scene: Scene) -> Departure | None:
    if fact.class_uid != f.NETWORK or not fact.host or fact.user.key[1] not in scene.names:
        return None
    protocol = PORTS.get(fact.dst_port, "rpc" if fact.dst_port >= DYNAMIC else "")
    if not protocol or is_local(fact.dst_ip) or fact.dst_ip == fact.src_ip:
        return None
    host = scene.hosts.canonical(fact.host)
    session, command = scene.processes.get((host, fact.process), ("", ""))
    # an address that nothing else names has the name that its client was given
    said = called(fact.path, command)
    name = scene.hosts.canonical(said[1]) if said and not is_address(said[1]) else ""
    target = scene.book.host(fact.dst_ip, fact.time) or name or fact.dst_ip
    account = account_named(command) if protocol == "ssh" else None
    return Departure("connection", fact, host, session, fact.user, account or fact.user, target, protocol)


def _explicit(fact: Fact, scene: Scene) -> Departure | None:
    service, _, name = fact.dst_host.rpartition("/")
    if fact.code != "4648" or not name or name.casefold() == "localhost":
        return None
    target = scene.hosts.canonical(name)
    if is_address(target):
        target = scene.book.host(target, fact.time) or target
    protocol = "rdp" if service.casefold() == "termsrv" else ""
    source = scene.hosts.canonical(fact.host)
    return Departure("explicit", fact, source, fact.actor_session, fact.actor, fact.user, target, protocol)


def _command(fact: Fact, scene: Scene) -> Departure | None:
    """A client started with the name of a host."""
    if fact.class_uid != f.PROCESS or not fact.cmd_line:
        return None
    told = called(fact.path, fact.cmd_line)
    if told is None:
        return None
    protocol, name = told
    target = scene.book.host(name, fact.time) or name if is_address(name) else scene.hosts.canonical(name)
    actor, session = doer(fact)
    if actor.key[1] not in scene.names or target.casefold() in _HERE:
        return None
    account = account_named(fact.cmd_line) if protocol == "ssh" else None
    source = scene.hosts.canonical(fact.host)
    return Departure("command", fact, source, session, actor, account or actor, target, protocol)


def _ticket(fact: Fact, scene: Scene, controllers: set[str]) -> Departure | None:
    if (
        fact.code != "4769"
        or not fact.service.endswith("$")
        or fact.user.name.endswith("$")
        or is_local(fact.src_ip)
    ):
        return None
    target = scene.hosts.canonical(fact.service[:-1])
    if target in controllers or fact.user.key[1] not in scene.names:
        return None  # everybody asks for tickets to the controllers, for policy and directory
    moment = (fact.time, scene.hosts.canonical(fact.host))
    source = scene.present.at(fact.user, target, moment, scene.book.rivals(fact.src_ip))
    source = source or scene.book.host(fact.src_ip, fact.time) or fact.src_ip
    return Departure("ticket", fact, source, "", fact.user, fact.user, target, "")


def locate_by_ticket(made: Iterable[Arrival], found: Iterable[Fact], hosts: HostNames, clock: Clock) -> None:
    """Gives arrivals whose records name no address the one that asked for the ticket that they came with: that with
    the logon's GUID, else the only one that asked just then. One of which the logon's own record is lost (type 0) began with its
    first sign of life, as a rule."""
    tickets: dict[tuple[str, str], list[Fact]] = defaultdict(list)
    for fact in found:
        if fact.code == "4769" and fact.service.endswith("$") and not is_local(fact.src_ip):
            tickets[hosts.canonical(fact.service[:-1]), fact.user.key[1]].append(fact)
    for arrival in made:
        if arrival.source_ip or arrival.lead.kind != "windows":
            continue
        asked = tickets.get((arrival.host, arrival.account.key[1]), ())
        guids = set().union(*(session.guids for session in arrival.sessions))
        same = [fact for fact in asked if fact.guid and fact.guid in guids]
        begun = clock.corrected(arrival.host, arrival.begun)
        near = same or [
            fact
            for fact in asked
            if -LATE <= begun - clock.corrected(hosts.canonical(fact.host), fact.time) <= TICKET
            and arrival.lead.logon_type in NETWORK | {0, 10}
        ]
        if near and len({fact.src_ip for fact in near}) == 1:
            arrival.lead.source_ip = near[0].src_ip
            arrival.lead.facts.append(near[0])


def answered(
    departures: Iterable[Departure], made: Iterable[Arrival], hosts: HostNames, clock: Clock
) -> Departed:
    """Departures held against arrivals: by the same port at both ends, else by target, source, account and time."""
    index = _Arrivals(made)
    out = Departed()
    for departure in departures:
        writer, time = hosts.canonical(departure.fact.host), departure.fact.time
        exact = [
            arrival
            for arrival in index.at_port(departure)
            if _same_port(departure, arrival, clock.on(arrival.host, time, writer))
        ]
        at = clock.on(departure.target, time, writer)
        near = exact or [
            arrival
            for arrival in index.around(departure, at)
            if _can_answer(departure, arrival) and _in_time(departure, arrival, at)
        ]
        for arrival in near:
            (out.exact if exact else out.near)[arrival.id].append(departure)
        if not near:
            out.unanswered.append(departure)
    return out


class _Arrivals:
    """Arrivals by where they came and as whom, found by time."""

    def __init__(self, made: Iterable[Arrival]) -> None:
        self._by: dict[tuple[str, str], list[Arrival]] = defaultdict(list)
        self._at: dict[tuple[str, int], list[Arrival]] = defaultdict(
            list
        )  # by address and port of the source
        for arrival in sorted(made, key=lambda arrival: (arrival.begun, arrival.id)):
            name = "" if arrival.lead.kind == "ssh" else arrival.account.key[1]
            self._by[arrival.host, name].append(arrival)
            self._by[arrival.host, "*"].append(arrival)
            for port in sorted({port for session in arrival.sessions for port in session.ports}):
                self._at[arrival.source_ip, port].append(arrival)
        self._begun = {key: [arrival.begun for arrival in found] for key, found in self._by.items()}

    def at_port(self, departure: Departure) -> list[Arrival]:
        """Those that came from where it left, by the same port, whatever the account and whether or not the address that it went to
        is known to be that host."""
        fact = departure.fact
        return self._at.get((fact.src_ip, fact.src_port), []) if fact.src_ip and fact.src_port else []

    def around(self, departure: Departure, at: int) -> list[Arrival]:
        """Those that began around a departure, or within a day before it; `at` is its time on the target's clock."""
        ssh = departure.protocol == "ssh"
        any_name = not departure.account.name and departure.kind in {DESKTOP_CLIENT, ATTEMPT}
        key = (departure.target, "" if ssh else "*" if any_name else departure.account.key[1])
        begun = self._begun.get(key, [])
        first = bisect.bisect_left(begun, at - (EARLY if ssh else A_DAY))
        return self._by[key][first : bisect.bisect_right(begun, at + EARLY)] if begun else []


def _same_port(departure: Departure, arrival: Arrival, at: int) -> bool:
    port = departure.fact.src_port
    return arrival.host != departure.source and any(
        port in session.ports and -LATE <= session.begun - at <= EARLY for session in arrival.sessions
    )


def _same_source(departure: Departure, arrival: Arrival) -> bool:
    return arrival.source in {"", departure.source, departure.fact.src_ip}


def _can_answer(departure: Departure, arrival: Arrival) -> bool:
    if not _same_source(departure, arrival):
        return False
    if departure.protocol == "ssh":
        return arrival.lead.kind == "ssh"
    if not departure.account.name:  # of a client that was not told whom it asked for, its own host counts
        if arrival.source != departure.source:
            return False
    elif not departure.account.same_as(arrival.account):
        return False
    if departure.protocol == "rdp":
        return any(s.kind == "terminal" or s.logon_type in DESKTOP | NETWORK for s in arrival.sessions)
    return arrival.lead.kind in {"windows", "terminal"}


def _in_time(departure: Departure, arrival: Arrival, at: int) -> bool:
    fact = departure.fact
    if departure.protocol == "ssh" and fact.src_port and any(session.ports for session in arrival.sessions):
        return False  # the port would be the same
    early = TICKET if departure.kind == "ticket" else EARLY
    if any(-LATE <= session.begun - at <= early for session in arrival.sessions):
        return True
    # within a piece of work further connections are no further arrivals
    return departure.protocol != "ssh" and arrival.begun <= at and _still(arrival, at)


def _still(arrival: Arrival, at: int) -> bool:
    return arrival.open_at(at) and (not arrival.is_network or at <= arrival.last + PAUSE)


def proof(departure: Departure) -> str:
    """Why a departure that an arrival answers shows where it came from."""
    fact = departure.fact
    by = f"session {departure.session}" if departure.session else departure.actor.text
    if departure.kind == "command":
        return f"{by} on {departure.source} started a client for {departure.target}"
    if departure.kind in {DESKTOP_CLIENT, ATTEMPT}:
        return f"{by} on {departure.source} called {departure.target} with the remote desktop client ({fact.code})"
    if departure.kind == "explicit":
        return f"{by} on {departure.source} used credentials of {departure.account.text} for {departure.target} (4648)"
    return f"{by} on {departure.source} opened the connection from {fact.src_ip}:{fact.src_port} to {departure.target}"
