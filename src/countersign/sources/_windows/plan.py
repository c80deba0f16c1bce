"""A plan: which OCSF columns one kind of Windows event fills, and from which of its fields.

`Plan` is written by people (see `events`), `Compiled` is what runs for each record.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from countersign.model.columns import Values, text_of
from countersign.sources._windows.values import Scalar, account, conversion

Source = str | tuple[str, ...]
"""A field, or several names of which the first with a usable value counts."""


@dataclass(frozen=True, slots=True)
class Plan:
    """One row of the table of events.

    `columns` maps a column to the field it comes from. `accounts` maps `user` or `actor.user` to the fields of
    name and domain (the domain's may be empty). `joined` maps a column to such fields, for an account in one text. `special` maps a column to a field and its own conversion.
    `constants` are set as they are.
    """

    class_uid: int = 0
    activity_id: int = 0
    status_id: int | None = None
    columns: Mapping[str, Source] = field(default_factory=dict)
    accounts: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    special: Mapping[str, tuple[Source, Callable[[Scalar], object]]] = field(default_factory=dict)
    constants: Mapping[str, object] = field(default_factory=dict)
    joined: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    def __or__(self, other: Plan) -> Plan:
        """The plan with the parts of `other` added; the class is the first one stated."""
        return Plan(
            self.class_uid or other.class_uid,
            self.activity_id or other.activity_id,
            self.status_id if self.status_id is not None else other.status_id,
            {**other.columns, **self.columns},
            {**other.accounts, **self.accounts},
            {**other.special, **self.special},
            {**other.constants, **self.constants},
            {**other.joined, **self.joined},
        )


class Compiled:
    """A plan with its conversions looked up."""

    __slots__ = ("_accounts", "_joined", "_steps", "base")

    def __init__(self, plan: Plan) -> None:
        self.base: dict[str, object] = {"class_uid": plan.class_uid, "activity_id": plan.activity_id}
        if plan.status_id is not None:
            self.base["status_id"] = plan.status_id
        self.base |= plan.constants
        steps = [(column, source, conversion(column)) for column, source in plan.columns.items()]
        steps += [(column, source, convert) for column, (source, convert) in plan.special.items()]
        self._steps = tuple(
            (column, (source,) if isinstance(source, str) else source, convert)
            for column, source, convert in steps
        )
        self._joined = tuple(plan.joined.items())
        self._accounts = tuple(
            (f"{who}.name", f"{who}.domain", name, domain) for who, (name, domain) in plan.accounts.items()
        )

    def derive(self, fields: Mapping[str, Values], count: int) -> dict[str, Values]:
        """The plan's columns for many records, from the values of their fields."""
        columns: dict[str, Values] = {}
        for column, sources, convert in self._steps:
            for source in sources:
                values = fields.get(source)
                if values is None:
                    continue
                found = _converted(convert, values)
                known = columns.get(column)
                columns[column] = (
                    found
                    if known is None
                    else [other if one is None else one for one, other in zip(known, found, strict=True)]
                )
        for name_column, domain_column, name, domain in self._accounts:
            names = fields.get(name)
            if names is None:
                continue
            domains = fields.get(domain) or [None] * count
            columns[name_column], columns[domain_column] = zip(*_accounts(names, domains), strict=True)
        for column, (name, domain) in self._joined:
            names = fields.get(name)
            if names is not None:
                domains = fields.get(domain) or [None] * count
                columns[column] = [account_text(*pair) for pair in _accounts(names, domains)]
        return columns


def account_text(name: str | None, domain: str | None) -> str | None:
    r"""`DOMAIN\name`, the bare name where no domain is known, None for nobody."""
    if name is None:
        return None
    return f"{domain}\\{name}" if domain else name


def _converted(convert: Callable[[Scalar], object], values: Values) -> list[object]:
    try:
        return list(map(convert, values))
    except TypeError:  # a list or an object where Windows never writes one: it has no hash
        return list(map(convert, map(_scalar, values)))


def _accounts(names: Values, domains: Values) -> list[tuple[str | None, str | None]]:
    try:
        return list(map(account, names, domains))
    except TypeError:
        return list(map(account, map(_scalar, names), map(_scalar, domains)))


def _scalar(value: Any) -> Scalar:  # noqa: ANN401  # foreign JSON
    return text_of(value) if isinstance(value, (list, dict)) else value
