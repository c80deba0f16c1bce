"""How long collecting a large EVTX takes, against rendering and parsing it in one process, in the same run.

    .venv/bin/python bench/collect.py [--megabytes 200] [--records 2000000] [--data ../shared/data]

The file is made of the chunks of real logs; each copy of them gets another computer's name of the same length, so
that no record is met twice. Printed: the ratio (the limit is 3, the aim 2), peak memory of all processes (the limit
is 1 GB), and how archive and lake compare with the EVTX in size.
"""

from __future__ import annotations

import argparse
import os
import struct
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

HEADER, CHUNK = 4096, 65_536
LOGS = ("win10-workstation-benign.zip", "win10-aptsimulator.zip")
NAMES = ("DESKTOP-GNCCVRK", "DESKTOP-TMKU40H", "WIN-C89CFTIHC0I", "WIN-28GFHAGEV4P")
"""The computers that wrote these logs."""


def chunks_of(folder: Path) -> tuple[bytes, list[bytes]]:
    """A file header, and all chunks with records of the logs' larger files."""
    header, chunks = b"", []
    for log in LOGS:
        with zipfile.ZipFile(folder / "evtx" / log) as archive:
            for info in archive.infolist():
                if info.filename.endswith(".evtx") and info.file_size > 1_000_000:
                    data = archive.read(info)
                    header = header or data[:HEADER]
                    chunks += [
                        data[at : at + CHUNK]
                        for at in range(HEADER, len(data) - CHUNK + 1, CHUNK)
                        if data.startswith(b"ElfChnk\0", at)
                    ]
    return header, chunks


def copies(chunks: list[bytes]) -> Iterator[bytes]:
    """The chunks again and again, each time of other computers."""
    number = 0
    while True:
        for chunk in chunks:
            for letter, name in zip("ABCD", NAMES, strict=True):
                chunk = chunk.replace(  # noqa: PLW2901 -- one computer after the other
                    name.encode("utf-16-le"), f"HOST{number:010}{letter}".encode("utf-16-le")
                )
            yield sealed(chunk)
        number += 1


def sealed(chunk: bytes) -> bytes:
    """The chunk with the checksums its bytes have now."""
    data = bytearray(chunk)
    (free,) = struct.unpack_from("<I", data, 48)
    struct.pack_into("<I", data, 52, zlib.crc32(data[512:free]))
    struct.pack_into("<I", data, 124, zlib.crc32(data[:120] + data[128:512]))
    return bytes(data)


def parse_only(path: Path, threads: int) -> tuple[int, float, float]:
    """Records, seconds, and the processor's seconds."""
    import orjson
    from evtx import PyEvtxParser

    started, busy, count = time.perf_counter(), time.process_time(), 0
    for record in PyEvtxParser(str(path), number_of_threads=threads).records_json():
        orjson.loads(record["data"])
        count += 1
    return count, time.perf_counter() - started, time.process_time() - busy


def resident(root: int) -> int:
    """Bytes of memory that a process and its descendants hold, pages that they share counted once."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            children.setdefault(int(fields[1]), []).append(int(entry.name))
    total, open_ = 0, [root]
    while open_:
        pid = open_.pop()
        open_ += children.get(pid, [])
        try:
            rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
            total += int(rollup.partition("\nPss:")[2].split()[0]) << 10
        except (OSError, IndexError, ValueError):
            continue
    return total


def run(arguments: list[str]) -> tuple[str, float, int]:
    """A subprocess's output, the processor's seconds and peak memory with all its children."""
    started, peak = sum(os.times()[2:4]), 0
    process = subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True)
    done = threading.Event()

    def watch() -> None:
        nonlocal peak
        while not done.wait(0.1):
            peak = max(peak, resident(process.pid))

    watcher = threading.Thread(target=watch)
    watcher.start()
    output, _ = process.communicate()
    done.set()
    watcher.join()
    if process.returncode:
        raise SystemExit(f"{arguments} ended with {process.returncode}")
    return output, sum(os.times()[2:4]) - started, peak


COLLECT = """
import sys, time
from countersign.model.lean import lean
lean()  # as the command does
from multiprocessing import forkserver
from pathlib import Path
from countersign.app.workspace import Workspace
from countersign.app.collect import collect
if __name__ == "__main__":
    summary = collect(Workspace.create(Path(sys.argv[1])), [sys.argv[2]])
    print(summary.records, summary.new_events, summary.rejected, summary.seconds)
    forkserver._forkserver._stop()  # waited for, its workers' time is counted
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=200)
    parser.add_argument("--records", type=int, default=0, help="at least so many records instead")
    default = Path(__file__).parents[1].parent / "shared" / "data"
    parser.add_argument("--data", type=Path, default=default)
    options = parser.parse_args()
    if not options.data.is_dir():
        raise SystemExit(f"{options.data} is not here; nothing to measure")
    with tempfile.TemporaryDirectory() as folder:
        path, script = Path(folder) / "big.evtx", Path(folder) / "run.py"
        make(path, options.data, options.megabytes << 20, options.records)
        script.write_text(COLLECT)
        measure(path, script, Path(folder) / "ward")


def make(path: Path, data: Path, size: int, records: int) -> None:
    header, chunks = chunks_of(data)
    with path.open("wb") as file:
        file.write(header)
        made = 0
        for chunk in copies(chunks):
            file.write(chunk)
            first, last = struct.unpack_from("<QQ", chunk, 8)
            made += last - first + 1
            if file.tell() >= size if not records else made >= records:
                break


def measure(path: Path, script: Path, ward: Path) -> None:
    size = path.stat().st_size
    count, single, single_busy = parse_only(path, 1)
    _, double, _ = parse_only(path, 2)
    output, busy, peak = run([sys.executable, str(script), str(ward), str(path)])
    found, new, rejected, seconds = output.split()
    taken = float(seconds)
    kept = {
        name: sum(f.stat().st_size for f in (ward / name).rglob("*") if f.is_file())
        for name in ("archive", "lake")
    }
    print(f"file           {size / 1e6:9.1f} MB, {count:,} records")
    print(
        f"parse only     {single:9.2f} s  ({count / single:,.0f} records/s; {double:.2f} s with two threads)"
    )
    print(f"collect        {taken:9.2f} s  ({count / taken:,.0f} records/s)")
    print(f"  records {found}, new events {new}, rejected {rejected}")
    print(
        f"ratio          {taken / single:9.2f}    (limit 3, aim 2; {taken / double:.2f} against two threads)"
    )
    even = busy / single_busy / 2
    print(
        f"processor      {busy:9.2f} s, parse only {single_busy:.2f} s: {even:.2f} if two idle cores shared it evenly"
    )
    print(f"peak memory    {peak / 1e6:9.1f} MB (limit 1000, all processes)")
    print(
        f"archive + lake {sum(kept.values()) / 1e6:9.1f} MB = {sum(kept.values()) / size:.2f} of the file ({kept})"
    )


if __name__ == "__main__":
    main()
