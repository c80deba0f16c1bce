"""A desktop that was left open and is taken up from elsewhere, or through another tunnel: from then on it is the hop of who came back.

The desktop keeps its logon id and its number, so everything done in it still names the session of the hop that began it. What tells of
the change is the host's word of the reconnection (4778, LocalSessionManager's 25), with the address of who came.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace

from countersign.visits.merge import DESKTOP, Arrival
from countersign.visits.sessions import END_CODES, RETURN_CODES, SECOND, Session

BACK = 5 * SECOND
"""Between the logon that unlocks a desktop that was left and the host's word of the reconnection."""


def hand_over(made: Iterable[Arrival]) -> None:
    """Parts the sessions of desktops that were taken up: what is told of them from then on is of the arrival that took them up."""
    of_account: dict[tuple[str, str], list[Arrival]] = defaultdict(list)
    for arrival in made:
        of_account[arrival.host, arrival.account.key[1]].append(arrival)
    for group in of_account.values():
        if len(group) > 1:
            _between(group)


def _between(group: list[Arrival]) -> None:
    came: dict[str, list[Arrival]] = defaultdict(list)
    for arrival in group:
        came[arrival.source_ip].append(arrival)
    returns = [
        (fact, arrival)
        for arrival in group
        for session in arrival.sessions
        for fact in session.facts
        if fact.code in RETURN_CODES and session.logon_type in DESKTOP and fact.src_ip
    ]
    holds: dict[int, Arrival] = {}  # who has the desktop that an arrival began
    for fact, began in sorted(returns, key=lambda one: (one[0].order, one[1].id)):
        left = holds.get(id(began), began)
        for taker in came[fact.src_ip]:
            elsewhere = (taker.tunnel, taker.source_ip) != (left.tunnel, left.source_ip)
            if taker is not left and elsewhere and 0 <= fact.time - taker.begun <= BACK:
                _take_up(left, taker)
                holds[id(began)] = taker


def _take_up(left: Arrival, taker: Arrival) -> None:
    at = taker.begun
    told = [fact for session in left.sessions for fact in session.facts]
    until = max((fact.time for fact in told if fact.code in END_CODES and fact.time < at), default=at)
    for session in list(left.sessions):
        if session.logon_type in DESKTOP and session.last > at:
            taker.sessions.append(_rest(session, taker, at))
            session.facts = [fact for fact in session.facts if fact.time < at]
            session.end = session.last = max(session.begun, until)


def _rest(session: Session, taker: Arrival, at: int) -> Session:
    """What is left of a session. It leads no hop, for it was there before, and begins after the logon that took it up."""
    return replace(
        session,
        start=None if session.start is None else at + 1,
        first=at + 1,
        facts=[fact for fact in session.facts if fact.time >= at],
        source_ip=taker.source_ip,
        source_host=taker.source_host,
        tunnel=taker.tunnel,
        ports=set(),
        guids=set(),
        seen=[],
        vouched=[],
        opener="",
        origin=None,
        anchor="",
    )
