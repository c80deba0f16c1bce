"""Trying a mapping on a sample, and holding it to what came out of it before."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from countersign.app.own_mapping import read_mapping
from countersign.errors import InputError, UsageError
from countersign.model.batch import ParseContext
from countersign.sources import HEAD_BYTES, sources
from countersign.sources._custom import custom_source
from countersign.sources._framing import frame
from countersign.sources._records import text_head

SAMPLE_BYTES = 4 << 20
MOMENT = datetime(2100, 1, 1, tzinfo=UTC)
"""When samples are taken to be read: always the same, so that the same comes out, and later than any of their times."""
_OF_THE_RUN = frozenset({"segment", "source", "origin", "day", "id", "keyed"})


@dataclass(frozen=True, slots=True)
class MappingTried:
    """What a mapping made of a sample. `also` are our families that would take it without the mapping, `filled` how many
    events have each column, `outcome` is `written`, `same` or `differs`."""

    name: str
    sample: str
    expected: str
    recognised: bool
    also: tuple[str, ...]
    events: int
    rejected: int
    undated: int
    filled: dict[str, int]
    outcome: str
    differences: tuple[str, ...]

    @property
    def good(self) -> bool:
        """Whether it was recognised, understood, and as expected."""
        return self.recognised and self.events > 0 and self.outcome != "differs"

    def document(self) -> dict[str, Any]:
        """For JSON."""
        return {**asdict(self), "good": self.good}


def try_mapping(mapping: Path, sample: Path | None = None, *, update: bool = False) -> MappingTried:
    """Read a sample with a mapping. What comes out is kept beside it if nothing is yet, or to `update` that.

    Raises `InputError` for what is wrong in the mapping, `UsageError` where there is no sample.
    """
    if not mapping.is_file():
        raise UsageError(f"there is no file {mapping}")
    name, text = read_mapping(mapping)
    sample = mapping.with_suffix(".sample") if sample is None else sample
    try:
        with sample.open("rb") as file:
            data = file.read(SAMPLE_BYTES + 1)
    except OSError as error:
        raise UsageError(
            f"{sample}: {(error.strerror or 'cannot be read').lower()}\n"
            f"  remedy: put some lines of the log into {mapping.with_suffix('.sample')}, or name a sample"
        ) from error
    if len(data) > SAMPLE_BYTES:
        raise InputError("is larger than 4 MiB", path=str(sample), remedy="take some lines of it")
    family = custom_source(text)
    head = text_head(data[:HEAD_BYTES])
    context = ParseContext(segment="0" * 64, received=MOMENT, sealed=MOMENT)
    parsed = family.parse(frame(family.framing, data), context)
    rows = parsed.events.to_pylist()
    lines = _lines(rows, parsed.rejected.to_pylist())
    expected = sample.with_name(f"{sample.name}.expected.jsonl")
    outcome, differences = _compare(expected, lines, update=update and bool(rows))
    flat = [dict(_flat(row)) for row in rows]
    filled = Counter(
        column for row in flat for column in row if column not in {"record", "count", "unmapped"}
    )
    return MappingTried(
        name=name,
        sample=str(sample),
        expected=str(expected),
        recognised=family.detect(head),
        also=tuple(one.name for one in sources() if one.detect(head)),
        events=len(rows),
        rejected=parsed.rejected.num_rows,
        undated=sum(row.get("time") is None for row in rows),
        filled=dict(filled),
        outcome=outcome,
        differences=differences,
    )


def _compare(expected: Path, lines: list[str], *, update: bool) -> tuple[str, tuple[str, ...]]:
    try:
        before = expected.read_text("utf-8").splitlines()
    except FileNotFoundError:
        before = None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError("cannot be read", path=str(expected), remedy="remove it") from error
    if before is None or update:
        try:
            expected.write_text("".join(f"{line}\n" for line in lines), "utf-8")
        except OSError as error:
            raise UsageError(f"{expected}: {(error.strerror or 'cannot be written').lower()}") from error
        return "written", ()
    if before == lines:
        return "same", ()
    changes = difflib.unified_diff(before, lines, "expected", "now", lineterm="", n=0)
    return "differs", tuple(changes)


def _lines(rows: list[dict[str, Any]], rejected: list[dict[str, Any]]) -> list[str]:
    found = [(row["record"], {"record": row["record"], "rejected": row["reason"]}) for row in rejected]
    found += [(row["record"], dict(_flat(row))) for row in rows]
    found.sort(key=lambda one: one[0])
    return [orjson.dumps(line, option=orjson.OPT_SORT_KEYS).decode() for _, line in found]


def _flat(row: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, object]]:
    for name, value in row.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        elif value is not None and prefix + name not in _OF_THE_RUN:
            yield prefix + name, dict(value) if name == "unmapped" else value
