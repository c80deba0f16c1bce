"""The report's model turned into what the template shows: chosen, ordered, counted and capped.

A page stays readable, and of bounded size, whatever the number of visits: those with findings are told
first, then the latest, up to `MAX_VISITS`; all are counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from countersign.model.report import OUTSIDE, ProviderPart, ReportModel, SourceCoverage
from countersign.model.visible import visible
from countersign.model.visit import Action, Finding, Verdict, Visit
from countersign.web.graph import Graph, draw_graph
from countersign.web.story import Story, TreeHop, in_order, tell
from countersign.web.timeline import Timeline, draw
from countersign.web.times import Moment, clock_text, day_text, end_text, moment, plural, span_text
from countersign.web.words import LINKS, NEEDS_A_PERSON, SEVERITY_SIGNS, VERDICTS, Sign, severity_rank

MAX_VISITS = 120
MAX_PROVIDERS = 40
MAX_HOPS = 60
MAX_ACTIONS = 60
MAX_ESTATE = 50
"""Findings outside of visits: a short list, for they are no provider's."""
MAX_FINDINGS = 200
MAX_EVIDENCE = 12
MAX_VERDICTS = 60
MAX_DEPTH = 8
MAX_HOSTS = 6
MAX_ALSO = 6
LONG = 600
"""Characters of a command line or sentence before it is cut; the whole record is in the archive."""
UNKNOWN_SIGN = Sign("?", "unknown", "")


@dataclass(frozen=True, slots=True)
class HopRow:
    """A hop as a row of the tree."""

    depth: int
    way: str
    account: str
    source: str
    target: str
    begin: Moment
    end: str
    lasted: str
    link: Sign
    reason: str
    seen: str
    unseen: tuple[str, ...]
    switch: bool
    records: int
    clock: str


@dataclass(frozen=True, slots=True)
class ActionRow:
    """Something done."""

    time: Moment
    clock: str
    host: str
    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class VerdictRow:
    """A clause and what the logs say of it."""

    sign: Sign
    clause: str
    why: str
    missing: str
    records: int


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


@dataclass(frozen=True, slots=True)
class VisitView:
    """One visit told in full."""

    visit: Visit
    anchor: str
    heading: str
    badge: str
    grave: bool
    story: Story
    timeline: Timeline | None
    graph: Graph | None
    hops: tuple[HopRow, ...]
    more_hops: int
    verdicts: tuple[VerdictRow, ...]
    actions: tuple[ActionRow, ...]
    more_actions: int
    findings: tuple[FindingView, ...]


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
    order = sorted(model.findings, key=lambda f: (-severity_rank(f.severity), *_finding_order(f)))
    findings = [_finding(f, number, names, anchors, zone) for number, f in enumerate(order, 1)]
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
        _provider(part, number, model, told, of_visit, anchors, zone) for number, part in enumerate(parts, 1)
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


def _finding_order(finding: Finding) -> tuple[float, str]:
    return (finding.time.timestamp() if finding.time else 0.0, finding.id)


def _visit_order(visit: Visit) -> tuple[float, str]:
    known = visit.start or visit.end
    return (known.timestamp() if known else 0.0, visit.id)


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
    chosen = sorted(model.visits, key=_visit_order, reverse=True)
    chosen.sort(key=lambda visit: -worst.get(visit.id, -1))
    return sorted(chosen[:MAX_VISITS], key=_visit_order)


def _headline(model: ReportModel, views: Sequence[ProviderView]) -> str:
    if not model.visits:
        return "No visit of a provider was seen in this period."
    came = sum(view.visits > 0 for view in views)
    return f"{plural(len(model.visits), 'visit')} by {plural(came, 'provider')}."


