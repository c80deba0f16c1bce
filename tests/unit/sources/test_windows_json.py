from __future__ import annotations

import zipfile
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from countersign.sources import recognise
from countersign.sources._base import HEAD_BYTES
from countersign.sources._framing import frame
from countersign.sources.windows_json import LINES_LOOKED_AT, detect
from unit.sources import evtx_writer
from unit.sources.source_lines import context, events, parse, within
from unit.sources.source_lines import event as one_event

FAMILY = "windows.json"
SYSMON = {"SourceName": "Microsoft-Windows-Sysmon", "Channel": "Microsoft-Windows-Sysmon/Operational"}
FLAT: dict[str, Any] = {
    "EventID": 4624,
    "Channel": "security",
    "SourceName": "Microsoft-Windows-Security-Auditing",
    "Hostname": "WORKSTATION6.theshire.local",
    "RecordNumber": 933021,
    "EventTime": "2026-09-22 14:53:30",
    "EventReceivedTime": "2026-09-22 14:53:32",
    "@timestamp": "2026-09-22T18:53:32.340Z",
    "Keywords": -9214364837600034816,
    "host": "wec.internal.cloudapp.net",
    "SourceModuleName": "eventlog",
    "Message": "An account was successfully logged on.",
    "TargetUserName": "pgustavo",
    "TargetDomainName": "THESHIRE.LOCAL",
    "TargetLogonId": "0x4e13b2e",
    "LogonType": "3",
    "IpAddress": "172.18.39.5",
    "IpPort": "62782",
}


def flat(**changes: object) -> dict[str, Any]:
    line = orjson.dumps({name: value for name, value in (FLAT | changes).items() if value is not ...})
    return one_event(FAMILY, line)


def when(row: dict[str, Any]) -> str:
    return row["time"].astimezone(UTC).strftime("%H:%M:%S.%f")[:-3]


def test_documents_and_arrays_give_the_events_of_lines() -> None:
    rows = [FLAT, FLAT | {"RecordNumber": 933022}]
    wanted = [flat()["id"], flat(RecordNumber=933022)["id"]]
    documents = b"\n".join(orjson.dumps(row, option=orjson.OPT_INDENT_2) for row in rows)
    for raw in (documents, orjson.dumps(rows), orjson.dumps(rows, option=orjson.OPT_INDENT_2)):
        family = recognise(raw)
        assert family is not None
        assert family.name == "windows.json_documents"
        parsed = family.parse(frame(family.framing, raw), context())
        assert parsed.events["id"].to_pylist() == wanted
        assert parsed.rejected.num_rows == 0


@pytest.mark.parametrize(
    "raw", [b'{"a": 1,\n"b": 2}', b'[{"EventID": 1}]', b"[]", b'{"Event":\n{"System": 1}}']
)
def test_other_documents_are_not(raw: bytes) -> None:
    assert recognise(raw) is None


def test_a_flat_record_fills_its_columns() -> None:
    found = flat()
    assert within(
        found,
        class_uid=3002,
        status_id=1,
        metadata__log_name="security",
        metadata__uid="933021",
        device__hostname="WORKSTATION6.theshire.local",
        user__name="pgustavo",
        session__uid="0x4e13b2e",
        src_endpoint__ip="172.18.39.5",
        src_computer="WORKSTATION6.theshire.local",
        src_provider_name="Microsoft-Windows-Security-Auditing",
        src_keywords="0x8020000000000000",
        src_host=None,
        src_message=None,
        message=None,
        keyed=True,
    )
    assert found["unmapped"]["EventRecordID"] == "933021"
    assert "SourceModuleName" not in found["unmapped"]


def test_a_local_time_gets_its_offset_from_the_records_own_utc_stamp() -> None:
    found = flat()
    assert when(found) == "18:53:30.000"
    assert within(found, time_basis="offset", time_text="2026-09-22 14:53:30")


