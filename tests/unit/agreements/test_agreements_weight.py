from __future__ import annotations

import re
from pathlib import Path

import pytest

from agreement_cases import agreement
from countersign.agreements import clause_cites, clauses, load_agreement, severity_of
from countersign.agreements.weight import CITES, NEVER, SEVERITY

EXAMPLE = Path(__file__).parents[3] / "src/countersign/content/agreements/example.yaml"


def test_every_clause_of_the_example_has_a_severity_and_cites_something() -> None:
    held = load_agreement(EXAMPLE)
    for clause in clauses(held):
        assert severity_of(clause, held)
        assert clause_cites(clause, held)
    assert set(SEVERITY) == set(CITES)


def test_a_never_clause_says_its_own_severity_and_cites_what_it_forbids() -> None:
    held = agreement(
        never=[
            {"name": "logs", "what": ["log_cleared", "admin_shares"], "severity": "critical"},
            {"name": "dcs", "to": "dc*", "by": "rdp"},
        ]
    )
    assert severity_of("never.logs", held) == "critical"
    assert severity_of("never.dcs", held) == "high"
    assert clause_cites("never.logs", held) == (*NEVER["log_cleared"], *NEVER["admin_shares"])
    assert clause_cites("never.dcs", held) == (*NEVER["to"], *NEVER["by"])


def test_an_unknown_clause_is_our_own_mistake() -> None:
    with pytest.raises(RuntimeError):
        severity_of("never.was", agreement())
    assert clause_cites("never.was", agreement()) == ()


def test_cited_items_are_in_the_alert_register(shared_data: Path) -> None:
    register = (shared_data.parent / "alerts.md").read_text("utf-8")
    items = set(re.findall(r"^\| ([A-Z0-9-]+/[A-Z0-9-]+) \|", register, re.MULTILINE))
    cited = {item for table in (CITES, NEVER) for row in table.values() for item in row}
    assert cited <= items
