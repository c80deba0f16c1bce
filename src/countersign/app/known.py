"""What has been sealed already, asked while a file is read: so the same bytes are not sealed twice.

Text is known as chains of segments: at this offset of a file that begins with this record, a segment of this size and
digest was sealed. EVTX is known by its 64 KiB chunks, wherever they stand.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import pyarrow as pa


@dataclass(frozen=True, slots=True)
class Piece:
    """One sealed segment of a text file: `size` counts its sealed bytes, a repeated preamble included."""

    digest: str
    size: int
    lineage: str


class Known:
    """The segments in the lake, and those sealed since. `head` is the digest of a file's first record."""

    def __init__(self) -> None:
        self._digests: set[str] = set()
        self._chunks: set[bytes] = set()
        self._chains: dict[tuple[str, str, int], list[Piece]] = defaultdict(list)
        self._openings: dict[int, set[str]] = defaultdict(set)

    @classmethod
    def from_rows(cls, rows: pa.Table) -> Known:
        """From the lake's segments table (`schema.SEGMENTS_SCHEMA`)."""
        known = cls()
        columns = ["segment", "origin", "head", "offset", "size", "lineage", "pieces"]
        for batch in rows.select(columns).to_batches(max_chunksize=4096):
            for segment, origin, head, offset, size, lineage, pieces in zip(
                *(column.to_pylist() for column in batch.columns), strict=True
            ):
                known.add(origin, head, offset, Piece(segment, size, lineage), pieces or ())
        return known

    def add(self, origin: str, head: str, offset: int, piece: Piece, chunks: Iterable[str] = ()) -> None:
        """Remember one segment."""
        self._digests.add(piece.digest)
        if head:
            self._chains[origin, head, offset].append(piece)
            if offset == 0 and head == piece.digest:
                self._openings[piece.size].add(head)
        self._chunks.update(bytes.fromhex(chunk) for chunk in chunks)

    def has(self, digest: str) -> bool:
        """Whether these very bytes are a sealed segment."""
        return digest in self._digests

    def has_chunk(self, digest: bytes) -> bool:
        """Whether an EVTX chunk stands in a sealed segment."""
        return digest in self._chunks

    def after(self, origin: str, head: str, offset: int) -> list[Piece]:
        """The segments sealed from `offset` on of files that begin alike."""
        return self._chains.get((origin, head, offset), [])

    def openings(self) -> dict[int, set[str]]:
        """Size -> heads of files that were one unfinished line of that size when they were sealed."""
        return self._openings
