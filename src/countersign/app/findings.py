"""Findings of visits themselves: a broken clause, a credential switch, an arrival that its host did not log; each explained and
with its evidence."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable
from dataclasses import replace
from datetime import datetime

from countersign.app.documents import COMPLIANCE_FINDING, DETECTION_FINDING
from countersign.app.enriching import is_silent
from countersign.app.hits import MAX_EVIDENCE
from countersign.model.identity import keyed_id
from countersign.model.visit import SEVERITIES, Finding, Hop, Severity, Visit

TARGET_HOST, SOURCE_HOST = "target host", "source host"
"""Vantage points, as `Hop.seen_by` names them."""
SWITCH = "credential-switch"
"""Rule id of our finding that an account changed along a link to one that is not the person's."""

UNLOGGED = "unlogged-arrival"
"""Rule id of our finding that others saw an arrival which the host that it led to did not log."""


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
        id_, aliases = ids_of(visit, verdict.clause)
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


def switch_findings(visit: Visit, granted: Collection[str] = ()) -> list[Finding]:
    """One detection finding for each account that is neither the person's own nor (by hop, `granted`) one that they may switch to, however
    many hops it made."""
    grouped: dict[str, list[Hop]] = defaultdict(list)
    for hop in visit.hops:
        if hop.credential_switch and hop.id not in granted:
            grouped[hop.account].append(hop)
    out = []
    for account, hops in sorted(grouped.items()):
        parent = next((hop.account for hop in visit.hops if hop.id == hops[0].parent), visit.person)
        places = sorted({hop.target for hop in hops})
        out.append(
            _hops_finding(
                visit,
                (SWITCH, account.casefold()),
                hops,
                title=f"Credential switch to {account}",
                severity="medium",
                hosts=tuple(places),
                techniques=("T1078", "T1550"),
                cites=("TA18-276A/ENG-08", "TA18-276A/PRS-09"),
                why=f"{visit.person} came as {parent} and went on to {', '.join(places)} as {account}, an account "
                f"that the agreement does not list for this person: {hops[0].link.reason}.",
            )
        )
    return out


def unlogged_findings(visit: Visit) -> list[Finding]:
    """One detection finding for each host that did not log an arrival which others saw, and that logs such things otherwise."""
    grouped: dict[str, list[Hop]] = defaultdict(list)
    for hop in visit.hops:
        others = set(hop.seen_by) - {TARGET_HOST}
        if hop.target and TARGET_HOST in hop.expected_by and TARGET_HOST not in hop.seen_by and others:
            grouped[hop.target].append(hop)
    out = []
    for host, hops in sorted(grouped.items()):
        cleared = any(deed.kind == "log" for hop in visit.hops if hop.target == host for deed in hop.actions)
        out.append(
            _hops_finding(
                visit,
                (UNLOGGED, host.casefold()),
                hops,
                title=f"{host} did not log an arrival that others saw",
                severity="medium" if cleared else "low",
                hosts=(host,),
                techniques=("T1562.002",),
                cites=("TA18-276A/PRS-07", "TA18-276B/DET-01", "LOTL24/DET-19"),
                why=_unlogged_words(host, hops, cleared=cleared),
            )
        )
    return out


def _hops_finding(
    visit: Visit,
    key: tuple[str, str],
    hops: list[Hop],
    *,
    title: str,
    severity: Severity,
    hosts: tuple[str, ...],
    techniques: tuple[str, ...],
    cites: tuple[str, ...],
    why: str,
) -> Finding:
    """A detection finding on hops of one visit; `key` is its rule and what it is about."""
    id_, aliases = ids_of(visit, *key)
    return Finding(
        id=id_,
        aliases=aliases,
        time=_first(hops, visit),
        title=title,
        severity=severity,
        kind="hop",
        class_uid=DETECTION_FINDING,
        rule_id=key[0],
        provider=visit.provider,
        visit=visit.id,
        hosts=hosts,
        techniques=techniques,
        cites=cites,
        why=why,
        evidence=tuple(reference for hop in hops for reference in hop.records)[:MAX_EVIDENCE],
    )


def _unlogged_words(host: str, hops: list[Hop], *, cleared: bool) -> str:
    witnesses = sorted({point for hop in hops for point in hop.seen_by} - {TARGET_HOST})
    ways = sorted({hop.protocol for hop in hops})
    times = "an arrival" if len(hops) == 1 else f"{len(hops)} arrivals"
    words = (
        f"{_and(witnesses)} saw {times} at {host} by {_and(ways)}, and {host}, which recorded logons in the day before and "
        f"after, has no record of {'it' if len(hops) == 1 else 'them'}"
    )
    rest = (
        "and its log was cleared in this visit" if cleared else "records lost on the way would look the same"
    )
    return f"{words[0].upper()}{words[1:]}: {rest}."


def _and(words: list[str]) -> str:
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1])))


def without_silent(visits: Iterable[Visit], silent: frozenset[str]) -> tuple[Visit, ...]:
    """The visits with nothing expected of hosts that are declared to log nothing."""
    if not silent:
        return tuple(visits)
    return tuple(replace(visit, hops=tuple(_unasked(hop, silent) for hop in visit.hops)) for visit in visits)


def _unasked(hop: Hop, silent: frozenset[str]) -> Hop:
    mute = {TARGET_HOST} if is_silent(hop.target, silent) else set()
    mute |= {SOURCE_HOST} if is_silent(hop.source, silent) else set()
    kept = tuple(point for point in hop.expected_by if point not in mute or point in hop.seen_by)
    return replace(hop, expected_by=kept)


def ids_of(visit: Visit, *parts: str) -> tuple[str, tuple[str, ...]]:
    """Id of a finding of `visit`, and the ids it had while the visit had another."""
    return keyed_id("finding", visit.id, *parts), tuple(
        keyed_id("finding", old, *parts) for old in visit.aliases
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
