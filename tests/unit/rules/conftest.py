"""Small events for the engine: fields by their source names."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pytest

from countersign.model.schema import source_columns
from countersign.rules import CompiledSet, RuleSet, compile_rules, load_rules

Fields = Mapping[str, str | None]
EventTable = Callable[..., pa.Table]

SYSMON = "Microsoft-Windows-Sysmon/Operational"


def build_events(
    rows: Sequence[Fields], *, source: str = "windows.evtx", log: str = SYSMON, event: str = "1"
) -> pa.Table:
    own = source_columns()
    columns: dict[str, list[str | None]] = {}
    rest: list[list[tuple[str, str]]] = []
    for place, fields in enumerate(rows):
        left = []
        for name, value in fields.items():
            column = own.get(name.casefold())
            if value is None:
                continue
            if column is None:
                left.append((name, value))
            else:
                columns.setdefault(column, [None] * len(rows))[place] = value
        rest.append(left)
    metadata = pa.array([{"log_name": log, "event_code": event}] * len(rows))
    return pa.table(
        {
            "source": pa.array([source] * len(rows), pa.string()),
            "metadata": metadata,
            **{name: pa.array(values, pa.string()) for name, values in columns.items()},
            "unmapped": pa.array(rest, pa.map_(pa.string(), pa.string())),
        }
    )


@pytest.fixture
def events() -> EventTable:
    return build_events


@pytest.fixture
def ruleset(tmp_path: Path) -> Callable[..., RuleSet]:
    def load(*texts: str) -> RuleSet:
        for number, text in enumerate(texts):
            (tmp_path / f"{number}.yml").write_text(text, "utf-8")
        return load_rules([tmp_path])

    return load


@pytest.fixture
def compiled(ruleset: Callable[..., RuleSet]) -> Callable[..., CompiledSet]:
    """A rule with the given detection, indented as YAML, on process_creation."""

    def compile_(
        detection: str, logsource: str = "{product: windows, category: process_creation}"
    ) -> CompiledSet:
        body = "\n".join("  " + line for line in detection.strip("\n").splitlines())
        made = ruleset(f"title: t\nlogsource: {logsource}\ndetection:\n{body}\n")
        assert made.problems == ()
        return compile_rules(made)

    return compile_


@pytest.fixture
def fires(compiled: Callable[..., CompiledSet]) -> Callable[..., list[int]]:
    """Rows of `rows` on which the detection fires."""

    def run(detection: str, rows: Sequence[Fields]) -> list[int]:
        made = compiled(detection)
        assert made.status[0].state == "active", made.status[0].reason
        found: list[int] = made.match(build_events(rows))["row"].to_pylist()
        return found

    return run
