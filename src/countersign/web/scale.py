"""The time axis of a drawing: where a moment stands, which ticks it gets, and which hours are shaded.

Days begin at the zone's own midnights, so the axis stays right where the clock is set.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from countersign.web.times import MONTHS, day_text

NIGHT_BEGINS, NIGHT_ENDS = time(20), time(6)
"""Hours that are shaded as night. Only a help for the eye: what was agreed is in the verdicts."""
TICK_ROOM = 76
"""Least pixels between two ticks, so that `Thu 5 Mar` fits."""
MINUTES = (1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720)
DAY_STEPS = (1, 2, 7, 14, 28, 91, 182, 364, 728, 3640)
SHADE_NIGHTS, SHADE_WEEKENDS = timedelta(days=62), timedelta(days=400)
"""Longer periods get no shading: its stripes would be thinner than a pixel."""
SHORTEST = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class Tick:
    """A line on the axis with its text; `day` marks the zone's midnight."""

    x: float
    text: str
    day: bool


@dataclass(frozen=True, slots=True)
class Shade:
    """A stretch of night or weekend."""

    x: float
    width: float
    kind: str


@dataclass(frozen=True, slots=True)
class Scale:
    """Moments from `start` to `end` on pixels from `left` to `left + width`, in a zone."""

    start: datetime
    end: datetime
    left: float
    width: float
    zone: ZoneInfo

    @classmethod
    def around(cls, start: datetime, end: datetime, left: float, width: float, zone: ZoneInfo) -> Scale:
        """A scale with a little air on both sides."""
        end = max(end, start + SHORTEST)
        air = (end - start) * 0.02
        return cls(start - air, end + air, left, width, zone)

    def x(self, moment: datetime) -> float:
        """Pixels of a moment, kept inside."""
        share = (moment - self.start) / (self.end - self.start)
        return round(self.left + self.width * min(1.0, max(0.0, share)), 1)

    def ticks(self) -> list[Tick]:
        """Ticks on round local times, as close as their texts allow."""
        room = max(1.0, self.width / TICK_ROOM)
        minutes = (self.end - self.start) / timedelta(minutes=1)
        for step in MINUTES:
            if minutes / step <= room:
                return list(self._clock_ticks(timedelta(minutes=step)))
        days = next((n for n in DAY_STEPS if minutes / 1440 / n <= room), DAY_STEPS[-1])
        return list(self._day_ticks(days))

    def shades(self) -> list[Shade]:
        """Nights and weekends, where the period is short enough to show them."""
        span = self.end - self.start
        out: list[Shade] = []
        if span <= SHADE_WEEKENDS:
            saturdays = (day for day in self._days(1) if day.weekday() == 5)
            out += self._stretches(
                ((self._at(d), self._at(d + timedelta(days=2))) for d in saturdays), "weekend"
            )
        if span <= SHADE_NIGHTS:
            nights = (
                (self._at(day, NIGHT_BEGINS), self._at(day + timedelta(days=1), NIGHT_ENDS))
                for day in self._days(1)
            )
            out += self._stretches(nights, "night")
        return out

    def _clock_ticks(self, step: timedelta) -> Iterator[Tick]:
        for day in self._days(1):
            midnight, following = self._at(day), self._at(day + timedelta(days=1))
            for number in range(int((following - midnight) / step) + 1):
                moment = midnight + number * step
                if moment < following and self.start <= moment <= self.end:
                    local = moment.astimezone(self.zone)
                    text = day_text(local) if number == 0 else f"{local:%H:%M}"
                    yield Tick(self.x(moment), text, number == 0)

    def _day_ticks(self, days: int) -> Iterator[Tick]:
        for day in self._days(days):
            moment = self._at(day)
            if self.start <= moment <= self.end:
                local = moment.astimezone(self.zone)
                year = f"{local.day} {MONTHS[local.month - 1]} {local.year}"
                yield Tick(self.x(moment), day_text(local) if days < 28 else year, day=True)

    def _days(self, step: int) -> Iterator[date]:
        """Local dates whose day or night may touch the period."""
        day = self.start.astimezone(self.zone).date() - timedelta(days=2)
        last = self.end.astimezone(self.zone).date()
        if step > 1:
            day += timedelta(days=2)
        while day <= last:
            yield day
            day += timedelta(days=step)

    def _at(self, day: date, clock: time = time(0)) -> datetime:
        return datetime.combine(day, clock, self.zone).astimezone(self.start.tzinfo)

    def _stretches(self, stretches: Iterator[tuple[datetime, datetime]], kind: str) -> list[Shade]:
        out = []
        for begin, end in stretches:
            if end > self.start and begin < self.end:
                left, right = self.x(begin), self.x(end)
                out.append(Shade(left, round(right - left, 1), kind))
        return out
