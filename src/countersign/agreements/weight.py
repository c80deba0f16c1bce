"""How grave a broken clause is, and which items of the published alerts it answers.

Alert items are named as `<document>/<item>`: TA18-276A and TA18-276B (US-CERT, 2018), TA17-117A (NCCIC, 2017),
AA22-131A (Five Eyes, 2022), CISA-APT-ITSP, LOTL24, NCSC-MSP17, OCH (Operation Cloud Hopper), T1199 (ATT&CK).
"""

from __future__ import annotations

from types import MappingProxyType

from countersign.agreements.terms import Act, Agreement
from countersign.model.visit import Severity

SEVERITY: MappingProxyType[str, Severity] = MappingProxyType(
    {
        "contract.dates": "high",
        "identity.known": "high",
        "origin": "high",
        "gateway": "high",
        "grant.who": "high",
        "grant.to": "high",
        "grant.by": "medium",
        "grant.via": "medium",
        "grant.as": "medium",
        "grant.when": "medium",
        "grant.until": "medium",
        "grant.mfa": "high",
        "grant.ticket": "medium",
        "limits.max_visit_hours": "low",
        "limits.max_concurrent_visits": "low",
    }
)
"""High is what an agreement cannot explain: nobody's account, a strange origin, a way round the door, a host
that nobody granted. Medium is right people at a wrong time or in a wrong manner. Never-clauses say their own."""

CITES: MappingProxyType[str, tuple[str, ...]] = MappingProxyType(
    {
        "contract.dates": ("TA18-276B/ACC-06", "AA22-131A/OBS-04"),
        "identity.known": ("TA18-276A/CRD-06", "AA22-131A/LOG-07", "NCSC-MSP17/NZ-02"),
        "origin": ("TA18-276A/ENG-07", "TA18-276A/RA-07", "T1199/AN1344"),
        "gateway": ("AA22-131A/ARC-06", "TA18-276B/VPN-01", "TA17-117A/SL-08", "NCSC-MSP17/UK-08"),
        "grant.who": ("TA18-276A/CRD-05", "TA18-276A/RA-01"),
        "grant.to": ("TA18-276B/ACC-02", "AA22-131A/LP-06", "AA22-131A/AUT-04"),
        "grant.by": ("TA18-276B/VPN-06", "TA18-276A/CRD-15"),
        "grant.via": ("AA22-131A/ARC-06", "NCSC-MSP17/UK-08"),
        "grant.as": ("TA18-276A/ENG-08", "TA18-276A/CRD-07"),
        "grant.when": ("TA18-276A/RA-02", "TA18-276B/ACC-07"),
        "grant.until": ("TA18-276B/ACC-06", "TA18-276B/ACC-08"),
        "grant.mfa": ("AA22-131A/TAC-02", "AA22-131A/MFA-01", "TA18-276A/ENG-04", "T1199/M1032"),
        "grant.ticket": ("AA22-131A/AUT-07", "CISA-APT-ITSP/CUS-03", "TA18-276B/VPN-10"),
        "limits.max_visit_hours": ("TA18-276B/ACC-08", "AA22-131A/LP-03"),
        "limits.max_concurrent_visits": ("TA18-276A/RA-07",),
    }
)

NEVER: MappingProxyType[Act | str, tuple[str, ...]] = MappingProxyType(
    {
        "to": ("TA18-276B/ACC-02", "TA18-276A/PRS-13"),
        "by": ("TA18-276A/CRD-15", "TA18-276B/VPN-06"),
        "tools": ("TA18-276A/EFF-01", "TA18-276A/PRS-02"),
        "log_cleared": ("LOTL24/DET-19", "OCH/HUN-13"),
        "account_changes": ("TA17-117A/ACC-08", "TA18-276B/OPS-06"),
        "new_services": ("TA18-276A/RA-05", "LOTL24/DET-16"),
        "new_tasks": ("LOTL24/DET-20", "OCH/HUN-04"),
        "admin_shares": ("TA18-276A/ENG-11", "OCH/HUN-06"),
        "credential_switch": ("TA18-276A/ENG-08", "OCH/HUN-02"),
        "outside_gateway": ("AA22-131A/ARC-06", "NCSC-MSP17/UK-08"),
    }
)
"""For a never-clause by what it forbids."""


def severity_of(clause: str, agreement: Agreement) -> Severity:
    """How grave it is when this clause of the agreement is broken.

    Raises:
        RuntimeError: the agreement has no such clause.

    """
    known = SEVERITY.get(clause)
    if known is not None:
        return known
    for never in agreement.never:
        if clause == f"never.{never.name}":
            return never.severity
    raise RuntimeError(f"{agreement.provider.id} has no clause {clause}")


def clause_cites(clause: str, agreement: Agreement | None = None) -> tuple[str, ...]:
    """Items of the alert register that a clause answers; a never-clause's depend on what it forbids, so on its
    agreement. Empty for an unknown clause."""
    if clause in CITES or agreement is None:
        return CITES.get(clause, ())
    for never in agreement.never:
        if clause == f"never.{never.name}":
            topics = [*never.what, *(["tools"] if never.tools else [])]
            topics = topics or [topic for topic in ("to", "by") if getattr(never, topic)]
            return tuple(dict.fromkeys(item for topic in topics for item in NEVER[topic]))
    return ()
