"""Proof of a leaf, for someone who has only the proof, the leaf and the key."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from countersign.errors import UsageError, VerificationError
from countersign.ledger import LeafProof, Log, Signer, prove_leaf, verify_leaf


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Log:
    made = Log.create(tmp_path_factory.mktemp("log") / "ledger", "example.com/ledger")
    made.append([b"leaf %d" % index for index in range(700)])
    return made


@settings(max_examples=30)
@given(index=st.integers(0, 699))
def test_every_leaf_is_proven_at_its_place(log: Log, index: int) -> None:
    proof = LeafProof.from_bytes(prove_leaf(log, index).to_bytes())
    verify_leaf(b"leaf %d" % index, proof, log.verifier)
    with pytest.raises(VerificationError):
        verify_leaf(b"leaf %d" % (index + 1), proof, log.verifier)
    with pytest.raises(VerificationError):
        verify_leaf(b"leaf %d" % index, replace(proof, index=index ^ 1), log.verifier)


def test_a_proof_is_this_text(log: Log) -> None:
    lines = prove_leaf(log, 699).to_bytes().decode().split("\n")
    assert lines[:2] == ["c2sp.org/tlog-proof@v1", "index 699"]
    blank = lines.index("")
    assert lines[blank + 1 : blank + 3] == ["example.com/ledger", "700"]
    assert all(len(line) == 44 for line in lines[2:blank])


def test_what_an_application_adds_is_carried_along(log: Log) -> None:
    proof = replace(prove_leaf(log, 0), extra=b"\x00anything")
    assert LeafProof.from_bytes(proof.to_bytes()) == proof


def test_a_proof_needs_the_logs_key(log: Log) -> None:
    with pytest.raises(VerificationError):
        verify_leaf(b"leaf 3", prove_leaf(log, 3), Signer(log.verifier.name, bytes(32)).verifier)


@pytest.mark.parametrize("index", [-1, 700])
def test_there_is_no_such_leaf(log: Log, index: int) -> None:
    with pytest.raises(UsageError, match="700"):
        prove_leaf(log, index)


@given(place=st.integers(min_value=0), mask=st.integers(1, 255))
def test_a_changed_byte_proves_nothing_else(log: Log, place: int, mask: int) -> None:
    data = bytearray(prove_leaf(log, 3).to_bytes())
    data[place % len(data)] ^= mask
    with pytest.raises(VerificationError):
        verify_leaf(b"leaf 3", LeafProof.from_bytes(bytes(data)), log.verifier)


@given(
    st.binary(max_size=200) | st.binary(max_size=99).map(lambda b: b"c2sp.org/tlog-proof@v1\n" + b + b"\n\n")
)
def test_any_bytes_are_a_proof_or_a_verification_error(data: bytes) -> None:
    with pytest.raises(VerificationError):
        LeafProof.from_bytes(data)
