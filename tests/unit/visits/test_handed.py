"""A desktop that was left open and that somebody else of the same account takes up."""

from __future__ import annotations

from typing import Any

from countersign.visits import stitch
from story import START, Claims, Story

ACME = Claims({"ext-meyer": "Eva Meyer", "ext-shift": "Bo Ek and Cy Lund"}, {})
MANAGER = "Microsoft-Windows-TerminalServices-LocalSessionManager/Operational"


def seat(story: Story, at: float, code: int, ip: str | None) -> None:
    """What LocalSessionManager says of the desktop's session 26."""
    more: dict[str, Any] = {"activity_id": 2 if code in {23, 24} else 1, "src_endpoint__ip": ip}
    story.windows(at, "JUMP01", code, 3002, MANAGER, user__name="ext-shift", user__domain="CORP", session__uid="ts:26", **more)  # fmt: skip


def taken_up() -> Story:
    story = Story()
    story.tunnel(0, "ext-shift", "198.51.100.7", "10.99.0.14", "asa:1")
    story.logon(10, "JUMP01", "ext-shift", "0x131138", 10, "10.99.0.14")
    seat(story, 11, 21, "10.99.0.14")
    story.process(60, "JUMP01", "ext-shift", "0x131138", "cmd.exe /c first")
    seat(story, 3000, 24, "10.99.0.14")
    story.tunnel(3010, "ext-shift", "198.51.100.7", "", "asa:1", opens=False)
    story.tunnel(3500, "ext-shift", "203.0.113.9", "10.99.0.15", "asa:2")
    story.logon(3600, "JUMP01", "ext-shift", "0x14ba7d", 7, "10.99.0.15")
    seat(story, 3600.2, 25, "10.99.0.15")
    story.logoff(3601, "JUMP01", "ext-shift", "0x14ba7d")
    story.process(3700, "JUMP01", "ext-shift", "0x131138", "cmd.exe /c second")
    story.logoff(5000, "JUMP01", "ext-shift", "0x131138")
    seat(story, 5000, 23, None)
    return story


def test_what_is_done_in_a_desktop_is_of_who_has_it_then() -> None:
    story = taken_up()
    for order in (None, list(reversed(range(len(story.rows))))):
        first, then = stitch(story.table(order), ACME, lambda _: 7)
        told = [next(hop for hop in visit.hops if hop.target == "JUMP01") for visit in (first, then)]
        assert [[action.text for action in hop.actions] for hop in told] == [
            ["cmd.exe /c first"],
            ["cmd.exe /c second"],
        ]
        ends = [hop.end for hop in told]
        assert [end and (end - START).total_seconds() for end in ends] == [3000, 5000]
        assert told[1].start is not None
        assert (told[1].start - START).total_seconds() == 3600
        assert [hop.link.kind for hop in told] == ["inferred", "inferred"]


def test_a_third_takes_it_up_from_the_second() -> None:
    story = taken_up()
    story.rows = [row for row in story.rows if row[0] < 5000]
    seat(story, 4000, 24, "10.99.0.15")
    story.tunnel(4100, "ext-shift", "203.0.113.99", "10.99.0.16", "asa:3")
    story.logon(4200, "JUMP01", "ext-shift", "0x15ba7d", 7, "10.99.0.16")
    seat(story, 4200.2, 25, "10.99.0.16")
    story.process(4300, "JUMP01", "ext-shift", "0x131138", "cmd.exe /c third")
    made = stitch(story.table(), ACME, lambda _: 7)
    told = [next(hop for hop in visit.hops if hop.target == "JUMP01") for visit in made]
    assert [[action.text for action in hop.actions] for hop in told] == [
        [f"cmd.exe /c {one}"] for one in ("first", "second", "third")
    ]


def test_from_another_machine_without_a_tunnel_as_well() -> None:
    story = Story()
    story.logon(10, "JUMP01", "ext-shift", "0x131138", 10, "10.20.0.7")
    story.process(60, "JUMP01", "ext-shift", "0x131138", "cmd.exe /c first")
    seat(story, 3000, 24, "10.20.0.7")
    story.logon(3600, "JUMP01", "ext-shift", "0x14ba7d", 7, "10.20.0.8")
    seat(story, 3600.2, 25, "10.20.0.8")
    story.windows(3600.3, "JUMP01", 4778, 3002, user__name="ext-shift", session__uid="0x131138", src_endpoint__ip="10.20.0.8")  # fmt: skip
    story.process(3700, "JUMP01", "ext-shift", "0x131138", "cmd.exe /c second")
    told = [hop for visit in stitch(story.table(), ACME, lambda _: 7) for hop in visit.hops]
    assert [(hop.source_ip, [action.text for action in hop.actions]) for hop in told] == [
        ("10.20.0.7", ["cmd.exe /c first"]),
        ("10.20.0.8", ["cmd.exe /c second"]),
    ]
