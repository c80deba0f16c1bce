"""Sigma log sources and which of our events each means: the reader of `logsources.toml`."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib import resources
from typing import Any

from countersign.errors import RuleError


@dataclass(slots=True)
class Renames:
    """How one log source writes the Sigma names: `fields` maps a Sigma field (casefolded) to its name there,
    `values` a field and a value (both casefolded) to the value there."""

    fields: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, order=True)
class Where:
    """A condition on an event; an empty tuple asks nothing. All names are casefolded.

    `source` are log families (`windows` also means `windows.evtx`), the others stand for
    `metadata.log_name`, `metadata.log_provider` and `metadata.event_code`.
    """

    source: tuple[str, ...] = ()
    log: tuple[str, ...] = ()
    provider: tuple[str, ...] = ()
    event: tuple[str, ...] = ()

    def holds(self, source: str, log: str, provider: str, event: str) -> bool:
        """Whether an event with these casefolded names is meant; an absent name is empty."""
        return (
            (not self.source or any(source == name or source.startswith(name + ".") for name in self.source))
            and (not self.log or log in self.log)
            and (not self.provider or provider in self.provider)
            and (not self.event or event in self.event)
        )


@dataclass(frozen=True, slots=True)
class Meaning:
    """One alternative of a log source: all of `where` must hold, names are written as `rename` says; `waiting` where
    no reader of such logs is here yet."""

    where: tuple[Where, ...]
    rename: str = ""
    waiting: bool = False


@dataclass(frozen=True, slots=True)
class LogSources:
    """The table. `meanings` is keyed by (product, "category" or "service", name); `products` holds each
    product's own condition, `waiting` the products that nothing here reads yet."""

    products: Mapping[str, Where]
    meanings: Mapping[tuple[str, str, str], tuple[Meaning, ...]]
    renames: Mapping[str, Renames]
    waiting: frozenset[str] = frozenset()

    def find(self, product: str | None, category: str | None, service: str | None) -> tuple[Meaning, ...]:
        """The alternatives that a rule's log source means; empty if we have no such source."""
        products = sorted(self.products) if product is None else [product.casefold()]
        found: dict[Meaning, None] = {}
        for name in products:
            found.update(dict.fromkeys(self._of_product(name, category, service)))
        return tuple(found)

    def _of_product(self, product: str, category: str | None, service: str | None) -> list[Meaning]:
        base = self.products.get(product)
        if base is None or (category is None and service is None and not any(base.source)):
            return []
        meanings = [Meaning((base,), waiting=product in self.waiting)]
        for kind, name in (("category", category), ("service", service)):
            if name is not None:
                more = self.meanings.get((product, kind, name.casefold()), ())
                meanings = [
                    Meaning(one.where + two.where, one.rename or two.rename, one.waiting or two.waiting)
                    for one in meanings
                    for two in more
                ]
        return meanings


@dataclass(frozen=True, slots=True)
class Claim:
    """What a log family that a user describes says it is in Sigma's words; `fields` are Sigma's field names and its own."""

    source: str
    product: str = ""
    category: str = ""
    service: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)


def with_claims(table: LogSources, claims: Iterable[Claim]) -> LogSources:
    """The table with further families. A rule that names no product means every product; one for a product means all
    families of it, unless it names a category or service that a family is not."""
    products, meanings, renames = dict(table.products), dict(table.meanings), dict(table.renames)
    waiting = set(table.waiting)
    for claim in claims:
        family = claim.source.casefold()
        product = claim.product.casefold() or family
        base = products.get(product, Where())
        if base.source:  # what was there means what it meant
            for key in [key for key in meanings if key[0] == product]:
                meanings[key] = tuple(
                    Meaning((*one.where, base), one.rename, one.waiting or product in waiting)
                    for one in meanings[key]
                )
        waiting.discard(product)
        products[product] = Where(source=(*base.source, family))
        rename = ""
        if claim.fields:
            rename = family
            renames[rename] = Renames({name.casefold(): there for name, there in claim.fields.items()})
        for kind, name in (("category", claim.category), ("service", claim.service)):
            if name:
                key = (product, kind, name.casefold())
                own = Meaning((Where(source=(family,)),), rename)
                meanings[key] = (*meanings.get(key, ()), own)
    return LogSources(products, meanings, renames, frozenset(waiting))


def load_logsources(text: str | None = None) -> LogSources:
    """The table that comes with the program, or one of the same form.

    Raises:
        RuleError: the text is no such table.

    """
    if text is None:
        text = resources.files(__package__).joinpath("logsources.toml").read_text("utf-8")
    try:
        return _table(tomllib.loads(text))
    except (tomllib.TOMLDecodeError, KeyError, TypeError, AttributeError) as error:
        raise RuleError(
            f"the log source table cannot be read: {error}",
            path="logsources.toml",
            remedy="compare it with the one that comes with the program",
        ) from error


def _table(data: Mapping[str, Any]) -> LogSources:
    products: dict[str, Where] = {}
    meanings: dict[tuple[str, str, str], tuple[Meaning, ...]] = {}
    waiting: set[str] = set()
    renames = {name: _renames(table) for name, table in data.get("rename", {}).items()}
    for product, table in data["product"].items():
        products[product.casefold()] = Where(source=_names(table["source"]))
        if table.get("waiting"):
            waiting.add(product.casefold())
        for kind in ("category", "service"):
            for name, entries in table.get(kind, {}).items():
                key = (product.casefold(), kind, name.casefold())
                meanings[key] = tuple(_meaning(entry, renames) for entry in entries)
    return LogSources(products, meanings, renames, frozenset(waiting))


def _meaning(entry: Mapping[str, Any], renames: Mapping[str, Renames]) -> Meaning:
    where = Where(
        log=_names(entry.get("log", ())),
        provider=_names(entry.get("provider", ())),
        event=_names(entry.get("event", ())),
    )
    rename = entry.get("rename", "")
    if rename:
        renames[rename]  # a name that is missing is an error of the table
    return Meaning((where,), rename, bool(entry.get("waiting")))


def _names(values: Any) -> tuple[str, ...]:  # noqa: ANN401  # TOML has no types
    return tuple(str(value).casefold() for value in values)


def _renames(table: Mapping[str, Any]) -> Renames:
    return Renames(
        {name.casefold(): str(there) for name, there in table.get("fields", {}).items()},
        {
            name.casefold(): {value.casefold(): str(there) for value, there in values.items()}
            for name, values in table.get("values", {}).items()
        },
    )
