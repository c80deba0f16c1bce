"""Who comes when: providers' people and services, and the customer's own administrators, day by day."""

from __future__ import annotations

import heapq
import random
from dataclasses import replace
from itertools import pairwise

from countersign.range.calendar import HOUR, MINUTE, SATURDAY, Day, moment
from countersign.range.draws import generator, key
from countersign.range.estate import Estate, Person, Provider
from countersign.range.plan.chores import synchronised
from countersign.range.plan.deeds import Deeds
from countersign.range.plan.leases import Leases
from countersign.range.plan.places import Desktop
from countersign.range.plan.plays import Play, Plays
from countersign.range.plan.tables import Layout
from countersign.range.streams.base import Record
from countersign.range.truth import TrueVisit
from countersign.range.writers.times import fill

HANDED_OVER = 0.8
"""How often in a working day a provider's shared session in a hospital is handed over."""
NIGHT_CALLS, EMERGENCIES = 0.18, 0.03
"""How often a provider is called at night, and how often for a host that it does not look after; each day."""
SYNCHRONISED = 6
"""How often in a day the directory is copied to the cloud; half-hourly in life."""
AWAY = 35 * MINUTE
"""For how long at least somebody is gone between two visits: who is back within half an hour has not left."""
LONGEST = 4 * HOUR
"""How long before a session is handed over nobody of the two begins another visit."""
PATCH_DAYS = range(8, 15)
"""The Saturday after the second Tuesday is when servers are patched."""

Begins = list[tuple[int, Play, TrueVisit]]
"""When which visit begins, and what happens in it."""


