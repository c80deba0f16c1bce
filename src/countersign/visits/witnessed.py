"""Hops that only others tell of: departures that no arrival answers, put together, because the host they went to logs nothing, lost its
log, or was made to be silent.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from countersign.visits.departures import ATTEMPT, DESKTOP_CLIENT, KINDS, Departure
from countersign.visits.merge import PAUSE, Arrival
from countersign.visits.names import is_local
from countersign.visits.sessions import SECOND, Session

ONE_CALL = 15 * SECOND
"""Connections that a desktop or SSH client opens for one session come within this time."""


def witnessed(unanswered: Iterable[Departure], recorders: frozenset[str]) -> list[Arrival]:
    """Hops that only others tell of. Credentials or a ticket alone make none towards a host that logs: it would say so."""
    clusters: list[list[Departure]] = []
    latest: dict[tuple[str, str], list[list[Departure]]] = defaultdict(list)
    for departure in unanswered:
        place = (departure.target, departure.account.key[1])
        home = next((c for c in reversed(latest[place]) if _joins(departure, c)), None)
        if home is None:
            home = []
            clusters.append(home)
            latest[place].append(home)
        home.append(departure)
    return [_arrival(cluster) for cluster in clusters if _tells(cluster, recorders)]


def _joins(departure: Departure, cluster: list[Departure]) -> bool:
    last = cluster[-1]
    gap = departure.fact.time - last.fact.time
    if departure.source != last.source and departure.fact.src_ip != last.fact.src_ip:
        return False
    if departure.session and any(other.session not in {"", departure.session} for other in cluster):
        return False
    told = {other.protocol for other in cluster} - {""}
    if departure.protocol and told and departure.protocol not in told:
        return False
    calls = told | {departure.protocol}
    return gap <= (ONE_CALL if calls & {"ssh", "rdp"} else PAUSE)


def _tells(cluster: list[Departure], recorders: frozenset[str]) -> bool:
    if any(departure.kind == "connection" and departure.protocol != "rpc" for departure in cluster):
        return True
    if any(departure.kind == DESKTOP_CLIENT and departure.account.name for departure in cluster):
        return True
    told = any(departure.kind not in {"connection", ATTEMPT} for departure in cluster)
    return cluster[0].target not in recorders and told


def _arrival(cluster: list[Departure]) -> Arrival:
    first = min(cluster, key=lambda departure: (KINDS.index(departure.kind), departure.order))
    named = min(
        cluster,
        key=lambda departure: (departure.kind != "explicit", not departure.account.domain, departure.order),
    )
    times = [departure.fact.time for departure in cluster]
    protocol = next(
        (departure.protocol for departure in cluster if departure.protocol not in {"", "rpc"}), "network"
    )
    session = Session(
        kind="outbound",
        host=first.target,
        key=f"outbound:{first.fact.id}",
        account=named.account if named.account.name else named.actor,
        start=min(times),
        first=min(times),
        last=max(times),
        source_ip=next((d.fact.src_ip for d in cluster if not is_local(d.fact.src_ip)), ""),
        ports={d.fact.src_port for d in cluster if d.kind == "connection" and d.fact.src_port},
        logon_type=10 if protocol == "rdp" else 3,
        protocol=protocol,
        facts=[departure.fact for departure in cluster],
        anchor=first.fact.id,
    )
    held = next((d for d in cluster if d.kind == "connection" and d.session), None)
    held = held or next((d for d in cluster if d.session), None)
    if held is not None:
        session.makers = ((held.source, held.session),)
        session.maker_kind = "proven" if held.kind == "connection" else "inferred"
        session.maker_words = _words(held)
    return Arrival([session], source=first.source)


def _words(departure: Departure) -> str:
    target, source = departure.target, departure.source
    if departure.kind == "connection":
        what = f"a process of session {departure.session} on {source} connected to {target}:{departure.fact.dst_port}"
    elif departure.kind == "command":
        what = f"session {departure.session} on {source} started a client for {target}"
    else:
        what = f"session {departure.session} on {source} used credentials of {departure.account.text} for {target} (4648)"
    return f"{what}; {target} itself does not tell of it"
