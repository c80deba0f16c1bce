from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from countersign.model.batch import Parsed
from countersign.sources import recognise
from countersign.sources._framing import frame
from countersign.sources._windows import blocks
from countersign.sources._windows.events import FAMILIES
from unit.sources import evtx_writer
from unit.sources.evtx_writer import event
from unit.sources.source_lines import context, parse, within
from unit.sources.source_lines import event as one_event
from unit.sources.source_lines import events as all_events

FAMILY = "windows.evtx"
TIME = "2026-11-20T10:00:00.123456Z"
LOGON = {
    "SubjectUserSid": "S-1-0-0",
    "SubjectUserName": "-",
    "SubjectDomainName": "-",
    "SubjectLogonId": "0x0",
    "TargetUserSid": "S-1-5-21-1-1104",
    "TargetUserName": "pgustavo",
    "TargetDomainName": "THESHIRE",
    "TargetLogonId": "0x00000000004E13B2E",
    "LogonType": "3",
    "LogonProcessName": "Kerberos",
    "AuthenticationPackageName": "Kerberos",
    "WorkstationName": "-",
    "LogonGuid": "{F22407C6-EC99-A7C9-F99D-A3632CEA0F80}",
    "ProcessId": "0x2f4",
    "ProcessName": "C:\\Windows\\System32\\lsass.exe",
    "IpAddress": "::ffff:172.18.39.5",
    "IpPort": "62782",
    "TargetLinkedLogonId": "0x0",
}


def segment(*events: evtx_writer.Element) -> list[bytes]:
    return frame("evtx", evtx_writer.file(list(events)))


def record(
    code: int,
    data: dict[str, object],
    *,
    channel: str = "Security",
    provider: str = evtx_writer.SECURITY,
    number: object = 7,
    section: str = "EventData",
    **system: object,
) -> bytes:
    """One rendered record."""
    parts = {
        "Provider": {"#attributes": {"Name": provider}},
        "EventID": code,
        "Level": 0,
        "Keywords": "0x8020000000000000",
        "TimeCreated": {"#attributes": {"SystemTime": TIME}},
        "EventRecordID": number,
        "Correlation": None,
        "Execution": {"#attributes": {"ProcessID": 760, "ThreadID": 7276}},
        "Channel": channel,
        "Computer": "WS6.theshire.local",
        "Security": None,
    } | system
    body: dict[str, object] = {section: data} if section == "EventData" else {"UserData": {section: data}}
    return orjson.dumps({"Event": {"#attributes": {"xmlns": "x"}, "System": parts, **body}})


def made(code: int, data: dict[str, object], **more: Any) -> dict[str, Any]:
    return one_event(FAMILY, record(code, data, **more))


def test_the_magic_number_is_enough() -> None:
    found = recognise(evtx_writer.file([event(4624, 1, TIME, {})])[:64])
    assert found is not None
    assert found.name == FAMILY


def test_a_logon_fills_its_columns() -> None:
    (raw,) = segment(event(4624, 933_021, TIME, LOGON, computer="WORKSTATION6.theshire.local"))
    found = one_event(FAMILY, raw)
    assert within(
        found,
        class_uid=3002,
        activity_id=1,
        status_id=1,
        metadata__event_code="4624",
        metadata__log_name="Security",
        metadata__log_provider=evtx_writer.SECURITY,
        metadata__uid="933021",
        device__hostname="WORKSTATION6.theshire.local",
        user__name="pgustavo",
        user__domain="THESHIRE",
        user__uid="S-1-5-21-1-1104",
        actor__user__name=None,
        actor__user__uid=None,
        actor__session__uid=None,
        session__uid="0x4e13b2e",
        session__uid_alt=None,
        session__uuid="f22407c6-ec99-a7c9-f99d-a3632cea0f80",
        src_endpoint__ip="172.18.39.5",
        src_endpoint__port=62782,
        src_endpoint__hostname=None,
        auth_protocol="Kerberos",
        logon_type_id=3,
        actor__process__pid=0x2F4,
        time_text=TIME,
        time_basis="stated",
        keyed=True,
        src_targetusername="pgustavo",
        src_ipaddress="::ffff:172.18.39.5",
        src_eventid="4624",
        src_channel="Security",
        src_computer="WORKSTATION6.theshire.local",
    )
    assert found["time"].isoformat() == "2026-11-20T10:00:00.123456+00:00"
    assert found["unmapped"]["TargetLinkedLogonId"] == "0x0"


