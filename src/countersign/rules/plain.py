"""Compiled conditions as plain data, there and back: what the cache writes and what a fingerprint is made of."""

from __future__ import annotations

from typing import Any

from countersign.errors import RuleError
from countersign.rules import atoms
from countersign.rules.compiled import Body, Plain, Variant

_KINDS: tuple[type[Any], ...] = (
    atoms.Text,
    atoms.Regex,
    atoms.Number,
    atoms.Compare,
    atoms.Network,
    atoms.TimePart,
    atoms.Absent,
    atoms.Same,
)
"""An atom is written as its place here and its fields in their order. Append only."""
_PLACES = {kind: place for place, kind in enumerate(_KINDS)}
_NAMES = {kind: tuple(kind.__slots__) for kind in _KINDS}


def atom_data(atom: atoms.Atom) -> list[Any]:
    """One atom, as lists, texts, numbers and truth values."""
    kind = type(atom)
    if isinstance(atom, atoms.Number):  # as text: YAML's integers may have more than 64 bits
        return [_PLACES[kind], atom.field, repr(atom.number)]
    if isinstance(atom, atoms.Compare):
        return [_PLACES[kind], atom.field, atom.operator, repr(atom.number)]
    return [_PLACES[kind], *[getattr(atom, name) for name in _NAMES[kind]]]


def atom_from(data: list[Any]) -> atoms.Atom:
    """The atom that `atom_data` wrote."""
    kind = _KINDS[data[0]]
    atom: atoms.Atom
    if kind is atoms.Text:
        atom = atoms.Text(data[1], tuple(data[2]), data[3])
    elif kind is atoms.Regex:
        atom = atoms.Regex(data[1], data[2], tuple(data[3]))
    elif kind is atoms.Number:
        atom = atoms.Number(data[1], _quantity(data[2]))
    elif kind is atoms.Compare:
        atom = atoms.Compare(data[1], data[2], _quantity(data[3]))
    else:
        atom = kind(*data[1:])
    return atom


def _quantity(text: str) -> float:
    try:
        return int(text)
    except ValueError:
        return float(text)


def spelled(node: Plain, known: tuple[atoms.Atom, ...]) -> Any:  # noqa: ANN401  # nested lists
    """A condition with its atoms written out, so that it means the same wherever it stands."""
    if isinstance(node, bool):
        return node
    if isinstance(node, int):
        return atom_data(known[node])
    return [node[0], *[spelled(child, known) for child in node[1:]]]


def body_data(body: Body) -> list[Any]:
    """A route's atoms and variants."""
    return [
        [atom_data(atom) for atom in body.atoms],
        [[variant.rule, variant.node, variant.guard] for variant in body.variants],
    ]


def body_from(data: list[Any]) -> Body:
    """The body that `body_data` wrote.

    Raises:
        RuleError: it was not written by `body_data`.

    """
    try:
        known, variants = data
        return Body(
            tuple([atom_from(atom) for atom in known]),
            tuple(
                [
                    Variant(rule, _node(node), None if guard is None else tuple(guard))
                    for rule, node, guard in variants
                ]
            ),
        )
    except (TypeError, ValueError, IndexError) as error:
        raise RuleError(f"a compiled rule set of another form: {error}") from error


def _node(data: Any) -> Plain:  # noqa: ANN401  # nested lists
    if isinstance(data, list):
        return (data[0], *[_node(child) for child in data[1:]])
    plain: Plain = data
    return plain
