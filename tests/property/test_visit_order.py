"""However logs are cut into files, in whatever order they come and however often they are reviewed meanwhile, the
visits, with all they say, and findings in the end are those of collecting and reviewing everything at once."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from importlib import resources
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from countersign.app.collect import collect
from countersign.app.results import Results
from countersign.app.review import review
from countersign.app.workspace import Workspace
from countersign.range import generate, load_spec

DAY = "2026-03-05"
"""In the demo estate, the day of two visits at work and of the intrusion at night."""
NOW = datetime(2026, 3, 9, tzinfo=UTC)
FILES = {
    "gateways/asa01.log": "Mar 05 2026",
    "linux/lnx01/auth.log": "Mar  5 08:",
    "windows/JUMP01.jsonl": f"{DAY}T",
    "windows/FILE01.jsonl": f"{DAY}T",
    "windows/DC01.jsonl": f"{DAY}T23:",
    f"zeek/{DAY}/rdp.log": "",
    f"zeek/{DAY}/ssh.log": "",
    f"zeek/{DAY}/conn.log": "",
}
"""File -> what its lines of that day hold; Zeek's files are a day's already."""


PLACES = frozenset({"segment", "record", "leaf", "aliases", "revisions"})


class Log(NamedTuple):
    """A log's header lines, which every piece of it repeats, and its records."""

    header: bytes
    records: Sequence[bytes]


class Outcome(NamedTuple):
    visits: list[dict[str, Any]]
    findings: list[dict[str, Any]]


@cache
def story() -> tuple[Mapping[str, Log], bytes]:
    """The day's logs by name, and the provider's agreement."""
    with (
        tempfile.TemporaryDirectory() as folder,
        resources.as_file(resources.files("countersign").joinpath("content/ranges/demo.yaml")) as spec,
    ):
        root = Path(folder) / "estate"
        generate(load_spec(spec), root, seed=7)
        logs = {}
        for name, mark in FILES.items():
            lines = (root / name).read_bytes().splitlines(keepends=True)
            header = b"".join(
                line for line in lines if line.startswith(b"#") and not line.startswith(b"#close")
            )
            records = [line for line in lines if not line.startswith(b"#") and mark.encode() in line]
            assert len(records) > 1, name
            logs[name] = Log(header, records)
        return logs, (root / "agreements" / "northgate.yaml").read_bytes()


def outcome(batches: Sequence[Sequence[bytes]], reviewed: Sequence[bool]) -> Outcome:
    """What is there after collecting these files batch by batch, with a review after some batches and at the end."""
    with tempfile.TemporaryDirectory() as folder:
        ward = Workspace.create(Path(folder) / "ward")
        (ward.agreements / "northgate.yaml").write_bytes(story()[1])
        for number, (files, look) in enumerate(zip(batches, reviewed, strict=True)):
            paths = [Path(folder) / f"{number:02}-{index:02}.log" for index in range(len(files))]
            for path, content in zip(paths, files, strict=True):
                path.write_bytes(content)
            collect(ward, paths, workers=1, clock=lambda: NOW)
            if look:
                review(ward, now=NOW)
        review(ward, now=NOW)
        results = Results.open(ward)
        visits = results.visits()
        return Outcome(
            sorted((timeless(visit) for visit in visits), key=by_id),
            sorted((timeless(finding) for finding in results.findings()), key=by_id),
        )


def by_id(body: Mapping[str, Any]) -> str:
    return str(body["id"])


def timeless(body: Any, name: str = "") -> Any:
    """A document without what depends on the cutting into files (segment, record number, ledger leaf) and on when reviews were run (names
    that it had meanwhile, what was revised). Records that are cited stand in the order of their place, hence sorted here."""
    if isinstance(body, dict):
        return {key: timeless(value, key) for key, value in body.items() if key not in PLACES}
    if isinstance(body, list):
        parts = [timeless(part) for part in body]
        return sorted(parts, key=by_event) if name in {"records", "evidence"} else parts
    return body


def by_event(reference: Mapping[str, Any]) -> str:
    return str(reference["event"])


@cache
def at_once() -> Outcome:
    return outcome([[log.header + b"".join(log.records) for log in story()[0].values()]], [True])


@st.composite
def pieces(draw: st.DrawFn) -> list[list[bytes]]:
    """The logs cut at random records, in random order, in a few batches."""
    files = []
    for log in story()[0].values():
        stops = draw(st.lists(st.integers(1, len(log.records) - 1), max_size=2, unique=True))
        edges = [0, *sorted(stops), len(log.records)]
        files += [log.header + b"".join(log.records[a:b]) for a, b in pairwise(edges)]
    order = draw(st.permutations(files))
    stops = draw(st.lists(st.integers(1, len(files) - 1), min_size=1, max_size=2, unique=True))
    return [list(order[a:b]) for a, b in pairwise([0, *sorted(stops), len(files)])]


def test_the_story_has_what_it_is_to_prove() -> None:
    found = at_once()
    assert len(found.visits) >= 3
    assert sum(len(visit["hops"]) for visit in found.visits) > len(found.visits)
    assert all(hop["link"]["reason"] for visit in found.visits for hop in visit["hops"])
    assert found.findings


@settings(max_examples=15)
@given(batches=pieces(), data=st.data())
def test_order_cutting_and_reviews_between_change_nothing(
    batches: list[list[bytes]], data: st.DataObject
) -> None:
    reviewed = data.draw(st.lists(st.booleans(), min_size=len(batches), max_size=len(batches)))
    found, expected = outcome(batches, reviewed), at_once()
    assert list(map(by_id, found.visits)) == list(map(by_id, expected.visits))
    assert found == expected
