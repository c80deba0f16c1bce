from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from countersign.sources import _framing
from countersign.sources._framing import damage, frame, parser_version
from countersign.sources._records import UTF16
from unit.sources import evtx_writer
from unit.sources.evtx_writer import CHUNK, event

TIME = "2026-11-20T10:00:00.123456Z"


def three(first: int = 1) -> list[evtx_writer.Element]:
    return [event(4624, first + n, TIME, {"TargetUserName": f"user{first + n}"}) for n in range(3)]


@pytest.mark.parametrize(
    ("segment", "records"),
    [
        (b"", []),
        (b"a", [b"a"]),
        (b"a\n", [b"a"]),
        (b"a\n\nb", [b"a", b"", b"b"]),
        (b"a\r\nb\n", [b"a\r", b"b"]),
        (b"\n", [b""]),
        (b"\xff\x00\n\x85", [b"\xff\x00", b"\x85"]),
    ],
)
def test_lines_end_at_lf_and_nothing_else(segment: bytes, records: list[bytes]) -> None:
    assert frame("lines", segment) == records


@given(
    st.lists(
        st.binary(max_size=20).filter(lambda line: b"\n" not in line and not line.startswith(UTF16)),
        max_size=20,
    )
)
def test_lines_joined_again_are_the_segment(lines: list[bytes]) -> None:
    segment = b"".join(line + b"\n" for line in lines)
    assert frame("lines", segment) == lines


def test_an_unknown_framing_is_our_own_mistake() -> None:
    with pytest.raises(RuntimeError, match="no framing"):
        frame("paragraphs", b"")


def test_versions_name_the_parser() -> None:
    assert parser_version("lines") == "lines 1"
    assert parser_version("evtx").startswith("evtx 0.")


def test_every_record_of_every_chunk_is_rendered() -> None:
    records = frame("evtx", evtx_writer.file(three(), three(4)))
    assert len(records) == 6
    assert all(record.startswith(b'{"Event":') for record in records)
    assert all(damage(record) is None for record in records)


def test_chunks_are_rendered_the_same_alone_and_together() -> None:
    whole = evtx_writer.file(three(), three(4))
    head, one, two = whole[:4096], whole[4096 : 4096 + CHUNK], whole[4096 + CHUNK :]
    assert frame("evtx", head + one) + frame("evtx", head + two) == frame("evtx", whole)
    assert frame("evtx", head + two + one) == frame("evtx", head + two) + frame("evtx", head + one)


def test_the_files_own_header_does_not_matter() -> None:
    whole = evtx_writer.file(three(), three(4))
    assert frame("evtx", b"ElfFile\0" + b"\xff" * 4088 + whole[4096:]) == frame("evtx", whole)


def test_empty_chunks_are_no_records() -> None:
    whole = evtx_writer.file(three())
    assert frame("evtx", whole + bytes(CHUNK)) == frame("evtx", whole)
    assert frame("evtx", whole[:4096]) == []
    assert frame("evtx", b"") == []


def test_what_is_no_chunk_is_counted() -> None:
    records = frame("evtx", evtx_writer.file(three()) + b"holiday!" + bytes(CHUNK - 8))
    assert len(records) == 4
    assert damage(records[-1]) == _framing._NO_CHUNK


def test_a_damaged_record_leaves_its_neighbours() -> None:
    segment = bytearray(evtx_writer.file(three(), three(4)))
    at = segment.index("user2".encode("utf-16-le"))
    segment[at - 3] = 0x59  # the type of the value
    records = frame("evtx", bytes(segment))
    assert len(records) == 6
    damaged = [damage(record) for record in records if damage(record)]
    assert damaged == [_framing._UNREADABLE_RECORD]
    assert sum(b"user" in record for record in records) == 5


def test_records_that_a_chunk_announces_and_does_not_hold_are_counted() -> None:
    segment = bytearray(evtx_writer.file(three()))
    second = segment.index(b"\x2a\x2a\0\0", 4096 + 512 + 4)
    segment[second : second + 4] = bytes(4)
    records = frame("evtx", bytes(segment))
    assert len(records) == 3
    assert sum(damage(record) is not None for record in records) == 2


def test_a_file_cut_off_within_a_chunk_gives_the_records_before_the_cut() -> None:
    segment = evtx_writer.file(three())
    third = segment.index("user3".encode("utf-16-le"))
    records = frame("evtx", segment[:third])
    assert [b"user" in record for record in records[:2]] == [True, True]
    assert damage(records[2]) is not None


@settings(max_examples=40)
@given(
    st.lists(st.tuples(st.integers(4096, 4096 + 4000), st.integers(0, 255)), max_size=30),
    st.integers(0, 70_000),
)
def test_no_damage_raises(changes: list[tuple[int, int]], end: int) -> None:
    segment = bytearray(evtx_writer.file(three()))
    for at, value in changes:
        segment[at] = value
    assert all(isinstance(record, bytes) for record in frame("evtx", bytes(segment[:end])))
