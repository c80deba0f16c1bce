"""Merkle tree hashing and proofs of RFC 6962 section 2.1 (the same in RFC 9162), over SHA-256.

A tree is named by its size; node `(level, index)` is the hash of the complete subtree over leaves
`[index << level, (index + 1) << level)`. Whoever can look such nodes up (`Nodes`) can prove anything, be
it from a list in memory or from the tiles of a log.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence

from countersign.errors import VerificationError

Nodes = Callable[[int, int], bytes]

HASH_SIZE = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()


def leaf_hash(leaf: bytes) -> bytes:
    """SHA-256(0x00 || leaf)."""
    return hashlib.sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256(0x01 || left || right)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def root_of(hashes: Sequence[bytes]) -> bytes:
    """Root of the tree with these leaf hashes.

    Works upward level by level, a last odd hash going up as it is, which gives the RFC's tree.
    """
    if not hashes:
        return EMPTY_ROOT
    sha256 = hashlib.sha256
    level = hashes
    while len(level) > 1:
        pairs = zip(level[::2], level[1::2], strict=False)
        above = [sha256(b"\x01" + left + right).digest() for left, right in pairs]
        if len(level) % 2:
            above.append(level[-1])
        level = above
    return level[0]


def nodes_of(hashes: Sequence[bytes]) -> Nodes:
    """Look-up of the complete subtrees over a list of leaf hashes."""

    def node(level: int, index: int) -> bytes:
        return root_of(hashes[index << level : (index + 1) << level])

    return node


def range_root(start: int, end: int, nodes: Nodes) -> bytes:
    """MTH(D[start:end]) for a range that is a subtree of the RFC's tree."""
    size = end - start
    split = _split(size)
    if split * 2 == size or size == 1:
        level = size.bit_length() - 1
        return nodes(level, start >> level)
    return node_hash(range_root(start, start + split, nodes), range_root(start + split, end, nodes))


def inclusion_proof(index: int, size: int, nodes: Nodes) -> tuple[bytes, ...]:
    """PATH(index, D[size]) of RFC 6962 section 2.1.1, from the leaf's sibling upward."""
    if not 0 <= index < size:
        raise RuntimeError(f"no leaf {index} in a tree of {size}")
    path: list[bytes] = []
    start, end = 0, size
    while end - start > 1:
        split = start + _split(end - start)
        if index < split:
            path.append(range_root(split, end, nodes))
            end = split
        else:
            path.append(range_root(start, split, nodes))
            start = split
    return tuple(reversed(path))


def consistency_proof(old: int, new: int, nodes: Nodes) -> tuple[bytes, ...]:
    """PROOF(old, D[new]) of RFC 6962 section 2.1.2; empty if there is nothing to prove."""
    if not 0 <= old <= new:
        raise RuntimeError(f"a tree of {old} cannot be the beginning of one of {new}")
    if old in {0, new}:
        return ()
    path: list[bytes] = []
    start, end, known = 0, new, True
    while end != old:
        split = start + _split(end - start)
        if old <= split:
            path.append(range_root(split, end, nodes))
            end = split
        else:
            path.append(range_root(start, split, nodes))
            start, known = split, False
    if not known:
        path.append(range_root(start, end, nodes))
    return tuple(reversed(path))


def verify_inclusion(index: int, size: int, leaf: bytes, path: Sequence[bytes], root: bytes) -> None:
    """Hold an inclusion proof of a leaf *hash* against a root (RFC 9162 section 2.1.3.2).

    Raises VerificationError if it does not lead there.
    """
    # 1. The leaf is in the tree.
    if not 0 <= index < size:
        raise VerificationError(f"no leaf {index} in a tree of {size}")
    # 2. to 4. Walk upward; `place` and `last` are the positions of the node and of the last node.
    place, last, found = index, size - 1, leaf
    for sibling in _checked(path):
        if last == 0:
            raise VerificationError("the inclusion proof is too long")
        if place % 2 or place == last:
            found = node_hash(sibling, found)
            while place % 2 == 0 and place:
                place, last = place >> 1, last >> 1
        else:
            found = node_hash(found, sibling)
        place, last = place >> 1, last >> 1
    # 5. The walk ended at the root, and at this one.
    if last or found != root:
        raise VerificationError("the inclusion proof does not lead to the root")


def verify_consistency(old: int, old_root: bytes, new: int, new_root: bytes, path: Sequence[bytes]) -> None:
    """Hold against each other two roots of one growing tree (RFC 9162 section 2.1.4.2).

    Raises VerificationError unless the older tree is the beginning of the newer one.
    """
    # 1. The cases without a proof.
    if old in {0, new}:
        _verify_trivial(old, old_root, new, new_root, path)
        return
    if not 0 < old < new or not path:
        raise VerificationError(f"a tree of {old} leaves is not proven to begin one of {new}")
    # 2. If the old tree is complete, its root is the first hash of the path.
    hashes = list(_checked(path))
    if old & (old - 1) == 0:
        hashes.insert(0, old_root)
    # 3. Go up to where the old tree's last node is a right child.
    place, last = old - 1, new - 1
    while place % 2:
        place, last = place >> 1, last >> 1
    # 4. Rebuild both roots from the path.
    found_old = found_new = hashes[0]
    for sibling in hashes[1:]:
        if last == 0:
            raise VerificationError("the consistency proof is too long")
        if place % 2 or place == last:
            found_old, found_new = node_hash(sibling, found_old), node_hash(sibling, found_new)
            while place % 2 == 0 and place:
                place, last = place >> 1, last >> 1
        else:
            found_new = node_hash(found_new, sibling)
        place, last = place >> 1, last >> 1
    # 5. Both are the ones given.
    if last or found_old != old_root or found_new != new_root:
        raise VerificationError("the newer tree does not continue the older one")


def _verify_trivial(old: int, old_root: bytes, new: int, new_root: bytes, path: Sequence[bytes]) -> None:
    expected = EMPTY_ROOT if old == 0 else new_root
    if path or old_root != expected or new < old or (new == 0 and new_root != EMPTY_ROOT):
        raise VerificationError("the newer tree does not continue the older one")


def _checked(path: Iterable[bytes]) -> Iterable[bytes]:
    for item in path:
        if len(item) != HASH_SIZE:
            raise VerificationError("a proof holds something that is no SHA-256 hash")
        yield item


def _split(size: int) -> int:
    """The largest power of two smaller than `size` (RFC 6962's k); 1 for a size of 1."""
    return 1 << max((size - 1).bit_length() - 1, 0)
