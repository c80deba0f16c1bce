"""What a verification found: every problem, with the place, and what could not be decided."""

from __future__ import annotations

from dataclasses import dataclass

from countersign.errors import VerificationError


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, or undecided: the segment and the leaf where one can be named, and what."""

    segment: str | None
    leaf: int | None
    what: str

    def __str__(self) -> str:
        place = [f"segment {self.segment}"] if self.segment else []
        place += [] if self.leaf is None else [f"leaf {self.leaf}"]
        return f"{', '.join(place)}: {self.what}" if place else self.what


@dataclass(frozen=True, slots=True)
class Report:
    """The outcome of `verify`.

    `leaves` is the log's size. `segments` and `stored_bytes` count segment leaves whose files verified,
    `records` counts records whose Merkle roots were recomputed and agreed. `problems` are in the order of
    the steps. `undecided` are statements that this program could not check, though nothing speaks
    against them: records of another parser's version, statements of unknown types. `leftovers` counts
    files of an interrupted writer, which are no part of archive or log. `imports` counts leaves that say which rules and
    indicators were looked for.
    """

    leaves: int
    segments: int
    records: int
    stored_bytes: int
    problems: tuple[Problem, ...]
    undecided: tuple[Problem, ...]
    leftovers: int
    imports: int = 0

    @property
    def could_not_tell(self) -> int:
        """How many statements could not be checked."""
        return len(self.undecided)

    def raise_for_problems(self) -> None:
        """VerificationError, naming the first segment at fault, unless there are no problems."""
        if not self.problems:
            return
        segment = next((problem.segment for problem in self.problems if problem.segment), None)
        first = next((problem for problem in self.problems if problem.segment), self.problems[0])
        count = len(self.problems)
        more = f" (and {count - 1} more)" if count > 1 else ""
        raise VerificationError(f"the evidence does not verify: {first}{more}", segment=segment)
