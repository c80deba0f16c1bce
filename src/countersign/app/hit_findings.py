"""Findings of what was looked for and found: one a visit and rule; outside of visits one a host and rule, of no provider.

Of the rules that tell of the same records one speaks (`app.folding`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from countersign.app.documents import DETECTION_FINDING
from countersign.app.findings import ids_of
from countersign.app.folding import Told, folded
from countersign.app.hits import MAX_EVIDENCE, Group, Hit, Place
from countersign.app.indicators import LOW
from countersign.model.identity import keyed_id
from countersign.model.report import OUTSIDE
from countersign.model.visible import counted, visible
from countersign.model.visit import SEVERITIES, Finding, Matched, Reference, Severity, Visit
from countersign.rules import Rule

MATCHED_SAID = 2
"""Tests with their values that the sentence names; `matched` has more."""
VALUE_SAID = 80
MAX_MATCHED = 20
TITLE = 200
VALUE_KEPT = 2000
HIGH = 70
"""Confidence from which STIX 2.1 (appendix A) speaks of `High`."""
_LEVELS: dict[str, Severity] = {level: level for level in SEVERITIES}


@dataclass(frozen=True, slots=True)
class Sought:
    """What a finding says of the rule or indicator that was found. `unit` is what its hits are counted in."""

    id: str
    kind: str
    title: str
    level: str
    sentence: str
    techniques: tuple[str, ...] = ()
    cites: tuple[str, ...] = ()
    version: str = ""
    sha256: str = ""
    unit: str = "records"


def of_rule(rule: Rule) -> Sought:
    """What a finding says of a rule."""
    return Sought(
        id=rule.id,
        kind="correlation" if rule.kind == "correlation" else "rule",
        title=rule.title,
        level=rule.level,
        sentence=" ".join(rule.description.split()) or rule.title,
        techniques=rule.techniques,
        cites=rule.cites,
        version=rule.version,
        sha256=rule.sha256,
        unit="times" if rule.kind == "correlation" else "records",
    )


def of_indicator(hit: Hit) -> Sought | None:
    """What a finding says of an indicator; None for a hit of something else."""
    if hit.kind != "indicator":
        return None
    said = {name[1:-1]: text for name, text in hit.fields.items() if name.startswith("(")}
    name, source = said.get("indicator", hit.rule_id), said.get("source", "an import")
    more = "; ".join(
        f"{word} {said[word]}" for word in ("author", "confidence", "tlp", "labels") if word in said
    )
    return Sought(
        id=hit.rule_id,
        kind="indicator",
        title=f"Indicator of {source}: {name}"[:TITLE],
        level=_level(said),
        sentence=f"An indicator of {source} was seen: {name}{f' ({more})' if more else ''}",
        version=said.get("valid_from", ""),
    )


def _level(said: Mapping[str, str]) -> str:
    """STIX 2.1, appendix A: below 30 is low confidence, from 70 on high. What was warned of is low whatever it says."""
    if "warning" in said:
        return "low"
    if "confidence" not in said:
        return "medium"
    confidence = int(said["confidence"])
    return "high" if confidence >= HIGH else "low" if confidence < LOW else "medium"


def hit_findings(
    groups: Mapping[Place, Group], visits: Sequence[Visit], sought: Mapping[str, Sought]
) -> list[Finding]:
    """A finding for each group of which it is known what was sought (indicators say it with each hit), those of one place
    that tell of the same records folded into one."""
    told: dict[tuple[int, str], list[Told]] = {}
    for place, group in sorted(groups.items()):
        what = sought.get(place.rule_id) or of_indicator(group.first[0])
        if what is not None:
            finding = (
                _inside(visits[place.visit], what, group)
                if place.visit >= 0
                else _outside(place, what, group)
            )
            told.setdefault((place.visit, place.host), []).append(Told(finding, group))
    return [finding for those in told.values() for finding in folded(those)]


def _inside(visit: Visit, what: Sought, group: Group) -> Finding:
    hits = group.first
    id_, aliases = ids_of(visit, what.id)
    return replace(
        _finding(id_, what, group, hits),
        provider=visit.provider,
        visit=visit.id,
        why=f"During the visit of {visit.person}{_deed(visit, hits[0].reference.event)}: {what.sentence}{_times(what, group)}",
        aliases=aliases,
    )


def _outside(place: Place, what: Sought, group: Group) -> Finding:
    hits = group.first
    where = f"on {hits[0].host}" if hits[0].host else "on an unnamed host"
    if what.kind == "correlation" and not hits[0].host:
        where = "on several hosts"
    return replace(
        _finding(keyed_id("finding", "estate", place.rule_id, place.host), what, group, hits),
        why=f"{OUTSIDE}, {where}: {what.sentence}{_times(what, group)}",
    )


def _times(what: Sought, group: Group) -> str:
    return "" if group.count == 1 else f" ({group.count:,} {what.unit})"


def _deed(visit: Visit, event: str) -> str:
    for hop in visit.hops:
        for action in hop.actions:
            if action.reference.event == event:
                return f", as {hop.account} on {hop.target}, '{action.text[:200]}'"
    return ""


def _finding(id_: str, what: Sought, group: Group, hits: Sequence[Hit]) -> Finding:
    return Finding(
        id=id_,
        time=hits[0].time,
        title=what.title,
        severity=_LEVELS.get(what.level, "low"),
        kind=what.kind,
        class_uid=DETECTION_FINDING,
        rule_id=what.id,
        provider="",
        visit=None,
        hosts=tuple(sorted({hit.host for hit in hits if hit.host})),
        techniques=what.techniques,
        cites=what.cites,
        why="",
        evidence=_evidence(hits),
        count=group.count,
        end=_end(group, hits[0].time),
        matched=fields_of(hits[0]),
        rule_version=what.version,
        rule_sha256=what.sha256,
    )


def _evidence(hits: Iterable[Hit]) -> tuple[Reference, ...]:
    """The record that completed each first, then those before it."""
    found = dict.fromkeys(reference for hit in hits for reference in (hit.reference, *hit.others))
    return tuple(found)[:MAX_EVIDENCE]


def _end(group: Group, first: datetime | None) -> datetime | None:
    return group.last if group.last != first else None


def fields_of(hit: Hit) -> tuple[Matched, ...]:
    """What correlations and indicators say of themselves; a rule's tests are worked out from the event."""
    words = {"correlation": "is the same in all of them", "indicator": "is the indicator's"}
    if hit.kind not in words:
        return ()
    kept = (pair for pair in hit.fields.items() if not pair[0].startswith("("))
    return tuple(Matched(name, value, words[hit.kind]) for name, value in kept)[:MAX_MATCHED]


