"""What this estate's logs can show at all: which hosts tell of logons, processes, shares and services."""

from __future__ import annotations

from dataclasses import dataclass

import ibis.expr.types as ir

from countersign.visits import facts as f
from countersign.visits import reading
from countersign.visits.facts import leaf
from countersign.visits.names import HostNames


@dataclass(frozen=True, slots=True)
class Views:
    """Canonical host names by what they record; `sensor` is whether a network sensor's records are there.
    `addresses` are those that the logs show a host to have had."""

    logons: frozenset[str]
    processes: frozenset[str]
    shares: frozenset[str]
    services: frozenset[str]
    sensor: bool
    addresses: dict[str, tuple[str, ...]]


def views(events: ir.Table) -> Views:
    """The vantage points in `events`."""
    table = events.select(
        host=leaf(events, "device.hostname").fill_null(""),
        kind=events.class_uid,
        log=leaf(events, "metadata.product"),
    )
    rows = table.distinct().to_pyarrow().to_pylist()
    hosts = HostNames({row["host"] for row in rows if row["host"]})

    def having(*kinds: int) -> frozenset[str]:
        return frozenset(hosts.canonical(row["host"]) for row in rows if row["host"] and row["kind"] in kinds)

    known: dict[str, set[str]] = {}
    for claim in reading.claims(events, hosts, ()):
        known.setdefault(claim.host, set()).add(claim.address)
    return Views(
        logons=having(f.AUTHENTICATION),
        processes=having(f.PROCESS),
        shares=having(f.SMB),
        # a Windows host that logs its logons logs new services and tasks beside them
        services=having(f.SERVICE, f.JOB, f.AUTHORIZE),
        sensor=any(row["log"] == "Zeek" for row in rows),
        addresses={host: tuple(sorted(found)) for host, found in sorted(known.items())},
    )
