"""What holds for every log family on the list."""

from __future__ import annotations

import importlib
import re
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
import source_coverage
from hypothesis import given, settings
from hypothesis import strategies as st

from countersign.model import schema
from countersign.sources import _MODULES, HEAD_BYTES, Source, recognise, source, sources
from countersign.sources._framing import frame
from countersign.sources._records import text_head
from unit.sources.source_lines import context

ROOT = Path(__file__).parents[3]
PAGES = ROOT / "docs" / "sources"
FAMILIES = [family.name for family in sources()]
CASES = [raw for name in FAMILIES for raw in source_coverage.cases(name)]


def of(name: str) -> Source:
    return source(name)


@pytest.mark.parametrize("name", FAMILIES)
def test_has_a_page_that_cites(name: str) -> None:
    page = PAGES / f"{of(name).page}.md"
    assert page.is_file(), "write docs/sources/<page>.md"
    assert re.search(r"(?m)^References?:", page.read_text("utf-8")), "cite what it is written after"


@pytest.mark.parametrize("module", _MODULES)
def test_says_what_it_is_for_and_after_what(module: str) -> None:
    text = importlib.import_module(f"countersign.sources.{module}").__doc__ or ""
    assert "auditor" in text
    assert re.search(r"(?m)^References?:", text)


@pytest.mark.parametrize("name", FAMILIES)
def test_has_golden_files(name: str) -> None:
    assert source_coverage.cases(name), "write tests/golden/<name>/<case>.raw"


def test_names_are_unique_and_sound() -> None:
    assert len(set(FAMILIES)) == len(FAMILIES)
    assert all(re.fullmatch(r"[a-z0-9_]+(\.[a-z0-9_]+)?", name) for name in FAMILIES)


@pytest.mark.parametrize("raw", CASES, ids=lambda raw: f"{raw.parent.name}/{raw.stem}")
def test_is_recognised_by_its_family_alone(raw: Path) -> None:
    head = raw.read_bytes()[:HEAD_BYTES]
    assert [family.name for family in sources() if family.detect(text_head(head))] == [raw.parent.name]
    assert recognise(head) is of(raw.parent.name)


@pytest.mark.parametrize("raw", CASES, ids=lambda raw: f"{raw.parent.name}/{raw.stem}")
def test_every_golden_record_is_cited(raw: Path) -> None:
    known = source_coverage.cited(raw)
    missing = [row["record"] for row in source_coverage.outcomes(raw) if row["record"] not in known]
    assert not missing or "*" in known, f"{raw.stem}.cites lacks {missing}"


def test_one_name_has_one_type() -> None:
    types: dict[str, set[type]] = defaultdict(set)
    for raw in CASES:
        for row in source_coverage.outcomes(raw):
            for name, value in row.items():
                types[name].add(type(value))
            assert all(type(value) is str for value in row.get("unmapped", {}).values())
    assert {name: found for name, found in types.items() if len(found) > 1} == {}


def test_the_coverage_table_is_fresh() -> None:
    assert (PAGES / "coverage.md").read_text("utf-8") == source_coverage.page(), "run `make docs`"


def test_every_page_is_of_a_family() -> None:
    pages = {page.stem for page in PAGES.glob("*.md")} - {"coverage", "speed", "writing"}
    assert pages <= {family.page for family in sources()} | {"vpn"}


def spoilt(raw: bytes, draw: Any) -> bytes:
    """A golden file with bytes cut, doubled, or put in their place."""
    out = bytearray(raw[:20_000])
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(out)))
        length = draw(st.integers(0, 40))
        out[at : at + length] = draw(st.one_of(st.binary(max_size=20), st.sampled_from(ODD)))
    return bytes(out)


ODD = [
    b"",
    b"\n",
    b'"',
    b"\\",
    b"{}",
    b"[",
    b"}",
    b"null",
    b"\0" * 8,
    b"1e999",
    b"-",
    b"=",
    b"|",
    b"\xff\xfe",
    b"99999999999999999999",
]


@pytest.mark.parametrize("name", [name for name in FAMILIES if of(name).framing != "evtx"])
@given(data=st.data())
@settings(max_examples=25, deadline=None)
def test_nothing_but_events_and_rejected_comes_out(name: str, data: st.DataObject) -> None:
    family = of(name)
    raw = spoilt(data.draw(st.sampled_from(source_coverage.cases(name))).read_bytes(), data.draw)
    family.detect(text_head(raw[:HEAD_BYTES]))
    assert 0 <= family.preamble(raw) <= max(len(raw), 2)
    records = frame(family.framing, raw)
    parsed = family.parse(records, context())
    assert parsed.events.num_rows + parsed.duplicates + parsed.rejected.num_rows <= len(records)
    expected = {field.name: field.type for field in schema.events_schema()}
    assert all(parsed.events.schema.field(column).name in expected for column in parsed.events.column_names)


def ids(family: Source, records: list[bytes]) -> set[str]:
    events = family.parse(records, context()).events
    return set(events["id"].to_pylist()) if events.num_rows else set()


@pytest.mark.parametrize("name", [name for name in FAMILIES if of(name).framing != "evtx"])
def test_ids_do_not_depend_on_where_a_file_is_cut(name: str) -> None:
    family = of(name)
    for raw in source_coverage.cases(name):
        content = raw.read_bytes()
        records = frame(family.framing, content)
        head = len(frame(family.framing, content[: family.preamble(content)]))
        if raw.stem.startswith("joined"):
            continue  # with headers in the middle; the cutter's own tests hold that
        for half in {head, (head + len(records)) // 2, len(records)}:
            parts = ids(family, records[:half]) | ids(family, records[:head] + records[half:])
            assert parts == ids(family, records)
