"""One visit as it goes: what somebody does, and the records that this leaves in each place.

A scene has a clock of its own and tells each record to a `Teller`, which sorts them by stream. Nothing here asks what
another visit does, except for the address that a gateway gives out.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import replace

from countersign.range.calendar import SECOND
from countersign.range.draws import mix
from countersign.range.estate import Estate, Host
from countersign.range.plan.places import BY_WAY, WORK, Cause, Foothold, Teller
from countersign.range.plan.tables import Layout
from countersign.range.streams.base import Record, Ref
from countersign.range.streams.fields import Happened
from countersign.range.streams.zeek import Seen
from countersign.range.truth import TrueHop, TrueStep, TrueVisit


class Scene:
    """What all acts share; the acts themselves stand below, in `acts`."""

    def __init__(
        self, estate: Estate, layout: Layout, teller: Teller, visit: TrueVisit, rng: random.Random, day: int
    ) -> None:
        self.estate, self.layout, self.teller = estate, layout, teller
        self.visit, self.rng, self.day = visit, rng, day
        self.now = visit.start
        self.step = -1
        self.began: dict[int, int] = {}
        """When which process began; those of which nothing is known, with the visit."""
        self._count = 0

    # time and numbers

    def wait(self, least: float, most: float | None = None) -> None:
        """Seconds go by."""
        seconds = least if most is None else self.rng.uniform(least, most)
        self.now += int(seconds * SECOND)

    def number(self) -> int:
        """64 bits of this visit that nothing else has."""
        self._count += 1
        return mix(self.visit.key + self._count)

    # truth

    def hop(
        self, account: str, source: Foothold | None, source_name: str, target: str, protocol: str
    ) -> TrueHop:
        """An arrival begins."""
        hop = TrueHop(
            number=len(self.visit.hops),
            parent=None if source is None or source.hop < 0 else source.hop,
            account=account,
            source=source_name,
            source_ip="" if source is None else source.seen,
            target=target,
            protocol=protocol,
            start=self.now,
        )
        self.visit.hops.append(hop)
        return hop

    def deed(self, hop: TrueHop, host: str, kind: str, text: str, cause: Cause = WORK) -> None:
        """Something is done now; records that follow belong to it until `done`."""
        self.visit.steps.append(TrueStep(self.now, hop.number, host, kind, text, cause.technique, cause.step))
        self.step = len(self.visit.steps) - 1

    def came(self, hop: TrueHop, host: str, text: str, cause: Cause) -> None:
        """An arrival is an attack's step: all that no deed left of the hop is that step's, before and after."""
        if cause.step:
            self.visit.steps.append(
                TrueStep(
                    hop.start, hop.number, host, "logon", text, cause.technique, cause.step, arrival=True
                )
            )

    def came_by(self, hop: TrueHop, cause: Cause, text: str = "", aim: str = "") -> None:
        """The same of a way on, which is a technique of its own beside what it was for (`aim`)."""
        techniques = f"{aim} {BY_WAY.get(hop.protocol, '')}".strip() or cause.technique
        self.came(hop, hop.target, text or f"{hop.protocol} logon", replace(cause, technique=techniques))

    def done(self) -> None:
        """What follows belongs to the hop alone."""
        self.step = -1

    def still(self) -> None:
        """What follows belongs to the last deed again, until `done`."""
        self.step = len(self.visit.steps) - 1

    def ref(self, hop: TrueHop | None) -> Ref | None:
        """Whose the next record is."""
        return None if hop is None else Ref(self.visit.key, hop.number, self.step)

    # records

    def windows(
        self, host: Host, event: str, hop: TrueHop | None, data: Mapping[str, object], after: int = 0
    ) -> None:
        """An event on a host, if that one's logs are collected."""
        if not host.silent and not host.linux:
            record = Record(self.now + after, self.number(), Happened(event, data), self.ref(hop))
            self.teller.tell(host.index, record)

    def line(self, stream: int, hop: TrueHop | None, text: str, after: int = 0) -> None:
        """A line in a log of lines."""
        self.teller.tell(stream, Record(self.now + after, self.number(), text, self.ref(hop)))

    def unix(self, host: Host, hop: TrueHop | None, text: str, after: int = 0) -> None:
        """A line in a Linux host's auth.log."""
        if not host.silent:
            self.line(host.index, hop, text, after)

    def seen(self, seen: Seen, hop: TrueHop | None, site: int, target_site: int, after: int = 0) -> None:
        """A line of the sensor that sees the way from one site (-1: outside) to another."""
        if self.layout.sensors == 1:
            if site > 0 and target_site > 0:
                return
            stream = self.layout.sensor()
        else:
            stream = self.layout.sensor(max(site, target_site, 0))
        self.teller.tell(stream, Record(self.now + after, self.number(), seen, self.ref(hop)))

    def brought(self, stream: int, hop: TrueHop | None, number: int, body: bytes, after: int = 0) -> None:
        """A record that is ready, in a log in between; `number` is its own."""
        self.teller.tell(stream, Record(self.now + after, number, body, self.ref(hop)))

    def cloud(self, stream: int, hop: TrueHop | None, number: int, body: bytes) -> None:
        """A record of a cloud's log whose id is `number`."""
        self.teller.tell(stream, Record(self.now, number, body, self.ref(hop)))
