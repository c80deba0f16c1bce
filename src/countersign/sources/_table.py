"""Tables in text: CSV with a header, W3C `#Fields:` logs, and CSV under a header in prose, read into flat rows.

The header is repeated at the start of every segment, and may come again where files were joined. Cells may hold line
ends and JSON. The separator is the one of comma, semicolon, tab and bar that gives the header most cells.

References: RFC 4180; https://www.w3.org/TR/WD-logfile.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from itertools import compress
from typing import Any

from countersign.model.batch import ParseContext
from countersign.sources._base import Source
from countersign.sources._family import NO_FRAME, Family, Layout, Read, source_of
from countersign.sources._flat import Row
from countersign.sources._json import json_object
from countersign.sources._payload import decoded
from countersign.sources._records import spans

LOOKED_AT = 20
CELL_CHARACTERS = 16 << 20
_SEPARATORS = ",;\t|"
_BEFORE_HEADER = ("sep=", "#TYPE ")
"""What Excel and PowerShell put above a header."""
_BLANK = "\ufeff\0 \t\r\n"
_NO_HEADER = "a row before any header"
_OTHER_CELLS = "a row with more cells than the header names"
_FIELDS = "#Fields:"


def csv_source(family: Family, *, starts: tuple[str, ...] = (), json_cells: tuple[str, ...] = ()) -> Source:
    """A family of CSV rows. `starts` are the beginnings of its header line, where lines in prose may stand before it;
    without them the first line is the header. `json_cells` hold JSON objects, which become objects."""
    return source_of(family, csv_layout(starts, json_cells))


def csv_layout(starts: tuple[str, ...] = (), json_cells: tuple[str, ...] = ()) -> Layout:
    """How CSV is read, for `csv_source`."""
    table = Csv(starts, json_cells)
    return Layout("csv", table.read, table.rows, table.preamble)


def fields_source(family: Family) -> Source:
    """A family of W3C extended logs: `#Fields:` names what the rows after it hold, separated by blanks or tabs, or by
    commas, as Exchange writes its own."""
    return source_of(family, Layout("lines", _read_w3c, _w3c_rows, _w3c_preamble))


class Csv:
    """One way of CSV; keeps nothing between segments."""

    def __init__(self, starts: tuple[str, ...], json_cells: tuple[str, ...]) -> None:
        self._starts = starts
        self._json_cells = json_cells

    def preamble(self, head: bytes) -> int:
        """Bytes up to the end of the header line."""
        position = 0
        while position < len(head):
            end = head.find(b"\n", position)
            end = len(head) if end < 0 else end + 1
            if self._is_header(decoded(head[position:end]).strip(_BLANK)):
                return end
            position = end
        return 0

    def _is_header(self, line: str) -> bool:
        if self._starts:
            return line.strip('"').startswith(self._starts)
        return bool(line) and not line.startswith(_BEFORE_HEADER)

    def read(self, records: Sequence[bytes], context: ParseContext) -> Iterator[Read]:
        """Rows of CSV records, the header first."""
        del context
        header: tuple[str, ...] = ()
        line = ""
        cells_of = reader(",")
        for index, raw in enumerate(records):
            text = decoded(raw).strip(_BLANK[:-1] if header else _BLANK)
            if text == line or not text or text.isspace():
                continue
            if self._is_header(text) if self._starts else not header:
                if text.startswith(_BEFORE_HEADER):
                    continue
                line, cells_of = text, reader(_separator(text))
                header = _named(cells_of(text))
                continue
            if not header:  # prose
                continue
            cells = cells_of(text)
            if len(cells) > len(header) and any(cells[len(header) :]):
                yield index, raw, _OTHER_CELLS, NO_FRAME
                continue
            yield index, raw, self._row(header, cells), NO_FRAME

    def _row(self, header: Sequence[str], cells: Sequence[str]) -> Row:
        row: dict[str, Any] = dict(compress(zip(header, cells, strict=False), cells))
        for name in self._json_cells:
            cell = row.get(name)
            if cell and (found := json_object(cell.encode("utf-8", "replace"))) is not None:
                row[name] = found
        return row

    def rows(self, head: bytes) -> Sequence[Row]:
        """Rows of the start of a file; of a header alone one row that has all its names."""
        if self._starts and not any(start.encode() in head for start in self._starts):
            return ()
        return _csv_rows(self, head)


@lru_cache(maxsize=32)
def _csv_rows(table: Csv, head: bytes) -> Sequence[Row]:
    if head[:1] in {b"{", b"[", b"<", b"#"} and not head.startswith(b"#TYPE "):
        return ()
    length = table.preamble(head)
    header = decoded(head[:length]).strip(_BLANK).split("\n")[-1].strip()
    names = _named(_cells(header, _separator(header)))
    if len(names) < 2:
        return ()
    records = [
        head[start:end] for start, end in spans("csv", head)[: LOOKED_AT + head.count(b"\n", 0, length)]
    ]
    rows = [row for _, _, row, _ in table.read(records, _NO_CONTEXT) if isinstance(row, dict)]
    whole = dict.fromkeys(names, "")
    return [whole | row for row in rows] or [whole]


_NO_CONTEXT: Any = None
"""Reading rows asks nothing of it."""


@lru_cache(maxsize=256)
def _separator(line: str) -> str:
    return max(_SEPARATORS, key=line.count)


def reader(separator: str) -> Callable[[str], list[str]]:
    """What gives the cells of one record after another; a quote left open ends with its record."""
    csv.field_size_limit(CELL_CHARACTERS)
    waiting: list[str] = []
    rows = csv.reader(iter(waiting.pop, None), delimiter=separator)

    def cells(text: str) -> list[str]:
        if '"' not in text:
            return text.split(separator)
        waiting.append(text)
        try:
            return next(rows)
        except IndexError:  # it asked for more than this record
            return _alone(text, separator)
        except csv.Error:
            return text.split(separator)

    return cells


def _alone(text: str, separator: str) -> list[str]:
    try:
        return next(csv.reader([text], delimiter=separator), [])
    except csv.Error:
        return text.split(separator)


def _cells(text: str, separator: str) -> list[str]:
    """The cells of one record."""
    return reader(separator)(text)


def _named(cells: Sequence[str]) -> tuple[str, ...]:
    return tuple(cell.strip(_BLANK + '"') for cell in cells)


def _read_w3c(records: Sequence[bytes], context: ParseContext) -> Iterator[Read]:
    del context
    header: tuple[str, ...] = ()
    commas = False
    comma_cells = reader(",")
    for index, raw in enumerate(records):
        text = decoded(raw).strip(_BLANK)
        if text.startswith("#"):
            if text.startswith(_FIELDS):
                header = _field_names(text)
                commas = "," in text
            continue
        if not text:
            continue
        cells = comma_cells(text) if commas else text.split("\t") if "\t" in text else text.split()
        if not header:
            yield index, raw, _NO_HEADER, NO_FRAME
        elif len(cells) > len(header):
            yield index, raw, _OTHER_CELLS, NO_FRAME
        else:
            yield index, raw, dict(zip(header, cells, strict=False)), NO_FRAME


def _field_names(line: str) -> tuple[str, ...]:
    names = line[len(_FIELDS) :]
    return tuple(name.strip() for name in names.split(",")) if "," in names else tuple(names.split())


@lru_cache(maxsize=4)
def _w3c_rows(head: bytes) -> Sequence[Row]:
    if b"#Fields:" not in head or not head.lstrip(b"\xef\xbb\xbf").startswith(b"#"):
        return ()
    lines = head.split(b"\n", 4 * LOOKED_AT)[: 4 * LOOKED_AT]
    header = next(decoded(line) for line in lines if line.lstrip(b"\xef\xbb\xbf").startswith(b"#Fields:"))
    whole = dict.fromkeys(_field_names(header.strip(_BLANK)), "")
    rows = [row for _, _, row, _ in _read_w3c(lines, _NO_CONTEXT) if isinstance(row, dict)]
    return [whole | row for row in rows] or [whole]


def _w3c_preamble(head: bytes) -> int:
    position = 3 if head.startswith(b"\xef\xbb\xbf") else 0
    while head.startswith(b"#", position):
        end = head.find(b"\n", position)
        if end < 0:
            break
        position = end + 1
    return position