@pytest.mark.parametrize(
    ("changes", "time", "basis"),
    [
        ({"EventReceivedTime": ...}, "18:53:30.000", "offset"),
        # held back for an hour between the collector's two stamps of receiving and sending
        ({"EventReceivedTime": "2026-09-22 15:53:32", "@timestamp": "2026-09-22T19:53:32Z"}, "18:53:30.000", "offset"),
        ({"EventTime": "2026-09-22 20:23:30", "EventReceivedTime": ..., "@timestamp": "2026-09-22T14:53:31Z"}, "14:53:30.000", "offset"),
        ({"EventTime": "2026-09-22T14:53:30.250+02:00"}, "12:53:30.250", "stated"),
        ({"@timestamp": ...}, "12:53:30.000", "zone"),
        # read in a year later: the stamps have nothing to do with each other
        ({"EventReceivedTime": ..., "@timestamp": "2027-09-22T18:53:32Z"}, "12:53:30.000", "zone"),
        ({"EventTime": ..., "TimeCreated": "2026-09-22T10:00:00.5Z"}, "10:00:00.500", "stated"),
        ({"EventTime": ..., "@timestamp": "2026-09-22T10:00:00Z"}, "10:00:00.000", "stated"),
        (SYSMON | {"EventID": 1, "UtcTime": "2026-09-22 18:53:28.657"}, "18:53:28.657", "offset"),
        ({"UtcTime": "2026-09-22 18:53:28.657"}, "18:53:30.000", "offset"),
    ],
)  # fmt: skip
def test_clocks(changes: dict[str, Any], time: str, basis: str) -> None:
    line = orjson.dumps({name: value for name, value in (FLAT | changes).items() if value is not ...})
    found = one_event(FAMILY, line, context(zone="Europe/Berlin"))
    assert when(found) == time
    assert found["time_basis"] == basis


def test_no_usable_time_is_undated_and_keyless() -> None:
    found = flat(EventTime="yesterday", **{"@timestamp": None})
    assert within(found, time=None, time_basis="undated", time_text="yesterday", keyed=False)


def test_the_same_record_has_the_same_id_in_every_form() -> None:
    data = {"TargetUserName": "pgustavo", "TargetLogonId": "0x4e13b2e"}
    (rendered,) = frame(
        "evtx",
        evtx_writer.file(
            [
                evtx_writer.event(
                    4624, 933021, "2026-09-22T18:53:30.123456Z", data, computer="workstation6.THESHIRE.local"
                )
            ]
        ),
    )
    ecs = {
        "@timestamp": "2026-09-22T18:53:30.123Z",
        "event": {"code": "4624", "provider": evtx_writer.SECURITY},
        "winlog": {
            "channel": "Security",
            "computer_name": "WORKSTATION6.theshire.local",
            "record_id": "933021",
            "event_data": data,
        },
    }
    ids = {
        one_event("windows.evtx", rendered)["id"],
        one_event(FAMILY, rendered)["id"],
        one_event(FAMILY, orjson.dumps(ecs))["id"],
        flat()["id"],
    }
    assert len(ids) == 1


@pytest.mark.parametrize("name", ["RecordNumber", "Hostname"])
def test_without_record_id_or_computer_the_bytes_are_the_key(name: str) -> None:
    line = orjson.dumps({key: value for key, value in FLAT.items() if key != name})
    parsed = parse(FAMILY, [line, line, line])
    assert parsed.events["keyed"].to_pylist() == [False]
    assert parsed.events["count"].to_pylist() == [3]
    assert parsed.duplicates == 2


def test_names_may_be_spelled_in_other_ways() -> None:
    spelled = {name.lower() if name in {"EventID", "Channel", "Hostname", "RecordNumber", "EventTime", "SourceName"} else name: value for name, value in FLAT.items()}  # fmt: skip
    found = one_event(FAMILY, orjson.dumps(spelled))
    assert found["id"] == flat()["id"]
    assert within(found, class_uid=3002, user__name="pgustavo")


def test_the_message_is_kept_where_no_fields_say_it() -> None:
    line = {
        "EventID": 400,
        "Channel": "Windows PowerShell",
        "SourceName": "PowerShell",
        "Hostname": "h",
        "Level": "4",
        "Message": "Engine state is changed.\nHostApplication=powershell.exe -nop\n",
        "@timestamp": "2026-08-15T09:53:59.757Z",
    }
    found = one_event(FAMILY, orjson.dumps(line))
    assert within(
        found, message=line["Message"], src_message=line["Message"], process__cmd_line="powershell.exe -nop"
    )


