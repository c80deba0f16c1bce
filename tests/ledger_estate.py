"""A small ledger with its archive, made through the public door only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from countersign.ledger import (
    Archive,
    Log,
    Parser,
    RecordsStatement,
    Report,
    SegmentStatement,
    records_root,
    verify,
)

PARSER = Parser("lines", "1")
SEALED = datetime(2026, 3, 1, 12, tzinfo=UTC)


def frame(framing: str, raw: bytes) -> Sequence[bytes]:
    assert framing == "lines"
    return raw.splitlines(keepends=True)


@dataclass
class Estate:
    """Archive and log under one folder, and what was sealed into them."""

    root: Path
    archive: Archive = field(init=False)
    log: Log = field(init=False)
    first_checkpoint: bytes = field(init=False)

    def __post_init__(self) -> None:
        self.archive = Archive(self.root / "archive")
        self.log = Log.create(self.root / "ledger", "example.com/ledger")
        self.first_checkpoint = self.log.checkpoint()

    def seal(self, raw: bytes, parser: Parser = PARSER) -> str:
        """Seal a segment of lines with both its leaves."""
        self.log.append(self.leaves_of(raw, parser))
        return self.archive.put(raw).digest

    def leaves_of(self, raw: bytes, parser: Parser = PARSER) -> list[bytes]:
        sealed = self.archive.put(raw)
        segment = SegmentStatement(
            sealed.digest, sealed.size, sealed.stored_digest, sealed.stored_size, "zstd", "lines", SEALED
        )
        records = frame("lines", raw)
        root = records_root(self.archive.salt(sealed.digest), records).hex()
        found = RecordsStatement(sealed.digest, "lines", parser, "bytes", len(records), root)
        return [segment.to_bytes(), found.to_bytes()]

    def path_of(self, digest: str) -> Path:
        return self.archive.root / digest[:2] / f"{digest}.zst"

    def verify(self) -> Report:
        return verify(self.archive, self.log, frame, parsers={"lines": PARSER})
