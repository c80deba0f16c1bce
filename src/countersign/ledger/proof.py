"""Proof that one leaf is in the log, for someone who has neither the log nor the archive.

Written as c2sp.org/tlog-proof: a few lines of text with the signed head at the end.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass

from countersign.errors import UsageError, VerificationError
from countersign.ledger import merkle
from countersign.ledger.log import Log
from countersign.ledger.note import MAX_NOTE, Checkpoint, Verifier

_MAGIC = "c2sp.org/tlog-proof@v1"
_INDEX = re.compile(r"index (0|[1-9][0-9]{0,18})", re.ASCII)
_MAX_PATH = 63  # hashes in a proof in a tree of 2^63 leaves, more than a size may say


@dataclass(frozen=True, slots=True)
class LeafProof:
    """The way from a leaf to a signed head; `extra` is carried along unverified."""

    index: int
    path: tuple[bytes, ...]
    checkpoint: bytes
    extra: bytes = b""

    def to_bytes(self) -> bytes:
        """The proof as a `.tlog-proof` file."""
        lines = [_MAGIC]
        if self.extra:
            lines.append(f"extra {_encode64(self.extra)}")
        lines.append(f"index {self.index}")
        lines += [_encode64(item) for item in self.path]
        return "\n".join(lines).encode() + b"\n\n" + self.checkpoint

    @classmethod
    def from_bytes(cls, data: bytes) -> LeafProof:
        """Read such a file; VerificationError, and nothing else, if it is none."""
        head, blank, checkpoint = data.partition(b"\n\n")
        if not blank or len(data) > 2 * MAX_NOTE:
            raise VerificationError("not a proof of a transparency log")
        try:
            return cls._from_lines(head.decode("ascii").split("\n"), checkpoint)
        except (ValueError, binascii.Error) as error:
            raise VerificationError(f"not a proof of a transparency log: {error}") from error

    @classmethod
    def _from_lines(cls, lines: list[str], checkpoint: bytes) -> LeafProof:
        if lines.pop(0) != _MAGIC:
            raise ValueError("its first line is another")
        extra = b""
        if lines and lines[0].startswith("extra "):
            extra = base64.b64decode(lines.pop(0).removeprefix("extra "), validate=True)
        index = _INDEX.fullmatch(lines.pop(0)) if lines else None
        if index is None or len(lines) > _MAX_PATH:
            raise ValueError("it has no index, or too long a path")
        path = tuple(base64.b64decode(line, validate=True) for line in lines)
        return cls(int(index[1]), path, checkpoint, extra)


def prove_leaf(log: Log, index: int) -> LeafProof:
    """Proof of a leaf against the log's current head; UsageError if there is no such leaf."""
    checkpoint = log.checkpoint()
    size = Checkpoint.from_note(checkpoint, log.verifier).size
    if not 0 <= index < size:
        raise UsageError(f"there is no leaf {index}: the ledger has {size}, counted from 0")
    return LeafProof(index, merkle.inclusion_proof(index, size, log.nodes(size)), checkpoint)


def verify_leaf(leaf: bytes, proof: LeafProof, verifier: Verifier) -> None:
    """Hold a leaf against a proof and a key that one trusts; VerificationError if it does not hold.

    1. The proof's checkpoint is signed by the key (c2sp.org/signed-note).
    2. The path leads from the leaf to the checkpoint's root (RFC 9162 section 2.1.3.2).
    """
    # 1.
    head = Checkpoint.from_note(proof.checkpoint, verifier)
    # 2.
    merkle.verify_inclusion(proof.index, head.size, merkle.leaf_hash(leaf), proof.path, head.root)


def prove_growth(log: Log, old: int) -> tuple[bytes, ...]:
    """Consistency proof from an older size to the log's current head, for `merkle.verify_consistency`."""
    size = log.size
    if not 0 <= old <= size:
        raise UsageError(f"the ledger never had {old} leaves: it has {size}")
    return merkle.consistency_proof(old, size, log.nodes(size))


def _encode64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
