from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countersign.model.batch import EPOCH
from countersign.sources._clock import Clock, epoch_microseconds
from unit.sources.source_lines import context


def at(microseconds: int | None) -> datetime | None:
    return None if microseconds is None else EPOCH + timedelta(microseconds=microseconds)


def clock(received: str, zone: str = "UTC") -> Clock:
    return Clock(context(datetime.fromisoformat(received), zone))


def test_year_is_the_latest_not_later_than_a_day_after_receipt() -> None:
    ours = clock("2026-11-21T12:00:00+00:00")
    assert at(ours.yearless("Nov 21 10:00", 1)) == datetime(2026, 11, 21, 10, 0, 1, tzinfo=UTC)
    assert at(ours.yearless("Nov 22 12:00", 0)) == datetime(2026, 11, 22, 12, tzinfo=UTC)
    assert at(ours.yearless("Nov 22 12:00", 1)) == datetime(2025, 11, 22, 12, 0, 1, tzinfo=UTC)
    assert at(ours.yearless("Dec 31 23:59", 59)) == datetime(2025, 12, 31, 23, 59, 59, tzinfo=UTC)


def test_new_year_is_read_before_it_comes() -> None:
    ours = clock("2026-12-31T23:00:00+00:00")
    assert at(ours.yearless("Jan  1 00:30", 0)) == datetime(2027, 1, 1, 0, 30, tzinfo=UTC)
    east = clock("2026-12-30T12:00:00+00:00", "Pacific/Kiritimati")  # its new year comes 14 hours early
    assert at(east.yearless("Jan  1 01:00", 0)) == datetime(2026, 12, 31, 11, tzinfo=UTC)
    assert at(east.yearless("Jan  1 02:30", 0)) == datetime(2025, 12, 31, 12, 30, tzinfo=UTC)


def test_leap_day_takes_the_latest_leap_year() -> None:
    assert at(clock("2026-11-21T12:00:00+00:00").yearless("Feb 29 10:00", 0)) == datetime(
        2024, 2, 29, 10, tzinfo=UTC
    )
    assert at(clock("2024-02-28T11:00:00+00:00").yearless("Feb 29 10:00", 0)) == datetime(
        2024, 2, 29, 10, tzinfo=UTC
    )


@pytest.mark.parametrize(
    "text", ["Feb 30 10:00", "Nov 31 10:00", "Nov 21 24:00", "Nov 21 10:60", "Nox 21 10:00", "Nov"]
)
def test_what_is_no_date_has_no_time(text: str) -> None:
    assert clock("2026-11-21T12:00:00+00:00").yearless(text, 0) is None


def test_leap_second_is_the_next_minute() -> None:
    ours = clock("2026-11-21T12:00:00+00:00")
    assert at(ours.yearless("Nov 20 23:59", 60)) == datetime(2026, 11, 21, tzinfo=UTC)
    assert at(ours.iso("2016-12-31T23:59:60Z")[0]) == datetime(2017, 1, 1, tzinfo=UTC)
    assert ours.yearless("Nov 20 23:59", 61) is None


def test_assumed_zone_with_gap_and_fold() -> None:
    berlin = clock("2026-11-21T12:00:00+00:00", "Europe/Berlin")
    assert at(berlin.iso("2026-10-25 02:30:00")[0]) == datetime(
        2026, 10, 25, 0, 30, tzinfo=UTC
    )  # the earlier one
    assert at(berlin.iso("2026-03-29 02:30:00")[0]) == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)  # never was
    assert at(berlin.yearless("Jul  1 12:00", 0)) == datetime(2026, 7, 1, 10, tzinfo=UTC)
    assert at(berlin.local(2026, 7, 1, 12, 0, 0, utc=True)) == datetime(2026, 7, 1, 12, tzinfo=UTC)


def test_stated_offsets_win() -> None:
    berlin = clock("2026-11-21T12:00:00+00:00", "Europe/Berlin")
    assert berlin.iso("2026-11-21T10:00:00-05:00")[1] == "stated"
    assert at(berlin.iso("2026-11-21T10:00:00-0500")[0]) == datetime(2026, 11, 21, 15, tzinfo=UTC)
    assert berlin.iso("2026-11-21T10:00:00")[1] == "zone"
    assert berlin.iso("2026-13-21T10:00:00") == (None, "undated")


def test_unknown_zone_is_our_mistake() -> None:
    with pytest.raises(RuntimeError, match="no IANA zone"):
        Clock(context(zone="Mars/Olympus"))


@given(
    moment=st.integers(1, 364 * 86_400).map(
        lambda back: datetime(2026, 11, 22, 12, tzinfo=UTC) - timedelta(seconds=back)
    ),
    zone=st.sampled_from(["UTC", "Asia/Kolkata", "America/St_Johns"]),
)
def test_a_year_back_is_read_as_it_was(moment: datetime, zone: str) -> None:
    local = moment.astimezone(ZoneInfo(zone))
    if local.fold:
        return
    read = Clock(context(zone=zone)).yearless(f"{local:%b %d %H:%M}", local.second)
    assert at(read) == moment


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1379288667.706265", 1_379_288_667_706_265),
        ("1379288667.7", 1_379_288_667_700_000),
        ("1379288667", 1_379_288_667_000_000),
        ("1379288667.7062659", 1_379_288_667_706_265),
        ("-1.0", None),
        ("1e9", None),
        ("١٣٧٩", None),
        ("", None),
        ("1379288667.x", None),
        ("13792886670000000.1", None),
    ],
)
def test_epoch_seconds_without_a_float(text: str, expected: int | None) -> None:
    assert epoch_microseconds(text) == expected
