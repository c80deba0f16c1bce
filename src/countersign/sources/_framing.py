"""Sealed bytes into records, the way a log family is framed.

`lines`: one record a line, as bytes, whatever is in them. `csv`: one a row, line ends within quotes included.
`json`: one an object, in lines, arrays and envelopes (see `_json_records`). `xml`: one an `Event` element. `ldif`: entries between empty lines. `utmp`: one each
384 bytes. `table`: one a row of a table in JSON (see `_json_table`). `evtx`: one
record for each event of the chunks, rendered to JSON. Framing is a function of the bytes alone: the same segment
gives the same records for as long as `parser_version` is the same.

References: MS-EVEN6 section 2.2.12 (BinXML),
https://github.com/libyal/libevtx/blob/main/documentation/Windows%20XML%20Event%20Log%20(EVTX).asciidoc.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from functools import cache
from importlib.metadata import version
from io import BytesIO
from typing import Any

from countersign.sources._base import FRAMINGS
from countersign.sources._records import UTF16, spans

FILE_HEADER_BYTES = 4096
CHUNK_BYTES = 65_536
FILE_MAGIC = b"ElfFile\0"
CHUNK_MAGIC = b"ElfChnk\0"
MAX_CHUNKS = 65_535
"""The chunk count in the file header has 16 bits."""
MAX_RECORDS_IN_CHUNK = 2_700
"""A record takes at least 24 bytes of the chunk's 65,024: what a chunk header announces beyond is a lie."""

_UNREADABLE_RECORD = "a damaged record that the EVTX library could not decode"
_UNREADABLE_CHUNK = "a damaged EVTX chunk: none of its further records could be read"
_UNREADABLE_FILE = "damaged EVTX chunks that the EVTX library could not open"
_NO_CHUNK = "64 KiB of an EVTX file that are no chunk"
_REASONS = {
    b'{"damaged":"%b"}' % reason.encode(): reason
    for reason in (_UNREADABLE_RECORD, _UNREADABLE_CHUNK, _UNREADABLE_FILE, _NO_CHUNK)
}
"""Stand-ins for what could not be read. Rendered events begin `{"Event":`, so they are never taken for one."""
_STAND_INS = {reason: record for record, reason in _REASONS.items()}


def frame(framing: str, segment: bytes) -> list[bytes]:
    """The records of `segment`, in order.

    `lines` splits at LF; a CR before it stays, the last LF ends a record and begins none. Text may be UTF-16
    with its mark at the start of the segment; its records stay in it. `evtx` takes the 4 KiB file header followed by any
    chunks of that file; what is damaged is a record too (see `damage`).
    """
    if framing == "evtx":
        return _evtx(segment)
    if framing not in FRAMINGS:
        raise RuntimeError(f"no framing is called {framing}")
    if framing != "lines" or segment.startswith(UTF16):
        return [segment[start:end] for start, end in spans(framing, segment)]
    records = segment.split(b"\n")
    if not records[-1]:
        records.pop()
    return records


@cache
def parser_version(framing: str) -> str:
    """What made the records, with its version, as the `records` leaf names it."""
    return f"evtx {version('evtx')}" if framing == "evtx" else f"{framing} 1"


def damage(record: bytes) -> str | None:
    """Why this record of an EVTX segment stands in for one that could not be read; None for a real one."""
    return _REASONS.get(record)


def _evtx(segment: bytes) -> list[bytes]:
    chunks: list[bytes] = []
    damaged: list[bytes] = []
    for start in range(FILE_HEADER_BYTES, len(segment), CHUNK_BYTES):
        chunk = segment[start : start + CHUNK_BYTES]
        if chunk.startswith(CHUNK_MAGIC):
            chunks.append(
                chunk.ljust(CHUNK_BYTES, b"\0")
            )  # cut off: what is there may still be whole records
        elif chunk[:8].strip(b"\0"):
            damaged.append(_STAND_INS[_NO_CHUNK])
    records: list[bytes] = []
    for start in range(0, len(chunks), MAX_CHUNKS):
        records += _rendered(chunks[start : start + MAX_CHUNKS])
    return records + damaged


def _rendered(chunks: list[bytes]) -> list[bytes]:
    from evtx import PyEvtxParser

    try:
        content = BytesIO(b"".join([_file_header(len(chunks)), *chunks]))
        iterator: Iterator[Any] = PyEvtxParser(content, number_of_threads=1).records_json()
        records = [record["data"].encode() for record in iterator]
    except BaseException as error:  # noqa: BLE001  # Rust panics are BaseException and have no importable class
        _let_through(error)
        if len(chunks) == 1:
            return _one_chunk(chunks[0])
        return [record for chunk in chunks for record in _rendered([chunk])]
    missing = sum(map(_announced, chunks)) - len(records)
    if missing > 0:
        if len(chunks) > 1:
            return [record for chunk in chunks for record in _rendered([chunk])]
        records += [_STAND_INS[_UNREADABLE_RECORD]] * missing
    return records


def _one_chunk(chunk: bytes) -> list[bytes]:
    """The records of a chunk with damage in it, and a stand-in for each that is damaged."""
    from evtx import PyEvtxParser

    records: list[bytes] = []
    try:
        iterator = PyEvtxParser(BytesIO(_file_header(1) + chunk), number_of_threads=1).records_json()
    except BaseException as error:  # noqa: BLE001  # as above
        _let_through(error)
        return [_STAND_INS[_UNREADABLE_FILE]]
    while len(records) < MAX_RECORDS_IN_CHUNK:
        try:
            records.append(_text(next(iterator)))
        except StopIteration:
            break
        except RuntimeError as error:
            whole_chunk = "Failed to parse chunk" in str(error)
            records.append(_STAND_INS[_UNREADABLE_CHUNK if whole_chunk else _UNREADABLE_RECORD])
        except BaseException as error:  # noqa: BLE001  # as above
            _let_through(error)
            records.append(_STAND_INS[_UNREADABLE_CHUNK])
            break
    missing = _announced(chunk) - len(records)
    return records + [_STAND_INS[_UNREADABLE_RECORD]] * max(0, missing)


def _text(record: Any) -> bytes:  # noqa: ANN401  # the library's dictionary, untyped
    text: str = record["data"]
    return text.encode()


def _let_through(error: BaseException) -> None:
    """Raises what is not the file's fault."""
    if isinstance(error, (KeyboardInterrupt, SystemExit, MemoryError, GeneratorExit)):
        raise error


def _announced(chunk: bytes) -> int:
    """How many records the chunk's header says it has; none where it cannot be true."""
    first, last = struct.unpack_from("<QQ", chunk, 8)
    count = last - first + 1
    return count if 0 < count <= MAX_RECORDS_IN_CHUNK else 0


def _file_header(chunks: int) -> bytes:
    """A file header for this many chunks. The file's own is for another number of them and may be damaged;
    nothing in it but the count changes what is rendered."""
    head = struct.pack("<8sQQQIHHHH", FILE_MAGIC, 0, chunks - 1, 1, 128, 1, 3, FILE_HEADER_BYTES, chunks)
    head = head.ljust(120, b"\0")
    return (head + struct.pack("<II", 0, zlib.crc32(head))).ljust(FILE_HEADER_BYTES, b"\0")