@pytest.mark.parametrize(
    ("code", "data", "expected"),
    [
        (
            4625,
            {"TargetUserName": "bob@example.org", "TargetDomainName": "-", "Status": "0xc000006d", "SubStatus": "0xc0000064"},
            {"status_id": 2, "status_code": "0xc0000064", "user__name": "bob", "user__domain": "example.org"},
        ),
        (4634, {"TargetLogonId": "0x1", "LogonType": "3"}, {"activity_id": 2, "session__uid": "0x1"}),
        (
            4648,
            {
                "SubjectUserName": "ann",
                "SubjectLogonId": "0x3c1",
                "TargetUserName": "OTHER\\bob",
                "TargetDomainName": "",
                "TargetServerName": "srv1.example.org",
                "IpAddress": "-",
                "TargetLogonGuid": "{00000000-0000-0000-0000-000000000000}",
            },
            {
                "actor__user__name": "ann",
                "actor__session__uid": "0x3c1",
                "user__name": "bob",
                "user__domain": "OTHER",
                "dst_endpoint__hostname": "srv1.example.org",
                "src_endpoint__ip": None,
                "session__uuid": None,
            },
        ),
        (
            4672,
            {"SubjectUserName": "ann", "SubjectLogonId": "0x3c1", "SubjectUserSid": "S-1-5-1"},
            {"class_uid": 3003, "user__name": "ann", "session__uid": "0x3c1", "actor__user__uid": "S-1-5-1"},
        ),
        (
            4769,
            {"TargetUserName": "bob@EX.ORG", "TargetDomainName": "EX.ORG", "ServiceName": "SRV1$", "Status": "0x0"},
            {"activity_id": 4, "status_id": 1, "user__name": "bob", "service__name": "SRV1$", "auth_protocol": "Kerberos"},
        ),
        (4771, {"Status": "0x18"}, {"activity_id": 6, "status_id": 2}),
        (4776, {"Workstation": "\\\\WS1", "Status": "0xc000006a"}, {"src_endpoint__hostname": "WS1", "status_id": 2}),
        (
            4778,
            {"AccountName": "bob", "LogonID": 999, "ClientName": "LAPTOP", "ClientAddress": "LOCAL", "SessionName": "RDP-Tcp#1"},
            {"session__uid": "0x3e7", "session__terminal": "RDP-Tcp#1", "src_endpoint__ip": None},
        ),
        (
            4688,
            {"NewProcessId": "0x11d4", "NewProcessName": "C:\\a.exe", "ProcessId": "0x1efc", "TargetUserName": "-", "TargetLogonId": "0x0", "CommandLine": "a -b"},
            {"process__pid": 0x11D4, "process__parent_process__pid": 0x1EFC, "session__uid": None, "user__name": None},
        ),
        (4697, {"ServiceName": "x", "ServiceFileName": "c:\\x.exe"}, {"service__path": "c:\\x.exe", "activity_id": 1}),
        (4698, {"TaskName": "\\t"}, {"class_uid": 1006, "job__name": "\\t"}),
        (4724, {"TargetUserName": "bob", "SubjectUserName": "ann"}, {"class_uid": 3001, "activity_id": 4, "user__name": "bob"}),
        (4740, {"TargetUserName": "bob", "TargetDomainName": "LAPTOP"}, {"user__domain": None, "src_endpoint__hostname": "LAPTOP"}),
        (4732, {"MemberSid": "S-1-5-9", "MemberName": "-"}, {"class_uid": 3006, "activity_id": 3, "user__uid": "S-1-5-9"}),
        (
            5145,
            {"ShareName": "\\\\*\\C$", "RelativeTargetName": "a\\b", "IpAddress": "fe80::1%3", "SubjectLogonId": "0x2"},
            {"class_uid": 4006, "share": "\\\\*\\C$", "file__path": "a\\b", "src_endpoint__ip": "fe80::1", "actor__session__uid": "0x2"},
        ),
        (4663, {"SubjectUserName": "ann"}, {"class_uid": 0, "actor__user__name": "ann", "status_id": 1}),
    ],
)  # fmt: skip
def test_security_events(code: int, data: dict[str, object], expected: dict[str, object]) -> None:
    assert within(made(code, data), **expected)


