"""Which host had which address by a DHCP lease: where nothing else shows it, the lease names the host behind an address.

The name is what the machine says of itself (RFC 2132, option 12): what a controller, or the host, shows at that time counts before it.
"""

from __future__ import annotations

import bisect
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
NEVER = 1 << 62
"""Microseconds; after all that is told."""
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
        word = _Words([*of, *known[address]])
        for lease in of:
            if lease.host:
                until = min(lease.last + LIFE, word.next(lease) - 1)
                out.append(replace(lease, last=max(lease.first, until)))
    return out


class _Words:
    """Who had an address, in order of time."""

    def __init__(self, claims: Iterable[Claim]) -> None:
        told = sorted((claim.first, claim.host) for claim in claims)
        self._times, self._hosts = [time for time, _ in told], [host for _, host in told]
        self._others = [NEVER] * len(told)
        """When another than each came."""
        for place in reversed(range(len(told) - 1)):
            same = self._hosts[place] == self._hosts[place + 1]
            self._others[place] = self._others[place + 1] if same else self._times[place + 1]

    def next(self, lease: Claim) -> int:
        """When another host had the address after `lease` began."""
        place = bisect.bisect_right(self._times, lease.first)
        if place == len(self._times):
            return NEVER
        return self._times[place] if self._hosts[place] != lease.host else self._others[place]
