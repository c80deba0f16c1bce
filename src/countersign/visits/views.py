"""What this estate's logs can show at all: which hosts tell of logons, processes, shares and services."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import ibis.expr.types as ir

from countersign.visits import facts as f
from countersign.visits import reading
from countersign.visits.asking import Days
from countersign.visits.claims import claims
from countersign.visits.facts import leaf
from countersign.visits.names import HostNames

_SHOWN = ("logons", "audits", "processes", "shares", "services", "sensor")


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
    told = days.of_all("views", _views).group_by("host").aggregate([(name, "any") for name in _SHOWN])
    names = told.column("host").to_pylist()
    hosts = HostNames({name for name in names if name})

    def where(shown: str) -> frozenset[str]:
        column = told.column(f"{shown}_any").to_pylist()
        return frozenset(hosts.canonical(name) for name, so in zip(names, column, strict=True) if name and so)

    known: dict[str, set[str]] = {}
    for claim in claims(days, hosts, ()):
        known.setdefault(claim.host, set()).add(claim.address)
    return Views(
        logons=where("logons"),
        audits=where("audits"),
        processes=where("processes"),
        shares=where("shares"),
        services=where("services"),
        sensor=any(told.column("sensor_any").to_pylist()),
        addresses={host: tuple(sorted(found)) for host, found in sorted(known.items())},
    )


def _views(events: ir.Table) -> ir.Table:
    """Of each day, what each host shows: a row for a host, however many records it has."""
    kind = leaf(events, "class_uid").fill_null(0)
    code = leaf(events, "metadata.event_code").fill_null("")
    log: Any = leaf(events, "metadata.log_name").fill_null("").lower()
    started = (kind == f.PROCESS) & (leaf(events, "activity_id").fill_null(0) == 1)
    shown = events.select(
        "date",
        host=leaf(events, "device.hostname").fill_null(""),
        logons=(kind == f.AUTHENTICATION) & (leaf(events, "status_id").fill_null(0) != reading.FAILURE),
        audits=log == "security",
        # a command run by sudo is logged, any other process is not
        processes=started & code.isin(["1", "4688"]),
        shares=kind == f.SMB,
        # 7045 stands in the System channel; 4697 and 4698 only where they were switched on
        services=(log == "system") | code.isin(["4697", "4698"]),
        sensor=(leaf(events, "metadata.product").fill_null("") == "Zeek") & log.startswith("smb_"),
    )
    return shown.group_by(["date", "host"]).agg(**{name: shown[name].any() for name in _SHOWN})
