"""Distinct values against all terms of a kind, each shape of column in its own way."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from countersign.rules.indicators.addresses import NetworkTable
from countersign.rules.indicators.hashing import Ints, Texts, TextTable, ranges
from countersign.rules.indicators.places import Place, Shape
from countersign.rules.indicators.terms import DEFAULT_PORT, URL_PARTS, Kind

SHARED_BY = 64
"""Indicators that one value may belong to. A feed that repeats one value a million times must not make each event a
million matches; those after the first 64 (by source and key) are in `Lookup.crowded`."""
LONGEST_NAME = 255
"""Bytes of a domain name (RFC 1035)."""

Pairs = tuple[Ints, Ints]
_NONE: Pairs = (np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64))
_LABELS = {"md5=": Kind.MD5, "sha1=": Kind.SHA1, "sha256=": Kind.SHA256, "imphash=": Kind.IMPHASH}
_BARE = {32: Kind.MD5, 40: Kind.SHA1, 64: Kind.SHA256}


def _where(mask: pa.Array) -> Ints:
    """Where a mask is true; null is not."""
    return np.flatnonzero(mask.fill_null(False).to_numpy(zero_copy_only=False))


class Lookup:
    """Tables by kind. Terms are known by their index in what was given."""

    def __init__(self, kinds: pa.Array, values: pa.Array) -> None:
        self._tables: dict[Kind, TextTable | NetworkTable] = {}
        self._first: dict[Kind, Ints] = {}
        self._counts: dict[Kind, Ints] = {}
        self._terms: dict[Kind, Ints] = {}
        self.crowded: list[Ints] = []
        for kind in Kind:
            at = _where(pc.equal(kinds, kind.value))
            if len(at):
                self._add(kind, at, values)
        self.kinds = frozenset(self._tables)

    def _add(self, kind: Kind, at: Ints, values: pa.Array) -> None:
        encoded = values.take(pa.array(at)).dictionary_encode()
        codes = encoded.indices.to_numpy().astype(np.int64)
        counts = np.bincount(codes)
        self._terms[kind] = terms = at[np.argsort(codes, kind="stable")]
        self._first[kind] = np.cumsum(counts) - counts
        self._counts[kind] = np.minimum(counts, SHARED_BY)
        if len(counts) and counts.max() > SHARED_BY:
            nth = np.arange(len(terms)) - np.repeat(self._first[kind], counts)
            self.crowded.append(terms[nth >= SHARED_BY])
        self._tables[kind] = (
            NetworkTable(encoded.dictionary) if kind is Kind.ADDRESS else TextTable(encoded.dictionary)
        )

    def find(self, values: pa.Array, place: Place) -> Pairs:
        """Pairs (value, term) for the distinct values of a place."""
        kinds = place.kinds & self.kinds
        return self._joined(_SHAPES[place.shape](self, values, kinds)) if kinds else _NONE

    def _joined(self, found: list[Pairs]) -> Pairs:
        if not found:
            return _NONE
        return np.concatenate([one for one, _ in found]), np.concatenate([two for _, two in found])

    def _expand(self, kind: Kind, values: Ints, entries: Ints) -> Pairs:
        """From entries of a table to the terms that share the value."""
        counts = self._counts[kind][entries]
        return np.repeat(values, counts), self._terms[kind][ranges(self._first[kind][entries], counts)]

    def whole(self, kind: Kind, values: pa.Array) -> Pairs:
        """Values that equal a term."""
        table = self._tables[kind]
        if isinstance(table, NetworkTable):
            return self._expand(kind, *table.find(values))
        texts = Texts(values)
        return self._expand(kind, *table.find(texts, *texts.wholes()))

    def suffixes(self, kind: Kind, values: pa.Array, marks: bytes, *, last: bool) -> Pairs:
        """Values of which a suffix after one of the bytes `marks` (only the `last` one if asked) equals a term."""
        table = self._tables[kind]
        if isinstance(table, NetworkTable):
            raise RuntimeError("addresses have no suffixes")  # noqa: TRY004  # our own misuse, see errors.py
        texts = Texts(values)
        return self._expand(kind, *table.find(texts, *texts.after(marks, last=last)))

    def names(self, values: pa.Array, kinds: frozenset[Kind]) -> list[Pairs]:
        """Values that are an address, a name, an e-mail address or a port."""
        found = []
        if Kind.ADDRESS in kinds:
            found.append(self.whole(Kind.ADDRESS, values))
        if Kind.DOMAIN in kinds:
            short = _where(pc.less_equal(pc.binary_length(values), LONGEST_NAME))
            chosen = values if len(short) == len(values) else values.take(pa.array(short))
            tidy = pc.ascii_rtrim(pc.utf8_lower(chosen), characters=".")
            places, terms = self.suffixes(Kind.DOMAIN, tidy, b".", last=False)
            found.append((short[places], terms))
        if Kind.EMAIL in kinds:
            mails = _where(pc.match_substring(values, pattern="@"))
            tidy = pc.ascii_trim(pc.utf8_lower(values.take(pa.array(mails))), characters=" <>")
            places, terms = self.whole(Kind.EMAIL, tidy)
            found.append((mails[places], terms))
        if Kind.PORT in kinds:
            found.append(self.whole(Kind.PORT, values))
        return found


def _one(lookup: Lookup, values: pa.Array, kinds: frozenset[Kind]) -> list[Pairs]:
    return lookup.names(values, kinds)


def _parted(values: pa.Array, mark: str) -> tuple[pa.Array, Ints]:
    """Parts of each value and whose they are."""
    lists = pc.split_pattern(values, pattern=mark)
    return pc.ascii_trim_whitespace(lists.flatten()), pc.list_parent_indices(lists).to_numpy().astype(
        np.int64
    )


def _list(lookup: Lookup, values: pa.Array, kinds: frozenset[Kind]) -> list[Pairs]:
    parts, owners = _parted(values, ",")
    return [(owners[places], terms) for places, terms in lookup.names(parts, kinds)]


def _answers(lookup: Lookup, values: pa.Array, kinds: frozenset[Kind]) -> list[Pairs]:
    parts, owners = _parted(values, ";")
    bare = pc.replace_substring_regex(parts, pattern=r"^type:\s*[0-9]+\s+", replacement="")
    return [(owners[places], terms) for places, terms in lookup.names(bare, kinds)]


def _hashes(lookup: Lookup, values: pa.Array, kinds: frozenset[Kind]) -> list[Pairs]:
    parts, owners = _parted(pc.ascii_lower(values), ",")
    lengths = pc.binary_length(parts).to_numpy()
    found = []
    for label, kind in _LABELS.items():
        if kind in kinds:
            at = _where(pc.starts_with(parts, pattern=label))
            bare = pc.utf8_slice_codeunits(parts.take(pa.array(at)), start=len(label))
            places, terms = lookup.whole(kind, bare)
            found.append((owners[at[places]], terms))
    for digits, kind in _BARE.items():
        if kind in kinds:
            at = np.flatnonzero(lengths == digits)
            places, terms = lookup.whole(kind, parts.take(pa.array(at)))
            found.append((owners[at[places]], terms))
    return found


def _paths(lookup: Lookup, values: pa.Array, kinds: frozenset[Kind]) -> list[Pairs]:
    lower = pc.utf8_lower(values)
    found = []
    if Kind.FILE in kinds:
        found.append(lookup.suffixes(Kind.FILE, lower, b"\\/", last=True))
    if Kind.PATH in kinds:
        found.append(lookup.whole(Kind.PATH, pc.replace_substring(lower, pattern="/", replacement="\\")))
    return found


def _commands(lookup: Lookup, values: pa.Array, kinds: frozenset[Kind]) -> list[Pairs]:
    """The program of a service: what stands in quotes, else all up to a known ending, else the first word."""
    parts = pc.extract_regex(
        values,
        pattern=r'(?is)^\s*(?:"(?P<quoted>[^"]*)"|(?P<ended>.*?\.(?:exe|dll|sys|com|bat|cmd|ps1|scr))(?:\s|,|$)|(?P<word>\S+))',
    )
    programs = values
    for name in ("word", "ended", "quoted"):
        part = pc.struct_field(parts, name)
        programs = pc.if_else(pc.fill_null(pc.greater(pc.binary_length(part), 0), False), part, programs)
    return _paths(lookup, programs, kinds)


def _objects(lookup: Lookup, values: pa.Array, kinds: frozenset[Kind]) -> list[Pairs]:
    del kinds
    at = _where(pc.match_substring(values, pattern="\\BaseNamedObjects\\"))
    places, terms = lookup.suffixes(Kind.MUTEX, values.take(pa.array(at)), b"\\", last=True)
    return [(at[places], terms)]


def _urls(lookup: Lookup, values: pa.Array, kinds: frozenset[Kind]) -> list[Pairs]:
    parts = pc.extract_regex(values, pattern=f"(?s){URL_PARTS}")
    host = pc.replace_substring_regex(
        pc.utf8_lower(pc.struct_field(parts, "host")), pattern=DEFAULT_PORT, replacement=""
    )
    at = _where(pc.greater(pc.binary_length(host), 0))
    chosen = pa.array(at)
    host, rest = host.take(chosen), pc.struct_field(parts, "rest").take(chosen)
    found = []
    if Kind.URL in kinds:
        rooted = pc.if_else(
            pc.starts_with(rest, pattern="/"), rest, pc.binary_join_element_wise("/", rest, "")
        )
        found.append(lookup.whole(Kind.URL, pc.binary_join_element_wise(host, rooted, "")))
    bare = pc.replace_substring_regex(host, pattern=r"^\[(.*)\](?::[0-9]+)?$|:[0-9]{1,5}$", replacement=r"\1")
    found += lookup.names(bare, kinds - {Kind.URL})
    return [(at[places], terms) for places, terms in found]


_SHAPES: dict[Shape, Callable[[Lookup, pa.Array, frozenset[Kind]], list[Pairs]]] = {
    Shape.ONE: _one,
    Shape.LIST: _list,
    Shape.ANSWERS: _answers,
    Shape.HASHES: _hashes,
    Shape.PATH: _paths,
    Shape.COMMAND: _commands,
    Shape.OBJECT: _objects,
    Shape.URL: _urls,
}
