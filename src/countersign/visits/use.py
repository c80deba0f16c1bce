"""Sessions that are seen in use: by what was done in them, longer than by their logon, or without it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from countersign.visits.reading import Cast, Usage
from countersign.visits.sessions import SECOND, Session, in_use


def seen_in_use(sessions: list[Session], usage: Iterable[Usage], cast: Cast) -> list[Session]:
    """Lengthens known sessions by their use; makes one of unknown start where use is all there is."""
    known: dict[tuple[str, str], list[Session]] = defaultdict(list)
    for session in sessions:
        known[session.host, session.key].append(session)
    opened: dict[tuple[str, str], list[Session]] = defaultdict(list)
    for used in usage:
        host = cast.hosts.canonical(used.host)
        holders = [s for s in known.get((host, used.session), ()) if s.is_of(used.account)]
        if holders:
            came = [s for s in holders if s.start is None or s.start <= used.last + SECOND]
            if came:
                latest = max(came, key=lambda s: s.begun)  # an earlier one's id was given out again
                until = used.last if latest.end is None else min(used.last, latest.end)
                latest.last = max(latest.last, until)
                latest.source_ip = latest.source_ip or used.address
            continue
        if not host or cast.who(used.account) is None:
            continue
        # an id is given out again after a boot: another account's use is another session
        of = opened[host, used.session]
        same = [one for one in of if one.account.key[1] == used.account.key[1]]
        if not same:
            same = [in_use(host, used.session, used.account, used.first, used.last)]
            of += same
        session = same[0]
        session.seen.append(used.reference)
        session.first = min(session.first, used.first)
        session.last = max(session.last, used.last)
        session.source_ip = session.source_ip or used.address
        if used.account.domain and not session.account.domain:
            session.account = used.account
    return [session for of in opened.values() for session in of]
