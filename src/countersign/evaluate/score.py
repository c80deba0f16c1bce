"""The figures of one evaluation, as they are printed. docs/evaluate.md says what each counts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

NOT_IN_VISIT = "not in a visit"
WRONG_VISIT = "wrong visit"
FALSE_PROVEN = "false proven link"
AMBIGUOUS = "ambiguous, truth not among three"
KINDS = (NOT_IN_VISIT, WRONG_VISIT, FALSE_PROVEN, AMBIGUOUS)


@dataclass(slots=True)
class Links:
    """Links of one kind: of how many the truth says something, and how many of these are false."""

    made: int = 0
    judged: int = 0
    false: int = 0


@dataclass(slots=True)
class Protocol:
    """Hops of one protocol, by the truth's word for it."""

    hops: int = 0
    in_visit: int = 0
    wrong_visit: int = 0
    lost_whole: int = 0


@dataclass(slots=True)
class Deeds:
    """Deeds of one kind, by the truth's word for it."""

    actions: int = 0
    in_hop: int = 0


@dataclass(frozen=True, slots=True)
class Miss:
    """One hop that did not come out right: truth's ids, what it was, its records, and what was made of it."""

    kind: str
    hop: str
    visit: str
    protocol: str
    words: str
    records: tuple[str, ...]
    events: tuple[str, ...]
    made: str

    def document(self) -> dict[str, Any]:
        """For JSON."""
        return {name: getattr(self, name) for name in Miss.__slots__}


@dataclass(slots=True)
class Score:
    """All figures; counts, unless a name says otherwise."""

    hops: int = 0
    lost_whole: int = 0
    hops_in_visit: int = 0
    hops_wrong_visit: int = 0
    wrong_mixed: int = 0
    wrong_apart: int = 0
    wrong_said_ambiguous: int = 0
    as_action_only: int = 0
    hops_merged: int = 0
    parts_elsewhere: int = 0
    actions_made: int = 0
    actions_elsewhere: int = 0
    ambiguous: int = 0
    ambiguous_judged: int = 0
    ambiguous_top3: int = 0
    visits: int = 0
    visits_made: int = 0
    visits_paired: int = 0
    visits_wrong_provider: int = 0
    visits_wrong_person: int = 0
    hops_made: int = 0
    hops_made_of_others: int = 0
    hops_made_of_no_truth: int = 0
    records: int = 0
    records_found: int = 0
    links: dict[str, Links] = field(default_factory=dict)
    protocols: dict[str, Protocol] = field(default_factory=dict)
    deeds: dict[str, Deeds] = field(default_factory=dict)
    misses: list[Miss] = field(default_factory=list)
    seconds: float = 0.0
    stitch_seconds: float = 0.0
    peak_mb: float | None = None
    collect_seconds: float | None = None
    collect_peak_mb: float | None = None
    campaign: dict[str, Any] | None = None
    """Of a campaign: its name, the files that gave way, and what was collected for it."""

    @property
    def false_proven(self) -> int:
        """Links that are called proven, and are false."""
        return self.links["proven"].false if "proven" in self.links else 0

    @property
    def actions(self) -> int:
        """Deeds of the hops that are in a visit."""
        return sum(counts.actions for counts in self.deeds.values())

    @property
    def actions_in_hop(self) -> int:
        """Of these, those that hang on the hop that is theirs."""
        return sum(counts.in_hop for counts in self.deeds.values())

    def shares(self) -> dict[str, float | None]:
        """The figures that have a bound, as shares; None where there is nothing to share."""
        return {
            "hops_in_visit": _share(self.hops_in_visit, self.hops),
            "hops_wrong_visit": _share(self.hops_wrong_visit, self.hops),
            "ambiguous": _share(self.ambiguous, self.hops_made),
            "ambiguous_top3": _share(self.ambiguous_top3, self.ambiguous_judged),
            "actions_in_hop": _share(self.actions_in_hop, self.actions),
            "actions_elsewhere": _share(self.actions_elsewhere, self.actions_made),
        }

    def document(self) -> dict[str, Any]:
        """For JSON."""
        plain = {"links", "protocols", "deeds", "misses", "peak_mb", "collect_peak_mb", "campaign"}
        counts = {
            name: getattr(self, name)
            for name in Score.__slots__
            if name not in plain and not name.endswith("seconds")
        }
        return {
            **counts,
            "false_proven": self.false_proven,
            "actions": self.actions,
            "actions_in_hop": self.actions_in_hop,
            "seconds": round(self.seconds, 3),
            "stitch_seconds": round(self.stitch_seconds, 3),
            "peak_mb": self.peak_mb,
            "collect_seconds": None if self.collect_seconds is None else round(self.collect_seconds, 3),
            "collect_peak_mb": self.collect_peak_mb,
            "campaign": self.campaign,
            "shares": self.shares(),
            "links": {
                kind: {"made": links.made, "judged": links.judged, "false": links.false}
                for kind, links in sorted(self.links.items())
            },
            "protocols": {
                name: {part: getattr(counts_, part) for part in Protocol.__slots__}
                for name, counts_ in sorted(self.protocols.items())
            },
            "deeds": {
                kind: {"actions": counts_.actions, "in_hop": counts_.in_hop}
                for kind, counts_ in sorted(self.deeds.items())
            },
            "misses": [miss.document() for miss in self.misses],
        }


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 5) if whole else None
