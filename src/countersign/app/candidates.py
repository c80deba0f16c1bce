"""Which hops an ambiguous link is between, in what a person needs to tell them apart. Looked up when visits are read, for a candidate may
be of another visit, which has another id after the next review."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

Body = Mapping[str, Any]


def name_candidates(bodies: Sequence[Body], every: Callable[[], Iterable[Body]]) -> None:
    """Put `between` beside the `candidates` of each link of `bodies`; `every` gives the bodies of all visits, and is asked only where a
    candidate is of none of these."""
    links = [hop["link"] for body in bodies for hop in body["hops"]]
    wanted = {id_ for link in links for id_ in link["candidates"]}
    known = _known(bodies, wanted)
    if wanted - known.keys():
        known = _known(every(), wanted)
    for link in links:
        link["between"] = [known[id_] for id_ in link["candidates"] if id_ in known]


def _known(bodies: Iterable[Body], wanted: set[str]) -> dict[str, dict[str, Any]]:
    if not wanted:
        return {}
    return {
        hop["id"]: {
            "hop": hop["id"],
            "visit": body["id"],
            "person": body["person"],
            "target": hop["target"],
            "account": hop["account"],
            "start": hop["start"],
        }
        for body in bodies
        for hop in body["hops"]
        if hop["id"] in wanted
    }
