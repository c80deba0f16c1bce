from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from countersign.web.scale import TICK_ROOM, Scale
from countersign.web.times import moment, span_text

LONDON = ZoneInfo("Europe/London")


def test_days_begin_at_the_zones_midnight_where_the_clock_is_set() -> None:
    # British clocks go forward on 29 March 2026 at 01:00 UTC
    start = datetime(2026, 3, 27, tzinfo=UTC)
    scale = Scale(start, start + timedelta(days=4, hours=1), 0, 400, LONDON)
    hours = {tick.text: tick.x / 400 * 97 for tick in scale.ticks() if tick.day}
    assert round(hours["Sun 29 Mar"]) == 48
    assert round(hours["Mon 30 Mar"]) == 71


def test_nights_and_weekends_are_shaded_in_the_zone() -> None:
    start = datetime(2026, 3, 5, 12, tzinfo=UTC)
    scale = Scale(start, start + timedelta(days=3), 0, 72, ZoneInfo("UTC"))
    shades = [(shade.kind, shade.x, shade.width) for shade in scale.shades()]
    assert ("night", 8.0, 10.0) in shades
    assert ("weekend", 36.0, 36.0) in shades


@given(
    st.datetimes(datetime(2000, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001  # given below
    st.timedeltas(timedelta(0), timedelta(days=9000)),
    st.sampled_from(["UTC", "Europe/London", "Pacific/Apia", "Australia/Lord_Howe", "Asia/Kathmandu"]),
)
def test_ticks_never_crowd_and_stay_inside(start: datetime, span: timedelta, zone: str) -> None:
    scale = Scale.around(start, start + span, 150, 800, ZoneInfo(zone))
    places = [tick.x for tick in scale.ticks()]
    assert places == sorted(places)
    assert len(places) <= 800 / TICK_ROOM + 3
    assert all(150 <= x <= 950 for x in places)
    assert all(shade.width >= 0 for shade in scale.shades())
    assert scale.x(start) <= scale.x(start + span)


def test_words_for_times() -> None:
    start = datetime(2026, 7, 1, 22, 30, tzinfo=UTC)
    assert moment(start, LONDON).text == "Wed 1 Jul 2026, 23:30:00 UTC+01:00"
    assert moment(None, LONDON).machine == ""
    assert span_text(start, start + timedelta(seconds=59)) == "59 seconds"
    assert span_text(start, start + timedelta(minutes=1)) == "1 minute"
    assert span_text(start, start + timedelta(minutes=80)) == "1 hour 20 minutes"
    assert span_text(start, start + timedelta(days=2, hours=3)) == "2 days 3 hours"
    assert span_text(start, None) == ""
