from __future__ import annotations

import json
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from collecting import Ward
from countersign.agreements.coverage import SOURCES
from countersign.app.doctor import advise, diagnose, gaps
from countersign.app.origins import CANNOT_TELL, Log, overwritten, table
from countersign.cli.commands import program
from countersign.sources import sources

NOW = datetime(2026, 11, 22, tzinfo=UTC)


def _hop(id_: str, protocol: str = "rdp", **changes: Any) -> dict[str, Any]:
    return {
        "id": id_,
        "protocol": protocol,
        "source": "desk1",
        "target": "app01",
        "seen_by": ["target host"],
        "expected_by": ["target host"],
        **changes,
    }


def _visit(missing: str, *hops: dict[str, Any], verdict: str = "not observed") -> dict[str, Any]:
    said = {
        "clause": "never.share",
        "verdict": verdict,
        "missing": missing,
        "hops": [hop["id"] for hop in hops],
    }
    return {"hops": list(hops), "verdicts": [said]}


def test_sources_are_ranked_by_what_they_would_decide() -> None:
    process = f"{SOURCES['process']} of app01"
    share = f"{SOURCES['share']} of app01"
    visits = [
        _visit(process, _hop("a")),
        _visit(process, _hop("b")),
        _visit(f"{process}; {share}", _hop("c")),
    ]
    found, rest, unseen = advise(visits)
    assert [(one.id, one.alone, one.shared) for one in found] == [
        ("windows.process", 2, 1),
        ("network.sensor", 0, 1),
        ("windows.share", 0, 1),
    ]
    assert found[0].hosts == ("app01",)
    assert found[0].clauses == ("never.share",)
    assert (rest, unseen) == ({}, 3)
    assert any("ProcessCreation" in text or "Process Creation" in text for _, text in found[0].how)


def test_an_absent_vantage_point_of_a_hop_counts() -> None:
    hop = _hop("a", "ssh", seen_by=[], expected_by=["target host", "network sensor", "source host"])
    found, _, unseen = advise([_visit("", hop, verdict="kept")])
    assert {one.id: (one.hops, one.hosts) for one in found} == {
        "linux.logon": (1, ("app01",)),
        "network.sensor": (1, ("app01",)),
        "source.host": (1, ("desk1",)),
    }
    assert unseen == 0


def test_no_windows_setting_is_advised_for_a_host_that_was_reached_by_ssh() -> None:
    found, _, _ = advise([_visit(f"{SOURCES['process']} of app01", _hop("a", "ssh"))])
    assert [one.id for one in found] == ["linux.logon"]


def test_what_no_source_would_show_is_told_too() -> None:
    _, rest, _ = advise([_visit("ticket or change records", _hop("a"))])
    assert rest == {"ticket or change records": 1}


def test_every_kind_of_source_that_verdicts_call_for_is_in_the_table() -> None:
    answers = [word for one in table()["source"] for word in one["answers"]]
    for words in SOURCES.values():
        assert any(answer in words for answer in answers), words


def test_gaps_are_whole_days() -> None:
    days = ["2026-11-01", "undated", "2026-11-05", "2026-11-02", "2026-11-07"]
    assert gaps(days) == (("2026-11-03", "2026-11-04"), ("2026-11-06", "2026-11-06"))
    assert gaps([]) == ()


def test_every_log_whose_keeping_is_told_is_a_family() -> None:
    named = [name for row in table()["keeps"] for name in row["families"]]
    assert len(named) == len(set(named))
    assert set(named) <= {source.name for source in sources()}
    assert all(
        row["reference"].startswith("https://") for row in table()["keeps"] if row["basis"] == "documented"
    )


def test_overwriting_is_told_only_where_its_maker_says_it() -> None:
    last = datetime(2026, 11, 20, tzinfo=UTC)
    until = overwritten("entra.signin", last, NOW)
    assert until.when.startswith("2026-11-27")
    assert "gone" not in until.why
    assert until.basis == "documented"
    assert "as documented" in until.why
    assert "gone" in overwritten("entra.signin", datetime(2026, 11, 1, tzinfo=UTC), NOW).why
    assert overwritten("syslog", last, NOW).when == CANNOT_TELL
    assert overwritten("okta", None, NOW).when == CANNOT_TELL
    dhcp = overwritten("windows_dhcp", last, NOW)
    assert (dhcp.when[:10], "weekday" in dhcp.why) == ("2026-11-27", True)