@pytest.mark.parametrize(
    ("code", "channel", "provider", "data", "expected"),
    [
        (
            1,
            "Microsoft-Windows-Sysmon/Operational",
            "Microsoft-Windows-Sysmon",
            {"User": "THESHIRE\\ann", "ProcessGuid": "0197231E-005A-6928-A50B-000000000D00", "ProcessId": 4460, "LogonId": "0x62f2d", "Image": "a"},
            {"user__name": "ann", "user__domain": "THESHIRE", "session__uid": "0x62f2d", "process__uid": "0197231e-005a-6928-a50b-000000000d00"},
        ),
        (
            12,
            "Microsoft-Windows-Sysmon/Operational",
            "Microsoft-Windows-Sysmon",
            {"EventType": "DeleteKey"},
            {"class_uid": 201001, "activity_id": 4},
        ),
        (
            10,
            "Microsoft-Windows-Sysmon/Operational",
            "Microsoft-Windows-Sysmon",
            {"SourceProcessGUID": "0197231E-005A-6928-A50B-000000000D00", "TargetImage": "lsass.exe", "SourceUser": "A\\b"},
            {"activity_id": 3, "actor__process__uid": "0197231e-005a-6928-a50b-000000000d00", "process__path": "lsass.exe", "actor__user__name": "b"},
        ),
        (7045, "System", "Service Control Manager", {"ServiceName": "s", "ImagePath": "p"}, {"service__path": "p"}),
        (
            1024,
            "Microsoft-Windows-TerminalServices-RDPClient/Operational",
            "Microsoft-Windows-TerminalServices-ClientActiveXCore",
            {"Name": "Server Name", "Value": "srv1"},
            {"class_uid": 4005, "dst_endpoint__hostname": "srv1"},
        ),
        (
            1102,
            "Microsoft-Windows-TerminalServices-RDPClient/Operational",
            "Microsoft-Windows-TerminalServices-ClientActiveXCore",
            {"Name": "Server Address", "Value": "10.0.0.9"},
            {"class_uid": 4005, "dst_endpoint__ip": "10.0.0.9"},
        ),
        (
            131,
            "Microsoft-Windows-RemoteDesktopServices-RdpCoreTS/Operational",
            "Microsoft-Windows-RemoteDesktopServices-RdpCoreTS",
            {"ConnType": "TCP", "ClientIP": "10.0.0.5:52342"},
            {"src_endpoint__ip": "10.0.0.5", "src_endpoint__port": 52342},
        ),
        (
            6,
            "Microsoft-Windows-WinRM/Operational",
            "Microsoft-Windows-WinRM",
            {"connection": "http://wks6:5985/wsman?PSVersion=5.1"},
            {"dst_endpoint__hostname": "wks6"},
        ),
    ],
)  # fmt: skip
def test_other_channels(
    code: int, channel: str, provider: str, data: dict[str, object], expected: dict[str, object]
) -> None:
    assert within(made(code, data, channel=channel, provider=provider), **expected)


@pytest.mark.parametrize("code", [21, 22, 23, 24, 25])
def test_terminal_sessions(code: int) -> None:
    name = "Microsoft-Windows-TerminalServices-LocalSessionManager"
    data: dict[str, object] = {"User": "EX\\bob", "SessionID": 3, "Address": "LOCAL"}
    found = made(code, data, channel=f"{name}/Operational", provider=name, section="EventXML")
    assert within(
        found, class_uid=3002, session__uid="ts:3", user__name="bob", user__domain="EX", src_endpoint__ip=None
    )


def test_an_authenticated_rdp_connection_is_no_logon() -> None:
    name = "Microsoft-Windows-TerminalServices-RemoteConnectionManager"
    data: dict[str, object] = {"Param1": "bob", "Param2": "EX", "Param3": "10.0.0.5"}
    found = made(1149, data, channel=f"{name}/Operational", provider=name, section="EventXML")
    assert within(found, class_uid=4005, user__name="bob", user__domain="EX", src_endpoint__ip="10.0.0.5")


