"""SigmaHQ's rules for Linux audit ask for records by type, with fields that the system call has under the same names: they run
on the records, while visits have one event with the whole of it."""

from __future__ import annotations

import zipfile
from pathlib import Path

from countersign.app.collect import collect
from countersign.app.workspace import Workspace
from detecting import hits, lay, reviewed

FOLDER = "rules/linux/auditd/"
RULES = {
    "lnx_auditd_disable_aslr_protection.yml": {
        "EXECVE"
    },  # a0 of EXECVE in one selection, a0 of SYSCALL in the other
    "lnx_auditd_audio_capture.yml": {"SYSCALL"},
    "lnx_auditd_keylogging_with_pam_d.yml": {"PATH"},
    "execve/lnx_auditd_find_cred_in_files.yml": {"EXECVE"},
    "syscall/lnx_auditd_create_account.yml": {"SYSCALL", "ADD_USER"},
    "service_stop/lnx_auditd_disable_system_firewall.yml": {"SERVICE_STOP"},
}
CALL = "type=SYSCALL msg=audit(1795183200.120:{0}): arch=c000003e syscall={1} success=yes exit=0 a0=3 a1=7ffe auid=1005 euid=0 ses=41 pid={0} {2}\n"
LOG = "".join(
    [
        CALL.format(1, 59, 'comm="sysctl" exe="/usr/sbin/sysctl" key="exec"'),
        'type=EXECVE msg=audit(1795183200.120:1): argc=3 a0="sysctl" a1="-w" a2="kernel.randomize_va_space=0"\n',
        'type=CWD msg=audit(1795183200.120:1): cwd="/root"\n',
        CALL.format(2, 319, 'comm="ecasound" exe="/usr/bin/ecasound" key=(null)'),
        CALL.format(3, 257, 'comm="vi" exe="/usr/bin/vi" key=(null)'),
        'type=PATH msg=audit(1795183200.120:3): item=1 name="/etc/pam.d/password-auth" nametype=NORMAL\n',
        CALL.format(4, 59, 'comm="grep" exe="/usr/bin/grep" key="exec"'),
        'type=EXECVE msg=audit(1795183200.120:4): argc=3 a0="grep" a1="password" a2="/srv/app.conf"\n',
        CALL.format(5, 59, 'comm="useradd" exe="/usr/sbin/useradd" key="exec"'),
        'type=ADD_USER msg=audit(1795183200.200:6): pid=5 uid=0 auid=1005 ses=41 msg=\'op=adding user acct="b" exe="/usr/sbin/useradd" res=success\'\n',
        "type=SERVICE_STOP msg=audit(1795183200.300:7): pid=1 uid=0 auid=4294967295 ses=4294967295 msg='unit=firewalld comm=\"systemd\" res=success'\n",
    ]
)


def test_rules_ask_for_records_and_visits_for_the_event(tmp_path: Path, shared_data: Path) -> None:
    ward = Workspace.create(tmp_path / "ward")
    with zipfile.ZipFile(shared_data / "sigma" / "sigma-rules.zip") as rules:
        for number, name in enumerate(RULES):
            lay(ward, f"{number}.yml", rules.read(FOLDER + name).decode())
    log = tmp_path / "audit.log"
    log.write_text(LOG)
    collect(ward, [log], workers=1)
    reviewed(ward)
    with ward.reading() as lake:
        rows = {row["id"]: row for row in lake.read("events").to_pylist()}
    assert len(rows) == len(LOG.splitlines())
    found = sorted(rows[hit[2]]["metadata"]["event_code"] for hit in hits(ward))
    assert found == sorted(kind for kinds in RULES.values() for kind in kinds)
    ran = [row["process"]["cmd_line"] for row in rows.values() if row["class_uid"] == 1007]
    assert {line for line in ran if line} == {
        "sysctl -w kernel.randomize_va_space=0",
        "grep password /srv/app.conf",
    }
