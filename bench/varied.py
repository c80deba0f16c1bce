"""A large table of events for matching, made of real ones: written as Arrow batches to the file that is named.

    .venv/bin/python bench/varied.py events.arrow [--events 500000] [--data ../shared/data]

The captures of windows-json and evtx are parsed once and copied as often as it takes. A copy is of another machine or day:
of the distinct values of each field the copy renews as many as a real host does. That share is measured: the events of
each host in each capture (of at least 2,000 events) are halved in order of time, and the share is that of the second half's
distinct values which the first half does not have. Captures last minutes to weeks, so the share is rather too high.
"""

from __future__ import annotations

import argparse
import io
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from evtx import PyEvtxParser

from countersign.model.batch import ParseContext
from countersign.model.lean import without_pandas
from countersign.sources import source
from countersign.sources._framing import frame

NOW = datetime(2026, 11, 21, tzinfo=UTC)
CONTEXT = ParseContext("0" * 64, NOW, NOW)
BATCH = 65_536
LEAST = 2_000
"""Events of a host in one capture from which on its halves are compared."""
DIGITS = "0123456789"
Span = tuple[int, int]


def read(data: Path) -> Iterator[tuple[str, pa.Table]]:
    """Each capture and its events."""
    family = source("windows.json")
    for path in sorted((data / "windows-json").glob("*.zip")):
        with zipfile.ZipFile(path) as archive:
            lines = frame("lines", archive.read(archive.namelist()[0]))
        for start in range(0, len(lines), BATCH):
            yield path.stem, family.parse(lines[start : start + BATCH], CONTEXT).events
    for path in sorted((data / "evtx").glob("*.zip")):
        with zipfile.ZipFile(path) as archive:
            for info in archive.infolist():
                if info.filename.endswith(".evtx"):
                    yield path.stem, source("windows.evtx").parse(records(archive.read(info)), CONTEXT).events


def records(raw: bytes) -> list[bytes]:
    """The records of an EVTX; some of the files are damaged on purpose."""
    found: list[bytes] = []
    try:
        found.extend(record["data"].encode() for record in PyEvtxParser(io.BytesIO(raw)).records_json())
    except (RuntimeError, OSError) as error:
        print(f"  {error}")
    return found


def ordered(data: Path) -> tuple[pa.Table, list[Span]]:
    """All events by capture, host and time, and where each host's begin and end in it."""
    names, tables = zip(*read(data), strict=True)
    events = pa.concat_tables(tables, promote_options="default")
    captures = [name for name, table in zip(names, tables, strict=True) for _ in range(table.num_rows)]
    keys = pa.table(
        {
            "capture": captures,
            "host": pc.struct_field(events["device"], "hostname"),
            "time": events["time"],
            "row": np.arange(events.num_rows),
        }
    ).sort_by([(name, "ascending") for name in ("capture", "host", "time")])
    both = pc.binary_join_element_wise(keys["capture"], pc.fill_null(keys["host"], ""), "\n").combine_chunks()
    codes = both.dictionary_encode().indices.to_numpy()
    borders = [0, *(np.flatnonzero(np.diff(codes)) + 1).tolist(), len(codes)]
    spans = [(start, stop) for start, stop in pairwise(borders) if stop - start >= LEAST]
    return events.take(keys["row"]).combine_chunks(), spans


def renewed(codes: np.ndarray, spans: Sequence[Span]) -> float:
    """The share of the second halves' distinct values that the first halves have not; codes below 0 are null."""
    fresh = total = 0
    for start, stop in spans:
        middle = (start + stop) // 2
        later = np.unique(codes[middle:stop])
        later = later[later >= 0]
        total += len(later)
        fresh += len(np.setdiff1d(later, codes[start:middle], assume_unique=False))
    return fresh / total if total else 0.0