def with_matched(finding: Finding, matched: Iterable[Matched]) -> Finding:
    """The finding with the tests that held, some of them in its sentence, and how many more rules tell of it."""
    kept = tuple(
        replace(one, value=None if one.value is None else one.value[:VALUE_KEPT]) for one in matched
    )[:MAX_MATCHED]
    return replace(finding, matched=kept, why=f"{finding.why}{said(kept)}{also_said(finding)}")


def also_said(finding: Finding) -> str:
    """How many others were folded into a finding, in a sentence; nothing where there are none."""
    if not finding.also:
        return ""
    noun = "indicator" if all(one.kind == "indicator" for one in finding.also) else "rule"
    verb = "tells" if len(finding.also) == 1 else "tell"
    return f" {counted(len(finding.also), f'more {noun}')} {verb} of the same."


def said(matched: Sequence[Matched]) -> str:
    """The first values with a test that they met, in brackets, each value once; nothing where there are none."""
    told = list({(one.field, one.value): one for one in reversed(matched) if one.value}.values())[::-1]
    words = [
        f"{one.field or 'a value'} {visible(one.test, VALUE_SAID)}: {visible(one.value or '', VALUE_SAID)}"
        for one in told[:MATCHED_SAID]
    ]
    more = len(told) - MATCHED_SAID
    if not words:
        return ""
    return f" [{'; '.join(words)}{f'; and {more} more' if more > 0 else ''}]"
