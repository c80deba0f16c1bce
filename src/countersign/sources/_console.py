"""CSV that an administrator downloads from a console: names of columns as their maker pleases, from release to release.

`actor.alternate_id`, `actor.alternateId` and `Actor Alternate Id` are one name here, so that a table of names holds longer than its
writing does.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from countersign.sources._flat import Row

_LONGEST = 256


@lru_cache(maxsize=8192)
def squeezed(name: str) -> str:
    """Letters and digits alone, in lower case."""
    return "".join(filter(str.isalnum, name[:_LONGEST])).lower()


def named(row: Row, names: Mapping[str, str]) -> dict[str, str]:
    """What is there of `names` (squeezed name -> own name): own name -> the row's name for it, the first that there is."""
    found: dict[str, str] = {}
    for name in row:
        own = names.get(squeezed(name))
        if own is not None:
            found.setdefault(own, name)
    return found
