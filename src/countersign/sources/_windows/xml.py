"""Windows' own XML of an event, into the shape that `nested` reads.

Read by the library's tree, in C; a document type is refused before, so that there is nothing to expand. Characters that
XML forbids are replaced: Windows writes whatever a program logged, and nobody shall hide a record by a NUL in a file name.

References: https://learn.microsoft.com/windows/win32/wes/eventschema-schema, XML 1.0 section 2.2.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any
from xml.etree.ElementTree import Element, ParseError, fromstring

LARGEST = 4 << 20
"""A record of Windows has at most 64 KiB, in UTF-16 and unescaped."""
_FORBIDDEN = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]"
    r"|&#(?:x0{0,8}(?:[0-8bceBCEfF]|1[0-9a-fA-F]|[fF]{3}[eEfF])|0{0,8}(?:[0-8]|1[124-9]|2\d|3[01]));"
)
_ATTRIBUTES = frozenset({"Provider", "TimeCreated", "Correlation", "Execution", "Security"})


def event_of(raw: bytes) -> dict[str, Any] | None:
    """What stands under `Event`, None if these bytes are no such element."""
    if b"<!" in raw or len(raw) > LARGEST:
        return None
    root: Element | None
    try:
        root = fromstring(raw)  # noqa: S314  # no document type
    except (ParseError, ValueError, LookupError):
        root = _patiently(raw)
    if root is None or _local(root.tag) != "Event":
        return None
    event: dict[str, Any] = {}
    for section in root:
        name = _local(section.tag)
        if name == "System":
            event[name] = _system(section)
        elif name == "EventData":
            event[name] = _event_data(section)
        elif len(section):
            event[name] = _children(section)
        elif section.text:
            event[name] = section.text
    return event


def _patiently(raw: bytes) -> Element | None:
    """Once more, with what XML forbids replaced."""
    cleaned = _FORBIDDEN.sub("\ufffd", raw.decode("utf-8", "replace"))
    try:
        return fromstring(cleaned)  # noqa: S314  # as above
    except (ParseError, ValueError, LookupError):
        return None


@lru_cache(maxsize=4096)
def _local(tag: str) -> str:
    return tag.rpartition("}")[2]


def _system(section: Element) -> dict[str, Any]:
    system: dict[str, Any] = {}
    for element in section:
        name = _local(element.tag)
        if name in _ATTRIBUTES:
            system[name] = {"#attributes": element.attrib} if element.attrib else None
        elif element.attrib:
            system[name] = {"#attributes": element.attrib, "#text": element.text}
        else:
            system[name] = element.text
    return system


def _event_data(section: Element) -> dict[str, Any]:
    """Named data by its names (a second of one name as `name_1`), unnamed as a list under `Data`."""
    data: dict[str, Any] = {}
    unnamed: list[str | None] = []
    for element in section:
        name = element.get("Name")
        if name is None:
            tag = _local(element.tag)
            if tag == "Data":
                unnamed.append(_text(element))
                continue
            name = tag
        text = _text(element) or ""
        if name in data:
            name = next(
                f"{name}_{count}" for count in range(1, len(data) + 2) if f"{name}_{count}" not in data
            )
        data[name] = text
    if unnamed:
        data["Data"] = unnamed[0] if len(unnamed) == 1 else unnamed
    if "Name" in section.attrib:
        data["#attributes"] = {"Name": section.attrib["Name"]}
    return data


def _children(section: Element) -> dict[str, Any]:
    """UserData and RenderingInfo: elements with their texts, two levels deep."""
    found: dict[str, Any] = {}
    for element in section:
        name = _local(element.tag)
        found[name] = _leaves(element) if len(element) else _leaf(element)
    return found


def _leaves(element: Element) -> dict[str, Any]:
    return {_local(child.tag): _leaf(child) for child in element}


def _leaf(element: Element) -> object:
    """A text, or with attributes what `nested` knows for them."""
    text = _text(element)
    return {"#attributes": element.attrib, "#text": text} if element.attrib else text


def _text(element: Element) -> str | None:
    """All text in an element; a line end and blanks are how an empty one is pretty-printed."""
    text = "".join(element.itertext()) if len(element) else element.text
    return "" if text is not None and text[:1] == "\n" and not text.strip() else text
