"""Why a rule fired: the tests that held for the first record of each finding, with the values they held of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC
from typing import Any

import pyarrow as pa

from countersign.app import _events
from countersign.app.hit_findings import with_matched
from countersign.lake import Lake
from countersign.model import schema
from countersign.model.visit import Finding, Matched
from countersign.rules import CompiledSet, Fired

AT_ONCE = 5000
"""Findings whose events are read in one go."""


def explained(
    lake: Lake,
    rules: CompiledSet,
    findings: Sequence[Finding],
    before: Mapping[str, Mapping[str, Any]],
    unchanged: frozenset[str],
) -> list[Finding]:
    """The findings of rules with what matched in their first record; what an earlier review worked out for the same rule
    and record (`before` has its findings by id) is taken from there."""
    known: dict[str, list[Matched]] = {}
    asked: list[Finding] = []
    for finding in findings:
        if finding.kind != "rule":
            continue
        old = before.get(finding.id)
        if old is not None and finding.rule_id in unchanged and _first(old) == finding.evidence[0].event:
            known[finding.id] = [Matched(**one) for one in old.get("matched", ())]
        else:
            asked.append(finding)
    for start in range(0, len(asked), AT_ONCE):
        known.update(_explained(lake, rules, asked[start : start + AT_ONCE]))
    return [
        with_matched(finding, known.get(finding.id, ()) if finding.kind == "rule" else finding.matched)
        for finding in findings
    ]


def _first(body: Mapping[str, Any]) -> str:
    return str(body["evidence"][0]["event"]) if body["evidence"] else ""


def _explained(
    lake: Lake, rules: CompiledSet, findings: Sequence[Finding]
) -> Iterator[tuple[str, list[Matched]]]:
    """Each finding's tests. All events are read at once: to find a few among many takes as long as to find one."""
    alone = {rule: rules.only([rule]) for rule in {finding.rule_id for finding in findings}}
    needed = {rule: one.needed_columns() for rule, one in alone.items()}
    by_event: dict[str, list[Finding]] = {}
    for finding in findings:
        by_event.setdefault(finding.evidence[0].event, []).append(finding)
    names = _events.columns({"id"}.union(*needed.values()))
    for batch in _events.read_ids(lake, names, list(by_event), _days(findings)):
        for row, event in enumerate(batch["id"].to_pylist()):
            for finding in by_event[event]:
                rule = finding.rule_id
                few = batch.select([name for name in batch.schema.names if name in needed[rule]])
                yield finding.id, matched(alone[rule], 0, few, row)


def _days(findings: Iterable[Finding]) -> list[str]:
    times = {finding.time for finding in findings}
    return sorted({schema.UNDATED if at is None else at.astimezone(UTC).date().isoformat() for at in times})


def matched(rules: CompiledSet, rule: int, batch: pa.RecordBatch, row: int) -> list[Matched]:
    """The tests that made a rule fire on one row."""
    return list(in_words(rules.explain(rule, batch, row)))


def in_words(fired: Iterable[Fired]) -> Iterator[Matched]:
    """Each field by the name that its source writes it with."""
    written = {name.casefold(): name for name in schema.source_fields()}
    for one in fired:
        yield Matched(written.get(one.field, one.field), one.value, one.test)
