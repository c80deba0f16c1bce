from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countersign.model.batch import microseconds
from countersign.sources._clock import Clock
from countersign.sources._times import Time, epoch, iso, on_paper, stamps, written
from unit.sources.source_lines import context

VIENNA = Clock(context(zone="Europe/Vienna"))


def at(*parts: int) -> int:
    return microseconds(datetime(*parts, tzinfo=UTC))  # type: ignore[misc,arg-type]  # six or seven numbers


def one(time: Time, *values: Any) -> tuple[int | None, str]:
    fields = {path: [value] for path, value in zip(time.paths, values, strict=False)}
    times, _, bases = stamps((time,), fields.get, 1, VIENNA)
    return times[0], bases[0]


@pytest.mark.parametrize(
    ("text", "order", "moment", "basis"),
    [
        ("21/11/2026, 3:07:09 PM", "dmy", at(2026, 11, 21, 14, 7, 9), "zone"),
        ("11/21/2026 3:07:09 AM", "mdy", at(2026, 11, 21, 2, 7, 9), "zone"),
        ("11/21/26 15:07:09", "mdy", at(2026, 11, 21, 14, 7, 9), "zone"),
        ("21.11.2026 15:07", "dmy", at(2026, 11, 21, 14, 7), "zone"),
        ("2026/11/21 15:07:09.5", "dmy", at(2026, 11, 21, 14, 7, 9, 500_000), "zone"),
        ("Nov 21, 2026 3:07:09\u202fPM", "dmy", at(2026, 11, 21, 14, 7, 9), "zone"),
        ("21 November 2026 15:07:09 UTC", "mdy", at(2026, 11, 21, 15, 7, 9), "stated"),
        ("2026-11-21 15:07:09 +0530", "ymd", at(2026, 11, 21, 9, 37, 9), "stated"),
        ("11/21/2026 12:00:00 AM", "mdy", at(2026, 11, 20, 23, 0), "zone"),
        ("11/21/2026 12:00:00 PM", "mdy", at(2026, 11, 21, 11, 0), "zone"),
        ("10/25/2026 02:30:00", "mdy", at(2026, 10, 25, 0, 30), "zone"),  # happens twice: the earlier
        ("03/29/2026 02:30:00", "mdy", at(2026, 3, 29, 1, 30), "zone"),  # never happens
    ],
)
def test_dates_as_people_write_them(text: str, order: Any, moment: int, basis: str) -> None:
    assert on_paper(text, order, VIENNA)[::2] == (moment, basis)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "soon",
        "13/13/2026 10:00:00",
        "1/1/2026 13:00 PM",
        "1/1/202 10:00",
        "31.02.2026 10:00",
        "9" * 80,
        "0/0/0 0:00",
    ],
)
def test_what_is_no_date_has_no_time(text: str) -> None:
    assert on_paper(text, "dmy", VIENNA)[0] is None


def test_an_offset_may_stand_apart() -> None:
    time = written("date", "time", order="ymd", offset="tz")
    assert one(time, "2024-10-14", "13:46:40", "-0700") == (at(2024, 10, 14, 20, 46, 40), "stated")
    assert one(time, "2024-10-14", "13:46:40") == (at(2024, 10, 14, 11, 46, 40), "zone")
    assert one(written("d", order="dmy", zone="UTC"), "14.10.2024 13:46") == (
        at(2024, 10, 14, 13, 46),
        "stated",
    )


@pytest.mark.parametrize(
    ("value", "unit"),
    [
        (1728938800, "digits"), ("1728938800", "s"), (1728938800.0, "digits"), (1728938800000, "digits"), ("1728938800000", "ms"),
        (1728938800000000, "digits"), ("1728938800000000000", "digits"), (1728938800000000000, "ns"),
    ],
)  # fmt: skip
def test_units_since_1970_are_told_by_their_digits(value: Any, unit: Any) -> None:
    assert one(epoch("t", unit), value) == (at(2024, 10, 14, 20, 46, 40), "stated")


def test_iso() -> None:
    assert one(iso("t"), "2026-11-21T10:00:00.1234567Z") == (at(2026, 11, 21, 10, 0, 0, 123_456), "stated")
    assert one(iso("t"), "2026-11-21T10:00:00") == (at(2026, 11, 21, 9), "zone")
    assert one(iso("t", zone="UTC"), "2026-11-21T10:00:00") == (at(2026, 11, 21, 10), "stated")
    assert one(iso("t"), 7) == (None, "undated")


def test_the_first_time_that_a_record_has_counts() -> None:
    fields: dict[str, Any] = {"a": ["2026-11-21T10:00:00Z", None, "x"], "b": [5, 1795168800, None]}
    times, texts, bases = stamps((iso("a"), epoch("b")), fields.get, 3, VIENNA)
    assert times == [at(2026, 11, 21, 10), 1795168800_000_000, None]
    assert texts[1] == "1795168800"
    assert bases == ["stated", "stated", "undated"]


@given(
    st.one_of(
        st.text(max_size=40), st.integers(), st.floats(), st.none(), st.lists(st.integers(), max_size=2)
    )
)
def test_any_value_is_a_time_or_none(value: Any) -> None:
    for time in (iso("t"), epoch("t"), epoch("t", "ns"), written("t", order="dmy"), iso("t", zone="UTC")):
        moment, basis = one(time, value)
        assert moment is None or type(moment) is int
        assert basis in {"stated", "zone", "undated"}
