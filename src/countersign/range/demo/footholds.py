"""Where somebody acts from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from countersign.range.demo.logons import Session
from countersign.range.demo.programs import Program


@dataclass(slots=True)
class Foothold:
    """Where somebody acts from: an address, and a session and program where it is one of our machines."""

    name: str
    ip: str
    client: str
    ports: Iterator[int] | None = None
    session: Session | None = None
    program: Program | None = None

    def next_port(self) -> int:
        """The source port of the next connection."""
        if self.session is not None:
            return self.session.machine.next_port()
        if self.ports is None:
            raise RuntimeError("a foothold outside the estate needs its own ports")
        return next(self.ports)