class Corpus:
    """Real events, and copies of them."""

    def __init__(self, events: pa.Table, spans: Sequence[Span]) -> None:
        self.events = events
        self.shares: dict[str, float] = {}
        self._columns: dict[str, tuple[np.ndarray, list[str]]] = {}
        for name in events.column_names:
            if name.startswith("src_") and pa.types.is_string(events[name].type):
                codes, values = coded(events[name].chunk(0))
                self._columns[name] = codes, values
                self.shares[name] = renewed(codes, spans)
        self._map = events["unmapped"].chunk(0)
        self._keys, self._names = coded(self._map.keys)
        codes, texts = coded(self._map.items)
        pairs, self._pairs = np.unique(self._keys * np.int64(len(texts)) + codes, return_inverse=True)
        self._pair_keys = pairs // len(texts)
        self._texts = [texts[code] for code in (pairs % len(texts)).tolist()]
        rows = np.repeat(np.arange(len(self._map)), np.diff(self._map.offsets.to_numpy()))
        for key, name in enumerate(self._names):
            at = np.flatnonzero(self._keys == key)
            held = rows[at]
            own = [(int(np.searchsorted(held, a)), int(np.searchsorted(held, b))) for a, b in spans]
            self.shares[f"unmapped {name}"] = renewed(self._pairs[at], own) if len(at) else 0.0

    def copy(self, number: int) -> pa.Table:
        """The events again, of another machine or day."""
        columns = {
            name: rebuilt(codes, varied(values, self.shares[name], number, name))
            for name, (codes, values) in self._columns.items()
        }
        texts: list[str] = []
        borders = np.searchsorted(self._pair_keys, np.arange(len(self._names) + 1)).tolist()
        for name, (start, stop) in zip(self._names, pairwise(borders), strict=True):
            texts += varied(self._texts[start:stop], self.shares[f"unmapped {name}"], number, name)
        items = rebuilt(self._pairs.astype(np.int32), texts)
        mask = self._map.is_null()
        columns["unmapped"] = pa.MapArray.from_arrays(self._map.offsets, self._map.keys, items, mask=mask)
        return pa.table(
            {name: columns.get(name, self.events[name]) for name in self.events.column_names},
            schema=self.events.schema,
        )


def coded(array: pa.Array) -> tuple[np.ndarray, list[str]]:
    encoded = array.dictionary_encode()
    return encoded.indices.fill_null(-1).to_numpy(), encoded.dictionary.to_pylist()


def rebuilt(codes: np.ndarray, values: Sequence[str]) -> pa.Array:
    indices = pa.array(codes, mask=codes < 0)
    return pa.DictionaryArray.from_arrays(indices, pa.array(values, pa.string())).dictionary_decode()


def varied(values: Sequence[str], share: float, number: int, name: str) -> list[str]:
    """The values, a share of them with other digits, or with a few letters in the middle where they have none."""
    chosen = np.random.default_rng([number, zlib.crc32(name.encode())]).random(len(values)) < share
    turn = str.maketrans(DIGITS, DIGITS[number % 10 :] + DIGITS[: number % 10])
    out = []
    for value, new in zip(values, chosen.tolist(), strict=True):
        other = value.translate(turn) if new else value
        if new and (other == value or number > 9):
            other = f"{other[: len(other) // 2]}{number:x}{other[len(other) // 2 :]}"
        out.append(other)
    return out


def report(shares: Mapping[str, float]) -> None:
    print("share of distinct values that are new in the second half of a host's events:")
    for field in (
        "Image",
        "CommandLine",
        "TargetObject",
        "TargetFilename",
        "CallTrace",
        "ProcessGuid",
        "UtcTime",
    ):
        name = f"src_{field.lower()}"
        share = shares.get(name, shares.get(f"unmapped {field}"))
        print(f"  {field:16} {share:6.1%}" if share is not None else f"  {field:16} is not there")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--events", type=int, default=500_000)
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[1].parent / "shared" / "data")
    options = parser.parse_args()
    without_pandas()
    corpus = Corpus(*ordered(options.data))
    report(corpus.shares)
    written = number = 0
    with pa.OSFile(str(options.file), "wb") as out, pa.ipc.new_file(out, corpus.events.schema) as writer:
        while written < options.events:
            table = corpus.copy(number) if number else corpus.events
            writer.write_table(table, max_chunksize=BATCH)
            written += table.num_rows
            number += 1
    print(f"{written:,} events, {corpus.events.num_rows:,} of them as they came, {number - 1} copies")


if __name__ == "__main__":
    main()
