"""What the report is made from, and that its page is written whole or not at all."""

from __future__ import annotations

import resource
import shutil
import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from countersign.app.collect import collect
from countersign.app.report import report_model, write_report
from countersign.app.review import review
from countersign.app.workspace import CONFIG, Workspace
from countersign.errors import UsageError
from countersign.model.report import HostCoverage, RejectedCount, ReportModel

NOW = datetime(2026, 3, 9, 12, 0, tzinfo=UTC)
AGREEMENT = """\
version: 1
provider: {id: acme, name: ACME Services}
zone: Europe/London
identities:
  - {name: Jane Doe, accounts: [jdoe]}
origins: [203.0.113.0/24]
"""
SSH = """\
2026-03-02T09:00:00+00:00 lnx01 sshd[1]: Accepted publickey for jdoe from 198.51.100.4 port 4001 ssh2
2026-03-02T09:10:00+00:00 lnx01 sshd[1]: Disconnected from user jdoe 198.51.100.4 port 4001
2026-03-03T09:00:00+00:00 lnx01 sshd[2]: Accepted publickey for jdoe from 203.0.113.9 port 4002 ssh2
2026-03-03T09:10:00+00:00 lnx01 sshd[2]: Disconnected from user jdoe 203.0.113.9 port 4002
"""
WINDOWS = """\
{"Channel":"Security","EventID":4624,"EventRecordID":1,"Hostname":"SRV1","@timestamp":"2026-03-04T10:00:00.000Z","TargetUserName":"anna","LogonType":3}
{"Channel":"Security","EventID":
{"Channel":"Security","EventID":4624,"EventRecordID":2,"Hostname":"SRV1","@timestamp":"2026-03-04T10:00:01.000Z","TargetUserName":"anna","LogonType":3}
"""


