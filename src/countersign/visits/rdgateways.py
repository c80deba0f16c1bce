"""RD Gateway: a login to the gateway (200), and a connection through it to one machine (302) with its end and its bytes (303).

Its records have no key of their own: a connection is told by gateway, user, address and machine, and its end by the length that it states.
Of 303 ("the client transferred %6 bytes and received %5 bytes") `BytesTransfered` is what the client sent.
"""

from __future__ import annotations

import bisect
from collections import defaultdict
from collections.abc import Iterable

from countersign.visits.facts import AUTHENTICATION, RDP, Fact
from countersign.visits.names import HostNames
from countersign.visits.sessions import SECOND, Session

CHANNEL = "terminalservices-gateway"
ENDED = frozenset({"202", "303"})
CODES = ("302", *sorted(ENDED))
"""Connections of class 4005 that stitching reads."""
KEY = "rdgw:"
APART = 60 * SECOND
"""Between a connection's beginning and what its end says of its length."""
_FAILED = 2


def connections(found: Iterable[Fact], hosts: HostNames) -> list[Session]:
    """Logins and targets, as those of a bastion; what was refused is none. `found` are in order of time."""
    out: list[Session] = []
    opened: dict[tuple[str, ...], list[Session]] = defaultdict(list)
    by_place: dict[tuple[str, str], list[Session]] = defaultdict(list)
    for fact in found:
        if CHANNEL not in fact.log or fact.status == _FAILED or not fact.user.name or not fact.host:
            continue
        gateway = hosts.canonical(fact.host)
        if fact.class_uid == AUTHENTICATION and fact.code == "200":
            out.append(_login(fact, gateway))
        elif fact.class_uid == RDP and fact.code in CODES:
            target = hosts.canonical(fact.dst_host) or fact.dst_ip
            known = opened[gateway, fact.src_ip, target, *fact.user.key]
            session = _ended(fact, known) if fact.code in ENDED else None
            if session is None and target:
                session = _target(fact, gateway, target)
                out.append(session)
                by_place[target, session.account.key[1]].append(session)
                if session.end is None:
                    known.append(session)
    for known in by_place.values():
        times = sorted(session.begun for session in known)
        for session in known:
            near = bisect.bisect_right(times, session.begun + 2 * APART) - bisect.bisect_left(
                times, session.begun - 2 * APART
            )
            session.lone = near == 1
    return out


def is_gateway(session: Session) -> bool:
    """Whether a session is one through, or to, an RD Gateway."""
    return session.key.startswith(KEY)


def end_logins(sessions: Iterable[Session]) -> None:
    """A login is over with the last of the connections that were made in it."""
    sessions = list(sessions)
    of: dict[tuple[str, str], list[Session]] = defaultdict(list)
    for session in sessions:
        if session.kind == "target" and is_gateway(session):
            for maker in session.makers:
                of[maker].append(session)
    for login in sessions:
        made = of.get((login.host, login.key), ()) if login.kind == "bastion" else ()
        if made:
            ends = [session.end for session in made if session.end is not None]
            login.last = max(login.last, *(session.last for session in made))
            login.end = max(ends) if len(ends) == len(made) else None


def _login(fact: Fact, gateway: str) -> Session:
    return Session(
        kind="bastion",
        host=gateway,
        key=KEY + fact.id,
        account=fact.user,
        start=fact.time,
        first=fact.time,
        last=fact.time,
        source_ip=fact.src_ip,
        gateway=gateway,
        protocol="bastion",
        facts=[fact],
        anchor=fact.id,
    )


def _target(fact: Fact, gateway: str, target: str) -> Session:
    over = fact.code in ENDED
    start = fact.time - fact.duration * 1000 if over and fact.duration else None if over else fact.time
    return Session(
        kind="target",
        host=target,
        key=KEY + fact.id,
        account=fact.user,
        start=start,
        first=fact.time if start is None else start,
        last=fact.time,
        end=fact.time if over else None,
        source_host=gateway,
        gateway=gateway,
        protocol="rdp",
        facts=[fact],
        anchor=fact.id,
        person=fact.user,
        came_from=fact.src_ip,
        target_ip=fact.dst_ip,
    )


def _ended(fact: Fact, known: list[Session]) -> Session | None:
    """The connection of which `fact` is the end: by its length, else the latest that is open."""
    begun = fact.time - fact.duration * 1000
    place = bisect.bisect_left(known, begun, key=lambda session: session.begun)
    near = [index for index in (place - 1, place) if 0 <= index < len(known)]
    if not near:
        return None
    index = min(near, key=lambda index: (abs(known[index].begun - begun), known[index].key))
    if fact.duration and abs(known[index].begun - begun) > APART:
        return None
    session = known.pop(index)
    session.facts.append(fact)
    session.end = session.last = fact.time
    return session