def test_every_period_says_who_says_so() -> None:
    for one in [*table()["keeps"], *table()["size"]]:
        assert one["basis"] in {"documented", "assumed"}
        assert one["reference"].startswith("https://") or one["basis"] == "assumed"


def test_an_event_log_ends_by_its_rate_and_size() -> None:
    first, last = datetime(2026, 11, 10, tzinfo=UTC), datetime(2026, 11, 20, tzinfo=UTC)
    log = Log(
        "dc1", "Security", 5_000, first, last, 1_000, 101_000, 5_000 * 512
    )  # 10,000 a day, half of a KiB each
    until = log.until(NOW)
    assert until.when[:10] == "2026-11-24"  # 40,960 records find room
    assert "10,000 records a day of 512 bytes in a log of 20 MiB" in until.why
    assert (until.basis, "gone" in until.why) == ("documented", False)
    other = Log("dc1", "Vendor/Operational", 5_000, first, last, 1_000, 101_000, 5_000 * 512).until(NOW)
    assert (other.basis, "assumed" in other.why, "gone" in other.why) == ("assumed", True, True)
    few = Log("dc1", "Security", 20, first, last, 1, 21, 9_000).until(NOW)
    assert (few.when, few.basis) == (CANNOT_TELL, "")


def test_event_logs_and_gaps_by_machine(ward: Ward, logs: Path, shared_data: Path) -> None:
    with zipfile.ZipFile(shared_data / "evtx" / "evtx-to-mitre-attack.zip") as archive:
        for number, name in enumerate([one for one in archive.namelist() if one.endswith(".evtx")][:6]):
            (logs / f"{number}.evtx").write_bytes(archive.read(name))
    (logs / "auth.log").write_text(
        "".join(
            f"2026-11-{day}T10:00:00+00:00 {host} sshd[7]: Accepted password for jane from 203.0.113.9 port 5 ssh2\n"
            for host, days in (("lnx1", (10, 11, 12, 13)), ("lnx2", (10, 13)), ("lnx3", (10,)))
            for day in days
        )
    )
    ward.collect(logs)
    held = {one.source: one for one in diagnose(ward.workspace, NOW).held}
    assert held["syslog"].gaps == ()
    assert {one.host: one.gaps for one in held["syslog"].hosts} == {
        "lnx1": (),
        "lnx2": (("2026-11-11", "2026-11-12"),),
        "lnx3": (),
    }
    assert held["windows.evtx"].logs
    assert all(log.host and log.log and log.bytes for log, _ in held["windows.evtx"].logs)
    run = CliRunner().invoke(program, ["-C", str(ward.workspace.root), "doctor", "sources"])
    assert run.exit_code == 0, run.exception
    assert "lnx2" in run.output
    assert "lnx3" in run.output


def test_the_command_on_a_workspace(ward: Ward, logs: Path) -> None:
    lines = [
        f"2026-11-{day}T10:00:00+00:00 lnx1 sshd[7]: Accepted password for jane from 203.0.113.9 port 5 ssh2\n"
        for day in (10, 13)
    ]
    (logs / "auth.log").write_text("".join(lines))
    ward.collect(logs)
    (held,) = diagnose(ward.workspace, NOW).held
    assert held.gaps == (("2026-11-11", "2026-11-12"),)
    assert held.last == datetime(2026, 11, 13, 10, tzinfo=UTC)
    run = CliRunner().invoke
    said = run(program, ["-C", str(ward.workspace.root), "doctor", "sources", "--json"])
    assert json.loads(said.output)["sources"][0]["overwritten"] == CANNOT_TELL
    assert (
        "cannot tell" in run(program, ["-C", str(ward.workspace.root), "doctor", "sources", "--how"]).output
    )
