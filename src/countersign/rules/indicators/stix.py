"""STIX 2.1 bundles (2.0 as well) and TAXII envelopes: indicators with their validity, author, confidence and marking.

Reference: STIX Version 2.1, parts 4.7 (Indicator), 7.2 (Data Markings); TLP 2.0 by FIRST (https://www.first.org/tlp/)
and its marking definitions (https://github.com/oasis-open/cti-stix-common-objects).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from countersign.rules.indicators.lists import tlp_of
from countersign.rules.indicators.stix_pattern import read_pattern
from countersign.rules.indicators.tables import TLP, Draft, Problem

MARKINGS: Mapping[str, str] = {
    "marking-definition--613f2e26-407d-48c7-9eca-b8e91df99dc9": "clear",  # TLP 1.0 white
    "marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da": "green",
    "marking-definition--f88d31f6-486f-44da-b317-01333bde0b82": "amber",
    "marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed": "red",
    "marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487": "clear",  # TLP 2.0
    "marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb": "green",
    "marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421": "amber",
    "marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003": "amber+strict",
    "marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1": "red",
}
"""The published marking definitions, which bundles may name without holding them."""
MAX_REASONS = 5
"""Reasons told of one pattern."""


def read_objects(objects: Sequence[object], path: str) -> Iterator[Draft | Problem]:
    """The indicators among STIX objects; the others serve for names and markings."""
    about = _About(objects)
    count = 0
    for place, item in enumerate(objects):
        if not isinstance(item, dict):
            yield Problem(path, None, f"object {place + 1}", "it is no JSON object")
        elif item.get("type") == "indicator":
            count += 1
            yield from _indicator(item, path, about)
    if not count:
        yield Problem(path, None, "", f"none of its {len(objects)} STIX objects is an indicator")


class _About:
    """Names of those who made objects, markings, and what indicators are said to indicate."""

    def __init__(self, objects: Sequence[object]) -> None:
        self._names: dict[str, str] = {}
        self._tlp = dict(MARKINGS)
        meant: list[tuple[str, str]] = []
        for item in objects:
            if not isinstance(item, dict):
                continue
            id_, kind = _text(item.get("id")), item.get("type")
            if kind == "marking-definition":
                word = _marking(item)
                if word:
                    self._tlp.setdefault(id_, word)
            elif kind == "relationship" and item.get("relationship_type") == "indicates":
                meant.append((_text(item.get("source_ref")), _text(item.get("target_ref"))))
            elif kind != "indicator" and id_ and isinstance(item.get("name"), str):
                self._names[id_] = item["name"]
        self._meant: dict[str, list[str]] = {}
        for source, target in sorted(meant):
            if target in self._names:
                self._meant.setdefault(source, []).append(self._names[target])

    def name(self, id_: str) -> str:
        return self._names.get(id_, id_)

    def indicated(self, id_: str) -> list[str]:
        return self._meant.get(id_, [])

    def tlp(self, references: object) -> str:
        """The strictest marking of those named."""
        named = [self._tlp.get(_text(one), "") for one in references] if isinstance(references, list) else []
        return max((word for word in named if word), key=TLP.index, default="")


def _marking(item: Mapping[str, Any]) -> str:
    definition, extensions = item.get("definition"), item.get("extensions")
    if isinstance(definition, dict):
        return tlp_of(_text(definition.get("tlp")))
    for extension in extensions.values() if isinstance(extensions, dict) else ():
        if isinstance(extension, dict) and isinstance(extension.get("tlp_2_0"), str):
            return tlp_of(extension["tlp_2_0"])
    return ""


def _indicator(item: Mapping[str, Any], path: str, about: _About) -> Iterator[Draft | Problem]:
    subject = _text(item.get("id"))[:120]
    try:
        draft, unmatched = _draft(item, about)
    except (ValueError, TypeError, OverflowError) as error:
        yield Problem(path, None, subject, str(error))
        return
    if draft is not None:
        yield draft
    if unmatched:
        rest = len(unmatched) - MAX_REASONS
        said = "; ".join(unmatched[:MAX_REASONS]) + (f"; and {rest} more" if rest > 0 else "")
        part = "it is left out" if draft is None else "part of it is left out"
        yield Problem(path, None, subject, f"{part}: {said}")


def _draft(item: Mapping[str, Any], about: _About) -> tuple[Draft | None, tuple[str, ...]]:
    id_, pattern = item.get("id"), item.get("pattern")
    if not isinstance(id_, str) or not id_.startswith("indicator--") or len(id_) > 120:
        raise ValueError("it has no id of the form indicator--UUID")
    if not isinstance(pattern, str):
        raise TypeError("it has no pattern")
    language = item.get("pattern_type", "stix")  # STIX 2.0 knows no other
    if language != "stix":
        raise ValueError(
            f"its pattern is written in {_text(language)[:40] or 'no'} language, which is not STIX"
        )
    meaning = read_pattern(pattern)
    if not meaning.clauses:
        return None, meaning.unmatched or ("it compares nothing",)
    labels = [*_texts(item.get("indicator_types")), *_texts(item.get("labels")), *about.indicated(id_)]
    confidence = item.get("confidence")
    if confidence is not None and (type(confidence) is not int or not 0 <= confidence <= 100):
        raise ValueError("its confidence is no number from 0 to 100")
    draft = Draft(
        key=id_,
        clauses=meaning.clauses,
        title=_text(item.get("name")) or _text(item.get("description"))[:200],
        author=about.name(_text(item.get("created_by_ref"))),
        labels=", ".join(dict.fromkeys(labels)),
        confidence=confidence,
        tlp=about.tlp(item.get("object_marking_refs")),
        valid_from=_moment(item, "valid_from"),
        valid_until=_moment(item, "valid_until"),
        modified=_moment(item, "modified"),
        revoked=item.get("revoked") is True,
        pattern=pattern,
    )
    return draft, meaning.unmatched


def _moment(item: Mapping[str, Any], name: str) -> datetime | None:
    value = item.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or not value.endswith("Z"):
        raise ValueError(f"its {name} is no time in UTC")
    try:
        return datetime.fromisoformat(value).astimezone(UTC)
    except ValueError:
        raise ValueError(f"its {name} is no time") from None


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _texts(value: object) -> list[str]:
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []
