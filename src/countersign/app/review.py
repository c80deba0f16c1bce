"""Review: visits, verdicts and findings from what is in the lake.

Everything made here is a pure function of events, agreements, rules and code: it can be thrown away and made again,
and the ids come out the same. Rules are matched against new events only, for a hit depends on nothing but its event; the hits
are kept. Visits are stitched from all events each time, because a record can change what a week-old one means (which
address was which host, which hosts log at all).
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
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
from countersign.lake.tables import FINDINGS_SCHEMA, HITS_SCHEMA, VISITS_SCHEMA
from countersign.model.identity import keyed_id
from countersign.model.visit import Finding, Reference, Severity, Visit
from countersign.rules import CompiledSet
from countersign.visits import stitch, views

STATE = "reviewed.json"
_HIT_COLUMNS = ("id", "time", "segment", "record", "device")
_BATCH_ROWS = 65_536
_HITS_AT_ONCE = 100_000
"""Hits written in one commit: a noisy rule on a large lake must not fill the memory."""
Progress = Callable[[int, int | None], None]


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
        }


@dataclass(frozen=True, slots=True)
class _State:
    """What the last review was made from: digests of rules and agreements, and the segments it had seen."""

    rules: str = ""
    agreements: str = ""
    segments: frozenset[str] = frozenset()


def review(
    workspace: Workspace,
    *,
    everything: bool = False,
    progress: Progress | None = None,
    now: datetime | None = None,
) -> Reviewed:
    """Work out visits, verdicts and findings, if anything is new; `everything` matches all rules anew as well.

    A broken agreement file is told in `notes` and holds up nobody else's. `now` is the moment as of which
    open visits are judged, the present if not given.
    """
    begun = time.monotonic()
    as_of = now or datetime.now(UTC)
    with workspace.writing() as lake:
        results = Results(workspace, lake)
        agreed, problems = load(workspace)
        rules, ruleset = compiled(workspace)
        notes = [f"agreement left out, nobody is held to it: {problem.diagnostics()}" for problem in problems]
        notes += [f"rule left out: {problem.reason} ({problem.path})" for problem in ruleset.problems]
        if not agreed:
            notes.append(
                "no agreement is in force: nobody is known as a provider (countersign discover helps)"
            )
        before = _State() if everything else _recall(workspace)
        after = _State(
            rules=_digest(__version__, sorted(ruleset.digests.items())),
            agreements=_digest(__version__, sorted(item.model_dump_json() for item in agreed)),
            segments=frozenset(segment[:16] for segment in lake.stored_segments()),
        )
        fresh: tuple[Finding, ...] = ()
        if before != after:
            _match(lake, rules, before, after, progress)
            fresh = _work(lake, results, agreed, rules, as_of)
            _remember(workspace, after)
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
        )


def _match(lake: Lake, rules: CompiledSet, before: _State, after: _State, progress: Progress | None) -> None:
    """Match the rules against segments that they have not met, and keep the hits."""
    table = lake.table("events")
    if before.rules == after.rules:
        fresh = [segment for segment in lake.stored_segments() if segment[:16] not in before.segments]
        events = table.filter(table.segment.isin(fresh))
    else:
        events = table
        lake.replace("hits", HITS_SCHEMA.empty_table())
    found: list[pa.Table] = []
    for hits in _hits(events, rules, progress):
        found.append(hits)
        if sum(part.num_rows for part in found) >= _HITS_AT_ONCE:
            _keep(lake, found)
            found = []
    _keep(lake, found)


def _keep(lake: Lake, found: list[pa.Table]) -> None:
    if found:
        rows = pa.concat_tables(found)
        lake.replace("hits", rows, ids=rows.column("id").to_pylist())


def _work(
    lake: Lake, results: Results, agreed: tuple[Agreement, ...], rules: CompiledSet, as_of: datetime
) -> tuple[Finding, ...]:
    leaves = results.leaves()
    table = lake.table("events")
    visits = _aliased(stitch(table, Subjects(Resolver(agreed)), leaves.get), results.visits())
    judged = judge_all(visits, agreed, coverage(table), as_of)
    findings = [finding for visit in judged for finding in _of_visit(visit, agreed)]
    findings += rule_findings(judged, _kept(lake, rules, leaves))
    known = results.finding_ids()
    lake.replace("visits", _visit_rows(with_findings(judged, findings)))
    lake.replace("findings", _finding_rows(findings))
    return tuple(finding for finding in findings if known.isdisjoint({finding.id, *finding.aliases}))


def _kept(lake: Lake, rules: CompiledSet, leaves: Mapping[str, int]) -> Iterator[Hit]:
    """The hits, of events that are still there: a half line is taken back when the whole one comes."""
    by_id = {rule.id: rule for rule in rules.rules}
    hits, events = lake.table("hits"), lake.table("events")
    live = hits.semi_join(events, hits.event == events.id)
    for batch in live.to_pyarrow_batches(chunk_size=_BATCH_ROWS):
        for row in batch.to_pylist():
            if row["rule_id"] in by_id:
                place = Reference(row["event"], row["segment"], row["record"], leaves.get(row["segment"]))
                yield Hit(by_id[row["rule_id"]], row["time"], row["host"], place)


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


def _hits(events: Any, rules: CompiledSet, progress: Progress | None) -> Iterator[pa.Table]:  # noqa: ANN401  # Ibis
    """Hits, batch by batch; only the columns that some rule reads are read."""
    columns = [name for name in events.columns if name in {*rules.needed_columns(), *_HIT_COLUMNS}]
    done = 0
    for batch in events.select(columns).to_pyarrow_batches(chunk_size=_BATCH_ROWS):
        found = rules.match(batch)
        if found.num_rows:
            yield _hit_rows(batch, found, rules)
        done += batch.nbytes
        if progress is not None:
            progress(done, None)


def _hit_rows(batch: pa.RecordBatch, found: pa.Table, rules: CompiledSet) -> pa.Table:
    chosen = pa.Table.from_batches([batch.select(list(_HIT_COLUMNS))]).take(found.column("row")).to_pylist()
    ids = [rules.rules[rule].id for rule in found.column("rule").to_pylist()]
    return pa.Table.from_pylist(
        [
            {
                "id": keyed_id("hit", rule, row["id"]),
                "rule_id": rule,
                "event": row["id"],
                "segment": row["segment"],
                "record": row["record"],
                "time": row["time"],
                "host": ((row["device"] or {}).get("hostname") or "").partition(".")[0],
            }
            for rule, row in zip(ids, chosen, strict=True)
        ],
        schema=HITS_SCHEMA,
    )


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


def _digest(*parts: object) -> str:
    return hashlib.sha256(orjson.dumps(parts)).hexdigest()


def _recall(workspace: Workspace) -> _State:
    try:
        found = orjson.loads((workspace.root / "state" / STATE).read_bytes())
        return _State(str(found["rules"]), str(found["agreements"]), frozenset(map(str, found["segments"])))
    except (OSError, orjson.JSONDecodeError, KeyError, TypeError):
        return _State()


def _remember(workspace: Workspace, state: _State) -> None:
    path = workspace.root / "state" / STATE
    body = {"rules": state.rules, "agreements": state.agreements, "segments": sorted(state.segments)}
    temporary = path.with_suffix(".new")
    try:
        temporary.write_bytes(orjson.dumps(body))
        temporary.replace(path)
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror}") from error
