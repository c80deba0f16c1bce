"""SigmaHQ's rules for remote support tools and gateways on our golden files."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from countersign.model.batch import ParseContext
from countersign.rules import CompiledSet, compile_rules, load_rules
from countersign.sources import source
from countersign.sources._framing import frame

GOLDEN = Path(__file__).parents[1] / "golden"
NOW = datetime(2026, 11, 21, tzinfo=UTC)
CONTEXT = ParseContext("0" * 64, NOW, NOW)
EXPECTED = {
    "windows.json/screenconnect": {"win_app_remote_access_tools_screenconnect_file_transfer": [4]},
    "syslog/guacamole": {"lnx_guacamole_susp_guacamole": [5]},
}


@pytest.fixture(scope="module")
def sigma(shared_data: Path) -> CompiledSet:
    return compile_rules(load_rules([shared_data / "sigma" / "sigma-rules.zip"]))


@pytest.mark.parametrize("case", EXPECTED)
def test_rules_fire_where_they_should(sigma: CompiledSet, case: str) -> None:
    raw = GOLDEN / f"{case}.raw"
    family = source(raw.parent.name)
    events = family.parse(frame(family.framing, raw.read_bytes()), CONTEXT).events
    record = events["record"].to_pylist()
    hits = sigma.match(events).to_pylist()
    for name, records in EXPECTED[case].items():
        found = [record[hit["row"]] for hit in hits if Path(sigma.rules[hit["rule"]].path).stem == name]
        assert found == records
