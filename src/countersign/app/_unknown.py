"""What to say of a file that no log family recognises."""

from __future__ import annotations

from countersign.model.visible import visible
from countersign.sources._records import text_head

_KINDS: tuple[tuple[bytes, str], ...] = (
    (b"\xff\xd8\xff", "is a JPEG picture"),
    (b"\x89PNG\r\n", "is a PNG picture"),
    (b"GIF8", "is a GIF picture"),
    (b"%PDF-", "is a PDF document"),
    (b"\x7fELF", "is a program"),
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
"""Characters of an unknown file's first line that are shown."""
_TEXT = bytes((*range(0x20, 0x7F), *b"\t\n\r\f", *range(0x80, 0x100)))


def describe(head: bytes) -> str:
    """One sentence on a file that starts with `head`. Of a text it shows the first line, made safe to show: that is
    mostly enough for a person to know what it is."""
    for magic, text in _KINDS:
        if head.startswith(magic):
            return text
    if not head.strip(b"\0"):
        return "holds nothing but zero bytes"
    if not head.strip():
        return "holds nothing but blank lines"
    if head[4:8] == b"ftyp":
        return "is a video or picture"
    start = text_head(head)
    strange = len(start.translate(None, _TEXT))
    if strange > max(2, len(start) // 100):
        return "is binary and no log format known here"
    return f"is text, but no log format known here; it begins: {_first_line(start)}"


def _first_line(text: bytes) -> str:
    """The first line with anything in it."""
    line = text.strip().split(b"\n", 1)[0][: 4 * SHOWN]
    return visible(line.decode("utf-8", "replace").strip("\ufeff \t\r"), SHOWN)
