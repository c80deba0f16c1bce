"""Review: visits, verdicts and findings from what is in the lake, for as much of it as is new.

Everything made here is a pure function of events, agreements, rules and code: it can be thrown away and made again.
The ids come out the same. Only visits that new records can touch are worked out anew: those from a while before
the earliest new record on.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa

from countersign import __version__, agreements
from countersign.agreements import Agreement, Coverage, Resolver
from countersign.app.agreements import Subjects, load
from countersign.app.documents import finding_document, visit_document, visit_from
from countersign.app.findings import (
    Hit,
    began,
    clause_findings,
    rule_findings,
    switch_findings,
    with_findings,
)
from countersign.app.results import Results
from countersign.app.ruleset import compiled
from countersign.app.workspace import Workspace
from countersign.errors import StoreError
from countersign.lake import Lake
from countersign.lake.tables import FINDINGS_SCHEMA, VISITS_SCHEMA
from countersign.model.visit import Finding, Reference, Severity, Visit
from countersign.visits import stitch, views

STATE = "reviewed.json"
REACH = timedelta(hours=26)
"""A record can touch a visit that had no sign of life for this long: a tunnel stays open for a day."""
_HIT_COLUMNS = ("id", "time", "segment", "record", "device")
_BATCH_ROWS = 65_536
Progress = Callable[[int, int | None], None]


@dataclass(frozen=True, slots=True)
class Reviewed:
    """What a review came to: counts over everything in the lake, and how much of it was worked out anew."""

    visits: int
    findings: int
    severities: Mapping[Severity, int]
    since: datetime | None
    new_findings: tuple[Finding, ...]
    seconds: float
    notes: tuple[str, ...] = ()

    def document(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "visits": self.visits,
            "findings": self.findings,
            "severities": dict(self.severities),
            "new_findings": [finding.id for finding in self.new_findings],
            "since": self.since.isoformat() if self.since else None,
            "seconds": round(self.seconds, 3),
            "notes": list(self.notes),
        }


@dataclass(slots=True)
class _Plan:
    """What to work out anew: `since` None is everything; `nothing` when nothing is new."""

    since: datetime | None = None
    nothing: bool = False
    notes: list[str] = field(default_factory=list)


def review(
    workspace: Workspace,
    *,
    everything: bool = False,
    progress: Progress | None = None,
    now: datetime | None = None,
) -> Reviewed:
    """Work out visits, verdicts and findings for what is new, or for `everything`.

    A broken agreement file is told in `notes` and holds up nobody else's. `now` is the moment as of which
    open visits are judged, the present if not given.
    """
    begun = time.monotonic()
    as_of = now or datetime.now(UTC)
    with workspace.writing() as lake:
        results = Results(workspace, lake)
        agreed, problems = load(workspace)
        rules, ruleset = compiled(workspace)
        inputs = _inputs(agreed, ruleset.digests)
        plan = _plan(workspace, lake, results, inputs, everything=everything)
        plan.notes += [f"agreement left out: {problem.message} ({problem.path})" for problem in problems]
        plan.notes += [f"rule left out: {problem.reason} ({problem.path})" for problem in ruleset.problems]
        if not agreed:
            plan.notes.append(
                "no agreement is in force: nobody is known as a provider (countersign discover helps)"
            )
        fresh: tuple[Finding, ...] = ()
        if not plan.nothing:
            fresh = _work(lake, results, agreed, rules, plan, as_of, progress)
            _remember(workspace, lake, inputs)
        counts = results.severities()
        return Reviewed(
            results.visit_count(),
            sum(counts.values()),
            counts,
            plan.since,
            fresh,
            time.monotonic() - begun,
            tuple(plan.notes),
        )


def _work(  # the stations of one pass
    lake: Lake,
    results: Results,
    agreed: tuple[Agreement, ...],
    rules: Any,  # noqa: ANN401  # rules.CompiledSet
    plan: _Plan,
    as_of: datetime,
    progress: Progress | None,
) -> tuple[Finding, ...]:
    leaves = results.leaves()
    table = lake.table("events")
    # what has no time may be new as well, and is little
    events = table if plan.since is None else table.filter((table.time >= plan.since) | table.time.isnull())
    visits = stitch(events, Subjects(Resolver(agreed)), leaves.get)
    visits = _aliased(visits, results.stored(plan.since))
    judged = judge_all(visits, agreed, coverage(table), as_of)
    findings = [finding for visit in judged for finding in _of_visit(visit, agreed)]
    findings += rule_findings(judged, _hits(events, rules, leaves, progress))
    known = results.finding_ids()
    visit_rows = _visit_rows(with_findings(judged, findings))
    lake.replace("visits", visit_rows, ids=_replaced(lake, "visits", "start", plan.since, visit_rows))
    finding_rows = _finding_rows(findings)
    lake.replace("findings", finding_rows, ids=_replaced(lake, "findings", "time", plan.since, finding_rows))
    return tuple(finding for finding in findings if finding.id not in known)


def _of_visit(visit: Visit, agreed: Iterable[Agreement]) -> list[Finding]:
    found = switch_findings(visit)
    agreement = next((item for item in agreed if item.provider.id == visit.provider), None)
    if agreement is not None:
        held = agreement
        found += clause_findings(
            visit,
            lambda clause: agreements.severity_of(clause, held),
            lambda clause: agreements.clause_cites(clause, held),
        )
    return found


def coverage(events: Any) -> Coverage:  # noqa: ANN401  # an Ibis table
    """What the logs at hand could have shown."""
    seen = views(events)
    return Coverage(
        logon_hosts=seen.logons,
        process_hosts=seen.processes,
        share_hosts=seen.shares,
        service_hosts=seen.services,
        network_sensor=seen.sensor,
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


def _hits(events: Any, rules: Any, leaves: Mapping[str, int], progress: Progress | None) -> Iterator[Hit]:  # noqa: ANN401
    """Rule hits, batch by batch; only the columns that some rule reads are read."""
    columns = [name for name in events.columns if name in {*rules.needed_columns(), *_HIT_COLUMNS}]
    done = 0
    for batch in events.select(columns).to_pyarrow_batches(chunk_size=_BATCH_ROWS):
        found = rules.match(batch)
        yield from _of_batch(batch, found, rules, leaves)
        done += batch.nbytes
        if progress is not None:
            progress(done, None)


def _of_batch(batch: pa.RecordBatch, found: pa.Table, rules: Any, leaves: Mapping[str, int]) -> Iterator[Hit]:  # noqa: ANN401
    if not found.num_rows:
        return
    chosen = pa.Table.from_batches([batch.select(list(_HIT_COLUMNS))]).take(found.column("row"))
    for row, rule in zip(chosen.to_pylist(), found.column("rule").to_pylist(), strict=True):
        host = (row["device"] or {}).get("hostname") or ""
        reference = Reference(row["id"], row["segment"], row["record"], leaves.get(row["segment"]))
        yield Hit(rules.rules[rule], row["time"], host.partition(".")[0], reference)


def _aliased(visits: tuple[Visit, ...], stored: Iterable[Mapping[str, Any]]) -> tuple[Visit, ...]:
    """A visit whose entry moved keeps the ids it had: a stored visit whose entry's records are now this one's."""
    homes: dict[str, int] = {}
    for index, visit in enumerate(visits):
        for hop in visit.hops:
            homes.update({reference.event: index for reference in hop.records})
    present = {visit.id for visit in visits}
    aliases: dict[int, set[str]] = {}
    for body in stored:
        old = visit_from(dict(body))
        entry = next(hop for hop in old.hops if hop.id == old.entry)
        found = next((homes[r.event] for r in sorted(entry.records) if r.event in homes), None)
        if found is not None:
            aliases.setdefault(found, set()).update({old.id, *old.aliases} - present)
    return tuple(
        replace(visit, aliases=tuple(sorted(aliases.get(index, set()) - {visit.id})))
        for index, visit in enumerate(visits)
    )


def _replaced(
    lake: Lake, name: str, column: str, since: datetime | None, fresh: pa.Table
) -> list[str] | None:
    """Ids of the rows that a review from `since` on takes the place of; None means all."""
    if since is None:
        return None
    stored = lake.read(name, columns=["id", column])
    moments = zip(stored.column("id").to_pylist(), stored.column(column).to_pylist(), strict=True)
    old = {id_ for id_, moment in moments if moment is None or moment >= since}
    return sorted(old | set(fresh.column("id").to_pylist()))


def _visit_rows(visits: Iterable[Visit]) -> pa.Table:
    rows = []
    for visit in visits:
        first = began(visit)
        rows.append(
            {
                "id": visit.id,
                "provider": visit.provider,
                "person": visit.person,
                "kind": visit.kind,
                "start": first,
                "end": visit.end,
                "day_start": first.astimezone(UTC).date().isoformat() if first else "undated",
                "body": orjson.dumps(visit_document(visit)).decode(),
            }
        )
    return pa.Table.from_pylist(rows, schema=VISITS_SCHEMA)


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
        }
        for finding in findings
    ]
    return pa.Table.from_pylist(rows, schema=FINDINGS_SCHEMA)


def _inputs(agreed: Iterable[Agreement], digests: Mapping[str, str]) -> str:
    """Digest of everything but events that a review depends on."""
    text = orjson.dumps(
        [
            __version__,
            sorted(item.model_dump_json() for item in agreed),
            sorted(digests.items()),
        ]
    )
    return hashlib.sha256(text).hexdigest()


def _plan(workspace: Workspace, lake: Lake, results: Results, inputs: str, *, everything: bool) -> _Plan:
    state = _recall(workspace.root / "state" / STATE)
    if everything or state.get("inputs") != inputs:
        return _Plan()
    known = set(state.get("segments", ()))
    fresh = [segment for segment in lake.stored_segments() if segment[:16] not in known]
    if not fresh:
        return _Plan(nothing=True)
    table = lake.table("events")
    earliest = table.filter(table.segment.isin(fresh))["time"].min().to_pyarrow().as_py()
    if earliest is None:
        return _Plan(nothing=True)
    return _Plan(results.reach(earliest - REACH))


def _recall(path: Path) -> dict[str, Any]:
    try:
        found = orjson.loads(path.read_bytes())
    except (OSError, orjson.JSONDecodeError):
        return {}
    return found if isinstance(found, dict) else {}


def _remember(workspace: Workspace, lake: Lake, inputs: str) -> None:
    path = workspace.root / "state" / STATE
    body = {"inputs": inputs, "segments": sorted(segment[:16] for segment in lake.stored_segments())}
    temporary = path.with_suffix(".new")
    try:
        temporary.write_bytes(orjson.dumps(body))
        temporary.replace(path)
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror}") from error
