"""Collecting real EVTX files as they grow, wrap around, and are copied while they are written."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from collecting import Ward
from countersign.app._cutting_evtx import EVTX_CHUNK, EVTX_HEADER

CHUNKS = 6


@pytest.fixture(scope="module")
def evtx(shared_data: Path) -> bytes:
    """Header and first chunks of a real log."""
    with zipfile.ZipFile(shared_data / "evtx" / "win10-workstation-benign.zip") as archive:
        name = next(
            name for name in archive.namelist() if name.endswith("/Security.evtx") or name == "Security.evtx"
        )
        with archive.open(name) as file:
            return file.read(EVTX_HEADER + CHUNKS * EVTX_CHUNK)


def part(evtx: bytes, *numbers: int) -> bytes:
    """The file with these of its chunks, in this order."""
    chunks = (evtx[EVTX_HEADER + EVTX_CHUNK * n : EVTX_HEADER + EVTX_CHUNK * (n + 1)] for n in numbers)
    return evtx[:EVTX_HEADER] + b"".join(chunks)


def test_a_growing_and_circular_log_adds_only_new_records(ward: Ward, logs: Path, evtx: bytes) -> None:
    log = logs / "Security.evtx"
    log.write_bytes(evtx)
    whole = Ward(ward.workspace)
    first = whole.collect(log)
    assert first.rejected == 0
    everything = whole.ids()
    assert len(everything) == first.new_events > 300
    assert whole.collect(log).segments == 0
    for numbers in ((0, 1, 2), (3, 1, 2), (5, 4, 3, 0)):
        log.write_bytes(part(evtx, *numbers))
        assert whole.collect(log).segments == 0
    assert whole.ids() == everything
    whole.sound()


def test_chunks_come_in_any_order_and_company(ward: Ward, logs: Path, evtx: bytes, tmp_path: Path) -> None:
    log = logs / "Security.evtx"
    seen = 0
    for numbers in ((0, 1), (0, 1, 2), (3, 1, 2), (3, 4, 5)):
        log.write_bytes(part(evtx, *numbers) + bytes(EVTX_CHUNK))
        summary = ward.collect(log)
        assert summary.duplicates == 0
        seen += summary.new_events
    other = tmp_path / "once.evtx"
    other.write_bytes(evtx)
    again = ward.collect(other)
    assert (again.new_events, again.segments) == (0, 0)
    assert len(ward.ids()) == seen
    ward.sound()


def test_a_chunk_copied_while_it_filled(ward: Ward, logs: Path, evtx: bytes) -> None:
    log = logs / "Security.evtx"
    half = bytearray(part(evtx, 0, 1))
    half[-20_000:] = bytes(20_000)
    log.write_bytes(half)
    early = ward.collect(log)
    log.write_bytes(part(evtx, 0, 1))
    late = ward.collect(log)
    assert late.rejected == 0
    assert early.new_events > 0
    assert late.segments == 1
    assert len(set(ward.ids())) == len(ward.ids()) == early.new_events + late.new_events


def test_a_truncated_log_is_read_as_far_as_it_goes(ward: Ward, logs: Path, evtx: bytes) -> None:
    (logs / "a.evtx").write_bytes(part(evtx, 0, 1, 2)[:-30_000])
    summary = ward.collect(logs)
    (report,) = summary.files
    assert (report.status, report.reason) == ("damaged", "ends within a chunk of its EVTX")
    assert summary.new_events > 100
    ward.sound()


def test_an_empty_log(ward: Ward, logs: Path, evtx: bytes) -> None:
    (logs / "a.evtx").write_bytes(evtx[:EVTX_HEADER] + bytes(EVTX_CHUNK))
    (report,) = ward.collect(logs).files
    assert (report.status, report.reason) == ("empty", "holds no records")
