"""Visits of the product held against the truth, by the records that both cite."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping

from countersign.evaluate.made import MadeHop
from countersign.evaluate.score import (
    AMBIGUOUS,
    FALSE_PROVEN,
    KINDS,
    NOT_IN_VISIT,
    WRONG_VISIT,
    Deeds,
    Links,
    Miss,
    Protocol,
    Score,
)
from countersign.evaluate.truth import Key, TrueHop, Truth

RECORDS_SHOWN = 8
CANDIDATES = 3
AND = " and "
"""Between the names of those who share an account."""


class Comparison:
    """The truth's hops and the product's, matched in both directions.

    `named` gives the truth's name of an event's record. Nothing depends on the order of its arguments.
    """

    def __init__(self, truth: Truth, made: Mapping[str, MadeHop], named: Mapping[str, Key]) -> None:
        self.truth, self.made, self.named = truth, made, named
        self.main: dict[str, TrueHop] = {}
        """Made hop -> the true hop most of whose records it cites."""
        cited: dict[str, Counter[str]] = defaultdict(Counter)
        self.deeds: dict[str, MadeHop] = {}
        for hop in sorted(made.values(), key=lambda hop: hop.id):
            owners = Counter(self._owner(event).id for event in hop.events)
            for id_, count in owners.items():
                cited[id_][hop.id] = count
            if owners:
                self.main[hop.id] = truth.hops[_most(owners)]
            for event in hop.deeds:
                self.deeds.setdefault(self._owner(event).id, hop)
        self.home = {id_: made[self._home(id_, counts)] for id_, counts in cited.items()}
        """True hop -> the made hop that has it."""
        self.stands: dict[str, set[str]] = defaultdict(set)
        """Made hop -> the true hops that it stands for."""
        for id_, hop in self.home.items():
            self.stands[hop.id].add(id_)
        for id_, true in self.main.items():
            self.stands[id_].add(true.id)
        self.done: dict[str, set[Key]] = defaultdict(set)
        """True hop -> the records that are cited as actions by the made hops that stand for it."""
        for id_, trues in self.stands.items():
            for true_id in trues:
                self.done[true_id].update(named[event] for event in made[id_].deeds)
        self.visit_of = self._paired()
        """True visit -> the made visit that is its, one to one."""
        self._theirs = frozenset(self.visit_of.values())

    def _owner(self, event: str) -> TrueHop:
        return self.truth.owner[self.named[event]]

    def _home(self, id_: str, counts: Counter[str]) -> str:
        """Rather a hop of its own than one that is mostly another's; then the one that cites most of it."""
        return min(counts, key=lambda other: (self.main[other].id != id_, -counts[other], other))

    def _paired(self) -> dict[str, str]:
        """By the number of hops in common; of equal ones, that with the true entry."""
        shared: Counter[tuple[str, str]] = Counter()
        entered: set[tuple[str, str]] = set()
        for id_, hop in self.home.items():
            true_hop = self.truth.hops[id_]
            pair = (true_hop.visit, hop.visit)
            shared[pair] += 1
            if true_hop.parent is None:
                entered.add(pair)
        pairs: dict[str, str] = {}
        taken: set[str] = set()
        for true, made in sorted(shared, key=lambda pair: (-shared[pair], pair not in entered, pair)):
            if true not in pairs and made not in taken:
                pairs[true] = made
                taken.add(made)
        return pairs

    def score(self, misses: int) -> Score:
        """All figures, with the first `misses` of each kind."""
        ours = [hop for hop in self.truth.hops.values() if hop.provider]
        score = Score(
            visits=len({hop.visit for hop in ours}),
            visits_made=len({hop.visit for hop in self.made.values()}),
            hops_made=len(self.made),
            hops_made_of_others=sum(not true.provider for true in self.main.values()),
            hops_made_of_no_truth=len(self.made) - len(self.main),
            records=len(self.truth.owner),
            records_found=len(set(self.named.values())),
        )
        self._who(ours, score)
        found: list[tuple[str, TrueHop, MadeHop | None]] = []
        for hop in ours:
            found += self._hop(hop, score)
        for made in sorted(self.made.values(), key=lambda hop: hop.id):
            self._elsewhere(made, score)
            found += self._link(made, score)
        score.misses = self._first(found, misses)
        return score

    def _who(self, ours: Iterable[TrueHop], score: Score) -> None:
        """Whose the visits are said to be."""
        said = {hop.visit: hop for hop in self.made.values()}
        for visit, who in {hop.visit: (hop.provider, hop.person) for hop in ours}.items():
            if visit in self.visit_of:
                made = said[self.visit_of[visit]]
                score.visits_paired += 1
                score.visits_wrong_provider += made.provider != who[0]
                score.visits_wrong_person += who[1] not in made.person.split(AND)

    def _elsewhere(self, made: MadeHop, score: Score) -> None:
        """What a made hop has of other visits than its own."""
        score.actions_made += len(made.deeds)
        owners = map(self._owner, made.deeds)
        score.actions_elsewhere += sum(self.visit_of.get(owner.visit) != made.visit for owner in owners)
        true = self.main.get(made.id)
        if true is not None and true.provider and self.home[true.id].id != made.id:
            score.parts_elsewhere += self.visit_of.get(true.visit) != made.visit

    def _hop(self, hop: TrueHop, score: Score) -> Iterable[tuple[str, TrueHop, MadeHop | None]]:
        counts = score.protocols.setdefault(hop.protocol, Protocol())
        if not hop.survived:
            score.lost_whole += 1
            counts.lost_whole += 1
            return
        score.hops += 1
        counts.hops += 1
        home = self.home.get(hop.id)
        if home is None:
            score.as_action_only += hop.id in self.deeds
            yield NOT_IN_VISIT, hop, self.deeds.get(hop.id)
            return
        score.hops_in_visit += 1
        score.hops_merged += self.main[home.id].id != hop.id
        counts.in_visit += 1
        self._deeds(hop, score)
        if self.visit_of.get(hop.visit) == home.visit:
            return
        score.hops_wrong_visit += 1
        counts.wrong_visit += 1
        mixed = home.visit in self._theirs
        score.wrong_mixed += mixed
        score.wrong_apart += not mixed
        score.wrong_said_ambiguous += home.link == "ambiguous"
        yield WRONG_VISIT, hop, home

    def _deeds(self, hop: TrueHop, score: Score) -> None:
        """Whether each deed hangs, by any of its records, on a made hop that stands for its hop."""
        done = self.done[hop.id]
        for deed in hop.deeds:
            counts = score.deeds.setdefault(deed.kind, Deeds())
            counts.actions += 1
            counts.in_hop += not done.isdisjoint(deed.keys)

    def _link(self, made: MadeHop, score: Score) -> Iterable[tuple[str, TrueHop, MadeHop | None]]:
        links = score.links.setdefault(made.link, Links())
        links.made += 1
        score.ambiguous += made.link == "ambiguous"
        child = self.main.get(made.id)
        if child is None:
            return
        links.judged += 1
        if made.link == "entry":
            links.false += self.truth.recorded_parent(child) is not None
            return
        right = self._came_from(child, made.parent or "")
        links.false += not right
        if made.link == "proven" and not right:
            yield FALSE_PROVEN, child, made
        if made.link == "ambiguous":
            score.ambiguous_judged += 1
            if any(self._came_from(child, id_) for id_ in made.candidates[:CANDIDATES]):
                score.ambiguous_top3 += 1
            else:
                yield AMBIGUOUS, child, made

    def _came_from(self, child: TrueHop, parent: str) -> bool:
        """Whether the made hop `parent` stands for the nearest recorded parent of `child`, or for a part of `child`."""
        stands = self.stands.get(parent, set())
        true = self.truth.recorded_parent(child)
        return child.id in stands or (true is not None and true.id in stands)

    def _first(self, found: list[tuple[str, TrueHop, MadeHop | None]], count: int) -> list[Miss]:
        events: dict[Key, list[str]] = defaultdict(list)
        for event, key in self.named.items():
            events[key].append(event)
        out: list[Miss] = []
        for kind in KINDS:
            of_kind = [item for item in found if item[0] == kind]
            first = sorted(of_kind, key=lambda item: item[1].id)[:count]
            out += [
                self._miss(*item, sorted(e for key in item[1].keys for e in events[key])) for item in first
            ]
        return out

    def _miss(self, kind: str, hop: TrueHop, made: MadeHop | None, events: list[str]) -> Miss:
        return Miss(
            kind,
            hop.id,
            hop.visit,
            hop.protocol,
            hop.words,
            tuple(" ".join(key) for key in hop.keys[:RECORDS_SHOWN]),
            tuple(events[:RECORDS_SHOWN]),
            self._made_of(kind, hop, made),
        )

    def _made_of(self, kind: str, hop: TrueHop, made: MadeHop | None) -> str:
        if made is None:
            return "nothing"
        if kind == NOT_IN_VISIT:
            return f"an action of hop {made.id} in visit {made.visit}"
        place = f"hop {made.id} in visit {made.visit}, {made.link}: {made.reason}"
        if kind == WRONG_VISIT:
            return f"{place}; its visit is {self.visit_of.get(hop.visit, 'not there')}"
        said = self.main.get(made.parent or "")
        true = self.truth.recorded_parent(hop)
        return f"{place}; hangs on {said.id if said else 'nothing known'}, came from {true.id if true else 'nowhere'}"


def _most(owners: Counter[str]) -> str:
    return min(owners, key=lambda id_: (-owners[id_], id_))
