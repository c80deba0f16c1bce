"""What a hospital has and an office has not: sessions handed over, workstations that log on by themselves, staff who come and go."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from countersign.range import RangeSpec, load_spec
from countersign.range.spec import DirtSpec
from range_made import CONTENT, Made, reference

CLEAN = DirtSpec(
    lost=0, late=0, doubled=0, logoffs=0, zero_guids=0, empty_addresses=0, empty_winrm=0, empty_machines=0, clocks=0,
    silent=0, wrong_zones=0,
)  # fmt: skip


@pytest.fixture(scope="module")
def hospital(tmp_path_factory: pytest.TempPathFactory) -> Made:
    spec = load_spec(CONTENT / "ranges" / "hospital.yaml")
    assert isinstance(spec, RangeSpec)
    spec = spec.model_copy(update={"hosts": 150, "days": 3, "dirt": CLEAN})
    return Made(tmp_path_factory.mktemp("hospital") / "made", spec, 3)


@pytest.fixture(scope="module")
def rows(hospital: Made) -> dict[str, dict[str, Any]]:
    return {f"{row['computer']}/{row['channel']}/{row['record']}": row for row in hospital.windows}


def test_a_shared_session_goes_from_one_to_the_next(hospital: Made, rows: dict[str, dict[str, Any]]) -> None:
    pairs: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for visit in hospital.truth():
        if "handed over" in visit["tags"]:
            pairs[visit["provider"], visit["start"][:10]].append(visit)
    assert pairs
    for first, second in pairs.values():
        assert first["person"] != second["person"]
        desks = [next(hop for hop in visit["hops"] if hop["protocol"] == "rdp") for visit in (first, second)]
        assert desks[0]["account"] == desks[1]["account"]
        assert desks[0]["end"] < desks[1]["start"]
        events = [[rows[reference(r)] for r in hop["records"] if r["log"] == "windows"] for hop in desks]
        opened = {row["data"]["TargetLogonId"] for row in events[0] if row["event"] == 4624}
        [joined] = [row["data"]["LogonID"] for row in events[1] if row["event"] == 4778]
        assert joined in opened
        assert first["start"] < second["start"] <= desks[1]["start"] <= desks[1]["end"] <= second["end"]


def test_vendors_workstations_log_on_by_themselves(hospital: Made) -> None:
    visits = [visit for visit in hospital.truth() if visit["hops"][0]["protocol"] == "console"]
    assert {visit["kind"] for visit in visits} == {"service"}
    hours = {
        datetime.fromisoformat(visit["start"]).astimezone(ZoneInfo("Europe/London")).hour for visit in visits
    }
    assert hours == {5}


def test_staff_change_passwords_and_new_ones_get_accounts(hospital: Made) -> None:
    found = {
        code: [row for row in hospital.windows if row["event"] == code] for code in (4720, 4722, 4723, 4725)
    }
    own = [row for row in found[4723] if row["data"]["TargetUserName"] == row["data"]["SubjectUserName"]]
    assert own
    assert len(own) == len(found[4723])
    made = {row["data"]["TargetUserName"] for row in found[4720]}
    assert {row["data"]["TargetUserName"] for row in found[4722]} <= made
    for row in [*found[4722], *found[4725]]:
        assert row["data"]["SubjectUserName"].startswith("adm.")
    for row in found[4725]:
        gone = row["data"]["TargetUserName"], row["data"]["TargetDomainName"]
        later = [
            other for other in hospital.windows
            if other["event"] == 4624 and other["data"]["LogonType"] in {2, "2"} and other["time"] > row["time"]
            and (other["data"]["TargetUserName"], other["data"]["TargetDomainName"]) == gone
        ]  # fmt: skip
        assert not later


def test_anybodys_badge_opens_a_wards_desk(hospital: Made) -> None:
    users: dict[str, set[str]] = defaultdict(set)
    for row in hospital.windows:
        if row["event"] == 4624 and row["data"]["LogonType"] in {2, "2"} and row["computer"].startswith("WS"):
            users[row["computer"]].add(row["data"]["TargetUserName"])
    assert max(map(len, users.values())) > 5
