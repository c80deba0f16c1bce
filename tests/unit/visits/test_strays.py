"""Sessions of which the logon's record is lost, and what tells where they belong."""

from __future__ import annotations

import pytest

from countersign.model.visit import Hop, Visit
from countersign.visits import stitch
from story import Claims, Story

ACME = Claims({"adm-jdoe": "Jane Doe", "svc-acme": "backup"}, services=frozenset({"svc-acme"}))
JUMP = "JUMP01.corp.example"


def visits(story: Story) -> tuple[Visit, ...]:
    return stitch(story.table(), ACME, lambda _: 7)


def hops(story: Story) -> list[Hop]:
    return [hop for visit in visits(story) for hop in visit.hops]


def ended(story: Story, at: float, session: str, kind: int) -> None:
    story.windows(
        at,
        JUMP,
        4634,
        3002,
        activity_id=2,
        user__name="adm-jdoe",
        user__domain="CORP",
        session__uid=session,
        logon_type_id=kind,
    )


def password_changed(story: Story, at: float, user: str = "adm-jdoe") -> None:
    """4723 on a domain controller, under a session there of which nothing else is logged."""
    story.windows(
        at,
        "DC01.corp.example",
        4723,
        3001,
        actor__user__name=user,
        actor__user__domain="CORP",
        actor__session__uid="0x77",
        user__name=user,
        user__domain="CORP",
    )


@pytest.mark.parametrize("kind", [3, 0])
def test_network_level_authentication_of_which_only_the_end_is_logged_goes_with_its_desktop(
    kind: int,
) -> None:
    story = Story()
    story.logon(60, JUMP, "adm-jdoe", "0x20", 10, "10.9.0.4")
    ended(story, 68, "0x10", kind)
    story.logoff(900, JUMP, "adm-jdoe", "0x20")
    (hop,) = hops(story)
    assert (hop.protocol, len(hop.records)) == ("rdp", 3)


def test_a_network_logon_of_which_only_the_end_is_logged_was_not_open_for_hours_before() -> None:
    story = Story()
    story.logon(60, JUMP, "adm-jdoe", "0x20", 10, "10.9.0.4")
    story.logon(300, "FILE01.corp.example", "adm-jdoe", "0x90", 3, "10.0.0.5")
    story.machine(-600, "JUMP01", "10.0.0.5")
    ended(story, 5000, "0x10", 3)
    server = next(hop for hop in hops(story) if hop.target == "FILE01")
    assert server.link.kind == "inferred"


def test_the_end_of_the_authentication_is_not_the_end_of_the_desktop() -> None:
    story = Story()
    story.machine(-600, "JUMP01", "10.0.0.5")
    story.logon(58, JUMP, "adm-jdoe", "0x10", 3, "10.9.0.4")
    story.logon(60, JUMP, "adm-jdoe", "0x20", 10, "10.9.0.4")
    story.logoff(70, JUMP, "adm-jdoe", "0x10")
    story.logon(4000, "FILE01.corp.example", "adm-jdoe", "0x90", 3, "10.0.0.5")
    jump, server = hops(story)
    assert (jump.end, server.parent) == (None, jump.id)


def test_the_end_of_an_unlocking_is_not_the_end_of_the_desktop() -> None:
    story = Story()
    story.machine(-600, "JUMP01", "10.0.0.5")
    story.logon(60, JUMP, "adm-jdoe", "0x20", 10, "10.9.0.4")
    story.logon(600, JUMP, "adm-jdoe", "0x30", 7, "10.9.0.4")
    story.logoff(601, JUMP, "adm-jdoe", "0x30")
    story.logon(4000, "FILE01.corp.example", "adm-jdoe", "0x90", 3, "10.0.0.5")
    jump, server = hops(story)
    assert (jump.end, server.parent) == (None, jump.id)


def test_what_a_controller_alone_tells_goes_with_the_desktop_at_which_the_account_was_at_work() -> None:
    story = Story()
    story.logon(60, JUMP, "adm-jdoe", "0x20", 10, "10.9.0.4")
    password_changed(story, 300)
    (visit,) = visits(story)
    jump, controller = visit.hops
    assert (controller.parent, controller.link.kind) == (jump.id, "inferred")
    assert "its logon is not in the logs" in controller.link.reason


def test_of_two_desktops_it_is_ambiguous_from_which_it_came() -> None:
    story = Story()
    story.logon(60, JUMP, "adm-jdoe", "0x20", 10, "10.9.0.4")
    story.logon(90, "JUMP02.corp.example", "adm-jdoe", "0x20", 10, "10.9.0.5")
    password_changed(story, 300)
    controller = next(hop for hop in hops(story) if hop.target == "DC01")
    assert (controller.link.kind, len(controller.link.candidates)) == ("ambiguous", 2)


