"""When each recorder was at work: without that, nobody can say who should have seen a hop.

A host that never logs logons is no witness of them, and one that logs them again tomorrow is none of an outage today. Set work is
Ibis, hour by hour, and only for the hosts and networks that hops touch.
"""

from __future__ import annotations

import bisect
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import ibis.expr.types as ir

from countersign.visits import facts as f
from countersign.visits.facts import leaf, lowered
from countersign.visits.names import HostNames

HOUR = 3_600_000_000
WITHIN = 24
"""Hours before and after a hop in which a recorder must have written something of its kind to count as at work."""
TICKETS = ("4768", "4769", "4776")
"""A domain controller's word on a logon elsewhere: a ticket-granting ticket, a service ticket, an NTLM answer."""
FAILED, OUTBOUND = 2, 2
_LAST_OCTET = r"\.[0-9]+$"

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


def presence(events: ir.Table, hosts: HostNames, places: Iterable[str], addresses: Iterable[str]) -> Presence:
    """Who was at work when, among `places` (canonical hosts) and between the networks of `addresses`."""
    dated = events.filter(events.time.notnull())
    dated = dated.select(
        hour=(dated.time.epoch_seconds() // 3600).floor().cast("int64"),
        writer=leaf(dated, "device.hostname").fill_null(""),
        code=leaf(dated, "metadata.event_code").fill_null(""),
        class_uid=leaf(dated, "class_uid"),
        activity_id=leaf(dated, "activity_id"),
        status_id=leaf(dated, "status_id"),
        outward=leaf(dated, "connection_info.direction_id") == OUTBOUND,
        domain=lowered(dated, "user.domain").split(".")[0],
        sensed=leaf(dated, "metadata.product") == "Zeek",
        source=leaf(dated, "src_endpoint.ip"),
        target=leaf(dated, "dst_endpoint.ip"),
    )
    (ends,) = dated.agg(first=dated.hour.min(), last=dated.hour.max()).to_pyarrow().to_pylist()
    labels = sorted({place.split(".")[0].casefold() for place in places if place})
    here = dated.filter(dated.writer.lower().split(".")[0].isin(labels)) if labels else None
    return Presence(
        logons={} if here is None else _by_host(here.filter(_is_logon(here)), hosts),
        outward={} if here is None else _by_host(here.filter(here.outward), hosts),
        tickets=_tickets(dated),
        networks=_networks(dated, sorted({found for ip in addresses if (found := subnet(ip))})),
        first=ends["first"] or 0,
        last=ends["last"] or 0,
    )


def _is_logon(table: ir.Table) -> Any:  # noqa: ANN401  # an Ibis predicate has no public type
    return (
        (table.class_uid == f.AUTHENTICATION)
        & (table.activity_id.fill_null(1) == 1)
        & (table.status_id.fill_null(1) != FAILED)
        & ~table.code.isin(TICKETS)
    )


def _by_host(table: ir.Table, hosts: HostNames) -> Hours:
    found: dict[str, set[int]] = defaultdict(set)
    for row in table.select("writer", "hour").distinct().to_pyarrow().to_pylist():
        found[hosts.canonical(row["writer"])].add(row["hour"])
    return _sorted(found)


def _tickets(dated: ir.Table) -> Hours:
    given = dated.filter(dated.code.isin(["4768", "4769"]) & (dated.class_uid == f.AUTHENTICATION))
    found: dict[str, set[int]] = defaultdict(set)
    for row in given.select("domain", "hour").distinct().to_pyarrow().to_pylist():
        found[row["domain"] or ""].add(row["hour"])
    return _sorted(found)


def _networks(dated: ir.Table, subnets: list[str]) -> Hours:
    """Pairs of networks between which a sensor, which is no host of the two, saw connections."""
    if not subnets:
        return {}
    seen = dated.filter(dated.sensed & dated["source"].notnull() & dated.target.notnull())
    seen = seen.select(
        "hour",
        near=seen["source"].re_replace(_LAST_OCTET, ""),
        far=seen.target.re_replace(_LAST_OCTET, ""),
    )
    seen = seen.filter(seen.near.isin(subnets) & seen.far.isin(subnets))
    found: dict[str, set[int]] = defaultdict(set)
    for row in seen.select("near", "far", "hour").distinct().to_pyarrow().to_pylist():
        found[f"{row['near']}>{row['far']}"].add(row["hour"])
    return _sorted(found)


def _sorted(found: Mapping[str, set[int]]) -> Hours:
    return {name: tuple(sorted(hours)) for name, hours in sorted(found.items())}
