"""Whole JSON documents and runs of records, found by a compiled reader where nothing about them is unusual.

Whatever is not (damage, a scalar between records, an object on a line of its own within another) is refused here and read
bracket by bracket with patience (`_json_records`). Both ways give the same spans; a test holds them to it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

Span = tuple[int, int]
_WRAPPERS = (
    b"Records|records|value|Events|items|entries|results|Results|logs|data|authlogs|activities|hits|response"
)
_COMPANIONS = (
    b"@odata\\.[A-Za-z]{1,32}|nextLink|NextToken|nextToken|nextPageToken|next_page_token|kind|etag|stat|status|total|count"
    b"|took|timed_out|metadata|_shards|max_score|next|has_more|cursor|schema|Schema|QueryStatus|lastActivityId"
)
"""What may stand beside the array in an envelope."""
_FLAT = rb'\{[^{}\[\]"]*+(?:"[^"\\]*+"[^{}\[\]"]*+)*+\}'
_SCALAR = (
    rb'(?:"[^"\\]*+(?:\\.[^"\\]*+)*+"|[-+.\w]{1,40}|' + _FLAT + rb"|\[\s*+(?:" + _FLAT + rb"[\s,]*+)*+\])"
)
_BESIDE = rb'(?:"(?:' + _COMPANIONS + rb')"\s*+:\s*+' + _SCALAR + rb"\s*+,\s*+){0,8}"
ENVELOPE = re.compile(
    rb"[ \t]*+\{\s*+" + _BESIDE + rb'(?:"(?:response|hits|data)"\s*+:\s*+(\{)\s*+' + _BESIDE + rb")?"
    rb'"(?:' + _WRAPPERS + rb')"\s*+:\s*+\[(?=\s*+[{\]])'
)
TAIL = re.compile(rb'[\s,\]}\0]*+(?:"(?:' + _COMPANIONS + rb')"\s*+:\s*+' + _SCALAR + rb"[\s,\]}\0]*+)*+")
"""What may follow the array of an envelope, or stand between documents."""

_array = msgspec.json.Decoder(list[msgspec.Raw]).decode
_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_value = msgspec.json.Decoder(msgspec.Raw).decode
_REFUSED = (msgspec.DecodeError, RecursionError)
_ANEW = b"\n{"
"""Before an object on a line of its own, which begins anew what damage has left open."""
_OPENING = b"{"
_BEGIN = re.compile(rb"\n[{\[]")
_ENDING = b" \t\r\n}"
_BETWEEN = b" \t\r\n,"
"""What stands around a run of records cut out of an array."""


def array_spans(text: bytes, start: int, stop: int) -> list[Span] | None:
    """The objects in a document that is an array, or an envelope with one in it; None if it is neither."""
    try:
        found = _found(text[start:stop])
    except _REFUSED:
        return None
    if found is None:
        return None
    raws, at = found
    if any(map(_begins_anew, raws)):
        return None
    spans = _placed(raws, text, start + at)
    return [span for span, raw in zip(spans, raws, strict=True) if raw.startswith(_OPENING)]


def run_spans(text: bytes, start: int, stop: int) -> list[Span] | None:
    """Records with commas between them, as they stand in an array; None if there is anything else."""
    run = text[start:stop].strip(_BETWEEN)
    if not run.startswith(_OPENING):
        return None
    try:
        raws = _elements(b"[%b]" % run)
    except _REFUSED:
        return None
    if any(not raw.startswith(_OPENING) or _begins_anew(raw) or ENVELOPE.match(raw) for raw in raws):
        return None
    return list(_placed(raws, text, start))


def several_spans(text: bytes, start: int, stop: int) -> tuple[list[Span], int]:
    """The records of whole documents that each begin a line, and where what follows them begins."""
    found: list[Span] = []
    while start < stop:
        match = _BEGIN.search(text, start + 1, stop)
        end = match.start() + 1 if match else stop
        spans = array_spans(text, start, end)
        if spans is None:
            spans = _single(text, start, end)
        if spans is None:
            break
        found += spans
        start = end
    return found, start


def _begins_anew(raw: bytes) -> bool:
    return b"\n" in raw and _ANEW in raw  # one byte is found many times as fast as two


def _single(text: bytes, start: int, stop: int) -> list[Span] | None:
    """A document that is a record."""
    try:
        raw = bytes(_value(text[start:stop]))
    except _REFUSED:
        return None
    whole = raw.startswith(_OPENING) and not _begins_anew(raw) and not ENVELOPE.match(raw)
    return list(_placed([raw], text, start)) if whole else None


def _found(document: bytes) -> tuple[list[bytes], int] | None:
    """What is in the array of a document, and where that begins; None if there is none."""
    at = len(document) - len(document.lstrip())
    if document.startswith(b"[", at):
        return _elements(document), 0
    envelope = ENVELOPE.match(document, at)
    if envelope is None:
        return None
    at = envelope.end() - 1
    end = len(document.rstrip(_ENDING))
    if document.count(b"}", end) == (2 if envelope[1] else 1):  # nothing follows the array
        try:
            return _elements(document[at:end]), at
        except _REFUSED:
            pass
    outer = envelope.start(1) if envelope[1] else 0
    array = _member(_member(document, outer) if outer else document, at - outer)
    return (_elements(array), at) if array else None


def _elements(array: bytes) -> list[bytes]:
    return [bytes(raw) for raw in _array(array)]


def _member(holder: bytes, at: int) -> bytes:
    """The value of an object that begins at this place of it."""
    for raw in _members(holder).values():
        value = bytes(raw)
        if value.startswith((b"[", _OPENING)) and holder.startswith(value, at):
            return value
    return b""


def _placed(raws: list[bytes], text: bytes, at: int) -> Iterator[Span]:
    """Where these stand that follow one another from here on."""
    for raw in raws:
        at = text.find(raw[:1], at)  # none of what may stand between them begins a value
        yield at, at + len(raw)
        at += len(raw)
