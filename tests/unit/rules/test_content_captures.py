"""Our own rules on real captures of others: they fire where the act is, and not on ordinary logons."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest
from evtx import PyEvtxParser

from countersign.model.batch import ParseContext
from countersign.rules import CompiledSet, compile_rules, correlations, own_rules
from countersign.sources import evtx, source
from countersign.sources._framing import frame
from rule_stories import found

NOW = datetime(2026, 11, 21, tzinfo=UTC)
CONTEXT = ParseContext("0" * 64, NOW, NOW)
RULES = own_rules()
UNSPOKEN = correlations.silent(RULES, {rule.id for rule in RULES.rules if rule.kind == "correlation"})
STEM = {rule.id: Path(rule.path).stem for rule in RULES.rules if rule.id not in UNSPOKEN}

EXPECTED = {
    "ID4722-Guest account activated": "account-enabled",
    "ID4720-4726 Fast created-deleted user": "account-made-and-deleted",
    "ID4732-4733-Quick added-removed user from local group": "admin-group-member-for-a-while",
    "ID4728-4756-Member added to sensitive domain groups": "admin-group-member-added",
    "ID4719-Audit policy deactivation": "audit-lessened",
    "ID4688-Audit policy clear attempt": "audit-lessened",
    "ID4688-Delete Window backup (webadmin)": "backups-removed",
    "ID4688-Delete VSS backup (WMI)": "backups-removed",
    "ID5136-Computer account set for RBCD delegation": "delegation-granted",
    "ID4662-DCsync attack using Mimikatz": "directory-replicated",
    "ID4688-IFM created": "directory-database-copied",
    "ID104-1102-Event log cleared": "event-log-cleared",
    "ID4688,4697,5140-5145 PSexec remote execution + admin share": "program-copied-to-admin-share",
    "ID11,13,17,18-PSexec as system execution": "remote-execution-tool",
    "ID4688-Defender service deactivation attempt": "security-tool-stopped",
    "ID4698-4699-Fast created & deleted task by ATexec": "task-made-and-deleted",
    "ID4698-4699-Fast created & deleted task by SMBexec": "task-from-staging-folder",
    "ID4688-netsh RDP port forwarding abuse": "tunnel-opened",
    "ID4768-4771-Kerberos user enumeration (Kerbrute)": "password-spraying",
}
"""Beginning of a file's name in evtx-to-mitre-attack.zip, and the rule that must fire in it."""
LABS = {
    "covenant_copy_smb_CreateRequest": "program-copied-to-admin-share",
    "covenant_psremoting_grunt": "remoting-shell",
    "empire_psremoting_stager": "remoting-shell",
    "empire_smbexec_dcerpc_smb_svcctl": "service-installed-oddly",
    "metasploit_procdump_lsass_memory_dump": "logon-secrets-dumped",
    "purplesharp_ad_playbook_I": "weak-service-tickets",
    "schtask_modification": "task-from-staging-folder",
    "empire_wmic_add_user_backdoor": "wmi-remote-execution",
}
"""Captures of windows-json, and the rule that must fire in each."""


@pytest.fixture(scope="module")
def compiled() -> CompiledSet:
    return compile_rules(RULES)


def fired(compiled: CompiledSet, events: pa.Table) -> set[str]:
    return {STEM[id_] for id_ in found(compiled, RULES, events) if id_ in STEM}


def members(path: Path) -> Iterator[tuple[str, pa.Table]]:
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            if name.lower().endswith(".evtx"):
                parser = PyEvtxParser(io.BytesIO(archive.read(name)))
                records = [one["data"].encode() for one in parser.records_json() if one is not None]
                events = evtx.parse(records, CONTEXT).events
                if events.num_rows:
                    yield Path(name).stem, events


def test_the_act_is_found_in_the_capture_of_it(compiled: CompiledSet, shared_data: Path) -> None:
    missing = dict(EXPECTED)
    for name, events in members(shared_data / "evtx" / "evtx-to-mitre-attack.zip"):
        for start in [start for start in missing if name.startswith(start)]:
            if missing[start] in fired(compiled, events):
                del missing[start]
    assert missing == {}


@pytest.mark.parametrize(("capture", "rule"), LABS.items(), ids=LABS)
def test_the_act_is_found_in_the_lab(
    compiled: CompiledSet, shared_data: Path, capture: str, rule: str
) -> None:
    with zipfile.ZipFile(shared_data / "windows-json" / f"{capture}.zip") as archive:
        (name,) = [one for one in archive.namelist() if not one.endswith("/")]
        records = frame("lines", archive.read(name))
    assert rule in fired(compiled, source("windows.json").parse(records, CONTEXT).events)


def test_silent_on_ordinary_network_and_linux_logs(compiled: CompiledSet, shared_data: Path) -> None:
    """Logons, scans and guesses from outside are no acts of these rules."""
    events = 0
    for path in sorted((shared_data / "syslog" / "crowdsec").rglob("*.log")):
        if any(word in path.as_posix() for word in ("sshd", "ssh-", "pam", "openvpn")):
            parsed = source("syslog").parse(frame("lines", path.read_bytes()), CONTEXT).events
            events += parsed.num_rows
            if parsed.num_rows:
                assert fired(compiled, parsed) <= {"linux-sudo-to-shell"}, path
    assert events > 50
