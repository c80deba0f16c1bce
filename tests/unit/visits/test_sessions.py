from __future__ import annotations

import pytest

from countersign.visits import stitch
from story import Claims, Story

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
