"""From sessions to hops: the several sessions that one arrival makes become one hop.

1. The two tokens of one split-token logon share a linked logon id.
2. Network-level authentication writes a type 3 before the type 10 of the same remote desktop logon: it is no part of network logons before.
3. A type 7, or a type 10 from the same place, while a desktop hop is open, is its reconnection.
4. LocalSessionManager's session is the desktop hop of that account that began with it.
5. Network logons (type 3, 8) of one account from one place follow each other in one piece of work, unless explicit credentials
   (4648) were used for a later one, by another session than for those before: that may be two people with one account.
6. Batch and service logons of one account on one host likewise.
7. A session whose logon is not in the logs is a token of the only desktop that was open around it; one of which the end says that
   it was a network logon is that of network-level authentication, where a desktop began just then.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from countersign.model.identity import keyed_id
from countersign.visits.clocks import Clock
from countersign.visits.facts import Fact
from countersign.visits.names import WELL_KNOWN_SESSIONS, Account, HostNames
from countersign.visits.rdgateways import is_gateway
from countersign.visits.sessions import SECOND, SLACK, Session

NLA = 30 * SECOND
"""Between the type 3 of network-level authentication and its type 10; a slow profile takes this long."""
TERMINAL = 60 * SECOND
"""Between a logon and LocalSessionManager's word of it."""
PAUSE = 600 * SECOND
"""Network logons of one account from one source no further apart than this are one piece of work."""
IDLE = {"network": 600 * SECOND, "vpn": 24 * 3600 * SECOND}
IDLE_ELSE = 12 * 3600 * SECOND
"""How long a hop without an end is taken to stay open after its last sign of life."""
TOGETHER = 5 * SECOND
"""Within this time the tokens of one logon end."""
LONGEST = 24 * 3600 * SECOND
"""No hop is taken to be open this long after its last sign of life; as the longest of the above."""
DESKTOP = frozenset({0, 2, 7, 10, 11})
"""0 stands for a session whose logon is not in the logs."""
NETWORK = frozenset({3, 8})
UNLOCK = 7
USED = 10 * SECOND
"""Between a network logon and the record of the credentials that it was asked for with."""
OWN_KEYS = frozenset({"bastion", "target", "remote"})
"""Kinds of session whose key the product made up for itself."""


