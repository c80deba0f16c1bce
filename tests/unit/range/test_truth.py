from __future__ import annotations

from datetime import datetime
from ipaddress import ip_address
from typing import Any
from zoneinfo import ZoneInfo

LONDON = ZoneInfo("Europe/London")


def local(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(LONDON)


def test_truth_refers_to_records_that_speak_of_it(demo: Any) -> None:
    for visit in demo.visits:
        assert visit["start"] < visit["end"]
        for hop in visit["hops"]:
            assert visit["start"] <= hop["start"] <= hop["end"] <= visit["end"]
            texts = [demo.line(place) for place in hop["records"]]
            assert any(hop["account"] in text for text in texts), hop
        for step in visit["steps"]:
            assert visit["start"] <= step["time"] <= visit["end"]
            for place in step["records"]:
                assert demo.line(place)


def test_hops_follow_each_other_by_address(demo: Any) -> None:
    for visit in demo.visits:
        entry, second = visit["hops"][0], visit["hops"][1]
        assert entry["protocol"] == "vpn"
        given = [demo.line(place) for place in entry["records"]]
        assert any(f"<{second['source']}>" in text or f"IPv4={second['source']}" in text for text in given)
        for hop in visit["hops"][2:]:
            assert hop["source"] == "JUMP01"


def test_ordinary_visits_keep_origin_and_hours(demo: Any) -> None:
    providers = {provider.name: provider for provider in demo.spec.providers}
    for visit in demo.visits:
        if visit["malicious"]:
            continue
        provider = providers[visit["provider"]]
        assert any(ip_address(visit["hops"][0]["source"]) in network for network in provider.origins)
        assert {hop["account"] for hop in visit["hops"]} == {visit["account"]}
        hours = provider.services[0].hours if visit["kind"] == "service" else provider.hours
        begin, end = local(visit["start"]), local(visit["end"])
        assert begin.weekday() < 5
        assert begin.strftime("%H:%M") >= hours.from_
        if visit["kind"] == "person":
            assert end.strftime("%H:%M") < hours.to


def test_the_intrusion_is_whole(demo: Any) -> None:
    [visit] = [visit for visit in demo.visits if visit["malicious"]]
    assert local(visit["start"]).strftime("%a %H") == "Thu 23"
    protocols = [(hop["protocol"], hop["account"], hop["target"]) for hop in visit["hops"]]
    assert protocols[:3] == [
        ("vpn", "ng.okafor", "asa01"),
        ("rdp", "ng.okafor", "JUMP01"),
        ("smb", "da.wilkins", "FILE01"),
    ]
    techniques = {step["technique"] for step in visit["steps"]}
    assert techniques >= {
        "T1133",
        "T1021.001",
        "T1003.001",
        "T1021.002",
        "T1560.001",
        "T1048.002",
        "T1070.001",
    }
    texts = [demo.line(place) for step in visit["steps"] for place in step["records"]]
    for word in (
        '"EventID":4648',
        '"EventID":5140',
        '"EventID":5145',
        '"EventID":1102',
        "rar.exe a -r -m1 -hp",
    ):
        assert any(word in text for text in texts), word
    [sent] = [row for row in demo.zeek("conn") if row["id.resp_h"] == "198.51.100.140"]
    assert int(sent["orig_bytes"]) > 10**9
