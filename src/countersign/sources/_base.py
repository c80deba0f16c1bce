"""What a source is: one log family, recognised by content, framed into records, parsed into events."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Literal, get_args

from countersign.model.batch import ParseContext, Parsed
from countersign.sources._records import UTF16, as_utf8, shadow

Framing = Literal["lines", "csv", "json", "xml", "ldif", "utmp", "table", "evtx"]
FRAMINGS: tuple[Framing, ...] = get_args(Framing)
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
    the bytes. Both are given UTF-8 whatever the file is in: text in UTF-16 is turned here.

    `page` is the family's page in docs/sources, without its ending. `ends_at` are numbers of rows at which exports
    of it stop, whatever there is beyond: a file with exactly so many rows below its header is not whole.
    `together` names what a line is part of, None for one that stands alone: lines of one name are told in one segment.
    """

    name: str
    title: str
    framing: Framing
    detect: Callable[[bytes], bool]
    parse: Callable[[Sequence[bytes], ParseContext], Parsed]
    preamble: Callable[[bytes], int] = _no_preamble
    page: str = ""
    ends_at: tuple[int, ...] = ()
    together: Callable[[bytes], bytes | None] | None = None

    def __post_init__(self) -> None:
        if self.framing != "evtx":
            object.__setattr__(self, "parse", _in_utf8(self.parse))
            object.__setattr__(self, "preamble", _of_bytes(self.preamble))


def _in_utf8(
    parse: Callable[[Sequence[bytes], ParseContext], Parsed],
) -> Callable[[Sequence[bytes], ParseContext], Parsed]:
    @wraps(parse)
    def parse_utf8(records: Sequence[bytes], context: ParseContext) -> Parsed:
        return parse(as_utf8(records), context)

    return parse_utf8


def _of_bytes(preamble: Callable[[bytes], int]) -> Callable[[bytes], int]:
    """UTF-16: its mark is repeated with the header lines, or alone, so that every segment says what it is in."""

    @wraps(preamble)
    def preamble_bytes(head: bytes) -> int:
        if head.startswith(UTF16):
            return min(2 + 2 * preamble(shadow(head)[1:]), len(head))  # half a code unit at the end
        return preamble(head)

    return preamble_bytes
