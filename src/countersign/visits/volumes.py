"""How much passed in a hop: by the gateway's or tool's own record of the session, else by the connection it came by, as others saw it.

Sources count from whoever began the session (`traffic.bytes_out` is what the visitor sent); a hop counts from its target.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from countersign.visits import facts as f
from countersign.visits.facts import Fact
from countersign.visits.merge import Arrival

Volume = tuple[int | None, int | None]
"""Bytes that came into the target, and bytes that went back to the source."""


def volumes(arrival: Arrival, others: Iterable[Fact]) -> Volume:
    """Of one arrival; `others` are records of it that are not its sessions' own."""
    others = list(others)
    own = [_most(session.facts) for session in arrival.sessions if any(map(_tells, session.facts))]
    seen: dict[tuple[str, int], list[Fact]] = defaultdict(list)
    for fact in others:
        if _tells(fact) and fact.class_uid == f.NETWORK and fact.src_port:
            seen[fact.src_ip, fact.src_port].append(fact)
    found = own or [_most(facts) for facts in seen.values()]
    if not found:
        return None, None
    return sum(came for came, _ in found), sum(went for _, went in found)


def _tells(fact: Fact) -> bool:
    return fact.bytes_in > 0 or fact.bytes_out > 0


def _most(facts: Iterable[Fact]) -> tuple[int, int]:
    """Counters grow while a session lasts, and several recorders tell of it: the largest counts."""
    told = [(fact.bytes_out, fact.bytes_in) for fact in facts]
    return max(came for came, _ in told), max(went for _, went in told)
