"""Log families: bytes in, events and rejected records out. One family, one file; siblings never meet.

`SOURCES` is the one ordered list: the first family whose `detect` says yes reads the file, so the strict ones
stand before the broad ones.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module

from countersign.sources._base import HEAD_BYTES, Framing, Source

__all__ = ["HEAD_BYTES", "Framing", "Source", "recognise", "source", "sources"]

_MODULES = (
    "evtx",  # a magic number: certain
    "windows_json",  # JSON objects with a channel and an event id
    "zeek",  # JSON objects with Zeek's keys, or TSV with Zeek's header
    "journald",  # JSON objects with journald's trusted fields
    "syslog",  # lines: the broadest, last
)


@cache
def sources() -> tuple[Source, ...]:
    """All families, in the order in which they are asked."""
    return tuple(import_module(f"countersign.sources.{name}").SOURCE for name in _MODULES)


def source(name: str) -> Source:
    """The family called `name`; unknown names are our own mistake."""
    for candidate in sources():
        if candidate.name == name:
            return candidate
    raise RuntimeError(f"no log family is called {name}")


def recognise(head: bytes) -> Source | None:
    """The family of a file that starts with `head`, None if no family knows it."""
    return next((candidate for candidate in sources() if candidate.detect(head)), None)
