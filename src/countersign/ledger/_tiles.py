"""Where a tiled log keeps what (c2sp.org/tlog-tiles), and the right edge that the next leaf touches."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from countersign.errors import VerificationError
from countersign.ledger import merkle

WIDTH = 256
_HEIGHT = 8  # 256 is 2^8: how many levels of the tree one level of tiles spans
MAX_TILE = WIDTH * merkle.HASH_SIZE
MAX_LEAF = (1 << 16) - 1
MAX_BUNDLE = WIDTH * (2 + MAX_LEAF)
ENTRIES = "entries"

# Any path that a log of some size has below its root.
PATH = re.compile(
    r"tile/(?:entries|[0-9]|[1-5][0-9]|6[0-3])/(?:x[0-9]{3}/)*[0-9]{3}(?:\.p/[1-9][0-9]{0,2})?", re.ASCII
)

ReadTile = Callable[[int | str, int, int], bytes]


def path_of(level: int | str, index: int, width: int = WIDTH) -> str:
    """Path of a tile, or of an entry bundle for the level `entries`, below the log's root."""
    parts = [f"{index % 1000:03}"]
    while index >= 1000:
        index //= 1000
        parts.append(f"x{index % 1000:03}")
    name = "/".join(reversed(parts))
    return f"tile/{level}/{name}" if width == WIDTH else f"tile/{level}/{name}.p/{width}"


def tiles_of(size: int) -> Iterable[tuple[int | str, int, int]]:
    """Level, index and width of every bundle and tile of a log, lowest level and oldest first."""
    count, level = size, 0
    while count:
        for name in (ENTRIES, 0) if level == 0 else (level,):
            yield from ((name, index, WIDTH) for index in range(count // WIDTH))
            if count % WIDTH:
                yield name, count // WIDTH, count % WIDTH
        count, level = count // WIDTH, level + 1


def edge_of(size: int) -> Iterable[tuple[int | str, int, int]]:
    """The partial ones of `tiles_of`."""
    count, level = size, 0
    while count:
        if count % WIDTH:
            yield level, *divmod(count, WIDTH)
            if level == 0:
                yield ENTRIES, *divmod(count, WIDTH)
        count, level = count // WIDTH, level + 1


def split_tile(data: bytes) -> list[bytes]:
    """The hashes of a tile."""
    size = merkle.HASH_SIZE
    return [data[start : start + size] for start in range(0, len(data), size)]


def split_bundle(data: bytes, count: int) -> list[bytes]:
    """The first `count` leaves of an entry bundle; VerificationError if they are not there."""
    leaves: list[bytes] = []
    place = 0
    while len(leaves) < count:
        start = place + 2
        end = start + int.from_bytes(data[place:start], "big")
        if end > len(data) or start > len(data):
            raise VerificationError(f"the bundle ends within its leaf {len(leaves)}")
        leaves.append(data[start:end])
        place = end
    return leaves


def join_bundle(leaves: Iterable[bytes]) -> bytes:
    """An entry bundle: each leaf behind its length in 16 bits."""
    return b"".join(len(leaf).to_bytes(2, "big") + leaf for leaf in leaves)


def nodes_of(size: int, read: ReadTile) -> merkle.Nodes:
    """Look-up of complete subtrees in the tiles of a log of this size; each tile is read once."""
    tiles: dict[tuple[int, int], list[bytes]] = {}

    def node(level: int, index: int) -> bytes:
        tile_level, above = divmod(level, _HEIGHT)
        number, place = divmod(index << above, WIDTH)
        if (tile_level, number) not in tiles:
            count = size >> (_HEIGHT * tile_level)
            width = min(WIDTH, count - number * WIDTH)
            tiles[tile_level, number] = split_tile(read(tile_level, number, width))
        return merkle.root_of(tiles[tile_level, number][place : place + (1 << above)])

    return node


@dataclass(slots=True)
class Edge:
    """The incomplete tiles and bundle at a log's right edge: all one needs to append to it."""

    size: int = 0
    tiles: list[list[bytes]] = field(default_factory=list)
    bundle: bytearray = field(default_factory=bytearray)

    @classmethod
    def read(cls, size: int, read: ReadTile) -> Edge:
        """The edge of a log as stored; VerificationError if bundle and tile disagree."""
        edge = cls(size)
        count, level = size, 0
        while count:
            number, width = divmod(count, WIDTH)
            edge.tiles.append(split_tile(read(level, number, width)) if width else [])
            count, level = number, level + 1
        number, width = divmod(size, WIDTH)
        if width:
            leaves = split_bundle(read(ENTRIES, number, width), width)
            if [merkle.leaf_hash(leaf) for leaf in leaves] != edge.tiles[0]:
                raise VerificationError("the last leaves are not those of the last tile")
            edge.bundle += join_bundle(leaves)
        return edge

    def root(self) -> bytes:
        """Root of the whole log: what is incomplete below is the last node of the level above."""
        below: list[bytes] = []
        for tile in self.tiles:
            hashes = tile + below
            below = [merkle.root_of(hashes)] if hashes else []
        return below[0] if below else merkle.EMPTY_ROOT

    def extend(self, leaves: Iterable[bytes]) -> dict[str, bytes]:
        """Take leaves in, and give the files, by path, that a log of the new size needs beside the old."""
        files: dict[str, bytes] = {}
        touched = 0
        for leaf in leaves:
            self.bundle += join_bundle((leaf,))
            touched = max(touched, self._push(merkle.leaf_hash(leaf), files))
            self.size += 1
            if self.size % WIDTH == 0:
                files[path_of(ENTRIES, self.size // WIDTH - 1)] = bytes(self.bundle)
                self.bundle.clear()
        if self.bundle:
            files[path_of(ENTRIES, *divmod(self.size, WIDTH))] = bytes(self.bundle)
        for level, tile in enumerate(self.tiles[: touched + 1]):
            if tile:
                number = self.size >> (_HEIGHT * (level + 1))
                files[path_of(level, number, len(tile))] = b"".join(tile)
        return files

    def _push(self, node: bytes, files: dict[str, bytes]) -> int:
        """Put a leaf's hash in, and up where tiles become full; gives the highest level touched."""
        for level in range(64):
            if level == len(self.tiles):
                self.tiles.append([])
            tile = self.tiles[level]
            tile.append(node)
            if len(tile) < WIDTH:
                return level
            files[path_of(level, self.size >> (_HEIGHT * (level + 1)))] = b"".join(tile)
            node = merkle.root_of(tile)
            tile.clear()
        raise RuntimeError("a log has fewer than 2^512 leaves")
