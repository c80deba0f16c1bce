"""Public Sigma rules on the attack steps that they describe: what a step writes is what that technique really leaves."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pytest

from countersign.range import RangeSpec, load_spec
from countersign.range.attacks import overlay
from countersign.range.attacks.scenario import Scenario
from countersign.range.attacks.steps import STEPS
from countersign.range.spec import DirtSpec
from countersign.rules import CompiledSet, compile_rules, load_rules
from range_made import CONTENT, text
from real_events import events_of

CLEAN = DirtSpec(
    lost=0, late=0, doubled=0, logoffs=0, zero_guids=0, empty_addresses=0, empty_winrm=0, empty_machines=0, clocks=0, silent=0, sysmon=1, audit=1,
    wrong_zones=0,
)  # fmt: skip
CAMPAIGNS = {
    "host": [
        "login_vpn", "rdp", "look_around", "dump_credentials", "switch_credential", "kerberoast", "psexec", "wmi", "winrm",
        "schedule_task", "create_service", "map_admin_share", "dcsync", "dump_directory", "add_account", "stage_archive",
        "copy_out", "install_remote_tool", "forward_port", "stop_sensor", "remove_backups", "encrypt", "clear_log",
    ],
    "tenant": [
        "login_partner", "consent_app", "add_credential", "reset_mfa", "add_role", "add_federation", "mailbox_rule", "read_mail",
    ],
    "account": ["assume_role", "create_access_key", "share_snapshot", "stop_trail", "read_secrets"],
    "support": ["login_support", "look_around"],
}  # fmt: skip
EXPECTED = {
    ("host", "look_around"): {"proc_creation_win_nltest_recon", "proc_creation_win_whoami_groups_discovery", "proc_creation_win_net_groups_and_accounts_recon"},
    ("host", "dump_credentials"): {"proc_creation_win_hktl_mimikatz_command_line", "proc_access_win_lsass_memdump", "win_alert_mimikatz_keywords"},
    ("host", "kerberoast"): {"win_security_susp_rc4_kerberos", "win_security_kerberoasting_activity"},
    ("host", "psexec"): {"win_system_hack_smbexec"},
    ("host", "wmi"): {"proc_creation_win_wmiprvse_spawning_process"},
    ("host", "winrm"): {"proc_creation_win_winrm_susp_child_process", "proc_creation_win_winrm_remote_powershell_session_process"},
    ("host", "schedule_task"): {"win_security_scheduled_task_deletion", "proc_creation_win_susp_execution_path"},
    ("host", "create_service"): {"win_system_service_install_susp"},
    ("host", "dcsync"): {"win_security_ad_replication_non_machine_account"},
    ("host", "dump_directory"): {"proc_creation_win_susp_ntds"},
    ("host", "add_account"): {"win_security_user_creation", "win_security_member_added_security_enabled_global_group"},
    ("host", "stage_archive"): {"proc_creation_win_rar_compression_with_password", "proc_creation_win_winrar_uncommon_folder_execution"},
    ("host", "copy_out"): {"proc_creation_win_susp_execution_path"},
    ("host", "install_remote_tool"): {"win_system_service_install_anydesk", "proc_creation_win_remote_access_tools_anydesk_silent_install"},
    ("host", "forward_port"): {"proc_creation_win_netsh_port_forwarding"},
    ("host", "stop_sensor"): {"proc_creation_win_sc_stop_service"},
    ("host", "remove_backups"): {"proc_creation_win_susp_shadow_copies_deletion"},
    ("host", "encrypt"): {"proc_creation_win_sysinternals_psexesvc", "win_system_service_install_sysinternals_psexec"},
    ("host", "clear_log"): {"win_security_audit_log_cleared", "proc_creation_win_susp_eventlog_clear"},
    ("tenant", "reset_mfa"): {"azure_change_to_authentication_method"},
    ("tenant", "add_role"): {"azure_ad_user_added_to_admin_role"},
    ("tenant", "add_federation"): {"azure_federation_modified"},
    ("tenant", "mailbox_rule"): {"microsoft365_susp_email_forwarding_activity"},
    ("account", "create_access_key"): {"aws_iam_backdoor_users_keys"},
    ("account", "share_snapshot"): {"aws_snapshot_backup_exfiltration"},
    ("account", "stop_trail"): {"aws_cloudtrail_disable_logging"},
    ("support", "look_around"): {"proc_creation_win_remote_access_tools_screenconnect_remote_execution"},
}  # fmt: skip
"""Campaign and step, and the rules (SigmaHQ's file names) that must fire on its own records."""


@pytest.fixture(scope="module")
def sigma(shared_data: Path) -> CompiledSet:
    return compile_rules(load_rules([shared_data / "sigma" / "sigma-rules.zip"]))


@pytest.fixture(scope="module")
def fired(sigma: CompiledSet, tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], set[str]]:
    spec = load_spec(CONTENT / "ranges" / "small.yaml")
    assert isinstance(spec, RangeSpec)
    spec = spec.model_copy(update={"dirt": CLEAN, "days": 2, "hosts": 60})
    found: dict[tuple[str, str], set[str]] = defaultdict(set)
    for name, steps in CAMPAIGNS.items():
        folder = tmp_path_factory.mktemp("sigma")
        for step, rules in on_steps(sigma, spec, name, steps, folder).items():
            found[name, step] |= rules
    return found


