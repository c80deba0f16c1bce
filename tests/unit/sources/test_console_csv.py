from __future__ import annotations

from typing import Any

import orjson
import pytest

from countersign.sources import recognise, source
from unit.sources.source_lines import context, event, events, parse, within

UUID = "aaaa0001-0000-11ef-8000-000000000001"


@pytest.mark.parametrize(
    "header",
    [
        "timestamp,uuid,event_type,actor.alternate_id,outcome.result,client.ip_address",
        "published,uuid,eventType,actor.alternateId,outcome.result,client.ipAddress",
        "Timestamp;UUID;Event Type;Actor Alternate ID;Outcome Result;Client IP Address",
    ],
)
def test_the_columns_of_okta_in_any_writing_are_the_interfaces_record(header: str) -> None:
    cells = [
        "2026-11-20T08:00:01.123Z",
        UUID,
        "user.session.start",
        "jo@example.com",
        "SUCCESS",
        "203.0.113.9",
    ]
    row = (";" if ";" in header else ",").join(cells)
    found = events("okta.csv", header, row)[0]
    interface = {
        "uuid": UUID, "published": cells[0], "eventType": cells[2], "actor": {"alternateId": cells[3]}, "outcome": {"result": cells[4]},
        "client": {"ipAddress": cells[5]},
    }  # fmt: skip
    same = event("okta", orjson.dumps(interface))
    assert found["id"] == same["id"]
    assert {name: found.get(name) for name in same if name not in {"unmapped", "segment", "source"}} == {
        name: value for name, value in same.items() if name not in {"unmapped", "segment", "source"}
    } | {"record": 1}
    assert recognise(f"{header}\n{row}\n".encode()) is source("okta.csv")


def test_targets_are_put_in_their_places() -> None:
    header = "timestamp,uuid,event_type,actor.alternate_id,target1.type,target1.display_name,target0.type,target0.display_name,target0.id"
    found = events(
        "okta.csv",
        header,
        f"2026-11-20T08:00:01Z,{UUID},user.account.privilege.grant,a@x.example,ROLE,Help desk,User,Jo,00u1",
    )[0]
    assert within(found, user__uid="00u1", user__full_name="Jo", privileges="Help desk", class_uid=3005)


def duo(header: str, row: str, zone: str = "UTC") -> dict[str, Any]:
    return events("duo.authentication_csv", header, row, where=context(zone=zone))[0]


def test_a_time_of_the_panel_is_in_utc_only_where_it_says_so() -> None:
    rest = "User,Integration,Factor,Result,IP Address"
    row = "11/20/2026 3:07:09 PM,jo,VPN,Duo Push,Granted,203.0.113.9"
    stated = duo(f"Timestamp (UTC),{rest}", row, "Europe/Berlin")
    assert within(stated, time_basis="stated", is_mfa=True, status_id=1, src_endpoint__ip="203.0.113.9")
    assert stated["time"].hour == 15
    local = duo(f"Timestamp,{rest}", row, "Europe/Berlin")
    assert within(local, time_basis="zone")
    assert local["time"].hour == 14


@pytest.mark.parametrize(
    ("factor", "result", "status", "mfa"),
    [("Duo Push", "Granted", 1, True), ("Remembered Device", "Granted", 1, None), ("Bypass Code", "Success", 1, None), ("Phone Call", "Denied", 2, None),
     ("n/a", "Granted", 1, None), ("Passcode", "FRAUD", 2, None), ("Passcode", "perhaps", 0, None)],
)  # fmt: skip
def test_which_answers_prove_a_second_factor(factor: str, result: str, status: int, mfa: bool | None) -> None:
    found = duo(
        "Timestamp (UTC),User,Application,Factor,Result", f"2026-11-20 08:00:00,jo,VPN,{factor},{result}"
    )
    assert within(found, status_id=status, is_mfa=mfa)


@pytest.mark.parametrize(
    "header",
    [
        "Date (UTC),Request ID,User,Application,Authentication method,Result",
        "Time,User,Result",
        "timestamp,user,application,factor",
        "a,b",
    ],
)
def test_other_tables_are_not_duos(header: str) -> None:
    assert not source("duo.authentication_csv").detect(f"{header}\n{header}\n".encode())


def test_a_row_with_too_many_cells_is_rejected() -> None:
    header = "timestamp,uuid,event_type,actor.alternate_id,outcome.result"
    assert parse("okta.csv", [header, f"2026-11-20T08:00:01Z,{UUID},x,y,SUCCESS,more"]).rejected.num_rows == 1
