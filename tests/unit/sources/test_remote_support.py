from __future__ import annotations

import json
from typing import Any

import pytest

from countersign.sources import recognise
from unit.sources.source_lines import context, event, events, parse, within


def test_an_anydesk_visit_is_in_utc_whatever_the_workspace() -> None:
    line = "Incoming    2026-07-01, 23:59    Passwd    Vendor Desk    221000813"
    assert within(event("anydesk.connections", line, context(zone="Europe/Berlin")), time_basis="stated", user__uid="221000813",
                  user__name="Vendor Desk", auth_protocol="Passwd", is_mfa=None, status_id=1)  # fmt: skip


def test_an_anydesk_alias_may_have_blanks_and_be_no_number() -> None:
    assert (
        event("anydesk.connections", "Incoming  2026-07-01, 23:59  Token  a b  c  5")["user.name"] == "a b c"
    )


@pytest.mark.parametrize(
    "line",
    [
        "Incoming    2026-07-01, 23:59    User",
        "Incoming    01.07.2026, 23:59    User   1   1",
        "Sideways    2026-07-01, 23:59    User   1   1",
        "Incoming    2026-07-01, 11:59PM    User   1   1",
    ],
)
def test_what_is_no_anydesk_visit_is_rejected(line: str) -> None:
    assert parse("anydesk.connections", [line]).rejected.num_rows == 1


def test_a_bad_date_leaves_an_undated_visit() -> None:
    assert (
        event("anydesk.connections", "Incoming    2026-13-41, 23:59    User   1   1")["time_basis"]
        == "undated"
    )


TRACE = "   info 2026-11-19 08:28:57.125       {}   4628   3528   23                {} - {}"


@pytest.mark.parametrize(
    ("process", "module", "message", "expected"),
    [
        ("gsvc", "anynet.any_socket", "Logged in from [2001:db8::7]:41314 on relay ad.", {"class_uid": 4001, "src_endpoint__ip": "2001:db8::7"}),
        ("gsvc", "other.module", "Logged in from 198.51.100.7:1 on relay ad.", {"class_uid": 0, "src_endpoint__ip": None}),
        ("back", "app.backend_session", "Incoming session request: A (b) (12345)", {"user__uid": "12345"}),
        ("back", "app.backend_session", "Session stopped.", {"activity_id": 2, "session__uid": "anydesk:4628"}),
        ("back", "app.session", "1: Authenticated with permanent token.", {"activity_id": 1, "auth_protocol": "permanent token"}),
        ("front", "app.local_file_transfer", "Download started (C:\\a b.txt).", {"class_uid": 1001, "activity_id": 1}),
    ],
)  # fmt: skip
def test_anydesk_trace_messages(process: str, module: str, message: str, expected: dict[str, Any]) -> None:
    assert within(event("anydesk.trace", TRACE.format(process, module, message)), **expected)


def test_a_visitor_cannot_write_another_entry_by_a_name() -> None:
    name = "x - 1: Authenticated by local user. (1) - anynet.any_socket - Logged in from 203.0.113.1:1"
    found = event(
        "anydesk.trace",
        TRACE.format("back", "app.backend_session", f"Incoming session request: {name} (12345)"),
    )
    assert within(found, activity_id=99, src_endpoint__ip=None)


VISIT = "514000531\tVendor\t{}\t{}\tlee\tRemoteControl\t{{7ca6431e-30f6-45e3-9ac6-0ef1e0cecb6a}}"


def test_a_teamviewer_visit_is_day_first_in_utc_and_lasts() -> None:
    found = event(
        "teamviewer.connections",
        VISIT.format("03-02-2026 23:59:00", "04-02-2026 00:01:00"),
        context(zone="America/New_York"),
    )
    assert within(found, duration=120_000, time_basis="stated", user__uid="514000531", local_user=None)
    assert str(found["time"]).startswith("2026-02-03 23:59:00")


@pytest.mark.parametrize("end", ["", "03-02-2026 22:00:00", "nonsense"])
def test_an_end_before_the_start_or_none_gives_no_duration(end: str) -> None:
    assert within(
        event("teamviewer.connections", VISIT.format("03-02-2026 23:59:00", end)),
        duration=None,
        class_uid=3002,
    )


def test_the_teamviewer_log_is_in_local_time_with_daylight_saving() -> None:
    line = "{} 02:30:00.000  5716       2436 D3   Desktop grab succeeded."
    berlin = context(zone="Europe/Berlin")
    assert [
        str(one["time"])[11:16]
        for one in events(
            "teamviewer.log", line.format("2026/07/01"), line.format("2026/01/01"), where=berlin
        )
    ] == ["00:30", "01:30"]


def test_only_the_visitor_logs_on() -> None:
    line = "2026/05/04 11:35:31.958  5716       2436 D3   CParticipantManagerBase participant {} (ID [123456789,-5]) was added with the role {}"
    assert within(
        event("teamviewer.log", line.format("guest", 6)), class_uid=3002, activity_id=1, user__name="guest"
    )
    assert within(
        event("teamviewer.log", line.format("HOST", 3)), class_uid=0, user__name=None, device__hostname="HOST"
    )


def test_prose_is_no_record_and_other_lines_are_rejected() -> None:
    lines = [
        "Version:            15.41.8 (32-bit)",
        "2026/05/04 11:35:31.958  1   2 D3   hello",
        "who wrote this",
    ]
    found = parse("teamviewer.log", lines)
    assert (found.events.num_rows, found.rejected.num_rows) == (1, 1)


