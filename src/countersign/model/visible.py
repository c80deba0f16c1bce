"""Log content made safe to show: an attacker writes it."""

from __future__ import annotations

import ntpath
import re
from collections import defaultdict
from collections.abc import Sequence

_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\U000e0000-\U000e007f\ud800-\udfff\t\n]"
)
"""Control characters (they move a cursor), bidirectional overrides (they reorder text), invisible characters
(they hide it), lone surrogates (they break encoders)."""


def visible(text: str, limit: int | None = None) -> str:
    r"""`text` on one line with every hidden character shown as an escape such as `\x1b` or `\u202e`.

    Longer than `limit` characters it is cut, and ends in an ellipsis.
    """
    shown = _HIDDEN.sub(_escape, text)
    return shown if limit is None or len(shown) <= limit else shown[: max(limit - 1, 0)] + "…"


def _escape(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code > 0xFFFF:
        return f"\\U{code:08x}"
    return f"\\x{code:02x}" if code <= 0xFF else f"\\u{code:04x}"


def counted(count: int, noun: str, many: str = "") -> str:
    """A number and what it counts: `1 rule`, `2,000 rules`."""
    return f"{count:,} {noun if count == 1 else many or f'{noun}s'}"


def size(count: int) -> str:
    """Bytes for a person."""
    value = float(count)
    for unit in ("B", "KB", "MB", "GB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"


def volume_words(target: str, came: int | None, went: int | None, left: int | None) -> str:
    """What passed in a hop, in words; empty where no record tells."""
    parts = [f"{size(count)} {way}" for count, way in ((came, "in"), (went, "out")) if count is not None]
    words = ", ".join(parts)
    if left is not None:
        words += f"{'; ' if words else ''}{size(left)} from {visible(target, 80)} to outside of the estate"
    return words


def program(path: str) -> str:
    """The file name of a Windows or POSIX path."""
    return ntpath.basename(path.strip().strip('"')) or path


def nested(keys: Sequence[str], above: Sequence[str | None]) -> list[tuple[int, int]]:
    """Indices of `keys` with their depth, each after the one that is `above` it, else in the order given. A circle is cut open."""
    known = set(keys)
    below: dict[str | None, list[int]] = defaultdict(list)
    for index, parent in enumerate(above):
        below[parent if parent in known and parent != keys[index] else None].append(index)
    out: list[tuple[int, int]] = []
    seen: set[int] = set()
    for first in [*below[None], *range(len(keys))]:
        left = [(first, 0)]
        while left:
            index, depth = left.pop()
            if index not in seen:
                seen.add(index)
                out.append((index, depth))
                left.extend((child, depth + 1) for child in reversed(below[keys[index]]))
    return out
