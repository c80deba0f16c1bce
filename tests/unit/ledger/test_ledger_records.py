"""Salted records: the scheme as documented, and what a proof shows and hides."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countersign.errors import VerificationError
from countersign.ledger import Parser, RecordsStatement, merkle, record_proof, records_root, verify_record
from countersign.ledger.records import RecordProof, record_salt

KEY = bytes(range(32))
records_of = st.lists(st.binary(max_size=20), min_size=1, max_size=40)


def leaf_of(records: list[bytes]) -> RecordsStatement:
    root = records_root(KEY, records).hex()
    return RecordsStatement("a" * 64, "lines", Parser("lines", "1"), "bytes", len(records), root)


def documented_salt(index: int) -> bytes:
    """The docstring's scheme, written a second time."""
    seed = b"countersign/record-salts/1\n" + KEY + (index // 256).to_bytes(8, "big")
    return hashlib.shake_256(seed).digest(8192)[32 * (index % 256) :][:32]


@pytest.mark.parametrize("count", [0, 1, 2, 255, 256, 257, 700])
def test_the_root_is_the_documented_one(count: int) -> None:
    records = [b"record %d" % i for i in range(count)]
    leaves = [
        hashlib.sha256(b"\x00" + documented_salt(i) + record).digest() for i, record in enumerate(records)
    ]
    assert records_root(KEY, records) == merkle.root_of(leaves)
    assert records_root(KEY, iter(records)) == merkle.root_of(leaves)


def test_the_scheme_is_final() -> None:
    # Sealed evidence holds roots of this scheme: if this fails, the code is wrong, not the test.
    expected = "e6ee92c36f37839d00f1638768ef0dac3dad37b70aed8e0db82187d36ae6656b"
    assert records_root(KEY, [b"first", b"", b"third"]).hex() == expected
    assert records_root(KEY, []) == hashlib.sha256(b"").digest()


def test_salts_are_apart() -> None:
    salts = [record_salt(KEY, index) for index in range(600)]
    assert len(set(salts)) == 600
    assert salts == [documented_salt(index) for index in range(600)]


@given(records_of, st.data())
def test_a_record_is_proven_and_no_other_in_its_place(records: list[bytes], data: st.DataObject) -> None:
    index = data.draw(st.integers(0, len(records) - 1))
    leaf = leaf_of(records)
    proof = record_proof(KEY, records, index)
    verify_record(leaf, records[index], proof)
    with pytest.raises(VerificationError):
        verify_record(leaf, records[index] + b"!", proof)
    with pytest.raises(VerificationError, match="were sealed"):
        verify_record(leaf_of([*records, b"more"]), records[index], proof)
    with pytest.raises(VerificationError, match="root"):
        verify_record(leaf_of([*records[:-1], records[-1] + b"!"]), records[index], proof)


def test_equal_records_cannot_be_told_to_be_equal() -> None:
    proof = record_proof(KEY, [b"same", b"same"], 0)
    assert merkle.leaf_hash(proof.salt + b"same") not in proof.path


def test_bytes_cannot_move_from_the_record_into_the_salt() -> None:
    proof = record_proof(KEY, [b"abc"], 0)
    moved = RecordProof(0, 1, proof.salt + b"a", ())
    with pytest.raises(VerificationError, match="32 bytes"):
        verify_record(leaf_of([b"abc"]), b"bc", moved)


def test_a_salt_key_of_another_length_is_a_misuse() -> None:
    with pytest.raises(RuntimeError):
        records_root(b"short", [b"record"])