@pytest.mark.parametrize("kind", [3, 4, 5])
def test_a_service_or_a_network_logon_elsewhere_is_nobody_at_work(kind: int) -> None:
    story = Story()
    story.logon(60, JUMP, "svc-acme", "0x20", kind, "10.9.0.4")
    password_changed(story, 300, "svc-acme")
    assert len(visits(story)) == 2


def test_a_session_in_use_before_any_other_began_before_the_logs() -> None:
    story = Story()
    password_changed(story, 0)
    story.logon(7200, JUMP, "adm-jdoe", "0x20", 10, "10.9.0.4")
    assert "already open when the logs begin" in hops(story)[0].link.reason


def test_an_address_of_two_networks_is_the_host_at_which_the_account_was_at_work() -> None:
    story = Story()
    for index in range(12):
        story.machine(3600 * index, "FILE01" if index % 2 else "JUMP01", "10.0.0.5")
    story.logon(30_000, JUMP, "adm-jdoe", "0x20", 10, "10.9.0.4")
    for at in (32_300, 36_100):  # nearest to one host's word, and to the other's
        story.logon(at, "APP01.corp.example", "adm-jdoe", f"0x{at:x}", 3, "10.0.0.5")
    found = [hop for hop in hops(story) if hop.target == "APP01"]
    assert [hop.source for hop in found] == ["JUMP01", "JUMP01"]
    assert {hop.link.kind for hop in found} == {"inferred"}


def test_of_an_address_of_two_networks_credentials_that_were_used_tell_the_host() -> None:
    story = Story()
    for index in range(12):
        story.machine(3600 * index, "FILE01" if index % 2 else "JUMP01", "10.0.0.5")
    story.logon(30_000, JUMP, "adm-jdoe", "0x20", 10, "10.9.0.4")
    story.logon(30_001, "FILE01.corp.example", "adm-jdoe", "0x21", 10, "10.9.0.5")
    story.explicit(32_300, JUMP, "adm-jdoe", "0x20", "adm-jdoe", "app01.corp.example")
    story.logon(32_301, "APP01.corp.example", "adm-jdoe", "0x90", 3, "10.0.0.5")
    hop = next(hop for hop in hops(story) if hop.target == "APP01")
    assert (hop.source, hop.link.kind) == ("JUMP01", "inferred")


def test_an_address_that_passed_on_once_is_nobodys_by_turns() -> None:
    story = Story()
    story.machine(0, "JUMP01", "10.0.0.5")
    story.machine(90_000, "FILE01", "10.0.0.5")
    story.logon(80_000, JUMP, "adm-jdoe", "0x20", 10, "10.9.0.4")
    story.logon(90_100, "APP01.corp.example", "adm-jdoe", "0x90", 3, "10.0.0.5")
    assert next(hop for hop in hops(story) if hop.target == "APP01").source == "FILE01"


@pytest.mark.parametrize("kind", [3, 8])
def test_a_network_logon_that_names_no_source_is_of_the_desktop_at_which_its_account_was_at_work(
    kind: int,
) -> None:
    story = Story()
    story.logon(60, JUMP, "adm-jdoe", "0x20", 10, "10.9.0.4")
    story.logoff(900, JUMP, "adm-jdoe", "0x20")
    story.logon(300, "SRV1.corp.example", "adm-jdoe", "0x70", kind)
    story.logon(5000, "SRV1.corp.example", "adm-jdoe", "0x71", kind)
    first, later = (visit for visit in visits(story))
    assert [(hop.target, hop.link.kind) for hop in first.hops] == [("JUMP01", "entry"), ("SRV1", "inferred")]
    assert "its logon names no source" in first.hops[1].link.reason
    assert [hop.link.kind for hop in later.hops] == ["entry"]


def test_a_token_whose_logon_is_lost_is_of_the_logon_that_names_it_whatever_a_reconnection_says() -> None:
    story = Story()
    story.machine(-600, "JUMP01", "10.0.0.5")
    story.logon(60, JUMP, "adm-jdoe", "0x20", 10, "10.9.0.4", session__uid_alt="0x21")
    story.logon(70, JUMP, "svc-acme", "0x30", 10, "10.9.0.6")
    back = {"user__name": "adm-jdoe", "user__domain": "CORP", "src_endpoint__ip": "10.9.0.4"}
    story.windows(2000, JUMP, 4778, 3002, session__uid="0x21", **back)
    story.explicit(300, JUMP, "adm-jdoe", "0x21", "svc-acme", "srv1.corp.example")
    story.logon(301, "SRV1.corp.example", "svc-acme", "0x70", 3, "10.0.0.5")
    made = {hop.target + hop.account: hop for hop in hops(story)}
    desktop, server = made[r"JUMP01CORP\adm-jdoe"], made[r"SRV1CORP\svc-acme"]
    assert (server.parent, server.link.kind) == (desktop.id, "inferred")
    assert len([hop for hop in hops(story) if hop.target == "JUMP01"]) == 2