def _attention(model: ReportModel) -> str:
    grave = [f for f in model.findings if f.severity in NEEDS_A_PERSON]
    if not grave:
        if model.warnings:
            return "Nothing else was found; but read the warning first: what was not checked cannot be clean."
        return "Nothing here needs a person today. What could not be seen is listed below."
    visits = {f.visit for f in grave if f.visit is not None}
    outside = sum(f.visit is None for f in grave)
    parts = [plural(len(visits), "visit")] if visits else []
    if outside:
        parts.append(f"{plural(outside, 'finding')} outside of visits")
    verb = "needs" if len(visits) + outside == 1 else "need"
    of_which = f" ({plural(len(grave), 'finding')})" if visits else ""
    return f"{' and '.join(parts)} {verb} a person to look{of_which}."


def _finding(
    finding: Finding, number: int, names: Mapping[str, str], anchors: Mapping[str, str], zone: ZoneInfo
) -> FindingView:
    return FindingView(
        finding=finding,
        anchor=f"finding-{number}",
        sign=SEVERITY_SIGNS.get(finding.severity, UNKNOWN_SIGN),
        time=moment(finding.time, zone),
        title=visible(finding.title, 200),
        why=visible(finding.why, LONG),
        reason=visible(_reason(finding), LONG),
        also=_some([visible(f"{one.title} ({one.severity})", 120) for one in finding.also], MAX_ALSO),
        hosts=_some([visible(host, 60) for host in finding.hosts], MAX_HOSTS),
        provider=names.get(finding.provider, finding.provider),
        visit=anchors.get(finding.visit or "", ""),
        more_evidence=max(0, len(finding.evidence) - MAX_EVIDENCE),
    )


def _reason(finding: Finding) -> str:
    """Why, without what the part of the estate says of all its rows."""
    where, _, reason = finding.why.partition(": ")
    return reason if reason and where.startswith(OUTSIDE) else finding.why


def _provider(
    part: ProviderPart,
    number: int,
    model: ReportModel,
    told: Sequence[Visit],
    findings: Mapping[str, Sequence[FindingView]],
    anchors: Mapping[str, str],
    zone: ZoneInfo,
) -> ProviderView:
    visits = sorted((v for v in model.visits if v.provider == part.id), key=_visit_order)
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
        told=tuple(_visit(v, part, findings.get(v.id, ()), anchors[v.id], zone) for v in shown),
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


def _visit(
    visit: Visit, part: ProviderPart, findings: Sequence[FindingView], anchor: str, zone: ZoneInfo
) -> VisitView:
    grave = sum(view.finding.severity in NEEDS_A_PERSON for view in findings)
    tree = in_order(visit)
    rows = tuple(_hop_row(item, zone) for item in tree[:MAX_HOPS])
    deeds = _distinct((action, item.hop.target) for item in tree for action in item.hop.actions)
    who = visible(visit.person, 80) or "Somebody"
    return VisitView(
        visit=visit,
        anchor=anchor,
        heading=f"{_day(visit, zone)}: {who}{' (service)' if visit.kind == 'service' else ''}",
        badge=_badge(grave, len(findings)),
        grave=grave > 0,
        story=tell(visit, part.name or part.id, zone),
        timeline=draw([visit], [view.finding for view in findings], zone, f"Visit of {who}", labels=True),
        graph=draw_graph(visit, f"Where {who} went"),
        hops=rows,
        more_hops=len(tree) - len(rows),
        verdicts=_verdict_rows(visit.verdicts),
        actions=tuple(_action(action, host, zone) for action, host in deeds[:MAX_ACTIONS]),
        more_actions=max(0, len(deeds) - MAX_ACTIONS),
        findings=tuple(findings[:MAX_FINDINGS]),
    )


def _day(visit: Visit, zone: ZoneInfo) -> str:
    known = visit.start or visit.end
    if known is None:
        return "At a time not known"
    local = known.astimezone(zone)
    return f"{'' if visit.start else 'Begin not seen, until '}{day_text(local)}, {local:%H:%M}"


def _badge(grave: int, all_: int) -> str:
    if grave:
        return f"{SEVERITY_SIGNS['high'].symbol} needs a person"
    return f"{SEVERITY_SIGNS['low'].symbol} {plural(all_, 'finding')} to note" if all_ else "nothing found"


