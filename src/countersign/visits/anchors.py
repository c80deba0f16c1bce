"""What the ids of hops are made from: each hop has a record of its own, or tells how it reads one that is another's too."""

from __future__ import annotations

from collections.abc import Iterable

from countersign.model.identity import keyed_id
from countersign.visits.sessions import Session


class Anchors:
    """The records that hops are named by so far.

    One record may be read in more than one way: a logon and the credentials that were used in it, a connection that a host tells of and
    that makes the hop to another. The first reading is named by the record alone, each further one by what it takes it for as well.
    """

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def own(self, sessions: Iterable[Session]) -> None:
        """Gives each of `sessions` an anchor that no session before it has, whatever order they come in."""
        for session in sorted(sessions, key=_order):
            if not session.anchor:
                continue
            anchor, number = session.anchor, 0
            while anchor in self._taken:
                anchor = keyed_id("reading", session.anchor, *_reading(session), str(number))
                number += 1
            session.anchor = anchor
            self._taken.add(anchor)


def _reading(session: Session) -> tuple[str, ...]:
    return session.kind, session.host, session.key, *session.account.key


def _order(session: Session) -> tuple[str, tuple[str, ...], int, int]:
    return session.anchor, _reading(session), session.first, session.last
