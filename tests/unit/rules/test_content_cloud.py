"""Our own rules for identity and cloud logs on public samples, as their sources read them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from countersign.model.batch import ParseContext
from countersign.rules import CompiledSet, compile_rules, own_rules
from countersign.sources import source

NOW = datetime(2026, 11, 21, tzinfo=UTC)
CONTEXT = ParseContext("0" * 64, NOW, NOW)
STRATUS = {
    "defense-evasion.cloudtrail-delete": "aws-logging-stopped",
    "defense-evasion.cloudtrail-event-selectors": "aws-logging-stopped",
    "defense-evasion.cloudtrail-stop": "aws-logging-stopped",
    "defense-evasion.dns-delete-logs": "aws-logging-stopped",
    "defense-evasion.vpc-remove-flow-logs": "aws-logging-stopped",
    "initial-access.console-login-without-mfa": "aws-console-without-second-factor",
    "persistence.iam-backdoor-role": "aws-role-trusts-another-account",
    "persistence.iam-create-backdoor-role": "aws-role-trusts-another-account",
    "persistence.rolesanywhere-create-trust-anchor": "aws-role-trusts-another-account",
    "persistence.iam-backdoor-user": "aws-access-key-for-another-user",
    "persistence.iam-create-user-login-profile": "aws-access-key-for-another-user",
    "privilege-escalation.iam-update-user-login-profile": "aws-access-key-for-another-user",
}
"""Attack step, and the rule that must fire on its CloudTrail events."""
NOTHING = ("execution.", "exfiltration.", "impact.", "lateral-movement.", "discovery.")
"""Steps that no rule of ours is about."""
SAMPLES = [
    ("Azure.Audit", "entra.audit", "AuditLogs", "Set Federation Settings", "entra-federation-changed"),
    (
        "Azure.Audit",
        "entra.audit",
        "AuditLogs",
        "Add Service Principal Credentials",
        "entra-credential-for-application",
    ),
    ("Azure.Audit", "entra.audit", "AuditLogs", "Policy Changed", "entra-conditional-access-weakened"),
    ("Okta.SystemLog", "okta", "okta", "Support Access Granted", "okta-support-let-in"),
    ("AWS.CloudTrail", "aws.cloudtrail", "CloudTrail", "No MFA Login - IAM User", "aws-console-without-second-factor"),
    ("AWS.CloudTrail", "aws.cloudtrail", "CloudTrail", "user1 create keys for user2", "aws-access-key-for-another-user"),
]  # fmt: skip
"""File, family, log, the sample's name, the rule that must fire on it."""


@pytest.fixture(scope="module")
def compiled() -> CompiledSet:
    return compile_rules(own_rules())


def test_attack_steps_in_cloudtrail(compiled: CompiledSet, shared_data: Path) -> None:
    for path in sorted((shared_data / "cloud" / "stratus").glob("*.json")):
        records = [json.dumps(record).encode() for record in json.loads(path.read_text("utf-8"))]
        read = source("aws.cloudtrail").parse(records, CONTEXT).events
        found = {Path(compiled.rules[rule].path).stem for rule in compiled.match(read)["rule"].to_pylist()}
        step = path.stem.removeprefix("aws.")
        if step in STRATUS:
            assert found == {STRATUS[step]}, step
        if step.startswith(NOTHING):
            assert found == set(), step


@pytest.mark.parametrize(("file", "family", "log", "name", "rule"), SAMPLES, ids=[one[-1] for one in SAMPLES])
def test_samples(
    compiled: CompiledSet,
    shared_data: Path,
    file: str,
    family: str,
    log: str,
    name: str,
    rule: str,
) -> None:
    lines = (shared_data / "cloud" / "events" / f"{file}.jsonl").read_text("utf-8").splitlines()
    samples = [sample for sample in map(json.loads, lines) if sample["test"] == name]
    assert samples
    read = source(family).parse([json.dumps(sample["log"]).encode() for sample in samples], CONTEXT).events
    assert set(read["metadata"].combine_chunks().field("log_name").to_pylist()) == {log}
    assert {Path(compiled.rules[each].path).stem for each in compiled.match(read)["rule"].to_pylist()} == {
        rule
    }
