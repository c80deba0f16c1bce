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
    text = "".join([f"{len(part)}:{part}" for part in parts[-2:]])
    digest.update(text.encode() if text.isascii() else b"".join(map(_framed, parts[-2:])))
    return digest.hexdigest()


def keyed_ids(start: tuple[str, ...], *parts: Iterable[str]) -> list[str]:
    """`keyed_id(*start, one, other, ...)` of many things that share `start`: each of `parts` has one part of every key."""
    begin = _begun(start).copy
    columns = [list(part) for part in parts]
    framed = [[f"{len(part)}:{part}" for part in column] for column in columns]
    ids: list[str] = []
    for place, text in enumerate(map("".join, zip(*framed, strict=True)) if len(framed) > 1 else framed[0]):
        digest = begin()
        if text.isascii():
            digest.update(text.encode())
        else:
            digest.update(b"".join([_framed(column[place]) for column in columns]))
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
    digest = _of_origin(origin).copy()
    digest.update(record)
    return digest.hexdigest()


def record_ids(records: Iterable[bytes], origin: str) -> list[str]:
    """`record_id` of many records of one origin."""
    begin = _of_origin(origin).copy
    ids: list[str] = []
    for record in records:
        digest = begin()
        digest.update(record)
        ids.append(digest.hexdigest())
    return ids


@lru_cache(maxsize=64)
def _of_origin(origin: str) -> hashlib.blake2b:
    digest = hashlib.blake2b(digest_size=ID_BYTES, person=b"countersign.rec")
    digest.update(b"%d:" % len(origin))
    digest.update(origin.encode("utf-8", "surrogatepass"))
    return digest
