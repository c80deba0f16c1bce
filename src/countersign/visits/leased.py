"""Which host had which address by a DHCP lease: where nothing else shows it, the lease names the host behind an address.

The name is what the machine says of itself (RFC 2132, option 12): what a controller, or the host, shows at that time counts before it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace

import ibis
import ibis.expr.types as ir

from countersign.visits.facts import leaf
from countersign.visits.names import DAY, Claim

_DHCP = 4004
_GIVEN, _GIVEN_BACK = (5, 99), (7, 9)
"""OCSF `activity_id` of 4004: acknowledged, and what Zeek writes of a whole exchange; released, expired."""
_FAILED = 2
LIFE = 8 * DAY
"""A lease holds no longer without a word of it: what Microsoft's server gives unless told otherwise."""


def given(events: ir.Table) -> ir.Table:
    """Each word of an address that was given to a name, or given back (no name)."""
    rows = events.filter(
        (leaf(events, "class_uid") == _DHCP)
        & leaf(events, "activity_id").isin([*_GIVEN, *_GIVEN_BACK])
        & (leaf(events, "status_id").fill_null(0) != _FAILED)
        & leaf(events, "src_endpoint.ip").notnull()
    )
    back = leaf(rows, "activity_id").isin(_GIVEN_BACK)
    rows = rows.select(
        address=leaf(rows, "src_endpoint.ip"),
        at=rows["at"],
        date=rows.date,
        name=ibis.ifelse(back, "", leaf(rows, "src_endpoint.hostname")),
    )
    return rows.filter(rows.name.notnull())


def lasting(leases: Iterable[Claim], others: Iterable[Claim]) -> list[Claim]:
    """`leases` until the next word of the address: another's lease, its return (no host), or what `others` show it to be then."""
    by_address: dict[str, list[Claim]] = defaultdict(list)
    for lease in leases:
        by_address[lease.address].append(lease)
    known: dict[str, list[Claim]] = defaultdict(list)
    for claim in others:
        if claim.address in by_address:
            known[claim.address].append(claim)
    out: list[Claim] = []
    for address, of in sorted(by_address.items()):
        for lease in of:
            ends = [
                claim.first
                for claim in (*of, *known[address])
                if claim.host != lease.host and claim.first > lease.first
            ]
            until = min([lease.last + LIFE, *(end - 1 for end in ends)])
            if lease.host:
                out.append(replace(lease, last=max(lease.first, until)))
    return out
