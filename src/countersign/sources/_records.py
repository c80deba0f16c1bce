"""Where the records of text are, for each framing: spans of bytes, so that records are the sealed bytes themselves.

Text in UTF-16 with its byte order mark is framed on a shadow of one byte for each of its code units; the spans
are those of the original. `as_utf8` turns records of such a segment into UTF-8 for those who read them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from countersign.sources._json_records import json_end, json_lines, json_spans
from countersign.sources._json_table import table_end, table_spans
from countersign.sources._json_whole import Span

UTF16 = (b"\xff\xfe", b"\xfe\xff")
"""Byte order marks, little end first and big end first."""
MOST_JOINED = 10_000
"""A quoted cell goes on over at most so many lines; a quote that nobody closes takes no more with it."""
_CLOSING = re.compile(rb"</Event\s{0,8}>")
_OPENING = re.compile(rb"<Event(?=[\s>])")
_EMPTY_LINES = re.compile(rb"\n(?:[ \t]{0,8}\r?\n)+")
_SAMPLE = 64
UTMP_BYTES = 384
"""A record of wtmp: bits/utmp.h of the GNU C library, where time has 32 bits."""


def spans(framing: str, text: bytes) -> list[Span]:
    """Start and end of each record of a segment, in order."""
    if text.startswith(UTF16):
        return [(2 * start, 2 * end) for start, end in _SPANS[framing](shadow(text))]
    return _SPANS[framing](text)


def record_end(framing: str, text: bytes) -> int:
    """Where the last whole record of a text that goes on ends; 0 if none is whole."""
    if text.startswith(UTF16):
        return 2 * _ENDS[framing](shadow(text))
    return _ENDS[framing](text)


def shadow(text: bytes) -> bytes:
    """One byte for each code unit of UTF-16 text: ASCII as it is, `x` for what is not, a space for the mark."""
    low = bytearray(text[0::2] if text.startswith(UTF16[0]) else text[1::2])
    high = text[1::2] if text.startswith(UTF16[0]) else text[0::2]
    high = high.ljust(len(low), b"\0")
    if len(low) != len(text) - len(text) // 2:
        low += b"\0"  # half a code unit at the end
    if high.strip(b"\0") or not low.isascii():
        import numpy as np

        units = np.frombuffer(low, np.uint8)
        strange = (np.frombuffer(high, np.uint8)[: len(units)] != 0) | (units > 127)
        units[strange] = ord("x")
    low[:1] = b" "
    return bytes(low)


def as_utf8(records: Sequence[bytes]) -> Sequence[bytes]:
    """The records of one segment in UTF-8, whichever of the two they are in; UTF-8 comes back as it is."""
    code = _code(records[0]) if records else None
    if code is None:
        return records
    return [record.decode(code, "replace").removeprefix("\ufeff").encode() for record in records]


def text_head(head: bytes) -> bytes:
    """The start of a file in UTF-8."""
    return as_utf8([head[: len(head) & ~1]])[0] if head.startswith(UTF16) else head


def _code(first: bytes) -> str | None:
    """Which UTF-16 a first record is in: by its mark, or by the zeros beside its ASCII characters."""
    if first.startswith(UTF16):
        return "utf-16-le" if first.startswith(UTF16[0]) else "utf-16-be"
    even, odd = first[:_SAMPLE:2], first[1:_SAMPLE:2]
    if len(odd) > 1 and b"\0" not in even and 2 * odd.count(0) > len(odd):
        return "utf-16-le"
    if len(odd) > 1 and b"\0" not in odd and 2 * even.count(0) > len(even):
        return "utf-16-be"
    return None


def _line_spans(text: bytes) -> list[Span]:
    found: list[Span] = []
    start = 0
    for line in text.split(b"\n"):
        end = start + len(line)
        found.append((start, end))
        start = end + 1
    if found[-1][0] == found[-1][1]:
        found.pop()
    return found


def _csv_spans(text: bytes) -> list[Span]:
    """Rows: a line end within quotes belongs to its cell (RFC 4180)."""
    if b'"' not in text:
        return _line_spans(text)
    found: list[Span] = []
    lines = text.split(b"\n")
    if not lines[-1]:
        lines.pop()
    start = place = 0
    while place < len(lines):
        line = lines[place]
        end = start + len(line)
        if line.count(b'"') & 1:
            more = _closed(lines, place)
            end += sum(map(len, lines[place + 1 : more + 1])) + more - place
            place = more
        found.append((start, end))
        start = end + 1
        place += 1
    return found


def _closed(lines: Sequence[bytes], place: int) -> int:
    """The line in which the quote that `place` leaves open is closed; `place` itself if it is none near."""
    for other in range(place + 1, min(place + MOST_JOINED, len(lines))):
        if lines[other].count(b'"') & 1:
            return other
    return place


def _csv_end(text: bytes) -> int:
    """A line end outside quotes, looked for from the end."""
    end = text.rfind(b"\n")
    odd = text.count(b'"', 0, max(end, 0)) & 1
    for _ in range(MOST_JOINED):
        if end < 0:
            return 0
        if not odd:
            return end + 1
        before = text.rfind(b"\n", 0, end)
        odd ^= text.count(b'"', max(before, 0), end) & 1
        end = before
    return text.rfind(b"\n") + 1


def _xml_spans(text: bytes) -> list[Span]:
    """`Event` elements; what stands between them (declaration, root element) is no record."""
    found: list[Span] = []
    start = 0
    while match := _OPENING.search(text, start):
        closing = _CLOSING.search(text, match.end())
        again = _OPENING.search(text, match.end(), closing.start() if closing else len(text))
        if again is not None:  # cut off, and the next one begins
            found.append((match.start(), again.start()))
            start = again.start()
            continue
        start = closing.end() if closing else len(text)
        found.append((match.start(), start))
    return found


def _xml_end(text: bytes) -> int:
    at = text.rfind(b"</Event")
    while at >= 0:
        closing = _CLOSING.match(text, at)
        if closing:
            return closing.end()
        at = text.rfind(b"</Event", 0, at)
    return 0


def _ldif_spans(text: bytes) -> list[Span]:
    """Entries, which empty lines part (RFC 2849)."""
    found: list[Span] = []
    start = 0
    for match in _EMPTY_LINES.finditer(text):
        end = match.start()
        found.append((start, end - text.endswith(b"\r", start, end)))
        start = match.end()
    return [*found, (start, len(text))] if start < len(text) else found


def _ldif_end(text: bytes) -> int:
    return max((match.end() for match in _EMPTY_LINES.finditer(text)), default=0)


def _utmp_spans(text: bytes) -> list[Span]:
    """Records of one size; the last may be cut off."""
    return [(start, min(start + UTMP_BYTES, len(text))) for start in range(0, len(text), UTMP_BYTES)]


def _utmp_end(text: bytes) -> int:
    return len(text) - len(text) % UTMP_BYTES


def _json_end(text: bytes) -> int:
    end = text.rfind(b"\n") + 1 if json_lines(text) else 0
    return end or json_end(text)


def _line_end(text: bytes) -> int:
    return text.rfind(b"\n") + 1


_SPANS: dict[str, Callable[[bytes], list[Span]]] = {
    "lines": _line_spans,
    "csv": _csv_spans,
    "json": json_spans,
    "xml": _xml_spans,
    "ldif": _ldif_spans,
    "utmp": _utmp_spans,
    "table": table_spans,
}
_ENDS: dict[str, Callable[[bytes], int]] = {
    "lines": _line_end,
    "csv": _csv_end,
    "json": _json_end,
    "xml": _xml_end,
    "ldif": _ldif_end,
    "utmp": _utmp_end,
    "table": table_end,
}
