"""The plainest lines of a long list, many at a time: hashes, IPv4 addresses, domains, files and URLs, by their form.

Whatever is anything but plain (harmless spellings, comments, what is too broad) is left to `lists`, which goes line by
line; both give the same indicators.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from countersign.rules.indicators.addresses import packed
from countersign.rules.indicators.breadth import doubt, refusal
from countersign.rules.indicators.tables import Plain
from countersign.rules.indicators.terms import HASH_DIGITS, MAX_VALUE, Kind, Term
from countersign.rules.indicators.words import file_endings

Numbered = list[tuple[int, str]]
_HEX = r"^[0-9A-Fa-f]+$"
_ADDRESS = r"^[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}$"
_DOMAIN = r"^([a-z0-9_-]{1,63}\.)+[a-z]{2,63}$"
_URL = r"^https?://[a-z0-9._-]+/[!\"$-'*-Z^-z|~]*$"
"""Without a port, a fragment, or brackets, which might be somebody's way to make it harmless."""
_LONGEST = 253


def recognised(lines: Numbered) -> tuple[list[Plain], Numbered]:
    """What of numbered `lines` is plain, and the other lines."""
    texts = pc.utf8_trim_whitespace(pa.array([line for _, line in lines], pa.string()))
    done = np.zeros(len(lines), dtype=bool)
    found = []
    for kind, places, values in _kinds(texts):
        if len(places):
            done[places] = True
            found.append(Plain(kind, values))
    return found, [lines[place] for place in np.flatnonzero(~done).tolist()]


def _kinds(texts: pa.Array) -> Iterator[tuple[Kind, np.ndarray, pa.Array]]:
    lengths = pc.utf8_length(texts).to_numpy()
    for digits, kind in HASH_DIGITS.items():
        places = np.flatnonzero(lengths == digits)
        places = places[_matching(texts, places, _HEX)]
        yield kind, *_narrow(kind, places, pc.ascii_lower(texts.take(pa.array(places))))
    places = np.flatnonzero((lengths >= 7) & (lengths <= 15))
    places = places[_matching(texts, places, _ADDRESS)]
    values = texts.take(pa.array(places))
    real = np.fromiter(
        (packed(text) is not None for text in values.to_pylist()), dtype=bool, count=len(places)
    )
    yield Kind.ADDRESS, *_narrow(Kind.ADDRESS, places[real], values.filter(pa.array(real)))
    places = np.flatnonzero((lengths >= 4) & (lengths <= _LONGEST))
    places = places[_matching(texts, places, _DOMAIN)]
    values = texts.take(pa.array(places))
    ends = pc.list_element(pc.split_pattern(values, ".", max_splits=1, reverse=True), 1)
    named = pc.invert(pc.is_in(ends, pa.array(sorted(file_endings())))).to_numpy(zero_copy_only=False)
    yield Kind.DOMAIN, *_narrow(Kind.DOMAIN, places[named], values.filter(pa.array(named)))
    yield Kind.FILE, *_narrow(Kind.FILE, places[~named], values.filter(pa.array(~named)))
    places = np.flatnonzero((lengths >= 10) & (lengths <= MAX_VALUE))
    places = places[_matching(texts, places, _URL)]
    bare = pc.replace_substring_regex(texts.take(pa.array(places)), pattern="^https?://", replacement="")
    yield Kind.URL, *_narrow(Kind.URL, places, bare)


def _matching(texts: pa.Array, places: np.ndarray, pattern: str) -> np.ndarray:
    found = pc.match_substring_regex(texts.take(pa.array(places)), pattern=pattern)
    return np.asarray(found.to_numpy(zero_copy_only=False), dtype=bool)


def _narrow(kind: Kind, places: np.ndarray, values: pa.Array) -> tuple[np.ndarray, pa.Array]:
    """Those that are neither refused nor doubtful."""
    terms = (Term(kind, value) for value in values.to_pylist())
    kept = np.fromiter(
        (refusal(term) is None and doubt(term) is None for term in terms), dtype=bool, count=len(places)
    )
    return places[kept], values.filter(pa.array(kept))
