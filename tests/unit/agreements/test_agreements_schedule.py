from __future__ import annotations

from datetime import UTC, datetime, time, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from countersign.agreements.schedule import DAYS, Schedule

ZONES = st.sampled_from(
    ["UTC", "Europe/London", "America/New_York", "Asia/Kolkata", "Pacific/Auckland", "Pacific/Apia"]
)
MOMENTS = st.datetimes(datetime(2024, 1, 1), datetime(2028, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001  # bounds
CLOCKS = st.tuples(st.integers(0, 23), st.integers(0, 59))


def schedule(line: str) -> Schedule:
    return Schedule.model_validate(line)


def at(text: str, zone: str = "Europe/London", fold: int = 0) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold)


@pytest.mark.parametrize(
    ("line", "moment", "inside"),
    [
        ("mon-fri 08:00-18:00", "2026-03-02T08:00", True),
        ("mon-fri 08:00-18:00", "2026-03-02T07:59:59", False),
        ("mon-fri 08:00-18:00", "2026-03-02T17:59:59", True),
        ("mon-fri 08:00-18:00", "2026-03-02T18:00", False),
        ("mon-fri 08:00-18:00", "2026-03-07T12:00", False),
        ("mon-fri 22:00-06:00", "2026-03-06T23:00", True),  # Friday evening
        ("mon-fri 22:00-06:00", "2026-03-07T05:59", True),  # its morning after
        ("mon-fri 22:00-06:00", "2026-03-07T22:00", False),
        ("mon-fri 22:00-06:00", "2026-03-02T05:00", False),  # Sunday's night
        ("mon 00:00-24:00", "2026-03-02T23:59:59", True),
        ("mon 00:00-24:00", "2026-03-03T00:00", False),
        ("mon 18:00-00:00", "2026-03-02T23:59", True),
        ("mon 18:00-00:00", "2026-03-03T00:00", False),
        ("sat-mon 09:00-10:00", "2026-03-01T09:30", True),
        ("mon 08:00-12:00 13:00-17:00", "2026-03-02T12:30", False),
        ("22:00-02:00 2026-03-02", "2026-03-03T01:00", True),
        ("22:00-02:00 2026-03-02", "2026-03-02T01:00", False),
        ("2026-03-02..2026-03-04", "2026-03-04T23:00", True),
        ("2026-03-02..2026-03-04", "2026-03-05T00:00", False),
    ],
)
def test_moments_are_inside_by_the_wall_clock(line: str, moment: str, inside: bool) -> None:
    assert schedule(line).covers(at(moment), "Europe/London") is inside


def test_the_hour_that_happens_twice_is_inside_twice() -> None:
    autumn = schedule("sun 01:00-02:00 Europe/London")
    first, second = at("2026-10-25T01:30"), at("2026-10-25T01:30", fold=1)
    assert second.astimezone(UTC) - first.astimezone(UTC) == timedelta(hours=1)
    assert autumn.covers(first.astimezone(UTC), "UTC")
    assert autumn.covers(second.astimezone(UTC), "UTC")


def test_the_hour_that_is_left_out_never_comes() -> None:
    spring = schedule("sun 01:00-02:00 Europe/London")
    midnight = datetime(2026, 3, 29, 0, 0, tzinfo=UTC)
    assert not any(spring.covers(midnight + timedelta(minutes=step), "UTC") for step in range(24 * 60))


def test_work_hours_move_with_summer_time() -> None:
    work = schedule("mon-fri 08:00-18:00 Europe/London")
    assert not work.covers(datetime(2026, 3, 27, 7, 30, tzinfo=UTC), "UTC")
    assert work.covers(datetime(2026, 3, 30, 7, 30, tzinfo=UTC), "UTC")


def test_a_night_across_the_change_of_clocks_is_whole() -> None:
    night = schedule("sat 22:00-06:00 Europe/London")
    begin = at("2026-10-24T22:00").astimezone(UTC)
    inside = [night.covers(begin + timedelta(minutes=step), "UTC") for step in range(9 * 60)]
    assert all(inside)  # nine hours by a stopwatch, eight by the wall
    assert not night.covers(begin + timedelta(hours=9), "UTC")


@given(
    MOMENTS, st.integers(-14 * 60, 14 * 60), ZONES, CLOCKS, CLOCKS, st.sets(st.sampled_from(DAYS), min_size=1)
)
def test_a_moment_is_inside_whatever_zone_it_is_written_in(
    moment: datetime, offset: int, zone: str, start: tuple[int, int], end: tuple[int, int], days: set[str]
) -> None:
    if start == end:
        return
    hours = f"{start[0]:02d}:{start[1]:02d}-{end[0]:02d}:{end[1]:02d}"
    one = Schedule.model_validate({"days": sorted(days), "hours": hours, "zone": zone})
    elsewhere = moment.astimezone(timezone(timedelta(minutes=offset)))
    assert one.covers(moment, "UTC") == one.covers(elsewhere, "UTC") == one.covers(moment, zone)


@given(MOMENTS, ZONES, CLOCKS, CLOCKS)
def test_hours_and_their_complement_share_out_every_moment(
    moment: datetime, zone: str, start: tuple[int, int], end: tuple[int, int]
) -> None:
    if start == end:
        return
    first, last = (f"{hour:02d}:{minute:02d}" for hour, minute in (start, end))
    inside = schedule(f"{first}-{last} {zone}").covers(moment, "UTC")
    outside = schedule(f"{last}-{first} {zone}").covers(moment, "UTC")
    assert inside != outside


@given(MOMENTS, ZONES, st.sampled_from(DAYS), CLOCKS, CLOCKS)
def test_a_window_belongs_to_the_day_on_which_it_begins(
    moment: datetime, zone: str, day: str, start: tuple[int, int], end: tuple[int, int]
) -> None:
    if start == end:
        return
    wall = moment.astimezone(ZoneInfo(zone))
    clock, begins, ends = wall.time().replace(second=0, microsecond=0), time(*start), time(*end)
    crosses = begins > ends
    day_of_window = wall.date() - timedelta(days=crosses and clock < ends)
    in_hours = (clock >= begins or clock < ends) if crosses else begins <= clock < ends
    expected = in_hours and DAYS[day_of_window.weekday()] == day
    line = f"{day} {begins:%H:%M}-{ends:%H:%M} {zone}"
    assert schedule(line).covers(moment, "UTC") == expected


def test_a_line_and_its_parts_are_the_same_schedule() -> None:
    parts = {"days": ["monday", "Tue", "wed-fri"], "hours": ["8:00-18:00"], "zone": "Europe/London"}
    line = schedule("mon-fri 08:00-18:00 Europe/London")
    assert Schedule.model_validate(parts) == line
    assert schedule(line.text("UTC")) == line
    assert Schedule.model_validate(line.model_dump()) == line


@pytest.mark.parametrize(
    ("line", "remedy"),
    [
        ("mon-fry 08:00-18:00", "did you mean `fri`"),
        ("mon 08:00-18:00 Europe/Londn", "did you mean `Europe/London`"),
        ("mon 08:00-18:00 europe/london", "did you mean `Europe/London`"),
        ("mon 25:00-26:00", "08:00-18:00"),
        ("mon 08:61-09:00", "08:00-18:00"),
        ("mon 09:00-09:00", "00:00-24:00"),
        ("2026-02-30", "2026-12-01"),
        ("2026-03-02..2026-03-01", "2026-03-01..2026-03-02"),
        ("mon UTC Europe/Berlin", "a list"),
        ("", "leave `when` out"),
    ],
)
def test_what_is_no_schedule_is_refused_with_a_remedy(line: str, remedy: str) -> None:
    with pytest.raises(ValidationError) as refused:
        schedule(line)
    assert any(remedy in detail.get("ctx", {}).get("remedy", "") for detail in refused.value.errors())


@given(st.text(max_size=30))
def test_any_text_is_a_schedule_or_refused(line: str) -> None:
    try:
        found = schedule(line)
    except ValidationError:
        return
    assert schedule(found.text("UTC")).text("UTC") == found.text("UTC")
