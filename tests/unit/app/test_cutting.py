"""Cutting: equal files give equal segments, known bytes are passed, half lines are read again."""

from __future__ import annotations

import hashlib
import io
import struct
from collections.abc import Iterable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countersign.app import cutting
from countersign.app._cut import Cut
from countersign.app._streams import Budget, Limited, Meter, Peeked
from countersign.app.cutting import Cutting
from countersign.app.known import Known
from countersign.model.batch import ParseContext, Parsed
from countersign.sources import Source

HEADER = b"#sep x\n#fields a b\n"


def _preamble(head: bytes) -> int:
    length = 0
    while head.startswith(b"#", length) and (end := head.find(b"\n", length)) >= 0:
        length = end + 1
    return length


def _parse(records: Sequence[bytes], context: ParseContext) -> Parsed:
    raise AssertionError(f"cutting parses nothing ({len(records)} records of {context.segment})")


def _detect(head: bytes) -> bool:
    raise AssertionError(f"cutting recognises nothing ({len(head)} bytes)")


LINES = Source("lines", "Lines", "lines", _detect, _parse)
TABLE = Source("table", "Lines below a header", "lines", _detect, _parse, _preamble)
EVTX = Source("evtx", "EVTX", "evtx", _detect, _parse)


class Bytes:
    damage = ""

    def __init__(self, data: bytes) -> None:
        self._file = io.BytesIO(data)

    def read(self, size: int) -> bytes:
        return self._file.read(min(size, 7000))


def cut(
    data: bytes, known: Known | None = None, source: Source = LINES, origin: str = "", *, grows: bool = True
) -> tuple[list[Cut], Cutting]:
    job = Cutting(Peeked(Bytes(data)), source, known or Known(), origin, grows=grows)
    return list(job), job


def own(cuts: Sequence[Cut], preamble: bytes = b"") -> bytes:
    """The file's bytes that stand in cuts, repeated preambles left out."""
    return b"".join(each.raw[len(preamble) if each.offset else 0 :] for each in cuts)


def lines(count: int, start: int = 0) -> bytes:
    return b"".join(b"%07d a line of a log\n" % number for number in range(start, start + count))


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cutting, "SEGMENT_BYTES", 1000)
    monkeypatch.setattr(cutting, "MAX_RECORD", 4000)
    monkeypatch.setattr(cutting, "HEAD_BYTES", 500)


pytestmark = pytest.mark.usefixtures("small")


def test_whole_lines_in_segments_of_bounded_size() -> None:
    data = lines(300)
    cuts, job = cut(data)
    assert own(cuts) == data
    assert all(each.raw.endswith(b"\n") and 900 < len(each.raw) <= 1000 for each in cuts[:-1])
    assert [each.offset for each in cuts] == [sum(len(c.raw) for c in cuts[:n]) for n in range(len(cuts))]
    assert len({each.lineage for each in cuts}) == 1
    assert all(each.digest == hashlib.sha256(each.raw).hexdigest() for each in cuts)
    assert job.passed == 0


def test_the_same_again_adds_nothing() -> None:
    known = Known()
    cut(lines(300), known)
    again, job = cut(lines(300), known, grows=False)
    assert again == []
    assert job.passed == len(lines(300))


def test_a_grown_file_adds_its_tail_again_and_again() -> None:
    known, seen, lineages = Known(), b"", set()
    for count in (3, 50, 51, 170, 170, 300):
        cuts, job = cut(lines(count), known)
        assert job.passed == len(seen)
        seen += own(cuts)
        lineages |= {each.lineage for each in cuts}
        assert seen == lines(count)
    assert len(lineages) == 1


def test_a_header_is_repeated_and_followed() -> None:
    known = Known()
    data = HEADER + lines(100)
    cuts, _ = cut(data, known, TABLE)
    assert len(cuts) > 2
    assert all(each.raw.startswith(HEADER) for each in cuts)
    assert own(cuts, HEADER) == data
    tail, job = cut(data + lines(9, 100), known, TABLE)
    assert own(tail, HEADER) == lines(9, 100)
    assert job.passed == len(data)


def test_a_second_header_in_the_file_is_the_one_repeated_after_it() -> None:
    other = b"#sep x\n#fields q r s\n"
    for before in range(20, 60):
        data = HEADER + lines(before) + other + lines(200)
        known = Known()
        cuts, _ = cut(data, known, TABLE)
        switch = len(HEADER + lines(before))
        assert b"".join(_strip(each) for each in cuts) == data
        assert all(each.raw.startswith(other) for each in cuts if each.offset > switch)
        tail, _ = cut(data + lines(5, 900), known, TABLE)
        assert [each.raw for each in tail] == [other + lines(5, 900)]


