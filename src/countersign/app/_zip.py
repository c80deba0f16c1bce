"""Members of a zip, read in place: nothing is unpacked to a path, so no name in an archive can traverse.

Own reading of the members, because `zipfile` throws away the last bytes before a wrong checksum, and gives up on a
zip whose directory is cut off; `salvage` then goes by the headers before each member.

References: PKWARE APPNOTE 6.3.10 (4.3.7 local header, 4.3.12 central directory).
"""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import IO

from countersign.app._streams import READ_BYTES, Budget, Limited, Member, Peeked, Stream, Unfolded

DIRECTORY_BYTES = 16 << 20
"""The largest zip directory read: some 200,000 members, which take ten times that in memory."""
ZIP_CODECS = {8: "deflate", 12: "bzip2", 93: "zstd", 95: "xz"}
LOCAL = b"PK\x03\x04"
EMPTY = b"PK\x05\x06"
STREAMED = 8
"""Flag bit 3: sizes stand behind the member, its end is where its deflate data end."""
EXTENDED_TIME = 0x5455
"""Info-ZIP's extra field with the time in UTC; the directory's own is local time of an unknown zone."""


class Slice:
    """`size` bytes of a file from `start` on, through the file's own `seek`."""

    def __init__(self, file: IO[bytes], start: int, size: int, budget: Budget) -> None:
        self._file = file
        self._at = start
        self._end = start + size
        self._budget = budget
        self.damage = ""

    def read(self, size: int) -> bytes:
        """At most `size` bytes; b"" at the end or where the file cannot be read."""
        size = min(size, self._end - self._at)
        if size <= 0:
            return b""
        try:
            self._file.seek(self._at)
            data = self._file.read(size)
        except OSError as error:
            self.damage = error.strerror or "cannot be read"
            return b""
        if not data:
            self.damage = "ends before its archive says"
        self._at += len(data)
        self._budget.consume(len(data))
        return data


class _Checked:
    """Compares length and CRC-32 with the zip directory when the member's end is reached."""

    def __init__(self, source: Stream, size: int, crc: int) -> None:
        self._source = source
        self._left = size
        self._expected = crc
        self._crc = 0
        self.damage = ""

    def read(self, size: int) -> bytes:
        data = self._source.read(size)
        if data:
            self._crc = zlib.crc32(data, self._crc)
            self._left -= len(data)
        elif self._source.damage:
            self.damage = self._source.damage
        elif self._left or self._crc != self._expected:
            self.damage = "does not have the length and checksum that its zip says"
        return data


def zip_members(file: IO[bytes], size: int, budget: Budget) -> Iterator[Member]:
    """The files of a zip by its directory. Raises `zipfile.BadZipFile` where there is none to go by."""
    if _directory_size(file, size) > DIRECTORY_BYTES:
        raise zipfile.BadZipFile(f"its directory is larger than {DIRECTORY_BYTES >> 20} MiB")
    try:
        infos = zipfile.ZipFile(file).infolist()
    # zipfile's words for a damaged directory; NotImplementedError is its "unknown version or compression"
    except (ValueError, NotImplementedError, struct.error, EOFError, OverflowError, UnicodeError) as error:
        raise zipfile.BadZipFile("its directory cannot be read") from error
    for info in infos:
        if not info.is_dir():
            yield _zip_member(file, info, budget)


def _directory_size(file: IO[bytes], size: int) -> int:
    """Bytes of the central directory as the end record says, 0 where none is found (zipfile then says so)."""
    start = max(0, size - 65_536 - 22 - 20 - 56)
    file.seek(start)
    tail = file.read(size - start)
    end = tail.rfind(b"PK\x05\x06")
    if end < 0 or len(tail) - end < 22:
        return 0
    stated = int.from_bytes(tail[end + 12 : end + 16], "little")
    wide = tail.rfind(b"PK\x06\x06", 0, end)
    if stated == 0xFFFFFFFF and wide >= 0:
        return int.from_bytes(tail[wide + 40 : wide + 48], "little")
    return stated


def _zip_member(file: IO[bytes], info: zipfile.ZipInfo, budget: Budget) -> Member:
    name, modified = info.filename, _zip_time(info)
    if info.flag_bits & 1:
        return Member(name, None, modified, "is encrypted: unpack it with its password and collect the files")
    codec = ZIP_CODECS.get(info.compress_type)
    if codec is None and info.compress_type != zipfile.ZIP_STORED:
        return Member(
            name, None, modified, f"uses zip method {info.compress_type}: unpack it and collect the files"
        )
    local = b""
    if info.header_offset >= 0:
        file.seek(info.header_offset)
        local = file.read(30)
    if len(local) < 30 or not local.startswith(LOCAL):
        return Member(name, None, modified, "is not where the zip's directory says")
    start = info.header_offset + 30 + sum(struct.unpack("<HH", local[26:30]))
    stream: Stream = Slice(file, start, info.compress_size, budget)
    if codec is not None:
        stream = Unfolded(stream, codec, budget, single=True)
    return Member(name, _Checked(stream, info.file_size, info.CRC), modified)


def _zip_time(info: zipfile.ZipInfo) -> datetime | None:
    extra = info.extra
    while len(extra) >= 4:
        kind, length = struct.unpack("<HH", extra[:4])
        if kind == EXTENDED_TIME and length >= 5 and extra[4] & 1 and len(extra) >= 9:
            return datetime.fromtimestamp(struct.unpack("<i", extra[5:9])[0], UTC)
        extra = extra[4 + length :]
    try:
        moment = datetime(*info.date_time, tzinfo=UTC)
    except ValueError:
        return None
    return moment if moment.year > 1980 else None


def salvage(source: Peeked, budget: Budget) -> Iterator[Member]:
    """The files of a zip whose directory is missing, by their local headers; each must be read before the next."""
    while not budget.spent and (header := _next_local(source)) is not None:
        flags, method, packed, names, extra = struct.unpack("<6xHH8xI4xHH", header)
        name = _exactly(source, names).decode("utf-8" if flags & 0x800 else "cp437", "backslashreplace")
        _exactly(source, extra)
        codec = ZIP_CODECS.get(method)
        if flags & 1 or (codec is None and (method or flags & STREAMED)):
            yield Member(name, None, None, "cannot be read without the zip's directory, which is cut off")
            Limited(source, packed).skip()
            continue
        bounded = None if flags & STREAMED else Limited(source, packed, "ends where its zip is cut off")
        body: Stream = bounded or source
        unfolded = None if codec is None else Unfolded(body, codec, budget, single=True)
        yield Member(name, unfolded or body, None)
        while unfolded is not None and unfolded.read(READ_BYTES):
            pass
        if bounded is not None:
            bounded.skip()
        elif unfolded is not None:
            source.unread(unfolded.rest)


def _next_local(source: Peeked) -> bytes | None:
    """The next local header, right here or behind a data descriptor of at most 24 bytes."""
    at = source.peek(24 + len(LOCAL)).find(LOCAL)
    if at < 0:
        return None
    _exactly(source, at)
    header = _exactly(source, 30)
    return header if len(header) == 30 else None


def _exactly(source: Stream, size: int) -> bytes:
    parts: list[bytes] = []
    while size > 0 and (data := source.read(size)):
        parts.append(data)
        size -= len(data)
    return b"".join(parts)
