from __future__ import annotations

import pytest

from unit.sources.source_lines import context, event, parse, within

REST = " 0A5C PACKET  000001D2F0A1B2C0 UDP Rcv 10.20.0.30      8a1f   Q [0001   D   NOERROR] A      (5)files(7)example(3)com(0)"


@pytest.mark.parametrize(
    ("stamp", "month", "day", "hour"),
    [
        ("7/2/2026 3:07:09 PM", 7, 2, 13),
        ("7/2/2026 12:07:09 AM", 7, 1, 22),
        ("02.07.2026 15:07:09", 7, 2, 13),
        ("02/07/2026 15:07:09", 7, 2, 13),
        ("2026-07-02 15:07:09", 7, 2, 13),
    ],
)
def test_clocks_and_orders(stamp: str, month: int, day: int, hour: int) -> None:
    found = event("windows_dns", stamp + REST, context(zone="Europe/Berlin"))
    assert (found["time"].month, found["time"].day, found["time"].hour) == (month, day, hour)
    assert within(
        found,
        class_uid=4003,
        activity_id=1,
        query__hostname="files.example.com",
        src_endpoint__ip="10.20.0.30",
        time_basis="zone",
    )


def test_who_asks_and_who_answers() -> None:
    answer = event(
        "windows_dns",
        "02.07.2026 15:07:09"
        + REST.replace("Rcv", "Snd").replace("8a1f   Q", "8a1f R Q").replace("NOERROR", "NXDOMAIN"),
    )
    assert within(answer, activity_id=2, src_endpoint__ip="10.20.0.30", status_id=2, status_code="NXDOMAIN")
    forwarded = event("windows_dns", "02.07.2026 15:07:09" + REST.replace("Rcv", "Snd"))
    assert within(forwarded, activity_id=1, src_endpoint__ip=None, dst_endpoint__ip="10.20.0.30")


def test_prose_is_no_record_and_nonsense_is_rejected() -> None:
    parsed = parse(
        "windows_dns",
        [
            "DNS Server log file creation at 1/1/2026",
            "\tField #",
            "",
            "nonsense",
            "02.07.2026 15:07:09 0A5C EVENT   hi",
        ],
    )
    assert (parsed.events.num_rows, parsed.rejected.num_rows) == (1, 1)