@dataclass(slots=True)
class Arrival:
    """A hop in the making: sessions that are one arrival."""

    sessions: list[Session]
    protocol: str = ""
    hints: set[str] = field(default_factory=set)
    usage: int = 0  # last time it was seen in use, microseconds
    source: str = ""  # canonical host, or address
    leased: str = ""  # what a lease says of its source, where nothing else does

    @property
    def lead(self) -> Session:
        """The session that tells most: the first one of the most telling kind."""
        if len(self.sessions) == 1:
            return self.sessions[0]
        return min(self.sessions, key=lambda s: (s.kind == "terminal", s.start is None, s.begun, s.key))

    @property
    def host(self) -> str:
        """Where it arrived."""
        return self.lead.host

    @property
    def account(self) -> Account:
        """As whom: the spelling of the lead session, its domain from another where it has none."""
        lead = self.lead.account
        if lead.domain:
            return lead
        known = sorted(s.account for s in self.sessions if s.account.domain)
        return known[0] if known else lead

    @property
    def start(self) -> int | None:
        """When it arrived; None if the logs begin later."""
        return min((session.start for session in self.sessions if session.start is not None), default=None)

    @property
    def begun(self) -> int:
        """Start, or the first sign of life."""
        return min(session.begun for session in self.sessions)

    @property
    def is_network(self) -> bool:
        """Whether nobody sat before it: every one of its sessions is a network logon."""
        return all(session.logon_type in NETWORK for session in self.sessions)

    @property
    def end(self) -> int | None:
        """When the last of its sessions ended; None while one that began last has no end."""
        # the logons of network-level authentication and of an unlocked screen are over at once; the desktop that they were for is not
        passing = NETWORK | {UNLOCK}
        desktop = [s for s in self.sessions if s.logon_type not in passing] or self.sessions
        last = max(desktop, key=lambda s: (s.begun, s.key))
        ends = [s.end for s in desktop if s.end is not None]
        if not ends:
            return None
        return max(ends) if last.end is not None or max(ends) >= last.begun else None

    @property
    def ended(self) -> str:
        """Why `end` is its end, where no record of the session's own tells so."""
        return next(
            (
                session.ended
                for session in _by_time(self.sessions)
                if session.ended and session.end == self.end
            ),
            "",
        )

    @property
    def last(self) -> int:
        """The last sign of life."""
        return max([self.usage, *(session.last for session in self.sessions)])

    @property
    def source_ip(self) -> str:
        """The address it came from, empty if none was logged."""
        return next((s.source_ip for s in _by_time(self.sessions) if s.source_ip), "")

    @property
    def tunnel(self) -> tuple[str, str, int] | None:
        """The gateway's session by which it came, None if it came by none."""
        return next((s.tunnel for s in _by_time(self.sessions) if s.tunnel), None)

    @property
    def source_host(self) -> str:
        """The name its source gave itself, empty if none was logged."""
        return next((s.source_host for s in _by_time(self.sessions) if s.source_host), "")

    @property
    def id(self) -> str:
        """From the record of the entry: of the first session that has one."""
        anchored = [s.anchor for s in _by_time(self.sessions) if s.anchor]
        if anchored:
            return keyed_id("hop", anchored[0])
        lead = self.lead
        return keyed_id("hop", lead.kind, lead.host.casefold(), lead.key, *lead.account.key)

    @property
    def span(self) -> tuple[int, int]:
        """From when until when it was, or may have been, open."""
        start, end = self.start, self.end
        idle = IDLE.get("network" if self.is_network else self.lead.kind, IDLE_ELSE)
        since = self.begun - min(idle, IDLE_ELSE) if start is None else start - SLACK
        cuts = [session.cut for session in self.sessions if session.cut is not None and session.end == end]
        if cuts:
            return since, min(max(cuts) + SLACK, self.last + idle)
        return since, self.last + idle if end is None else end + SLACK

    def open_at(self, moment: int) -> bool:
        """Whether it was, or may have been, open at `moment`."""
        since, until = self.span
        return since <= moment <= until

    def session_keys(self) -> set[tuple[str, str]]:
        """(host, session key) of all its sessions; a product's own id is one session's on whatever host it is named."""
        keys = {(session.host, key) for session in self.sessions for key in {session.key, *session.aliases}}
        return keys | {("", session.key) for session in self.sessions if session.kind in OWN_KEYS}


def _by_time(sessions: Iterable[Session]) -> list[Session]:
    return sorted(sessions, key=lambda s: (s.begun, s.key, s.kind))


def trace(sessions: Iterable[Session], used: Iterable[Fact], hosts: HostNames, clock: Clock) -> None:
    """Notes of each network logon the session on another host that used explicit credentials (4648) for it: with the same logon GUID,
    else the only one that did so for this host and account just then."""
    by_guid: dict[str, tuple[str, str]] = {}
    by_place: dict[tuple[str, str], list[tuple[int, tuple[str, str]]]] = defaultdict(list)
    for fact in sorted(used, key=lambda fact: fact.order):
        if fact.code != "4648" or fact.actor_session in WELL_KNOWN_SESSIONS:
            continue
        origin = (hosts.canonical(fact.host), fact.actor_session)
        target = hosts.canonical(fact.dst_host.rpartition("/")[2])
        by_place[target, fact.user.key[1]].append((clock.corrected(origin[0], fact.time), origin))
        if fact.guid:
            by_guid[fact.guid] = origin
    for session in sessions:
        if session.logon_type not in NETWORK:
            continue
        found = {by_guid[guid] for guid in session.guids if guid in by_guid} or {
            origin
            for time, origin in by_place.get((session.host, session.account.key[1]), ())
            if abs(clock.corrected(session.host, session.begun) - time) <= USED
        }
        session.origin = found.pop() if len(found) == 1 else None


