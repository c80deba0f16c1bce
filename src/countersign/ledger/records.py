r"""One root over a segment's records that can prove any of them and tells nothing about the rest.

The scheme, final in version 1 of the `records` statement. All numbers are big-endian; `key` is the 32-byte
salt key in the segment's archive file; `i` counts records from 0.

    block(b) = SHAKE256("countersign/record-salts/1\n" || key || u64(b)), 8,192 bytes of it
    salt(i)  = bytes 32·(i mod 256) to 32·(i mod 256) + 31 of block(i div 256)
    leaf(i)  = SHA-256(0x00 || salt(i) || record(i))
    root     = RFC 6962 tree over the leaves; SHA-256("") if there are none

Each salt is 256 bits of a pseudo-random function of a secret key, so a leaf's hash cannot be found by
guessing the record, and a salt given away with its record tells nothing about the other salts. SHAKE256
yields 256 salts a call, nine times as fast as an HMAC for each; the tree itself is SHA-256 throughout.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from countersign.errors import VerificationError
from countersign.ledger import merkle
from countersign.ledger.statement import RecordsStatement

SALT_SIZE = 32
_LABEL = b"countersign/record-salts/1\n"
_SALTS_A_BLOCK = 256


@dataclass(frozen=True, slots=True)
class RecordProof:
    """What one needs, beside the record itself and the `records` leaf, to see that it was sealed."""

    index: int
    count: int
    salt: bytes
    path: tuple[bytes, ...]


def records_root(salt_key: bytes, records: Iterable[bytes]) -> bytes:
    """Root over records in their order; `salt_key` is `Archive.salt` of their segment."""
    return merkle.root_of(_leaf_hashes(salt_key, records))


def record_proof(salt_key: bytes, records: Iterable[bytes], index: int) -> RecordProof:
    """Proof of one record, by its position counted from 0, that discloses no other."""
    hashes = _leaf_hashes(salt_key, records)
    path = merkle.inclusion_proof(index, len(hashes), merkle.nodes_of(hashes))
    return RecordProof(index, len(hashes), record_salt(salt_key, index), path)


def verify_record(statement: RecordsStatement, record: bytes, proof: RecordProof) -> None:
    """Hold a record against a `records` leaf; VerificationError if it is not at its place in there.

    1. The proof is about a tree of the leaf's count: the root alone does not fix that.
    2. The salt has its length, so that no byte can move between salt and record.
    3. The path leads from the salted record to the leaf's root (RFC 9162 section 2.1.3.2).
    """
    # 1.
    if proof.count != statement.count:
        raise VerificationError(f"a proof among {proof.count} records, but {statement.count} were sealed")
    # 2.
    if len(proof.salt) != SALT_SIZE:
        raise VerificationError(f"a record's salt has {SALT_SIZE} bytes, not {len(proof.salt)}")
    # 3.
    found, root = merkle.leaf_hash(proof.salt + record), bytes.fromhex(statement.root)
    merkle.verify_inclusion(proof.index, proof.count, found, proof.path, root)


def record_salt(salt_key: bytes, index: int) -> bytes:
    """The salt of one record."""
    block, place = divmod(index, _SALTS_A_BLOCK)
    return _block(salt_key, block)[place * SALT_SIZE : (place + 1) * SALT_SIZE]


def _leaf_hashes(salt_key: bytes, records: Iterable[bytes]) -> Sequence[bytes]:
    sha256 = hashlib.sha256
    # Salts never end, so zip ends with the records; they come first so that none is drawn in vain.
    return [
        sha256(b"\x00" + salt + record).digest()
        for record, salt in zip(records, _salts(salt_key), strict=False)
    ]


def _salts(salt_key: bytes) -> Iterator[bytes]:
    index = 0
    while True:
        block = _block(salt_key, index)
        for start in range(0, len(block), SALT_SIZE):
            yield block[start : start + SALT_SIZE]
        index += 1


def _block(salt_key: bytes, index: int) -> bytes:
    if len(salt_key) != SALT_SIZE:
        raise RuntimeError(f"a salt key has {SALT_SIZE} bytes, not {len(salt_key)}")
    seed = _LABEL + salt_key + index.to_bytes(8, "big")
    return hashlib.shake_256(seed).digest(_SALTS_A_BLOCK * SALT_SIZE)
