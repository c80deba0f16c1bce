"""Logs that programs write for themselves: one line an entry, with prose between them (headers, rulers, continued lines).

What `read` makes a row of is a record, what `prose` knows is none, and any other line is rejected.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from countersign.model.batch import ParseContext
from countersign.sources._base import Source
from countersign.sources._family import NO_FRAME, Family, Layout, Read, source_of
from countersign.sources._flat import Row
from countersign.sources._payload import decoded

_LOOKED_AT, _LINES = 20, 400
_BLANK = "\ufeff\0 \t\r"
_UNREAD = "a line of another form than the log's"


def trace_source(family: Family, read: Callable[[str], Row | None], prose: Callable[[str], bool]) -> Source:
    """A family of such a log. Neither function may raise; both get a line without blanks around it."""

    def records(lines: Sequence[bytes], context: ParseContext) -> Iterator[Read]:
        del context
        for index, raw in enumerate(lines):
            text = decoded(raw).strip(_BLANK)
            if text:
                row = read(text)
                yield index, raw, row if row is not None or prose(text) else _UNREAD, NO_FRAME

    def rows(head: bytes) -> Sequence[Row]:
        lines = head.split(b"\n", _LINES)
        texts = [decoded(line).strip(_BLANK) for line in (lines[:-1] if len(lines) > 1 else lines)]
        found: list[Row] = []
        for text in texts:
            if text and ((row := read(text)) is not None or not prose(text)):
                found.append(row or {})
                if len(found) == _LOOKED_AT:
                    break
        return found

    return source_of(family, Layout("lines", records, rows))
