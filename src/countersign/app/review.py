"""Review: visits, verdicts and findings from what is in the lake.

Everything made here is a pure function of events, agreements, rules and code: it can be thrown away and made again,
and the ids come out the same. A rule is matched once with each event, for a hit depends on nothing but these two, and the
hits are kept (`app.matching`). Visits are stitched anew each time, because a record can change what a week-old one means (which
address was which host, which hosts log at all); but what a day's events say of providers is read once (`app.remembering`).
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import orjson
import pyarrow as pa

from countersign import __version__, agreements
from countersign.agreements import Agreement, Coverage
from countersign.app._feeds import Feeds
from countersign.app._reviewed import State, digest, recall, remember
from countersign.app.agreements import load
from countersign.app.correlating import correlated, group, keep
from countersign.app.documents import finding_document, visit_document
from countersign.app.enriching import Enricher
from countersign.app.explaining import explained
from countersign.app.findings import (
    began,
    clause_findings,
    switch_findings,
    unlogged_findings,
    with_findings,
    without_silent,
)
from countersign.app.folding import ids_told
from countersign.app.hit_findings import hit_findings, of_rule
from countersign.app.hits import Homes, grouped, live
from countersign.app.holding import Holding, speaking
from countersign.app.importing import drift
from countersign.app.matching import Matching
from countersign.app.notes import crowded_notes, drift_notes, exception_notes, noisy_notes, rule_notes
from countersign.app.phases import Phases
from countersign.app.remembering import forget
from countersign.app.results import Results
from countersign.app.revising import Revised, revise
from countersign.app.ruleset import Ready, prepare
from countersign.app.stitching import days_of, visits_of
from countersign.app.workspace import Workspace
from countersign.lake import Lake
from countersign.lake.tables import FINDINGS_SCHEMA, VISITS_SCHEMA
from countersign.model.visit import Finding, Severity, Visit
from countersign.visits import Days, views

Progress = Callable[[int, int | None], None]

NOT_MATCHED = "rules and indicators were not matched: countersign review does that for what is new"
AT_ONCE = 256
"""Visits whose documents are written at once."""


@dataclass(frozen=True, slots=True)
class Reviewed:
    """What a review came to: counts over everything in the lake, and what was not known before."""

    visits: int
    findings: int
    severities: Mapping[Severity, int]
    new_findings: tuple[Finding, ...]
    seconds: float
    notes: tuple[str, ...] = ()
    left_out: int = 0  # agreement files that are wrong: nobody is held to them
    estate: Mapping[Severity, int] = field(default_factory=dict)  # of `severities`, outside of every visit
    held: int = 0  # hits that exceptions hold back
    phases: Mapping[str, float] = field(default_factory=dict)  # seconds of each part that was done
    revised: int = 0  # visits told before of which something is told otherwise now
    gone: int = 0  # visits told before that are told no more, under no id

    def document(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "visits": self.visits,
            "findings": self.findings,
            "severities": dict(self.severities),
            "new_findings": [finding.id for finding in self.new_findings],
            "seconds": round(self.seconds, 3),
            "notes": list(self.notes),
            "left_out": self.left_out,
            "estate": dict(self.estate),
            "held": self.held,
            "phases": {name: round(seconds, 3) for name, seconds in self.phases.items()},
            "revised": self.revised,
            "gone": self.gone,
        }


def review(
    workspace: Workspace,
    *,
    everything: bool = False,
    visits_only: bool = False,
    progress: Progress | None = None,
    now: datetime | None = None,
) -> Reviewed:
    """Work out visits, verdicts and findings, if anything is new; `everything` matches all rules anew as well.

    `visits_only` leaves rules and indicators to the next review: the same visits and verdicts, and findings of the hits that earlier
    reviews left. A broken agreement file is told in `notes` and holds up nobody else's. `now` is the moment as of which open visits
    are judged, the present if not given.
    """
    begun, phases = time.monotonic(), Phases()
    as_of = now or datetime.now(UTC)
    with workspace.writing() as lake:
        results = Results(workspace, lake)
        agreed, problems = load(workspace)
        with phases.of("rules"):
            ready = prepare(workspace)
        notes = [f"agreement left out, nobody is held to it: {problem.diagnostics()}" for problem in problems]
        if not agreed:
            notes.append(
                "no agreement is in force: nobody is known as a provider (countersign discover helps)"
            )
        if everything:
            forget(workspace.root / "state")
        before = State() if everything else recall(workspace)
        matching = Matching(workspace, lake, ready.compiled, ready.filters, Feeds(workspace), progress)
        state = replace(before, made_of="")
        if visits_only:
            notes.append(NOT_MATCHED)
            remember(workspace, state)
        else:
            with phases.of("matching"):
                state = matching.bring_up_to_date(before)
        said, told = rule_notes(ready, before.told)
        silent = Enricher.of(workspace).silent()
        made_of = digest(
            __version__,
            sorted(item.model_dump_json() for item in agreed),
            sorted([one.id, one.rules, one.in_force(as_of)] for one in ready.exemptions),
            sorted([rule.id, rule.sha256] for rule in ready.ruleset.rules),
            sorted(silent),
        )
        fresh: tuple[Finding, ...] = ()
        changed = Revised(())
        if visits_only or matching.changed or made_of != state.made_of:
            same = {id_ for id_, text in before.rules.items() if state.rules.get(id_) == text}
            holding = Holding.of(lake, ready, as_of)
            fresh, changed = _work(
                lake, results, agreed, ready, holding, as_of, frozenset(same), silent, phases
            )
            state = replace(state, held=holding.counts)
        remember(workspace, replace(state, made_of="" if visits_only else made_of, told=told))
        notes += [
            *said,
            *drift_notes(drift(workspace, ready.ruleset.digests)),
            *noisy_notes(ready, state.noisy),
            *exception_notes(ready, state.held, as_of),
            *crowded_notes(matching.feeds.crowded),
        ]
        counts = results.severities()
        seconds = time.monotonic() - begun
        return Reviewed(
            results.visit_count(),
            sum(counts.values()),
            counts,
            fresh,
            seconds,
            tuple(notes),
            len({problem.path for problem in problems}),
            results.severities("estate"),
            sum(state.held.values()),
            phases.seconds,
            changed.revised,
            changed.gone,
        )


def _work(
    lake: Lake,
    results: Results,
    agreed: tuple[Agreement, ...],
    ready: Ready,
    holding: Holding,
    as_of: datetime,
    unchanged: frozenset[str],
    silent: frozenset[str],
    phases: Phases,
) -> tuple[tuple[Finding, ...], Revised]:
    """Visits, verdicts and findings, anew: the new findings, and what became of visits told before. `unchanged` are the rules that mean what they meant at the last review, `silent` the
    hosts that are declared to log nothing."""
    leaves = results.leaves()
    with phases.of("stitching"):
        days = days_of(lake, results.workspace.root / "state")
        stitched = visits_of(days, agreed, leaves)
    changed = revise(without_silent(stitched, silent), results.told(), as_of)
    seen = coverage(days)
    judged = judge_all(changed.visits, agreed, seen, as_of)
    findings = [finding for visit in judged for finding in _of_visit(visit, agreed, seen, as_of)]
    homes = Homes(judged)
    groups = grouped(holding.let_through(speaking(lake, ready)), homes, leaves)
    correlations = correlated(lake, ready.ruleset, holding, leaves)
    keep(lake, correlations.hits)
    group(correlations, homes, holding, groups)
    grouped(holding.let_through(live(lake, ("indicator",))), homes, leaves, groups)
    of_hits = hit_findings(groups, judged, {rule.id: of_rule(rule) for rule in ready.ruleset.rules})
    before = {body["id"]: body for body in results.findings()}
    findings += explained(lake, ready.compiled, of_hits, before, unchanged)
    lake.replace("visits", _visit_rows(with_findings(judged, findings)))
    lake.replace("findings", _finding_rows(findings))
    known = ids_told(before.values())
    fresh = tuple(finding for finding in findings if known.isdisjoint({finding.id, *finding.aliases}))
    return fresh, changed


def _of_visit(visit: Visit, agreed: Iterable[Agreement], seen: Coverage, as_of: datetime) -> list[Finding]:
    agreement = next((item for item in agreed if item.provider.id == visit.provider), None)
    granted = () if agreement is None else agreements.granted_switches(visit, agreement, seen, as_of)
    found = [*switch_findings(visit, granted), *unlogged_findings(visit)]
    if agreement is not None:
        held = agreement
        found += clause_findings(
            visit,
            lambda clause: agreements.severity_of(clause, held),
            lambda clause: agreements.clause_cites(clause, held),
        )
    return found


def coverage(events: Days) -> Coverage:
    """What the logs at hand could have shown."""
    seen = views(events)
    return Coverage(
        logon_hosts=seen.logons,
        process_hosts=seen.processes,
        share_hosts=seen.shares,
        service_hosts=seen.services,
        network_sensor=seen.sensor,
        audit_hosts=seen.audits,
        aliases=seen.addresses,
    )


def judge_all(
    visits: Iterable[Visit], agreed: Iterable[Agreement], seen: Coverage, as_of: datetime
) -> tuple[Visit, ...]:
    """The visits with a verdict of each clause of their provider's agreement."""
    held = {item.provider.id: item for item in agreed}
    visits = tuple(visits)
    crowds = _concurrent(visits)
    return tuple(
        replace(
            visit,
            verdicts=agreements.judge(visit, held[visit.provider], seen, as_of, concurrent=crowds[visit.id]),
        )
        if visit.provider in held
        else visit
        for visit in visits
    )


