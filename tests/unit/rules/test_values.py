from __future__ import annotations

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from countersign.rules import atoms, literals
from countersign.rules.conditions import text_atom
from countersign.rules.values import FieldIndex

PIECES = ["a", "A", "b", "ß", "SS", "x", "", atoms.MANY, atoms.ONE]
TEXTS = st.builds(
    lambda parts, cased: text_atom("f", tuple(parts), cased=cased),
    st.lists(st.sampled_from(PIECES)),
    st.booleans(),
)
OTHERS = st.sampled_from(
    [
        atoms.Number("f", 1),
        atoms.Compare("f", "gte", 2),
        atoms.Network("f", "10.0.0.0/8"),
        atoms.TimePart("f", "year", 2026),
        atoms.Regex("f", "a[bx]", ()),
        atoms.Regex("f", "(?i)ab|ss", ("ab", "ss")),
    ]
)
VALUES = st.lists(
    st.text("aAbßSx", max_size=6) | st.sampled_from(["1", "0x2", "10.9.9.9", "2026-02-01"]), max_size=12
)


@given(st.lists(TEXTS | OTHERS, unique=True, max_size=12), VALUES, st.integers(1, 8))
def test_all_at_once_is_one_by_one(known: list[atoms.Value], texts: list[str], piece: int) -> None:
    index = FieldIndex(enumerate(known))
    old, literals.PIECE = literals.PIECE, piece
    try:
        found = index.match(pa.array(texts, pa.string()))
    finally:
        literals.PIECE = old
    for number, atom in enumerate(known):
        if number not in index.loose:
            wanted = [at for at, text in enumerate(texts) if atoms.holds(atom, text)]
            assert list(found.get(number, ())) == wanted, atom


def test_values_do_not_run_together() -> None:
    index = FieldIndex([(0, text_atom("f", (atoms.MANY, "ab", atoms.MANY)))])
    assert index.match(pa.array(["a", "b", "xab"]))[0].tolist() == [2]
