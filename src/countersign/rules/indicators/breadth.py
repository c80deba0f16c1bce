"""Indicators that ordinary work meets all day: noticed before they bury everything else.

The table is `broad.toml`. A *refused* term is one that cannot mean anything by itself (everybody's addresses, a whole
top-level domain, the empty file); a *doubtful* one matches and carries a warning.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any

from countersign.rules.indicators.terms import Clause, Kind, Term, host_of

SHORTEST_NAME = 3
"""Characters: file names and mutexes below it stand everywhere."""

Network = IPv4Network | IPv6Network
Judgement = tuple[tuple[Clause, ...], str | None, str | None]


@dataclass(frozen=True, slots=True)
class Breadth:
    """Judges terms. With `allowed` nothing is refused, and reasons become warnings."""

    allowed: bool = False

    def judge(self, clauses: tuple[Clause, ...]) -> Judgement:
        """The clauses that may be matched, why none may (None where some may), and what to mind.

        A clause of several terms is as narrow as its narrowest one. Where all clauses are refused they are all
        given back, to be kept and shown.
        """
        kept: list[Clause] = []
        refused: list[str] = []
        warnings: list[str] = []
        for clause in clauses:
            why = [refusal(one) for one in clause]
            if all(why):
                refused += [reason for reason in why if reason]
                if self.allowed:
                    kept.append(clause)
                continue
            kept.append(clause)
            doubts = [doubt(one) for one in clause]
            if all(doubts):
                warnings += [reason for reason in doubts if reason]
        if refused and kept:
            warnings += refused if self.allowed else [f"left out: {reason}" for reason in refused]
        stopped = "; ".join(dict.fromkeys(refused)) if refused and not kept else None
        return tuple(kept or clauses), stopped, "; ".join(dict.fromkeys(warnings)) or None


def refusal(term: Term) -> str | None:
    """Why the term alone cannot be an indicator; None if it can."""
    match term.kind:
        case Kind.ADDRESS:
            return _address_refusal(term.value)
        case Kind.DOMAIN:
            return _domain_refusal(term.value)
        case Kind.MD5 | Kind.SHA1 | Kind.SHA256 | Kind.IMPHASH:
            found: str | None = _table()["hashes"].get(term.value)
            return found
        case Kind.FILE:
            if term.value in _names("files", "refused"):
                return f"{term.value} runs on every machine"
            return _short(term.value)
        case Kind.MUTEX:
            return _short(term.value)
        case Kind.PORT:
            return "a port alone says nothing"
        case _:
            return None


def doubt(term: Term) -> str | None:
    """What to mind about the term; None if nothing."""
    match term.kind:
        case Kind.ADDRESS:
            known = _table()["addresses"].get(term.value)
            if known is not None:
                return f"{term.value} is {known}"
            network = _network(term.value)
            limit = _table()["networks"][f"doubtful_v{network.version}"]
            if network.prefixlen < limit:
                return f"{term.value} is as large as a provider"
            return None
        case Kind.DOMAIN if term.value in _names("domains", "doubtful"):
            return f"{term.value} is in ordinary use"
        case Kind.URL if host_of(term.value) + "/" == term.value and host_of(term.value) in _names(
            "domains", "doubtful"
        ):
            return f"{term.value} is in ordinary use"
        case _:
            return None


def _short(name: str) -> str | None:
    return f"a name of fewer than {SHORTEST_NAME} characters" if len(name) < SHORTEST_NAME else None


def _address_refusal(text: str) -> str | None:
    network = _network(text)
    if network.prefixlen < _table()["networks"][f"refused_v{network.version}"]:
        return f"{text} is a large part of all addresses"
    for special, reason in _special():
        if network.version == special.version and network.subnet_of(special):  # type: ignore[arg-type]  # same version
            return f"{text}: {reason}"
    return None


def _domain_refusal(name: str) -> str | None:
    if "." not in name:
        return f"{name} is a whole top-level domain or a name without one"
    return f"anybody can register a name below {name}" if name in _names("domains", "refused") else None


def _network(text: str) -> Network:
    return ip_network(text)


@cache
def _special() -> tuple[tuple[Network, str], ...]:
    return tuple((ip_network(text), reason) for text, reason in _table()["special"].items())


@cache
def _names(section: str, name: str) -> frozenset[str]:
    return frozenset(_table()[section][name])


@cache
def _table() -> Mapping[str, Any]:
    text = resources.files(__package__).joinpath("broad.toml").read_text("utf-8")
    return tomllib.loads(text)
