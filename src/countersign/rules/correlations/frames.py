"""Hits as columns of numbers: the form in which correlations reckon."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from countersign.rules.correlations.windows import Ints

MISSING = -1
FAR = 1 << 61
"""Microseconds; times beyond are taken for it, so that a timespan can be taken from them."""
HOST = "\0host"
"""Stands among the fields for the host of a hit; no field has this name."""


@dataclass(frozen=True, slots=True)
class Words:
    """The texts of all hits, each once; `folded` has a number for each that is the same where only case differs."""

    texts: pa.Array
    folded: Ints

    def fold(self, codes: Ints) -> Ints:
        """Codes of texts as numbers without regard to case; missing ones stay so."""
        if not len(self.folded):
            return codes
        return np.where(codes == MISSING, MISSING, self.folded[codes])


@dataclass(frozen=True, slots=True)
class Frame:
    """The hits of one rule or correlation, in order of time and id.

    `texts` has for a field (casefolded) the codes of its values. `event` are numbers that are the same where the event is.
    `events` are the events of each hit, one for a rule's. `held` are the times at which the hit held, with its place: for
    a rule's hit its time.
    """

    ids: pa.Array
    time: Ints
    texts: Mapping[str, Ints]
    events: pa.ListArray
    event: Ints
    held: tuple[Ints, Ints] = field(repr=False)

    def column(self, name: str) -> Ints:
        """The codes of a field's values; all missing where no hit carries it."""
        found = self.texts.get(name)
        return np.full(len(self.time), MISSING, dtype=np.int64) if found is None else found


def base_frames(hits: pa.Table, wanted: Mapping[str, tuple[str, ...]]) -> tuple[dict[str, Frame], Words]:
    """The dated hits of the rules in `wanted` (id and casefolded fields), one frame a rule that has some.

    Hits without a time stand in no window. Of hits with one id one is taken.
    """
    asked = pa.array(sorted(wanted), pa.string())
    kept = pc.and_(pc.is_valid(hits["time"]), pc.is_in(hits["rule_id"], value_set=asked))
    table = hits.select(["id", "rule_id", "event", "time", "host", "fields"]).filter(kept).combine_chunks()
    rules = pc.index_in(table["rule_id"], value_set=asked).to_numpy().astype(np.int64)
    time = table["time"].cast(pa.timestamp("us", "UTC")).cast(pa.int64()).to_numpy()
    time = np.clip(time, -FAR, FAR)
    order = _order(rules, time, _flat(table["id"]))
    table, rules, time = table.take(pa.array(order)), rules[order], time[order]
    names = sorted({name for fields in wanted.values() for name in fields})
    texts, words = _texts(_flat(table["fields"]), _flat(table["host"]), names)
    ids, events = _flat(table["id"]), _flat(table["event"])
    event = _codes(events)
    frames: dict[str, Frame] = {}
    ends = np.searchsorted(rules, np.arange(len(asked) + 1))
    for number, id_ in enumerate(asked.to_pylist()):
        low, high = int(ends[number]), int(ends[number + 1])
        if low < high:
            own = events.slice(low, high - low)
            frames[id_] = Frame(
                ids.slice(low, high - low),
                time[low:high],
                {name: codes[low:high] for name, codes in texts.items()},
                pa.ListArray.from_arrays(pa.array(np.arange(high - low + 1), pa.int32()), own),
                event[low:high],
                (time[low:high], np.arange(high - low)),
            )
    return frames, words


def _flat(column: pa.ChunkedArray) -> pa.Array:
    found = column.combine_chunks()
    return found if isinstance(found, pa.Array) else pa.concat_arrays(found.chunks)


def _codes(array: pa.Array) -> Ints:
    codes: Ints = array.dictionary_encode().indices.fill_null(MISSING).to_numpy().astype(np.int64)
    return codes


def _order(rules: Ints, time: Ints, ids: pa.Array) -> Ints:
    """Positions by rule, time and id, without repeats. Only hits of one moment are compared by id."""
    order = np.lexsort((time, rules))
    same = (rules[order][1:] == rules[order][:-1]) & (time[order][1:] == time[order][:-1])
    if not same.any():
        return order
    tied = np.flatnonzero(np.append(same, False) | np.insert(same, 0, False))
    rank = np.zeros(len(order), dtype=np.int64)
    rank[order[tied]] = pc.rank(ids.take(pa.array(order[tied])), tiebreaker="dense").to_numpy()
    order = np.lexsort((rank, time, rules))
    again = np.zeros(len(order), dtype=bool)
    again[1:] = (
        (rules[order][1:] == rules[order][:-1])
        & (time[order][1:] == time[order][:-1])
        & (rank[order][1:] == rank[order][:-1])
        & (rank[order][1:] > 0)
    )
    return order[~again]


def _texts(fields: pa.MapArray, host: pa.Array, names: list[str]) -> tuple[dict[str, Ints], Words]:
    """For each of `names` and for the host the codes of the values, and the values."""
    size = len(fields)
    offsets = fields.offsets.to_numpy().astype(np.int64)
    rows = np.repeat(np.arange(size), np.diff(offsets))
    low, length = int(offsets[0]) if size else 0, len(rows)
    keys = fields.keys.slice(low, length).dictionary_encode()
    places = {name: place for place, name in enumerate(names)}
    of_key = np.array(
        [places.get(key.casefold(), MISSING) for key in keys.dictionary.to_pylist()], dtype=np.int64
    )
    field_ = of_key[keys.indices.to_numpy()] if length else np.empty(0, dtype=np.int64)
    chosen = np.flatnonzero(field_ != MISSING)
    values = fields.items.slice(low, length).take(pa.array(chosen))
    encoded = pa.concat_arrays([values.cast(pa.string()), host.cast(pa.string())]).dictionary_encode()
    codes = encoded.indices.fill_null(MISSING).to_numpy().astype(np.int64)
    texts: dict[str, Ints] = {HOST: codes[len(chosen) :]}
    for place, name in enumerate(names):
        of = np.flatnonzero(field_[chosen] == place)
        texts[name] = np.full(size, MISSING, dtype=np.int64)
        texts[name][rows[chosen[of]]] = codes[of]
    return texts, Words(encoded.dictionary, _folded(encoded.dictionary))


def _folded(texts: pa.Array) -> Ints:
    if pc.all(pc.string_is_ascii(texts)).as_py() is not False:
        return _codes(pc.ascii_lower(texts))
    return _codes(pa.array([text.casefold() for text in texts.to_pylist()], pa.string()))
