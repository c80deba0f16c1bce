"""SSH sessions of which the record that names the address (`Accepted`) is lost: put together from what the two processes that served
them say of their end.

OpenSSH's monitor tells PAM's opening and closing under its own process id and names no address; the child that serves the session
names address and port when it ends, under another process id (sshd(8), privilege separation). Both ends are written at once.
"""

from __future__ import annotations

import bisect
from collections import defaultdict
from collections.abc import Iterable

from countersign.visits.sessions import SECOND, Session

AT_ONCE = 2 * SECOND
"""Between the child's word of the end and the monitor's."""


def rejoined(sessions: Iterable[Session]) -> list[Session]:
    """`sessions`, each of which no address is known joined with the only end of a session of the same account on the same host that
    tells one, has no beginning, and came just then."""
    found = list(sessions)
    ends: dict[tuple[str, tuple[str, str]], list[Session]] = defaultdict(list)
    opened: dict[tuple[str, tuple[str, str]], list[Session]] = defaultdict(list)
    for session in found:
        if session.kind == "ssh" and session.end is not None:
            place = (session.host, session.account.key)
            if session.start is None and session.source_ip:
                ends[place].append(session)
            elif session.start is not None and not session.source_ip:
                opened[place].append(session)
    for known in (*ends.values(), *opened.values()):
        known.sort(key=_over)
    gone: set[int] = set()
    for place, known in opened.items():
        for session in known:
            mine = _ended_with(session, ends.get(place, []))
            # an end that two can have had is neither's
            if len(mine) == 1 and len(_ended_with(mine[0], known)) == 1:
                _take(session, mine[0])
                gone.add(id(mine[0]))
    return [session for session in found if id(session) not in gone]


def _over(session: Session) -> int:
    return session.end or 0


def _ended_with(session: Session, others: list[Session]) -> list[Session]:
    """Those of `others`, in order of their ends, that ended just when `session` did; two of them are many."""
    first = bisect.bisect_left(others, _over(session) - AT_ONCE, key=_over)
    return [other for other in others[first : first + 2] if _over(other) <= _over(session) + AT_ONCE]


def _take(session: Session, end: Session) -> None:
    session.source_ip, session.ports = end.source_ip, {fact.src_port for fact in end.facts if fact.src_port}
    session.facts = sorted([*session.facts, *end.facts], key=lambda fact: fact.order)
    session.last = max(session.last, end.last)
    session.end = max(session.end or 0, end.end or 0)
