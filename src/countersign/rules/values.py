"""All atoms of one field, answered for all distinct values at once.

Every literal of the field goes into one Aho-Corasick automaton over casefolded values, which stand between two
marks, so that prefix, suffix and whole-value atoms are plain substrings too. The marks are lone surrogates: no
Arrow text can hold one, so no log can forge them. Cased atoms, wildcards and regular expressions hang on their
longest literal and are verified on the values that have it; the few atoms without a literal (`loose`) are
answered only for values that the rest of their rule leaves over.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import ahocorasick
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from countersign.rules import atoms

BEGIN = "\ud800"
END = "\udfff"

BETWEEN = END + BEGIN
PIECE = 1 << 22
"""Characters joined for one run of the automaton: their hits are held at once."""

LONG = 1 << 14
"""Characters from which on a pattern with `?` is searched in C: Python looks at each place by itself."""

Ids = npt.NDArray[np.int64]


class FieldIndex:
    """The atoms of one field, by their number in the route."""

    def __init__(self, entries: Iterable[tuple[int, atoms.Value]]) -> None:
        self._words: dict[str, int] = {}
        self._direct: list[list[int]] = []  # by word: atoms that the word alone answers
        self._hung: list[list[tuple[int, atoms.Text | atoms.Regex]]] = []  # by word: atoms to verify
        self._always: list[int] = []
        self.loose: dict[int, atoms.Text | atoms.Regex] = {}
        self._numbers: dict[float, list[int]] = {}
        self._compares: list[tuple[int, atoms.Compare]] = []
        self._networks: dict[tuple[int, int], dict[int, list[int]]] = {}
        self._times: list[tuple[int, atoms.TimePart]] = []
        for index, atom in entries:
            self._add(index, atom)
        self._automaton = ahocorasick.Automaton(ahocorasick.STORE_ANY)
        for word, place in self._words.items():
            self._automaton.add_word(word, place)
        self._automaton.make_automaton()

    def _add(self, index: int, atom: atoms.Value) -> None:
        match atom:
            case atoms.Text():
                self._add_text(index, atom)
            case atoms.Regex():
                for word in atom.literals:
                    self._hung[self._word(word)].append((index, atom))
                if not atom.literals:
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
        elif kind == "glob" and not word:
            self.loose[index] = atom
        else:
            if kind in {"exact", "prefix"}:
                word = BEGIN + word
            if kind in {"exact", "suffix"}:
                word += END
            place = self._word(word)
            if atom.cased or kind == "glob":
                self._hung[place].append((index, atom))
            else:
                self._direct[place].append(index)

    def _word(self, word: str) -> int:
        place = self._words.setdefault(word, len(self._words))
        if place == len(self._direct):
            self._direct.append([])
            self._hung.append([])
        return place

    def match(self, values: pa.Array) -> dict[int, Ids]:
        """For each atom but the loose ones that some value answers, the sorted indices of those values."""
        texts: list[str] = values.to_pylist()
        out: dict[int, Ids] = {}
        everything = np.arange(len(texts), dtype=np.int64)
        for index in self._always:
            out[index] = everything
        pending: dict[int, tuple[atoms.Text | atoms.Regex, list[Ids]]] = {}
        if self._words:
            for place, ids in self._literals(texts).items():
                for index in self._direct[place]:
                    out[index] = ids
                for index, atom in self._hung[place]:
                    pending.setdefault(index, (atom, []))[1].append(ids)
        for index, (atom, parts) in pending.items():
            candidates = parts[0] if len(parts) == 1 else np.unique(np.concatenate(parts))
            out[index] = verify(atom, candidates, values)
        self._special(texts, out)
        return {index: ids for index, ids in out.items() if len(ids)}

    def _literals(self, texts: Sequence[str]) -> dict[int, Ids]:
        """For each word the values that have it: all values in one run of the automaton, piece by piece."""
        words: list[Ids] = []
        values: list[Ids] = []
        start = 0
        while start < len(texts):
            folded, stop = _piece(texts, start)
            found = list(self._automaton.iter(f"{BEGIN}{BETWEEN.join(folded)}{END}"))
            if found:
                pairs = np.array(found, dtype=np.int64)
                ends = np.cumsum(np.fromiter((len(text) + 2 for text in folded), np.int64, len(folded)))
                values.append(start + np.searchsorted(ends, pairs[:, 0], side="right"))
                words.append(pairs[:, 1])
            start = stop
        if not words:
            return {}
        both = np.unique(np.concatenate(words) * len(texts) + np.concatenate(values))
        word, value = np.divmod(both, len(texts))
        present, first = np.unique(word, return_index=True)
        return dict(zip(present.tolist(), np.split(value, first[1:]), strict=True))

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


def _piece(texts: Sequence[str], start: int) -> tuple[list[str], int]:
    """Casefolded values from `start` on, some `PIECE` characters of them, and where they stop."""
    folded: list[str] = []
    room = PIECE
    while start < len(texts) and room > 0:
        part = [text.casefold() for text in texts[start : start + 4096]]
        folded += part
        start += len(part)
        room -= sum(map(len, part))
    return folded, start


def verify(atom: atoms.Text | atoms.Regex, candidates: Ids, values: pa.Array) -> Ids:
    """Those of `candidates` (indices of `values`) that answer the atom."""
    chosen = values.take(pa.array(candidates))
    if isinstance(atom, atoms.Regex):
        answers = _searched(chosen, atom.pattern)
    else:
        pattern, cased = atom.pattern, atom.cased
        texts = [text if cased else text.casefold() for text in chosen.to_pylist()]
        if atoms.ONE in pattern and sum(map(len, texts)) > LONG:
            answers = _searched(pa.array(texts, pa.string()), _expression(pattern))
        else:
            answers = np.fromiter((atoms.glob(pattern, text) for text in texts), bool, len(chosen))
    kept: Ids = candidates[answers]
    return kept


def _searched(texts: pa.Array, pattern: str) -> npt.NDArray[np.bool_]:
    answers: npt.NDArray[np.bool_] = pc.match_substring_regex(texts, pattern).to_numpy(zero_copy_only=False)
    return answers


def _expression(pattern: atoms.Pattern) -> str:
    """A pattern in RE2's words."""
    words = {atoms.MANY: ".*", atoms.ONE: "."}
    inner = "".join(_quoted(part) if isinstance(part, str) else words[part] for part in pattern)
    return rf"(?s)\A{inner}\z"


def _quoted(text: str) -> str:
    return "".join(rf"\x{ord(one):02x}" if ord(one) < 128 and not one.isalnum() else one for one in text)
