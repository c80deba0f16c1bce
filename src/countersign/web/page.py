"""The report's model turned into what the template shows: chosen, ordered, counted and capped.

A page stays readable, and of bounded size, whatever the number of visits: those with findings are told
first, then the latest, up to `MAX_VISITS`; all are counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from countersign.model.report import ProviderPart, ReportModel, SourceCoverage
from countersign.model.visible import counted, visible
from countersign.model.visit import Visit
from countersign.web.finding_views import FindingView, finding_order, finding_view, some_of
from countersign.web.limits import MAX_ESTATE, MAX_FINDINGS, MAX_PROVIDERS, MAX_VISITS
from countersign.web.provider_views import ProviderView, provider_view
from countersign.web.times import Moment, moment
from countersign.web.visit_views import visit_order
from countersign.web.words import NEEDS_A_PERSON, severity_rank


@dataclass(frozen=True, slots=True)
class Page:
    """Everything the template needs."""

    model: ReportModel
    generated: Moment
    since: Moment
    until: Moment
    headline: str
    attention: str
    warnings: tuple[str, ...]
    urgent: tuple[FindingView, ...]
    more_urgent: int
    providers: tuple[ProviderView, ...]
    more_providers: tuple[ProviderView, ...]
    loose: tuple[FindingView, ...]
    more_loose: int
    estate: tuple[FindingView, ...]
    more_estate: int
    sources: tuple[tuple[SourceCoverage, Moment, Moment], ...]
    blind: tuple[str, ...]


def make_page(model: ReportModel) -> Page:
    """The page of a report."""
    zone = ZoneInfo(model.zone)
    parts = _parts(model)
    told = _told(model)
    anchors = {visit.id: f"visit-{number}" for number, visit in enumerate(told, 1)}
    names = {part.id: part.name or part.id for part in parts}
    order = sorted(model.findings, key=lambda f: (-severity_rank(f.severity), *finding_order(f)))
    findings = [finding_view(f, number, names, anchors, zone) for number, f in enumerate(order, 1)]
    estate = [view for view in findings if view.finding.scope == "estate"]
    urgent = [
        view
        for view in findings
        if view.finding.severity in NEEDS_A_PERSON and view.finding.scope == "provider"
    ]
    loose = [view for view in findings if not view.visit and view.finding.scope == "provider"]
    of_visit: dict[str, list[FindingView]] = {}
    for view in findings:
        if view.finding.visit is not None:
            of_visit.setdefault(view.finding.visit, []).append(view)
    views = [
        provider_view(part, number, model, told, of_visit, anchors, zone)
        for number, part in enumerate(parts, 1)
    ]
    return Page(
        model=model,
        generated=moment(model.generated, zone),
        since=moment(model.since, zone, unknown="the first record"),
        until=moment(model.until, zone, unknown="the last record"),
        headline=_headline(model, views),
        attention=_attention(model),
        warnings=model.warnings,
        urgent=tuple(urgent[:MAX_FINDINGS]),
        more_urgent=max(0, len(urgent) - MAX_FINDINGS),
        providers=tuple(views[:MAX_PROVIDERS]),
        more_providers=tuple(views[MAX_PROVIDERS:]),
        loose=tuple(loose[:MAX_FINDINGS]),
        more_loose=max(0, len(loose) - MAX_FINDINGS),
        estate=tuple(estate[:MAX_ESTATE]),
        more_estate=max(0, len(estate) - MAX_ESTATE),
        sources=tuple((s, moment(s.first, zone), moment(s.last, zone)) for s in model.coverage.sources),
        blind=_blind(model),
    )


def _parts(model: ReportModel) -> list[ProviderPart]:
    """Providers as given, then those that only visits name."""
    parts = {part.id: part for part in model.providers}
    for visit in sorted(model.visits, key=lambda visit: visit.provider):
        parts.setdefault(visit.provider, ProviderPart(visit.provider, visit.provider))
    return list(parts.values())


def _told(model: ReportModel) -> list[Visit]:
    """The visits that are told one by one, in the order of time."""
    worst: dict[str, int] = {}
    for finding in model.findings:
        if finding.visit is not None:
            worst[finding.visit] = max(worst.get(finding.visit, 0), severity_rank(finding.severity))
    chosen = sorted(model.visits, key=visit_order, reverse=True)
    chosen.sort(key=lambda visit: -worst.get(visit.id, -1))
    return sorted(chosen[:MAX_VISITS], key=visit_order)


def _headline(model: ReportModel, views: Sequence[ProviderView]) -> str:
    if not model.visits:
        return "No visit of a provider was seen in this period."
    came = sum(view.visits > 0 for view in views)
    return f"{counted(len(model.visits), 'visit')} by {counted(came, 'provider')}."


def _attention(model: ReportModel) -> str:
    grave = [f for f in model.findings if f.severity in NEEDS_A_PERSON]
    if not grave:
        if model.warnings:
            return "Nothing else was found; but read the warning first: what was not checked cannot be clean."
        return "Nothing here needs a person today. What could not be seen is listed below."
    visits = {f.visit for f in grave if f.visit is not None}
    outside = sum(f.visit is None for f in grave)
    parts = [counted(len(visits), "visit")] if visits else []
    if outside:
        parts.append(f"{counted(outside, 'finding')} outside of visits")
    verb = "needs" if len(visits) + outside == 1 else "need"
    of_which = f" ({counted(len(grave), 'finding')})" if visits else ""
    return f"{' and '.join(parts)} {verb} a person to look{of_which}."


def _blind(model: ReportModel) -> tuple[str, ...]:
    """What could not be seen, in sentences."""
    hosts = model.coverage.hosts
    silent = [visible(host.host, 60) for host in hosts if not host.logons]
    mute = [visible(host.host, 60) for host in hosts if host.logons and not host.processes]
    out = []
    if silent:
        out.append(
            f"No logons are logged on {some_of(silent)}: who came there is known only from other places."
        )
    if mute:
        out.append(f"No processes are logged on {some_of(mute)}: what was done there cannot be seen.")
    if model.coverage.silent:
        declared = some_of([visible(host, 60) for host in model.coverage.silent])
        out.append(
            f"Declared to log nothing: {declared}. What happens there is known only from other places."
        )
    rejected = sum(count.records for count in model.coverage.rejected)
    if rejected:
        out.append(f"{counted(rejected, 'record')} could not be understood; the reasons are below.")
    if model.held:
        out.append(
            f"{counted(model.held, 'hit')} of rules {'is' if model.held == 1 else 'are'} held back by "
            f"{counted(model.exceptions, 'exception')} that the organisation wrote, and {'is' if model.held == 1 else 'are'} "
            "not told here."
        )
    if model.coverage.unread:
        count = len(model.coverage.unread)
        them = "it" if count == 1 else "them"
        out.append(
            f"{counted(count, 'file')} could not be read or recognised: nothing in {them} was looked at."
        )
    return tuple(out)
