"""What the tests of the line families share: a context, and events as flat dicts without what is not set."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from countersign.model.batch import ParseContext, Parsed
from countersign.sources import source

RECEIVED = datetime(2026, 11, 21, 12, tzinfo=UTC)


def context(received: datetime = RECEIVED, zone: str = "UTC", origin: str = "") -> ParseContext:
    return ParseContext(segment="5" * 64, received=received, sealed=received, zone=zone, origin=origin)


def parse(family: str, lines: Sequence[str | bytes], where: ParseContext | None = None) -> Parsed:
    records = [line.encode() if isinstance(line, str) else line for line in lines]
    return source(family).parse(records, where or context())


def events(family: str, *lines: str | bytes, where: ParseContext | None = None) -> list[dict[str, Any]]:
    return [dict(_flat(row)) for row in parse(family, lines, where).events.to_pylist()]


def event(family: str, line: str | bytes, where: ParseContext | None = None) -> dict[str, Any]:
    found = events(family, line, where=where)
    assert len(found) == 1
    return found[0]


def syslog(message: str, program: str = "sshd[812]") -> dict[str, Any]:
    """The event of one message in an ordinary frame."""
    return event("syslog", f"Nov 20 10:00:00 bastion {program}: {message}")


def within(found: dict[str, Any], **expected: object) -> bool:
    """Whether the columns hold these values; `__` stands for the dot, None for absence."""
    said = {name.replace("__", "."): value for name, value in expected.items()}
    wrong = {name: found.get(name) for name, value in said.items() if found.get(name) != value}
    assert not wrong, f"expected {said}, but found {wrong}"
    return True


def _flat(row: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in row.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        elif name == "unmapped":
            yield name, dict(value or [])
        elif value is not None:
            yield prefix + name, value
