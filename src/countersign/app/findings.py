"""Findings: a broken clause, a rule that fired, a credential switch, each explained and with its evidence."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime

from countersign.app.documents import COMPLIANCE_FINDING, DETECTION_FINDING
from countersign.model.identity import keyed_id
from countersign.model.visit import SEVERITIES, Finding, Hop, Reference, Severity, Visit
from countersign.rules import Rule

SWITCH = "credential-switch"
"""Rule id of our finding that an account changed along a link to one that is not the person's."""
MAX_EVIDENCE = 50
"""References a finding carries; the count in its text says how many there were."""
_LEVELS: dict[str, Severity] = {level: level for level in SEVERITIES}


@dataclass(frozen=True, slots=True)
class Hit:
    """A rule that matched an event."""

    rule: Rule
    time: datetime | None
    host: str
    reference: Reference


def clause_findings(
    visit: Visit, severity_of: Callable[[str], Severity], cites_of: Callable[[str], tuple[str, ...]]
) -> list[Finding]:
    """One compliance finding for each broken clause of `visit`."""
    hops = {hop.id: hop for hop in visit.hops}
    out = []
    for verdict in visit.verdicts:
        if verdict.verdict != "broken":
            continue
        concerned = [hops[id_] for id_ in verdict.hops if id_ in hops] or [hops[visit.entry]]
        id_, aliases = _ids(visit, verdict.clause)
        out.append(
            Finding(
                id=id_,
                aliases=aliases,
                time=_first(concerned, visit),
                title=f"{visit.person} of {visit.provider} broke {verdict.clause}",
                severity=severity_of(verdict.clause),
                kind="clause",
                class_uid=COMPLIANCE_FINDING,
                rule_id=verdict.clause,
                provider=visit.provider,
                visit=visit.id,
                hosts=tuple(sorted({hop.target for hop in concerned})),
                techniques=("T1199",),
                cites=cites_of(verdict.clause),
                why=verdict.why,
                evidence=(verdict.records or concerned[0].records)[:MAX_EVIDENCE],
            )
        )
    return out


def _first(hops: Iterable[Hop], visit: Visit) -> datetime | None:
    starts = [hop.start for hop in hops if hop.start is not None]
    return min(starts) if starts else began(visit)


def began(visit: Visit) -> datetime | None:
    """When the visit is first seen: its start, or its first dated deed or hop where the start is unknown."""
    if visit.start is not None:
        return visit.start
    times = [action.time for hop in visit.hops for action in hop.actions]
    times += [hop.start for hop in visit.hops if hop.start is not None]
    times += [hop.end for hop in visit.hops if hop.end is not None]
    return min(times) if times else None


def switch_findings(visit: Visit) -> list[Finding]:
    """One detection finding for each account that is not the person's own, however many hops it made."""
    grouped: dict[str, list[Hop]] = defaultdict(list)
    for hop in visit.hops:
        if hop.credential_switch:
            grouped[hop.account].append(hop)
    out = []
    for account, hops in sorted(grouped.items()):
        parent = next((hop.account for hop in visit.hops if hop.id == hops[0].parent), visit.person)
        places = sorted({hop.target for hop in hops})
        id_, aliases = _ids(visit, SWITCH, account.casefold())
        out.append(
            Finding(
                id=id_,
                aliases=aliases,
                time=_first(hops, visit),
                title=f"Credential switch to {account}",
                severity="medium",
                kind="hop",
                class_uid=DETECTION_FINDING,
                rule_id=SWITCH,
                provider=visit.provider,
                visit=visit.id,
                hosts=tuple(places),
                techniques=("T1078", "T1550"),
                cites=("TA18-276A/ENG-08", "TA18-276A/PRS-09"),
                why=f"{visit.person} came as {parent} and went on to {', '.join(places)} as {account}, an account "
                f"that the agreement does not list for this person: {hops[0].link.reason}.",
                evidence=tuple(reference for hop in hops for reference in hop.records)[:MAX_EVIDENCE],
            )
        )
    return out


