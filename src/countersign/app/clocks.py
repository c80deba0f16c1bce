"""Whose clock is off: the hosts of a workspace, the worst first."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from countersign.app.workspace import Workspace

if TYPE_CHECKING:
    from countersign.visits.zones import Step

SECOND = 1_000_000
HOUR = 3600 * SECOND
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


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
    steps: tuple[tuple[str, float, str], ...] = ()
    """From when on (ISO date, empty from the beginning) its times are so many hours ahead besides, and what that seems to mean."""

    def document(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "host": self.host,
            "ahead": self.ahead,
            "spread": self.spread,
            "drift_per_day": self.drift,
            "pairs": self.pairs,
            "used": self.used,
            "steps": [{"since": since, "hours": hours, "words": words} for since, hours, words in self.steps],
        }


def clocks(workspace: Workspace) -> list[ClockOf]:
    """Every host that can be compared with another, that furthest off first."""
    from countersign.visits.asking import Days
    from countersign.visits.clocks import read
    from countersign.visits.facts import LEAVES
    from countersign.visits.names import HostNames
    from countersign.visits.presence import writers

    zone = ZoneInfo(workspace.settings.zone)
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
            clock.ahead(one.host, one.middle) != 0 or one.host in clock.steps,
            tuple(_told(step, zone) for step in clock.steps.get(one.host, ()) if step.ahead),
        )
        for one in clock.offsets.values()
    ]
    return sorted(found, key=lambda one: (-max([abs(one.ahead), *_seconds(one)]), one.host))


def _seconds(one: ClockOf) -> list[float]:
    return [abs(hours) * 3600 for _, hours, _ in one.steps]


def _told(step: Step, zone: ZoneInfo) -> tuple[str, float, str]:
    """A step in words: a host that is behind by just as much as the place is ahead of UTC logs in UTC."""
    since = "" if step.since is None else (EPOCH + timedelta(microseconds=step.since)).date().isoformat()
    hours = step.ahead / HOUR
    offset = (
        None
        if step.since is None
        else (EPOCH + timedelta(microseconds=step.since, days=2)).astimezone(zone).utcoffset()
    )
    is_utc = offset is not None and offset / timedelta(hours=1) == -hours
    return (
        since,
        hours,
        "this host seems to log in UTC" if is_utc else "this host seems to log in another time zone",
    )
