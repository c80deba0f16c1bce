"""Plain lists and CSV: one indicator a line, its kind told by the column's name or by the value itself.

Comments (`#`, `//`, `;`, `!`), empty lines, host files (`0.0.0.0 evil.example`), filter lists (`||evil.example^`) and
values written harmless (`hxxp`, `[.]`) are understood. Of a line without a header the first cell that is an indicator
counts, the others are its description.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain, islice

from countersign.rules.indicators import words
from countersign.rules.indicators.bulk import recognised
from countersign.rules.indicators.guess import at_port, guess, refang
from countersign.rules.indicators.tables import TLP, Draft, Plain, Problem
from countersign.rules.indicators.terms import Clause, Kind, term

MAX_LINE = 65_536
"""Characters of one line."""
BLOCK = 65_536
"""Lines looked at together."""
HEADER_LINES = 200
"""Lines, comments included, among which a header is looked for."""
_DELIMITERS = (",", ";", "\t", "|")
_COMMENT = ("#", "//", ";", "!")
_COMMENT_IN = {";": tuple(mark for mark in _COMMENT if mark != ";")}
"""By the delimiter of a table: where `;` parts the cells, a line that begins with it has an empty first cell."""
_AROUND = " \r\n"
"""What may stand around a line of cells that tabs part."""
_NOWHERE = frozenset({"0.0.0.0", "127.0.0.1", "::1", "::"})  # noqa: S104  # what host files point to, nothing is bound


@dataclass(frozen=True, slots=True)
class Header:
    """What the columns of a CSV file are: place -> kind (None: to be guessed), and place -> attribute."""

    delimiter: str
    values: Mapping[int, Kind | None]
    meta: Mapping[int, str]
    type_at: int | None
    line: int


def read_lines(lines: Iterable[str], path: str) -> Iterator[Draft | Plain | Problem]:
    """The indicators of a text. `lines` come with or without their ends; `path` is named in problems."""
    stream = iter(lines)
    kept: list[str] = []
    header = None
    for line in stream:
        kept.append(line)
        header = header or _header(line, len(kept))
        if len(kept) >= HEADER_LINES or (line.strip() and not line.startswith("#")):
            break
    numbered = enumerate(chain(kept, stream), 1)
    while block := list(islice(numbered, BLOCK)):
        if header is None:
            plain, block = recognised(block)
            yield from plain
        for number, line in block:
            if header is None or number != header.line:
                yield from _line(line, number, path, header)


def _line(line: str, number: int, path: str, header: Header | None) -> Iterator[Draft | Problem]:
    delimiter = header.delimiter if header is not None else ""
    text = line.strip(_AROUND) if delimiter == "\t" else line.strip()  # an empty first cell is one too
    if not text or text.startswith(_COMMENT_IN.get(delimiter, _COMMENT)):
        return
    if len(text) >= MAX_LINE:
        yield Problem(path, number, "", f"the line is longer than {MAX_LINE} characters")
        return
    try:
        yield _row(text, header) if header is not None else _free(text)
    except (ValueError, csv.Error) as error:
        yield Problem(path, number, text[:80], str(error))


def _cells(text: str, delimiter: str) -> list[str]:
    if '"' not in text:
        return [cell.strip() for cell in text.split(delimiter)]
    rows = list(csv.reader([text], delimiter=delimiter, skipinitialspace=True, strict=True))
    return [cell.strip() for cell in rows[0]] if rows else []


def _header(line: str, number: int) -> Header | None:
    """A header has a name for its values, and no value in it; some stand in a comment."""
    text = line.strip(_AROUND).removeprefix("\ufeff").lstrip("#").strip(_AROUND)
    if not text or len(text) >= MAX_LINE:
        return None
    delimiter = max(_DELIMITERS, key=text.count)
    try:
        names = [words.squeezed(cell) for cell in _cells(text, delimiter)]
    except csv.Error:
        return None
    if line.startswith("#") and len(names) < 2:
        return None
    values: dict[int, Kind | None] = {}
    for place, name in enumerate(names):
        if name in words.kinds():
            values[place] = words.kinds()[name]
        elif name in words.columns("value"):
            values[place] = None
    if not values:
        return None
    about = words.attributes()
    meta = {place: about[name] for place, name in enumerate(names) if name in about and place not in values}
    type_at = next((place for place, name in enumerate(names) if name in words.columns("type")), None)
    return Header(delimiter, values, meta, type_at, number)


def _free(text: str) -> Draft:
    """A line without a header."""
    if text.startswith("||"):
        text = text[2:].partition("^")[0]
    bare, mark, remark = text.partition(" #")
    value = bare.strip()
    try:
        return _draft(guess(refang(value)), value, remark.strip() if mark else "")
    except ValueError:
        parts = value.split()
        if len(parts) >= 2 and parts[0] in _NOWHERE:
            return _draft(guess(refang(parts[1])), parts[1], remark.strip())
        ways = [_cells(value, delimiter) for delimiter in _DELIMITERS if delimiter in value]
        for cells in (*ways, parts if len(parts) > 1 else []):
            found = _first(cells, remark.strip())
            if found is not None:
                return found
        raise


def _first(cells: Sequence[str], remark: str) -> Draft | None:
    """The first cell that is an indicator, with the others as its description."""
    for place, cell in enumerate(cells):
        try:
            clauses = guess(refang(cell))
        except ValueError:
            continue
        others = [other for number, other in enumerate(cells) if other and number != place]
        return _draft(clauses, cell, " ".join([*others, remark]).strip())
    return None


def _row(text: str, header: Header) -> Draft:
    """A line of a table."""
    cells = _cells(text, header.delimiter)
    said = cells[header.type_at] if header.type_at is not None and header.type_at < len(cells) else ""
    clauses: list[Clause] = []
    value = ""
    for place, kind in header.values.items():
        cell = cells[place] if place < len(cells) else ""
        if cell in {"", "-", "n/a", "N/A", "None", "null"}:
            continue
        value = value or cell
        clauses += of_type(said, cell) if kind is None and said else _of_kind(kind, cell)
    if not clauses:
        raise ValueError("the row holds no value")
    if any(one.kind in {Kind.MD5, Kind.SHA1, Kind.SHA256} for clause in clauses for one in clause):
        # the name a file had once is its description where the file itself is known
        clauses = [clause for clause in clauses if clause[0].kind not in {Kind.FILE, Kind.PATH}]
    meta: dict[str, list[str]] = {}
    for place, name in header.meta.items():
        if place < len(cells) and cells[place]:
            meta.setdefault(name, []).append(cells[place])
    return Draft(
        key=meta["key"][0] if "key" in meta else _key(clauses),
        clauses=tuple(clauses),
        title=" ".join(meta.get("title", ())),
        author=" ".join(meta.get("author", ())),
        labels=", ".join(meta.get("labels", ())),
        confidence=_confidence(meta.get("confidence")),
        tlp=tlp_of(meta["tlp"][0]) if "tlp" in meta else "",
        valid_from=_moment(meta.get("valid_from")),
        valid_until=_moment(meta.get("valid_until")),
        pattern=value,
    )


def _of_kind(kind: Kind | None, cell: str) -> tuple[Clause, ...]:
    value = refang(cell)
    return guess(value) if kind is None else ((term(kind, value),),)


def of_type(word: str, cell: str) -> tuple[Clause, ...]:
    """A value whose type is stated in a word. Raises `ValueError` for a type that no event is matched by."""
    name = words.squeezed(word)
    if name in words.columns("address_and_port"):
        host, _, port = refang(cell).rpartition(":")
        return at_port(host, port)
    if name in words.kinds():
        return _of_kind(words.kinds()[name], cell)
    if name in words.columns("value"):
        return guess(refang(cell))
    raise ValueError(f"indicators of type {word[:40]!r} are not matched")


def _draft(clauses: tuple[Clause, ...], value: str, title: str) -> Draft:
    bare = value.lower() == clauses[0][0].value
    return Draft(key=_key(clauses), clauses=clauses, title=title, pattern=None if bare else value)


def _key(clauses: Sequence[Clause]) -> str:
    return "&".join(f"{one.kind.value}:{one.value}" for one in clauses[0])


def tlp_of(text: str) -> str:
    """A Traffic Light Protocol label, in the words of TLP 2.0; empty if it is none."""
    word = text.strip().lower().removeprefix("tlp").lstrip(":- _")
    word = {"white": "clear", "amber-strict": "amber+strict"}.get(word, word)
    return word if word in TLP else ""


def _confidence(said: Sequence[str] | None) -> int | None:
    if not said:
        return None
    word = said[0].strip().lower().removesuffix("%")
    # OASIS, STIX 2.1 appendix A: None / Low / Med / High
    named = {"none": 0, "low": 15, "medium": 50, "med": 50, "moderate": 50, "high": 85}
    if word in named:
        return named[word]
    if not word.isdecimal() or int(word) > 100:
        raise ValueError("the confidence is a number from 0 to 100, or low, medium, high")
    return int(word)


def _moment(said: Sequence[str] | None) -> datetime | None:
    if not said:
        return None
    text = said[0].removesuffix(" UTC")
    try:
        found = datetime.fromisoformat(text)
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError(
            f"{said[0][:40]!r} is no time (such as 2026-03-02 or 2026-03-02T08:00:00Z)"
        ) from None
