"""Entra's sign-ins with what its separate file of authentication details says of them, by the id of the request.

The portal writes two files: the sign-ins, without the steps of the authentication, and the steps. Where both are there, the methods that were
answered, and that a second factor was given, are the sign-in's. A proof of the details counts over a sign-in for which one factor was required: the steps
are what was done, the requirement what was asked. They take nothing away, and a failed sign-in proves nothing.

Reference: https://learn.microsoft.com/en-us/entra/identity/monitoring-health/howto-download-logs.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from countersign.visits.facts import leaf

DETAILS = "entra.signin_details"
ASKED = ("day", "source", "status_id", "api.request.uid")
"""What tells which sign-ins of a day have details."""
_FAILED = 2


@dataclass(frozen=True, slots=True)
class Details:
    """What files of authentication details say of sign-ins: (request, methods, whether a second factor was given)."""

    found: tuple[tuple[str, str | None, bool], ...]

    def digests(self, events: ir.Table) -> dict[str, str]:
        """Of each `day` that has sign-ins with details, the same for the same details of these: those of others change nothing there.
        `events` has the columns of `ASKED`, each under its own name."""
        if not self.found:
            return {}
        known = ibis.memtable(_table(self.found))
        same = [events["api.request.uid"] == known.details_request]
        theirs = events.filter((events.source != DETAILS) & (events.status_id == 1)).inner_join(known, same)
        of: dict[str, set[str]] = defaultdict(set)
        for row in theirs.select("day", "details_request").distinct().to_pyarrow().to_pylist():
            of[row["day"]].add(row["details_request"])
        told = {one[0]: one for one in self.found}
        return {
            day: hashlib.sha256(repr([told[one] for one in sorted(requests)]).encode()).hexdigest()
            for day, requests in of.items()
        }

    def filled(self, events: ir.Table) -> ir.Table:
        """`events` (the events table or a part of it) with `is_mfa` and `auth_factors` of sign-ins filled; the same table where there are no details."""
        if not self.found:
            return events
        known = ibis.memtable(_table(self.found))
        joined = events.left_join(known, leaf(events, "api.request.uid") == known.details_request)
        ours = joined.details_request.notnull() & (joined.source != DETAILS) & (joined.status_id == 1)
        return joined.mutate(
            is_mfa=ibis.ifelse(ours & joined.details_proven, True, joined.is_mfa),
            auth_factors=ibis.ifelse(
                ours, joined.auth_factors.coalesce(joined.details_factors), joined.auth_factors
            ),
        ).drop("details_request", "details_factors", "details_proven")


def details_of(events: ir.Table) -> Details:
    """The details in `events`."""
    return Details(tuple(_requests(events)))


def with_details(events: ir.Table) -> ir.Table:
    """`events` with what files of authentication details say of their sign-ins."""
    return details_of(events).filled(events)


def _table(found: Iterable[tuple[str, str | None, bool]]) -> pa.Table:
    """As Arrow: of anything else Ibis makes a table by pandas, which a program keeps out."""
    schema = pa.schema(
        [("details_request", pa.string()), ("details_factors", pa.string()), ("details_proven", pa.bool_())]
    )
    return pa.table(list(map(list, zip(*found, strict=True))), schema=schema)


def _requests(events: ir.Table) -> list[tuple[str, str | None, bool]]:
    """Every request that has details: the methods that were answered, in the order of their names, and whether a second factor was given."""
    if "source" not in events.columns:
        return []
    steps = events.filter((events.source == DETAILS) & (events.status_id.fill_null(0) != _FAILED))
    rows: Iterable[dict[str, Any]] = (
        steps.select(request=leaf(steps, "api.request.uid"), method=steps.auth_factors, proven=steps.is_mfa)
        .distinct()
        .to_pyarrow()
        .to_pylist()
    )
    methods: dict[str, set[str]] = {}
    proven: set[str] = set()
    for row in rows:
        request = row["request"]
        if request:
            methods.setdefault(request, set()).update({row["method"]} - {None, ""})
            if row["proven"]:
                proven.add(request)
    return [
        (request, ", ".join(sorted(names)) or None, request in proven)
        for request, names in sorted(methods.items())
    ]
