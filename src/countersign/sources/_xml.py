"""XML elements read into rows, by expat, without entities, document types or anything from outside.

An element is an object: attributes by `@name`, child elements by their names without namespace (several of one name are a
list), its own text by `#text`. An element with nothing but text is that text.
"""

from __future__ import annotations

from typing import Any
from xml.parsers import expat

from countersign.sources._flat import MAX_DEPTH

_LARGEST = 4 << 20


def xml_row(raw: bytes) -> dict[str, Any] | None:
    """The element in these bytes, None if it is not well-formed, too large or too deep, or declares anything."""
    if b"<!" in raw or len(raw) > _LARGEST:  # no document type: no entities, nothing to expand
        return None
    builder = _Builder()
    parser = expat.ParserCreate("utf-8")
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.text
    parser.buffer_text = True
    try:
        parser.Parse(raw, True)
    except (expat.ExpatError, _TooDeepError):
        return None
    return builder.row


class _TooDeepError(Exception):
    pass


class _Builder:
    def __init__(self) -> None:
        self.row: dict[str, Any] | None = None
        self._stack: list[dict[str, Any]] = []
        self._names: list[str] = []

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if len(self._stack) > MAX_DEPTH:
            raise _TooDeepError
        self._names.append(name.rpartition(":")[2])
        self._stack.append({f"@{key}": value for key, value in attributes.items() if key != "xmlns"})

    def text(self, data: str) -> None:
        if data.strip():
            top = self._stack[-1]
            top["#text"] = top.get("#text", "") + data

    def end(self, _: str) -> None:
        row, name = self._stack.pop(), self._names.pop()
        value: Any = row["#text"] if row.keys() == {"#text"} else row
        if not self._stack:
            self.row = row
            return
        above = self._stack[-1]
        if name not in above:
            above[name] = value
        elif type(above[name]) is list:
            above[name].append(value)
        else:
            above[name] = [above[name], value]