def _strip(each: Cut) -> bytes:
    return each.raw[_preamble(each.raw) :] if each.offset and not each.raw.startswith(HEADER + b"#") else (
        each.raw[len(HEADER) :] if each.offset else each.raw
    )  # fmt: skip


def test_origins_are_apart_and_equal_bytes_are_not_sealed_twice() -> None:
    known = Known()
    cut(lines(10), known, origin="a")
    cuts, _ = cut(lines(10) + lines(1, 50), known, origin="b")
    assert own(cuts) == lines(10) + lines(1, 50)


def test_files_that_begin_alike_and_then_differ() -> None:
    known = Known()
    first, _ = cut(lines(20), known)
    grown, _ = cut(lines(20) + b"then this\n", known)
    other, _ = cut(lines(20) + b"then that\n", known)
    assert own(grown) == b"then this\n"
    assert own(other) == b"then that\n"
    assert first[0].lineage == grown[0].lineage != other[0].lineage
    for end in (b"then this\n", b"then that\n"):
        assert own(cut(lines(20) + end + b"more " + end, known)[0]) == b"more " + end


def test_half_a_line_is_read_again_when_it_goes_on() -> None:
    known = Known()
    first, _ = cut(lines(10) + b"half a li", known)
    assert [each.raw for each in first] == [lines(10), b"half a li"]
    assert cut(lines(10) + b"half a li", known)[0] == []
    grown, job = cut(lines(10) + b"half a line is whole\nnext\n", known)
    assert [each.raw for each in grown] == [b"half a line is whole\nnext\n"]
    assert grown[0].replaces == (first[1].digest,)
    assert job.passed == len(lines(10))
    again, job = cut(lines(10) + b"half a line is whole\nnext\nlast\n", known)
    assert [(each.raw, each.replaces) for each in again] == [(b"last\n", ())]


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_a_line_that_only_lacked_its_end_is_not_read_again(end: bytes) -> None:
    known = Known()
    cut(lines(10) + b"whole line", known)
    for _ in range(2):
        tail, _ = cut(lines(10) + b"whole line" + end, known)
        assert tail == []
    tail, _ = cut(lines(10) + b"whole line" + end + b"next\n", known)
    assert [(each.raw, each.replaces) for each in tail] == [(b"next\n", ())]


def test_a_file_of_one_half_line_that_goes_on() -> None:
    known = Known()
    first, _ = cut(b"half", known)
    grown, _ = cut(b"half a line\nnext\n", known)
    assert [(each.raw, each.replaces) for each in grown] == [(b"half a line\nnext\n", (first[0].digest,))]
    assert cut(b"half a line\nnext\n", known)[0] == []


def test_json_without_a_last_newline_is_one_segment() -> None:
    known = Known()
    cuts, _ = cut(b'{"a":1}\n{"a":2}', known)
    assert [each.raw for each in cuts] == [b'{"a":1}\n{"a":2}']
    grown, _ = cut(b'{"a":1}\n{"a":2}\n{"a":3}', known)
    assert [(each.raw, each.replaces) for each in grown] == [(b'{"a":3}', ())]


def test_lines_longer_than_any_record_are_fragments() -> None:
    known = Known()
    long = b"".join(b"%05d" % number for number in range(1900)) + b"\n"
    data = lines(30) + long + lines(30, 50)
    cuts, _ = cut(data, known)
    assert own(cuts) == data
    assert b"".join(each.raw for each in cuts if each.fragment) == long
    assert [len(each.raw) for each in cuts if each.fragment] == [4000, 4000, 1501]
    assert cut(data, known)[0] == []
    assert own(cut(data + b"tail\n", known)[0]) == b"tail\n"


def test_lines_up_to_the_longest_record_stay_whole() -> None:
    data = lines(3) + b"y" * 3999 + b"\n" + lines(3, 3)
    cuts, _ = cut(data)
    assert own(cuts) == data
    assert not any(each.fragment for each in cuts)
    assert b"y" * 3999 + b"\n" in [each.raw for each in cuts]


