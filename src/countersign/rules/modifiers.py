"""Modifiers of the specification that pySigma knows by another name only."""

from __future__ import annotations

from typing import Any

ALIASES = {"utf16le": "wide"}
"""The specification's name and pySigma's."""


def aliased(data: Any) -> Any:  # noqa: ANN401  # YAML has no types
    """A rule's data with the names that pySigma knows; the same object where there is nothing to change.

    The data must be free of cycles and of bounded depth.
    """
    if isinstance(data, dict):
        changed = {_key(name): aliased(value) for name, value in data.items()}
        if len(changed) < len(data):  # both names on one field: left for pySigma to refuse
            return data
        same = all(one is two for one, two in zip(data.values(), changed.values(), strict=True))
        return data if same and changed.keys() == data.keys() else changed
    if isinstance(data, list):
        items = [aliased(one) if isinstance(one, dict | list) else one for one in data]
        return data if all(one is two for one, two in zip(data, items, strict=True)) else items
    return data


def _key(name: Any) -> Any:  # noqa: ANN401  # YAML has no types
    if not isinstance(name, str) or "|" not in name:
        return name
    field, *modifiers = name.split("|")
    if not ALIASES.keys() & set(modifiers):
        return name
    return "|".join([field, *(ALIASES.get(one, one) for one in modifiers)])
