"""EVTX cut at its 64 KiB chunks: a segment is the file header and a run of chunks that were not sealed before."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from countersign.app._cut import Cut, exactly, lineage_of
from countersign.app._streams import Peeked
from countersign.app.known import Known, Piece

EVTX_HEADER = 4096
EVTX_CHUNK = 65_536
EVTX_RUN = 128
"""Chunks in a segment of EVTX: 8 MiB. Records of one kind are parsed together, which takes a tenth less time than in 4."""


class EvtxCutting:
    """One EVTX file being cut: iterate over `cuts` once. Afterwards `damage` says what is wrong with it, and `passed` how many
    bytes were known. `source` is the family's name."""

    def __init__(self, stream: Peeked, source: str, known: Known, origin: str) -> None:
        self._stream = stream
        self._source = source
        self._known = known
        self._origin = origin
        self.passed = 0
        self.damage = ""

    def cuts(self) -> Iterator[Cut]:
        """The runs of chunks that are new."""
        header = exactly(self._stream, EVTX_HEADER)
        if len(header) < EVTX_HEADER:
            self.damage = "ends within the file header of its EVTX"
            return
        offset, first = EVTX_HEADER, 0
        run: list[bytes] = []
        digests: list[bytes] = []
        strange = 0
        while chunk := exactly(self._stream, EVTX_CHUNK):
            named = chunk.startswith(b"ElfChnk\0")
            if named or chunk.count(0) < len(chunk):
                digest = hashlib.sha256(chunk).digest()
                if self._known.has_chunk(digest) or digest in digests:
                    self.passed += len(chunk)
                else:
                    strange += not named
                    first = first if run else offset
                    run.append(chunk)
                    digests.append(digest)
            offset += len(chunk)
            if len(run) == EVTX_RUN:
                yield self._run(header, run, digests, first)
                run, digests = [], []
        if run:
            yield self._run(header, run, digests, first)
        if (offset - EVTX_HEADER) % EVTX_CHUNK:
            self.damage = "ends within a chunk of its EVTX"
        elif strange:
            self.damage = f"{strange} of its EVTX chunks have no chunk header"

    def _run(self, header: bytes, run: list[bytes], digests: list[bytes], offset: int) -> Cut:
        raw = b"".join((header, *run))
        digest = hashlib.sha256(raw).hexdigest()
        pieces = tuple(piece.hex() for piece in digests)
        lineage = lineage_of(self._source, pieces[0])
        piece = Piece(digest, len(raw), lineage, self._source)
        self._known.add(self._origin, "", offset, piece, pieces)
        return Cut(raw, digest, offset, "", lineage, pieces)