@pytest.fixture(scope="module")
def reviewed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `ward` gives, in the folder `now`, and a copy of it."""
    place = tmp_path_factory.mktemp("reviewed")
    workspace = Workspace.create(place / "now" / "ward")
    (workspace.agreements / "acme.yaml").write_text(AGREEMENT, "utf-8")
    logs = place / "now" / "logs"
    logs.mkdir()
    (logs / "auth.log").write_text(SSH, "utf-8")
    (logs / "windows.jsonl").write_text(WINDOWS, "utf-8")
    (logs / "photo.bin").write_bytes(bytes(range(256)) * 40)
    collect(workspace, [logs], workers=1, clock=lambda: NOW)
    review(workspace, now=NOW)
    shutil.copytree(place / "now", place / "kept")
    return place


@pytest.fixture
def ward(reviewed: Path) -> Workspace:
    """Two visits, of which one comes from elsewhere; a broken record; a file that is no log. Each test has it as it was made, and where."""
    shutil.rmtree(reviewed / "now")
    shutil.copytree(reviewed / "kept", reviewed / "now")
    return Workspace.open(reviewed / "now" / "ward")


def model(ward: Workspace, since: datetime | None = None, until: datetime | None = None) -> ReportModel:
    return report_model(Workspace.open(ward.root), since, until, NOW)


def test_visits_findings_and_providers(ward: Workspace) -> None:
    made = model(ward)
    assert (made.organisation, made.generated) == ("ward", NOW)
    assert [(part.id, part.name) for part in made.providers] == [("acme", "ACME Services")]
    assert made.providers[0].agreement
    assert [visit.person for visit in made.visits] == ["Jane Doe", "Jane Doe"]
    assert [finding.rule_id for finding in made.findings] == ["origin"]
    assert made.findings[0].visit in {visit.id for visit in made.visits}


def test_a_period_leaves_out_what_lies_outside(ward: Workspace) -> None:
    made = model(ward, since=datetime(2026, 3, 3, tzinfo=UTC), until=datetime(2026, 3, 4, tzinfo=UTC))
    assert [visit.start for visit in made.visits] == [datetime(2026, 3, 3, 9, tzinfo=UTC)]
    assert made.findings == ()
    assert (made.since, made.until) == (datetime(2026, 3, 3, tzinfo=UTC), datetime(2026, 3, 4, tzinfo=UTC))


def test_coverage_counts_what_was_read_and_what_was_not_understood(ward: Workspace) -> None:
    seen = {part.name: part for part in model(ward).coverage.sources}
    assert set(seen) == {"syslog", "windows.json", "unknown"}  # photo.bin is kept
    assert (seen["syslog"].records, seen["syslog"].rejected) == (4, 0)
    assert (seen["syslog"].first, seen["syslog"].last) == (
        datetime(2026, 3, 2, 9, 0, tzinfo=UTC),
        datetime(2026, 3, 3, 9, 10, tzinfo=UTC),
    )
    assert (seen["windows.json"].records, seen["windows.json"].rejected) == (3, 1)
    assert all(part.title for part in seen.values())


def test_rejected_records_are_counted_by_reason(ward: Workspace) -> None:
    (rejected,) = model(ward).coverage.rejected
    assert rejected == RejectedCount("windows.json", rejected.reason, 1)
    assert rejected.reason


def test_files_that_gave_no_records_are_named_until_they_do(ward: Workspace) -> None:
    (unread,) = model(ward).coverage.unread
    assert Path(unread.path).name == "photo.bin"
    assert "unrecognised" in unread.reason
    photo = ward.root.parent / "logs" / "photo.bin"
    photo.write_text(SSH.replace("lnx01", "lnx02"), "utf-8")
    collect(ward, [photo], workers=1, clock=lambda: NOW)
    assert model(ward).coverage.unread == ()


def test_what_can_be_seen_of_each_host(ward: Workspace) -> None:
    hosts = {part.host.casefold(): part for part in model(ward).coverage.hosts}
    assert set(hosts) == {"lnx01", "srv1"}
    for part in hosts.values():
        assert part == HostCoverage(part.host, logons=True, processes=False)


def test_an_empty_workspace_makes_an_empty_report(tmp_path: Path) -> None:
    made = model(Workspace.create(tmp_path / "ward"))
    assert (made.visits, made.findings, made.coverage.sources, made.coverage.unread) == ((), (), (), ())


def test_settings_name_the_organisation_and_the_zone(ward: Workspace) -> None:
    text = (ward.root / CONFIG).read_text()
    text = text.replace('organisation = ""', 'organisation = "Meridian"')
    head, report, tail = text.partition("[report]")
    (ward.root / CONFIG).write_text(head + report + tail.replace('zone = ""', 'zone = "Asia/Tokyo"'))
    made = model(ward)
    assert (made.organisation, made.zone) == ("Meridian", "Asia/Tokyo")


def test_the_page_is_private_and_replaces_an_older_one(ward: Workspace, tmp_path: Path) -> None:
    out = tmp_path / "out" / "report.html"
    out.parent.mkdir()
    write_report(ward, out, lambda _: "<p>ä</p>", now=NOW)
    assert out.read_text("utf-8") == "<p>ä</p>"
    write_report(ward, out, lambda _: "<p>newer</p>", now=NOW)
    assert out.read_text("utf-8") == "<p>newer</p>"
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert list(out.parent.iterdir()) == [out]


def test_a_folder_in_its_place_is_left_alone_and_nothing_stays_beside_it(
    ward: Workspace, tmp_path: Path
) -> None:
    out = tmp_path / "out" / "report.html"
    out.mkdir(parents=True)
    with pytest.raises(UsageError, match=r"report\.html cannot be written"):
        write_report(ward, out, lambda _: "page", now=NOW)
    assert list(out.parent.iterdir()) == [out]
    assert list(out.iterdir()) == []


def test_a_missing_folder_is_told(ward: Workspace, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file"):
        write_report(ward, tmp_path / "none" / "report.html", lambda _: "page", now=NOW)


@pytest.fixture
def megabyte() -> Iterator[int]:
    """Files of this process cannot grow beyond a megabyte: as on a full disk, a write fails midway."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, hard))
    yield 1 << 20
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_page_that_does_not_fit_leaves_the_older_one_and_nothing_else(
    ward: Workspace, tmp_path: Path, megabyte: int
) -> None:
    out = tmp_path / "out" / "report.html"
    out.parent.mkdir()
    out.write_text("older")
    with pytest.raises(UsageError, match="cannot be written"):
        write_report(ward, out, lambda _: "x" * (megabyte + 1), now=NOW)
    assert out.read_text() == "older"
    assert list(out.parent.iterdir()) == [out]