def _concurrent(visits: tuple[Visit, ...]) -> dict[str, int]:
    """The greatest number of visits of one provider at a time during each visit, itself included."""
    moments: dict[str, list[tuple[datetime, datetime, str]]] = {}
    for visit in visits:
        first = began(visit)
        if first is not None:
            moments.setdefault(visit.provider, []).append((first, visit.end or first, visit.id))
    counts = {visit.id: 1 for visit in visits}
    for spans in moments.values():
        spans.sort()
        open_: list[tuple[datetime, datetime, str]] = []
        for span in spans:
            open_ = [other for other in open_ if other[1] >= span[0]] + [span]
            for _, _, id_ in open_:
                counts[id_] = max(counts[id_], len(open_))
    return counts


def _visit_rows(visits: Iterable[Visit]) -> pa.Table:
    """Part by part: of a large estate the documents alone are hundreds of megabytes."""
    waiting = iter(visits)
    parts = [pa.Table.from_pylist([], schema=VISITS_SCHEMA)]
    while rows := [_visit_row(visit) for visit in itertools.islice(waiting, AT_ONCE)]:
        parts.append(pa.Table.from_pylist(rows, schema=VISITS_SCHEMA))
    return pa.concat_tables(parts)


def _visit_row(visit: Visit) -> dict[str, Any]:
    first = began(visit)
    return {
        "id": visit.id,
        "provider": visit.provider,
        "person": visit.person,
        "kind": visit.kind,
        "start": first,
        "end": visit.end,
        "day_start": first.astimezone(UTC).date().isoformat() if first else "undated",
        "body": orjson.dumps(visit_document(visit)).decode(),
    }


def _finding_rows(findings: Iterable[Finding]) -> pa.Table:
    rows = [
        {
            "id": finding.id,
            "time": finding.time,
            "severity": finding.severity,
            "provider": finding.provider,
            "visit": finding.visit,
            "rule_id": finding.rule_id,
            "body": orjson.dumps(finding_document(finding)).decode(),
            "end": finding.end,
        }
        for finding in findings
    ]
    return pa.Table.from_pylist(rows, schema=FINDINGS_SCHEMA)
