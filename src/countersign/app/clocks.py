"""Whose clock is off: the hosts of a workspace, the worst first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from countersign.app.workspace import Workspace

SECOND = 1_000_000


@dataclass(frozen=True, slots=True)
class ClockOf:
    """One host's clock in seconds: how far it is ahead of most others (negative: behind), half of the spread between quartiles, the
    drift a day, the pairs of records it rests on, and whether it is reckoned with or lies within the noise."""

    host: str
    ahead: float
    spread: float
    drift: float
    pairs: int
    used: bool

    def document(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "host": self.host,
            "ahead": self.ahead,
            "spread": self.spread,
            "drift_per_day": self.drift,
            "pairs": self.pairs,
            "used": self.used,
        }


def clocks(workspace: Workspace) -> list[ClockOf]:
    """Every host that can be compared with another, that furthest off first."""
    from countersign.visits.asking import Days
    from countersign.visits.clocks import read
    from countersign.visits.facts import LEAVES
    from countersign.visits.names import HostNames
    from countersign.visits.presence import writers

    with workspace.reading() as lake:
        days = Days(lake.flat("events", LEAVES))
        clock = read(days, HostNames(writers(days)))
    found = [
        ClockOf(
            one.host,
            round(one.ahead / SECOND, 3),
            round(one.spread / SECOND, 3),
            round(one.drift / SECOND, 3),
            one.pairs,
            clock.ahead(one.host, one.middle) != 0,
        )
        for one in clock.offsets.values()
    ]
    return sorted(found, key=lambda one: (-abs(one.ahead), one.host))
