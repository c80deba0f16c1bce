"""Correlations over hits, each after those it refers to."""

from __future__ import annotations

import pyarrow as pa

from countersign.rules.correlations.frames import base_frames
from countersign.rules.correlations.items import items
from countersign.rules.correlations.made import CORRELATED, made
from countersign.rules.correlations.plan import plan
from countersign.rules.correlations.runs import runs
from countersign.rules.rule import RuleSet


def correlate(hits: pa.Table, ruleset: RuleSet) -> pa.Table:
    """The hits of all correlations of `ruleset`, made of `hits` of its rules; in order of the rules, time and id.

    `hits` has id, rule_id, event, time (null: the hit stands in no window), host and fields (`captured` says which each
    rule's must carry). The result (`CORRELATED`) depends on nothing but which hits there are.
    """
    found = plan(ruleset)
    rules = ruleset.rules
    wanted = {rules[index].id: names for index, names in found.wanted.items() if rules[index].kind == "rule"}
    by_id, words = base_frames(hits, wanted)
    frames = {index: by_id[rules[index].id] for index in found.wanted if rules[index].id in by_id}
    tables: dict[int, pa.Table] = {}
    for step in found.steps:
        looked = items(step, frames, words)
        joined = runs(step, looked, words)
        if joined is not None:
            id_ = rules[step.index].id
            tables[step.index], frames[step.index] = made(step, id_, looked, joined, frames, words)
    return pa.concat_tables([tables[index] for index in sorted(tables)] or [CORRELATED.empty_table()])
