"""Our own rules: each fires on its example, is silent on the other, and cites items that exist."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from countersign.rules import Example, Rule, load_logsources, own_rules

RULES = own_rules()
NAMES = [Path(rule.path).stem for rule in RULES.rules]
HIGH = {
    "archive-protected-or-split",
    "aws-logging-stopped",
    "backups-removed",
    "directory-database-copied",
    "directory-replicated",
    "entra-federation-changed",
    "event-log-cleared",
    "logon-secrets-dumped",
    "rdp-from-loopback",
}
"""What hardly ever is ordinary work."""


@pytest.fixture(scope="module")
def compiled() -> object:
    from countersign.rules import compile_rules

    return compile_rules(RULES)


def family(rule: Rule) -> str:
    """The log family in which a rule's examples stand: the first of its product."""
    return load_logsources().products[rule.product].source[0]


def fired(compiled: object, events: Callable[..., pa.Table], rule: Rule, example: Example) -> set[int]:
    table = events([dict(example.fields)], source=family(rule), log=example.log, event=example.event)
    return set(compiled.match(table)["rule"].to_pylist())  # type: ignore[attr-defined]  # a CompiledSet


def test_all_are_read_and_active(compiled: object) -> None:
    assert RULES.problems == ()
    assert len(RULES.rules) >= 40
    states = {status.state for status in compiled.status}  # type: ignore[attr-defined]  # a CompiledSet
    assert states == {"active", "waiting"}


def test_ids_are_unique() -> None:
    """Also across files: a second rule of one id would have been a problem."""
    assert len({rule.id for rule in RULES.rules}) == len(RULES.rules)


@pytest.mark.parametrize("number", range(len(NAMES)), ids=NAMES)
def test_fires_and_is_silent(compiled: object, events: Callable[..., pa.Table], number: int) -> None:
    rule = RULES.rules[number]
    assert rule.fires
    assert rule.silent
    for example in rule.fires:
        assert number in fired(compiled, events, rule, example), example
    for example in rule.silent:
        assert number not in fired(compiled, events, rule, example), example


@pytest.mark.parametrize("number", range(len(NAMES)), ids=NAMES)
def test_says_what_a_finding_needs(number: int) -> None:
    rule = RULES.rules[number]
    assert uuid.UUID(rule.id).version == 4
    assert rule.description
    assert rule.cites
    assert rule.falsepositives
    assert 2 <= len(re.findall(r"[.?!](?:\s|$)", rule.runbook)) <= 4, rule.runbook
    assert rule.version.isdecimal()
    assert (rule.level in {"high", "critical"}) == (NAMES[number] in HIGH)


TAG = re.compile(r"attack\.(t[0-9]{4}(\.[0-9]{3})?|[a-z]+(-[a-z]+)*)")
TACTICS = {
    "initial-access", "execution", "persistence", "privilege-escalation", "defense-evasion", "credential-access",
    "discovery", "lateral-movement", "collection", "command-and-control", "exfiltration", "impact",
}  # fmt: skip


@pytest.mark.parametrize("number", range(len(NAMES)), ids=NAMES)
def test_tags_name_tactics_and_techniques(number: int) -> None:
    rule = RULES.rules[number]
    assert rule.techniques
    assert all(TAG.fullmatch(tag) for tag in rule.tags)
    words = {tag.removeprefix("attack.") for tag in rule.tags}
    assert words & TACTICS
    assert words - TACTICS == {technique.lower() for technique in rule.techniques}


def test_cited_items_exist(shared_data: Path) -> None:
    register = (shared_data.parent / "alerts.md").read_text("utf-8")
    known = set(re.findall(r"^\| ([A-Z0-9-]+/[A-Z0-9-]+) \|", register, re.MULTILINE))
    assert {cite for rule in RULES.rules for cite in rule.cites} <= known
