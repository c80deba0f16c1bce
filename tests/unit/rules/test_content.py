"""Our own rules: each fires on its example, is silent on the other, and cites items that exist."""

from __future__ import annotations

import re
import uuid
from dataclasses import replace
from pathlib import Path

import pytest

from countersign.rules import CompiledSet, Rule, compile_rules, correlations, own_rules
from rule_stories import found, story

RULES = own_rules()
UNSPOKEN = correlations.silent(RULES, {rule.id for rule in RULES.rules if rule.kind == "correlation"})
SPOKEN = [rule for rule in RULES.rules if rule.id not in UNSPOKEN]
"""All but those that only a correlation refers to."""
NAMES = [Path(rule.path).stem for rule in SPOKEN]
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
TAG = re.compile(r"attack\.(t[0-9]{4}(\.[0-9]{3})?|[a-z]+(-[a-z]+)*)")
TACTICS = {
    "initial-access", "execution", "persistence", "privilege-escalation", "defense-evasion", "credential-access",
    "discovery", "lateral-movement", "collection", "command-and-control", "exfiltration", "impact",
}  # fmt: skip

each = pytest.mark.parametrize("rule", SPOKEN, ids=NAMES)


@pytest.fixture(scope="module")
def compiled() -> CompiledSet:
    return compile_rules(RULES)


def test_all_are_read_and_run_or_wait_for_a_source(compiled: CompiledSet) -> None:
    assert RULES.problems == ()
    assert correlations.problems(RULES) == ()
    assert len(SPOKEN) >= 40
    assert {status.state for status in compiled.status} <= {"active", "waiting"}
    assert sum(rule.kind == "correlation" for rule in SPOKEN) >= 5


def test_one_file_one_rule() -> None:
    assert len(set(NAMES)) == len(NAMES)
    assert len({rule.id for rule in RULES.rules}) == len(RULES.rules)
    assert len({rule.title for rule in RULES.rules}) == len(RULES.rules)


@each
def test_fires_and_is_silent(compiled: CompiledSet, rule: Rule) -> None:
    """One example at a time; those of a correlation are one story."""
    assert rule.fires
    assert rule.silent
    together = rule.kind == "correlation"
    for stories, wanted in ((rule.fires, True), (rule.silent, False)):
        for examples in [stories] if together else [(one,) for one in stories]:
            assert (rule.id in found(compiled, RULES, story(rule, examples))) == wanted, examples


@each
def test_a_part_of_a_story_is_not_enough(compiled: CompiledSet, rule: Rule) -> None:
    """The last event of a correlation is what completes it."""
    if rule.kind == "correlation":
        *before, last = rule.fires
        less = [*before, replace(last, times=last.times - 1)]
        assert rule.id not in found(compiled, RULES, story(rule, less))


@each
def test_says_what_a_finding_needs(rule: Rule) -> None:
    assert uuid.UUID(rule.id).version == 4
    assert rule.description
    assert rule.cites
    assert rule.falsepositives
    assert 2 <= len(re.findall(r"[.?!](?:\s|$)", rule.runbook)) <= 4, rule.runbook
    assert rule.version.isdecimal()
    assert (rule.level in {"high", "critical"}) == (Path(rule.path).stem in HIGH)


@each
def test_tags_name_tactics_and_techniques(rule: Rule) -> None:
    assert rule.techniques
    assert all(TAG.fullmatch(tag) for tag in rule.tags)
    words = {tag.removeprefix("attack.") for tag in rule.tags}
    assert words & TACTICS
    assert words - TACTICS == {technique.lower() for technique in rule.techniques}


def test_what_only_a_correlation_asks_says_nothing_by_itself() -> None:
    rest = [rule for rule in RULES.rules if rule.id in UNSPOKEN]
    assert rest
    assert {rule.level for rule in rest} == {"informational"}
    assert all(rule.name.startswith("countersign_") for rule in rest)


def test_cited_items_exist(shared_data: Path) -> None:
    register = (shared_data.parent / "alerts.md").read_text("utf-8")
    known = dict(re.findall(r"^\| ([A-Z0-9-]+/[A-Z0-9-]+) \|[^|]+\| ([TCQ+]+) \|", register, re.MULTILINE))
    cited = {cite for rule in SPOKEN for cite in rule.cites}
    assert cited <= set(known)
    assert all("T" in known[cite] for cite in cited)
