"""Byte streams that end instead of failing: whatever could be read is kept, and `damage` says why it ended.

Nothing here trusts a length, a name or a ratio that a file states about itself.
"""

from __future__ import annotations

import bz2
import lzma
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import zstandard

READ_BYTES = 262_144
"""One read from disk, and the most that is decompressed in one step."""
BOMB_GRACE = 64 << 20
"""Below this many decompressed bytes no ratio is asked for: small files compress oddly."""
BOMB_RATIO = 200
"""Decompressed to stored bytes. Real event logs measured 15 to 60; deflate's limit is 1,032."""
BOMB_BYTES = 64 << 30
"""Never more than this from one file on disk, whatever its size."""
WINDOW_BYTES = 256 << 20
"""Memory an xz or zstd stream may ask for; xz -9 needs 65 MiB."""


STEP_BYTES = 128
"""Input of one zstd step: a block unfolds to at most 128 KiB and takes 3 bytes, so one step gives under 6 MiB."""


class Stream(Protocol):
    """A source of bytes; `read` gives b"" at the end, and `damage` then says why if it was not the real end."""

    damage: str

    def read(self, size: int) -> bytes:
        """At most `size` bytes, b"" when there are no more."""


@dataclass(frozen=True, slots=True)
class Member:
    """One file in an archive. `stream` is None where it cannot be read, and `reason` then says why; `modified`
    is None where the archive does not say."""

    name: str
    stream: Stream | None
    modified: datetime | None
    reason: str = ""


class Meter:
    """How many bytes of the files on disk have been passed, for a progress bar."""

    def __init__(self) -> None:
        self.done = 0


class Budget:
    """What the archives within one file on disk may unfold to, and how far the file was read. `stored` is its
    size, None for a pipe."""

    def __init__(self, stored: int | None, meter: Meter) -> None:
        self._stored = stored
        self._meter = meter
        self._consumed = 0
        self._unfolded = 0
        self.spent = ""

    def consume(self, count: int) -> None:
        """Account for `count` bytes read; a copy within the file may be read more than once."""
        if self._stored is not None:
            count = min(count, self._stored - self._consumed)
        self._consumed += count
        self._meter.done += count

    def unfold(self, count: int) -> bool:
        """Account for `count` decompressed bytes; False once there have been too many."""
        self._unfolded += count
        stored = self._consumed if self._stored is None else self._stored
        if self._unfolded > BOMB_BYTES:
            self.spent = f"unfolds to more than {BOMB_BYTES >> 30} GiB, the rest was not read"
        elif self._unfolded > BOMB_GRACE and self._unfolded > BOMB_RATIO * max(stored, 1):
            self.spent = f"unfolds to more than {BOMB_RATIO} times its size, the rest was not read"
        return not self.spent


class Limited:
    """The next `size` bytes of a stream, as their own stream. `short` is the damage if they are not all there."""

    def __init__(self, source: Stream, size: int, short: str = "") -> None:
        self._source = source
        self._left = size
        self._short = short
        self.damage = ""

    def read(self, size: int) -> bytes:
        """At most `size` bytes of those left."""
        if self._left <= 0:
            return b""
        data = self._source.read(min(size, self._left))
        if not data:
            self.damage = self._source.damage or self._short
            self._left = 0
        self._left -= len(data)
        return data

    def skip(self) -> None:
        """Read over what is left."""
        while self.read(READ_BYTES):
            pass


class Peeked:
    """A stream whose beginning can be looked at before it is read. `taken` counts the bytes that came out of it."""

    def __init__(self, source: Stream) -> None:
        self._source = source
        self._buffer = b""
        self.taken = 0

    @property
    def damage(self) -> str:
        """Why it ended early, empty while it is sound or bytes are left."""
        return "" if self._buffer else self._source.damage

    @damage.setter
    def damage(self, reason: str) -> None:
        self._source.damage = reason

    def peek(self, size: int) -> bytes:
        """The first `size` bytes, fewer only where the stream is shorter; they stay unread."""
        parts = [self._buffer]
        have = len(self._buffer)
        while have < size:
            data = self._source.read(size - have)
            if not data:
                break
            self.taken += len(data)
            parts.append(data)
            have += len(data)
        self._buffer = b"".join(parts)
        return self._buffer[:size]

    def unread(self, data: bytes) -> None:
        """Put `data` back in front."""
        self._buffer = data + self._buffer

    def read(self, size: int) -> bytes:
        """At most `size` bytes."""
        if self._buffer:
            data, self._buffer = self._buffer[:size], self._buffer[size:]
            return data
        data = self._source.read(size)
        self.taken += len(data)
        return data


class Decoder(Protocol):
    """What bz2 and lzma offer; zlib is wrapped to the same shape."""

    @property
    def eof(self) -> bool:
        """The member is complete."""

    @property
    def needs_input(self) -> bool:
        """Nothing more comes without more input."""

    @property
    def unused_data(self) -> bytes:
        """What stood behind the end of the member."""

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """At most `max_length` bytes."""


