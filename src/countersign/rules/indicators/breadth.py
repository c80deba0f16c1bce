"""Indicators that ordinary work meets all day: noticed before they bury everything else.

The table is `broad.toml`. A *refused* term is one that cannot mean anything by itself (everybody's addresses, a whole
top-level domain, the empty file); a *doubtful* one matches and carries a warning.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from ipaddress import ip_network
from typing import Any

from countersign.rules.indicators.addresses import packed
from countersign.rules.indicators.terms import Clause, Kind, Term, host_of

SHORTEST_NAME = 3
"""Characters: file names and mutexes below it stand everywhere."""

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
        if len(clauses) == 1 and len(clauses[0]) == 1:  # by far the most
            only = clauses[0][0]
            reason = refusal(only)
            if reason is not None:
                return clauses, None if self.allowed else reason, reason if self.allowed else None
            return clauses, None, doubt(only)
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
    judge = _REFUSALS.get(term.kind)
    return None if judge is None else judge(term.value)


def doubt(term: Term) -> str | None:
    """What to mind about the term; None if nothing."""
    judge = _DOUBTS.get(term.kind)
    return None if judge is None else judge(term.value)


def _empty_file(digest: str) -> str | None:
    return _known("hashes").get(digest)


def _everywhere(name: str) -> str | None:
    return f"{name} runs on every machine" if name in _names("files", "refused") else _short(name)


def _port_alone(port: str) -> str | None:
    return f"port {port} alone says nothing"


def _address_doubt(text: str) -> str | None:
    known = _known("addresses").get(text)
    if known is not None:
        return f"{text} is {known}"
    if "/" not in text:
        return None
    network = ip_network(text)
    limit = _table()["networks"][f"doubtful_v{network.version}"]
    return f"{text} is as large as a provider" if network.prefixlen < limit else None


def _domain_doubt(name: str) -> str | None:
    return f"{name} is in ordinary use" if name in _names("domains", "doubtful") else None


def _url_doubt(key: str) -> str | None:
    return _domain_doubt(host_of(key)) if key.endswith("/") and key.count("/") == 1 else None


def _short(name: str) -> str | None:
    return f"a name of fewer than {SHORTEST_NAME} characters" if len(name) < SHORTEST_NAME else None


def _address_refusal(text: str) -> str | None:
    base, slash, prefix = text.partition("/")
    raw = packed(base)
    if raw is None:
        raise RuntimeError("the value is not in normal form")
    if slash:
        limit: int = _table()["networks"]["refused_v6" if ":" in base else "refused_v4"]
        if int(prefix) < limit:
            return f"{text} is a large part of all addresses"
    length = 128 if not slash else int(prefix) + (0 if ":" in base else 96)
    number = int.from_bytes(raw)
    for start, mask, least, reason in _special():
        if number & mask == start and length >= least:
            return f"{text}: {reason}"
    return None


def _domain_refusal(name: str) -> str | None:
    if "." not in name:
        return f"{name} is a whole top-level domain or a name without one"
    return f"anybody can register a name below {name}" if name in _names("domains", "refused") else None


@cache
def _special() -> tuple[tuple[int, int, int, str], ...]:
    """Base, mask and prefix length of special networks as parts of IPv6, and what they are."""
    found = []
    for text, reason in _table()["special"].items():
        network = ip_network(text)
        length = network.prefixlen + (96 if network.version == 4 else 0)
        base = int(network.network_address) + (0xFFFF << 32 if network.version == 4 else 0)
        found.append((base, ((1 << length) - 1) << (128 - length), length, reason))
    return tuple(found)


@cache
def _known(section: str) -> Mapping[str, str]:
    return dict(_table()[section])


@cache
def _names(section: str, name: str) -> frozenset[str]:
    return frozenset(_table()[section][name])


@cache
def _table() -> Mapping[str, Any]:
    text = resources.files(__package__).joinpath("broad.toml").read_text("utf-8")
    return tomllib.loads(text)


_Judge = Callable[[str], str | None]
_REFUSALS: Mapping[Kind, _Judge] = {
    Kind.ADDRESS: _address_refusal,
    Kind.DOMAIN: _domain_refusal,
    Kind.MD5: _empty_file,
    Kind.SHA1: _empty_file,
    Kind.SHA256: _empty_file,
    Kind.IMPHASH: _empty_file,
    Kind.FILE: _everywhere,
    Kind.MUTEX: _short,
    Kind.PORT: _port_alone,
}
_DOUBTS: Mapping[Kind, _Judge] = {
    Kind.ADDRESS: _address_doubt,
    Kind.DOMAIN: _domain_doubt,
    Kind.URL: _url_doubt,
}
