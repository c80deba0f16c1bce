from __future__ import annotations

from typing import Any

import orjson
import pytest

from countersign.sources import recognise, source
from countersign.sources._framing import frame
from countersign.sources._records import record_end
from unit.sources.source_lines import context

SIGN_IN: dict[str, Any] = {
    "TenantId": "ws", "TimeGenerated": "2026-11-20T08:00:00Z", "Category": "SignInLogs", "ResultType": "0", "UserPrincipalName": "jo@x.example",
    "UserId": "u1", "AppId": "a", "IPAddress": "203.0.113.9", "Id": "r1", "Status": '{"errorCode": 0, "note": "a ] in [ a text \\" }"}', "Type": "SigninLogs",
}  # fmt: skip
LOGON: dict[str, Any] = {
    "TenantId": "ws", "TimeGenerated": "2026-11-20T08:00:00.123Z", "Computer": "srv", "EventSourceName": "Microsoft-Windows-Security-Auditing",
    "Channel": "Security", "EventID": 4624, "TargetUserName": "jo", "TargetDomainName": "EX", "TargetLogonId": "0x1375fbd", "LogonType": 10,
    "EventRecordId": "349321", "Type": "SecurityEvent",
}  # fmt: skip
OFFICE: dict[str, Any] = {
    "TimeGenerated": "2026-11-20T08:00:00Z", "RecordType": "ExchangeItem", "Operation": "MailItemsAccessed", "OfficeWorkload": "Exchange",
    "UserId": "jo@x.example", "OfficeId": "o1", "OrganizationId": "t", "Type": "OfficeActivity",
}  # fmt: skip


def answer(*tables: list[dict[str, Any]], upper: bool = False, pretty: bool = False) -> bytes:
    made = []
    for rows in tables:
        names = list(dict.fromkeys(name for row in rows for name in row))
        columns, row, name = ("Columns", "Rows", "ColumnName") if upper else ("columns", "rows", "name")
        made.append(
            {
                columns: [{name: one} for one in names],
                row: [[one.get(each) for each in names] for one in rows],
            }
        )
    return orjson.dumps({"Tables" if upper else "tables": made}, option=orjson.OPT_INDENT_2 if pretty else 0)


def parsed(raw: bytes) -> tuple[str, dict[str, str], list[str]]:
    """The family, the source of each event by its id, and why records were rejected."""
    family = recognise(raw)
    assert family is not None
    found = family.parse(frame(family.framing, raw), context())
    events = {row["id"]: row["source"] for row in found.events.to_pylist()} if found.events.num_rows else {}
    return family.name, events, found.rejected["reason"].to_pylist()


@pytest.mark.parametrize(("upper", "pretty"), [(False, False), (False, True), (True, False)])
def test_an_answer_has_the_events_of_its_objects(upper: bool, pretty: bool) -> None:
    name, events, rejected = parsed(answer([SIGN_IN, OFFICE], [LOGON], upper=upper, pretty=pretty))
    assert (name, rejected) == ("log_analytics", [])
    objects = parsed(orjson.dumps([SIGN_IN, OFFICE, LOGON]))[1]
    assert events == objects
    assert sorted(events.values()) == ["entra.signin", "m365", "windows.workspace"]


def test_a_windows_event_of_a_workspace_is_the_event_of_its_machine() -> None:
    system = {
        "Provider": {"#attributes": {"Name": "Microsoft-Windows-Security-Auditing"}}, "EventID": 4624, "Channel": "Security", "Computer": "srv",
        "EventRecordID": 349321, "TimeCreated": {"#attributes": {"SystemTime": "2026-11-20T08:00:00.1234567Z"}},
    }  # fmt: skip
    machine = parsed(
        orjson.dumps({"Event": {"System": system, "EventData": {"TargetUserName": "jo"}}}) + b"\n"
    )
    assert machine[0] == "windows.json"
    assert parsed(orjson.dumps(LOGON) + b"\n")[1].keys() == machine[1].keys()
    assert parsed(orjson.dumps(LOGON) + b"\n")[0] == "windows.workspace"


def test_an_answer_is_cut_between_its_rows() -> None:
    raw = answer([{**SIGN_IN, "Id": f"r{number}"} for number in range(30)])
    family = source("log_analytics")
    head = raw[: family.preamble(raw)]
    whole = set(parsed(raw)[1])
    found: set[str] = set()
    rest = raw
    while rest:
        window = rest[:1500] if rest is raw else head + rest[: 1500 - len(head)]
        end = record_end("table", window) if len(window) >= 1500 else len(window)
        piece = window[:end]
        found |= {row["id"] for row in family.parse(frame("table", piece), context()).events.to_pylist()}
        rest = rest[end if rest is raw else end - len(head) :]
    assert found == whole
    assert len(whole) == 30


@pytest.mark.parametrize(
    "raw",
    [b'{"tables":[{"columns":[{"name":"Type"},{"name":"TimeGenerated"}],"rows":[["SigninLogs"]]}]}', b'{"tables":[{"columns":[],"rows":[[1]]}]}',
     b'{"tables":[{"columns":[{"name":"Type"}],"rows":[["x", ' + b"[" * 3000, b'{"tables":[{"rows":[' + b"[[[[" * 500],
)  # fmt: skip
def test_what_is_no_table_gives_no_event(raw: bytes) -> None:
    found = source("log_analytics").parse(frame("table", raw), context())
    assert found.events.num_rows == 0
    assert found.rejected.num_rows > 0
