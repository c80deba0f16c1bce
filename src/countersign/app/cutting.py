"""Cutting a stream into segments: the runs of bytes that are sealed, and later parsed, as one.

Text is cut at line ends, always at the same places from the start of a file, so that equal files give equal
segments; a known beginning is passed over, whatever the file's name (docs/collect.md has the rules). Rows,
documents and elements are cut between records wherever line ends may stand within one. EVTX is cut by its chunks (`_cutting_evtx`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator

from countersign.app._cut import Cut, Window, lineage_of
from countersign.app._cutting_evtx import EvtxCutting
from countersign.app._streams import Peeked
from countersign.app.known import Known, Piece
from countersign.sources import HEAD_BYTES, Source
from countersign.sources._records import UTF16, record_end, spans

SEGMENT_BYTES = 4 << 20
"""What one segment holds at most, one long line apart: large enough to compress, small enough for a worker."""
SEGMENT_LINES = 100_000
"""A worker holds a segment's records as Python objects: very short lines are cut sooner."""
MAX_RECORD = 16 << 20
"""A longer line is sealed in pieces of this size and counted as rejected. No log family has such records."""
TOGETHER = 65_536
"""Lines that are told together stand no further apart than this."""
_OPENING = {"json": b"{", "xml": b"<Event"}
"""Without one of these there is no record in what follows the last."""

Recall = Callable[[str], bytes | None]
"""The bytes of a sealed segment, None where they cannot be had."""


def _forgotten(digest: str) -> None:
    del digest


class Cutting:
    """One stream being cut: iterate over it once. Afterwards `damage` says what is wrong with it, and `passed`
    how many bytes were known."""

    def __init__(
        self,
        stream: Peeked,
        source: Source,
        known: Known,
        origin: str,
        *,
        grows: bool,
        recall: Recall = _forgotten,
    ) -> None:
        self._stream = stream
        self._source = source
        self._known = known
        self._origin = origin
        self._grows = grows
        self._recall = recall
        self.passed = 0
        self.damage = ""

    def __iter__(self) -> Iterator[Cut]:
        if self._source.framing == "evtx":
            chunks = EvtxCutting(self._stream, self._source.name, self._known, self._origin)
            yield from chunks.cuts()
            self.passed, self.damage = chunks.passed, chunks.damage
        else:
            text = _Text(
                self._stream, self._source, self._known, self._origin, grows=self._grows, recall=self._recall
            )
            yield from text.cuts()
            self.passed = text.passed
        self.damage = self.damage or self._stream.damage


