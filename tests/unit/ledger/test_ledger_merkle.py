"""The tree and its proofs, against the vectors of the Certificate Transparency reference and by property."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countersign.errors import VerificationError
from countersign.ledger import merkle

# The reference tree of certificate-transparency's merkletree tests.
LEAVES = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
_A = "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7"
_B = "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e"
_C = "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"
_D = "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"
_E = "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0"
_F = "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a"
INCLUSION = {(0, 1): [], (0, 8): [_A, _B, _C], (5, 8): [_D, _E, ROOTS[4]], (2, 3): [ROOTS[2]]}
CONSISTENCY = {(1, 1): [], (1, 8): [_A, _B, _C], (6, 8): [_F, _E, ROOTS[4]], (2, 5): [_B, _D]}

HASHES = [merkle.leaf_hash(leaf) for leaf in LEAVES]

sizes = st.integers(1, 70)


def tree(size: int) -> list[bytes]:
    return [merkle.leaf_hash(b"%d" % i) for i in range(size)]


@pytest.mark.parametrize("size", range(9))
def test_roots_of_the_reference_tree(size: int) -> None:
    assert merkle.root_of(HASHES[:size]).hex() == ROOTS[size]


@pytest.mark.parametrize(("place", "path"), INCLUSION.items())
def test_inclusion_proofs_of_the_reference_tree(place: tuple[int, int], path: list[str]) -> None:
    index, size = place
    found = merkle.inclusion_proof(index, size, merkle.nodes_of(HASHES))
    assert [item.hex() for item in found] == path
    merkle.verify_inclusion(index, size, HASHES[index], found, bytes.fromhex(ROOTS[size]))


@pytest.mark.parametrize(("place", "path"), CONSISTENCY.items())
def test_consistency_proofs_of_the_reference_tree(place: tuple[int, int], path: list[str]) -> None:
    old, new = place
    found = merkle.consistency_proof(old, new, merkle.nodes_of(HASHES))
    assert [item.hex() for item in found] == path
    roots = [bytes.fromhex(root) for root in ROOTS]
    merkle.verify_consistency(old, roots[old], new, roots[new], found)


@given(sizes, st.data())
def test_an_inclusion_proof_holds_for_its_leaf_and_place_only(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    hashes = tree(size)
    root = merkle.root_of(hashes)
    path = merkle.inclusion_proof(index, size, merkle.nodes_of(hashes))
    merkle.verify_inclusion(index, size, hashes[index], path, root)
    for other in range(size):
        if other != index:
            with pytest.raises(VerificationError):
                merkle.verify_inclusion(index, size, hashes[other], path, root)
            with pytest.raises(VerificationError):
                merkle.verify_inclusion(other, size, hashes[index], path, root)
    for changed in (path[1:], (*path, root), path[:-1]):
        if changed != path:
            with pytest.raises(VerificationError):
                merkle.verify_inclusion(index, size, hashes[index], changed, root)


@given(sizes, st.data())
def test_a_consistency_proof_holds_for_its_beginning_only(new: int, data: st.DataObject) -> None:
    old = data.draw(st.integers(0, new))
    hashes = tree(new)
    old_root, new_root = merkle.root_of(hashes[:old]), merkle.root_of(hashes)
    path = merkle.consistency_proof(old, new, merkle.nodes_of(hashes))
    merkle.verify_consistency(old, old_root, new, new_root, path)
    forged = merkle.leaf_hash(b"another beginning")
    with pytest.raises(VerificationError):
        merkle.verify_consistency(old, forged, new, new_root, path)
    if old:
        with pytest.raises(VerificationError):
            merkle.verify_consistency(old, old_root, new, forged, path)
    with pytest.raises(VerificationError):
        merkle.verify_consistency(old, old_root, new, new_root, (*path, forged))


def test_a_shrunken_tree_is_no_continuation() -> None:
    root = merkle.root_of(HASHES)
    with pytest.raises(VerificationError):
        merkle.verify_consistency(8, root, 5, merkle.root_of(HASHES[:5]), [root])


def test_what_is_no_hash_is_no_proof() -> None:
    with pytest.raises(VerificationError):
        merkle.verify_inclusion(0, 2, HASHES[0], [b"short"], bytes.fromhex(ROOTS[2]))


def test_a_leaf_is_no_node() -> None:
    assert merkle.leaf_hash(HASHES[0] + HASHES[1]) != merkle.node_hash(HASHES[0], HASHES[1])


@pytest.mark.parametrize(("index", "size"), [(0, 0), (-1, 3), (3, 3)])
def test_a_proof_of_no_leaf_is_a_misuse(index: int, size: int) -> None:
    with pytest.raises(RuntimeError):
        merkle.inclusion_proof(index, size, merkle.nodes_of(HASHES))
