"""What goes into a pipe is not broken over lines; what a person reads is."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from countersign.cli.show_findings import by_value, finding_page, finding_table
from countersign.cli.text import WIDTH, console, indented

LONG = (
    "A rule with a title that needs far more room than a terminal of eighty columns has in one of its columns"
)
BODY: dict[str, Any] = {
    "id": "ab" * 16,
    "time": "2026-03-02T12:00:00Z",
    "severity": "high",
    "title": LONG[:88],
    "hosts": ["a-host-with-a-rather-long-name"],
    "visit": None,
    "why": "word " * 60,
    "rule_id": "r",
    "techniques": [],
    "cites": [],
    "also": [
        {"title": "Another", "severity": "low", "count": 3, "kind": "rule", "rule_id": "another-id"},
    ],
    "matched": [
        {"field": "Image", "value": "C:\\cmd.exe", "test": "ends with \\cmd.exe"},
        {"field": "CommandLine", "value": "cmd /c x", "test": "contains /c"},
        {"field": "Image", "value": "C:\\cmd.exe", "test": "contains cmd"},
        {"field": "Image", "value": "C:\\cmd.exe", "test": "contains cmd"},
        {"field": "User", "value": None, "test": "is absent"},
    ],
}


def test_in_a_pipe_a_row_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    finding_table([BODY])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3, "two headings and the row"
    assert BODY["title"] in lines[2]
    assert "(+1)" in lines[2]
    assert lines[2].rstrip().endswith(BODY["hosts"][0])
    finding_page(BODY, [])
    out = capsys.readouterr().out.splitlines()
    assert ("  " + BODY["why"]).rstrip() in out


def test_on_a_terminal_nothing_is_wider_than_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", str(WIDTH))
    monkeypatch.setenv("TERM", "dumb")
    console().print(indented(BODY["why"], "  "))
    finding_table([BODY])
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= WIDTH
    assert len(lines) > 6


def test_a_value_is_said_once_however_many_tests_it_met(capsys: pytest.CaptureFixture[str]) -> None:
    assert by_value(BODY["matched"]) == [
        "Image ends with \\cmd.exe, contains cmd: C:\\cmd.exe",
        "CommandLine contains /c: cmd /c x",
        "User is absent: absent",
    ]
    finding_page(BODY, [])
    out = capsys.readouterr().out
    assert out.count("C:\\cmd.exe") == 1
    assert "also told by Another (low, 3 times)  rule another-id" in out
