from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from countersign.sources import _lines

WORDS = st.sampled_from(
    ["a", "cs1Label", "src", "=", " ", "\\=", "\\", "b c", "x.y", "[0]", "é", "1.2.3.4", '"', "-", "  ", "http://h/?q"]
)  # fmt: skip


@given(st.lists(WORDS, max_size=24).map("".join))
def test_an_extension_read_piece_by_piece_is_the_same_as_key_by_key(text: str) -> None:
    fast: dict[str, Any] = {}
    slow: dict[str, Any] = {}
    _lines._extension(text, fast)  # held to its slower twin
    _lines._by_keys(text, slow)
    assert list(fast.items()) == list(slow.items())


def test_values_have_blanks_and_equals_signs() -> None:
    found = _lines.cef("CEF:0|v|p|1|s|n|5|msg=a b=c d\\=e url=http://h/?x=1&y=2 src=1.2.3.4")
    assert found is not None
    assert {name: found[name] for name in ("msg", "b", "url", "src")} == {
        "msg": "a",
        "b": "c d=e",
        "url": "http://h/?x=1&y=2",
        "src": "1.2.3.4",
    }