def arrivals(sessions: Iterable[Session], clock: Clock) -> list[Arrival]:
    """Hops in the making, in order of time."""
    grouped: dict[tuple[str, str], list[Session]] = defaultdict(list)
    for session in sessions:
        grouped[session.host, session.account.key[1]].append(session)
    out: list[Arrival] = []
    for group in grouped.values():
        out.extend(_merge(_by_time(group), clock))
    out.sort(key=lambda arrival: (arrival.begun, arrival.id))
    return out


def _merge(sessions: list[Session], clock: Clock) -> list[Arrival]:
    made: list[Arrival] = []
    terminals = [session for session in sessions if session.kind == "terminal"]
    targets = [session for session in sessions if session.kind == "target"]
    named = {session.linked for session in sessions if session.linked}
    orphans = [session for session in sessions if _is_orphan(session, named)]
    recent: list[Arrival] = []
    for session in sessions:
        if session.kind in {"terminal", "target"} or _is_orphan(session, named):
            continue
        if session.kind != "windows":  # its own key tells it from others
            made.append(Arrival([session]))
            continue
        recent = [arrival for arrival in recent if session.begun - arrival.last <= LONGEST]
        home = next((arrival for arrival in reversed(recent) if _belongs(session, arrival)), None)
        if home is not None and _had_work_before(session, home):
            home = _parted(session, home)
            made.append(home)
            recent.append(home)
        recent.extend(_put(session, home, made))
    desktops = [arrival for arrival in made if {s.logon_type for s in arrival.sessions} & (DESKTOP - {0})]
    for session in orphans:
        home = _twin(session, made)
        if home is None and session.logon_type not in NETWORK:
            home = _other_token(session, desktops)
        _put(session, home or _checked(session, desktops), made)
    for session in terminals:
        _put(session, next((arrival for arrival in made if _is_terminal_of(session, arrival)), None), made)
    for session in targets:
        # a bastion tells of it, all else by the host's own clock
        session.asked = session.begun
        session.move(clock.on(session.host, session.begun, session.gateway) - session.begun)
        _put(session, _seen_by_target(session, made), made)
    return made


def _had_work_before(session: Session, home: Arrival) -> bool:
    """Whether the network-level authentication of a desktop, `session`, was taken for more of an older piece of work."""
    return session.logon_type == 10 and home.is_network and session.begun - home.begun > NLA


def _parted(session: Session, home: Arrival) -> Arrival:
    """The authentication without that work: it may have been somebody else's, with the same account."""
    own = [other for other in home.sessions if session.begun - other.begun <= NLA]
    home.sessions = [other for other in home.sessions if session.begun - other.begun > NLA]
    return Arrival(own)


def _is_orphan(session: Session, named: Collection[str]) -> bool:
    """A logon session of which the logon is not in the logs, nor the place it came from; what a reconnection says of the place does
    not count where the logon of its other token names it."""
    if session.kind != "windows" or session.start is not None:
        return False
    return not session.source_ip or session.key in named


def _twin(session: Session, made: list[Arrival]) -> Arrival | None:
    """The logon that names a session as its other token, the record of whose own logon is lost; the latest, as numbers come again."""
    found = [
        (one.begun, arrival.id, arrival)
        for arrival in made
        for one in arrival.sessions
        if one.linked == session.key and 0 <= session.first - one.begun + SLACK <= LONGEST + SLACK
    ]
    return max(found, key=lambda item: item[:2])[2] if found else None


def _other_token(session: Session, desktops: list[Arrival]) -> Arrival | None:
    """The desktop whose second token a session is, where the record of the token's logon is lost: that of the account that was open
    for all of the session's life, and of several the one that ended with it."""
    around = [
        arrival
        for arrival in desktops
        if arrival.begun - SLACK <= session.first
        and arrival.account.same_as(session.account)
        and arrival.open_at(session.last - TOGETHER)
    ]
    ended = [
        arrival
        for arrival in around
        if session.end is not None and arrival.end is not None and abs(arrival.end - session.end) <= TOGETHER
    ]
    chosen = ended or around
    return chosen[0] if len(chosen) == 1 else None


