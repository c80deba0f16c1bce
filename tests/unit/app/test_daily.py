from __future__ import annotations

from pathlib import Path

import pytest

from countersign.app.daily import daily
from countersign.app.review import review
from countersign.app.workspace import Workspace
from countersign.web import render_report

AGREEMENT = """\
version: 1
provider: {id: acme, name: ACME}
identities:
  - {name: Jane Doe, accounts: [jdoe]}
origins: [203.0.113.0/24]
"""
LINE = (
    "2026-03-0{day}T09:00:00+00:00 lnx01 sshd[{pid}]: Accepted password for jdoe from {ip} port 4{pid} ssh2\n"
)


@pytest.fixture
def ward(tmp_path: Path) -> Workspace:
    workspace = Workspace.create(tmp_path / "ward")
    (workspace.agreements / "acme.yaml").write_text(AGREEMENT, "utf-8")
    (tmp_path / "inbox").mkdir()
    return workspace


def line(ward: Workspace, day: int, pid: int, ip: str) -> None:
    with (ward.root.parent / "inbox" / "auth.log").open("a") as file:
        file.write(LINE.format(day=day, pid=pid, ip=ip))


def test_each_finding_is_told_once_whoever_reviewed_in_between(ward: Workspace) -> None:
    inbox = ward.root.parent / "inbox"
    line(ward, 2, 100, "203.0.113.4")
    first = daily(ward, inbox, render_report)
    assert first.new_findings == ()
    assert first.collected.new_events == 1
    line(ward, 3, 101, "198.51.100.4")
    from countersign.app.collect import collect

    collect(ward, [inbox])
    assert (
        len(review(ward).new_findings) == 1
    )  # somebody looked by hand; the digest must tell it all the same
    second = daily(ward, inbox, render_report)
    assert [finding.rule_id for finding in second.new_findings] == ["origin"]
    assert daily(ward, inbox, render_report).new_findings == ()


def test_the_digest_has_at_most_ten_lines_and_names_report_and_findings(ward: Workspace) -> None:
    for pid in range(100, 112):
        line(ward, 2, pid, f"198.51.{pid}.4")
    (ward.agreements / "bad.yaml").write_text("zoo: 1\n", "utf-8")
    (ward.root.parent / "inbox" / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(99))
    digest = daily(ward, ward.root.parent / "inbox", render_report)
    text = digest.lines()
    assert len(text) <= 10
    assert text[1] == "12 visits and 12 findings in all; 12 are new."
    assert text[-1] == f"Report: {ward.root / 'report.html'}"
    assert any("broke origin" in entry for entry in text)
    assert any("agreement left out" in entry for entry in text)
    assert digest.reviewed.left_out == 1
    page = (ward.root / "report.html").read_text("utf-8")
    assert "Agreement left out" in page
    assert "picture.png" in page


def test_one_is_not_many(ward: Workspace) -> None:
    line(ward, 2, 100, "198.51.100.4")
    text = daily(ward, ward.root.parent / "inbox", render_report).lines()
    assert text[0] == "Collected 1 record (1 new event, 0 rejected)."
    assert text[1] == "1 visit and 1 finding in all; 1 is new."
