"""The benchmark of stitching: how it takes a day out of an estate, and what it says of growth."""

from __future__ import annotations

import gzip
import importlib.util
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from countersign.app.range import shipped
from countersign.range import RangeSpec, load_spec

FRIDAY = date(2026, 3, 6)


@pytest.fixture(scope="module")
def bench() -> Iterator[ModuleType]:
    path = Path(__file__).parents[3] / "bench" / "stitching.py"
    spec = importlib.util.spec_from_file_location("bench_stitching", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["bench_stitching"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    yield module
    del sys.modules["bench_stitching"]


def texts(folder: Path) -> dict[str, str]:
    """Every log below `folder`."""
    return {
        path.relative_to(folder).as_posix(): (
            gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        ).decode()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.parts[len(folder.parts)] not in {"truth", "agreements"}
    }


def test_a_day_is_taken_out_of_every_log(bench: ModuleType, tmp_path: Path) -> None:
    made, day = tmp_path / "range", tmp_path / "day"
    logs = {
        "linux/auth.log": ("Mar  5 23:59:59 lnx01 late\n", "Mar  6 00:00:01 lnx01 early\n"),
        "gateways/asa.log.1": ("Mar 05 2026 10:00:00 a\n", "Mar 06 2026 10:00:00 b\n"),
        "windows/WS1.jsonl.gz": ('{"@timestamp":"2026-03-05T10"}\n', '{"@timestamp":"2026-03-06T10"}\n'),
        "zeek/2026-03-05/conn.log": ("1772700000 until 2026-03-06\n", ""),
        "zeek/2026-03-06/conn.log": ("", "1772800000 since 2026-03-05\n"),
        "cloud/2026/03/06/trail.json.gz": ("", '{"Records":[]}'),
    }
    for name, parts in logs.items():
        path = made / name
        path.parent.mkdir(parents=True, exist_ok=True)
        text = "".join(parts).encode()
        path.write_bytes(gzip.compress(text) if path.suffix == ".gz" else text)
    for folder in ("truth", "agreements"):
        (made / folder).mkdir()
        (made / folder / "kept.txt").write_text(FRIDAY.isoformat())
    bench.take_out(made, FRIDAY, day)
    assert texts(made) == {name: before for name, (before, _) in logs.items() if before}
    assert texts(day) == {name: of_day for name, (_, of_day) in logs.items() if of_day}
    for folder in (made, day):
        assert (folder / "truth" / "kept.txt").read_text() == FRIDAY.isoformat()


@pytest.mark.parametrize(
    ("days", "holidays", "last"),
    [(5, (), FRIDAY), (7, (), FRIDAY), (7, (FRIDAY,), date(2026, 3, 5)), (8, (), date(2026, 3, 9))],
)
def test_the_last_working_day(bench: ModuleType, days: int, holidays: tuple[date, ...], last: date) -> None:
    assert bench.last_working_day(date(2026, 3, 2), days, holidays) == last


def measured(bench: ModuleType, records: int, processor: float, day: str = "same") -> Any:
    cold = bench.Stitched(9.0, processor, 512.4, 7, "same")
    return bench.Measured("x", records, cold, bench.Stitched(1.0, processor / 30, 1.0, 7, day), cold)


@pytest.mark.parametrize(("processor", "exponent"), [(20.0, "1.00"), (40.0, "2.00"), (10.0, "0.00")])
def test_growth_is_the_exponent_against_the_smallest(
    bench: ModuleType, processor: float, exponent: str
) -> None:
    first, second = measured(bench, 1_000_000, 10.0), measured(bench, 2_000_000, processor)
    row = dict(zip(bench.HEAD, second.row(first), strict=True))
    assert row["growth"] == exponent
    assert row["share"] == "0.033"
    assert row["us/record"] == f"{processor / 2:.1f}"
    assert dict(zip(bench.HEAD, first.row(first), strict=True))["growth"] == ""
    assert second.same
    assert not measured(bench, 1, 1.0, "other").same


def test_what_makes_work_is_in_proportion_to_hosts(bench: ModuleType) -> None:
    office = load_spec(shipped("ranges", "office"))
    assert isinstance(office, RangeSpec)
    small = bench.scaled(office, 200, 5)
    people = [one.people for one in small.providers]
    assert (small.hosts, small.days, small.guests) == (200, 5, 150)
    assert people == [3, 1, 2, 1]
    assert bench.scaled(office, office.hosts, office.days) == office
