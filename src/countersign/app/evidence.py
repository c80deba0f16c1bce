"""Evidence: is every sealed byte what the ledger says, and what did a record say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from countersign.app.own_families import OwnFamilies
from countersign.app.workspace import Workspace
from countersign.ledger import Archive, Log, Parser, Report, Verifier
from countersign.ledger import verify as verify_evidence
from countersign.model.visible import counted
from countersign.sources import FRAMINGS
from countersign.sources._framing import frame, parser_version


@dataclass(frozen=True, slots=True)
class Outcome:
    """What checking came to."""

    report: Report

    @property
    def sound(self) -> bool:
        """Whether nothing differs."""
        return not self.report.problems

    @property
    def problems(self) -> tuple[str, ...]:
        """Each problem in words, with its segment and leaf."""
        return tuple(str(problem) for problem in self.report.problems)

    @property
    def words(self) -> str:
        """One line for a person."""
        report = self.report
        imports = f" ({report.imports:,} of them imports of rules and indicators)" if report.imports else ""
        text = (
            f"{counted(report.segments, 'segment')}, {counted(report.records, 'record')}, "
            f"{counted(report.leaves, 'leaf', 'leaves')}{imports}: "
            "nothing was changed, removed, added or reordered"
        )
        if report.could_not_tell:
            text += f"; {counted(report.could_not_tell, 'statement')} could not be checked by this version"
        return text

    def document(self) -> dict[str, Any]:
        """For JSON."""
        report = self.report
        return {
            "sound": self.sound,
            "leaves": report.leaves,
            "segments": report.segments,
            "records": report.records,
            "bytes": report.stored_bytes,
            "could_not_tell": report.could_not_tell,
            "imports": report.imports,
            "problems": [
                {"segment": problem.segment, "leaf": problem.leaf, "what": problem.what}
                for problem in report.problems
            ],
        }


def parsers() -> dict[str, Parser]:
    """The parser, with its version, that finds the records of each framing."""
    return {name: Parser(*parser_version(name).split(" ", 1)) for name in FRAMINGS}


def verify(workspace: Workspace, *, progress: Callable[[int, int | None], None] | None = None) -> Outcome:
    """Hold the archive against the ledger, and the ledger against its signature.

    Raises `WorkspaceError` while another command writes.
    """
    from countersign.lake import WorkspaceLock

    key = workspace.settings.ledger_key
    trusted = Verifier.from_text(key) if key else None
    # while a collection runs, a segment may be sealed whose leaf is still to come
    with WorkspaceLock(workspace.root):
        archive, log = Archive(workspace.archive), Log(workspace.ledger)
        report = verify_evidence(archive, log, frame, parsers=parsers(), trusted=trusted, progress=progress)
    return Outcome(report)


def record_text(workspace: Workspace, family: str, segment: str, record: int) -> str:
    """The record as it was sealed (EVTX: as rendered), as text."""
    raw = Archive(workspace.archive).get(segment)
    records = frame(OwnFamilies.of(workspace, strict=False).framing(family), raw)
    return records[record].decode("utf-8", "replace") if record < len(records) else ""
