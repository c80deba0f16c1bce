"""Rules against events, the engine held to the slow evaluator: every hit of the engine, and a seeded share of the
pairs of rule and event that it left out."""

from __future__ import annotations

import random
import zipfile
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
from sigma.rule.base import SigmaYAMLLoader

from countersign.rules import CompiledSet
from real_events import as_records, names_of
from sigma_reference import Lists, meanings, rule_in


@dataclass(frozen=True, slots=True)
class Crossed:
    """What came of it; `wrong` are (rule's title, row, whether the engine says it holds)."""

    hits: int
    silent: int
    wrong: tuple[tuple[str, int, bool], ...]


def texts_of(made: CompiledSet, zipped: Path) -> dict[int, Mapping[str, Any]]:
    """For each active rule of a zip its YAML, read without the engine."""
    out: dict[int, Mapping[str, Any]] = {}
    with zipfile.ZipFile(zipped) as archive:
        for number, rule in enumerate(made.rules):
            if made.status[number].state == "active" and rule.kind == "rule":
                data = archive.read(rule.path.rpartition("!")[2])
                out[number] = SigmaYAMLLoader(data).get_single_data()
    return out


def cross(
    made: CompiledSet,
    rules: Mapping[int, Mapping[str, Any]],
    events: pa.Table,
    *,
    share: float,
    seed: int = 3,
    lists: Lists | None = None,
) -> Crossed:
    """`share` is that of the pairs that the engine left out, among the events that the rule's log source means."""
    records, names = as_records(events), names_of(events)
    hits: dict[int, set[int]] = defaultdict(set)
    for hit in made.match(events).to_pylist():
        hits[hit["rule"]].add(hit["row"])
    rows_of: dict[tuple[str, str, str, str], list[int]] = defaultdict(list)
    for row, kind in enumerate(names):
        rows_of[kind].append(row)
    draw = random.Random(seed)
    checked = [0, 0]
    wrong: list[tuple[str, int, bool]] = []
    for number, rule in rules.items():
        meant: set[int] = set()
        for kind, rows in rows_of.items():
            ways = meanings(rule["logsource"], kind)
            if not ways:
                continue
            meant.update(rows)
            evaluators = [rule_in(way, rule["detection"], lists) for way in ways]
            silent = [row for row in rows if row not in hits[number]]
            chosen = (
                silent
                if share >= 1
                else draw.sample(silent, min(len(silent), round(len(silent) * share + 0.5)))
            )
            for row in (*chosen, *(row for row in rows if row in hits[number])):
                said = row in hits[number]
                checked[said] += 1
                if any(one.matches(records[row]) for one in evaluators) != said:
                    wrong.append((made.rules[number].title, row, said))
        wrong += [(made.rules[number].title, row, True) for row in sorted(hits[number] - meant)]
    return Crossed(checked[1], checked[0], tuple(wrong))
