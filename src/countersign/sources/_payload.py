"""Families whose records are lines, alone or with syslog around them: where the payload begins, and what is in front.

A record is known by its payload, so that the same message from the device's own download, from a relay's file and from the
archive of a manager is one event, unless only the frame tells when it was. The relay's host and time count only where the
message has none of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from countersign.model.batch import ParseContext
from countersign.sources._base import Source
from countersign.sources._family import NO_FRAME, Family, Layout, Read, source_of
from countersign.sources._flat import Row
from countersign.sources._syslog import Frame, Framer

LOOKED_AT = 20
_LONGEST_FRAME = 512
_NO_MESSAGE = "a line without a message of this kind"
_BEFORE = ' >"|:'
_BLANK = "\ufeff\0 \t\r"


@dataclass(frozen=True, slots=True)
class Payload:
    """How a family's messages begin (any of `starts`), and what reads one into a row; None where it is no such."""

    starts: tuple[str, ...]
    read: Callable[[str], Row | None]

    def find(self, text: str) -> tuple[int, Row] | None:
        """Where the message begins in a line, and its row."""
        if text.startswith(self.starts):
            row = self.read(text)
            return None if row is None else (0, row)
        places = [at for start in self.starts if (at := text.find(start, 1, _LONGEST_FRAME)) > 0]
        places = [at for at in places if text[at - 1] in _BEFORE]
        if not places:
            return None
        at = min(places)
        row = self.read(text[at:])
        return None if row is None else (at, row)


def decoded(raw: bytes) -> str:
    """Text of a line; bytes that are no UTF-8 are replaced."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("utf-8", "replace")


@lru_cache(maxsize=4)
def first_lines(head: bytes) -> tuple[str, ...]:
    """The first lines of a file that have anything in them, for recognition."""
    lines = head.split(b"\n", 4 * LOOKED_AT)
    whole = lines[:-1] if len(lines) > 1 else lines
    texts = (decoded(line).strip(_BLANK) for line in whole)
    return tuple([text for text in texts if text][:LOOKED_AT])


def line_source(family: Family, payload: Payload) -> Source:
    """A family whose records are lines."""

    def read(records: Sequence[bytes], context: ParseContext) -> Iterator[Read]:
        framer = Framer(context)
        times = _times(family)
        for index, record in enumerate(records):
            text = decoded(record).strip(_BLANK)
            if not text:
                continue
            found = payload.find(text)
            if found is None:
                yield index, record, _NO_MESSAGE, NO_FRAME
                continue
            start, row = found
            frame = around(framer.frame(text)) if start else NO_FRAME
            own = text
            if start and not times.isdisjoint(row):
                own = text[start:]
            elif text.isascii() and len(text) == len(record):  # nothing was taken away or replaced
                yield index, record, row, frame
                continue
            yield index, own.encode("utf-8", "surrogatepass"), row, frame

    def rows(head: bytes) -> Sequence[Row]:
        found = (payload.find(text) for text in first_lines(head))
        return [{} if each is None else each[1] for each in found]

    return source_of(family, Layout("lines", read, rows))


def tells_time(family: Family, row: Row) -> bool:
    """Whether a message says itself when it was; one that does not is known with its frame, or the same message an
    hour later would be the same event."""
    return not row.keys().isdisjoint(_times(family))


@lru_cache(maxsize=256)
def _times(family: Family) -> frozenset[str]:
    return frozenset(time.paths[0] for time in family.time)


def around(frame: Frame | None) -> Mapping[str, object]:
    """Columns that a syslog frame gives to the message in it."""
    if frame is None:
        return {"time": None, "time_text": "", "time_basis": "undated", "device.hostname": None}
    return {
        "time": frame.time,
        "time_text": frame.time_text,
        "time_basis": frame.basis,
        "device.hostname": frame.host,
    }
