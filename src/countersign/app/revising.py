"""What a review changed about visits that were told before: late records move an entry, settle a link, bring a hop or take one away.

The visits that a review makes are held against those that the last one left. A visit keeps the ids it had (`aliases`) and a short
history of what was revised (`revisions`), newest first. Both depend on when reviews were run, all else of a visit does not. They are
written with the visits, in the same commit: a review that is killed has either told of a change and stored it, or neither.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from countersign.model.visible import visible
from countersign.model.visit import Hop, Revision, Visit

KEPT = 20
"""Revisions that a visit keeps, the newest."""
AT_ONCE = 10
"""Of one review; how many more there were is said."""
NAMED = 3
"""Candidates of an ambiguous link that are named."""
NAME, REASON = 80, 240
"""Characters of a name, and of a link's reason."""


@dataclass(frozen=True, slots=True)
class Revised:
    """The visits with their histories, how many of them this review revised, and how many stored ones have become none of them."""

    visits: tuple[Visit, ...]
    revised: int = 0
    gone: int = 0


def revise(made: Sequence[Visit], stored: Iterable[Visit], as_of: datetime) -> Revised:
    """`made` with the aliases and histories of what was `stored`, and with what is different now, as of `as_of`."""
    before = sorted(stored, key=lambda visit: visit.id)
    if not before:
        return Revised(tuple(made))
    told = _Held(made, before)
    visits, changed = [], 0
    for index, visit in enumerate(made):
        news = [Revision(as_of, kind, hop, text) for kind, hop, text in told.changes(index)]
        if len(news) > AT_ONCE:
            more = f"and {len(news) - AT_ONCE:,} more changes at once"
            news = [*news[:AT_ONCE], Revision(as_of, "more", visit.id, more)]
        changed += bool(news)
        old = [one for was in told.earlier[index] for one in was.revisions]
        old.sort(key=lambda one: one.time, reverse=True)
        history = tuple(dict.fromkeys([*news, *old]))[:KEPT]
        visits.append(replace(visit, aliases=told.aliases(index), revisions=history))
    successors = {was.id for olds in told.earlier.values() for was in olds}
    return Revised(tuple(visits), changed, sum(was.id not in successors for was in before))


