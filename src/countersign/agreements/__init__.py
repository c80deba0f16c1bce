"""What a provider may do, as a file says it: reading it, recognising its accounts, holding visits to it."""

from __future__ import annotations

from countersign.agreements.coverage import Coverage
from countersign.agreements.judge import clauses, granted_switches, judge
from countersign.agreements.load import (
    AgreementFileError,
    Agreements,
    load_agreement,
    load_agreements,
    read_agreement,
)
from countersign.agreements.resolve import Match, Resolver
from countersign.agreements.schema import schema_text, starter_files
from countersign.agreements.terms import Agreement
from countersign.agreements.weight import clause_cites, severity_of

__all__ = [
    "Agreement",
    "AgreementFileError",
    "Agreements",
    "Coverage",
    "Match",
    "Resolver",
    "clause_cites",
    "clauses",
    "granted_switches",
    "judge",
    "load_agreement",
    "load_agreements",
    "read_agreement",
    "schema_text",
    "severity_of",
    "starter_files",
]
