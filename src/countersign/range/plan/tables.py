"""A day's tables: rows are what hosts do, records what that leaves in each stream; and the numbers of the streams."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from countersign.range.draws import U64

BROKERS = ("bastion", "support", "agents", "radius", "okta", "vault")
I64 = NDArray[np.int64]
I32 = NDArray[np.int32]
Mask = NDArray[np.bool_]


@dataclass(slots=True)
class Rows:
    """Rows by column; `length` is how long it takes, in microseconds."""

    kind: NDArray[np.int8]
    time: I64
    source: I32
    target: I32
    who: NDArray[np.int8]
    length: I64
    seed: U64

    @classmethod
    def joined(cls, parts: Iterable[Rows]) -> Rows:
        """All rows of `parts`."""
        rows = list(parts)
        names = cls.__dataclass_fields__
        return cls(*(np.concatenate([getattr(row, name) for row in rows]) for name in names))

    def __len__(self) -> int:
        return len(self.time)


@dataclass(slots=True)
class Records:
    """What rows leave behind, in the order of stream and time."""

    stream: I32
    time: I64
    kind: NDArray[np.int8]
    row: I32
    bounds: list[int]
    """Where each stream begins, and the end of the last."""

    def of(self, stream: int) -> slice:
        """The records of one stream."""
        return slice(self.bounds[stream], self.bounds[stream + 1])


@dataclass(slots=True)
class Layout:
    """Numbers of streams: hosts first, then sensors, gateways, and the clouds' logs."""

    hosts: int
    sensors: int
    gateways: int
    aws: int
    cloud: bool

    def sensor(self, number: int = 0) -> int:
        """A network sensor's stream."""
        return self.hosts + number

    def gateway(self, number: int) -> int:
        """A gateway's stream."""
        return self.hosts + self.sensors + number

    @property
    def entra(self) -> int:
        """Entra's sign-ins and audit."""
        return self.hosts + self.sensors + self.gateways

    @property
    def m365(self) -> int:
        """The unified audit log."""
        return self.entra + 1

    def trail(self, number: int) -> int:
        """The trail of an AWS account."""
        return self.entra + 2 + number

    def broker(self, kind: str) -> int:
        """The log of a product that stands in between: one of `BROKERS`."""
        return self.entra + 2 + self.aws + BROKERS.index(kind)

    @property
    def total(self) -> int:
        """How many streams there are."""
        return self.entra + 2 + self.aws + len(BROKERS)
