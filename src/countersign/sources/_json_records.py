"""Where the records of JSON text are: lines, documents, arrays, and the envelopes that services wrap records in.

A record is an object that stands by itself, in an array that stands by itself, or in the array of an envelope such as
`{"Records":[...]}` or `{"@odata.context":"...","value":[...]}`. Pretty-printed documents and several documents one
after the other are read, too. The answer depends on the bytes alone, and a run of whole records cut out of a document
(`,{...},{...}]}`) gives the same records: so a large document can be cut between them.

Damage stays where it is: no JSON string goes on over a line end, and a line that is an object by itself begins
anew, whatever was left open before it. What is neither record nor envelope is a record too, for its family to reject.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import orjson

from countersign.sources._json_whole import ENVELOPE, TAIL, Span, array_spans, run_spans, several_spans

_BRACKET = re.compile(rb'(?>[^"{}\[\]]++|"[^"\\\n]*+(?:\\.[^"\\\n]*+)*+(?:"|\n|\\?\Z))*+([{}\[\]])')
_EVEN = re.compile(rb"[\s,]{0,256}+")
_FIRST_KEY = re.compile(rb'\{\s*+"[^"\\]{1,128}+"\s*+:')
_OBJECT, _LINE_END = ord("{"), ord("\n")
_BOM = b"\xef\xbb\xbf"
_PATIENCE = 16
"""So often guessing where a record ends may fail before it is given up."""


def json_spans(text: bytes) -> list[Span]:
    """Start and end of each record, in order."""
    start = len(_BOM) if text.startswith(_BOM) else 0
    found = array_spans(text, start, len(text))
    lines = (found is None or text.find(b"\n", start, -1) >= 0) and json_lines(text)
    if lines:
        return list(_lines(text, start))
    if found is None:
        found = run_spans(text, start, len(text))
    if found is not None:
        return found
    found, start = several_spans(text, start, len(text))
    scan = _Scan(text, start, len(text))
    return [*found, *scan.spans(), *scan.rest()]


def json_lines(text: bytes) -> bool:
    """Whether the first line with anything in it is a whole object or array: then each line is read by itself."""
    start = len(_BOM) if text.startswith(_BOM) else 0
    while start < len(text):
        end = text.find(b"\n", start)
        line = text[start : len(text) if end < 0 else end].strip(b" \t\r\0")
        if line:
            return line[:1] in {b"{", b"["} and _whole(line)
        if end < 0:
            return False
        start = end + 1
    return False


def json_end(text: bytes) -> int:
    """Where the last whole record of a document that goes on ends; 0 if none is whole."""
    scan = _Scan(text, len(_BOM) if text.startswith(_BOM) else 0, len(text))
    return max((end for _, end in scan.spans()), default=0)


def _whole(text: bytes) -> bool:
    try:
        orjson.loads(text)
    except ValueError:
        return False
    return True


def _lines(text: bytes, start: int) -> Iterator[Span]:
    """One record a line, but for lines that are envelopes or arrays."""
    token = b""
    size = len(text)
    while start < size:
        end = text.find(b"\n", start)
        end = size if end < 0 else end
        if token and text.startswith(token, start):
            yield start, end
        elif text[start:end].lstrip()[:1] == b"[" or ENVELOPE.match(text, start, end):
            found = array_spans(text, start, end)
            scan = _Scan(text, start if found is None else end, end)
            yield from found or scan.spans()
            yield from scan.rest()
        else:
            first = _FIRST_KEY.match(text, start, end)
            token = token or (first[0] if first else b"")
            yield start, end
        start = end + 1


class _Scan:
    """Documents read bracket by bracket; where records follow each other evenly, by guessing and proving the guess."""

    def __init__(self, text: bytes, start: int, stop: int) -> None:
        self._text = text
        self._at = start
        self._stop = stop
        self._loose = start  # what is from here on belongs to nothing yet
        self._depth = 0
        self._base = 0  # the depth at which records stand
        self._begun = -1  # where the record that is open began
        self._last: Span | None = None  # the record before it
        self._failed = 0

    def spans(self) -> Iterator[Span]:
        """All records that are finished, or known to be damaged."""
        while match := _BRACKET.match(self._text, self._at, self._stop):
            self._at = match.end()
            if self._text[self._at - 1] in b"{[":
                yield from self._opened(self._at - 1)
            else:
                yield from self._closed(self._at)

    def rest(self) -> Iterator[Span]:
        """After `spans`: what is left at the end."""
        if self._begun >= 0:
            yield self._begun, self._stop
        elif not self._depth:
            yield from self._gap(self._stop)

    def _opened(self, place: int) -> Iterator[Span]:
        if self._begun >= 0:
            if not self._anew(place):
                self._depth += 1
                return
            yield self._begun, place
            self._begun, self._depth, self._base, self._loose = -1, 0, 0, place
        if not self._depth:
            yield from self._gap(place)
        if self._depth == self._base and self._text[place] == _OBJECT:
            envelope = None if self._depth else ENVELOPE.match(self._text, place, self._stop)
            if envelope is not None:
                self._at = envelope.end()
                self._depth = self._base = 3 if envelope[1] else 2
                return
            self._begun = place
            self._depth += 1
            yield from self._guessed()
            return
        if not self._depth:
            self._base = 1
        self._depth += 1

    def _closed(self, end: int) -> Iterator[Span]:
        self._depth = max(0, self._depth - 1)
        if self._begun >= 0 and self._depth == self._base:
            self._last = (self._begun, end)
            self._begun = -1
            yield self._last
        elif self._depth < self._base:
            self._base = 0
        if not self._depth:
            self._loose = end

    def _guessed(self) -> Iterator[Span]:
        """Records that follow as evenly as the last one was followed by this: found by what stands between them,
        and proven by reading each."""
        text, last = self._text, self._last
        token = _FIRST_KEY.match(text, self._begun, self._stop)
        if last is None or token is None or not _EVEN.fullmatch(text, last[1], self._begun):
            return
        between = self._begun - last[1]
        gap = text[last[1] : self._begun]
        follows = b"}" + gap + (b"{" if b"\n" in gap else token[0])
        while self._failed < _PATIENCE:
            end = text.find(follows, self._begun + 1, self._stop) + 1
            if not end or not _whole(text[self._begun : end]):
                self._failed += 1
                break
            self._last = (self._begun, end)
            yield self._last
            self._begun = end + between
        self._at = self._begun + 1

    def _anew(self, place: int) -> bool:
        """Whether an object that is whole on its own line begins here."""
        text = self._text
        if text[place - 1] != _LINE_END or text[place] != _OBJECT:
            return False
        end = text.find(b"\n", place, self._stop)
        return _whole(text[place : self._stop if end < 0 else end])

    def _gap(self, end: int) -> Iterator[Span]:
        """What stands between documents and belongs there no more than a record does."""
        if not TAIL.fullmatch(self._text, self._loose, end):
            yield self._loose, end
        self._loose = end
