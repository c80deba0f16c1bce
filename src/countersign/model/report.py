"""What a report shows: visits, findings and what was looked at, as plain values.

The application makes it; nothing in here is computed from logs. Texts may come from logs and are made safe
when they are shown.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from countersign.model.visit import Finding, Visit

OUTSIDE = "Outside any provider's visit"
"""How the reason of a finding outside of every visit begins."""
NAMELESS = "unnamed gateway"
"""What to call a host whose log does not say which machine wrote it (OpenVPN's own file)."""


@dataclass(frozen=True, slots=True)
class SourceCoverage:
    """What one log family gave: records read and rejected, moments of the first and last dated event."""

    name: str
    title: str
    records: int
    rejected: int
    first: datetime | None
    last: datetime | None


@dataclass(frozen=True, slots=True)
class RejectedCount:
    """Records of a source that were not understood, for one reason."""

    source: str
    reason: str
    records: int


@dataclass(frozen=True, slots=True)
class UnreadFile:
    """A file that gave no records: not recognised, damaged or unreadable."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class HostCoverage:
    """What can be seen of one host: logons, processes. False is a blind spot, not a clean bill."""

    host: str
    logons: bool
    processes: bool


@dataclass(frozen=True, slots=True)
class Coverage:
    """What was looked at and what could not be seen."""

    sources: tuple[SourceCoverage, ...] = ()
    rejected: tuple[RejectedCount, ...] = ()
    unread: tuple[UnreadFile, ...] = ()
    hosts: tuple[HostCoverage, ...] = ()
    silent: tuple[str, ...] = ()  # hosts and networks that are declared to log nothing


@dataclass(frozen=True, slots=True)
class ProviderPart:
    """One provider. `agreement` names what it is held to, empty where there is nothing to hold it to; `reference` is where the
    contract is found, as the agreement says, if it does."""

    id: str
    name: str
    agreement: str = ""
    reference: str = ""


@dataclass(frozen=True, slots=True)
class ReportModel:
    """One report. All times are aware; `zone` is the IANA zone in which they are shown.

    `since` and `until` bound the period that was asked for, None where it was open. `evidence` is a sentence on
    the state of the ledger (its head, when it was last verified), empty if nothing is known.
    `held` hits of rules make no finding because of `exceptions` that the organisation wrote.
    """

    organisation: str
    generated: datetime
    zone: str
    since: datetime | None
    until: datetime | None
    providers: tuple[ProviderPart, ...]
    visits: tuple[Visit, ...]
    findings: tuple[Finding, ...]
    coverage: Coverage = Coverage()
    evidence: str = ""
    warnings: tuple[str, ...] = ()
    version: str = ""
    held: int = 0
    exceptions: int = 0
