"""Agreements, hops and visits for tests, by what a test cares about."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from countersign.agreements import Agreement, Coverage, judge
from countersign.model.visit import Action, Hop, Link, Reference, Verdict, Visit

MONDAY = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
"""A Monday at nine, in winter time."""
LATER = MONDAY + timedelta(days=30)
JANE: dict[str, Any] = {"name": "Jane Doe", "accounts": ["ACME\\jdoe", "CORP\\adm-acme-jdoe"]}
VPN: dict[str, Any] = {
    "name": "provider vpn",
    "protocol": "vpn",
    "hosts": ["vpn1", "192.0.2.10"],
    "leases": ["10.99.0.0/24"],
}
WATCHED = Coverage(
    logon_hosts=frozenset({"fs01", "app01", "dc01", "jump01"}),
    process_hosts=frozenset({"fs01", "app01"}),
    share_hosts=frozenset({"fs01"}),
    service_hosts=frozenset({"fs01"}),
)


def agreement(**terms: Any) -> Agreement:
    base = {"version": 1, "provider": {"id": "acme", "name": "ACME"}, "identities": [JANE]}
    return Agreement.model_validate(base | terms)


def reference(event: str) -> Reference:
    return Reference(event, "5e" * 32, 0, 1)


def hop(id_: str = "h1", **changes: Any) -> Hop:
    base = Hop(
        id=id_,
        parent=None,
        account="ACME\\jdoe",
        source="",
        target="FS01",
        protocol="rdp",
        start=MONDAY,
        end=MONDAY + timedelta(hours=1),
        link=Link("entry", "first hop"),
        seen_by=("target host",),
        expected_by=("target host",),
        records=(reference(f"event of {id_}"),),
        source_ip="203.0.113.5",
    )
    if "parent" in changes and "link" not in changes:
        changes["link"] = Link("proven", "same logon id")
    return replace(base, **changes)


def action(kind: str, text: str) -> Action:
    return Action(MONDAY + timedelta(minutes=5), kind, text, reference(f"{kind} {text}"))


def entry(**changes: Any) -> Hop:
    """By VPN from the office, with a second factor."""
    return hop("entry", **({"target": "vpn1", "protocol": "vpn", "mfa": True} | changes))


def inner(id_: str = "h1", **changes: Any) -> Hop:
    """From the VPN's lease to a file server."""
    return hop(id_, **({"parent": "entry", "source_ip": "10.99.0.7"} | changes))


def visit(*hops: Hop, **changes: Any) -> Visit:
    starts = [one.start for one in hops if one.start]
    base = Visit(
        id=hops[0].id if hops else "none",
        provider="acme",
        person="Jane Doe",
        kind="person",
        start=min(starts) if len(starts) == len(hops) and hops else None,
        end=max((one.end for one in hops if one.end), default=None),
        entry=hops[0].id if hops else "none",
        hops=hops,
    )
    return replace(base, **changes)


def verdicts(
    held: Agreement, came: Visit, coverage: Coverage = WATCHED, as_of: datetime = LATER, **more: Any
) -> dict[str, Verdict]:
    return {verdict.clause: verdict for verdict in judge(came, held, coverage, as_of, **more)}
