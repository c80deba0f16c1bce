"""What `review` says of an agreement that had to be left out: on stdout to programs, on stderr to people."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from collecting import Ward, syslog
from countersign.app.workspace import Workspace
from countersign.cli.commands import program

SOUND = "version: 1\nprovider: {id: acme, name: ACME}\nidentities:\n  - {name: Anna, accounts: [anna]}\n"
BROKEN = (
    'version: 1\nprovider: {id: oops, name: Oops}\nidentities:\n  - {name: Eve, acounts: ["\\e[31meve"]}\n'
)


@pytest.fixture
def ward(tmp_path: Path) -> Ward:
    found = Ward(Workspace.create(tmp_path / "ward"))
    (tmp_path / "auth.log").write_bytes(syslog(range(3)))
    found.collect(tmp_path / "auth.log")
    (found.workspace.agreements / "acme.yaml").write_text(SOUND, "utf-8")
    return found


def run(ward: Ward, *words: str) -> Result:
    arguments = ["-C", str(ward.workspace.root), *words]
    return CliRunner().invoke(program, arguments, standalone_mode=False, catch_exceptions=False)


@pytest.mark.parametrize("words", [("review",), ("daily", "{inbox}")])
def test_a_broken_agreement_is_told_on_stderr_and_stdout_stays_one_document(
    ward: Ward, tmp_path: Path, words: tuple[str, ...]
) -> None:
    (ward.workspace.agreements / "oops.yaml").write_text(BROKEN, "utf-8")
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    result = run(ward, *(word.format(inbox=inbox) for word in words), "--json")
    assert result.return_value == 2
    (line,) = result.stdout.splitlines()
    assert isinstance(json.loads(line), dict)
    first, *rest = result.stderr.splitlines()
    assert first.startswith("countersign: agreement left out, nobody is held to it: ")
    assert "oops.yaml:4" in first
    assert any(text.strip().startswith("remedy: ") for text in rest)
    assert "\x1b" not in result.stderr
    assert "acme" not in result.stderr


def test_the_document_counts_what_was_left_out_and_whom_it_still_holds(ward: Ward) -> None:
    (ward.workspace.agreements / "oops.yaml").write_text(BROKEN, "utf-8")
    document = json.loads(run(ward, "review", "--json").stdout)
    assert document["left_out"] == 1
    assert document["visits"] == 3


def test_with_sound_agreements_stderr_is_empty(ward: Ward) -> None:
    result = run(ward, "review", "--json")
    assert (result.return_value, result.stderr) == (0, "")


def test_what_was_revised_is_counted_by_review_and_told_by_visit(ward: Ward, tmp_path: Path) -> None:
    head, place = "2026-03-05T{}:00+00:00 lnx sshd[77]: ", "anna 203.0.113.9 port 4077"
    end = head.format("10:10") + f"Disconnected from user {place}\n"
    start = head.format("10:00") + f"Accepted publickey for {place.replace(' ', ' from ', 1)} ssh2\n"
    told = []
    for name, text in (("end.log", end), ("start.log", start)):
        (tmp_path / name).write_text(text, "utf-8")
        ward.collect(tmp_path / name)
        told.append(run(ward, "review").stdout)
    assert "revised" not in told[0]
    assert "1 visit was revised: countersign visit ID says what and why." in told[1]
    assert "revised" not in run(ward, "review").stdout
    bodies = [json.loads(line) for line in run(ward, "visits", "--json").stdout.splitlines()]
    (visit,) = [body for body in bodies if body["revisions"]]
    shown = run(ward, "visit", visit["id"]).stdout
    assert "\nRevised\n" in shown
    assert "203.0.113.9 > lnx (ssh): began 2026-03-05 10:00:00Z, was told as an unknown time" in shown
