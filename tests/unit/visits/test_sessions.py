from __future__ import annotations

from dataclasses import dataclass

import pytest

from countersign.visits import Claimed, stitch
from story import Claims, Story

SID = "S-1-5-21-1-2-3-1104"
ACME = Claims({"jdoe": "Jane Doe"})


@pytest.mark.parametrize("later", [0, 1, 2])
def test_a_logon_that_is_told_twice_is_one_session(later: float) -> None:
    story = Story()
    story.logon(10, "FILE01", "jdoe", "0x100", 10, "10.0.0.5")
    story.logon(10 + later, "FILE01", "jdoe", "0x100", 10, "10.0.0.5", message="told again")
    story.process(20, "FILE01", "jdoe", "0x100", "cmd.exe /c whoami")
    story.logoff(60, "FILE01", "jdoe", "0x100")
    for order in ([0, 1, 2, 3], [3, 2, 1, 0]):
        (visit,) = stitch(story.table(order), ACME, lambda _: 7)
        (hop,) = visit.hops
        assert hop.start is not None
        assert (hop.start.second, len(hop.actions)) == (10, 1)
        assert len(hop.records) >= 2


def test_a_logon_id_that_comes_again_is_another_boots_session() -> None:
    story = Story()
    for boot in (0, 7200):
        story.logon(boot + 10, "FILE01", "jdoe", "0x100", 10, "10.0.0.5")
        story.logoff(boot + 60, "FILE01", "jdoe", "0x100")
    made = stitch(story.table(), ACME, lambda _: 7)
    assert [len(visit.hops) for visit in made] == [1, 1]


def test_a_logon_that_names_nobody_belongs_to_nobody() -> None:
    """An account is declared by its SID, and a service's installation (7045) names the SID alone."""
    story = Story()
    story.logon(10, "FILE01", "jdoe", "0x100", 10, "10.0.0.5", user__uid=SID)
    story.windows(20, "FILE01", 7045, 201004, log="System", actor__user__uid=SID, service__name="Agent")
    story.windows(
        30, "FILE02", 4624, 3002, session__uid="0x300", logon_type_id=3, src_endpoint__ip="10.0.0.7"
    )
    story.process(40, "FILE02", "-", "0x300", "cmd.exe /c whoami")
    (visit,) = stitch(story.table(), BySid(), lambda _: 7)
    (hop,) = visit.hops
    assert (hop.account, hop.target, hop.account_uid) == ("CORP\\jdoe", "FILE01", SID)


def test_what_names_an_account_by_its_sid_is_what_it_did() -> None:
    story = Story()
    story.logon(10, "FILE01", "jdoe", "0x100", 10, "10.0.0.5", user__uid=SID)
    story.windows(20, "FILE01", 8004, 1007, actor__user__uid=SID, process__path="C:\\x.exe")
    (visit,) = stitch(story.table(), BySid(), lambda _: 7)
    assert [action.text for action in visit.hops[0].actions] == ["C:\\x.exe"]


def test_an_account_that_all_records_name_by_its_sid_goes_by_it() -> None:
    story = Story()
    story.windows(
        10,
        "FILE01",
        4624,
        3002,
        user__uid=SID,
        session__uid="0x100",
        logon_type_id=3,
        src_endpoint__ip="10.0.0.7",
    )
    (visit,) = stitch(story.table(), BySid(), lambda _: 7)
    assert [hop.account for hop in visit.hops] == [SID]


@dataclass
class BySid(Claims):
    """Whose agreement names the account by its SID."""

    def who(self, name: str, domain: str, uid: str) -> Claimed | None:
        """By the SID."""
        del name, domain
        return Claimed("acme", "Jane Doe") if uid == SID else None


def test_a_session_that_is_only_seen_in_use_is_one_accounts() -> None:
    """A logon id is given out again after a boot; what the second did is not told of the first."""
    story = Story()
    story.process(0, "APP01", "jdoe", "0x3abc", "cmd.exe /c one")
    story.process(20 * 86_400, "APP01", "ext-meyer", "0x3abc", "cmd.exe /c two")
    both = Claims({"jdoe": "Jane Doe", "ext-meyer": "Eva Meyer"})
    for order in ([0, 1], [1, 0]):
        made = stitch(story.table(order), both, lambda _: 7)
        assert {visit.person: [action.text for action in visit.hops[0].actions] for visit in made} == {
            "Jane Doe": ["cmd.exe /c one"],
            "Eva Meyer": ["cmd.exe /c two"],
        }
