from __future__ import annotations

from typing import Any

import orjson
import pytest

from unit.sources.source_lines import event, within

CHANNEL = "Microsoft-Windows-TerminalServices-Gateway/Operational"


def said(code: int, **fields: object) -> dict[str, Any]:
    record = {
        "EventID": code, "Channel": CHANNEL, "SourceName": "Microsoft-Windows-TerminalServices-Gateway", "Hostname": "rdgw",
        "RecordNumber": 7, "EventTime": "2026-11-20 09:00:00", "Username": "EXAMPLE\\jane", "IpAddress": "203.0.113.9", **fields,
    }  # fmt: skip
    return event("windows.json", orjson.dumps(record))


def test_what_went_through_and_how_long() -> None:
    found = said(
        303, Resource="srv-app", BytesReceived="89012", BytesTransfered="4567", SessionDuration="300"
    )
    assert within(
        found, class_uid=4005, activity_id=7, traffic__bytes_in=89012, traffic__bytes_out=4567, duration=300_000,
        dst_endpoint__hostname="srv-app", dst_endpoint__ip=None, user__name="jane", user__domain="EXAMPLE",
    )  # fmt: skip


def test_an_address_is_no_name() -> None:
    assert within(
        said(302, Resource="10.20.0.11"), dst_endpoint__ip="10.20.0.11", dst_endpoint__hostname=None
    )


@pytest.mark.parametrize("number", ["-1", "x", "99999999999999999999", "", "1e9"])
def test_numbers_that_are_none(number: str) -> None:
    found = said(303, BytesReceived=number, SessionDuration=number)
    assert within(found, traffic__bytes_in=None, duration=None)


def test_a_refused_logon() -> None:
    assert within(
        said(201, AuthType="NTLM"), class_uid=3002, activity_id=1, status_id=2, auth_protocol="NTLM"
    )
