"""Statements: one canonical form, unknown fields kept, and nothing but VerificationError out."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countersign.errors import VerificationError
from countersign.ledger import (
    ImportStatement,
    OtherStatement,
    Parser,
    RecordsStatement,
    SegmentStatement,
    canonical_bytes,
    parse_statement,
)

A, B = "a" * 64, "0123456789abcdef" * 4
SEGMENT = SegmentStatement(A, 10, B, 7, "zstd", "evtx", datetime(2026, 3, 1, 12, 0, 0, 5, tzinfo=UTC))
IMPORT = ImportStatement("indicators", "feed é", A, 2, datetime(2026, 3, 1, 12, tzinfo=UTC))
RECORDS = RecordsStatement(A, "evtx", Parser("evtx", "0.14.1"), "rendering", 3, B)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


def test_a_segment_leaf_is_these_bytes() -> None:
    # Leaves of version 1 are in ledgers out there: if this fails, the code is wrong, not the test.
    assert SEGMENT.to_bytes() == (
        b'{"codec":"zstd","digest":"' + A.encode() + b'","framing":"evtx",'
        b'"sealed":"2026-03-01T12:00:00.000005Z","size":10,"stored_digest":"' + B.encode() + b'",'
        b'"stored_size":7,"type":"segment","v":1}'
    )


def test_a_records_leaf_is_these_bytes() -> None:
    assert RECORDS.to_bytes() == (
        b'{"count":3,"framing":"evtx","over":"rendering","parser":"evtx","parser_version":"0.14.1",'
        b'"root":"' + B.encode() + b'","segment":"' + A.encode() + b'","type":"records","v":1}'
    )


def test_an_import_leaf_is_these_bytes() -> None:
    assert IMPORT.to_bytes() == (
        b'{"count":2,"digest":"'
        + A.encode()
        + '","name":"feed é","sealed":"2026-03-01T12:00:00.000000Z",'
        '"type":"import","v":1,"what":"indicators"}'.encode()
    )
    with pytest.raises(ValueError, match="1 to 300"):
        replace(IMPORT, name="")


@pytest.mark.parametrize("statement", [SEGMENT, RECORDS, IMPORT, replace(RECORDS, over="bytes")])
def test_statements_come_back(statement: SegmentStatement | RecordsStatement | ImportStatement) -> None:
    assert parse_statement(statement.to_bytes()) == statement


def test_a_time_of_another_zone_is_kept_in_utc() -> None:
    there = SEGMENT.sealed.astimezone(timezone(timedelta(hours=9)))
    assert replace(SEGMENT, sealed=there).to_bytes() == SEGMENT.to_bytes()


@given(st.dictionaries(st.text(), st.integers() | st.text(), max_size=4))
def test_unknown_fields_are_kept(fields: dict[str, int | str]) -> None:
    names = json.loads(SEGMENT.to_bytes())
    extra = {name: value for name, value in fields.items() if name not in names and _encodes(name, value)}
    leaf = replace(SEGMENT, extra=extra).to_bytes()
    back = parse_statement(leaf)
    assert isinstance(back, SegmentStatement)
    assert back.extra == extra
    assert back.to_bytes() == leaf


def _encodes(*values: object) -> bool:
    try:
        str(values[0]).encode(), str(values[1]).encode()
    except UnicodeEncodeError:
        return False
    return True


@pytest.mark.parametrize("change", [{"v": 2}, {"type": "agreement"}])
def test_what_is_not_known_yet_is_kept_whole(change: dict[str, object]) -> None:
    leaf = canonical_bytes({**json.loads(SEGMENT.to_bytes()), **change})
    back = parse_statement(leaf)
    assert isinstance(back, OtherStatement)
    assert back.to_bytes() == leaf


@pytest.mark.parametrize(
    "leaf",
    [
        b"",
        b"[]",
        b"\xff",
        b"[" * 60_000,
        b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
        b'{"type":"x","v":1.0}',
        b'{"type":"x","v":NaN}',
        b'{"type":"x","v":true}',
        b'{"type":"x","v":' + b"9" * 5_000 + b"}",
        b'{"type":"x","v":1,"v":1}',
        b'{"v":1,"type":"x"}',
        b'{"type":"x", "v":1}',
        b'{"type":"\\u0041","v":1}',
        b'{"type":"\\ud800","v":1}',
        b'{"type":"' + b"x" * 70_000 + b'","v":1}',
        b'{"v":1}',
    ],
)
def test_what_is_no_statement(leaf: bytes) -> None:
    with pytest.raises(VerificationError):
        parse_statement(leaf)


@pytest.mark.parametrize(
    "name", ["digest", "size", "stored_digest", "stored_size", "codec", "framing", "sealed"]
)
@given(value=json_values)
def test_a_segment_leaf_with_a_bent_field(name: str, value: object) -> None:
    _bent(SEGMENT, name, value)


@pytest.mark.parametrize("name", ["segment", "framing", "parser", "parser_version", "over", "count", "root"])
@given(value=json_values)
def test_a_records_leaf_with_a_bent_field(name: str, value: object) -> None:
    _bent(RECORDS, name, value)


def _bent(statement: SegmentStatement | RecordsStatement, name: str, value: object) -> None:
    fields = {**json.loads(statement.to_bytes()), name: value}
    leaf = json.dumps(fields, sort_keys=True, separators=(",", ":")).encode()
    try:
        back = parse_statement(leaf)
    except VerificationError:
        return
    assert back.to_bytes() == leaf


@given(st.binary(max_size=200) | json_values.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_are_a_statement_or_a_verification_error(leaf: bytes) -> None:
    with pytest.raises(VerificationError):
        parse_statement(leaf)


@given(st.integers(0, len(SEGMENT.to_bytes()) - 1), st.integers(1, 255))
def test_a_changed_byte_never_reads_as_the_same_statement(place: int, mask: int) -> None:
    leaf = bytearray(SEGMENT.to_bytes())
    leaf[place] ^= mask
    try:
        assert parse_statement(bytes(leaf)) != SEGMENT
    except VerificationError:
        return


@pytest.mark.parametrize(
    "change",
    [
        {"digest": A.upper()},
        {"digest": A[1:]},
        {"stored_digest": A + "\n"},
        {"size": -1},
        {"stored_size": 2**63},
        {"codec": ""},
        {"framing": "two words"},
        {"framing": "x" * 101},
        {"sealed": datetime(2026, 3, 1)},  # noqa: DTZ001 -- the misuse under test
    ],
)
def test_a_statement_that_exists_is_valid(change: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"."):
        replace(SEGMENT, **change)  # type: ignore[arg-type]  # wrong values on purpose


def test_extra_fields_cannot_replace_known_ones() -> None:
    with pytest.raises(RuntimeError):
        replace(SEGMENT, extra={"size": 3}).to_bytes()


def test_a_statement_stays_small() -> None:
    with pytest.raises(RuntimeError):
        replace(SEGMENT, extra={"note": "x" * 70_000}).to_bytes()
