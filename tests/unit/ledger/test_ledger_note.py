"""Signed notes and checkpoints: others' vectors, round trips, and forgeries."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countersign.errors import VerificationError
from countersign.ledger import Checkpoint, Signer, Verifier
from countersign.ledger.note import MAX_NOTE, open_note, split_note

# The example of Go's golang.org/x/mod/sumdb/note.
PETER = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
PETER_SECRET = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
PETER_TEXT = (
    "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
)
PETER_NOTE = (
    PETER_TEXT + "\n— PeterNeumann "
    "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
).encode()

SIGNER = Signer("example.com/ledger", bytes(range(32)))
HEAD = Checkpoint("example.com/ledger", 7, bytes(32))
NOTE = SIGNER.sign(HEAD.to_text())


def test_a_note_of_another_implementation_opens() -> None:
    assert open_note(PETER_NOTE, [Verifier.from_text(PETER)]) == PETER_TEXT


def test_we_sign_as_the_other_implementation_does() -> None:
    signer = Signer.from_text(PETER_SECRET)
    assert signer.sign(PETER_TEXT) == PETER_NOTE
    assert signer.to_text() == PETER_SECRET
    assert signer.verifier.to_text() == PETER


@given(st.binary(min_size=32, max_size=32), st.integers(0, 2**62), st.binary(min_size=32, max_size=32))
def test_keys_and_checkpoints_come_back(seed: bytes, size: int, root: bytes) -> None:
    signer = Signer("log.example/1", seed)
    head = Checkpoint("log.example/1", size, root)
    verifier = Verifier.from_text(signer.verifier.to_text())
    assert Signer.from_text(signer.to_text()) == signer
    assert Checkpoint.from_note(signer.sign(head.to_text()), verifier) == head


@given(st.integers(0, len(NOTE) - 1), st.integers(1, 255))
def test_no_byte_of_a_checkpoint_can_change(place: int, mask: int) -> None:
    forged = bytearray(NOTE)
    forged[place] ^= mask
    with pytest.raises(VerificationError):
        Checkpoint.from_note(bytes(forged), SIGNER.verifier)


def test_a_key_of_the_same_name_cannot_sign() -> None:
    forger = Signer(SIGNER.name, bytes(32))
    with pytest.raises(VerificationError):
        Checkpoint.from_note(forger.sign(HEAD.to_text()), SIGNER.verifier)


def test_a_forged_signature_beside_a_good_one_spoils_the_note() -> None:
    line = SIGNER.sign("other\n").decode().split("\n\n")[1]
    with pytest.raises(VerificationError, match="not valid"):
        open_note(NOTE + line.encode(), [SIGNER.verifier])


def test_a_witness_may_sign_too() -> None:
    witness = Signer("witness.example", bytes(32))
    line = witness.sign(HEAD.to_text()).decode().split("\n\n")[1]
    both = NOTE + line.encode()
    assert Checkpoint.from_note(both, SIGNER.verifier) == HEAD
    assert open_note(both, [witness.verifier]) == HEAD.to_text()


def test_another_logs_head_is_not_ours() -> None:
    note = SIGNER.sign(Checkpoint("example.com/other", 7, bytes(32)).to_text())
    with pytest.raises(VerificationError, match=r"is of example\.com/other"):
        Checkpoint.from_note(note, SIGNER.verifier)


@given(st.binary(max_size=300) | st.text(max_size=100).map(lambda text: f"{text}\n\n— {text} \n".encode()))
def test_any_bytes_are_a_note_or_a_verification_error(data: bytes) -> None:
    with pytest.raises(VerificationError):
        open_note(data, [SIGNER.verifier])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a\n",
        "a\n1\n",
        "a\n01\nAA==\n",
        "a\n-1\nAA==\n",
        "a\n1\nAA==\n",
        "a\n1\n!\n",
        "a\n\n1\n",
        "a\n٣\nAA==\n",
    ],
)
def test_what_is_no_checkpoint(text: str) -> None:
    with pytest.raises(VerificationError):
        Checkpoint.from_text(text)


@pytest.mark.parametrize(
    "key",
    [
        "",
        "a+b",
        PETER.replace("c74f20a3", "c74f20a4"),
        PETER.replace("Peter", "Pete"),
        PETER[:-1],
        PETER + "\n",
        PETER.replace("ARpc", "AhRp"),
    ],
)
def test_what_is_no_key(key: str) -> None:
    with pytest.raises(VerificationError):
        Verifier.from_text(key)
    with pytest.raises(VerificationError):
        Signer.from_text("PRIVATE+KEY+" + key)


def test_a_public_key_is_no_secret_one() -> None:
    with pytest.raises(VerificationError):
        Signer.from_text(PETER)


@pytest.mark.parametrize("name", ["", "two words", "a+b", "line\nbreak", "\x9b2J", "x" * 251])
def test_names_that_would_break_a_note(name: str) -> None:
    with pytest.raises(RuntimeError):
        Signer.generate(name)


def test_a_note_has_an_end() -> None:
    with pytest.raises(VerificationError, match="too long"):
        split_note(bytes(MAX_NOTE + 1))


def test_a_secret_key_does_not_show_itself() -> None:
    assert "seed" not in repr(SIGNER)