def test_ecs_dotted_and_nested_are_the_same() -> None:
    nested = {
        "@timestamp": "2026-09-22T18:53:30.123Z",
        "event": {"code": 1, "provider": "Microsoft-Windows-Sysmon"},
        "host": {"name": "ws1"},
        "log": {"level": "information"},
        "winlog": {
            "channel": "Microsoft-Windows-Sysmon/Operational",
            "record_id": 5,
            "process": {"pid": 3, "thread": {"id": 4}},
            "event_data": {"Image": "C:\\a.exe", "User": "EX\\bob", "param1": "x", "param2": "y"},
            "keywords": ["Audit Failure"],
        },
    }
    dotted = {
        "@timestamp": nested["@timestamp"],
        "event.code": 1,
        "event.provider": "Microsoft-Windows-Sysmon",
        "host.name": "ws1",
        "log.level": "information",
        "winlog.channel": "Microsoft-Windows-Sysmon/Operational",
        "winlog.record_id": 5,
        "winlog.process.pid": 3,
        "winlog.process.thread.id": 4,
        "winlog.event_data.Image": "C:\\a.exe",
        "winlog.event_data.User": "EX\\bob",
        "winlog.event_data.param1": "x",
        "winlog.event_data.param2": "y",
        "winlog.keywords": ["Audit Failure"],
    }
    one, other = one_event(FAMILY, orjson.dumps(nested)), one_event(FAMILY, orjson.dumps(dotted))
    assert one == other
    assert one_event(FAMILY, orjson.dumps({"_source": nested}))["id"] == one["id"]
    assert within(
        one,
        process__path="C:\\a.exe",
        user__name="bob",
        device__hostname="ws1",
        src_level="4",
        src_data="x\ny",
        src_keywords="0x8010000000000000",
    )


def test_ecs_without_fields_keeps_the_message() -> None:
    line = {
        "@timestamp": "2026-09-22T18:53:30Z",
        "winlog": {"event_id": 7, "channel": "System"},
        "message": "Lost.",
    }
    assert within(one_event(FAMILY, orjson.dumps(line)), message="Lost.", src_eventid="7")


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"", None),
        (b"   \r", None),
        (b"{", "a line that is no JSON object"),
        (b"[" * 10_000, "a line that is no JSON object"),
        (b'{"a":' * 10_000, "a line that is no JSON object"),
        (b"[1]", "a line that is no JSON object"),
        (b"\x00\x00", "a line that is no JSON object"),
        (b'{"ts":1}', "a JSON object that is no Windows event"),
        (b'{"Event":{"System":{}}}', "a JSON object that is no Windows event"),
        (b'{"EventID":"x","Channel":"y"}', "a JSON object that is no Windows event"),
    ],
)
def test_what_is_no_event_is_rejected_with_its_reason(line: bytes, reason: str | None) -> None:
    parsed = parse(FAMILY, [line])
    assert parsed.events.num_rows == 0
    assert parsed.rejected["reason"].to_pylist() == ([] if reason is None else [reason])


def test_bytes_that_are_no_utf_8_cannot_hide_a_record() -> None:
    line = orjson.dumps(FLAT).replace(b"pgustavo", b"pgust\xffvo")
    assert one_event(FAMILY, line)["user.name"] == "pgust\ufffdvo"
    assert one_event(FAMILY, b"\xef\xbb\xbf" + orjson.dumps(FLAT) + b"\r")["user.name"] == "pgustavo"


