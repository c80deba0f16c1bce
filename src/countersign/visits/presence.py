"""When each recorder was at work: without that, nobody can say who should have seen a hop.

A host that never logs logons is no witness of them, and one that logs them again tomorrow is none of an outage today. Set work is
Ibis, hour by hour, and only for the hosts and networks that hops touch.
"""

from __future__ import annotations

import bisect
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import ibis.expr.types as ir
import pyarrow as pa
import pyarrow.compute as pc

from countersign.visits import facts as f
from countersign.visits.asking import Days, Key
from countersign.visits.facts import leaf, lowered
from countersign.visits.names import HostNames

HOUR = 3_600_000_000
WITHIN = 24
"""Hours before and after a hop in which a recorder must have written something of its kind to count as at work."""
TICKETS = ("4768", "4769", "4776")
"""A domain controller's word on a logon elsewhere: a ticket-granting ticket, a service ticket, an NTLM answer."""
FAILED, OUTBOUND = 2, 2

Hours = Mapping[str, tuple[int, ...]]


def hour(moment: int) -> int:
    """The hour (since 1970, UTC) of a time in microseconds."""
    return moment // HOUR


def subnet(address: str) -> str:
    """The /24 that an IPv4 address is in, as its first three numbers; empty for anything else."""
    head, dot, _ = address.rpartition(".")
    return head if dot and head.count(".") == 2 else ""


@dataclass(frozen=True, slots=True)
class Presence:
    """Hours (since 1970, UTC, sorted) in which recorders wrote: `logons` and `outward` by canonical host, `tickets` by domain
    (first label, casefolded), `networks` by the pair of /24s, as `10.0.1>10.0.2`, that a sensor saw talk. `first` and `last` are
    those of all logs."""

    logons: Hours = field(default_factory=dict)
    outward: Hours = field(default_factory=dict)
    tickets: Hours = field(default_factory=dict)
    networks: Hours = field(default_factory=dict)
    first: int = 0
    last: int = 0

    def at_work(self, hours: tuple[int, ...] | None, moment: int) -> bool:
        """Whether a recorder with these hours was at work around `moment` (microseconds): it wrote both in the day before and
        in the day after, or in one of them where the logs as a whole do not reach the other."""
        if not hours:
            return False
        now = hour(moment)
        before = _any(hours, now - WITHIN, now)
        after = _any(hours, now, now + WITHIN)
        if now - self.first < WITHIN:
            before = before or after
        if self.last - now < WITHIN:
            after = after or before
        return before and after


def _any(hours: tuple[int, ...], first: int, last: int) -> bool:
    return bisect.bisect_right(hours, last) > bisect.bisect_left(hours, first)


def writers(days: Days) -> list[str]:
    """Every host that wrote a record, as it is spelt."""
    found = _hours(days).column("writer").unique().to_pylist()
    return sorted(writer for writer in found if writer)


def recorded(days: Days) -> list[int]:
    """Every day (since 1970, UTC) of which there are records."""
    return sorted(_hours(days).column("date").unique().to_pylist())


def presence(
    days: Days, hosts: HostNames, places: Iterable[str], pairs: Mapping[int, Collection[Key]]
) -> Presence:
    """Who was at work when, among `places` (canonical hosts) and between `pairs` of /24s (near, far) on their days."""
    at_work = _hours(days)
    ends = pc.min_max(at_work.column("hour")).as_py()
    wanted = {hosts.canonical(place) for place in places if place}
    here = [
        writer
        for writer in at_work.column("writer").unique().to_pylist()
        if hosts.canonical(writer) in wanted
    ]
    of_these = at_work.filter(pc.is_in(at_work.column("writer"), value_set=pa.array(here, pa.string())))
    return Presence(
        logons=_by_host(of_these.filter(of_these.column("logon")), hosts),
        outward=_by_host(of_these.filter(of_these.column("outward")), hosts),
        tickets=_tickets(days),
        networks=_networks(days, pairs),
        first=ends["min"] or 0,
        last=ends["max"] or 0,
    )


def _hours(days: Days) -> pa.Table:
    """Each hour of each recorder, and whether it told of logons to it and of connections from it."""

    def ask(events: ir.Table) -> ir.Table:
        rows = events.select(
            "date",
            hour=events["at"] // HOUR,
            writer=leaf(events, "device.hostname").fill_null(""),
            logon=_is_logon(events).fill_null(False),
            outward=(leaf(events, "connection_info.direction_id") == OUTBOUND).fill_null(False),
        )
        return rows.group_by(["date", "hour", "writer"]).agg(
            logon=rows.logon.any(), outward=rows.outward.any()
        )

    return days.of_all("hours", ask)


def _is_logon(table: ir.Table) -> Any:  # noqa: ANN401  # an Ibis predicate has no public type
    return (
        (leaf(table, "class_uid") == f.AUTHENTICATION)
        & (leaf(table, "activity_id").fill_null(1) == 1)
        & (leaf(table, "status_id").fill_null(1) != FAILED)
        & ~leaf(table, "metadata.event_code").fill_null("").isin(TICKETS)
    )


def _by_host(rows: pa.Table, hosts: HostNames) -> Hours:
    found: dict[str, set[int]] = defaultdict(set)
    for writer, at in zip(rows.column("writer").to_pylist(), rows.column("hour").to_pylist(), strict=True):
        found[hosts.canonical(writer)].add(at)
    return _sorted(found)


def _tickets(days: Days) -> Hours:
    def ask(events: ir.Table) -> ir.Table:
        given = events.filter(
            leaf(events, "metadata.event_code").isin(["4768", "4769"])
            & (leaf(events, "class_uid") == f.AUTHENTICATION)
        )
        domain = lowered(given, "user.domain")
        return given.select("date", hour=given["at"] // HOUR, domain=domain).distinct()

    found: dict[str, set[int]] = defaultdict(set)
    for row in days.of_all("tickets", ask).to_pylist():
        found[days.domains.named(row["domain"]).split(".")[0].casefold()].add(row["hour"])
    return _sorted(found)


def _networks(days: Days, pairs: Mapping[int, Collection[Key]]) -> Hours:
    """Pairs of networks between which a sensor, which is no host of the two, saw connections."""

    def ask(events: ir.Table) -> ir.Table:
        seen = events.filter(
            (leaf(events, "metadata.product") == "Zeek")
            & leaf(events, "src_endpoint.ip").notnull()
            & leaf(events, "dst_endpoint.ip").notnull()
        )
        return seen.select(
            "date",
            hour=seen["at"] // HOUR,
            near=_network(leaf(seen, "src_endpoint.ip")),
            far=_network(leaf(seen, "dst_endpoint.ip")),
        )

    found: dict[str, set[int]] = defaultdict(set)
    for rows in days.near("networks", pairs, ("near", "far"), ask, lambda rows: rows.distinct()):
        for row in rows.to_pylist():
            found[f"{row['near']}>{row['far']}"].add(row["hour"])
    return _sorted(found)


def _network(address: Any) -> Any:  # noqa: ANN401  # Ibis columns of texts
    """What stands before the last dot."""
    return address.substr(0, address.length() - address.reverse().find(".") - 1)


def _sorted(found: Mapping[str, set[int]]) -> Hours:
    return {name: tuple(sorted(hours)) for name, hours in sorted(found.items())}