def test_a_cleared_log_is_class_1008() -> None:
    found = made(
        1102,
        {"SubjectUserName": "bob", "SubjectLogonId": "0x5"},
        provider="Microsoft-Windows-Eventlog",
        section="LogFileCleared",
    )
    assert within(found, class_uid=1008, activity_id=1, actor__user__name="bob", actor__session__uid="0x5")


def test_event_data_cannot_pass_for_system() -> None:
    found = made(
        104,
        {"Channel": "Application", "EventID": 4624},
        channel="System",
        provider="Microsoft-Windows-Eventlog",
    )
    assert within(found, src_channel="System", src_eventid="104", metadata__log_name="System", class_uid=1008)
    assert found["unmapped"]["EventData_Channel"] == "Application"
    assert found["unmapped"]["EventData_EventID"] == "4624"


def test_a_security_event_in_another_channel_is_no_security_event() -> None:
    assert within(made(4624, {"TargetUserName": "x"}, channel="Application"), class_uid=0, user__name=None)
    assert within(made(4624, {"TargetUserName": "x"}, provider="mine"), class_uid=0, user__name=None)


def test_unnamed_data_is_one_field() -> None:
    found = made(400, {"Data": {"#text": ["Available", "None", "\tHostApplication=powershell -enc AA\n\tx=1"]}},
                 channel="Windows PowerShell", provider="PowerShell")  # fmt: skip
    assert found["src_data"].startswith("Available\nNone\n")
    assert within(found, process__cmd_line="powershell -enc AA")


def test_forwarded_events_are_the_originating_computers_with_or_without_rendering() -> None:
    plain = segment(event(4624, 44, TIME, LOGON, computer="DC1.example.org"))
    forwarded = segment(
        event(4624, 44, TIME, LOGON, computer="DC1.example.org", rendered="An account was logged on."),
        event(4624, 45, TIME, LOGON, computer="DC2.example.org", rendered="An account was logged on."),
    )
    (here,) = all_events(FAMILY, *plain)
    there, other = sorted(all_events(FAMILY, *forwarded), key=lambda row: str(row["record"]))
    assert here["id"] == there["id"]
    assert other["device.hostname"] == "DC2.example.org"
    assert "message" not in there
    (bare,) = all_events(
        FAMILY, *segment(event(6008, 1, TIME, {}, channel="System", provider="EventLog", rendered="Lost."))
    )
    assert bare["message"] == "Lost."


def test_the_same_record_twice_is_one_event() -> None:
    raw = record(4624, dict(LOGON))
    parsed = parse(FAMILY, [raw, raw, raw.replace(b'"Level":0', b'"Level":0 ')])
    assert parsed.events.num_rows == 1
    assert parsed.duplicates == 2
    assert parsed.events["count"].to_pylist() == [1]


@pytest.mark.parametrize("absent", ["Computer", "Channel", "EventRecordID"])
def test_a_record_without_its_key_is_known_by_its_bytes(absent: str) -> None:
    raw = record(4624, dict(LOGON), **{"number": None} if absent == "EventRecordID" else {}, **{absent: None})
    parsed = parse(FAMILY, [raw, raw])
    assert parsed.events["keyed"].to_pylist() == [False]
    assert parsed.events["count"].to_pylist() == [2]


def test_absurd_times_are_undated() -> None:
    found = made(
        4624, dict(LOGON), TimeCreated={"#attributes": {"SystemTime": "1601-01-01T00:00:00.000000Z"}}
    )
    assert within(
        found, day="undated", time=None, time_basis="undated", time_text="1601-01-01T00:00:00.000000Z"
    )


def test_damage_is_rejected_with_its_reason() -> None:
    parsed = parse(FAMILY, frame("evtx", evtx_writer.file([event(1, 1, TIME, {})]) + b"x" * 65_536))
    assert parsed.events.num_rows == 1
    assert parsed.rejected.to_pylist()[0]["reason"] == "64 KiB of an EVTX file that are no chunk"
    assert parsed.rejected.to_pylist()[0]["record"] == 1


def rows(parsed: Parsed) -> list[dict[str, Any]]:
    return sorted(parsed.events.to_pylist(), key=lambda row: int(row["record"]))


