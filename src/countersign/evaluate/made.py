"""What the product made: its hops, with the events that each cites."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from countersign.lake import Lake


@dataclass(frozen=True, slots=True)
class MadeHop:
    """A hop of a visit of the product. `events` and `deeds` are those of its records and of its actions that the truth
    names; `candidates` are ids of hops, likeliest first."""

    id: str
    visit: str
    parent: str | None
    link: str
    reason: str
    candidates: tuple[str, ...]
    events: tuple[str, ...]
    deeds: tuple[str, ...]
    provider: str = ""
    person: str = ""


def made_hops(lake: Lake, named: Container[str]) -> dict[str, MadeHop]:
    """Every hop of every visit in the lake, by id; of the events only those in `named`."""
    hops: dict[str, MadeHop] = {}
    for body in lake.read("visits", columns=["body"]).column("body"):
        visit = orjson.loads(body.as_py())
        hops.update((hop.id, hop) for hop in _hops(visit, named))
    return hops


def _hops(visit: Mapping[str, Any], named: Container[str]) -> Iterator[MadeHop]:
    for hop in visit["hops"]:
        yield MadeHop(
            hop["id"],
            visit["id"],
            hop["parent"],
            hop["link"]["kind"],
            hop["link"]["reason"],
            tuple(hop["link"]["candidates"]),
            tuple(sorted(_within(hop["records"], named))),
            tuple(sorted(_within(hop["actions"], named))),
            visit["provider"],
            visit["person"],
        )


def _within(cited: list[Any], named: Container[str]) -> set[str]:
    return {item["event"] for item in cited if item["event"] in named}