@dataclass(slots=True)
class _Group:
    """Hits of one rule at one place: how many, and the first ones of them, whatever order they came in."""

    visit: Visit | None
    count: int = 0
    hits: list[Hit] = field(default_factory=list)

    def add(self, hit: Hit) -> None:
        self.count += 1
        self.hits.append(hit)
        if len(self.hits) > 4 * MAX_EVIDENCE:
            self.hits = _sorted(self.hits)[:MAX_EVIDENCE]

    @property
    def first(self) -> list[Hit]:
        return _sorted(self.hits)[:MAX_EVIDENCE]


def rule_findings(visits: Iterable[Visit], hits: Iterable[Hit]) -> list[Finding]:
    """Hits inside a visit: one finding a visit and rule; outside: one a rule and host and day, of no provider.

    Memory grows with the number of findings, not of hits.
    """
    homes: dict[str, Visit] = {}
    for visit in visits:
        for hop in visit.hops:
            for reference in (*hop.records, *(action.reference for action in hop.actions)):
                homes[reference.event] = visit
    groups: dict[tuple[str, ...], _Group] = {}
    for hit in hits:
        home = homes.get(hit.reference.event)
        if home is not None:
            key: tuple[str, ...] = (home.id, hit.rule.id)
        else:
            day = hit.time.date().isoformat() if hit.time else "undated"
            key = ("estate", hit.rule.id, hit.host.casefold(), day)
        groups.setdefault(key, _Group(home)).add(hit)
    return [
        _inside(group.visit, group) if group.visit else _outside(key, group) for key, group in groups.items()
    ]


def _sorted(group: list[Hit]) -> list[Hit]:
    return sorted(group, key=lambda hit: (hit.time is None, hit.time, hit.reference))


def _ids(visit: Visit, *parts: str) -> tuple[str, tuple[str, ...]]:
    """Id of a finding of `visit`, and the ids it had while the visit had another."""
    return keyed_id("finding", visit.id, *parts), tuple(
        keyed_id("finding", old, *parts) for old in visit.aliases
    )


def _inside(visit: Visit, group: _Group) -> Finding:
    hits = group.first
    rule, deed = hits[0].rule, _deed(visit, hits[0].reference.event)
    id_, aliases = _ids(visit, rule.id)
    return replace(
        _finding(id_, hits),
        provider=visit.provider,
        visit=visit.id,
        why=f"During the visit of {visit.person}{deed}: {_sentence(rule)}{_times(group)}",
        aliases=aliases,
    )


def _times(group: _Group) -> str:
    return "" if group.count == 1 else f" ({group.count:,} records)"


def _deed(visit: Visit, event: str) -> str:
    for hop in visit.hops:
        for action in hop.actions:
            if action.reference.event == event:
                return f", as {hop.account} on {hop.target}, '{action.text[:200]}'"
    return ""


def _outside(key: tuple[str, ...], group: _Group) -> Finding:
    hits = group.first
    place = hits[0].host or "an unnamed host"
    return replace(
        _finding(keyed_id("finding", *key), hits),
        why=f"Outside any provider's visit, on {place}: {_sentence(hits[0].rule)}{_times(group)}",
    )


def _sentence(rule: Rule) -> str:
    return " ".join(rule.description.split()) or rule.title


def _finding(id_: str, hits: list[Hit]) -> Finding:
    rule = hits[0].rule
    return Finding(
        id=id_,
        time=hits[0].time,
        title=rule.title,
        severity=_LEVELS.get(rule.level, "low"),
        kind="rule",
        class_uid=DETECTION_FINDING,
        rule_id=rule.id,
        provider="",
        visit=None,
        hosts=tuple(sorted({hit.host for hit in hits if hit.host})),
        techniques=rule.techniques,
        cites=rule.cites,
        why="",
        evidence=tuple(hit.reference for hit in hits[:MAX_EVIDENCE]),
    )


def with_findings(visits: Iterable[Visit], findings: Iterable[Finding]) -> tuple[Visit, ...]:
    """The visits with the ids of their findings, most severe first."""
    by_visit: dict[str, list[Finding]] = defaultdict(list)
    for finding in findings:
        if finding.visit is not None:
            by_visit[finding.visit].append(finding)
    return tuple(
        replace(visit, findings=tuple(f.id for f in sorted(by_visit[visit.id], key=rank))) for visit in visits
    )


def rank(finding: Finding) -> tuple[int, str, str]:
    """Sorts findings for a person: most severe first, then in time."""
    return (-SEVERITIES.index(finding.severity), finding.time.isoformat() if finding.time else "", finding.id)