class Planner:
    """Makes the visits of one day after the other, with their records by stream."""

    def __init__(self, estate: Estate, layout: Layout) -> None:
        self.estate, self.layout = estate, layout
        self._leases = Leases(estate.spec.gateways)
        self._plays = Plays(estate)
        self._later: dict[int, list[Record]] = {}
        self._now: dict[int, list[Record]] = {}
        self._end = 0
        self._beside = False
        self._people = _people(estate)
        self._gone: dict[str, int] = {}
        """Who was here: until when."""
        fill()

    def tell(self, stream: int, record: Record) -> None:
        """A record, of today or of a day to come."""
        where = self._now if record.time < self._end else self._later
        where.setdefault(stream, []).append(record)

    def lease(self, gateway: str, now: int) -> str:
        """An address of a gateway."""
        return self._leases.aside(gateway, now) if self._beside else self._leases.lease(gateway, now)

    def release(self, gateway: str, address: str, now: int) -> None:
        """Gives an address back."""
        if not self._beside:
            self._leases.release(gateway, address, now)

    def day(self, day: Day, more: Begins | None = None) -> tuple[dict[int, list[Record]], list[TrueVisit]]:
        """The records of a day by stream, and the visits that begin on it. `more` are visits beside the ordinary ones."""
        self._end = day.end if day.number < self.estate.spec.days - 1 else 1 << 62
        waiting, self._now, self._later = self._later, {}, {}
        for stream, records in waiting.items():
            for record in records:
                self.tell(stream, record)
        self._beside = False
        visits = self._in_turn(day)
        # overlays come last and take nothing away, so that ordinary visits stay what they are without them
        self._beside = True
        visits += [self._played(day, *begin) for begin in more or []]
        return self._now, visits

    def _in_turn(self, day: Day) -> list[TrueVisit]:
        """The ordinary visits in the order of their begin. Nobody is in two at a time: who is not gone yet comes later."""
        waiting = [(start, visit.key, play, visit) for start, play, visit in self._begins(day)]
        heapq.heapify(waiting)
        # who hands a session over or takes one over today, and when that begins
        handing = {self._who(visit): start for start, *_, visit in waiting if "handed over" in visit.tags}
        visits = []
        while waiting:
            start, key_, play, visit = heapq.heappop(waiting)
            who = self._who(visit)
            free = self._free(visit, start, handing.get(who))
            if free <= start:
                visits.append(self._played(day, start, play, visit))
                if visit.kind == "person":
                    self._gone[who] = visits[-1].end
            elif not self._too_late(day, who, start, free):
                heapq.heappush(waiting, (free, key_, play, visit))
        return visits

    def _who(self, visit: TrueVisit) -> str:
        """Whose visit it is: names are given once in an estate, and the first administrator breaks the glass."""
        known = self.estate.administrators[0].known if "break-glass" in visit.tags else visit.person
        return f"{visit.provider}/{known}"

    def _free(self, visit: TrueVisit, start: int, handing: int | None) -> int:
        """When somebody who wanted to come at `start` can."""
        if visit.kind != "person" or "handed over" in visit.tags:
            return start
        if handing is not None and handing - LONGEST < start < handing + HOUR:
            return handing + HOUR
        gone = self._gone.get(self._who(visit))
        return start if gone is None else max(start, gone + AWAY)

    def _too_late(self, day: Day, who: str, start: int, free: int) -> bool:
        """Whether a visit that was put off is not made any more: the shift is over, or the day."""
        person = self._people.get(who)
        end = day.end if person is None else moment(day.date, person.hours[1], person.zone)
        return free >= day.end or start < end <= free

    def _played(self, day: Day, start: int, play: Play, visit: TrueVisit) -> TrueVisit:
        # a plan is played more than once, and each time from its begin
        visit = replace(visit, hops=[], steps=[], start=start)
        acts = Deeds(self.estate, self.layout, self, visit, random.Random(visit.key), day.number)
        play(acts)
        visit.end = acts.now
        for hop in visit.hops:
            hop.end = hop.end or acts.now
        return visit

    # who comes when

    def _begins(self, day: Day) -> Begins:
        out = Begins()
        for provider in self.estate.providers:
            out += self._of_provider(provider, day)
        for number, person in enumerate(self.estate.administrators):
            out += self._of_administrator(number, person, day)
        out += self._in_outage(day)
        for number in range(SYNCHRONISED):
            start = day.start + int((number + 0.3) * day.length / SYNCHRONISED)
            visit = self._visit(start, "", "directory synchronisation", "service", "sync", day.number, number)
            out.append((start, synchronised, visit))
        return out

    def _visit(
        self, start: int, provider: str, person: str, kind: str, *parts: object, tags: tuple[str, ...] = ()
    ) -> TrueVisit:
        return TrueVisit(
            key(self.estate.seed, "visit", provider, *parts), provider, person, kind, start, tags=tags
        )

    def _of_provider(self, provider: Provider, day: Day) -> Begins:
        spec, out = provider.spec, []
        rng = generator(self.estate.seed, "calls", spec.name, day.number)
        patching = day.date.weekday() == SATURDAY and day.date.day - 4 in PATCH_DAYS
        working = day.date.weekday() < SATURDAY and (not day.holiday or rng.random() < 0.3)
        for number, person in enumerate(provider.people):
            its = generator(self.estate.seed, "person", spec.name, number, day.number)
            if not person.joined <= day.number < person.left or day.number in person.absent:
                continue
            count = _times(its, spec.visits) if working else int(patching and its.random() < 0.6)
            for one in range(count):
                start = self._shift(person, day, its) if working else self._evening(day, its)
                tags = (("patching",) if patching else ()) + (("shared account",) if person.shared else ())
                play = self._plays.of_provider(provider, person, its.random(), patching=patching)
                visit = self._visit(
                    start,
                    spec.name,
                    person.known,
                    "person",
                    number,
                    day.number,
                    one,
                    tags=tags,
                )
                out.append((start, play, visit))
        if spec.on_call and rng.random() < NIGHT_CALLS:
            out.append(self._called(provider, day, rng))
        for number, service in enumerate(provider.services):
            start = self._nightly(day, number, rng)
            visit = self._visit(start, spec.name, service.name, "service", "service", number, day.number)
            out.append((start, self._plays.unattended(provider, service), visit))
        more = (
            *self._maintained(provider, day),
            *self._automatic(provider, day),
            *self._handed_over(provider, day),
        )
        return [*out, *more]

    def _handed_over(self, provider: Provider, day: Day) -> Begins:
        """In a hospital two who share an account hand their session on the jump host over in the middle of the day."""
        rng = generator(self.estate.seed, "handover", provider.spec.name, day.number)
        here = [p for p in provider.people if p.shared and p.joined <= day.number < p.left]
        pairs = [(a, b) for a, b in pairwise(here) if a.account is b.account]
        if (
            self.estate.spec.profile != "hospital"
            or not pairs
            or not day.working
            or rng.random() > HANDED_OVER
        ):
            return []
        first, second = rng.choice(pairs)
        change = moment(day.date, "14:00", self.estate.spec.zone) + rng.randrange(60) * MINUTE
        held: list[Desktop] = []
        plays = (
            (change - HOUR, first, self._plays.handing_over(provider, first, change, held)),
            (change + MINUTE, second, self._plays.taking_over(provider, second, held)),
        )
        tags = ("shared account", "handed over")
        return [
            (
                start,
                play,
                self._visit(
                    start, provider.spec.name, person.known, "person", "handover", day.number, n, tags=tags
                ),
            )
            for n, (start, person, play) in enumerate(plays)
        ]

    def _maintained(self, provider: Provider, day: Day) -> Begins:
        """The hosts that a provider's management agent looks after in a night, in turn."""
        spec, hosts = provider.spec, self.estate.hosts
        windows = [i for i in provider.servers if not hosts[i].linux]
        if not (provider.services and windows and spec.agents):
            return []
        rng = generator(self.estate.seed, "agents", spec.name, day.number)
        start = moment(day.date, f"22:{30 + rng.randrange(30)}", self.estate.spec.zone)
        first, service = day.number * spec.agents, provider.services[-1]
        those = [hosts[windows[(first + n) % len(windows)]] for n in range(min(spec.agents, len(windows)))]
        visit = self._visit(start, spec.name, service.name, "service", "agents", day.number)
        return [(start, self._plays.maintained(service, those), visit)]

    def _automatic(self, provider: Provider, day: Day) -> Begins:
        """A hospital's vendors have workstations that log on by themselves each morning."""
        estate, out = self.estate, Begins()
        if estate.spec.profile != "hospital" or not provider.services:
            return out
        account = provider.services[0].account
        desks = estate.by_role["workstation"][provider.number :: len(estate.providers)][
            : max(1, len(estate.hosts) // 200)
        ]
        for number, index in enumerate(desks):
            start = moment(day.date, f"05:{number % 60:02d}", estate.spec.zone)
            until = moment(day.date, "23:10", estate.spec.zone)
            visit = self._visit(
                start, provider.spec.name, account.name, "service", "auto", number, day.number
            )
            play = self._plays.automatic(replace(account, admin=False), estate.hosts[index], until)
            out.append((start, play, visit))
        return out

    def _called(self, provider: Provider, day: Day, rng: random.Random) -> tuple[int, Play, TrueVisit]:
        """Somebody is called at night, and comes over a mobile network or from home."""
        spec = provider.spec
        person = provider.people[(day.number // 7) % len(provider.people)]
        start = moment(
            day.date, f"{rng.choice((1, 2, 3, 4, 5, 20, 21, 22)):02d}:{rng.randrange(60):02d}", spec.zone
        )
        start = max(start, day.start + MINUTE)
        origin = str(rng.choice(spec.mobile or spec.origins)[rng.randrange(1, 7)])
        odd = rng.random() < EMERGENCIES / NIGHT_CALLS
        visit = self._visit(
            start,
            spec.name,
            person.known,
            "person",
            "call",
            day.number,
            tags=("on call", *(["emergency"] * odd)),
        )
        return start, self._plays.of_provider(provider, person, 0.0, origin=origin, emergency=odd), visit

    def _shift(self, person: Person, day: Day, rng: random.Random) -> int:
        begin, end = (moment(day.date, text, person.zone) for text in person.hours)
        if end < begin:
            end = begin + 8 * HOUR
        first, last = begin + 15 * MINUTE, max(end - 2 * HOUR, begin + HOUR)
        return min(max(first + int(rng.random() * (last - first)), day.start), day.end - MINUTE)

    def _evening(self, day: Day, rng: random.Random) -> int:
        return moment(day.date, "19:00", self.estate.spec.zone) + int(rng.random() * 4 * HOUR)

    def _in_outage(self, day: Day) -> Begins:
        """A hospital's clinical system stands still: its vendors come at any hour, and the break-glass account is used."""
        out = Begins()
        if self.estate.spec.profile != "hospital" or day.number not in {
            self.estate.spec.days // 2,
            self.estate.spec.days // 2 + 1,
        }:
            return out
        clinical = set(self.estate.by_role["clinical"])
        rng = generator(self.estate.seed, "outage", day.number)
        for provider in self.estate.providers:
            for one in range(3 if clinical & set(provider.servers) else 0):
                person = rng.choice(provider.people)
                start = day.start + 4 * HOUR + int(rng.random() * 16 * HOUR)
                visit = self._visit(
                    start,
                    provider.spec.name,
                    person.known,
                    "person",
                    "outage",
                    day.number,
                    one,
                    tags=("outage", "emergency"),
                )
                out.append((start, self._plays.of_provider(provider, person, 0.0, emergency=True), visit))
        first = self.estate.administrators[0]
        person = replace(
            first, account=replace(first.account, name="breakglass01", sid=first.account.sid + "7")
        )
        start = day.start + 5 * HOUR + int(rng.random() * 3 * HOUR)
        out.append(
            (
                start,
                self._plays.own(person),
                self._visit(start, "", "break-glass", "person", "glass", day.number, tags=("break-glass",)),
            )
        )
        return out

    def _nightly(self, day: Day, number: int, rng: random.Random) -> int:
        return moment(day.date, f"{21 + number % 2}:{5 + number % 50:02d}", self.estate.spec.zone) + int(
            rng.random() * 4 * MINUTE
        )

    def _of_administrator(self, number: int, person: Person, day: Day) -> Begins:
        out = Begins()
        rng = generator(self.estate.seed, "administrator", number, day.number)
        if not day.working or day.number in person.absent:
            return out
        for one in range(_times(rng, 4)):
            start = self._shift(person, day, rng)
            visit = self._visit(start, "", person.name, "person", number, day.number, one)
            out.append((start, self._plays.own(person), visit))
        return out


def _times(rng: random.Random, mean: float) -> int:
    return int(mean * rng.uniform(0.4, 1.6) + rng.random())


def _people(estate: Estate) -> dict[str, Person]:
    """Everybody by whose visits they are."""
    everyone = [*estate.administrators, *(one for provider in estate.providers for one in provider.people)]
    return {f"{person.provider}/{person.known}": person for person in everyone}
