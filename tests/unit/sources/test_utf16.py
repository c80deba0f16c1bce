"""What Windows tools write in UTF-16 says the same as in UTF-8, whole and cut in two, whichever family it is."""

from __future__ import annotations

from pathlib import Path

import pytest
import source_coverage

from countersign.model.batch import Parsed
from countersign.sources import HEAD_BYTES, Source, recognise, source, sources
from countersign.sources._framing import frame
from countersign.sources._records import UTF16, record_end
from unit.sources.source_lines import context

CODES = ["utf-16-le", "utf-16-be"]


def texts() -> list[Path]:
    """Golden files that are text in UTF-8."""
    paths = [
        path
        for family in sources()
        if family.framing not in {"evtx", "utmp"}
        for path in source_coverage.cases(family.name)
    ]
    return [path for path in paths if not path.read_bytes().startswith(UTF16) and is_utf8(path)]


def is_utf8(path: Path) -> bool:
    try:
        path.read_bytes().decode()
    except UnicodeDecodeError:
        return False
    return True


def read(family: Source, segment: bytes) -> Parsed:
    return family.parse(frame(family.framing, segment), context())


def written(path: Path) -> str:
    return path.read_bytes().decode().removeprefix("\ufeff")


@pytest.mark.parametrize("path", texts(), ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_text_in_utf16_says_what_it_says_in_utf8(path: Path) -> None:
    family, text = source(path.parent.name), written(path)
    expected = read(family, text.encode())
    for code in CODES:
        raw = f"\ufeff{text}".encode(code)
        assert recognise(raw[:HEAD_BYTES]) is family
        found = read(family, raw)
        assert found.events.equals(expected.events)
        assert found.rejected.equals(expected.rejected)


@pytest.mark.parametrize(
    "name", ["ad.csv", "zeek", "windows_dhcp", "syslog", "ad.ldif", "support.sessions_csv"]
)
@pytest.mark.parametrize("code", CODES)
def test_a_later_segment_of_it_is_readable_alone(name: str, code: str) -> None:
    family = source(name)
    path = max((path for path in texts() if path.parent.name == name), key=lambda path: path.stat().st_size)
    text = written(path)
    raw = f"\ufeff{text}".encode(code)
    start = family.preamble(raw)
    end = record_end(family.framing, raw[:-8])
    assert start < end < len(raw)
    utf8 = len(raw[2:end].decode(code).encode())
    head = text.encode()[: family.preamble(text.encode())]
    parts = [(raw[:end], text.encode()[:utf8]), (raw[:start] + raw[end:], head + text.encode()[utf8:])]
    for segment, expected in parts:
        found = read(family, segment)
        assert found.events.equals(read(family, expected).events)
        assert found.rejected.equals(read(family, expected).rejected)
    assert read(family, raw[:end]).events.num_rows
