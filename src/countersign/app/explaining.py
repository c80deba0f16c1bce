"""Why a rule fired: the tests that held for the first record of each finding, with the values they held of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa

from countersign.app import _events
from countersign.app.hit_findings import with_matched
from countersign.lake import Lake
from countersign.model import schema
from countersign.model.visit import Finding, Matched
from countersign.rules import CompiledSet, Fired

AT_ONCE = 1000
"""Events read in one go."""


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
    asked: dict[str, list[Finding]] = {}
    for finding in findings:
        if finding.kind != "rule":
            continue
        old = before.get(finding.id)
        if old is not None and finding.rule_id in unchanged and _first(old) == finding.evidence[0].event:
            known[finding.id] = [Matched(**one) for one in old.get("matched", ())]
        else:
            asked.setdefault(finding.rule_id, []).append(finding)
    for rule, those in asked.items():
        known.update(_explained(lake, rules, rule, those))
    return [
        with_matched(finding, known.get(finding.id, ()) if finding.kind == "rule" else finding.matched)
        for finding in findings
    ]


def _first(body: Mapping[str, Any]) -> str:
    return str(body["evidence"][0]["event"]) if body["evidence"] else ""


def _explained(
    lake: Lake, rules: CompiledSet, rule: str, findings: Sequence[Finding]
) -> Iterator[tuple[str, list[Matched]]]:
    alone = rules.only([rule])
    names = _events.columns({"id", *alone.needed_columns()})
    by_event: dict[str, list[str]] = {}
    for finding in findings:
        by_event.setdefault(finding.evidence[0].event, []).append(finding.id)
    events = list(by_event)
    for start in range(0, len(events), AT_ONCE):
        for batch in _events.read_ids(lake, names, events[start : start + AT_ONCE]):
            for row, event in enumerate(batch["id"].to_pylist()):
                told = matched(alone, 0, batch, row)
                yield from ((id_, told) for id_ in by_event[event])


def matched(rules: CompiledSet, rule: int, batch: pa.RecordBatch, row: int) -> list[Matched]:
    """The tests that made a rule fire on one row."""
    return list(in_words(rules.explain(rule, batch, row)))


def in_words(fired: Iterable[Fired]) -> Iterator[Matched]:
    """Each field by the name that its source writes it with."""
    written = {name.casefold(): name for name in schema.source_fields()}
    for one in fired:
        yield Matched(written.get(one.field, one.field), one.value, one.test)
