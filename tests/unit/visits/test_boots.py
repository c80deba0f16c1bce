from __future__ import annotations

from datetime import timedelta

import pytest

from countersign.model.visit import Hop, Visit
from countersign.visits import stitch
from story import START, Claims, Story

ACME = Claims({"jdoe": "Jane Doe", "bob": "Bob", "shared": "Shared"})
HOUR = 3600


def visits(story: Story, order: list[int] | None = None) -> tuple[Visit, ...]:
    return stitch(story.table(order), ACME, lambda _: 7)


def hop(found: tuple[Visit, ...], target: str, session: str) -> Hop:
    return next(
        one for visit in found for one in visit.hops if (one.target, one.session) == (target, session)
    )


def told(visit: Visit) -> list[object]:
    return [
        (
            one.id,
            one.parent,
            one.end,
            one.end_reason,
            one.link,
            sorted(record.event for record in one.records),
        )
        for one in visit.hops
    ]


def desktops() -> Story:
    """Two people on one account at the jump host, one after the other; the first one's logoff is lost."""
    story = Story()
    story.machine(-600, "JUMP01", "10.0.0.5")
    story.tunnel(0, "jdoe", "203.0.113.7", "10.9.0.4", "asa:1")
    story.logon(10, "JUMP01", "shared", "0x100", 10, "10.9.0.4")
    story.process(900, "JUMP01", "shared", "0x100", "notepad.exe x")
    story.tunnel(1500, "jdoe", "203.0.113.7", "10.9.0.4", "asa:1", opens=False)
    story.tunnel(HOUR, "bob", "203.0.113.8", "10.9.0.5", "asa:2")
    story.logon(HOUR + 10, "JUMP01", "shared", "0x200", 10, "10.9.0.5")
    story.logon(HOUR + 100, "FILE01", "shared", "0x900", 3, "10.0.0.5")
    return story


def started(story: Story, at: float = 1800) -> None:
    story.windows(at, "JUMP01", 6008, 0, log="System")
    story.windows(at - 5, "JUMP01.corp.example", 4608, 0)
    story.windows(at + 2, "JUMP01", 6005, 0, log="System")


def test_without_a_word_of_the_host_both_desktops_may_be_open() -> None:
    assert hop(visits(desktops()), "FILE01", "0x900").link.kind == "ambiguous"


def test_a_host_that_died_ends_what_was_open_on_it() -> None:
    story = desktops()
    started(story)
    found = visits(story)
    file, desktop = hop(found, "FILE01", "0x900"), hop(found, "JUMP01", "0x100")
    assert file.link.kind == "inferred"
    assert file.parent == hop(found, "JUMP01", "0x200").id
    assert desktop.end == START + timedelta(seconds=900)
    assert desktop.end_reason == (
        "JUMP01 was started anew at 2026-03-02 09:29:55 UTC (4608, 6005, 6008); no end of it is logged: the last sign of life is taken"
    )
    assert hop(found, "JUMP01", "0x200").end is None
    for order in (
        [*reversed(range(len(story.rows)))],
        sorted(range(len(story.rows)), key=lambda i: i * 7 % 5),
    ):
        assert [told(visit) for visit in visits(story, order)] == [told(visit) for visit in found]


def test_a_shutdown_that_is_told_is_the_end() -> None:
    story = desktops()
    story.windows(1700, "JUMP01", 1074, 0, log="System", metadata__log_provider="User32")
    story.windows(1720, "JUMP01", 6006, 0, log="System")
    started(story)
    desktop = hop(visits(story), "JUMP01", "0x100")
    assert desktop.end == START + timedelta(seconds=1720)
    assert desktop.end_reason.endswith("it was shut down before (6006)")
    assert len(desktop.records) > 3


def test_a_wish_to_shut_down_counts_only_just_before_the_start() -> None:
    story = desktops()
    story.windows(950, "JUMP01", 1074, 0, log="System", metadata__log_provider="User32")
    started(story, 2400)
    assert hop(visits(story), "JUMP01", "0x100").end == START + timedelta(seconds=900)


@pytest.mark.parametrize("provider", ["Microsoft-Windows-Kernel-General", "UserModePowerService", None])
def test_twelve_is_a_start_only_of_the_kernel(provider: str | None) -> None:
    story = desktops()
    story.windows(1800, "JUMP01", 12, 0, log="System", metadata__log_provider=provider)
    kind = "inferred" if provider and "Kernel" in provider else "ambiguous"
    assert hop(visits(story), "FILE01", "0x900").link.kind == kind


def test_who_is_at_work_after_the_start_was_not_ended_by_it() -> None:
    story = desktops()
    started(story)
    story.process(2000, "JUMP01", "shared", "0x100", "notepad.exe y")
    found = visits(story)
    assert hop(found, "JUMP01", "0x100").end is None
    assert hop(found, "FILE01", "0x900").link.kind == "ambiguous"


def test_until_the_host_dies_the_desktop_is_open() -> None:
    story = Story()
    story.machine(-600, "JUMP01", "10.0.0.5")
    story.logon(0, "JUMP01", "jdoe", "0x100", 10, "203.0.113.7")
    story.logon(HOUR, "FILE01", "jdoe", "0x900", 3, "10.0.0.5")
    started(story, 2 * HOUR)
    (visit,) = visits(story)
    assert [one.target for one in visit.hops] == ["JUMP01", "FILE01"]


def test_a_desktop_after_the_start_is_a_hop_of_its_own() -> None:
    story = Story()
    story.logon(0, "JUMP01", "jdoe", "0x100", 10, "203.0.113.7")
    started(story, 600)
    story.logon(900, "JUMP01", "jdoe", "0x100", 10, "203.0.113.7")
    (visit,) = visits(story)
    assert [(one.start, one.end) for one in visit.hops] == [
        (START, START),
        (START + timedelta(seconds=900), None),
    ]


@pytest.mark.parametrize(
    "told",
    [
        {
            "metadata.product": None,
            "metadata.log_name": "kernel",
            "message": "[    0.000000] Linux version 6.1.0 (x)",
        },
        {"metadata.product": "utmp", "metadata.log_name": "wtmp", "metadata.event_code": "BOOT_TIME"},
    ],
)
def test_linux_tells_of_its_start_too(told: dict[str, str]) -> None:
    story = Story()
    sshd = {
        "class_uid": 3002,
        "activity_id": 1,
        "status_id": 1,
        "metadata.log_name": "sshd",
        "device.hostname": "web1",
    }
    story.add(
        0,
        {
            **sshd,
            "user.name": "jdoe",
            "session.uid": "sshd:7",
            "src_endpoint.ip": "203.0.113.7",
            "src_endpoint.port": 5000,
        },
    )
    story.add(600, {"class_uid": 0, "device.hostname": "web1", **told})
    ((only,),) = [visit.hops for visit in visits(story)]
    assert only.end == START
    assert "web1 was started anew" in only.end_reason


def test_a_network_logon_long_before_the_start_stays_as_it_is() -> None:
    story = Story()
    story.logon(0, "FILE01", "jdoe", "0x100", 3, "203.0.113.7")
    story.windows(5 * HOUR, "FILE01", 4608, 0)
    ((only,),) = [visit.hops for visit in visits(story)]
    assert (only.end, only.end_reason) == (None, "")