def _checked(session: Session, desktops: list[Arrival]) -> Arrival | None:
    """The only desktop whose network-level authentication a session can be, where the record of its logon is lost."""
    near = [
        arrival
        for arrival in desktops
        if arrival.account.same_as(session.account)
        and any(abs(other.begun - session.first) <= NLA for other in arrival.sessions)
    ]
    return near[0] if len(near) == 1 else None


def _put(session: Session, home: Arrival | None, made: list[Arrival]) -> list[Arrival]:
    """Adds a session to its arrival; one that has none makes one, which is returned."""
    if home is not None:
        home.sessions.append(session)
        return []
    made.append(Arrival([session]))
    return made[-1:]


def _seen_by_target(session: Session, made: list[Arrival]) -> Arrival | None:
    """The target host's own logon for a bastion's session: with the account that was lent, just then, and from the bastion
    where its address is known; else the only one."""
    near = [
        arrival
        for arrival in made
        if arrival.account.same_as(session.account)
        and any(abs(other.begun - session.begun) <= TERMINAL for other in arrival.sessions)
        and not any(other.kind == "target" for other in arrival.sessions)
    ]
    sure = [arrival for arrival in near if arrival.source_ip and arrival.source_ip in session.via]
    if is_gateway(session) and session.via and not sure:
        near = [arrival for arrival in near if not arrival.source_ip]  # who came from elsewhere came past it
    chosen = sure or near
    if len(chosen) != 1:
        return None
    told = "from the bastion's address " if sure else ""
    session.maker_kind = "proven" if (session.lone if is_gateway(session) else sure) else session.maker_kind
    session.maker_words += f"; {session.host}'s own logon {told}has the same account and time"
    return chosen[0]


def _belongs(session: Session, arrival: Arrival) -> bool:  # noqa: PLR0911  # one return a rule of the list above
    if session.kind != "windows" or arrival.lead.kind != "windows":
        return False
    if session.start is None or not session.account.same_as(arrival.account):
        return False
    if any(_split_token(session, other) for other in arrival.sessions):
        return True
    types = {other.logon_type for other in arrival.sessions}
    near = session.begun - max(other.begun for other in arrival.sessions)
    if arrival.tunnel and session.tunnel and arrival.tunnel != session.tunnel:
        return False  # who comes back by another tunnel comes anew
    place = not session.source_ip or not arrival.source_ip or session.source_ip == arrival.source_ip
    if session.logon_type == 10 and types <= {3} and near <= NLA and place:
        return True
    if session.logon_type in {7, 10} and types & DESKTOP and place and arrival.open_at(session.begun):
        return True
    if session.logon_type == 3 and 10 in types and near <= NLA and place and session.source_ip:
        # one authentication of the network's is a desktop's; a second may be somebody else's with the same account
        return not types & NETWORK and _is_same_use(session, arrival)
    if session.logon_type in NETWORK and types <= NETWORK:
        return _same_work(session, arrival)
    if session.logon_type in {4, 5} and types <= {4, 5}:
        return session.begun - arrival.last <= PAUSE
    return False


def _is_same_use(session: Session, arrival: Arrival) -> bool:
    """Whoever used credentials anew may be somebody else with the same account."""
    return not session.origin or session.origin in {other.origin for other in arrival.sessions}


def _same_work(session: Session, arrival: Arrival) -> bool:
    if not _is_same_use(session, arrival):
        return False
    return _place(session) == _place(arrival) and session.begun - arrival.last <= PAUSE


def _place(thing: Session | Arrival) -> str:
    return thing.source_ip or thing.source_host.casefold()


def _split_token(one: Session, other: Session) -> bool:
    return (one.linked != "" and one.linked == other.key) or (other.linked != "" and other.linked == one.key)


def _is_terminal_of(session: Session, arrival: Arrival) -> bool:
    if not session.account.same_as(arrival.account) or not {s.logon_type for s in arrival.sessions} & DESKTOP:
        return False
    if session.start is None:
        return arrival.open_at(session.first)
    return any(abs(session.start - other.begun) <= TERMINAL for other in arrival.sessions)
