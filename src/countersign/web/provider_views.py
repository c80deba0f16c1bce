"""Providers as the template shows them, counted over all their visits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from countersign.model.report import ProviderPart, ReportModel
from countersign.model.visible import visible
from countersign.model.visit import Visit
from countersign.web.finding_views import FindingView
from countersign.web.limits import MAX_PROVIDERS, MAX_VERDICTS
from countersign.web.timeline import Timeline, draw
from countersign.web.visit_views import VisitView, visit_order, visit_view
from countersign.web.words import NEEDS_A_PERSON


@dataclass(frozen=True, slots=True)
class ClauseRow:
    """A clause over all visits of a provider."""

    clause: str
    broken: int
    unobserved: int
    kept: int


@dataclass(frozen=True, slots=True)
class ProviderView:
    """A provider, counted over all its visits, with those of them that are told."""

    part: ProviderPart
    anchor: str
    visits: int
    services: int
    people: int
    grave: int
    noted: int
    clauses: tuple[ClauseRow, ...]
    overview: Timeline | None
    told: tuple[VisitView, ...]
    untold: int


def provider_view(
    part: ProviderPart,
    number: int,
    model: ReportModel,
    told: Sequence[Visit],
    findings: Mapping[str, Sequence[FindingView]],
    anchors: Mapping[str, str],
    zone: ZoneInfo,
) -> ProviderView:
    """A provider with those of its visits that are told."""
    visits = sorted((v for v in model.visits if v.provider == part.id), key=visit_order)
    mine = [view.finding for visit in visits for view in findings.get(visit.id, ())]
    grave = {f.visit for f in mine if f.severity in NEEDS_A_PERSON}
    noted = {f.visit for f in mine} - grave
    shown = [visit for visit in told if visit.provider == part.id] if number <= MAX_PROVIDERS else []
    title = f"All visits of {visible(part.name or part.id, 80)}"
    drawn = number <= MAX_PROVIDERS and len(visits) > 0
    return ProviderView(
        part=part,
        anchor=f"provider-{number}",
        visits=len(visits),
        services=sum(visit.kind == "service" for visit in visits),
        people=len({visit.person for visit in visits if visit.kind == "person"}),
        grave=len(grave),
        noted=len(noted),
        clauses=_clauses(visits),
        overview=draw(visits, mine, zone, title, labels=False) if drawn else None,
        told=tuple(visit_view(v, part, findings.get(v.id, ()), anchors[v.id], zone) for v in shown),
        untold=len(visits) - len(shown),
    )


def _clauses(visits: Iterable[Visit]) -> tuple[ClauseRow, ...]:
    counts: dict[str, Counter[str]] = {}
    for visit in visits:
        for verdict in visit.verdicts:
            counts.setdefault(verdict.clause, Counter())[verdict.verdict] += 1
    rows = [ClauseRow(name, c["broken"], c["not observed"], c["kept"]) for name, c in counts.items()]
    rows.sort(key=lambda row: (-row.broken, -row.unobserved, row.clause))
    return tuple(rows[:MAX_VERDICTS])
