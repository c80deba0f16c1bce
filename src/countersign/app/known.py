"""What has been sealed already, asked while a file is read: so the same bytes are not sealed twice.

Text is known as chains of segments: at this offset of a file that begins with this record, a segment of this size and
digest was sealed. EVTX is known by its 64 KiB chunks, wherever they stand. What nothing understood when it was sealed is
known to nobody who does, and what a mapping of the workspace's own describes only as that.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import pyarrow as pa

from countersign.sources._custom import PREFIX

UNKNOWN = "unknown"
"""The family of sealed bytes that no family knew."""


@dataclass(frozen=True, slots=True)
class Piece:
    """One sealed segment of a text file: `size` counts its sealed bytes, a repeated preamble included; `source` is the
    family that it was read as."""

    digest: str
    size: int
    lineage: str
    source: str = ""


def stands(was: str, source: str) -> bool:
    """Whether what was read as the family `was` needs not be read again as `source`."""
    if source in {was, UNKNOWN, ""} or not was:
        return True
    return was != UNKNOWN and not source.startswith(PREFIX)


class Known:
    """The segments in the lake, and those sealed since. `head` is the digest of a file's first record."""

    def __init__(self) -> None:
        self._digests: dict[str, str] = {}  # digest -> family
        self._chunks: set[bytes] = set()
        self._chains: dict[tuple[str, str, int], list[Piece]] = defaultdict(list)
        self._openings: dict[int, set[str]] = defaultdict(set)

    @classmethod
    def from_rows(cls, rows: pa.Table) -> Known:
        """From the lake's segments table (`schema.SEGMENTS_SCHEMA`)."""
        known = cls()
        columns = ["segment", "origin", "head", "offset", "size", "lineage", "source", "pieces"]
        for batch in rows.select(columns).to_batches(max_chunksize=4096):
            for segment, origin, head, offset, size, lineage, source, pieces in zip(
                *(column.to_pylist() for column in batch.columns), strict=True
            ):
                known.add(origin, head, offset, Piece(segment, size, lineage, source), pieces or ())
        return known

    def add(self, origin: str, head: str, offset: int, piece: Piece, chunks: Iterable[str] = ()) -> None:
        """Remember one segment."""
        self._digests[piece.digest] = piece.source
        if head:
            self._chains[origin, head, offset].append(piece)
            if offset == 0 and head == piece.digest:
                self._openings[piece.size].add(head)
        self._chunks.update(bytes.fromhex(chunk) for chunk in chunks)

    def has(self, digest: str, source: str = "") -> bool:
        """Whether these very bytes are a sealed segment that needs not be read again as `source`."""
        was = self._digests.get(digest)
        return was is not None and stands(was, source)

    def has_chunk(self, digest: bytes) -> bool:
        """Whether an EVTX chunk stands in a sealed segment."""
        return digest in self._chunks

    def after(self, origin: str, head: str, offset: int, source: str = "") -> list[Piece]:
        """The segments sealed from `offset` on of files that begin alike, which need not be read again as `source`."""
        found = self._chains.get((origin, head, offset), [])
        return [piece for piece in found if stands(piece.source, source)]

    def openings(self) -> dict[int, set[str]]:
        """Size -> heads of files that were one unfinished line of that size when they were sealed."""
        return self._openings