def test_very_short_lines_are_cut_sooner(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cutting, "SEGMENT_LINES", 30)
    for data in (b"\n".join(b"%d" % n for n in range(200)), b"z" * 600 + b"\n1" * 100, lines(40)):
        cuts, _ = cut(data, grows=False)
        assert b"".join(dict.fromkeys(each.raw for each in cuts)) == own(cuts)
        assert _records([own(cuts)]) == _records([data])
        assert max(each.raw.count(b"\n") for each in cuts) <= 30


def test_equal_segments_at_other_places_are_sealed_once() -> None:
    known = Known()
    same = b"again and again\n" * 300
    cuts, job = cut(same, known)
    assert len({each.digest for each in cuts}) == len(cuts) < 6
    assert own(cuts) != same
    assert job.passed + len(own(cuts)) == len(same)
    assert cut(same, known)[0] == []


@given(
    st.lists(st.binary(max_size=60), max_size=40),
    st.lists(st.integers(0, 3000), max_size=4),
    st.sampled_from([LINES, TABLE]),
    st.booleans(),
)
def test_however_a_file_grows_its_bytes_are_sealed_exactly_once(
    parts: list[bytes], stops: list[int], source: Source, grows: bool
) -> None:
    data = (HEADER if source is TABLE else b"") + b"\n".join(parts)
    known, passed = Known(), 0
    current: dict[str, Cut] = {}
    for stop in [*sorted(stops), len(data)]:
        cuts, job = cut(data[:stop], known, source, grows=grows)
        passed = job.passed
        for each in cuts:
            for gone in each.replaces:
                current.pop(gone, None)
            current[each.digest] = each
        assert passed + len(own(cuts, b"")) >= min(stop, len(data))
    again, job = cut(data, known, source, grows=not grows)
    assert again == []
    assert job.passed == len(data)
    if source is LINES:
        assert _records(each.raw for each in current.values()) == _records([data])


def _records(segments: Iterable[bytes]) -> set[bytes]:
    return {line.rstrip(b"\r") for each in segments for line in each.split(b"\n")} - {b""}


def chunk(number: int, fill: bytes = b"r") -> bytes:
    return b"ElfChnk\0" + struct.pack("<I", number) + fill * (65_536 - 12)


def evtx(*chunks: bytes) -> bytes:
    return b"ElfFile\0".ljust(4096, b"\x01") + b"".join(chunks)


def test_evtx_is_sealed_by_chunks_not_sealed_before() -> None:
    known = Known()
    first, job = cut(evtx(chunk(1), chunk(2), bytes(65_536)), known, EVTX)
    assert [each.raw for each in first] == [evtx(chunk(1), chunk(2))]
    assert first[0].pieces == tuple(hashlib.sha256(chunk(n)).hexdigest() for n in (1, 2))
    assert job.damage == ""
    wrapped = evtx(chunk(5), chunk(2), chunk(3), chunk(1))
    second, job = cut(wrapped, known, EVTX)
    assert [(each.raw, each.offset) for each in second] == [(evtx(chunk(5), chunk(3)), 4096)]
    assert job.passed == 2 * 65_536
    assert cut(wrapped, known, EVTX)[0] == []


def test_evtx_runs_have_a_bounded_length() -> None:
    cuts, _ = cut(evtx(*map(chunk, range(150))), Known(), EVTX)
    assert [len(each.pieces) for each in cuts] == [128, 22]
    assert [each.offset for each in cuts] == [4096 + 65_536 * n for n in (0, 128)]


@pytest.mark.parametrize(
    ("data", "sealed", "damage"),
    [
        (evtx(chunk(1), chunk(2)[:900]), 1, "ends within a chunk of its EVTX"),
        (evtx(chunk(1), b"J" * 65_536), 1, "1 of its EVTX chunks have no chunk header"),
        (evtx()[:100], 0, "ends within the file header of its EVTX"),
        (evtx(), 0, ""),
    ],
)
def test_damaged_evtx_is_sealed_as_it_is(data: bytes, sealed: int, damage: str) -> None:
    cuts, job = cut(data, Known(), EVTX)
    assert len(cuts) == sealed
    assert own(cuts) == (data if sealed else b"")
    assert job.damage == damage


def test_the_streams_damage_is_told() -> None:
    short = Limited(Bytes(b"one\ntwo\n"), 100, "is cut off")
    job = Cutting(Peeked(short), LINES, Known(), "", grows=False)
    assert own(list(job)) == b"one\ntwo\n"
    assert job.damage == "is cut off"


def test_a_budget_counts_a_file_only_once() -> None:
    meter = Meter()
    budget = Budget(100, meter)
    for _ in range(3):
        budget.consume(70)
    assert meter.done == 100
