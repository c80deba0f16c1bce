from __future__ import annotations

from typing import Any

from unit.sources.source_lines import context, event, parse, within

HEAD = "11/20/2026:10:00:00 GMT ns1 0-PPE-0 : default "


def said(rest: str) -> dict[str, Any]:
    return event("netscaler", HEAD + rest)


def test_who_failed_to_log_in_cannot_name_another_address() -> None:
    found = said(
        'AAA LOGIN_FAILED 1 0 :  User bob - Client_ip 192.0.2.1 - Client_ip 198.51.100.7 - Failure_reason "x" - Browser y'
    )
    assert within(
        found,
        class_uid=3002,
        status_id=2,
        src_endpoint__ip="198.51.100.7",
        user__name="bob - Client_ip 192.0.2.1",
    )


def test_a_browser_cannot_name_another_user() -> None:
    found = said(
        'SSLVPN LOGIN 1 0 : Context j@203.0.113.9 - SessionId: 7- Browser_type "x - User root - y" - User jane - Client_ip 203.0.113.9'
    )
    assert within(
        found, user__name="jane", http_request__user_agent="x - User root - y", session__uid="netscaler:ns1:7"
    )


def test_dates_and_zones() -> None:
    berlin = context(zone="Europe/Berlin")
    local = event("netscaler", "07/01/2026:12:00:00 ns1 0-PPE-0 : AAA NOTE 1 0 :  ", berlin)
    assert (local["time"].hour, local["time"].month, local["time_basis"]) == (10, 7, "zone")
    assert (
        event("netscaler", "20/11/2026:12:00:00 GMT ns1 0-PPE-0 : AAA NOTE 1 0 :  ", berlin)["time"].day == 20
    )
    assert within(event("netscaler", "99/99/2026:12:00:00 GMT ns1 0-PPE-0 : AAA NOTE 1 0 :  "), time=None)


def test_volume_and_duration() -> None:
    found = said(
        "SSLVPN LOGOUT 1 0 : SessionId: 7- User jane - Duration 30:00:01  - Total_bytes_send 5 - Total_bytes_recv 6 - "
    )
    assert within(found, activity_id=2, duration=108_001_000, traffic__bytes_in=5, traffic__bytes_out=6)
    assert within(said("SSLVPN LOGOUT 1 0 : Duration x:y:z - "), duration=None)


def test_in_mixed_syslog() -> None:
    line = (
        "Nov 20 11:00:05 10.0.0.1  "
        + HEAD
        + "SSLVPN LOGIN 1 0 : SessionId: 7- User jane - Client_ip 203.0.113.9"
    )
    assert within(event("syslog", line), source="netscaler", user__name="jane")
    assert parse("netscaler", ["11/20/2026 nothing", ": PPE-0 : "]).rejected.num_rows == 2