class _Zlib:
    """zlib with the interface of bz2 and lzma. What stands before an error is still given: zlib itself would
    lose the whole step's output, so the step is repeated byte by byte from a copy."""

    def __init__(self, wbits: int) -> None:
        self._inner = zlib.decompressobj(wbits)
        self._tail = b""
        self._error: zlib.error | None = None
        self.needs_input = True

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        if self._error is not None:
            raise self._error
        data = self._tail + data
        before = self._inner.copy()
        try:
            out = self._inner.decompress(data, max_length)
        except zlib.error as error:
            self._error = error
            self.needs_input = False
            return self._rescue(before, data, max_length)
        self._tail = self._inner.unconsumed_tail
        self.needs_input = not self._tail and len(out) < max_length
        return out

    @staticmethod
    def _rescue(inner: zlib._Decompress, data: bytes, max_length: int) -> bytes:
        out = bytearray()
        try:
            for value in data:
                out += inner.decompress(bytes((value,)), max_length - len(out))
                if len(out) >= max_length:
                    break
        except zlib.error:
            pass
        return bytes(out)


class _Zstandard:
    """zstd frames by its streaming reader, in the interface of bz2 and lzma."""

    def __init__(self) -> None:
        self._feed = bytearray()
        self._reader = zstandard.ZstdDecompressor(max_window_size=WINDOW_BYTES).decompressobj()
        self.needs_input = True

    @property
    def eof(self) -> bool:
        return self._reader.eof

    @property
    def unused_data(self) -> bytes:
        return self._reader.unused_data + bytes(self._feed)

    def decompress(self, data: bytes, max_length: int) -> bytes:
        # its decoder knows no max_length: small steps of input keep the output bounded
        self._feed += data
        out = bytearray()
        while self._feed and len(out) < max_length and not self._reader.eof:
            step = bytes(self._feed[:STEP_BYTES])
            del self._feed[:STEP_BYTES]
            out += self._reader.decompress(step)
        self.needs_input = not self._feed
        return bytes(out)


CODECS: dict[str, Callable[[], Decoder]] = {
    "gzip": lambda: _Zlib(31),
    "deflate": lambda: _Zlib(-15),
    "bzip2": bz2.BZ2Decompressor,
    "xz": lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=WINDOW_BYTES),
    "zstd": _Zstandard,
}
"""Name -> a decoder for one member."""


class Unfolded:
    """A compressed stream, decompressed step by step within the budget. Several members in a row are one
    stream, as the tools of each format have it."""

    def __init__(self, source: Stream, codec: str, budget: Budget, *, single: bool = False) -> None:
        self._source = source
        self._codec = codec
        self._budget = budget
        self._single = single
        self._decoder = CODECS[codec]()
        self._ready = b""
        self._ended = False
        self.damage = ""

    @property
    def rest(self) -> bytes:
        """After the end of a single member: bytes of the source that were read but are not part of it."""
        return self._decoder.unused_data

    def read(self, size: int) -> bytes:
        """At most `size` decompressed bytes."""
        while not self._ready and not self._ended:
            self._step()
        data, self._ready = self._ready[:size], self._ready[size:]
        return data

    def _step(self) -> None:
        fed = b""
        if self._decoder.eof:
            fed = self._next_member()
            if self._ended:
                return
        elif self._decoder.needs_input:
            fed = self._source.read(READ_BYTES)
            if not fed:
                self._end(self._source.damage or f"ends in the middle of its {self._codec} data")
                return
        try:
            self._ready = self._decoder.decompress(fed, READ_BYTES)
        except (zlib.error, OSError, lzma.LZMAError, EOFError, ValueError, zstandard.ZstdError):
            self._end(f"its {self._codec} data are damaged")
            return
        if not self._budget.unfold(len(self._ready)):
            self._end(self._budget.spent)

    def _next_member(self) -> bytes:
        if self._single:
            self._end("")
            return b""
        rest = self._decoder.unused_data.lstrip(b"\0")
        while len(rest) < len(MAGIC[self._codec]):
            more = self._source.read(READ_BYTES)
            if not more:
                break
            rest = (rest + more).lstrip(b"\0")
        if not rest:
            self._end(self._source.damage)
            return b""
        if not rest.startswith(MAGIC[self._codec]):
            self._end(f"is followed by bytes that are no {self._codec} data")
            return b""
        self._decoder = CODECS[self._codec]()
        return rest

    def _end(self, damage: str) -> None:
        self._ended = True
        self.damage = damage


MAGIC = {
    "gzip": b"\x1f\x8b\x08",
    "bzip2": b"BZh",
    "xz": b"\xfd7zXZ\0",
    "zstd": b"\x28\xb5\x2f\xfd",
}
"""How each compressed format begins; deflate has no magic and is met only inside zip."""


def compression(head: bytes) -> str | None:
    """The compression that `head` begins with, None if it is none we know."""
    codec = next((codec for codec, magic in MAGIC.items() if head.startswith(magic)), None)
    if codec == "bzip2" and head[4:10] not in {b"1AY&SY", b"\x17rE8P\x90"}:
        return None
    return codec
