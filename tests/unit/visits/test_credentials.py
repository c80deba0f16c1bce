"""Credentials that were taken in a hop: the directory's passwords replicated, tickets that can be guessed at leisure."""

from __future__ import annotations

import pytest

from countersign.model.visit import Hop
from countersign.visits import stitch
from countersign.visits.acts import MOST
from story import Claims, Story

ACME = Claims({"jdoe": "Jane Doe"})
JUMP, DC = "JUMP01.corp.example", "DC01.corp.example"
ALL_CHANGES = "%%7688 {1131F6AD-9c07-11d1-f79f-00c04fc2dcd2} {19195a5b-6da0-11d0-afd3-00c04fd930c9}"
CHANGES = "%%7688 {1131f6aa-9c07-11d1-f79f-00c04fc2dcd2}"


def at_work() -> Story:
    """jdoe at the jump host for an hour."""
    story = Story()
    story.machine(-600, "JUMP01", "10.0.0.5")
    story.logon(0, JUMP, "jdoe", "0x10", 10, "203.0.113.7")
    story.logoff(3600, JUMP, "jdoe", "0x10")
    return story


def credentials(story: Story) -> dict[str, list[str]]:
    """Target -> what was taken there."""
    hops: list[Hop] = [hop for visit in stitch(story.table(), ACME, lambda _: 7) for hop in visit.hops]
    out = {hop.target: [act.text for act in hop.actions if act.kind == "credential"] for hop in hops}
    return {target: taken for target, taken in out.items() if taken}


def asked(story: Story, at: float, rights: str, user: str = "jdoe", session: str = "0x20") -> None:
    """4662."""
    story.windows(
        at, DC, 4662, 0,
        actor__user__name=user, actor__user__domain="CORP", actor__session__uid=session, src_properties=rights,
    )  # fmt: skip


def ticket(story: Story, at: float, service: str, cipher: str, ip: str = "10.0.0.5", status: int = 1) -> None:
    """4769."""
    story.windows(
        at, DC, 4769, 3002,
        activity_id=4, status_id=status, user__name="jdoe", user__domain="CORP", service__name=service, src_endpoint__ip=ip,
        src_ticketencryptiontype=cipher,
    )  # fmt: skip


def test_the_directorys_passwords_hang_on_the_hop_that_replicated_them() -> None:
    story = at_work()
    story.logon(60, DC, "jdoe", "0x20", 3, "10.0.0.5")
    asked(story, 61, ALL_CHANGES)
    asked(story, 62, CHANGES)  # without passwords
    asked(story, 63, ALL_CHANGES, "DC02$", "0x30")
    assert credentials(story) == {"DC01": ["the directory's passwords replicated (4662)"]}


@pytest.mark.parametrize(
    ("service", "cipher", "status"),
    [("svc-sql", "0x12", 1), ("SQL01$", "0x17", 1), ("krbtgt", "0x17", 1), ("svc-sql", "0x17", 2)],
)
def test_ordinary_tickets_are_no_deed(service: str, cipher: str, status: int) -> None:
    story = at_work()
    ticket(story, 60, service, cipher, status=status)
    assert credentials(story) == {}


def test_weakly_encrypted_tickets_hang_on_the_hop_from_which_they_were_asked_for() -> None:
    story = at_work()
    for number in range(MOST + 2):
        ticket(story, 60 + number, f"svc-{number}", "0x17")
    ticket(story, 60, "svc-elsewhere", "0x17", ip="10.0.0.99")
    (taken,) = credentials(story).values()
    assert taken[:2] == [f"service ticket for svc-{n}, weakly encrypted (4769, 0x17)" for n in (0, 1)]
    assert len(taken) == MOST + 1
    assert taken[-1].startswith("2 more credentials, until ")
