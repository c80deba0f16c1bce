"""Verification finds whatever was done to the archive or the log, and names the segment."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from countersign.errors import InputError, VerificationError
from countersign.ledger import (
    Checkpoint,
    Log,
    Parser,
    RecordsStatement,
    Report,
    SegmentStatement,
    canonical_bytes,
    parse_statement,
    verify,
)
from countersign.ledger.merkle import EMPTY_ROOT
from ledger_estate import PARSER, Estate, frame


@contextmanager
def changed(path: Path, data: bytes) -> Iterator[None]:
    before = path.read_bytes()
    path.write_bytes(data)
    try:
        yield
    finally:
        path.write_bytes(before)


def whats(report: Report) -> str:
    return "\n".join(str(problem) for problem in report.problems)


def flipped(data: bytes, place: int, mask: int) -> bytes:
    return data[:place] + bytes([data[place] ^ mask]) + data[place + 1 :]


def test_untouched_evidence_verifies(sealed_estate: Estate) -> None:
    steps: list[tuple[int, int]] = []
    log = Log(sealed_estate.log.root_path)
    report = verify(
        sealed_estate.archive,
        log,
        frame,
        parsers={"lines": PARSER},
        progress=lambda *step: steps.append(step),
    )
    report.raise_for_problems()
    assert (report.leaves, report.segments, report.could_not_tell, report.leftovers) == (306, 3, 0, 0)
    assert report.records == 3 + 0 + 300 + 300 * 3
    assert steps == [(1, 3), (2, 3), (3, 3)]


def test_an_empty_ledger_verifies(estate: Estate) -> None:
    assert estate.verify() == Report(0, 0, 0, 0, (), (), 0)


def test_a_ledger_that_is_gone_is_one_problem_with_a_remedy(sealed_estate: Estate) -> None:
    away = sealed_estate.root / "away"
    sealed_estate.log.root_path.rename(away)
    report = sealed_estate.verify()
    away.rename(sealed_estate.log.root_path)
    assert [(problem.segment, problem.leaf) for problem in report.problems] == [(None, None)]
    assert "3 segments" in report.problems[0].what
    assert "put that folder back" in report.problems[0].what
    assert not sealed_estate.verify().problems


def test_every_bit_of_a_segments_file_counts(sealed_estate: Estate) -> None:
    for digest in list(sealed_estate.archive.digests()):
        path = sealed_estate.path_of(digest)
        data = path.read_bytes()
        if len(data) > 200:
            continue  # the long one: the next test
        for place in range(len(data)):
            mask = 1 << (place % 8)
            with changed(path, flipped(data, place, mask)):
                report = sealed_estate.verify()
            assert digest in {problem.segment for problem in report.problems}, place


@settings(max_examples=100)
@given(data=st.data(), mask=st.integers(1, 255))
def test_any_changed_byte_is_found_and_its_segment_named(
    sealed_estate: Estate, data: st.DataObject, mask: int
) -> None:
    path = sealed_estate.path_of(data.draw(st.sampled_from(sorted(sealed_estate.archive.digests()))))
    before = path.read_bytes()
    place = data.draw(st.integers(0, len(before) - 1))
    with changed(path, flipped(before, place, mask)):
        report = sealed_estate.verify()
    assert {problem.segment for problem in report.problems} == {path.stem}
    with pytest.raises(VerificationError, match=path.stem) as caught:
        report.raise_for_problems()
    assert caught.value.segment == path.stem
    assert caught.value.exit_code == 3


@settings(max_examples=100)
@given(data=st.data(), mask=st.integers(1, 255))
def test_any_changed_byte_of_the_log_is_found(sealed_estate: Estate, data: st.DataObject, mask: int) -> None:
    root = sealed_estate.log.root_path
    files = sorted(path for path in root.rglob("*") if path.is_file() and path.name != "lock")
    path = data.draw(st.sampled_from(files))
    before = path.read_bytes()
    place = data.draw(st.integers(0, len(before) - 1))
    with changed(path, flipped(before, place, mask)):
        report = sealed_estate.verify()
    assert report.problems
    assert sealed_estate.verify().problems == ()


@pytest.mark.parametrize("where", ["archive", "ledger"])
def test_any_file_deleted_or_cut_or_longer_is_found(sealed_estate: Estate, where: str) -> None:
    for path in sorted((sealed_estate.root / where).rglob("*")):
        if not path.is_file() or path.name in {"lock", "key"}:  # neither is evidence
            continue
        before = path.read_bytes()
        for data in (before[:-1], before + b"\n", before[: len(before) // 2], b""):
            with changed(path, data):
                assert sealed_estate.verify().problems, path
        path.unlink()
        report = sealed_estate.verify()
        path.write_bytes(before)
        assert report.problems, path
        if where == "archive":
            assert {problem.segment for problem in report.problems} == {path.stem}
            assert report.could_not_tell >= 1  # its records


def test_files_swapped(sealed_estate: Estate) -> None:
    one, two = (sealed_estate.path_of(digest) for digest in sorted(sealed_estate.archive.digests())[:2])
    first, second = one.read_bytes(), two.read_bytes()
    with changed(one, second), changed(two, first):
        report = sealed_estate.verify()
    assert {problem.segment for problem in report.problems} == {one.stem, two.stem}


@pytest.mark.parametrize("name", ["note.txt", f"00/{'0' * 64}.zst", "00/readme"])
def test_a_file_added_to_the_archive(estate: Estate, name: str) -> None:
    estate.seal(b"line\n")
    path = estate.archive.root / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"?")
    assert len(estate.verify().problems) == 1


def test_a_segment_without_a_leaf(estate: Estate) -> None:
    digest = estate.archive.put(b"unsealed\n").digest
    assert [problem.segment for problem in estate.verify().problems] == [digest]


def test_a_file_added_to_the_log(estate: Estate) -> None:
    estate.seal(b"line\n")
    (estate.log.root_path / "tile/0/000.p/2.bak").write_bytes(b"?")
    assert "is no file of a log" in whats(estate.verify())


def test_what_a_crash_left_is_no_problem(estate: Estate) -> None:
    estate.seal(b"line\n")
    for name in ("ledger/tile/0/000.p/7", "ledger/.tmp.1.0123456789abcdef"):
        (estate.root / name).write_bytes(b"half")
    (estate.archive.root / ".tmp.1.0123456789abcdef").write_bytes(b"half")
    report = estate.verify()
    assert report.problems == ()
    assert report.leftovers == 2


def test_the_same_bytes_stored_another_way(estate: Estate) -> None:
    """The content is what was sealed, but the file is not: a new salt would make the records unprovable."""
    digest = estate.seal(b"line\n")
    estate.path_of(digest).unlink()
    estate.archive.put(b"line\n")
    report = estate.verify()
    assert "not the one that was sealed" in whats(report)
    assert {problem.segment for problem in report.problems} == {digest}


def rewrite(estate: Estate, change: Callable[[list[bytes]], list[bytes]]) -> None:
    """What a forger does who has no secret key: other leaves, with fitting tiles, under the old head."""
    leaves = change(list(estate.log.leaves()))
    forged = Log.create(estate.root / "forged", "example.com/ledger")
    forged.append(leaves)
    for path in estate.log.root_path.glob("tile/*/000.p/*"):
        path.unlink()
    for path in forged.root_path.glob("tile/*/000.p/*"):
        name = path.relative_to(forged.root_path)
        (estate.log.root_path / name).write_bytes(path.read_bytes())


@pytest.mark.parametrize(
    "change",
    [
        lambda leaves: [leaves[2], leaves[3], leaves[0], leaves[1]],
        lambda leaves: [*leaves[:3], leaves[1]],
        lambda leaves: leaves[:3],
    ],
)
def test_leaves_reordered_replaced_or_removed(
    estate: Estate, change: Callable[[list[bytes]], list[bytes]]
) -> None:
    estate.seal(b"one\n")
    estate.seal(b"two\n")
    rewrite(estate, change)
    assert estate.verify().problems


def test_a_changed_leaf_is_named_among_many(sealed_estate: Estate) -> None:
    path = sealed_estate.log.root_path / "tile/entries/000"
    data = path.read_bytes()
    with changed(path, data.replace(b'"count":300', b'"count":301')):
        report = sealed_estate.verify()
    assert [problem.leaf for problem in report.problems] == [5, 5]
    assert "hash" in whats(report)
    assert "300 records" in whats(report)


def test_a_tile_that_was_changed_with_its_leaf(estate: Estate) -> None:
    estate.seal(b"one\n")
    rewrite(estate, lambda leaves: [leaves[0], leaves[1].replace(b'"count":1', b'"count":2')])
    assert "not the signed one" in whats(estate.verify())


def test_a_log_that_someone_else_signed(estate: Estate) -> None:
    """A forger who replaces everything, keys too, is found by whoever knows the key from elsewhere."""
    estate.seal(b"one\n")
    trusted, earlier = estate.log.verifier, estate.log.checkpoint()
    forged = Log.create(estate.root / "forged", "example.com/ledger")
    forged.append(list(estate.log.leaves()))
    assert verify(estate.archive, forged, frame).problems == ()
    assert "not the one that is trusted" in whats(verify(estate.archive, forged, frame, trusted=trusted))
    assert "earlier checkpoint" in whats(verify(estate.archive, forged, frame, earlier=earlier))


def test_a_log_cut_back_by_its_own_keeper(estate: Estate) -> None:
    estate.seal(b"one\n")
    old = {path: path.read_bytes() for path in estate.log.root_path.rglob("*") if path.is_file()}
    digest = estate.seal(b"two\n")
    later = estate.log.checkpoint()
    for path in estate.log.root_path.rglob("*"):
        if path.is_file():
            path.unlink()
    for path, data in old.items():
        path.write_bytes(data)
    estate.path_of(digest).unlink()
    assert estate.verify().problems == ()
    report = verify(estate.archive, estate.log, frame, earlier=later)
    assert "cut back: it had 4 leaves, and has 2" in whats(report)


def test_a_log_rewritten_by_its_own_keeper(estate: Estate) -> None:
    estate.seal(b"one\n")
    earlier = estate.log.checkpoint()
    signer = estate.log.signer()
    other = Log.create(estate.root / "other", signer.name)
    (other.root_path / "key").write_text(signer.to_text() + "\n")
    (other.root_path / "key.pub").write_text(signer.verifier.to_text() + "\n")
    (other.root_path / "checkpoint").write_bytes(
        signer.sign(Checkpoint(signer.name, 0, EMPTY_ROOT).to_text())
    )
    other.append([*estate.leaves_of(b"one\n")[:1], *estate.log.leaves()])
    assert verify(estate.archive, other, frame).problems == ()
    assert "does not continue" in whats(verify(estate.archive, other, frame, earlier=earlier))


def test_growth_since_an_earlier_checkpoint(sealed_estate: Estate) -> None:
    report = verify(
        sealed_estate.archive,
        sealed_estate.log,
        frame,
        trusted=sealed_estate.log.verifier,
        earlier=sealed_estate.first_checkpoint,
    )
    assert report.problems == ()


def leaf_with(leaf: bytes, **change: object) -> bytes:
    return canonical_bytes({**json.loads(leaf), **change})


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"count": 4}, "3 records, not the 4"),
        ({"root": "0" * 64}, "not those that were sealed"),
        ({"framing": "evtx"}, "framing is not its segment's"),
        ({"segment": "0" * 64}, "no leaf before it seals"),
        ({"count": "three"}, "not a statement"),
    ],
)
def test_a_false_records_leaf(estate: Estate, change: dict[str, object], what: str) -> None:
    segment, records = estate.leaves_of(b"one\ntwo\nthree\n")
    estate.log.append([segment, leaf_with(records, **change)])
    report = estate.verify()
    assert what in whats(report)
    assert [problem.leaf for problem in report.problems] == [1]


def test_a_records_leaf_before_its_segments(estate: Estate) -> None:
    estate.log.append(estate.leaves_of(b"one\n")[::-1])
    assert "no leaf before it seals" in whats(estate.verify())


def test_a_segment_leaf_of_another_size(estate: Estate) -> None:
    segment, _ = estate.leaves_of(b"one\n")
    estate.log.append([leaf_with(segment, size=5)])
    assert "its size is not" in whats(estate.verify())


def test_what_is_no_statement_at_all(estate: Estate) -> None:
    estate.log.append([b"nonsense"])
    assert [problem.leaf for problem in estate.verify().problems] == [0]


def test_statements_of_later_versions_are_undecided(estate: Estate) -> None:
    segment, records = estate.leaves_of(b"one\n")
    later = leaf_with(records, v=2)
    other_codec = leaf_with(segment, codec="brotli")
    estate.log.append([segment, later, other_codec])
    report = estate.verify()
    assert report.problems == ()
    assert [problem.leaf for problem in report.undecided] == [1, 2]


def test_another_parser_version_is_undecided_only_where_it_differs(estate: Estate) -> None:
    older = Parser("lines", "0")
    estate.seal(b"one\ntwo\n", older)
    report = estate.verify()
    assert (report.problems, report.could_not_tell, report.records) == ((), 0, 2)

    def frame_now(_: str, raw: bytes) -> Sequence[bytes]:
        return raw.upper().splitlines(keepends=True)

    report = verify(estate.archive, estate.log, frame_now, parsers={"lines": PARSER})
    assert (report.problems, report.could_not_tell, report.records) == ((), 1, 0)
    report = verify(estate.archive, estate.log, frame_now, parsers={"lines": older})
    assert (len(report.problems), report.could_not_tell) == (1, 0)
    assert len(verify(estate.archive, estate.log, frame_now).problems) == 1


def test_records_that_nobody_frames_are_undecided(estate: Estate) -> None:
    estate.seal(b"one\n")
    for report in (
        verify(estate.archive, estate.log),
        verify(estate.archive, estate.log, frame, parsers={}),
    ):
        assert (report.problems, report.could_not_tell, report.segments) == ((), 1, 1)


def test_a_framer_that_refuses(estate: Estate) -> None:
    def refuse(_: str, __: bytes) -> Sequence[bytes]:
        raise InputError("not lines")

    estate.seal(b"one\n")
    assert "cannot be framed again: not lines" in whats(verify(estate.archive, estate.log, refuse))


def test_without_a_checkpoint_the_rest_is_still_checked(sealed_estate: Estate) -> None:
    digest = min(sealed_estate.archive.digests())
    checkpoint, path = sealed_estate.log.root_path / "checkpoint", sealed_estate.path_of(digest)
    with changed(checkpoint, b"nonsense"), changed(path, path.read_bytes()[:-1]):
        report = sealed_estate.verify()
    assert report.leaves == 306
    assert {problem.segment for problem in report.problems} == {None, digest}


def test_a_checkpoint_that_claims_the_moon(estate: Estate) -> None:
    estate.seal(b"one\n")
    path = estate.log.root_path / "checkpoint"
    path.write_bytes(path.read_bytes().replace(b"\n2\n", b"\n2000000000000000000\n"))
    report = estate.verify()
    assert report.leaves == 2
    assert "checkpoint: " in whats(report)


def test_a_lost_bundle_hides_nothing_else(sealed_estate: Estate) -> None:
    path = sealed_estate.log.root_path / "tile/entries/000"
    data = path.read_bytes()
    path.unlink()
    report = sealed_estate.verify()
    path.write_bytes(data)
    assert "leaves 0 to 255 cannot be read" in whats(report)
    # 50 leaves are left, about a segment whose own leaf is lost, and three files have lost their names.
    assert len(report.problems) == 1 + 50 + 3


def test_an_auditor_needs_no_secret_key(sealed_estate: Estate) -> None:
    key = sealed_estate.log.root_path / "key"
    text = key.read_bytes()
    key.unlink()
    assert sealed_estate.verify().problems == ()
    key.write_bytes(text)


def test_verifying_writes_nothing(estate: Estate) -> None:
    estate.seal(b"one\n")
    before = {path: path.stat().st_mtime_ns for path in estate.root.rglob("*")}
    estate.verify()
    assert {path: path.stat().st_mtime_ns for path in estate.root.rglob("*")} == before


def test_leaves_are_digests_only(estate: Estate) -> None:
    secret = b"password=hunter2\n"
    digest = estate.seal(secret)
    leaves = list(estate.log.leaves())
    assert isinstance(parse_statement(leaves[0]), SegmentStatement)
    assert isinstance(parse_statement(leaves[1]), RecordsStatement)
    stored = b"".join(path.read_bytes() for path in estate.log.root_path.rglob("*") if path.is_file())
    assert b"hunter2" not in stored
    assert estate.archive.salt(digest) not in stored
