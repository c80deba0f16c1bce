"""SigmaHQ's rules for auditd and Sysmon for Linux on our golden files, and for Windows channels from XML."""

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
    "linux.auditd/raw": {
        "lnx_auditd_create_account",  # type ADD_USER
        "lnx_auditd_disable_system_firewall",  # type SERVICE_STOP, unit
        "lnx_auditd_keylogging_with_pam_d",  # type TTY
    },
    "linux.sysmon/bare": {"proc_creation_lnx_curl_usage"},
    "syslog/sysmon": {"proc_creation_lnx_curl_usage"},
    "windows.xml/channels": {
        "av_hacktool",
        "pipe_created_sysinternals_psexec_default_pipe",
        "win_applocker_application_was_prevented_from_running",
        "win_bits_client_new_job_via_bitsadmin",
        "win_codeintegrity_enforced_policy_block",
        "win_defender_config_change_exclusion_added",
        "win_security_member_added_security_enabled_global_group",
    },
}


@pytest.fixture(scope="module")
def sigma(shared_data: Path) -> CompiledSet:
    return compile_rules(load_rules([shared_data / "sigma" / "sigma-rules.zip"]))


@pytest.mark.parametrize("case", EXPECTED)
def test_rules_fire(sigma: CompiledSet, case: str) -> None:
    raw = GOLDEN / f"{case}.raw"
    family = source(raw.parent.name)
    events = family.parse(frame(family.framing, raw.read_bytes()), CONTEXT).events
    fired = {Path(sigma.rules[rule].path).stem for rule in sigma.match(events)["rule"].to_pylist()}
    assert EXPECTED[case] - fired == set()
