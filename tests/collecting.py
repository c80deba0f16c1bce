"""A workspace under test, logs to put into it, and what came of them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from countersign.app._parsing import Job, Worked, parse_all
from countersign.app.collect import Summary, collect
from countersign.app.evidence import verify
from countersign.app.workspace import Workspace
from countersign.ledger import Archive


@dataclass(frozen=True)
class Ward:
    """A workspace under test."""

    workspace: Workspace

    def collect(self, *paths: Path | str, origin: str | None = None) -> Summary:
        return collect(self.workspace, paths, origin=origin)

    def events(self, *columns: str) -> pa.Table:
        with self.workspace.reading() as lake:
            return lake.events(columns or ("id",)).read_all()

    def ids(self) -> list[str]:
        """Ids of all events, in order: a list, so that a double would show."""
        return sorted(self.events("id")["id"].to_pylist())

    def messages(self) -> list[str]:
        return sorted(self.events("src_message")["src_message"].to_pylist())

    def counts(self) -> dict[str, int]:
        with self.workspace.reading() as lake:
            return lake.counts(self.ids())

    def sound(self) -> None:
        """The evidence verifies, and no run is open."""
        assert verify(self.workspace).problems == ()
        assert list(self.workspace.pending.iterdir()) == []

    def leaves(self) -> int:
        return verify(self.workspace).report.leaves


def syslog(numbers: Sequence[int] | range, host: str = "gate") -> bytes:
    """Lines of sshd, one an event, all different."""
    return b"".join(
        b"2026-03-%02dT%02d:%02d:%02d.%06d+00:00 %s sshd[%d]: Accepted publickey for anna from 10.0.0.%d port %d ssh2\n"
        % (
            1 + number // 86_400 % 28,
            number // 3600 % 24,
            number // 60 % 60,
            number % 60,
            number % 1_000_000,
            host.encode(),
            1000 + number,
            number % 250,
            1024 + number % 60_000,
        )
        for number in numbers
    )


def die_at_a_mark(jobs: Sequence[Job], lake: Path) -> Worked:
    """In a worker's place: a parser that takes its whole process with it at some bytes."""
    if any(b"DIE" in Archive(job.archive).get(job.context.segment) for job in jobs):
        os._exit(9)
    return parse_all(jobs, lake)
