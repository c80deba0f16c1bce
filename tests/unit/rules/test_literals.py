from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from countersign.rules import literals
from countersign.rules.literals import Literals, casefolded

WORDS = st.lists(st.text("abß", min_size=1, max_size=4), unique=True, max_size=8)
VALUES = st.lists(st.text("abcAßİ", max_size=9), max_size=10)


def slowly(words: list[str], texts: list[str]) -> set[tuple[int, int, bool, bool]]:
    return {
        (place, value, text.startswith(word, at) and at == 0, at + len(word) == len(text))
        for value, text in enumerate(texts)
        for place, word in enumerate(words)
        for at in range(len(text))
        if text.startswith(word, at)
    }


@given(WORDS, VALUES, st.integers(1, 20), st.booleans(), st.integers(0, 2))
def test_every_find_and_no_other(
    words: list[str], texts: list[str], piece: int, screen: bool, offset: int
) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(literals, "PIECE", piece)
        patched.setattr(literals, "SCREEN_BYTES", 0)
        patched.setattr(literals, "SCREEN_LETTERS", 1 if screen else 100)
        patched.setattr(literals, "MANY", piece)
        array = casefolded(pa.array([*"xxx"[:offset], *texts], pa.string()).slice(offset))
        found = Literals([word.encode() for word in words]).find(array)
    rows = zip(
        found.words.tolist(), found.values.tolist(), found.first.tolist(), found.last.tolist(), strict=True
    )
    assert set(rows) == slowly(words, [text.casefold() for text in texts])


@given(VALUES)
def test_casefolding_is_that_of_unicode(texts: list[str]) -> None:
    assert casefolded(pa.array(texts, pa.string())).to_pylist() == [text.casefold() for text in texts]


def test_a_screen_hides_nothing_at_the_border_of_values(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(literals, "SCREEN_BYTES", 0)
    words = Literals([b"abcd", b"cde", b"abcdefg"])
    for values, value in ((["xab", "cde", "y"], 1), (["xab", "cde", "fg"], 1), (["abcdefg", "zcde"], 1)):
        found = words.find(pa.array(values))
        assert (1, value) in list(zip(found.words.tolist(), found.values.tolist(), strict=True))


def test_what_may_hold_a_word_is_told_before_casefolding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(literals, "SCREEN_BYTES", 0)
    values = pa.array(["x", None, "aBc", "\u212aelvin", "kelvin", None])
    places = Literals([b"abc", b"kelvin"]).screened(values)
    assert places is not None
    assert places.tolist() == [2, 3, 4]
    assert Literals([b"ab"]).screened(values) is None
    assert (
        Literals(
            [b"abc", *[b"%06d" % number for number in range(literals.SCREEN_WORDS * literals.SCREENS)]]
        ).screened(values)
        is None
    )


def test_the_letters_that_become_ascii_are_all_known() -> None:
    others = (chr(code) for code in range(0x80, 0x110000) if not 0xD800 <= code < 0xE000)
    changing = {letter.encode()[:2] for letter in others if any(part.isascii() for part in letter.casefold())}
    assert {int.from_bytes(pair, "big") for pair in changing} == set(literals.FOLDING)


@given(
    st.lists(st.text("sfk", min_size=1, max_size=3), min_size=1, max_size=4, unique=True),
    st.lists(st.none() | st.text("sFkßſK\ufb00\u00e9\U0001f600", max_size=4), min_size=1, max_size=8),
)
def test_a_screen_lets_every_value_with_a_word_through(words: list[str], values: list[str | None]) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(literals, "SCREEN_BYTES", 0)
        patched.setattr(literals, "SCREEN_LETTERS", 1)
        places = Literals([word.encode() for word in words]).screened(pa.array(values, pa.string()))
    wanted = {
        place
        for place, value in enumerate(values)
        if value is not None and any(word in value.casefold() for word in words)
    }
    assert places is None or wanted <= set(places.tolist())


def test_values_without_any_letter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(literals, "SCREEN_BYTES", 0)
    monkeypatch.setattr(literals, "SCREEN_LETTERS", 1)
    assert len(Literals([b"aa"]).find(pa.array(["", None, ""])).words) == 0


def test_nothing_to_find() -> None:
    assert len(Literals([]).find(pa.array(["a"])).words) == 0
    assert len(Literals([b"a"]).find(pa.array([], pa.string())).words) == 0
