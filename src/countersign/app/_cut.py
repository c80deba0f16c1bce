"""What cutting gives and works on: a run of bytes to be sealed, and the next bytes of a stream."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from countersign.app._streams import Peeked


@dataclass(frozen=True, slots=True)
class Cut:
    """One run of bytes to be sealed.

    `raw` is what is sealed, `offset` where its own bytes begin in the file (a repeated header left aside), `head`,
    `lineage` and `pieces` as in `schema.SEGMENTS_SCHEMA`. `fragment` marks part of a line longer than
    `MAX_RECORD`, which nobody parses. `replaces` are segments that ended in half a line which now goes on.
    """

    raw: bytes
    digest: str
    offset: int
    head: str
    lineage: str
    pieces: tuple[str, ...] = ()
    fragment: bool = False
    replaces: tuple[str, ...] = ()


def lineage_of(*parts: str) -> str:
    """A lineage from what it descends from: a family, origin and head, or a lineage and the segment at which it was left."""
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogateescape")).hexdigest()[:32]


class Window:
    """The next bytes of a stream, as many as are asked for."""

    def __init__(self, stream: Peeked) -> None:
        self._stream = stream
        self._buffer = bytearray()

    def __len__(self) -> int:
        return len(self._buffer)

    def fill(self, size: int) -> bool:
        """Whether `size` bytes are left, and have been read in."""
        while len(self._buffer) < size:
            data = self._stream.read(size - len(self._buffer))
            if not data:
                return False
            self._buffer += data
        return True

    def view(self, end: int, start: int = 0) -> bytes:
        """Bytes `start` to `end` from here."""
        return bytes(memoryview(self._buffer)[start:end])

    def find(self, text: bytes, end: int) -> int:
        return self._buffer.find(text, 0, end)

    def rfind(self, text: bytes, end: int) -> int:
        return self._buffer.rfind(text, 0, end)

    def count(self, text: bytes, end: int) -> int:
        return self._buffer.count(text, 0, end)

    def drop(self, size: int) -> None:
        del self._buffer[:size]


def exactly(stream: Peeked, size: int) -> bytes:
    """The next `size` bytes, fewer only where the stream ends."""
    parts: list[bytes] = []
    while size > 0 and (data := stream.read(size)):
        parts.append(data)
        size -= len(data)
    return b"".join(parts)