def _hop_row(item: TreeHop, zone: ZoneInfo) -> HopRow:
    hop = item.hop
    return HopRow(
        depth=min(item.depth, MAX_DEPTH),
        way=hop.protocol,
        account=hop.account,
        source=hop.source or hop.source_ip or "not known",
        target=hop.target,
        begin=moment(hop.start, zone, unknown="begin not seen"),
        end=end_text(hop.start, hop.end, zone),
        lasted=span_text(hop.start, hop.end),
        link=LINKS.get(hop.link.kind, UNKNOWN_SIGN),
        reason=visible(hop.link.reason, LONG),
        seen=", ".join(hop.seen_by) or "nobody",
        unseen=tuple(point for point in hop.expected_by if point not in hop.seen_by),
        switch=hop.credential_switch,
        records=len(hop.records),
        clock=_clock(hop.clock_ahead),
    )


def _clock(ahead: float) -> str:
    if not ahead:
        return ""
    return f"as its clock said, which was {abs(ahead):,.0f} s {'ahead' if ahead > 0 else 'behind'}"


def _distinct(deeds: Iterable[tuple[Action, str]]) -> list[tuple[Action, str]]:
    """In time; the same deed told by two logs in the same second (4688 and Sysmon 1) once."""
    shown: dict[tuple[datetime, str, str, str], tuple[Action, str]] = {}
    for action, host in sorted(deeds, key=lambda deed: (deed[0].time, deed[0].reference)):
        key = (action.time.replace(microsecond=0), host, action.kind, action.text)
        shown.setdefault(key, (action, host))
    return list(shown.values())


def _action(action: Action, host: str, zone: ZoneInfo) -> ActionRow:
    return ActionRow(
        moment(action.time, zone),
        clock_text(action.time, zone),
        host,
        action.kind,
        visible(action.text, LONG),
    )


def _verdict_rows(verdicts: Sequence[Verdict]) -> tuple[VerdictRow, ...]:
    order = list(VERDICTS)
    rows = [
        VerdictRow(
            VERDICTS.get(v.verdict, UNKNOWN_SIGN),
            v.clause,
            visible(v.why, LONG),
            visible(v.missing, LONG),
            len(v.records),
        )
        for v in sorted(
            verdicts, key=lambda v: (order.index(v.verdict) if v.verdict in order else 9, v.clause)
        )
    ]
    return tuple(rows[:MAX_VERDICTS])


def _blind(model: ReportModel) -> tuple[str, ...]:
    """What could not be seen, in sentences."""
    hosts = model.coverage.hosts
    silent = [visible(host.host, 60) for host in hosts if not host.logons]
    mute = [visible(host.host, 60) for host in hosts if host.logons and not host.processes]
    out = []
    if silent:
        out.append(
            f"No logons are logged on {_some(silent)}: who came there is known only from other places."
        )
    if mute:
        out.append(f"No processes are logged on {_some(mute)}: what was done there cannot be seen.")
    rejected = sum(count.records for count in model.coverage.rejected)
    if rejected:
        out.append(f"{plural(rejected, 'record')} could not be understood; the reasons are below.")
    if model.held:
        out.append(
            f"{plural(model.held, 'hit')} of rules {'is' if model.held == 1 else 'are'} held back by "
            f"{plural(model.exceptions, 'exception')} that the organisation wrote, and {'is' if model.held == 1 else 'are'} "
            "not told here."
        )
    if model.coverage.unread:
        count = len(model.coverage.unread)
        them = "it" if count == 1 else "them"
        out.append(
            f"{plural(count, 'file')} could not be read or recognised: nothing in {them} was looked at."
        )
    return tuple(out)


def _some(names: Sequence[str], limit: int = 12) -> str:
    return ", ".join(names[:limit]) + (f" and {len(names) - limit:,} more" if len(names) > limit else "")
