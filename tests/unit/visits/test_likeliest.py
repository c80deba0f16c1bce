"""Of several sessions from which a hop may have come, the likeliest comes first."""

from __future__ import annotations

import pytest

from countersign.model.visit import Hop
from countersign.visits import stitch
from story import Claims, Story
from unit.visits.test_attended import SILENT, desks, lasting, ssh_seen

ACME = Claims({"adm-jdoe": "Jane Doe", "adm-ray": "Ray Roe"})
JUMP = "JUMP01.corp.example"


def to(story: Story, target: str, shuffled: bool = False) -> list[Hop]:
    order = [*range(len(story.rows))]
    made = stitch(story.table(order[::-1] if shuffled else order), ACME, lambda _: 7)
    return [hop for visit in made for hop in visit.hops if hop.target == target]


def two_of_one() -> Story:
    """Two desktops of one account on the jump host, `0x20` and the later `0x21`, through tunnels of two people."""
    story = Story()
    story.machine(-600, "JUMP01", "10.0.0.5")
    story.tunnel(-20, "adm-jdoe", "198.51.100.7", "10.9.0.4", "t1")
    story.tunnel(-10, "adm-jdoe", "198.51.100.8", "10.9.0.5", "t2")
    story.logon(0, JUMP, "adm-jdoe", "0x20", 10, "10.9.0.4")
    story.logon(100, JUMP, "adm-jdoe", "0x21", 10, "10.9.0.5")
    return story


def came(story: Story, at: float, host: str, session: str) -> None:
    story.logon(at, f"{host}.corp.example", "adm-jdoe", session, 3, "10.0.0.5")
    story.logoff(at + 30, f"{host}.corp.example", "adm-jdoe", session)


def first(hop: Hop, story: Story) -> float:
    """When the desktop began, seconds from the story's start, that is taken for the parent of `hop`."""
    assert hop.link.candidates[0] == hop.parent
    desktops = {one.id: one for one in to(story, "JUMP01")}
    start = desktops[hop.parent or ""].start
    assert start is not None
    return (start - min(one.start for one in desktops.values() if one.start)).total_seconds()


@pytest.mark.parametrize("shuffled", [False, True])
def test_of_one_accounts_sessions_the_one_that_went_on_to_other_hosts_just_then_comes_first(
    shuffled: bool,
) -> None:
    story = two_of_one()
    came(story, 600, "SRV2", "0x72")
    (hop,) = to(story, "SRV2")
    assert (first(hop, story), hop.link.kind) == (100, "ambiguous")
    assert "latest is taken" in hop.link.reason
    story.explicit(500, JUMP, "adm-jdoe", "0x20", "adm-jdoe", "srv1.corp.example")
    came(story, 501, "SRV1", "0x71")
    (hop,) = to(story, "SRV2", shuffled)
    assert (first(hop, story), hop.link.kind) == (0, "ambiguous")
    assert "went to other hosts that way just then" in hop.link.reason


def test_a_session_with_a_screen_open_elsewhere_comes_after_one_without() -> None:
    story = two_of_one()
    story.explicit(500, JUMP, "adm-jdoe", "0x21", "adm-jdoe", "srv1.corp.example")
    story.logon(501, "SRV1.corp.example", "adm-jdoe", "0x71", 10, "10.0.0.5")
    story.logoff(900, "SRV1.corp.example", "adm-jdoe", "0x71")
    came(story, 600, "SRV2", "0x72")
    (hop,) = to(story, "SRV2")
    assert (first(hop, story), hop.link.kind) == (0, "ambiguous")
    assert "no screen or shell open elsewhere" in hop.link.reason


def test_a_desktop_opened_from_one_that_was_logged_off_long_before_its_end_was_opened_from_the_other() -> (
    None
):
    story = two_of_one()
    story.logon(300, "SRV2.corp.example", "adm-jdoe", "0x72", 10, "10.0.0.5")
    story.logoff(900, "SRV2.corp.example", "adm-jdoe", "0x72")
    assert to(story, "SRV2")[0].link.kind == "ambiguous"
    story.logoff(400, JUMP, "adm-jdoe", "0x21")
    (hop,) = to(story, "SRV2")
    assert (hop.link.kind, hop.link.candidates) == ("inferred", ())
    assert "all others were logged off before it ended" in hop.link.reason


def test_a_network_logon_that_ended_after_a_logoff_rather_came_from_the_other_session() -> None:
    story = two_of_one()
    came(story, 380, "SRV2", "0x72")
    story.logoff(400, JUMP, "adm-jdoe", "0x21")
    (hop,) = to(story, "SRV2")
    assert (first(hop, story), hop.link.kind) == (0, "ambiguous")


@pytest.mark.parametrize("shuffled", [False, True])
def test_of_several_accounts_the_one_that_goes_there_by_habit_comes_first(shuffled: bool) -> None:
    story = desks("adm-jdoe", "adm-ray")
    story.logoff(20_000, JUMP, "adm-jdoe", "0x20")
    story.logoff(20_000, JUMP, "adm-ray", "0x21")
    ssh_seen(story, 300)
    (hop,) = to(story, SILENT)
    assert hop.account == r"CORP\adm-ray"  # the latest
    story.logon(30_000, JUMP, "adm-jdoe", "0x30", 10, "10.9.0.4")
    ssh_seen(story, 30_300, 50_002)
    lasting(story, 30_300, 60, 50_002)
    story.logoff(31_000, JUMP, "adm-jdoe", "0x30")
    hop, sure = to(story, SILENT, shuffled)
    assert sure.link.kind == "inferred"
    assert (hop.account, hop.link.kind, len(hop.link.candidates)) == (r"CORP\adm-jdoe", "ambiguous", 2)
    assert "the account that goes there most is taken" in hop.link.reason


def test_credentials_used_for_it_count_more_than_habits() -> None:
    story = two_of_one()
    story.explicit(500, JUMP, "adm-jdoe", "0x20", "adm-jdoe", "srv1.corp.example")
    came(story, 501, "SRV1", "0x71")
    story.explicit(590, JUMP, "adm-jdoe", "0x20", "adm-jdoe", "srv2.corp.example")
    story.explicit(599, JUMP, "adm-jdoe", "0x21", "adm-jdoe", "srv2.corp.example")
    came(story, 600, "SRV2", "0x72")
    (hop,) = to(story, "SRV2")
    assert (first(hop, story), hop.link.kind) == (100, "ambiguous")
    assert "the nearest in time is taken" in hop.link.reason
