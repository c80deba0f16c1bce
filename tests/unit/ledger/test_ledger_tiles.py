"""Paths and bundles of a tiled log."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countersign.errors import VerificationError
from countersign.ledger import _tiles


@pytest.mark.parametrize(
    ("tile", "path"),
    [
        ((0, 0, 256), "tile/0/000"),
        ((0, 999, 256), "tile/0/999"),
        ((1, 1000, 256), "tile/1/x001/000"),
        ((2, 1234067, 256), "tile/2/x001/x234/067"),
        (("entries", 1234067, 8), "tile/entries/x001/x234/067.p/8"),
    ],
)
def test_paths(tile: tuple[int | str, int, int], path: str) -> None:
    assert _tiles.path_of(*tile) == path
    assert _tiles.PATH.fullmatch(path)


@pytest.mark.parametrize(
    "path", ["tile/0/0", "tile/64/000", "tile/0/000.p/0", "tile/0/../000", "tile/0/000\n"]
)
def test_what_is_no_path(path: str) -> None:
    assert not _tiles.PATH.fullmatch(path)


def test_the_tiles_of_70000_leaves() -> None:
    # The example of c2sp.org/tlog-tiles.
    tiles = list(_tiles.tiles_of(70_000))
    assert len([tile for tile in tiles if tile[0] == 0 and tile[2] == 256]) == 273
    partial = {tile for tile in tiles if tile[2] < 256}
    assert partial == {(0, 273, 112), ("entries", 273, 112), (1, 1, 17), (2, 0, 1)}
    assert set(_tiles.edge_of(70_000)) == partial


@given(st.lists(st.binary(max_size=300), max_size=20))
def test_bundles_come_back(leaves: list[bytes]) -> None:
    data = _tiles.join_bundle(leaves)
    assert _tiles.split_bundle(data, len(leaves)) == leaves
    if leaves:
        for broken in (data[:-1], b""):
            with pytest.raises(VerificationError):
                _tiles.split_bundle(broken, len(leaves))


@given(st.binary(max_size=100), st.integers(0, 256))
def test_any_bytes_are_a_bundle_or_a_verification_error(data: bytes, count: int) -> None:
    try:
        assert len(_tiles.split_bundle(data, count)) == count
    except VerificationError:
        assert count
