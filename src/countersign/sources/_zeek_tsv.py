"""Zeek's TSV: the header in force and the rows under it, turned on their side.

References: https://docs.zeek.org/en/master/log-formats.html#zeek-tsv-format-logs, Zeek src/logging/writers/ascii.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from countersign.model.columns import Values

_ESCAPE = re.compile(r"\\x([0-9a-fA-F]{2})")
_TRUTH = {"T": "true", "F": "false"}
_NO_HEADER = "the row has no Zeek header (#fields) before it"


@dataclass(slots=True)
class Run:
    """Rows that stand together under one header: their places, their bytes and their cells."""

    indexes: list[int] = field(default_factory=list)
    raws: list[bytes] = field(default_factory=list)
    cells: list[list[str]] = field(default_factory=list)


class Table:
    """The header that is in force in a TSV log."""

    def __init__(self) -> None:
        self.path = ""
        self._separator = "\t"
        self._set_separator = ","
        self._unset = "-"
        self._empty = "(empty)"
        self._fields: list[str] = []
        self._said: list[str] = []
        self._sets: set[str] = set()

    def header(self, line: str) -> None:
        """Takes in a header line; `#open`, `#close` and comments say nothing about rows."""
        if line.startswith("#separator"):
            self._separator = _unescape(line[len("#separator") :].strip(" \t")) or "\t"
            self._fields, self._said, self._sets, self.path = [], [], set(), ""
            return
        name, *values = line.split(self._separator)
        if name == "#fields":
            self._fields = values
        elif name == "#types":
            kinds = list(zip(self._fields, values, strict=False))
            self._said = [field for field, kind in kinds if kind == "bool"]
            self._sets = {field for field, kind in kinds if kind.startswith(("set[", "vector[", "table["))}
        elif name == "#path":
            self.path = values[0] if values else ""
        elif name == "#set_separator" and values and values[0]:
            self._set_separator = _unescape(values[0])
        elif name == "#unset_field" and values:
            self._unset = values[0]
        elif name == "#empty_field" and values:
            self._empty = values[0]

    def cells(self, line: str) -> list[str] | str:
        """The cells of a row, or why it does not fit its header."""
        cells = line.split(self._separator)
        if len(cells) == len(self._fields):
            return cells
        if not self._fields:
            return _NO_HEADER
        return f"the row has {len(cells)} fields, its header {len(self._fields)}"

    def columns(self, run: Run) -> dict[str, Values]:
        """The fields of all rows of `run` by their names, without those that hold nothing."""
        columns: dict[str, Values] = {}
        for name, column in zip(self._fields, zip(*run.cells, strict=True), strict=True):
            values = self._values(name, column)
            if values is not None:
                columns[name] = values
        return columns

    def _values(self, name: str, column: tuple[str, ...]) -> Values | None:
        """None for unset and empty cells; truth values and sets as JSON and the rules have them."""
        unset, empty = self._unset, self._empty
        values: Values = column
        if unset in column or empty in column:
            values = [None if cell in (unset, empty) else cell for cell in column]
            if not any(values):
                return None
        if name in self._said:
            return [_TRUTH.get(value, value) if type(value) is str else None for value in values]
        if name in self._sets and self._set_separator != ",":
            sign = self._set_separator
            return [value.replace(sign, ",") if type(value) is str else None for value in values]
        return values


def _unescape(text: str) -> str:
    return _ESCAPE.sub(lambda match: chr(int(match[1], 16)), text)