def both_ways(records: list[bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    quick = parse(FAMILY, records)
    with monkeypatch.context() as patch:
        patch.setattr(blocks, "_read", lambda *_: False)
        slow = parse(FAMILY, records)
    assert len(rows(quick)) == len(rows(slow))
    for one, other in zip(rows(quick), rows(slow), strict=True):
        wide = {name: one.get(name) for name in one | other}
        assert _plain(wide) == _plain({name: other.get(name) for name in one | other})
    assert quick.duplicates == slow.duplicates


def _plain(value: object) -> object:
    """Without what is null, for one way may have a column more; pairs in any order."""
    if isinstance(value, dict):
        return {name: plain for name, inner in value.items() if (plain := _plain(inner)) not in (None, {})}
    return sorted(value) if isinstance(value, list) else value


def test_the_quick_way_and_the_patient_way_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    records = [
        record(code, {"TargetUserName": f"u{code}", "Version": "9", "Message": "m", "IpAddress": ip}, channel=channel, provider=provider, number=code * 10 + place)
        for (channel, provider), plans in FAMILIES.items()
        for code in plans
        for place, ip in enumerate(("10.0.0.1", "-"), 1)
    ]  # fmt: skip
    both_ways(records + records[:3], monkeypatch)


def test_both_ways_agree_on_real_logs(shared_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for records in real_logs(shared_data, every=40):
        both_ways(records, monkeypatch)


def real_logs(shared_data: Path, every: int) -> list[list[bytes]]:
    found = []
    for name in ("evtx-to-mitre-attack.zip", "win10-aptsimulator.zip", "win10-workstation-benign.zip"):
        with zipfile.ZipFile(shared_data / "evtx" / name) as archive:
            members = sorted(m.filename for m in archive.infolist() if m.filename.endswith(".evtx"))
            found += [
                frame("evtx", archive.read(member)[: 4096 + 20 * 65_536]) for member in members[::every]
            ]
    return found


def test_real_logs_are_understood(shared_data: Path) -> None:
    records = rejected = 0
    for log in real_logs(shared_data, every=6):
        parsed = parse(FAMILY, log)
        assert parsed.events.num_rows + parsed.rejected.num_rows + parsed.duplicates == len(log)
        assert all(parsed.rejected["reason"].to_pylist())
        records += len(log)
        rejected += parsed.rejected.num_rows
    assert records > 5_000
    assert rejected < records / 1000


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**64), 2**64) | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["#text", "#attributes", "Name", "Data", "x"]) | st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip
PARTS = ["Provider", "EventID", "TimeCreated", "EventRecordID", "Channel", "Computer", "Security", "Correlation", "Execution", "Keywords", "Level"]  # fmt: skip


@given(
    system=st.dictionaries(st.sampled_from(PARTS), JSON),
    data=JSON | st.dictionaries(st.sampled_from(sorted(LOGON)) | st.sampled_from(["Data", "EventID", "User", "#attributes"]), JSON),
    user_data=JSON,
)  # fmt: skip
def test_whatever_types_come_only_events_and_rejected_come_out(
    system: dict[str, object], data: object, user_data: object
) -> None:
    base = orjson.loads(record(4624, dict(LOGON)))["Event"]
    hostile = {"Event": {"System": base["System"] | system, "EventData": data, "UserData": user_data}}
    records = [orjson.dumps(hostile, default=str) if _fits(hostile) else b"{}", record(4624, dict(LOGON))]
    parsed = parse(FAMILY, records, context())
    assert parsed.events.num_rows + parsed.rejected.num_rows + parsed.duplicates == 2


def _fits(value: object) -> bool:
    try:
        orjson.dumps(value)
    except TypeError:  # an integer beyond 64 bits
        return False
    return True


@given(
    st.lists(
        st.binary(max_size=60)
        | st.sampled_from([b'{"Event":' * 10_000, b'{"Event":null}', b"[]", b'{"Event":{"System":[]}}'])
    )
)
def test_whatever_bytes_come_they_are_counted(records: list[bytes]) -> None:
    parsed = parse(FAMILY, records)
    assert parsed.rejected.num_rows == len(records)
