"""Random numbers that belong to a place: the same for the same (seed, host, day, purpose, index), whatever else is drawn.

SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014) as a hash: nothing has
a state, so that a stream can be written alone, in any process, and an activity more changes no other.
"""

from __future__ import annotations

import hashlib
import random

import numpy as np
from numpy.typing import NDArray

U64 = NDArray[np.uint64]
MASK = (1 << 64) - 1
_GOLDEN, _FIRST, _SECOND = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB


def mix(value: int) -> int:
    """64 bits that follow from `value` and do not look like it."""
    value = (value + _GOLDEN) & MASK
    value = ((value ^ (value >> 30)) * _FIRST) & MASK
    value = ((value ^ (value >> 27)) * _SECOND) & MASK
    return value ^ (value >> 31)


def mixed(values: U64) -> U64:
    """`mix` of each."""
    with np.errstate(over="ignore"):
        out = values + np.uint64(_GOLDEN)
        out = (out ^ (out >> np.uint64(30))) * np.uint64(_FIRST)
        out = (out ^ (out >> np.uint64(27))) * np.uint64(_SECOND)
        return out ^ (out >> np.uint64(31))


def key(*parts: object) -> int:
    """64 bits for a named place."""
    text = "\0".join(map(str, parts))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")


def generator(*parts: object) -> random.Random:
    """A generator of its own for a named place."""
    return random.Random(key(*parts))


def column(base: int, first: U64, *more: U64) -> U64:
    """One 64-bit number for each combination of `first` and `more`, under the key `base`."""
    out = mixed(first ^ np.uint64(base))
    for values in more:
        out = mixed(out ^ values)
    return out


def share(values: U64) -> NDArray[np.float64]:
    """Numbers in [0, 1) of 64-bit ones."""
    return (values >> np.uint64(11)).astype(np.float64) * (1.0 / (1 << 53))


def again(values: U64, purpose: int) -> NDArray[np.float64]:
    """Other numbers in [0, 1) of the same places, for another purpose."""
    return share(mixed(values ^ np.uint64(mix(purpose))))


_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
_THREE = 62**3


def _triples() -> list[bytes]:
    return [(a + b + c).encode() for a in _LETTERS for b in _LETTERS for c in _LETTERS]


class Names:
    """Identifiers of the products' shapes, of 64-bit numbers."""

    def __init__(self) -> None:
        self._triples = _triples()

    def uid(self, number: int) -> bytes:
        """A Zeek uid: C and 17 of 62 characters (96 bits, in base 62)."""
        table, other = self._triples, mix(number)
        parts = (
            table[number % _THREE],
            table[(number >> 18) % _THREE],
            table[(number >> 36) % _THREE],
            table[other % _THREE],
            table[(other >> 18) % _THREE],
            table[(other >> 36) % _THREE][:2],
        )
        return b"C" + b"".join(parts)


def guid(number: int) -> bytes:
    """A version 4 GUID, upper case without braces."""
    text = b"%016X%016X" % (number, mix(number ^ 0x6775_6964))
    return b"%b-%b-4%b-%02X%b-%b" % (
        text[:8],
        text[8:12],
        text[13:16],
        0x80 | (number & 0x3F),
        text[18:20],
        text[20:],
    )
