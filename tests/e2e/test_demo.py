from __future__ import annotations

import contextlib
import json
import os
import struct
import subprocess
import sys
from pathlib import Path

import pytest


def countersign(*arguments: str | Path, code: int = 0) -> str:
    """The program as a user runs it; its stdout."""
    environment = {**os.environ, "TZ": "Europe/London"}
    run = subprocess.run(
        [sys.executable, "-m", "countersign", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=300,
        env=environment,
        check=False,
    )
    assert run.returncode == code, run.stderr
    assert "Traceback" not in run.stderr
    return run.stdout


SHOW = """
import sys
from countersign.cli import main
ward, *visits = sys.argv[1:]
for visit in visits:
    sys.argv[1:] = ["-C", ward, "visit", visit]
    try:
        main()
    except SystemExit as end:
        if end.code:
            raise
"""
"""One visit after the other, in one process: starting one for each took longer than all else here."""


def on_a_terminal(*arguments: str | Path) -> str:
    """What Python writes on a terminal of 80 columns without colours."""
    pty, termios, fcntl = (pytest.importorskip(name) for name in ("pty", "termios", "fcntl"))
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    environment = {**os.environ, "TZ": "Europe/London", "NO_COLOR": "1", "TERM": "dumb"}
    with subprocess.Popen(
        [sys.executable, *map(str, arguments)],
        stdout=theirs,
        stdin=theirs,
        env=environment,
    ) as run:
        os.close(theirs)
        said = bytearray()
        with contextlib.suppress(OSError):  # how a closed terminal ends
            while part := os.read(ours, 65_536):
                said += part
        os.close(ours)
    assert run.returncode == 0
    return said.decode()


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    folder = tmp_path_factory.mktemp("demo") / "demo"
    return folder, countersign("demo", folder)


def test_the_intrusion_is_found_and_ordinary_visits_raise_nothing_high(demo: tuple[Path, str]) -> None:
    folder, _ = demo
    ward = folder / "ward"
    findings = [json.loads(line) for line in countersign("-C", ward, "findings", "--json").splitlines()]
    visits = [json.loads(line) for line in countersign("-C", ward, "visits", "--json").splitlines()]
    truth = [
        json.loads(line) for line in (folder / "logs" / "truth" / "visits.jsonl").read_text().splitlines()
    ]
    loud = {body["visit"] for body in findings if body["severity"] in {"high", "critical"}}
    assert len(loud) == 1
    (intrusion,) = [visit for visit in visits if visit["id"] in loud]
    (bad,) = [visit for visit in truth if visit["malicious"]]
    assert intrusion["provider"] == bad["provider"]
    assert intrusion["start"][:13] == bad["start"][:13]
    # at least those of a person; a service's visits may be counted otherwise
    assert len(visits) >= 18
    assert len(visits) <= len(truth) * 1.3


def test_exit_code_says_that_something_needs_a_person(demo: tuple[Path, str]) -> None:
    ward = demo[0] / "ward"
    countersign("-C", ward, "findings", "--fail-on", "high", code=1)
    countersign("-C", ward, "ledger", "verify")


def test_tables_fit_and_every_visit_and_finding_can_be_shown(demo: tuple[Path, str]) -> None:
    ward = demo[0] / "ward"
    visits = [json.loads(line)["id"] for line in countersign("-C", ward, "visits", "--json").splitlines()]
    text = on_a_terminal("-c", SHOW, ward, *(visit[:12] for visit in visits))
    assert max(map(len, text.splitlines())) <= 80
    heads = [line for line in text.splitlines() if line.startswith("Visit ")]
    assert len(heads) == len(visits)
    first = json.loads(countersign("-C", ward, "findings", "--json").splitlines()[0])
    page = countersign("-C", ward, "finding", first["id"])
    assert "Evidence" in page


def test_the_report_is_one_page_without_outside_requests(demo: tuple[Path, str]) -> None:
    page = (demo[0] / "ward" / "report.html").read_text("utf-8")
    assert "<svg" in page
    assert "<script" not in page
    assert 'src="http' not in page


def test_a_second_demo_replaces_the_first_but_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "precious.txt").write_text("mine")
    countersign("demo", tmp_path, code=2)
    assert (tmp_path / "precious.txt").read_text() == "mine"
