"""What this estate's logs can show at all: which hosts tell of logons, processes, shares and services."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import ibis.expr.types as ir

from countersign.visits import facts as f
from countersign.visits import reading
from countersign.visits.asking import Days
from countersign.visits.claims import claims
from countersign.visits.facts import leaf
from countersign.visits.names import HostNames


@dataclass(frozen=True, slots=True)
class Views:
    """Canonical host names by what they record: `audits` are those with the Windows Security channel. `sensor` is
    whether a network sensor tells of shares. `addresses` are those that the logs show a host to have had."""

    logons: frozenset[str]
    audits: frozenset[str]
    processes: frozenset[str]
    shares: frozenset[str]
    services: frozenset[str]
    sensor: bool
    addresses: dict[str, tuple[str, ...]]


def views(events: ir.Table | Days) -> Views:
    """The vantage points in `events`."""
    days = events if isinstance(events, Days) else Days(events)

    def ask(events: ir.Table) -> ir.Table:
        return events.select(
            "date",
            host=leaf(events, "device.hostname").fill_null(""),
            kind=leaf(events, "class_uid").fill_null(0),
            activity=leaf(events, "activity_id").fill_null(0),
            good=leaf(events, "status_id").fill_null(0) != reading.FAILURE,
            product=leaf(events, "metadata.product").fill_null(""),
            log=leaf(events, "metadata.log_name").fill_null("").lower(),
            code=leaf(events, "metadata.event_code").fill_null(""),
        ).distinct()

    rows = days.of_all("views", ask).drop_columns(["date"]).to_pylist()
    hosts = HostNames({row["host"] for row in rows if row["host"]})

    def where(holds: Callable[[Mapping[str, Any]], bool]) -> frozenset[str]:
        return frozenset(hosts.canonical(row["host"]) for row in rows if row["host"] and holds(row))

    known: dict[str, set[str]] = {}
    for claim in claims(days, hosts, ()):
        known.setdefault(claim.host, set()).add(claim.address)
    return Views(
        logons=where(lambda row: row["kind"] == f.AUTHENTICATION and row["good"]),
        audits=where(lambda row: row["log"] == "security"),
        # a command run by sudo is logged, any other process is not
        processes=where(
            lambda row: row["kind"] == f.PROCESS and row["activity"] == 1 and row["code"] in {"1", "4688"}
        ),
        shares=where(lambda row: row["kind"] == f.SMB),
        # 7045 stands in the System channel; 4697 and 4698 only where they were switched on
        services=where(lambda row: row["log"] == "system" or row["code"] in {"4697", "4698"}),
        sensor=any(row["product"] == "Zeek" and row["log"].startswith("smb_") for row in rows),
        addresses={host: tuple(sorted(found)) for host, found in sorted(known.items())},
    )
