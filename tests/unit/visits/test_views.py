"""What the logs at hand could have shown: told host by host, in as many rows as there are hosts and days."""

from __future__ import annotations

from countersign.visits import Days, views
from countersign.visits.views import _views
from story import Story


def _estate(times: int) -> Story:
    story = Story()
    for number in range(times):
        story.logon(number, "FILE01", "jdoe", f"0x{number + 1}00", 10, "10.0.0.5")
        story.windows(number, "APP01", 4688, 1007, activity_id=1)
        story.windows(number, "APP02", 4688, 1007, activity_id=2)
        story.windows(number, "FILE01", 7045, 201004, "System")
        story.add(
            number,
            {"class_uid": 4006, "metadata.product": "Zeek", "metadata.log_name": "smb_files", "message": "1"},
        )
    return story


def test_a_host_shows_what_any_of_its_records_shows() -> None:
    seen = views(_estate(3).table())
    assert (seen.logons, seen.audits) == (frozenset({"FILE01"}), frozenset({"FILE01", "APP01", "APP02"}))
    assert (seen.processes, seen.services, seen.shares) == (
        frozenset({"APP01"}),
        frozenset({"FILE01"}),
        frozenset(),
    )
    assert seen.sensor


def test_nothing_shows_nothing() -> None:
    seen = views(Story().table())
    assert (seen.logons, seen.sensor, seen.addresses) == (frozenset(), False, {})


def test_many_records_of_a_host_are_one_row() -> None:
    days = Days(_estate(50).table())
    assert days.of_all("views", _views).num_rows == 4  # three hosts, and the sensor that gives itself no name
