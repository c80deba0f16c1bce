"""JSON in all the shapes in which services write it, read into rows.

Bytes that are no UTF-8 are replaced, so that they cannot hide a record.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache, partial
from typing import Any

import orjson

from countersign.model.batch import ParseContext
from countersign.sources._base import Source
from countersign.sources._family import NO_FRAME, Family, Layout, Read, source_of
from countersign.sources._flat import Row
from countersign.sources._json_records import json_spans

NO_OBJECT = "no JSON object"
LOOKED_AT = 20
"""So many records at the start of a file say what it is."""
_EMPTY = b" \t\r\n\0,\xef\xbb\xbf"


def json_object(raw: bytes) -> dict[str, Any] | None:
    """The object in these bytes, None if there is none."""
    try:
        found = orjson.loads(raw)
    except ValueError:
        return _repaired(raw)
    return found if type(found) is dict else None


def _repaired(raw: bytes) -> dict[str, Any] | None:
    cleaned = raw.decode("utf-8", "replace").strip("\ufeff\0 \t\r\n,")
    if len(cleaned) == len(raw) and raw.isascii():  # as it was
        return None
    try:
        found = orjson.loads(cleaned)
    except ValueError:
        return None
    return found if type(found) is dict else None


def read_json(
    records: Sequence[bytes], context: ParseContext, unwrap: Callable[[Row], Row] | None = None
) -> Iterator[Read]:
    """Rows of JSON records; `unwrap` takes each out of what carries it."""
    del context
    loads = orjson.loads
    for index, raw in enumerate(records):
        try:
            row = loads(raw)
        except ValueError:
            row = _repaired(raw)
        if type(row) is dict:
            yield index, raw, row if unwrap is None else unwrap(row), NO_FRAME
        elif raw.strip(_EMPTY):
            yield index, raw, NO_OBJECT, NO_FRAME


@lru_cache(maxsize=4)
def json_rows(head: bytes) -> Sequence[Row]:
    """The first records of a file, for recognition: the same for every family that asks."""
    text = head.lstrip(_EMPTY)
    if text[:1] not in {b"{", b"["}:
        return ()
    spans = json_spans(text)[:LOOKED_AT]
    rows = [row for start, end in spans if (row := json_object(text[start:end])) is not None]
    return rows or _cut_off(text[spans[0][0] :] if spans else text)


def _cut_off(text: bytes) -> Sequence[Row]:
    """A first record that is longer than what one may see: the members that are whole."""
    for _ in range(_ATTEMPTS):
        cut = text.rfind(b",")
        if cut < 0:
            return ()
        text = text[:cut]
        row = json_object(text + b"}")
        if row is not None:
            return (row,)
    return ()


_ATTEMPTS = 64

JSON = Layout("json", read_json, json_rows)


def json_source(family: Family, unwrap: Callable[[Row], Row] | None = None) -> Source:
    """A family whose records are JSON objects; `unwrap` takes each out of what carries it."""
    return source_of(family, JSON if unwrap is None else _unwrapped(unwrap))


def _unwrapped(unwrap: Callable[[Row], Row]) -> Layout:
    return Layout(
        "json", partial(read_json, unwrap=unwrap), lambda head: [unwrap(row) for row in json_rows(head)]
    )
