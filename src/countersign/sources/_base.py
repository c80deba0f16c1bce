"""What a source is: one log family, recognised by content, framed into records, parsed into events."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from countersign.model.batch import ParseContext, Parsed

Framing = Literal["lines", "evtx"]
HEAD_BYTES = 65_536
"""`detect` sees at most this much of the start of a file."""


def _no_preamble(head: bytes) -> int:
    del head
    return 0


@dataclass(frozen=True, slots=True)
class Source:
    """One log family.

    `detect` tells from the first `HEAD_BYTES` of a file whether it is this family; `preamble` how many bytes of
    header lines at its start every later segment must repeat to be readable alone (Zeek TSV); `parse` takes
    the records of one segment in order, header lines included, and must let nothing but `Parsed` out, whatever
    the bytes.
    """

    name: str
    title: str
    framing: Framing
    detect: Callable[[bytes], bool]
    parse: Callable[[Sequence[bytes], ParseContext], Parsed]
    preamble: Callable[[bytes], int] = _no_preamble
