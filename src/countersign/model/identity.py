"""Ids that do not depend on order, batch, run or machine."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from functools import lru_cache

ID_BYTES = 16
"""128 bits: at 10^12 events a chance collision has a probability of about 10^-15."""


def keyed_id(*parts: str) -> str:
    """Id of a thing from its own key, for example source family, computer, channel, record id, second.

    Parts are length-prefixed, so that no two different keys run together.
    """
    digest = _begun(parts[:-2]).copy()
    digest.update(b"".join(map(_framed, parts[-2:])))
    return digest.hexdigest()


def keyed_ids(start: tuple[str, ...], ones: Iterable[str], others: Iterable[str]) -> list[str]:
    """`keyed_id(*start, one, other)` of many pairs that share `start`."""
    begin = _begun(start).copy
    ids: list[str] = []
    for one, other in zip(ones, others, strict=True):
        digest = begin()
        text = f"{len(one)}:{one}{len(other)}:{other}"
        digest.update(text.encode() if text.isascii() else _framed(one) + _framed(other))
        ids.append(digest.hexdigest())
    return ids


def _framed(part: str) -> bytes:
    data = part.encode("utf-8", "surrogatepass")
    return b"%d:%b" % (len(data), data)


@lru_cache(maxsize=4096)
def _begun(parts: tuple[str, ...]) -> hashlib.blake2b:
    """The digest after all parts but the last two: those vary, the ones before repeat from record to record."""
    digest = hashlib.blake2b(digest_size=ID_BYTES, person=b"countersign.key")
    for part in parts:
        digest.update(_framed(part))
    return digest


def record_id(record: bytes, origin: str) -> str:
    """Id of a record that brings no key: its bytes and the origin label it was collected under."""
    digest = hashlib.blake2b(digest_size=ID_BYTES, person=b"countersign.rec")
    digest.update(b"%d:" % len(origin))
    digest.update(origin.encode("utf-8", "surrogatepass"))
    digest.update(record)
    return digest.hexdigest()
