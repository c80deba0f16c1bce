"""What fires where nothing bad happened: short enough to read, and as the documentation says."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from countersign.rules import load_rules, own_rules

ROOT = Path(__file__).parents[3]
MOST = 10
"""Rules in the table: more, and nobody reads it."""


def test_little_fires_on_an_ordinary_workstation_and_the_documentation_has_it(shared_data: Path) -> None:
    spec = importlib.util.spec_from_file_location("benign", ROOT / "bench" / "benign.py")
    assert spec is not None
    assert spec.loader is not None
    bench = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(bench)
    events = bench.read(bench.LOGS)
    active, rows = bench.fired(load_rules([bench.SIGMA, bench.OWN]), events)
    assert shared_data in bench.LOGS.parents
    assert active > 3_000
    assert len(rows) <= MOST
    assert {level for level, *_ in rows} <= {"low", "informational"}
    assert all(what for *_, what in rows)
    assert not {title for _, title, *_ in rows} & {rule.title for rule in own_rules().rules}
    table = bench.page(events.num_rows, rows).splitlines()
    text = (ROOT / "docs" / "rules.md").read_text("utf-8").splitlines()
    assert set(table) <= set(text), "put the output of bench/benign.py into docs/rules.md"
