"""SigmaHQ's rules for identity providers and clouds on our golden files: the same hits from every shape of a record, and no
rule of these products waits for a source."""

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
FOLDERS = ("cloud/azure/", "cloud/m365/", "cloud/gcp/", "identity/okta/", "identity/cisco_duo/")
ROLE = "azure_ad_user_added_to_admin_role"
INBOX = {
    "microsoft365_susp_email_forwarding_activity",
    "microsoft365_susp_inbox_rule_creation_or_update_activity",
}
SINGLE = "azure_ad_only_single_factor_auth_required"
EXPECTED = {
    "entra.audit/diagnostic": {
        ROLE,
        "azure_ad_account_created_deleted",
        "azure_change_to_authentication_method",
    },
    "entra.audit/graph": {ROLE},
    "entra.audit/sentinel": {ROLE},
    "entra.audit_csv/portal": {ROLE},
    "entra.audit_workspace/sentinel": {ROLE},
    "entra.signin/eventhub": {SINGLE, "azure_user_login_blocked_by_conditional_access"},
    "entra.signin/powershell": {SINGLE},
    "entra.signin_csv/interactive": {SINGLE, "azure_user_login_blocked_by_conditional_access"},
    "entra.signin_workspace/sentinel": {SINGLE},
    "azure.activity/storage": {
        "azure_granting_permission_detection",
        "azure_network_security_modified_or_deleted",
    },
    "m365/management": INBOX,
    "m365/graph": INBOX,
    "m365.csv/purview": INBOX,
    "okta/api": {
        "okta_admin_role_assigned_to_user_or_group",
        "okta_mfa_reset_or_deactivated",
        "okta_policy_rule_modified_or_deleted",
    },
    "duo.authentication/api": {"cisco_duo_mfa_bypass_via_bypass_code"},
    "gcp.audit/gcloud": {"gcp_firewall_rule_modified_or_deleted"},
    "google_workspace/api": {"gcp_gworkspace_application_access_levels_modified"},
}
"""Golden case, and rules that must fire on it."""


@pytest.fixture(scope="module")
def sigma(shared_data: Path) -> CompiledSet:
    return compile_rules(load_rules([shared_data / "sigma" / "sigma-rules.zip"]))


def fired(sigma: CompiledSet, case: str) -> set[str]:
    raw = GOLDEN / f"{case}.raw"
    family = source(raw.parent.name)
    events = family.parse(frame(family.framing, raw.read_bytes()), CONTEXT).events
    return {Path(sigma.rules[rule].path).stem for rule in sigma.match(events)["rule"].to_pylist()}


@pytest.mark.parametrize("case", EXPECTED)
def test_rules_fire_on_every_shape(sigma: CompiledSet, case: str) -> None:
    assert EXPECTED[case] <= fired(sigma, case)


def test_none_waits(sigma: CompiledSet) -> None:
    pairs = zip(sigma.rules, sigma.status, strict=True)
    states = [status.state for rule, status in pairs if any(folder in rule.path for folder in FOLDERS)]
    assert len(states) > 150
    assert "waiting" not in states