def on_steps(
    sigma: CompiledSet, spec: RangeSpec, name: str, steps: list[str], folder: Path
) -> dict[str, set[str]]:
    scenario = Scenario(
        version=1, name=name, title=name, reports=("none",), objective="none", steps=tuple({"do": step} for step in steps)
    )  # fmt: skip
    overlay(spec, 5, scenario, folder, care=0)
    owner = owners(folder / "truth" / "steps.jsonl")
    found: dict[str, set[str]] = defaultdict(set)
    for data in logs(folder):
        events = events_of(data)
        assert events is not None, data[:200]
        names = [owner.get(one) for one in keys(events)]
        if any(names):
            for hit in sigma.match(events).to_pylist():
                if names[hit["row"]]:
                    found[str(names[hit["row"]])].add(Path(sigma.rules[hit["rule"]].path).stem)
    return found


def logs(folder: Path) -> Iterator[bytes]:
    """Each log; of the tenant's, which has two kinds of record, each kind."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not {"truth", "agreements"} & set(path.parts):
            lines = text(path).splitlines(keepends=True)
            audit = [line for line in lines if b'"category":"AuditLogs"' in line]
            others = lines if not audit else [line for line in lines if b'"category":"AuditLogs"' not in line]
            yield from filter(None, (b"".join(others), b"".join(audit)))


def owners(path: Path) -> dict[tuple[str, ...], str]:
    out: dict[tuple[str, ...], str] = {}
    for line in path.read_bytes().splitlines():
        action = orjson.loads(line)
        for record in action["records"]:
            if action["step"]:
                out[key(record)] = action["step"]
    return out


def key(record: Mapping[str, Any]) -> tuple[str, ...]:
    if record["log"] == "windows":
        return record["computer"].lower(), record["channel"], str(record["record"])
    return (str(record.get("uid") or record.get("id") or record.get("sha256")),)


def keys(events: pa.Table) -> list[tuple[str, ...]]:
    hosts = events["device"].to_pylist() if "device" in events.column_names else [None] * events.num_rows
    pairs = zip(events["metadata"].to_pylist(), hosts, strict=True)
    return [
        (str((host or {}).get("hostname")).lower(), str(data["log_name"]), str(data["uid"]))
        if str(data["uid"]).isdigit()  # a record id
        else (str(data["uid"]),)
        for data, host in pairs
    ]


@pytest.mark.parametrize("step", EXPECTED, ids="-".join)
def test_rules_fire_on_the_steps_that_they_describe(
    fired: dict[tuple[str, str], set[str]], step: tuple[str, str]
) -> None:
    assert EXPECTED[step] <= fired[step]


def test_every_rule_is_expected_of_a_step_that_there_is() -> None:
    assert {step for _, step in EXPECTED} <= set(STEPS)
    assert all(step in CAMPAIGNS[name] for name, step in EXPECTED)
