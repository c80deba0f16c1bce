"""Entra's sign-ins with what its separate file of authentication details says of them, by the id of the request.

The portal writes two files: the sign-ins, without the steps of the authentication, and the steps. Where both are there, the methods that were
answered, and that a second factor was given, are the sign-in's. A proof of the details counts over a sign-in for which one factor was required: the steps
are what was done, the requirement what was asked. They take nothing away, and a failed sign-in proves nothing.

Reference: https://learn.microsoft.com/en-us/entra/identity/monitoring-health/howto-download-logs.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from countersign.visits.facts import leaf

DETAILS = "entra.signin_details"
_FAILED = 2


@dataclass(frozen=True, slots=True)
class Details:
    """What files of authentication details say of sign-ins: (request, methods, whether a second factor was given)."""

    found: tuple[tuple[str, str | None, bool], ...]

    @property
    def digest(self) -> str:
        """The same for the same details."""
        return hashlib.sha256(repr(self.found).encode()).hexdigest()

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
