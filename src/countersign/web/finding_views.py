"""Findings as the template shows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from countersign.model.report import OUTSIDE
from countersign.model.visible import visible
from countersign.model.visit import Finding
from countersign.web.limits import LONG, MAX_ALSO, MAX_EVIDENCE, MAX_HOSTS
from countersign.web.times import Moment, moment
from countersign.web.words import SEVERITY_SIGNS, Sign

UNKNOWN_SIGN = Sign("?", "unknown", "")


@dataclass(frozen=True, slots=True)
class FindingView:
    """A finding with its evidence, the latter up to a bound."""

    finding: Finding
    anchor: str
    sign: Sign
    time: Moment
    title: str
    why: str
    reason: str
    also: str
    hosts: str
    provider: str
    visit: str
    more_evidence: int


def finding_view(
    finding: Finding, number: int, names: Mapping[str, str], anchors: Mapping[str, str], zone: ZoneInfo
) -> FindingView:
    """One finding, with the anchor of its visit if that is told."""
    return FindingView(
        finding=finding,
        anchor=f"finding-{number}",
        sign=SEVERITY_SIGNS.get(finding.severity, UNKNOWN_SIGN),
        time=moment(finding.time, zone),
        title=visible(finding.title, 200),
        why=visible(finding.why, LONG),
        reason=visible(_reason(finding), LONG),
        also=some_of([visible(f"{one.title} ({one.severity})", 120) for one in finding.also], MAX_ALSO),
        hosts=some_of([visible(host, 60) for host in finding.hosts], MAX_HOSTS),
        provider=names.get(finding.provider, finding.provider),
        visit=anchors.get(finding.visit or "", ""),
        more_evidence=max(0, len(finding.evidence) - MAX_EVIDENCE),
    )


def _reason(finding: Finding) -> str:
    """Why, without what the part of the estate says of all its rows."""
    where, _, reason = finding.why.partition(": ")
    return reason if reason and where.startswith(OUTSIDE) else finding.why


def finding_order(finding: Finding) -> tuple[float, str]:
    """Sorts findings in time."""
    return (finding.time.timestamp() if finding.time else 0.0, finding.id)


def some_of(names: Sequence[str], limit: int = 12) -> str:
    """The first of some names, and how many more there are."""
    return ", ".join(names[:limit]) + (f" and {len(names) - limit:,} more" if len(names) > limit else "")
