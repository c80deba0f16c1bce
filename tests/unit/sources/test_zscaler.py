from __future__ import annotations

from unit.sources.source_lines import event, parse, within

PAIRS = "\treason=Allowed\taction=Blocked\trequestmethod=POST\tuser=j@example.com\turl=a.example.com/x\tvendor=Zscaler\tClientIP=10.0.0.1"


def test_feed_with_and_without_a_relay() -> None:
    alone = event("zscaler", "2026-11-20 10:00:00" + PAIRS)
    assert within(
        alone,
        class_uid=4002,
        activity_id=6,
        action_id=2,
        user__name="j",
        url="a.example.com/x",
        time_basis="zone",
    )
    assert event("zscaler", "<13>Nov 20 11:00:01 nss 2026-11-20 10:00:00" + PAIRS)["id"] == alone["id"]


def test_time_in_seconds_states_its_zone() -> None:
    found = event("zscaler", PAIRS.strip() + "\tepochtime=1795168800")
    assert within(found, time_basis="stated")


def test_a_value_cannot_name_the_vendor_of_another_line() -> None:
    assert parse("zscaler", ["a vendor=Zscaler b", "user=x\turl=vendor=Zscaler", ""]).rejected.num_rows == 2
