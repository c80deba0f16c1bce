"""Addresses as 128-bit numbers and networks as a table by prefix length; IPv4 is its mapped part of IPv6."""

from __future__ import annotations

import socket
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from countersign.rules.indicators.hashing import U64, HashTable, Ints, mixed

_LONGEST = 64
"""An IPv6 address with a zone has at most 39 + 1 + 15 characters."""
_MAPPED = b"\0" * 10 + b"\xff\xff"
_MAPPED_LOW = np.uint64(0xFFFF_0000_0000)
_SHAPE = r"^[0-9A-Fa-f:.]+(?:%.*)?$"
"""What an address can look like, so that host names need not be tried."""
_HIGH, _LOW, _LENGTH = (
    np.uint64(number) for number in (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9)
)


@lru_cache(maxsize=65_536)
def packed(text: str) -> bytes | None:
    """The 16 bytes of an address, strictly parsed; None if it is none. A zone (`%eth0`) is left out."""
    text = text.partition("%")[0]
    try:
        if ":" in text:
            return socket.inet_pton(socket.AF_INET6, text)
        return _MAPPED + socket.inet_pton(socket.AF_INET, text)
    except (OSError, ValueError):
        return None


def numbers(values: pa.Array) -> tuple[Ints, U64, U64]:
    """Of distinct `values` those that are addresses: (indexes, high halves, low halves)."""
    short = pc.and_(
        pc.less_equal(pc.binary_length(values), _LONGEST), pc.match_substring_regex(values, pattern=_SHAPE)
    )
    indexes = np.flatnonzero(short.to_numpy(zero_copy_only=False))
    found = [packed(text) for text in values.take(pa.array(indexes)).to_pylist()]
    known = np.fromiter((one is not None for one in found), dtype=bool, count=len(found))
    raw = np.frombuffer(b"".join(one for one in found if one is not None), dtype=">u8").astype(np.uint64)
    return indexes[known], raw[0::2], raw[1::2]


def _masks(length: npt.NDArray[np.int64] | int) -> tuple[U64, U64]:
    """The high and low half of the mask of a prefix length from 0 to 128."""
    lengths = np.atleast_1d(np.asarray(length, dtype=np.int64))
    full = np.uint64(0xFFFF_FFFF_FFFF_FFFF)

    def half(bits: npt.NDArray[np.int64]) -> U64:
        kept = np.clip(bits, 0, 64)
        shift = np.minimum(64 - kept, 63).astype(np.uint64)
        return np.where(kept == 0, np.uint64(0), full << shift).astype(np.uint64)

    return half(lengths), half(lengths - 64)


def _hashes(high: U64, low: U64, length: npt.NDArray[np.int64] | int) -> U64:
    lengths = np.asarray(length).astype(np.uint64)
    return mixed(mixed(high * _HIGH + lengths * _LENGTH) + low * _LOW)


class NetworkTable:
    """Distinct networks and addresses, written as `1.2.3.0/24`, `1.2.3.4`, `2001:db8::/32`."""

    def __init__(self, values: pa.Array) -> None:
        high, low, lengths = _networks(values.to_pylist())
        self._high, self._low, self._lengths = high, low, lengths
        self._table = HashTable(_hashes(high, low, lengths))
        mapped = (high == 0) & ((low >> np.uint64(32)) == np.uint64(0xFFFF))
        narrow = mapped & (lengths >= 96)
        wide = (lengths < 96) & (high == 0) & ((_MAPPED_LOW & _masks(lengths)[1]) == low)
        self._of_v4: list[int] = sorted(set(lengths[narrow | wide].tolist()))
        self._of_v6: list[int] = sorted(set(lengths[~narrow].tolist()))

    def find(self, values: pa.Array) -> tuple[Ints, Ints]:
        """Pairs (value, entry) in which the value is an address in the entry."""
        indexes, high, low = numbers(values)
        if not len(indexes):
            return indexes, indexes
        mapped = (high == 0) & ((low >> np.uint64(32)) == np.uint64(0xFFFF))
        pairs = [
            self._within(indexes[rows], high[rows], low[rows], length)
            for rows, lengths in ((mapped, self._of_v4), (~mapped, self._of_v6))
            if rows.any()
            for length in lengths
        ]
        if not pairs:
            return indexes[:0], indexes[:0]
        return np.concatenate([first for first, _ in pairs]), np.concatenate([second for _, second in pairs])

    def _within(self, indexes: Ints, high: U64, low: U64, length: int) -> tuple[Ints, Ints]:
        mask_high, mask_low = _masks(length)
        high, low = high & mask_high, low & mask_low
        places, entries = self._table.candidates(_hashes(high, low, length))
        same = (
            (self._lengths[entries] == length)
            & (self._high[entries] == high[places])
            & (self._low[entries] == low[places])
        )
        return indexes[places[same]], entries[same]


def _networks(texts: list[str]) -> tuple[U64, U64, Ints]:
    """Base and prefix length (of 128) of networks in normal form."""
    raw = bytearray()
    lengths = np.zeros(len(texts), dtype=np.int64)
    for index, text in enumerate(texts):
        base, slash, prefix = text.partition("/")
        found = packed.__wrapped__(base)
        if found is None:
            raise RuntimeError("a network is stored that is none")
        raw += found
        lengths[index] = 128 if not slash else int(prefix) + (0 if ":" in base else 96)
    halves = np.frombuffer(bytes(raw), dtype=">u8").astype(np.uint64)
    return halves[0::2], halves[1::2], lengths
