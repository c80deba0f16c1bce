"""Records and megabytes a second that each log family reads on one core, framing included; the slowest is named.

The input is each golden file of the family, repeated to a few megabytes as its framing allows, each time with other ids,
long numbers, minutes and seconds: records that are all alike are one event, and cost less than they should. Where more than a
tenth is alike nevertheless, it is said. Processor time is counted, not the clock. `python bench/sources.py NAME...` reads some only.
"""

from __future__ import annotations

import gc
import re
import sys
import time
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from countersign.model.batch import ParseContext
from countersign.model.lean import without_pandas
from countersign.sources import Source, source, sources
from countersign.sources._framing import frame
from countersign.sources._json_whole import array_spans
from countersign.sources._records import UTF16

GOLDEN = Path(__file__).parents[1] / "tests" / "golden"
BYTES = 3 << 20
ROUNDS = 3
LEAST_RECORDS = {"json": 60_000, "table": 60_000}
JSON_LINES = frozenset({"windows.json", "journald"})
"""Families that are JSON, cut at line ends."""
LEAST_OTHER = 25_000
LEAST_BYTES = 40_000_000
"""JSON may be slower than its records a second where it reads so many bytes a second."""
_DISTINCT = re.compile(
    rb"(?P<clock>(?<=[T :]\d\d:)[0-5]\d:[0-5]\d(?!\d))|(?P<id>(?<=-)[0-9a-fA-F]{12}(?=[\"',\s\\]))|(?P<number>\d{7,}(?=[\"',\s]))"
)
"""What makes a record another one: the clock, the last part of a UUID, a long number."""
MOST_ALIKE = 0.1


def grown(family: Source, raw: bytes) -> bytes:
    """`raw` again and again, each time with other ids and times."""
    if family.framing == "evtx" or raw.startswith(UTF16):
        return raw
    head, body, between, tail = _parts(family, raw)
    turns = (_DISTINCT.sub(partial(_other, turn), body) for turn in range(1, BYTES // len(body)))
    return b"".join([head, between.join([body, *turns]), tail])


def _parts(family: Source, raw: bytes) -> tuple[bytes, bytes, bytes, bytes]:
    """What stands before the records, the records, what stands between them and after them."""
    spans = array_spans(raw, 0, len(raw)) if family.framing == "json" else None
    if spans:  # one page of an interface has hundreds of records, a file in a storage account thousands
        start, end = spans[0][0], spans[-1][1]
        return raw[:start], raw[start:end], b",", raw[end:]
    start = family.preamble(raw)
    return raw[:start], raw[start:].removesuffix(b"\n"), b"\n", b"\n"


def _other(turn: int, found: re.Match[bytes]) -> bytes:
    text, number = found[0], b"%04d" % (turn % 10_000)
    before = found.string[max(found.start() - 40, 0) : found.start()].lower()
    if found.lastgroup == "id" and b"guid" in before:
        return text  # what wrote the record, the same in all of its records
    if (
        found.lastgroup == "number"
        and b"keywords" in before
        and b"," not in before.rpartition(b"keywords")[2]
    ):
        return text  # bits that say what kind of record it is
    if found.lastgroup == "clock":
        return b"%02d:%02d" % (turn // 60 % 60, turn % 60)
    return number + text[4:] if found.lastgroup == "id" else text[:-7] + number + text[-3:]


def measure(family: Source, raw: bytes) -> tuple[int, int, float, int]:
    """Records, bytes and seconds of the best of some rounds, and how many records are the same event as another."""
    now = datetime(2027, 1, 1, tzinfo=UTC)
    where = ParseContext("0" * 64, now, now)
    best, count, alike = float("inf"), 0, 0
    for _ in range(ROUNDS):
        begun = time.process_time()
        records = frame(family.framing, raw)
        parsed = family.parse(records, where)
        best = min(best, time.process_time() - begun)
        count, alike = len(records), parsed.duplicates
    return count, len(raw), best, alike


def main(names: list[str]) -> int:
    without_pandas()
    gc.disable()  # as in the workers of a collection
    rates: list[tuple[float, str]] = []
    for family in [source(name) for name in names] or sources():
        cases = [grown(family, path.read_bytes()) for path in sorted((GOLDEN / family.name).glob("*.raw"))]
        found = [measure(family, raw) for raw in cases if len(raw) > BYTES // 2]
        if not found:
            print(f"{family.name:28} its golden files are too small to be measured")
            continue
        records, size, seconds, alike = (sum(column) for column in zip(*found, strict=True))
        framing = "json" if family.name in JSON_LINES else family.framing
        least = LEAST_RECORDS.get(framing, LEAST_OTHER)
        if framing in LEAST_RECORDS:
            least = min(least, LEAST_BYTES * records / size)
        rate = records / seconds
        rates.append((rate / least, family.name))
        note = f"  ({alike / records:.0%} are like another)" if alike > records * MOST_ALIKE else ""
        print(
            f"{family.name:28} {rate:10,.0f} records/s {size / seconds / 1e6:8.1f} MB/s  {rate / least:5.2f} x the least{note}"
        )
    if rates:
        print(f"slowest for its kind: {min(rates)[1]}")
    return 1 if any(ratio < 1 for ratio, _ in rates) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
