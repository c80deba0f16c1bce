"""Indicators in JSON: which of the forms it is, by what it holds."""

from __future__ import annotations

from collections.abc import Iterator

import orjson

from countersign.rules.indicators.misp import read_attributes, read_event
from countersign.rules.indicators.stix import read_objects
from countersign.rules.indicators.tables import Draft, Problem


def read_document(data: bytes, path: str) -> Iterator[Draft | Problem]:
    """The indicators of a STIX bundle, a TAXII envelope, a MISP event, or MISP's answer to a search."""
    try:
        document = orjson.loads(data.removeprefix(b"\xef\xbb\xbf"))
    except orjson.JSONDecodeError as error:
        yield Problem(path, error.lineno, "", f"it is no JSON: {error.msg}")
        return
    del data
    if isinstance(document, dict) and isinstance(document.get("response"), list | dict):
        document = document["response"]
    if isinstance(document, dict) and isinstance(document.get("Attribute"), list) and "info" not in document:
        yield from read_attributes(iter(document["Attribute"]), path)
        return
    if isinstance(document, dict) and isinstance(document.get("objects"), list):
        yield from read_objects(document["objects"], path)
        return
    items = document if isinstance(document, list) else [document]
    events = [
        item["Event"] for item in items if isinstance(item, dict) and isinstance(item.get("Event"), dict)
    ]
    if events:
        for event in events:
            yield from read_event(event, path)
        if len(events) < len(items):
            yield Problem(path, None, "", f"{len(items) - len(events)} of its items are no MISP events")
        return
    if isinstance(document, list) and any(isinstance(item, dict) and "type" in item for item in document):
        yield from read_objects(document, path)
        return
    yield Problem(path, None, "", "neither a STIX bundle nor a MISP event")
