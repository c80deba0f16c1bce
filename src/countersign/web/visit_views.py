"""Visits as the template shows them: tree, deeds, verdicts, drawings."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from countersign.model.report import ProviderPart
from countersign.model.visible import counted, program, visible, volume_words
from countersign.model.visit import Action, Verdict, Visit
from countersign.web.finding_views import UNKNOWN_SIGN, FindingView
from countersign.web.graph import Graph, draw_graph
from countersign.web.limits import LONG, MAX_ACTIONS, MAX_DEPTH, MAX_FINDINGS, MAX_HOPS, MAX_VERDICTS
from countersign.web.story import Story, TreeHop, in_order, tell
from countersign.web.timeline import Timeline, draw
from countersign.web.times import Moment, clock_text, day_text, end_text, moment, span_text
from countersign.web.words import LINKS, NEEDS_A_PERSON, SEVERITY_SIGNS, VERDICTS, Sign


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
    volume: str


@dataclass(frozen=True, slots=True)
class ActionRow:
    """Something done; `by` is the program that started it, empty where it is not known."""

    time: Moment
    clock: str
    host: str
    kind: str
    text: str
    by: str


@dataclass(frozen=True, slots=True)
class VerdictRow:
    """A clause and what the logs say of it."""

    sign: Sign
    clause: str
    why: str
    missing: str
    records: int


@dataclass(frozen=True, slots=True)
class RevisionRow:
    """What a later review changed."""

    time: Moment
    text: str


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
    revisions: tuple[RevisionRow, ...]
    findings: tuple[FindingView, ...]


def visit_view(
    visit: Visit, part: ProviderPart, findings: Sequence[FindingView], anchor: str, zone: ZoneInfo
) -> VisitView:
    """One visit told in full."""
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
        revisions=tuple(
            RevisionRow(moment(one.time, zone), visible(f"{one.kind}: {one.text}", LONG))
            for one in visit.revisions
        ),
        findings=tuple(findings[:MAX_FINDINGS]),
    )


def visit_order(visit: Visit) -> tuple[float, str]:
    """Sorts visits in time."""
    known = visit.start or visit.end
    return (known.timestamp() if known else 0.0, visit.id)


def _day(visit: Visit, zone: ZoneInfo) -> str:
    known = visit.start or visit.end
    if known is None:
        return "At a time not known"
    local = known.astimezone(zone)
    return f"{'' if visit.start else 'Begin not seen, until '}{day_text(local)}, {local:%H:%M}"


def _badge(grave: int, all_: int) -> str:
    if grave:
        return f"{SEVERITY_SIGNS['high'].symbol} needs a person"
    return f"{SEVERITY_SIGNS['low'].symbol} {counted(all_, 'finding')} to note" if all_ else "nothing found"


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
        volume=volume_words(hop.target, hop.bytes_in, hop.bytes_out, hop.bytes_left),
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
        visible(program(action.parent), LONG),
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
