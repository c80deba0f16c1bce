"""What to say of a file that no log family recognises, and how much of it to keep until one does."""

from __future__ import annotations

import re
from collections.abc import Sequence

from countersign.app.known import UNKNOWN
from countersign.model.batch import EventBatch, ParseContext, Parsed
from countersign.model.visible import visible
from countersign.sources import Source
from countersign.sources._records import text_head

TEXT_BYTES = 64 << 20
"""Of an unknown text so much is kept, in whole segments."""
BINARY_BYTES = 4 << 20
"""A larger unknown file that is no text is not kept: databases are, which change in every place from day to day."""
TIMED_LINES = 50
"""A text is kept as a log if one in so many of its first lines holds a date or a time of day."""
_TIME = re.compile(
    rb"\d:[0-5]\d|\d{4}[-/.]\d{1,2}[-/.]\d|\d[-/.]\d{1,2}[-/.]\d{2}|(?<!\d)1\d{9}(?!\d)|(?<!\d)1\d{12}(?!\d)"
)
_KEPT_KINDS = (b"SQLite format 3\0", b"LfLe", b"LPKSHHRH")
"""Of the kinds that have a name here those that may be a log all the same."""
_KINDS: tuple[tuple[bytes, str], ...] = (
    (b"\xff\xd8\xff", "is a JPEG picture"),
    (b"\x89PNG\r\n", "is a PNG picture"),
    (b"GIF8", "is a GIF picture"),
    (b"%PDF-", "is a PDF document"),
    (b"RIFF", "is a picture, sound or video"),
    (b"OggS", "is a sound or video"),
    (b"ID3", "is a sound"),
    (b"\x1aE\xdf\xa3", "is a video"),
    (b"\xd0\xcf\x11\xe0", "is an old Office document or an installer"),
    (b"\x7fELF", "is a program"),
    (b"\xca\xfe\xba\xbe", "is a program"),
    (b"wOF", "is a font"),
    (b"\0\1\0\0\0", "is a font"),
    (b"PACK\0\0\0", "is a pack of git"),
    (b"MZ", "is a program"),
    (b"SQLite format 3\0", "is an SQLite database"),
    (b"regf", "is a Windows registry hive"),
    (b"\xd4\xc3\xb2\xa1", "is a network capture: run Zeek over it and collect Zeek's logs"),
    (b"\xa1\xb2\xc3\xd4", "is a network capture: run Zeek over it and collect Zeek's logs"),
    (b"\x0a\x0d\x0d\x0a", "is a network capture: run Zeek over it and collect Zeek's logs"),
    (b"7z\xbc\xaf\x27\x1c", "is a 7z archive: unpack it and collect the folder"),
    (b"Rar!\x1a\x07", "is a RAR archive: unpack it and collect the folder"),
    (b"LfLe", "is a Windows event log of before 2008 (.evt): export it as EVTX"),
    (b"LPKSHHRH", "is a binary journal: collect `journalctl -o json` instead"),
)
SHOWN = 160
"""Characters of an unknown file's beginning that are shown."""
_OPEN = (b"{", b"[", b"(", b",", b":")
"""A first line that ends with one of these is not all of what it begins: JSON spread over lines."""
_TEXT = bytes((*range(0x20, 0x7F), *b"\t\n\r\f", *range(0x80, 0x100)))


def describe(head: bytes, kept: str = "") -> str:
    """One sentence on a file that starts with `head`, and what was done with it. Of a text it shows the first line, made safe to
    show: that is mostly enough for a person to know what it is."""
    what, line = _what(head)
    what = f"{what}, {kept}" if kept else what
    return f"{what}; it begins: {line}" if line else what


def _what(head: bytes) -> tuple[str, str]:
    named = _named(head)
    if named is not None:
        return named[1], ""
    if not head.strip(b"\0"):
        return "holds nothing but zero bytes", ""
    if not head.strip():
        return "holds nothing but blank lines", ""
    if head[4:8] == b"ftyp":
        return "is a video or picture", ""
    if not _is_text(text_head(head)):
        return "is binary and no log format known here", ""
    return "is text, but no log format known here", first_line(head)


def worth(head: bytes) -> int:
    """How many bytes of an unknown file that starts with `head` may be kept; 0 for what is no log: pictures, programs,
    archives, captures, blanks, and texts without times such as licences and manuals."""
    named = _named(head)
    if (
        (named is not None and named[0] not in _KEPT_KINDS)
        or not head.strip(b"\0 \t\r\n")
        or head[4:8] == b"ftyp"
    ):
        return 0
    start = text_head(head)
    if named is not None or not _is_text(start):
        return BINARY_BYTES
    lines = [line for line in start.split(b"\n") if line.strip()]
    timed = sum(_TIME.search(line) is not None for line in lines)
    return TEXT_BYTES if timed * TIMED_LINES >= len(lines) else 0


def _named(head: bytes) -> tuple[bytes, str] | None:
    return next(((magic, text) for magic, text in _KINDS if head.startswith(magic)), None)


def _is_text(start: bytes) -> bool:
    return len(start.translate(None, _TEXT)) <= max(2, len(start) // 100)


_LOOKED_AT = 16 * SHOWN
"""Bytes that are joined: most of them may be indentation."""


def first_line(head: bytes) -> str:
    """The first line with anything in it, safe to show; of JSON spread over lines the first ones, joined."""
    start = text_head(head).removeprefix(b"\xef\xbb\xbf").strip()
    line = start.split(b"\n", 1)[0][: 4 * SHOWN]
    if start.startswith((b"{", b"[")) and line.rstrip().endswith(_OPEN):
        line = b" ".join(part.strip() for part in start[:_LOOKED_AT].split(b"\n"))[: 4 * SHOWN]
    return visible(line.decode("utf-8", "replace").strip("\ufeff \t\r"), SHOWN)


def _never(head: bytes) -> bool:
    del head
    return False


def _nothing(records: Sequence[bytes], context: ParseContext) -> Parsed:
    del records
    return EventBatch(UNKNOWN, context).finish()


FAMILY = Source(UNKNOWN, "Of no known format", "lines", _never, _nothing)
"""What is sealed in the hope that somebody will know it: cut as lines, and nothing read."""
