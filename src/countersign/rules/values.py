"""All atoms of one field, answered for all distinct values at once.

Whole-value atoms are looked up. The literals of all others go into one automaton over casefolded values (`literals`), which
tells for each find whether it begins and ends its value, so prefix and suffix atoms are plain literals too. Cased atoms,
wildcards and regular expressions hang on their longest literal and are verified on the values that have it; the few
atoms without a literal (`loose`) are answered only for values that the rest of their rule leaves over.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from countersign.rules import atoms
from countersign.rules.literals import Ids, Literals, casefolded

LONG = 1 << 14
"""Characters from which on a pattern with `?` is searched in C: Python looks at each place by itself."""

FEW = 4_096
"""Values up to which a costly expression is better compiled once, here, than by Arrow in each call."""
_COSTLY = re.compile(r"\{[0-9,]*[0-9]{3,}")
"""Counted repeats make large automata: `.{1000,}` takes RE2 70 ms to compile."""

Anchor = Literal["whole", "first", "last", "any"]
"""Where in its value a literal must stand."""
_ANCHORS: dict[atoms.Shape, Anchor] = {"exact": "whole", "prefix": "first", "suffix": "last"}


def is_loose(atom: atoms.Atom) -> bool:
    """Whether no literal tells which values may answer the atom."""
    if isinstance(atom, atoms.Regex):
        return not atom.literals
    return (
        isinstance(atom, atoms.Text)
        and atoms.shape(atom.pattern) == "glob"
        and not atoms.literal(atom.pattern)
    )


class FieldIndex:
    """The atoms of one field, by their number in the route."""

    def __init__(self, entries: Iterable[tuple[int, atoms.Value]]) -> None:
        self._slots: dict[tuple[str, Anchor], int] = {}
        self._direct: list[list[int]] = []  # by slot: atoms that the literal alone answers
        self._hung: list[list[tuple[int, atoms.Text | atoms.Regex]]] = []  # by slot: atoms to verify
        self._always: list[int] = []
        self.loose: dict[int, atoms.Text | atoms.Regex] = {}
        self._numbers: dict[float, list[int]] = {}
        self._compares: list[tuple[int, atoms.Compare]] = []
        self._networks: dict[tuple[int, int], dict[int, list[int]]] = {}
        self._times: list[tuple[int, atoms.TimePart]] = []
        for index, atom in entries:
            self._add(index, atom)
        self._look_up()

    def screened(self, values: pa.Array) -> Ids | None:
        """Where no atom needs more than words: the values (as they are; some may be null) that may answer one. None where it
        is not worth while to find out."""
        return self._literals.screened(values) if self.words_only and not self._always else None

    @property
    def is_screened(self) -> bool:
        """Whether `screened` has an answer for all but little text."""
        return self.words_only and not self._always and self._literals.is_screened

    @property
    def words_only(self) -> bool:
        """Whether no atom needs more of a value than to look for words in it."""
        return not (self.loose or self._numbers or self._compares or self._networks or self._times)

    def _look_up(self) -> None:
        """The words of the automaton, the slots that each fills by where it stands, and the whole values."""
        words: dict[bytes, int] = {}
        whole: dict[str, int] = {}
        places: list[tuple[Anchor, int, int]] = []
        for (word, anchor), slot in self._slots.items():
            if anchor == "whole":
                whole[word] = slot
            else:
                data = word.encode("utf-8", "surrogatepass")  # no text holds a lone surrogate
                places.append((anchor, words.setdefault(data, len(words)), slot))
        self._of: dict[Anchor, Ids] = {}
        for anchor, place, slot in places:
            if anchor not in self._of:
                self._of[anchor] = np.full(len(words), -1, dtype=np.int64)
            self._of[anchor][place] = slot
        self._literals = Literals(list(words))
        self._whole = pa.array([_writable(word) for word in whole], pa.string())
        self._whole_slots = np.fromiter(whole.values(), np.int64, len(whole))

    def _add(self, index: int, atom: atoms.Value) -> None:
        match atom:
            case atoms.Text():
                self._add_text(index, atom)
            case atoms.Regex():
                for word in atom.literals:
                    self._hung[self._slot(word, "any")].append((index, atom))
                if is_loose(atom):
                    self.loose[index] = atom
            case atoms.Number():
                self._numbers.setdefault(atom.number, []).append(index)
            case atoms.Compare():
                self._compares.append((index, atom))
            case atoms.Network():
                version, length, wanted = atoms.network(atom.network)
                self._networks.setdefault((version, length), {}).setdefault(wanted, []).append(index)
            case atoms.TimePart():
                self._times.append((index, atom))

    def _add_text(self, index: int, atom: atoms.Text) -> None:
        kind = atoms.shape(atom.pattern)
        word = atoms.literal(atom.pattern).casefold()
        if kind == "any":
            self._always.append(index)
        elif is_loose(atom):
            self.loose[index] = atom
        else:
            slot = self._slot(word, _ANCHORS.get(kind, "any"))
            if atom.cased or kind == "glob":
                self._hung[slot].append((index, atom))
            else:
                self._direct[slot].append(index)

    def _slot(self, word: str, anchor: Anchor) -> int:
        slot = self._slots.setdefault((word, anchor), len(self._slots))
        if slot == len(self._direct):
            self._direct.append([])
            self._hung.append([])
        return slot

    def match(self, values: pa.Array, folded: pa.Array | None = None) -> dict[int, Ids]:
        """For each atom but the loose ones that some value answers, the sorted indices of those values. No value may be
        null; `folded` are the values casefolded, if they are known."""
        folded = casefolded(values) if folded is None else folded
        out: dict[int, Ids] = {}
        everything = np.arange(len(values), dtype=np.int64)
        for index in self._always if len(values) else ():
            out[index] = everything
        pending: dict[int, tuple[atoms.Text | atoms.Regex, list[Ids]]] = {}
        for slot, ids in self._filled(folded):
            for index in self._direct[slot]:
                out[index] = ids
            for index, atom in self._hung[slot]:
                pending.setdefault(index, (atom, []))[1].append(ids)
        for index, (atom, parts) in pending.items():
            candidates = parts[0] if len(parts) == 1 else np.unique(np.concatenate(parts))
            verified = verify(atom, candidates, values, folded)
            if len(verified):
                out[index] = verified
        if self._numbers or self._compares or self._networks or self._times:
            self._special(values.to_pylist(), out)
        return out

    def _filled(self, folded: pa.Array) -> Iterator[tuple[int, Ids]]:
        """Each slot whose literal stands where it must, with the values in which it does, sorted."""
        slots: list[Ids] = []
        values: list[Ids] = []
        if len(self._whole):
            found = pc.index_in(folded, self._whole)
            at = np.flatnonzero(found.is_valid().to_numpy(zero_copy_only=False))
            if len(at):
                slots.append(self._whole_slots[found.drop_null().to_numpy()])
                values.append(at)
        finds = self._literals.find(folded)
        for anchor, of in self._of.items():
            slot = of[finds.words]
            right = slot >= 0
            if anchor != "any":
                right &= finds.first if anchor == "first" else finds.last
            slots.append(slot[right])
            values.append(finds.values[right])
        if not slots:
            return
        both = np.unique(np.concatenate(slots) * len(folded) + np.concatenate(values))
        if not len(both):
            return
        slot, value = np.divmod(both, len(folded))
        first = np.flatnonzero(np.diff(slot, prepend=-1))
        yield from zip(slot[first].tolist(), np.split(value, first[1:]), strict=True)

    def _special(self, texts: Sequence[str], out: dict[int, Ids]) -> None:
        """Numbers, networks and times: few atoms, parsed once a value."""
        found: dict[int, list[int]] = {}
        if self._numbers or self._compares:
            self._quantities(texts, found)
        if self._networks:
            self._addresses(texts, found)
        if self._times:
            self._moments(texts, found)
        for index, ids in found.items():
            out[index] = np.array(ids, dtype=np.int64)

    def _quantities(self, texts: Sequence[str], found: dict[int, list[int]]) -> None:
        for at, text in enumerate(texts):
            number = atoms.number(text)
            if number is None:
                continue
            for index in self._numbers.get(number, ()):
                found.setdefault(index, []).append(at)
            for index, compare in self._compares:
                if atoms.compare(compare.operator, number, compare.number):
                    found.setdefault(index, []).append(at)

    def _moments(self, texts: Sequence[str], found: dict[int, list[int]]) -> None:
        for at, text in enumerate(texts):
            time = atoms.moment(text)
            if time is None:
                continue
            for index, atom in self._times:
                if atoms.compare(atom.operator, atoms.part(time, atom.part), atom.number):
                    found.setdefault(index, []).append(at)

    def _addresses(self, texts: Sequence[str], found: dict[int, list[int]]) -> None:
        for at, text in enumerate(texts):
            address = atoms.address(text)
            if address is None:
                continue
            for (version, length), wanted in self._networks.items():
                if version == address[0]:
                    for index in wanted.get(atoms.prefix(version, address[1], length), ()):
                        found.setdefault(index, []).append(at)


def _writable(word: str) -> str | None:
    """The word, None if it has a lone surrogate: such a word is no value."""
    try:
        word.encode()
    except UnicodeEncodeError:
        return None
    return word


def verify(
    atom: atoms.Text | atoms.Regex, candidates: Ids, values: pa.Array, folded: pa.Array | None = None
) -> Ids:
    """Those of `candidates` (indices of `values`) that answer the atom; `folded` are the values casefolded, if known."""
    as_is = isinstance(atom, atoms.Regex) or atom.cased
    chosen = (values if as_is or folded is None else folded).take(pa.array(candidates))
    if isinstance(atom, atoms.Regex):
        answers = _searched(chosen, atom.pattern)
    else:
        pattern = atom.pattern
        texts = [text if as_is or folded is not None else text.casefold() for text in chosen.to_pylist()]
        if atoms.ONE in pattern and sum(map(len, texts)) > LONG:
            answers = _searched(pa.array(texts, pa.string()), _expression(pattern))
        else:
            answers = np.fromiter((atoms.glob(pattern, text) for text in texts), bool, len(chosen))
    kept: Ids = candidates[answers]
    return kept


def _searched(texts: pa.Array, pattern: str) -> npt.NDArray[np.bool_]:
    if _COSTLY.search(pattern) and len(texts) < FEW:
        search = _compiled(pattern).search
        return np.fromiter((search(text) is not None for text in texts.to_pylist()), bool, len(texts))
    answers: npt.NDArray[np.bool_] = pc.match_substring_regex(texts, pattern).to_numpy(zero_copy_only=False)
    return answers


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> Any:  # noqa: ANN401  # re2 has no types
    import re2

    return re2.compile(pattern)


def _expression(pattern: atoms.Pattern) -> str:
    """A pattern in RE2's words."""
    words = {atoms.MANY: ".*", atoms.ONE: "."}
    inner = "".join(_quoted(part) if isinstance(part, str) else words[part] for part in pattern)
    return rf"(?s)\A{inner}\z"


def _quoted(text: str) -> str:
    return "".join(rf"\x{ord(one):02x}" if ord(one) < 128 and not one.isalnum() else one for one in text)
