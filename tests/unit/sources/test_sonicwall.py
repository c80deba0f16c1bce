from __future__ import annotations

from typing import Any

import pytest

from unit.sources.source_lines import context, event, within


def said(message: str, time: str = "2026-07-01 12:00:00 UTC", rest: str = "") -> dict[str, Any]:
    line = f'id=firewall sn=C0 time="{time}" fw=203.0.113.1 pri=6 m=1 msg="{message}" usr="jane" src=203.0.113.9:51000:X1 dst=10.0.0.1:443:X0 {rest}'
    return event("sonicwall", line, context(zone="Europe/Berlin"))


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("SSL VPN zone remote user login allowed", (3002, 1, 1)),
        ("User login from an internal zone allowed", (3002, 1, 1)),
        ("User login denied due to bad credentials", (3002, 1, 2)),
        ("Unknown user attempted to log in", (3002, 1, 2)),
        ("User logged out - inactivity timer expired", (3002, 2, 1)),
        ("Connection Opened", (4001, 1, 1)),
        ("Connection Closed", (4001, 2, 1)),
        ("UDP packet dropped", (4001, 5, 2)),
        ("Client jane is assigned IP:10.9.0.4", (4014, 1, 1)),
        ("Fan is fine", (0, 0, None)),
    ],
)
def test_sentences(message: str, expected: tuple[int, int, int | None]) -> None:
    found = said(message)
    assert (found["class_uid"], found["activity_id"], found.get("status_id")) == expected
    assert within(found, src_endpoint__ip="203.0.113.9", src_endpoint__port=51000, user__name="jane")


def test_clock() -> None:
    assert (said("x")["time"].hour, said("x")["time_basis"]) == (12, "stated")
    assert (
        said("x", "2026-07-01 12:00:00")["time"].hour,
        said("x", "2026-07-01 12:00:00")["time_basis"],
    ) == (10, "zone")
    assert said("x", "2026-07-01 12:00:00", 'vp_time="2026-07-01 09:00:00 UTC"')["time"].hour == 9


def test_odd_ends() -> None:
    line = 'id=firewall sn=C0 time="" fw=f pri=6 msg="x" src=2001:db8::1 dst=a:b:c:d:e:f'
    assert within(event("sonicwall", line), src_endpoint__ip="2001:db8::1", time=None)