class _Text:
    """A text file from its start to its end: known segments are passed, the rest is cut."""

    def __init__(
        self, stream: Peeked, source: Source, known: Known, origin: str, *, grows: bool, recall: Recall
    ) -> None:
        self._recall = recall
        self._window = Window(stream)
        self._source = source
        self._known = known
        self._origin = origin
        self._grows = grows
        self._framing = source.framing
        self._plain = source.framing == "lines"  # every line end ends a record
        self._preamble = b""
        self._head = ""
        self._lineage = ""
        self._offset = 0
        self._inside = False  # a line longer than MAX_RECORD
        self._replaces: list[str] = []
        self.passed = 0

    def cuts(self) -> Iterator[Cut]:
        self._begin()
        while self._window.fill(1):
            length = self._pass()
            if length:
                self.passed += length
                self._advance(length)
                continue
            length, fragment = self._length()
            cut = self._cut(length, fragment=fragment)
            self._advance(length)
            if cut is not None:
                yield cut
            else:
                self.passed += length

    def _begin(self) -> None:
        """The file's preamble and its head: the digest of its first record, with the preamble before it."""
        self._window.fill(HEAD_BYTES)
        start = self._window.view(HEAD_BYTES)
        self._plain = self._plain and not start.startswith(UTF16)
        length = min(self._source.preamble(start), len(start))
        self._preamble = start[:length]
        end = start.find(b"\n", length) if self._plain else self._first(start, length)
        first = start if end < 0 else start[:end]
        self._head = hashlib.sha256(first).hexdigest()
        for size, heads in self._known.openings().items():
            if size < len(first) and hashlib.sha256(first[:size]).hexdigest() in heads:
                opening = hashlib.sha256(first[:size]).hexdigest()
                pieces = self._known.after(self._origin, opening, 0, self._source.name)
                self._replaces += [piece.digest for piece in pieces if piece.size == size]

    def _first(self, start: bytes, preamble: int) -> int:
        """Where the first record ends; -1 if it is longer than the start of the file."""
        ends = (end for _, end in spans(self._framing, start) if preamble < end < len(start))
        return next(ends, -1)

    def _prefix(self) -> bytes:
        return self._preamble if self._offset else b""

    def _pass(self) -> int:
        """Length of the longest known segment that stands here, 0 where there is none."""
        best = 0
        prefix = self._prefix()
        pieces = sorted(self._siblings(), key=lambda piece: piece.size)
        hasher, hashed = hashlib.sha256(prefix), 0
        halves = []
        for piece in pieces:
            length = piece.size - len(prefix)
            if length <= 0 or not self._window.fill(length):
                continue
            hasher.update(self._window.view(length, hashed))
            hashed = length
            if hasher.hexdigest() != piece.digest:
                continue
            whole = self._whole(length)
            if whole:
                best, self._lineage = whole, piece.lineage
            else:
                halves += [piece.digest, *self._behind(length)]
        if not best:
            best = self._older(pieces)
        if not best:
            self._replaces += halves
        return best

    def _behind(self, length: int) -> list[str]:
        """Known segments that stand one after the other behind the next `length` bytes, which will be cut anew."""
        found: list[str] = []
        while self._source.together is not None:
            start = length
            for piece in self._siblings(length):
                end = start + piece.size - len(self._preamble)
                if end > start and self._window.fill(end):
                    raw = self._preamble + self._window.view(end, start)
                    if hashlib.sha256(raw).hexdigest() == piece.digest:
                        found.append(piece.digest)
                        length = max(length, end)
            if length == start:
                break
        return found

    def _siblings(self, ahead: int = 0) -> list[Piece]:
        """What is sealed of files that begin alike, from here on or so many bytes ahead."""
        return self._known.after(self._origin, self._head, self._offset + ahead, self._source.name)

    def _older(self, pieces: list[Piece]) -> int:
        """Length of all that is left, if this is an older copy of a known file: it ends within a known segment."""
        prefix, left = self._prefix(), len(self._window)
        longer = [piece for piece in pieces if piece.size - len(prefix) > left]
        if not longer or self._window.fill(left + 1):
            return 0
        for piece in longer:
            raw = self._recall(piece.digest)
            if raw is not None and raw.startswith(prefix + self._window.view(left)):
                return left
        return 0

    def _whole(self, length: int) -> int:
        """How far a known segment of `length` reaches now: past the line end that it lacked, or 0 if its last
        line goes on and must be read again."""
        if self._window.view(length, length - 1) == b"\n":
            torn = self._plain and self._together(length) != length
            return 0 if torn and self._length() != (length, False) else length
        if length == MAX_RECORD:
            return length
        if not self._plain:
            return length if not self._unfinished(length) or not self._window.fill(length + 1) else 0
        self._window.fill(length + 2)
        after = self._window.view(length + 2, length)
        if not after or after.startswith(b"\n"):
            return length + len(after[:1])
        return length + 2 if after == b"\r\n" else 0

    def _length(self) -> tuple[int, bool]:
        """How long the next segment is, and whether it is part of an overlong line."""
        window = self._window
        if self._inside:
            whole = window.fill(MAX_RECORD)
            end = window.find(b"\n", MAX_RECORD)
            return (end + 1 if end >= 0 else MAX_RECORD if whole else len(window)), True
        if not self._plain:
            return self._between()
        full = window.fill(SEGMENT_BYTES)
        end = window.rfind(b"\n", SEGMENT_BYTES)
        if not full:
            return self._ending(end + 1), False
        if end < 0:
            full = window.fill(MAX_RECORD)
            end = window.find(b"\n", MAX_RECORD)
            if end < 0:
                return (MAX_RECORD, True) if full else (len(window), False)
            return end + 1, False
        return self._together(self._few(end + 1)), False

    def _between(self) -> tuple[int, bool]:
        """As `_length`, where records are more than lines."""
        window = self._window
        full = window.fill(SEGMENT_BYTES)
        if not full:
            size = len(window)
            left = self._unfinished(size)
            return (size - left if left < size and self._grows else size), False
        end = self._end(SEGMENT_BYTES)
        if not end:
            full = window.fill(MAX_RECORD)
            end = self._end(min(MAX_RECORD, len(window)))
        if not end:
            return (MAX_RECORD, True) if full else (len(window), False)
        return end, False

    def _end(self, length: int) -> int:
        """Where the last whole record within the next `length` bytes ends, 0 if there is none."""
        prefix = self._prefix()
        return max(0, record_end(self._framing, prefix + self._window.view(length)) - len(prefix))

    def _unfinished(self, length: int) -> int:
        """How many of the next `length` bytes come after their last whole record and may belong to one."""
        end = self._end(length)
        rest = self._window.view(length, end).replace(b"\0", b"")  # UTF-16
        opening = _OPENING.get(self._framing)
        blank = opening not in rest if opening else not rest.strip()
        return 0 if blank else length - end

    def _ending(self, lines: int) -> int:
        """The last segment: an unfinished line of a file that may grow stands alone, so that little is read
        again. A line that closes a JSON object is finished without its newline."""
        size = len(self._window)
        if lines == size or not lines or not self._grows:
            return self._few(size)
        if self._window.view(size).rstrip().endswith(b"}"):
            return self._few(size)
        return self._few(lines)

    def _few(self, length: int) -> int:
        """`length`, or less where that would be too many lines or would cut a repeated preamble in two."""
        window = self._window
        while window.count(b"\n", length) > SEGMENT_LINES:
            half = window.rfind(b"\n", length // 2)
            length = (window.find(b"\n", length) if half < 0 else half) + 1
        if self._preamble:
            at = self._header_at(length)
            if at > 0 and at + self._source.preamble(window.view(length, at)) >= length:
                return at
        return length

    def _together(self, length: int) -> int:
        """`length`, or the nearest line end before it at which no lines are parted that belong together, as far as
        `TOGETHER` bytes around it tell; `length` if there is none."""
        name_of = self._source.together
        if name_of is None or not self._plain:
            return length
        window, start = self._window, max(0, length - TOGETHER)
        window.fill(length + TOGETHER)
        after = {name_of(line) for line in window.view(length + TOGETHER, length).split(b"\n")} - {None}
        lines = window.view(length, start).split(b"\n")[:-1]
        cut = place = length
        between: set[bytes | None] = set()
        for line in reversed(lines[1:] if start else lines):
            place -= len(line) + 1
            name = name_of(line)
            if name in after:
                cut = place
                after |= between
                between = set()
            elif name is not None:
                between.add(name)
        return cut or length

    def _header_at(self, length: int) -> int:
        """Where the last preamble within the next `length` bytes begins, -1 where there is none."""
        first = self._preamble.split(b"\n", 1)[0] + b"\n"
        at = self._window.rfind(b"\n" + first, length)
        if at >= 0:
            return at + 1
        return 0 if self._window.view(len(first)) == first else -1

    def _cut(self, length: int, *, fragment: bool) -> Cut | None:
        raw = self._prefix() + self._window.view(length)
        digest = hashlib.sha256(raw).hexdigest()
        if self._known.has(digest, self._source.name):
            return None
        siblings = self._siblings()
        forks = any(p.lineage == self._lineage and p.digest not in self._replaces for p in siblings)
        if forks or not self._lineage:
            base = self._lineage or lineage_of(self._source.name, self._origin, self._head)
            self._lineage = lineage_of(base, digest)
        piece = Piece(digest, len(raw), self._lineage, self._source.name)
        self._known.add(self._origin, self._head, self._offset, piece)
        replaces, self._replaces = tuple(self._replaces), []
        return Cut(raw, digest, self._offset, self._head, self._lineage, (), fragment, replaces)

    def _advance(self, length: int) -> None:
        """Go past `length` bytes, and keep the last preamble that stands in them."""
        window = self._window
        self._inside = window.view(length, length - 1) != b"\n" and (self._inside or length == MAX_RECORD)
        at = self._header_at(length) if self._preamble else -1
        if at >= 0:
            head = window.view(min(length, at + HEAD_BYTES), at)
            self._preamble = head[: self._source.preamble(head)] or self._preamble
        window.drop(length)
        self._offset += length
