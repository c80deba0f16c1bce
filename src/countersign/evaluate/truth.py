"""The truth of a range: visits and hops, each with the names of the records that survived (docs/range.md)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from countersign.errors import InputError

MADE = "range.json"
"""What the range was made of, beside the truth."""
ARRIVAL = "logon"
"""The kind of action by which an attack's hop came about: that is the hop itself, and nothing done in it."""
Key = tuple[str, ...]
"""A record's name, comparable with what its event says: see `key_of`."""


@dataclass(frozen=True, slots=True)
class TrueDeed:
    """Something done in a hop, of which a record survived: its `number` among all that the truth lists of the hop."""

    kind: str
    keys: tuple[Key, ...]
    number: int = 0


@dataclass(frozen=True, slots=True)
class TrueHop:
    """A hop as it was. `provider` is empty for the customer's own people, `parent` None for an entry."""

    id: str
    visit: str
    parent: str | None
    provider: str
    protocol: str
    words: str
    keys: tuple[Key, ...]
    deeds: tuple[TrueDeed, ...] = ()
    person: str = ""

    @property
    def survived(self) -> bool:
        """Whether any of its records reached the logs."""
        return bool(self.keys)


@dataclass(slots=True)
class Truth:
    """All hops by id, and the hop of each record."""

    hops: dict[str, TrueHop] = field(default_factory=dict)
    owner: dict[Key, TrueHop] = field(default_factory=dict)

    def add(self, hop: TrueHop) -> None:
        """One more hop; a record that was another's before stays that one's."""
        self.hops[hop.id] = hop
        for key in hop.keys:
            self.owner.setdefault(key, hop)

    def recorded_parent(self, hop: TrueHop) -> TrueHop | None:
        """The nearest hop above of which a record survived: the only parent that any log could show."""
        above = self.hops.get(hop.parent or "")
        while above is not None and not above.survived:
            above = self.hops.get(above.parent or "")
        return above


def key_of(reference: Mapping[str, Any]) -> Key:
    """The name of a record. A line goes by its digest alone, for not every line names its host."""
    log = reference["log"]
    if log == "windows":
        return ("windows", reference["computer"].casefold(), reference["channel"], str(reference["record"]))
    if log == "zeek":
        return ("zeek", reference["path"], reference["uid"])
    if log == "line":
        return ("line", reference["sha256"])
    return ("id", reference["id"])


def zone_of(folder: Path) -> str | None:
    """The time zone of the place: its administrator knows it, and many a gateway writes it without saying so. None where the truth
    does not tell."""
    try:
        zone = orjson.loads((folder / MADE).read_bytes())["spec"]["zone"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return str(zone)


def read_truth(folder: Path) -> Truth:
    """The truth in `folder`. Raises `InputError` where it is missing or not what a range writes."""
    truth = Truth()
    for name in ("visits.jsonl", "staff.jsonl"):
        for hop in _read(folder / name):
            truth.add(hop)
    return truth


def _hops(visit: Mapping[str, Any]) -> Iterator[TrueHop]:
    for hop in visit["hops"]:
        yield TrueHop(
            hop["id"],
            visit["id"],
            hop["parent"],
            visit["provider"],
            hop["protocol"],
            f"{visit['person']}: {hop['account']} {hop['source']} > {hop['target']} {hop['start']}",
            tuple(dict.fromkeys(map(key_of, hop["records"]))),
            tuple(_deeds(hop.get("actions", ()))),
            visit["person"],
        )


def _deeds(actions: Iterable[Mapping[str, Any]]) -> Iterator[TrueDeed]:
    for number, action in enumerate(actions):
        keys = tuple(dict.fromkeys(map(key_of, action["records"])))
        if keys and action["kind"] != ARRIVAL:
            yield TrueDeed(str(action["kind"]), keys, number)


def _read(path: Path) -> Iterator[TrueHop]:
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                try:
                    yield from _hops(orjson.loads(line))
                except (ValueError, KeyError, TypeError, AttributeError) as error:
                    raise InputError(
                        f"is no visit of a range: {error!r}", path=str(path), line=number
                    ) from error
    except OSError as error:
        remedy = "name a folder that `countersign range generate` wrote"
        raise InputError(f"cannot be read: {error.strerror}", path=str(path), remedy=remedy) from error
