"""Log content made safe to show: an attacker writes it."""

from __future__ import annotations

import re

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
