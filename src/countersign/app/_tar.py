"""Members of a tar, read in place and in order.

An own reader, because `tarfile` reads a long name of any stated size into memory.

References: POSIX pax, GNU tar manual "Basic Tar Format".
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from countersign.app._streams import Limited, Member, Stream

BLOCK = 512
NAME_BYTES = 1 << 20
"""The largest pax header or GNU long name read: a Linux path has 4,096 bytes."""


def tar_members(source: Stream) -> Iterator[Member]:
    """The files of a tar, in order; each must be read before the next is asked for."""
    name, size_override, modified = "", None, None
    while True:
        header = _exactly(source, BLOCK)
        if len(header) < BLOCK or not header.strip(b"\0"):
            break
        if not is_tar(header):
            yield Member(name, None, None, "is followed by bytes that are no tar header")
            return
        kind, size = header[156:157], _number(header[124:136])
        if kind in {b"x", b"L"}:
            extended = _exactly(source, _padded(min(size, NAME_BYTES)))[:size]
            if size > NAME_BYTES:
                yield Member(name, None, None, f"has a name longer than {NAME_BYTES >> 20} MiB")
                return
            if kind == b"L":
                name = _text(extended.rstrip(b"\0"))
            else:
                name, size_override, modified = _pax(extended)
            continue
        size = size if size_override is None else size_override
        body = Limited(source, size, "ends in the middle of its tar data")
        yield from _tar_member(header, name, modified, body)
        body.skip()
        Limited(source, _padded(size) - size).skip()
        if kind not in {b"K", b"g"}:
            name, size_override, modified = "", None, None
    if source.damage:
        yield Member(name, None, None, source.damage)


def _tar_member(header: bytes, name: str, modified: datetime | None, body: Stream) -> Iterator[Member]:
    kind = header[156:157]
    if not name:
        name = _text(header[:100].split(b"\0")[0])
        prefix = header[345:500].split(b"\0")[0] if header[257:263] == b"ustar\0" else b""
        name = f"{_text(prefix)}/{name}" if prefix else name
    if kind in b"07\0":
        yield Member(name, body, modified or _moment(_number(header[136:148])))
    elif kind not in b"5gK":  # folders, global headers and long link names hold no content
        yield Member(name, None, None, "is a link, a device or a sparse file in its tar")


def is_tar(header: bytes) -> bool:
    """Whether a block is a tar header, by its checksum."""
    if len(header) < BLOCK or not header[0]:
        return False
    try:
        stated = int(header[148:156].strip(b" \0") or b"x", 8)
    except ValueError:
        return False
    return stated == sum(header[:148]) + 8 * 32 + sum(header[156:BLOCK])


def _number(field: bytes) -> int:
    """An octal number, or GNU's base 256; 0 where it is neither, never negative."""
    if field[0] & 0x80:
        return int.from_bytes(field[1:], "big") if field[0] == 0x80 else 0
    try:
        return max(0, int(field.strip(b" \0") or b"0", 8))
    except ValueError:
        return 0


def _pax(block: bytes) -> tuple[str, int | None, datetime | None]:
    """Name, size and time out of pax records, each `length key=value` and a newline."""
    name, size, modified = "", None, None
    while block:
        length, _, _ = block.partition(b" ")
        if not length.isdigit() or not 0 < int(length[:9]) <= len(block):
            break
        record, block = block[len(length) + 1 : int(length) - 1], block[int(length) :]
        key, _, value = record.partition(b"=")
        if key == b"path":
            name = _text(value)
        elif key == b"size" and value.isdigit() and len(value) < 20:
            size = int(value)
        elif key == b"mtime":
            whole = value.split(b".")[0]
            modified = _moment(int(whole)) if whole.isdigit() and len(whole) < 13 else None
    return name, size, modified


def _moment(seconds: int) -> datetime | None:
    try:
        return datetime.fromtimestamp(seconds, UTC) if seconds > 0 else None
    except (ValueError, OverflowError, OSError):
        return None


def _exactly(source: Stream, size: int) -> bytes:
    parts: list[bytes] = []
    while size > 0 and (data := source.read(size)):
        parts.append(data)
        size -= len(data)
    return b"".join(parts)


def _padded(size: int) -> int:
    return -(-size // BLOCK) * BLOCK


def _text(name: bytes) -> str:
    return name.decode("utf-8", "backslashreplace")
