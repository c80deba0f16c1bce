"""Logs of what stands between a provider and a host: a bastion, remote support, agents, RADIUS; a file a day each."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import orjson

from countersign.range.streams.base import LOST, Common, Growing, Kept, Record, Today, fate_of


@dataclass(frozen=True, slots=True)
class Broker:
    """A product's log: its folder, the file's name before the date, the recorder's name, and where records have an id."""

    kind: str
    name: str
    recorder: str
    id_key: str = ""
    ending: str = "jsonl"


BROKERS = (
    Broker("bastion", "bastion/teleport", "bastion01", "uid"),
    Broker("support", "support/screenconnect", "screenconnect"),
    Broker("agents", "agents/ninjaone", "ninjaone", "id"),
    Broker("radius", "radius/NPS01/IN", "NPS01"),
    Broker("okta", "okta/system", "okta", "uuid"),
    Broker("vault", "vault/VAULT01", "VAULT01", ending="log"),
)
"""In the order of their streams."""


class BrokerStream(Kept):
    """Records of visits, as lines that are ready."""

    def __init__(self, common: Common, number: int, stream: int) -> None:
        super().__init__(common, stream, common.root / BROKERS[number].name)
        self.broker = BROKERS[number]

    def write(self, today: Today, visits: Sequence[Record]) -> None:
        """A day's records."""
        path = self.common.root / f"{self.broker.name}-{today.day.date:%Y-%m-%d}.{self.broker.ending}"
        self._file = Growing(path, compressed=self.common.estate.spec.compressed)
        for record in sorted(visits):
            self.visited(record)
        self._way.settle()

    def visited(self, record: Record) -> None:
        """Writes a visit's record."""
        body = record.body
        if not isinstance(body, bytes):
            raise RuntimeError("a broker's log holds its records ready")  # noqa: TRY004 # our own misuse
        fate = fate_of(record.number, self.common.estate)
        self._way.put(body + b"\n", fate, record.time, record.number)
        if record.ref is not None:
            self.common.sink.note(record.ref, fate != LOST, self._reference(body))

    def _reference(self, body: bytes) -> dict[str, object]:
        if self.broker.id_key:
            return {"log": self.broker.kind, "id": str(orjson.loads(body)[self.broker.id_key])}
        digest = hashlib.sha256(body).hexdigest()[:32]
        return {"log": "line", "host": self.broker.recorder, "sha256": digest}
