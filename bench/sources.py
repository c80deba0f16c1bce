"""Records and megabytes a second that each log family reads on one core, framing included; the slowest is named.

The input is each golden file of the family, repeated to a few megabytes as its framing allows, records made distinct where
they have a number or an id in them. Processor time is counted, not the clock. `python bench/sources.py NAME...` reads some only.
"""

from __future__ import annotations

import gc
import re
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from countersign.model.batch import ParseContext
from countersign.model.lean import without_pandas
from countersign.sources import Source, source, sources
from countersign.sources._framing import frame
from countersign.sources._records import UTF16

GOLDEN = Path(__file__).parents[1] / "tests" / "golden"
BYTES = 3 << 20
ROUNDS = 3
LEAST_RECORDS = {"json": 60_000}
LEAST_OTHER = 25_000
LEAST_BYTES = 40_000_000
"""JSON may be slower than its records a second where it reads so many bytes a second."""
_DIGITS = re.compile(rb"\d{7,}(?=[\"',\s])")


def grown(family: Source, raw: bytes) -> bytes:
    """`raw` again and again, each time with other digits in its long numbers, short of the last three."""
    if family.framing == "evtx" or raw.startswith(UTF16):
        return raw
    head = raw[: family.preamble(raw)]
    body = raw[len(head) :]
    body = body if body.endswith(b"\n") else body + b"\n"
    parts = [head, body]
    for turn in range(1, BYTES // len(body)):
        number = b"%04d" % (turn % 10_000)
        parts.append(_DIGITS.sub(lambda found, number=number: found[0][:-7] + number + found[0][-3:], body))
    return b"".join(parts)


def measure(family: Source, raw: bytes) -> tuple[int, int, float]:
    """Records, bytes and seconds of the best of some rounds."""
    now = datetime(2027, 1, 1, tzinfo=UTC)
    where = ParseContext("0" * 64, now, now)
    best, count = float("inf"), 0
    for _ in range(ROUNDS):
        begun = time.process_time()
        records = frame(family.framing, raw)
        family.parse(records, where)
        best = min(best, time.process_time() - begun)
        count = len(records)
    return count, len(raw), best


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
        records, size, seconds = (sum(column) for column in zip(*found, strict=True))
        least = LEAST_RECORDS.get(family.framing, LEAST_OTHER)
        if family.framing == "json":
            least = min(least, LEAST_BYTES * records / size)
        rate = records / seconds
        rates.append((rate / least, family.name))
        print(
            f"{family.name:28} {rate:10,.0f} records/s {size / seconds / 1e6:8.1f} MB/s  {rate / least:5.2f} x the least"
        )
    if rates:
        print(f"slowest for its kind: {min(rates)[1]}")
    return 1 if any(ratio < 1 for ratio, _ in rates) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
