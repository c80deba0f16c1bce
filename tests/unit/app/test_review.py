from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from countersign.app.collect import collect
from countersign.app.results import Results
from countersign.app.review import review
from countersign.app.workspace import Workspace
from countersign.errors import UsageError

AGREEMENT = """\
version: 1
provider: {id: acme, name: ACME}
zone: Europe/London
identities:
  - name: Jane Doe
    accounts: [jdoe]
origins: [203.0.113.0/24]
grants:
  - {name: linux, who: [Jane Doe], to: [lnx*], by: [ssh], when: 'mon-fri 08:00-18:00'}
"""
HEAD = "2026-03-02T{hour:02d}:{minute:02d}:00+00:00 lnx01 "


def ssh(hour: int, minute: int, pid: int, address: str = "203.0.113.9") -> str:
    """An SSH session of ten minutes in which one command is run as root."""
    place = f"{address} port {4000 + pid} ssh2"
    lines = [
        HEAD.format(hour=hour, minute=minute) + f"sshd[{pid}]: Accepted publickey for jdoe from {place}",
        HEAD.format(hour=hour, minute=minute + 1)
        + "sudo:     jdoe : TTY=pts/0 ; PWD=/home/jdoe ; USER=root ; COMMAND=/usr/bin/id",
        HEAD.format(hour=hour, minute=minute + 10)
        + f"sshd[{pid}]: Disconnected from user jdoe {address} port {4000 + pid}",
    ]
    return "\n".join(lines) + "\n"


@pytest.fixture
def ward(tmp_path: Path) -> Workspace:
    workspace = Workspace.create(tmp_path / "ward")
    (workspace.agreements / "acme.yaml").write_text(AGREEMENT, "utf-8")
    return workspace


def take(ward: Workspace, name: str, text: str) -> None:
    path = ward.root.parent / name
    path.write_text(text, "utf-8")
    collect(ward, [path], workers=1)
    review(ward)


def state(ward: Workspace) -> list[bytes]:
    """Everything that a review left, in one order."""
    results = Results.open(ward)
    bodies = [*results.visits(), *results.findings()]
    return sorted(orjson.dumps({**body, "aliases": [], "revisions": []}) for body in bodies)


def test_a_visit_inside_the_agreement_has_no_findings(ward: Workspace) -> None:
    take(ward, "a.log", ssh(9, 0, 1))
    (visit,) = Results.open(ward).visits()
    assert {verdict["clause"]: verdict["verdict"] for verdict in visit["verdicts"]} == {
        "identity.known": "kept",
        "origin": "kept",
        "grant.who": "kept",
        "grant.to": "kept",
        "grant.by": "kept",
        "grant.as": "kept",
        "grant.when": "kept",
    }
    assert visit["findings"] == []
    assert [action["text"] for action in visit["hops"][0]["actions"]] == ["/usr/bin/id (sudo as root)"]


def test_outside_hours_and_origin_are_findings_with_evidence(ward: Workspace) -> None:
    take(ward, "a.log", ssh(22, 0, 1, "198.51.100.4"))
    results = Results.open(ward)
    found = {body["rule_id"]: body for body in results.findings()}
    assert {"origin", "grant.when"} <= set(found)
    assert found["origin"]["class_uid"] == 2003
    (first, *_) = results.evidence(found["origin"])
    assert "Accepted publickey for jdoe" in first["text"]
    assert first["leaf"] is not None


def test_reviewing_bit_by_bit_gives_what_reviewing_at_once_gives(ward: Workspace, tmp_path: Path) -> None:
    parts = [ssh(22, 0, 7), ssh(9, 0, 1), ssh(13, 30, 2, "198.51.100.4"), ssh(9, 20, 3)]
    for number, part in enumerate(parts):
        take(ward, f"{number}.log", part)
    bit_by_bit = state(ward)
    review(ward, everything=True)
    assert state(ward) == bit_by_bit
    other = Workspace.create(tmp_path / "other" / "ward")
    (other.agreements / "acme.yaml").write_text(AGREEMENT, "utf-8")
    take(other, "whole.log", "".join(reversed(parts)))
    ids = [[body["id"] for body in Results.open(place).visits()] for place in (ward, other)]
    assert ids[0] == ids[1]


def test_visits_only_gives_the_visits_and_verdicts_of_a_whole_review(ward: Workspace) -> None:
    take(ward, "a.log", ssh(9, 0, 1) + ssh(22, 0, 2, "198.51.100.4"))
    whole = state(ward)
    for everything in (False, True):
        result = review(ward, everything=everything, visits_only=True)
        assert state(ward) == whole
        assert 0 < result.phases["stitching"] < result.seconds
        assert "matching" not in result.phases


def test_nothing_new_is_not_worked_out_again(ward: Workspace) -> None:
    take(ward, "a.log", ssh(22, 0, 1))
    again = review(ward)
    assert again.new_findings == ()
    assert again.findings > 0


def test_a_late_record_that_moves_the_entry_leaves_the_old_id_as_an_alias(ward: Workspace) -> None:
    lines = ssh(9, 0, 1).splitlines(keepends=True)
    take(ward, "late.log", "".join(lines[1:]))
    (before,) = Results.open(ward).visits()
    assert before["start"] is None
    take(ward, "early.log", lines[0])
    (after,) = Results.open(ward).visits()
    assert after["id"] != before["id"]
    assert after["aliases"] == [before["id"]]
    assert Results.open(ward).visit(before["id"])["id"] == after["id"]


def test_a_broken_agreement_is_told_and_holds_up_nobody_else(ward: Workspace) -> None:
    (ward.agreements / "bad.yaml").write_text("version: 1\nprovider: {id: x}\nzoo: 1\n", "utf-8")
    path = ward.root.parent / "a.log"
    path.write_text(ssh(9, 0, 1), "utf-8")
    collect(ward, [path], workers=1)
    reviewed = review(ward)
    assert reviewed.visits == 1
    assert any("bad.yaml" in note for note in reviewed.notes)


def test_an_unknown_id_is_a_clear_error(ward: Workspace) -> None:
    with pytest.raises(UsageError, match="no visit has an id"):
        Results.open(ward).visit("ffff")


def test_a_copied_workspace_is_as_good_as_the_first(ward: Workspace, tmp_path: Path) -> None:
    import shutil

    from countersign.app.evidence import verify

    take(ward, "a.log", ssh(22, 0, 1))
    shutil.copytree(ward.root, tmp_path / "restored")
    restored = Workspace.open(tmp_path / "restored")
    assert verify(restored).sound
    assert state(restored) == state(ward)
    assert collect(restored, [ward.root.parent / "a.log"], workers=1).new_events == 0
    (ward.root.parent / "b.log").write_text(ssh(9, 0, 2), "utf-8")
    assert collect(restored, [ward.root.parent / "b.log"], workers=1).new_events == 3
    review(restored)
    assert len(Results.open(restored).visits()) == 2