@dataclass(slots=True)
class _Held:
    """The visits made, held against those before. `became` is where each old hop is now, `earlier` which old visits each new one was,
    its own id first."""

    made: Sequence[Visit]
    before: Sequence[Visit]
    hops: dict[str, Hop] = field(default_factory=dict)
    olds: dict[str, Hop] = field(default_factory=dict)
    home: dict[str, int] = field(default_factory=dict)
    was_in: dict[str, Visit] = field(default_factory=dict)
    became: dict[str, str] = field(default_factory=dict)
    came_of: dict[str, str] = field(default_factory=dict)
    present: set[str] = field(default_factory=set)
    earlier: dict[int, list[Visit]] = field(default_factory=lambda: defaultdict(list))
    parts: dict[int, list[Hop]] = field(default_factory=lambda: defaultdict(list))

    def __post_init__(self) -> None:
        for index, visit in enumerate(self.made):
            self.present.add(visit.id)
            for hop in visit.hops:
                self.hops[hop.id], self.home[hop.id] = hop, index
        for was in self.before:
            self.olds.update({hop.id: hop for hop in was.hops})
            self.was_in.update({hop.id: was for hop in was.hops})
        self._match()
        for was in self.before:
            now = self._heir(was)
            if now is not None:
                self.earlier[now].append(was)
        for index, olds in self.earlier.items():
            olds.sort(key=lambda was: (was.id != self.made[index].id, was.id))
            self.parts[index] = [hop for was in olds for hop in was.hops]

    def _heir(self, was: Visit) -> int | None:
        """The visit that an old one is now: where its entry is; where that is none any more, where half of its hops or more are."""
        if was.entry in self.became:
            return self.home[self.became[was.entry]]
        count = Counter(self.home[self.became[hop.id]] for hop in was.hops if hop.id in self.became)
        most = min(count, key=lambda index: (-count[index], self.made[index].id), default=None)
        return most if most is not None and 2 * count[most] >= len(was.hops) else None

    def _match(self) -> None:
        """An old hop is the new one of the same id, else the one that has most of its records (a late first record gives a hop
        another id), else that in which most of the same was done (of a session seen in use the late logon is all that is cited)."""
        cited: dict[str, list[str]] = defaultdict(list)
        done: dict[str, list[str]] = defaultdict(list)
        for hop in self.hops.values():
            for reference in hop.records:
                cited[reference.event].append(hop.id)
            for action in hop.actions:
                done[action.reference.event].append(hop.id)
        shares: list[tuple[int, str, str]] = []
        for id_, old in self.olds.items():
            if id_ in self.hops:
                self.became[id_] = self.came_of[id_] = id_
                continue
            count = Counter(holder for r in old.records for holder in cited.get(r.event, ())) or Counter(
                holder for action in old.actions for holder in done.get(action.reference.event, ())
            )
            near = [one for one in count if self.hops[one].target == old.target] or list(count)
            if near:
                best = min(near, key=lambda one: (-count[one], one))
                self.became[id_] = best
                shares.append((-count[best], id_, best))
        for _, id_, best in sorted(shares):
            self.came_of.setdefault(best, id_)

    def aliases(self, index: int) -> tuple[str, ...]:
        """Ids that were this visit's and are nobody's now."""
        names = {id_ for was in self.earlier[index] for id_ in (was.id, *was.aliases)}
        return tuple(sorted(names - self.present))

    def changes(self, index: int) -> Iterator[tuple[str, str, str]]:
        """Kind, hop and words of each change of this visit, those of the whole visit first."""
        visit, olds = self.made[index], self.earlier[index]
        if not olds:
            yield from self._apart(visit)
            return
        yield from self._whole(visit, olds)
        late = max((moment for was in olds for moment in _moments(was)), default=None)
        for hop in visit.hops:
            if hop.id != visit.entry or hop.id in self.came_of:  # else told with the entry that moved
                yield from self._of_hop(hop, olds, late)
        for old in self.parts[index]:
            yield from self._left(old, index)

    def _apart(self, visit: Visit) -> Iterator[tuple[str, str, str]]:
        """A visit that nobody told of: of its hops, some may have been another's."""
        was = {self.was_in[self.came_of[hop.id]].id for hop in visit.hops if hop.id in self.came_of}
        for id_ in sorted(was):
            yield "visit", visit.id, f"was told as part of visit {id_}"

    def _whole(self, visit: Visit, olds: Sequence[Visit]) -> Iterator[tuple[str, str, str]]:
        first = olds[0]
        entry, old = self.hops[visit.entry], self.olds[first.entry]
        if self.became.get(first.entry) != visit.entry:
            yield "entry", visit.id, f"entry moved: was {_way(old)}, is {_way(entry)}; was visit {first.id}"
        elif first.id != visit.id:
            yield "entry", visit.id, f"an earlier record of the entry came; was visit {first.id}"
        for other in olds[1:]:
            words = f"visit {other.id}, which came by {_way(self.olds[other.entry])}, is part of this one"
            yield "visit", self.became.get(other.entry, visit.id), words
        if (visit.provider, visit.person) != (first.provider, first.person):
            words = (
                f"was {_cut(first.person)} of {first.provider}, is {_cut(visit.person)} of {visit.provider}"
            )
            yield "person", visit.id, words

    def _of_hop(
        self, hop: Hop, olds: Sequence[Visit], late: datetime | None
    ) -> Iterator[tuple[str, str, str]]:
        id_ = self.came_of.get(hop.id)
        if id_ is None:
            # what began after everything that was told is the visit going on, no revision of it
            first = hop.start or hop.end
            if first is None or (late is not None and first < late):
                yield "hop joined", hop.id, f"{_way(hop)} joined: {self._link(hop, self.hops)}"
            return
        old, was = self.olds[id_], self.was_in[id_]
        if was not in olds:
            yield "hop joined", hop.id, f"{_way(hop)} joined from visit {was.id}: {self._both(old, hop)}"
        elif self._different(old, hop):
            yield "link", hop.id, f"{_way(hop)}: {self._both(old, hop)}"
        if old.start != hop.start:
            yield "start", hop.id, f"{_way(hop)}: began {_time(hop.start)}, was told as {_time(old.start)}"

    def _left(self, old: Hop, index: int) -> Iterator[tuple[str, str, str]]:
        now = self.became.get(old.id)
        if now is None:
            yield "hop left", old.id, f"{_way(old)} left: it is in no visit now"
        elif self.home[now] != index:
            other = self.made[self.home[now]].id
            words = f"{_way(old)} left: it is of visit {other} now: {self._both(old, self.hops[now])}"
            yield "hop left", now, words
        elif self.came_of[now] != old.id:
            yield "hop left", now, f"{_way(old)} is one hop with {_way(self.hops[now])}"

    def _different(self, old: Hop, hop: Hop) -> bool:
        """Whether the link says something else: how sure, to which hop, between which."""
        then = [old.parent, *old.link.candidates]
        now = [hop.parent, *hop.link.candidates]
        return old.link.kind != hop.link.kind or now != [self.became.get(id_ or "", id_) for id_ in then]

    def _both(self, old: Hop, hop: Hop) -> str:
        return f"was {self._link(old, self.olds)}; is {self._link(hop, self.hops, why=True)}"

    def _link(self, hop: Hop, among: Mapping[str, Hop], *, why: bool = False) -> str:
        link = hop.link
        if link.candidates:
            named = [_place(among.get(id_), id_) for id_ in link.candidates[:NAMED]]
            more = len(link.candidates) - NAMED
            return f"{link.kind} between {', '.join(named)}{f' and {more} more' if more > 0 else ''}"
        start = "" if hop.parent is None else f" from {_place(among.get(hop.parent), hop.parent)}"
        return f"{link.kind}{start}{f': {_cut(link.reason, REASON)}' if why else ''}"


def _moments(visit: Visit) -> Iterator[datetime]:
    for hop in visit.hops:
        yield from (moment for moment in (hop.start, hop.end) if moment is not None)
        yield from (action.time for action in hop.actions)


def _cut(text: str, limit: int = NAME) -> str:
    return visible(text, limit)


def _way(hop: Hop) -> str:
    return f"{_cut(hop.source) or '?'} > {_cut(hop.target) or '?'} ({hop.protocol})"


def _place(hop: Hop | None, id_: str) -> str:
    if hop is None:
        return f"a hop told no more ({id_[:8]})"
    return f"{_cut(hop.target) or '?'} as {_cut(hop.account)} since {_time(hop.start)}"


def _time(moment: datetime | None) -> str:
    return "an unknown time" if moment is None else f"{moment:%Y-%m-%d %H:%M:%S}Z"
