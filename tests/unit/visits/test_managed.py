"""What the agent of a remote-management tool starts, as the system, in a session of the tool."""

from __future__ import annotations

import pytest

from countersign.visits import stitch
from story import Claims, Story

ACME = Claims({"jdoe": "Jane Doe"})
HOST = "APP01.corp.example"
AGENT = r"C:\Program Files (x86)\NinjaRMMAgent\NinjaRMMAgent.exe"


def session(story: Story, at: float, key: str, *, opens: bool) -> None:
    story.add(
        at,
        {
            "class_uid": 3002,
            "activity_id": 1 if opens else 2,
            "status_id": 1,
            "metadata.product": "NinjaOne",
            "device.hostname": HOST,
            "user.name": "jdoe",
            "session.uid": key,
            "src_endpoint.ip": "198.51.100.7",
        },
    )


@pytest.mark.parametrize(
    ("at", "parent", "hangs"),
    [(30, AGENT, True), (30, r"C:\Windows\System32\services.exe", False), (5000, AGENT, False)],
)
def test_what_an_agent_starts_hangs_on_the_tools_open_session(at: float, parent: str, *, hangs: bool) -> None:
    story = Story()
    session(story, 0, "s1", opens=True)
    session(story, 60, "s1", opens=False)
    story.process(at, HOST, "APP01$", "0x3e7", "cmd.exe /c patch.bat", process__parent_process__path=parent)
    (visit,) = stitch(story.table(), ACME, lambda _: 7)
    (hop,) = visit.hops
    assert [act.text for act in hop.actions] == (["cmd.exe /c patch.bat"] if hangs else [])