@pytest.mark.parametrize(
    ("head", "known"),
    [
        (orjson.dumps(FLAT), True),
        (b"\n" + orjson.dumps(FLAT) + b"\n", True),
        (orjson.dumps(FLAT) + b"x" * 70_000, True),
        (b'{"Event":{"System":{"EventID":1,"Channel":"x"}}}\n', True),
        (b'{"winlog":{"event_id":1,"channel":"x"}}\n', True),
        (b'{"ts":1,"uid":"x"}\n' * (LINES_LOOKED_AT + 5), False),
        (b'{"MESSAGE":"x","_HOSTNAME":"y"}\n', False),
        (b"", False),
        (b"\xff\xd8\xff holiday", False),
        (b"[" * HEAD_BYTES, False),
    ],
)
def test_recognition(head: bytes, known: bool) -> None:
    assert detect(head[:HEAD_BYTES]) is known


def samples(shared_data: Path) -> list[tuple[str, bytes]]:
    found = []
    for path in sorted((shared_data / "windows-json").glob("*.zip")):
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                with archive.open(name) as member:
                    found.append((path.stem, member.read(3_000_000)))
    return found


def test_real_logs_are_understood(shared_data: Path) -> None:
    records = rejected = 0
    bases: Counter[str] = Counter()
    for name, data in samples(shared_data):
        found = recognise(data[:HEAD_BYTES])
        assert found is not None, name
        assert found.name == FAMILY, name
        lines = frame("lines", data[: data.rfind(b"\n") + 1])[:400]
        parsed = parse(FAMILY, lines)
        records += len(lines)
        rejected += parsed.rejected.num_rows
        bases.update(parsed.events["time_basis"].to_pylist())
    assert records > 5_000
    assert rejected == 0
    assert set(bases) == {"offset", "stated"}


def test_offsets_of_real_logs_are_whole_hours_and_agree_with_sysmon(shared_data: Path) -> None:
    with zipfile.ZipFile(shared_data / "windows-json" / "covenant_sharpwmi_create_dcerpc_wmi.zip") as archive:
        lines = frame("lines", archive.read(archive.namelist()[0]))[:1500]
    for row in parse(FAMILY, lines).events.to_pylist():
        if row["time_basis"] == "offset" and len(row["time_text"]) == 19:
            local = datetime.fromisoformat(row["time_text"]).replace(tzinfo=UTC)
            assert (row["time"] - local).total_seconds() == 4 * 3600


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["name", "event_data", "code", "System", "id"]) | st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip
NAMES = [*FLAT, "UtcTime", "winlog", "event", "host", "Event", "UserData", "winlog.channel", "winlog.event_data", "winlog.event_data.x", "log", "message", "_source"]  # fmt: skip


@given(st.dictionaries(st.sampled_from(NAMES), JSON), st.booleans())
def test_whatever_types_come_only_events_and_rejected_come_out(changes: dict[str, Any], whole: bool) -> None:
    try:
        line = orjson.dumps((FLAT if whole else {}) | changes)
    except (TypeError, ValueError):  # a lone surrogate
        return
    parsed = parse(FAMILY, [line, orjson.dumps(FLAT)])
    assert parsed.events.num_rows + parsed.rejected.num_rows + parsed.duplicates == 2
    detect(line)


@given(st.lists(st.binary(min_size=1, max_size=60)))
def test_whatever_bytes_come_only_events_and_rejected_come_out(lines: list[bytes]) -> None:
    parsed = parse(FAMILY, lines)
    assert parsed.events.num_rows == 0
    detect(b"\n".join(lines))


@given(st.permutations(range(12)), st.integers(1, 12))
def test_order_and_splitting_change_no_event(order: list[int], size: int) -> None:
    lines = [
        orjson.dumps(FLAT | {"RecordNumber": 1 + n % 7, "TargetUserName": f"u{n % 7}", "x": n % 7})
        for n in range(8)
    ]
    lines += [orjson.dumps({"EventID": 6, "Channel": "System", "@timestamp": "2026-09-22T10:00:00Z", "Message": f"{n % 2}"}) for n in range(4)]  # fmt: skip
    mixed = [lines[place] for place in order]
    seen = [row for start in range(0, 12, size) for row in events(FAMILY, *mixed[start : start + size])]
    assert {row["id"]: _content(row) for row in seen} == {
        row["id"]: _content(row) for row in events(FAMILY, *lines)
    }


def _content(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in {"record", "count"}}
