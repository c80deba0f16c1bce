"""Zeek's tab-separated logs with their header lines and `#close`, rotated each UTC day.

A connection is written when it ends, as Zeek does, so the lines of conn.log are in the order of ends.
"""

from __future__ import annotations

import random
import string
from collections.abc import Sequence
from dataclasses import dataclass

from countersign.range.demo.clock import Schedule, to_datetime
from countersign.range.demo.files import Files, Place
from countersign.range.writers.zeek import closing, header

BASE62 = string.ascii_letters + string.digits


@dataclass(frozen=True, slots=True)
class Flow:
    """A connection that the sensor saw begin."""

    uid: str
    start: int
    source: str
    source_port: int
    target: str
    target_port: int
    proto: str
    service: str


class ZeekLog:
    """The sensor on the core switch: sees what crosses it inside, and what goes out."""

    def __init__(self, files: Files, schedule: Schedule, rng: random.Random) -> None:
        self._files = files
        self._schedule = schedule
        self._rng = rng
        self._day = ""
        self._open: set[str] = set()

    def begin(
        self, source: str, source_port: int, target: str, target_port: int, service: str, proto: str = "tcp"
    ) -> Flow:
        """A connection begins now; nothing is written yet."""
        uid = "C" + "".join(self._rng.choices(BASE62, k=17))
        return Flow(uid, self._schedule.now, source, source_port, target, target_port, proto, service)

    def end(self, flow: Flow, sent: int, received: int) -> Place:
        """The connection ended now: its line in conn.log. `sent` and `received` as the originator saw them."""
        duration = (self._schedule.now - flow.start) / 1_000_000
        packets_out, packets_in = sent // 1400 + 3, received // 1400 + 3
        local = "T" if flow.target.startswith("10.") else "F"
        history, state = ("Dd", "SF") if flow.proto == "udp" else ("ShADadFf", "SF")
        overhead = 28 if flow.proto == "udp" else 40
        values = [
            flow.proto,
            flow.service or None,
            f"{duration:.6f}",
            sent,
            received,
            state,
            "T",
            local,
            0,
            history,
            packets_out,
            sent + overhead * packets_out,
            packets_in,
            received + overhead * packets_in,
            (),
        ]
        return self._write("conn", flow, flow.start, values)

    def entry(self, path: str, flow: Flow, values: Sequence[object]) -> Place:
        """A line of another log about `flow`, now. None is unset, an empty tuple the empty field."""
        return self._write(path, flow, self._schedule.now, values)

    def close(self) -> None:
        """Ends the files of the day."""
        end = closing(self._schedule.now).decode().rstrip("\n")
        for path in sorted(self._open):
            name = self._name(path)
            self._files.write(name, end)
            self._files.close(name)
        self._open.clear()

    def _write(self, path: str, flow: Flow, time: int, values: Sequence[object]) -> Place:
        day = f"{to_datetime(self._schedule.now):%Y-%m-%d}"
        if day != self._day:
            self.close()
            self._day = day
        if path not in self._open:
            self._open.add(path)
            self._header(path)
        head = (
            f"{time // 1_000_000}.{time % 1_000_000:06d}",
            flow.uid,
            flow.source,
            flow.source_port,
            flow.target,
            flow.target_port,
        )
        return self._files.write(self._name(path), "\t".join(_text(value) for value in (*head, *values)))

    def _header(self, path: str) -> None:
        for line in header(path, self._schedule.now).decode().splitlines():
            self._files.write(self._name(path), line)

    def _name(self, path: str) -> str:
        return f"zeek/{self._day}/{path}.log"


def _text(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, tuple):
        return ",".join(map(_text, value)) or "(empty)"
    if isinstance(value, bool):
        return "T" if value else "F"
    return str(value)