def test_a_log_with_a_long_header_is_recognised() -> None:
    head = (
        "".join(f"Header {number}: value\n" for number in range(60))
        + "2026/05/04 11:35:31.958  1   2 D3   hello\n"
    )
    found = recognise(head.encode())
    assert found is not None
    assert found.name == "teamviewer.log"


REPORT = {
    "SessionName": "hist01",
    "ConnectionID": "c1",
    "ParticipantName": "Vendor",
    "NetworkAddress": "198.51.100.7",
    "ProcessType": "Host",
    "ConnectedTime": "2026-11-20T08:00:00Z",
    "DurationSeconds": "60",
}


def test_a_screenconnect_visit_is_one_event_from_json_and_csv() -> None:
    table = [",".join(REPORT), ",".join(REPORT.values())]
    one, other = event("screenconnect", json.dumps(REPORT)), events("screenconnect.csv", *table)[0]
    assert one["id"] == other["id"]
    assert within(one, class_uid=3002, duration=60_000, user__name="Vendor", session__uid="c1")


@pytest.mark.parametrize(
    ("written", "hour"),
    [("7/1/2026 1:05:00 PM", "13"), ("2026-07-01 13:05:00", "13"), ("7/1/2026 12:05:00 AM", "00")],
)
def test_times_of_screenconnect_reports_are_in_utc(written: str, hour: str) -> None:
    found = event(
        "screenconnect", json.dumps({**REPORT, "ConnectedTime": written}), context(zone="Europe/Berlin")
    )
    assert str(found["time"])[:13] == f"2026-07-01 {hour}"


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("RDP_CONNECTION_ESTABLISHED", {"class_uid": 3002, "activity_id": 1}),
        ("RDP_CONNECTION_TERMINATED", {"class_uid": 3002, "activity_id": 2}),
        ("APP_USER_LOGIN_FAILED", {"class_uid": 3002, "status_id": 2}),
        ("APP_USER_DELETED", {"class_uid": 3001, "activity_id": 6}),
        ("", {"class_uid": 6003}),
        (["x"], {"class_uid": 6003}),
    ],
)
def test_ninjaone_activities(code: object, expected: dict[str, Any]) -> None:
    row = {
        "activityTime": 1795161600.5,
        "activityType": "RDP",
        "statusCode": code,
        "seriesUid": "s",
        "userId": 4,
    }
    assert within(event("ninjaone", json.dumps(row)), **expected)


KASEYA = "[I 2026-11-20T04:46:16.686197Z +00:00  3160  f1c] [RemoteControlApplicationService] "


def test_the_session_of_kaseya_is_the_last_number_not_the_requests() -> None:
    a, b = "3f1f9a52-1111-4a22-8b33-0c44d55e66f7", "8D7C6B5A-2222-4B33-9C44-1D55E66F7A80"
    began = event(
        "kaseya", f"{KASEYA}Launching remote control host for request {a} with sessionId {b} ; currently"
    )
    ended = event("kaseya", f"{KASEYA}Shutting down Remote Control Instance #{b}")
    assert within(
        began, class_uid=3002, activity_id=1, session__uid=f"kaseya:{b.lower()}", time_basis="stated"
    )
    assert within(ended, activity_id=2, session__uid=f"kaseya:{b.lower()}")
    assert within(event("kaseya", f"{KASEYA}Shutting down Remote Control Instance #1"), session__uid=None)


@pytest.mark.parametrize(
    "line",
    [
        "[I 2026-11-20 04:46:16Z +00:00 1 f] [A] x",
        "[" * 5000,
        "[I 2026-11-20T04:46:16Z +00:00  1  f] no component",
    ],
)
def test_what_is_no_entry_of_kaseya_is_rejected(line: str) -> None:
    assert parse("kaseya", [line]).rejected.num_rows == 1


def report(*rows: str) -> list[dict[str, Any]]:
    header = "Technician,Remote Machine,Start Time,End Time,Duration"
    return events("support.sessions_csv", header, *rows, where=context(zone="Europe/Berlin"))


@pytest.mark.parametrize(
    ("lasted", "milliseconds"),
    [("00:14:05", 845_000), ("1:00:14:05", 87_245_000), ("14m 5s", 845_000), ("2 hours 1 minute", 7_260_000), ("845", 845_000),
     ("845.7", 845_000), ("", 60_000), ("soon", 60_000), ("9" * 30, 60_000), ("-5", 60_000)],
)  # fmt: skip
def test_how_long_a_visit_was(lasted: str, milliseconds: int) -> None:
    found = report(f"pat,SRV,2026-11-20 09:00:00,2026-11-20 09:01:00,{lasted}")
    assert within(found[0], duration=milliseconds, user__name="pat", dst_endpoint__name="SRV", class_uid=3002)


def test_days_come_first_where_any_row_shows_it() -> None:
    found = report("pat,SRV,05/11/2026 09:00,05/11/2026 09:10,", "pat,SRV,20/11/2026 09:00,,10m")
    assert [str(row["time"])[:16] for row in found] == ["2026-11-05 08:00", "2026-11-20 08:00"]
    assert str(report("pat,SRV,05/11/2026 09:00,,10m")[0]["time"])[:10] == "2026-05-11"
    assert str(report("pat,SRV,05/11/2026 3:07:09 PM,,10m")[0]["time"])[:19] == "2026-05-11 13:07:09"


def test_a_report_needs_its_four_columns() -> None:
    assert recognise(b"Technician,Device,Start Time\npat,SRV,2026-11-20 09:00:00\n") is None
    found = recognise(b"Admin;Machine ID;Start Time;Duration\npat;SRV;2026-11-20 09:00:00;5\n")
    assert found is not None
    assert found.name == "support.sessions_csv"
