from __future__ import annotations

from unit.sources.source_lines import events

MESSAGE = "CEF:0|Example|Door|1|7|Opened|5|suser=jo src=198.51.100.7"


def test_a_message_without_a_time_is_known_with_its_frame() -> None:
    lines = [f"Nov 20 0{hour}:00:00 relay1 {MESSAGE}" for hour in (8, 9)]
    for family in ("cef", "syslog"):
        found = events(family, *lines)
        assert [one["count"] for one in found] == [1, 1]
        assert len({one["id"] for one in found}) == 2


def test_one_that_tells_its_time_is_the_same_from_any_relay() -> None:
    told = MESSAGE + " rt=1795168800000"
    found = events("cef", f"Nov 20 08:00:00 relay1 {told}", f"Nov 20 09:00:00 relay2 {told}", told)
    assert [one["count"] for one in found] == [3]


def test_the_same_line_is_one_event_in_a_mixed_file_and_in_its_own() -> None:
    line = f"Nov 20 08:00:00 relay1 {MESSAGE}"
    assert events("cef", line)[0]["id"] == events("syslog", line)[0]["id"]
