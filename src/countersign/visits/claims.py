"""Which host had which address when, as the logs themselves show it: read once for each day, and joined over midnight."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from countersign.visits import facts as f
from countersign.visits.asking import Days
from countersign.visits.facts import leaf
from countersign.visits.leased import given, lasting
from countersign.visits.names import Claim, HostNames, is_local, settled

OUTBOUND = 2
"""OCSF `connection_info.direction_id`, seen from the host that wrote the record."""
CROWD = 3
"""So many hosts at one address within an hour are behind translation."""
HOUR = 3600 * 1_000_000
"""Microseconds."""


def claims(days: Days, hosts: HostNames, leased: Iterable[str]) -> list[Claim]:
    """Records that show an address to be a host: a machine account's logon from it, or the host's own word of
    the connections it opened, or a DHCP lease. What it says of those it took is no help: Sysmon names the ends of UDP the other way
    round."""
    skip = set(leased)
    found: list[Claim] = []
    shared: set[str] = set()
    for question, ask, own in (("machines", _machines, False), ("openers", _openers, True)):
        for address, name, first, last, crowd in _merged(days.of_all(question, ask)):
            if is_local(address) or address in skip or _group_address(address):
                continue
            if crowd >= CROWD and not own:
                shared.add(address)
            found.append(Claim(address, hosts.canonical(name), first, last, own))
    kept = settled(found, shared)
    held = [
        Claim(address, hosts.canonical(name), first, last, lease=True)
        for address, name, first, last, _ in _merged(
            days.of_all("leases", lambda events: _runs(given(events)))
        )
        if not is_local(address) and address not in skip
    ]
    return [*kept, *lasting(held, kept)]


def _machines(events: ir.Table) -> ir.Table:
    who = leaf(events, "user.name")
    rows = events.filter(
        (leaf(events, "class_uid") == f.AUTHENTICATION)
        & who.endswith("$")
        & leaf(events, "src_endpoint.ip").notnull()
    )
    who = leaf(rows, "user.name")
    return _runs(
        rows.select(
            address=leaf(rows, "src_endpoint.ip"),
            at=rows["at"],
            date=rows.date,
            name=who.substr(0, who.length() - 1),
        )
    )


def _openers(events: ir.Table) -> ir.Table:
    rows = events.filter(
        (leaf(events, "class_uid") == f.NETWORK)
        & leaf(events, "device.hostname").notnull()
        & leaf(events, "src_endpoint.ip").notnull()
        & (leaf(events, "connection_info.direction_id") == OUTBOUND)
    )
    return _runs(
        rows.select(
            address=leaf(rows, "src_endpoint.ip"),
            at=rows["at"],
            date=rows.date,
            name=leaf(rows, "device.hostname"),
        )
    )


def _runs(rows: ir.Table) -> ir.Table:
    """Times of a day during which an address was one host's and no other's, by the hour; `crowd` is how many hosts had it within
    an hour, at most."""
    hourly = rows.mutate(hour=rows["at"] // HOUR).group_by(["address", "date", "hour", "name"])
    hourly = hourly.agg(first=lambda t: t["at"].min(), last=lambda t: t["at"].max())
    of_hour = ibis.window(group_by=[hourly.address, hourly.hour])
    hourly = hourly.mutate(crowd=hourly.name.count().over(of_hour))
    order = [hourly["first"], hourly["last"], hourly.name]
    in_time = ibis.window(group_by=[hourly.address, hourly.date], order_by=order)
    marked = hourly.mutate(
        moved=(hourly.name != hourly.name.lag().over(in_time)).fill_null(True).cast("int64")
    )
    so_far = ibis.cumulative_window(
        group_by=[marked.address, marked.date], order_by=[marked["first"], marked["last"], marked.name]
    )
    numbered = marked.mutate(run=marked.moved.sum().over(so_far))
    return numbered.group_by(["address", "date", "run", "name"]).agg(
        first=numbered["first"].min(), last=numbered["last"].max(), crowd=numbered.crowd.max()
    )


def _merged(rows: pa.Table) -> Iterator[tuple[str, str, int, int, int]]:
    """Runs that go on over midnight as one: (address, name, first, last, crowd)."""
    order = [(name, "ascending") for name in ("address", "date", "run")]
    columns = (
        rows.sort_by(order).column(name).to_pylist() for name in ("address", "name", "first", "last", "crowd")
    )
    before: tuple[str, str, int, int, int] | None = None
    for address, name, first, last, crowd in zip(*columns, strict=True):
        if before is not None and before[:2] == (address, name):
            before = (address, name, before[2], max(before[3], last), max(before[4], crowd))
            continue
        if before is not None:
            yield before
        before = (address, name, first, last, crowd)
    if before is not None:
        yield before


def _group_address(address: str) -> bool:
    return address.startswith(("224.", "239.", "255.", "ff0"))
