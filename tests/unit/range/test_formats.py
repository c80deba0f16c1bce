from __future__ import annotations

import ipaddress
import re
from typing import Any

ASA = re.compile(r"Mar 0[2-7] 2026 \d\d:\d\d:\d\d asa01 : %ASA-[0-7]-\d{6}: \S")
OPENVPN = re.compile(r"2026-03-0[2-7] \d\d:\d\d:\d\d \S")
SYSLOG = re.compile(r"Mar  [2-7] \d\d:\d\d:\d\d lnx01 [A-Za-z-]+(\[\d+\])?: \S")


def test_text_logs_are_shaped_like_the_products(demo: Any) -> None:
    for file, shape in (
        ("gateways/asa01.log", ASA),
        ("gateways/vpn02.log", OPENVPN),
        ("linux/lnx01/auth.log", SYSLOG),
    ):
        lines = demo.lines(file)
        assert lines
        assert [line for line in lines if not shape.match(line)] == []


def test_windows_records_rise_by_one_per_channel_and_time_never_falls(demo: Any) -> None:
    for host in (host.name for host in demo.spec.hosts if host.role != "linux"):
        last: dict[str, int] = {}
        moment = ""
        for event in demo.windows(host):
            system = event["System"]
            assert system["Computer"] == f"{host}.meridian.example"
            channel, record = system["Channel"], system["EventRecordID"]
            assert record == last.get(channel, record - 1) + 1
            last[channel] = record
            now = system["TimeCreated"]["#attributes"]["SystemTime"]
            assert now > moment
            moment = now
            assert "EventData" in event or "UserData" in event


def test_zeek_logs_have_headers_typed_columns_and_a_close(demo: Any) -> None:
    files = sorted((demo.root / "zeek").glob("*/*.log"))
    assert {file.stem for file in files} >= {"conn", "dns", "rdp", "ssh", "smb_mapping", "http", "ssl"}
    for file in files:
        lines = file.read_text("utf-8").splitlines()
        assert lines[0] == "#separator \\x09"
        assert lines[4] == f"#path\t{file.stem}"
        width = len(lines[6].split("\t"))
        assert lines[7].startswith("#types\t")
        assert len(lines[7].split("\t")) == width
        assert lines[-1].startswith("#close\t2026-03-")
        assert {len(line.split("\t")) for line in lines[8:-1]} == {width - 1}
    for row in demo.zeek("conn"):
        assert float(row["duration"]) >= 0
        ipaddress.ip_address(row["id.resp_h"])


def test_logon_ids_are_consistent(demo: Any) -> None:
    lost = total = 0
    for host in (host.name for host in demo.spec.hosts if host.role != "linux"):
        begun: dict[str, str] = {}
        linked: dict[str, str] = {}
        ended: set[str] = set()
        for event in demo.windows(host):
            code, data = event["System"]["EventID"], event.get("EventData", {})
            if code == 4624:
                begun[data["TargetLogonId"]] = data["TargetUserName"]
                if data["TargetLinkedLogonId"] != "0x0":
                    linked[data["TargetLogonId"]] = data["TargetLinkedLogonId"]
            elif code in {4634, 4647}:
                assert begun[data["TargetLogonId"]] == data["TargetUserName"]
                if code == 4634:
                    assert data["TargetLogonId"] not in ended
                    ended.add(data["TargetLogonId"])
            elif code == 4672:
                assert data["SubjectLogonId"] in begun
            elif code == 4688 and data["TargetLogonId"] != "0x0":
                assert data["TargetLogonId"] in begun
            elif code == 1 and event["System"]["Channel"].startswith("Microsoft-Windows-Sysmon"):
                assert data["LogonId"] in begun
        assert all(linked[other] == one for one, other in linked.items())
        sessions = set(begun) - {"0x3e7"}
        total += len(sessions)
        lost += len(sessions - ended)
    assert 0.08 < lost / total < 0.25


def test_every_remote_desktop_is_a_type_3_and_10_pair(demo: Any) -> None:
    seen = 0
    for host in ("JUMP01", "APP01", "EHR01", "SQL01"):
        network: list[tuple[str, str]] = []
        for event in demo.windows(host):
            if event["System"]["EventID"] != 4624:
                continue
            data = event["EventData"]
            who = (data["TargetUserName"], data["IpAddress"])
            if data["LogonType"] == 3:
                network.append(who)
            elif data["LogonType"] == 10:
                assert who in network[-4:]
                seen += 1
    assert seen >= 30


def test_the_sensor_saw_the_ports_that_the_targets_wrote(demo: Any) -> None:
    flows = {(row["id.orig_h"], row["id.orig_p"], row["id.resp_h"]) for row in demo.zeek("conn")}
    for host in ("FILE01", "EHR01"):
        address = next(str(h.address) for h in demo.spec.hosts if h.name == host)
        ports = [
            (event["EventData"]["IpAddress"], event["EventData"]["IpPort"], address)
            for event in demo.windows(host)
            if event["System"]["EventID"] == 4624
            and event["EventData"]["LogonType"] == 3
            and event["EventData"]["IpPort"] != "0"
        ]
        assert ports
        assert set(ports) <= flows


def test_uids_in_other_logs_are_connections(demo: Any) -> None:
    uids = {row["uid"] for row in demo.zeek("conn")}
    for path in ("rdp", "ssh", "smb_mapping", "dns", "ssl", "http", "dce_rpc"):
        assert {row["uid"] for row in demo.zeek(path)} <= uids
