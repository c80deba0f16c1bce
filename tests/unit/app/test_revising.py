"""What a review says it revised: exactly what is told otherwise than before, once, and nothing where nothing is."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import pytest

from countersign.app.collect import collect
from countersign.app.results import Results
from countersign.app.review import review
from countersign.app.revising import AT_ONCE, KEPT, revise
from countersign.app.workspace import Workspace
from countersign.model.visit import Action, Hop, Link, Reference, Revision, Visit

EXAMPLE = Path(__file__).parents[3] / "docs" / "examples" / "visit"
NOW = datetime(2026, 3, 9, 12, tzinfo=UTC)
NINE = datetime(2026, 3, 2, 9, tzinfo=UTC)
ENTRY = Link("entry", "first sign")
SURE = Link("inferred", "the same account")


def hop(
    id_: str, parent: str | None, minute: int, link: Link = SURE, records: str = "", target: str = ""
) -> Hop:
    """A hop that starts so many minutes after nine; each letter of `records` is a record of it."""
    start = NINE + timedelta(minutes=minute)
    references = tuple(Reference(letter, "s", 0) for letter in records or id_)
    return Hop(
        id_,
        parent,
        "acme\\eva",
        "gate",
        target or f"host-{id_}",
        "rdp",
        start,
        None,
        link,
        (),
        (),
        references,
    )


def visit(*hops: Hop, revisions: Sequence[Revision] = ()) -> Visit:
    root = hops[0]
    return Visit(
        root.id, "acme", "Eva", "person", root.start, None, root.id, hops, revisions=tuple(revisions)
    )


def told(made: Sequence[Visit], stored: Sequence[Visit]) -> list[list[tuple[str, str]]]:
    found = revise(made, stored, NOW)
    assert found.revised == sum(bool(one.revisions) for one in found.visits)
    return [[(one.kind, one.hop) for one in visit.revisions] for visit in found.visits]


BASE = visit(hop("a", None, 0, ENTRY), hop("b", "a", 5), hop("c", "b", 9))


def test_the_first_review_and_one_that_changes_nothing_note_nothing() -> None:
    assert told([BASE], []) == [[]]
    assert told([BASE], [BASE]) == [[]]


def test_a_visit_that_goes_on_is_not_revised_but_one_that_a_late_hop_joins_is() -> None:
    later = replace(BASE, hops=(*BASE.hops, hop("d", "a", 30)))
    assert told([later], [BASE]) == [[]]
    late = replace(BASE, hops=(*BASE.hops, hop("d", "a", 7)))
    assert told([late], [BASE]) == [[("hop joined", "d")]]


def test_a_link_that_is_settled_says_between_what_and_to_what() -> None:
    doubt = Link("ambiguous", "2 open sessions could be the one", ("b", "a"))
    before = replace(BASE, hops=(*BASE.hops[:2], hop("c", "b", 9, doubt)))
    sure = replace(BASE, hops=(*BASE.hops[:2], hop("c", "a", 9, Link("proven", "the same logon GUID"))))
    (found,) = revise([sure], [before], NOW).visits
    (one,) = found.revisions
    assert (one.time, one.kind, one.hop) == (NOW, "link", "c")
    assert one.text == (
        "gate > host-c (rdp): was ambiguous between host-b as acme\\eva since 2026-03-02 09:05:00Z, "
        "host-a as acme\\eva since 2026-03-02 09:00:00Z; is proven from host-a as acme\\eva since "
        "2026-03-02 09:00:00Z: the same logon GUID"
    )


def test_a_hop_that_goes_to_another_visit_is_told_in_both() -> None:
    other = visit(hop("x", None, 1, ENTRY))
    moved = replace(BASE, hops=BASE.hops[:2])
    taker = replace(other, hops=(*other.hops, hop("c", "x", 9)))
    assert told([moved, taker], [BASE, other]) == [[("hop left", "c")], [("hop joined", "c")]]
    found = revise([moved, taker], [BASE, other], NOW).visits
    assert "it is of visit x now" in found[0].revisions[0].text
    assert "joined from visit a" in found[1].revisions[0].text


def test_a_hop_that_is_in_no_visit_any_more_is_told() -> None:
    assert told([replace(BASE, hops=BASE.hops[:2])], [BASE]) == [[("hop left", "c")]]


def test_a_late_entry_moves_the_visit_and_two_visits_become_one() -> None:
    moved = visit(hop("z", None, -9, ENTRY), *[replace(BASE.hops[0], parent="z", link=SURE), *BASE.hops[1:]])
    (found,) = revise([moved], [BASE], NOW).visits
    assert found.aliases == ("a",)
    assert [(one.kind, one.hop) for one in found.revisions] == [
        ("entry", "z"),
        ("link", "a"),
    ]
    other = visit(hop("x", None, 1, ENTRY))
    both = replace(BASE, hops=(*BASE.hops, hop("x", "a", 1)))
    assert told([both], [BASE, other]) == [[("visit", "x"), ("link", "x")]]
    assert revise([both], [BASE, other], NOW).visits[0].aliases == ("x",)


def test_an_earlier_record_gives_a_hop_another_id_and_it_is_still_the_same_hop() -> None:
    earlier = visit(hop("f", None, -1, ENTRY, "fa", target="host-a"), hop("b", "f", 5), hop("c", "b", 9))
    assert told([earlier], [BASE]) == [[("entry", "f"), ("start", "f")]]


def test_a_part_that_stands_alone_now_says_whose_it_was_and_a_visit_that_is_gone_is_counted() -> None:
    rest = visit(hop("c", None, 9, ENTRY))
    found = revise([rest], [BASE], NOW)
    assert found.visits[0].revisions[0].text == "was told as part of visit a"
    assert (found.revised, found.gone) == (1, 1)


def test_the_history_is_newest_first_and_bounded() -> None:
    old = [Revision(NOW - timedelta(days=day), "link", "b", f"{day}") for day in range(1, KEPT + 1)]
    before = replace(BASE, revisions=tuple(old))
    crowd = [hop(f"n{number}", "a", 1) for number in range(AT_ONCE + 5)]
    (found,) = revise([replace(BASE, hops=(*BASE.hops, *crowd))], [before], NOW).visits
    assert len(found.revisions) == KEPT
    assert [one.kind for one in found.revisions[: AT_ONCE + 2]] == ["hop joined"] * AT_ONCE + ["more", "link"]
    assert found.revisions[AT_ONCE].text == "and 5 more changes at once"
    assert [one.time for one in found.revisions] == sorted(
        (one.time for one in found.revisions), reverse=True
    )


def test_what_an_attacker_names_a_host_is_safe_to_show() -> None:
    late = hop("d", "a", 7, target="\x1b[31m" + "x" * 500)
    (found,) = revise([replace(BASE, hops=(*BASE.hops, late))], [BASE], NOW).visits
    assert "\x1b" not in found.revisions[0].text
    assert len(found.revisions[0].text) < 400


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Path:
    workspace = Workspace.create(tmp_path_factory.mktemp("example") / "ward")
    (workspace.agreements / "acme.yaml").write_bytes((EXAMPLE / "acme.yaml").read_bytes())
    collect(workspace, [EXAMPLE / "logs"], workers=1)
    review(workspace, now=NOW)
    return workspace.root


@pytest.fixture
def ward(example: Path, tmp_path: Path) -> Workspace:
    """The worked example of docs/visits.md, in which the logon on FILE01 may be from either of two desktops."""
    return Workspace.open(shutil.copytree(example, tmp_path / "ward"))


def settling() -> bytes:
    """Credentials used in the first desktop towards FILE01, just before the logon there."""
    lines = (EXAMPLE / "logs" / "windows.jsonl").read_bytes().splitlines()
    body = json.loads(lines[4])
    text = orjson.dumps(body | {"RecordNumber": 99_999}).decode()
    for old, new in (
        ("srv-app01.corp.example", "file01.corp.example"),
        ("SRV-APP01", "FILE01"),
        ("09:10:04", "09:25:17"),
        ("6a1f3c52-7d10-4a4a-8c1c-2b6d1c0f9e01", "00000000-0000-0000-0000-000000000000"),
        ("adm-app", "ext-meyer"),
    ):
        text = text.replace(old, new)
    return text.encode() + b"\n"


def test_late_records_that_settle_a_link_are_told_and_survive_the_next_reviews(
    ward: Workspace, tmp_path: Path
) -> None:
    (doubtful,) = [
        one
        for one in Results.open(ward).visits()
        if any(hop["link"]["kind"] == "ambiguous" for hop in one["hops"])
    ]
    link = next(hop["link"] for hop in doubtful["hops"] if hop["target"] == "FILE01")
    assert [one["hop"] for one in link["between"]] == link["candidates"]
    assert [(one["target"], one["start"]) for one in link["between"]] == [
        ("JUMP01", "2026-03-02T09:06:40Z"),
        ("JUMP01", "2026-03-02T08:59:03Z"),
    ]
    assert {one["visit"] for one in link["between"]} >= {doubtful["id"]}
    (tmp_path / "late.jsonl").write_bytes(settling())
    collect(ward, [tmp_path / "late.jsonl"], workers=1)
    found = review(ward, now=NOW)
    assert (found.revised, found.gone) == (2, 0)
    after = {one["id"]: one["revisions"] for one in Results.open(ward).visits()}
    assert [one["kind"] for one in after[doubtful["id"]]] == ["hop left"]
    (taker,) = [one for id_, ones in after.items() for one in ones if id_ != doubtful["id"]]
    assert taker["kind"] == "hop joined"
    for words in (taker["text"], after[doubtful["id"]][0]["text"]):
        assert (
            "was ambiguous between JUMP01 as CORP\\ext-meyer since 2026-03-02 09:06:40Z, JUMP01 as" in words
        )
        assert "; is inferred from JUMP01 as CORP\\ext-meyer since 2026-03-02 08:59:03Z: " in words
    assert taker["time"] == "2026-03-09T12:00:00Z"
    again = review(ward, everything=True, now=NOW + timedelta(days=1))
    assert again.revised == 0
    assert {one["id"]: one["revisions"] for one in Results.open(ward).visits()} == after


def test_a_review_that_dies_after_its_visits_are_stored_has_told_of_each_change_once(
    ward: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "late.jsonl").write_bytes(settling())
    collect(ward, [tmp_path / "late.jsonl"], workers=1)

    def die(_: object) -> None:
        raise KeyboardInterrupt

    def told_after(place: str) -> list[dict[str, str]]:
        with monkeypatch.context() as patch:
            patch.setattr(f"countersign.app.review.{place}", die)
            with pytest.raises(KeyboardInterrupt):
                review(ward, now=NOW)
        return [one for visit in Results.open(ward).visits() for one in visit["revisions"]]

    assert told_after("_visit_rows") == []
    told = told_after("_finding_rows")
    assert len(told) == 2
    review(ward, now=NOW + timedelta(hours=1))
    assert [one for visit in Results.open(ward).visits() for one in visit["revisions"]] == told


def test_the_start_of_an_id_is_found_in_capitals_too_and_an_empty_one_is_refused(ward: Workspace) -> None:
    from countersign.errors import UsageError

    results = Results.open(ward)
    id_ = results.visits()[0]["id"]
    assert results.visit(id_[:10].upper())["id"] == id_
    for empty in ("", "  "):
        with pytest.raises(UsageError, match="an empty id names no visit"):
            results.visit(empty)


def test_a_visit_whose_late_logon_shares_no_record_with_what_was_told_keeps_its_name() -> None:
    """A session that was seen in use cites what was done in it first; once its logon comes, it cites that."""
    deed = Action(NINE, "process", "cmd.exe", Reference("d", "s", 0))
    before = visit(replace(hop("a", None, 5, ENTRY, "d", "app"), actions=(deed,)))
    after = visit(replace(hop("b", None, 4, ENTRY, "l", "app"), actions=(deed,)))
    found = revise([after], [before], NOW)
    assert (found.revised, found.gone) == (1, 0)
    assert found.visits[0].aliases == ("a",)
    (news, *_) = found.visits[0].revisions
    assert (news.kind, news.text) == ("entry", "an earlier record of the entry came; was visit a")


def test_a_visit_whose_entry_is_told_no_more_is_where_most_of_its_hops_are() -> None:
    before = visit(hop("a", None, 1, ENTRY), hop("b", "a", 2), hop("c", "b", 3), hop("d", "a", 4))
    most, rest = visit(hop("b", None, 2, ENTRY), hop("c", "b", 3)), visit(hop("d", None, 4, ENTRY))
    found = revise([most, rest], [before], NOW)
    assert [one.aliases for one in found.visits] == [("a",), ()]
    assert (found.revised, found.gone) == (2, 0)
    kinds = [[one.kind for one in visit.revisions] for visit in found.visits]
    assert kinds == [["entry", "link", "hop left", "hop left"], ["visit"]]
    assert found == revise([most, rest], [before], NOW)
