from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agreement_cases import VPN, WATCHED, action, agreement, entry, hop, inner, verdicts, visit
from countersign.agreements import Coverage
from countersign.agreements.never import is_admin_share, program_names
from countersign.model.visit import Link, Verdict, Visit


def never(came: Visit, coverage: Coverage = WATCHED, **clause: Any) -> Verdict:
    held = agreement(gateways=[VPN], groups={"controllers": ["dc*"]}, never=[{"name": "x"} | clause])
    return verdicts(held, came, coverage)["never.x"]


@pytest.mark.parametrize(
    ("what", "kind", "text"),
    [
        ("log_cleared", "log", "Security log cleared"),
        ("account_changes", "account", "user evil created"),
        ("new_services", "service", "PSEXESVC"),
        ("new_tasks", "task", "\\Updater"),
        ("admin_shares", "share", "\\\\FS01\\C$"),
    ],
)
def test_an_act_breaks_its_clause_and_is_the_evidence(what: str, kind: str, text: str) -> None:
    found = never(visit(entry(), inner(actions=(action(kind, text),))), what=what)
    assert found.verdict == "broken"
    assert text in found.why
    assert [one.event for one in found.records] == [f"{kind} {text}"]
    assert never(visit(entry(), inner()), what=what).verdict == "kept"
    unwatched = never(visit(entry(), inner(target="APP99")), what=what)
    assert unwatched.verdict == "not observed"
    assert "APP99" in unwatched.missing


def test_a_log_that_was_resized_was_not_cleared() -> None:
    assert (
        never(
            visit(entry(), inner(actions=(action("log", "event log changed (1105)"),))), what="log_cleared"
        ).verdict
        == "kept"
    )


def test_programs_are_recognised_by_name_and_need_process_records() -> None:
    used = inner(actions=(action("process", '"C:\\Temp\\PsExec64.exe" \\\\dc01 cmd'),))
    assert never(visit(entry(), used), tools="psexec*").verdict == "broken"
    assert never(visit(entry(), used), tools="mimikatz*").verdict == "kept"
    blind = never(visit(entry(), inner(target="dc01")), tools="psexec*")
    assert blind.verdict == "not observed"
    assert "Sysmon 1" in blind.missing
    assert "dc01" in blind.missing


@pytest.mark.parametrize(
    ("command", "name"),
    [
        ("C:\\Program Files\\7-Zip\\7z.exe a x", "7z"),
        ('"C:\\Program Files\\7-Zip\\7z.exe" a x', "7z.exe"),
        ("/usr/bin/rsync -a x y", "rsync"),
        ("RAR.EXE", "rar"),
        ("whoami /all", "whoami"),
    ],
)
def test_the_program_of_a_command_line(command: str, name: str) -> None:
    assert name in program_names(command)


@given(st.text(max_size=60))
def test_any_command_line_has_some_names(command: str) -> None:
    assert all(name and "\\" not in name for name in program_names(command))
    assert isinstance(is_admin_share(command), bool)


@pytest.mark.parametrize(
    ("text", "admin"),
    [
        ("\\\\*\\ADMIN$", True),
        ("\\\\FS01\\c$ x", True),
        ("\\\\FS01\\IPC$", False),
        ("\\\\FS01\\data", False),
        ("5$", False),
    ],
)
def test_administrative_shares(text: str, admin: bool) -> None:
    assert is_admin_share(text) is admin


class TestWhere:
    def test_a_forbidden_host(self) -> None:
        assert never(visit(entry(), inner(target="DC01")), to="controllers").verdict == "broken"
        assert never(visit(entry(), inner()), to="controllers").verdict == "kept"

    def test_silence_about_hosts_that_nobody_watches_is_not_kept(self) -> None:
        blind = Coverage(logon_hosts=frozenset({"fs01"}))
        found = never(visit(entry(), inner()), blind, to="controllers")
        assert found.verdict == "not observed"
        assert "controllers" in found.missing
        sensor = Coverage(network_sensor=True)
        assert never(visit(entry(), inner()), sensor, to="controllers").verdict == "kept"

    def test_all_that_a_clause_states_must_come_together(self) -> None:
        here = inner(actions=(action("share", "C$"),))
        assert never(visit(entry(), here), to="controllers", what="admin_shares").verdict == "kept"
        assert never(visit(entry(), here), to="fs01", by="smb", what="admin_shares").verdict == "kept"
        assert never(visit(entry(), here), to="fs01", by="rdp", what="admin_shares").verdict == "broken"

    def test_by_protocol(self) -> None:
        assert never(visit(entry(), inner(protocol="smb")), by="smb").verdict == "broken"
        assert never(visit(entry(), inner(protocol="ssh")), by="smb").verdict == "kept"
        assert never(visit(entry(), inner(protocol="network")), by="smb").verdict == "not observed"


class TestCredentials:
    def test_a_switch_is_broken(self) -> None:
        switched = inner(credential_switch=True, account="CORP\\svc")
        assert never(visit(entry(), switched), what="credential_switch").verdict == "broken"

    def test_a_switch_along_an_ambiguous_link_is_not_observed(self) -> None:
        unsure = inner(credential_switch=True, link=Link("ambiguous", "two"))
        assert never(visit(entry(), unsure), what="credential_switch").verdict == "not observed"
        assert (
            never(visit(entry(), inner(link=Link("ambiguous", "two"))), what="credential_switch").verdict
            == "not observed"
        )

    def test_none_is_kept_only_on_watched_hosts(self) -> None:
        assert never(visit(entry(), inner()), what="credential_switch").verdict == "kept"
        assert never(visit(entry(), inner(target="X9")), what="credential_switch").verdict == "not observed"


def test_outside_the_gateway() -> None:
    assert never(visit(entry(), inner()), what="outside_gateway").verdict == "kept"
    assert never(visit(hop()), what="outside_gateway").verdict == "broken"


def test_an_act_on_a_host_that_may_be_meant_is_not_observed() -> None:
    unsure = inner(target="10.1.0.9", actions=(action("log", "cleared"),))
    assert never(visit(entry(), unsure), to="dc01", what="log_cleared").verdict == "not observed"


@pytest.mark.parametrize(
    ("what", "kind", "text", "verdict"),
    [
        ("new_services", "service", "stopped service Spooler (7036)", "kept"),
        ("new_services", "service", "service x: C:\\x.exe (7036)", "broken"),
        ("admin_shares", "file", "file written: \\\\*\\C$\\a.txt", "broken"),
        ("admin_shares", "file", "file written: \\\\*\\Data\\C$", "kept"),
        ("admin_shares", "file", "file made: C:\\Temp\\C$", "kept"),
    ],
)
def test_a_service_that_stopped_is_not_new_and_a_file_shows_its_share(
    what: str, kind: str, text: str, verdict: str
) -> None:
    found = never(visit(entry(), inner(actions=(action(kind, text),))), what=what)
    assert found.verdict == verdict
