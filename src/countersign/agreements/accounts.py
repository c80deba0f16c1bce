r"""How an agreement names accounts, and which names in logs it means.

`CORP\name`, `name@corp.example`, `name` (in any domain), a SID `S-1-5-...`, a key fingerprint `SHA256:...`, an ARN `arn:aws:...`;
`*` is a wildcard in names. Letter case matters in fingerprints only. A domain and its full name are one when
their first labels are (`CORP` and `corp.example`); a domain stated by a pattern must be in the record.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from countersign.agreements import arns
from countersign.agreements.globs import glob, globs_meet
from countersign.agreements.problem import wrong

LONGEST = 200
"""Characters of a pattern; the text of a SID has at most 184 (MS-DTYP 2.4.2.1), a DNS name 253."""

_SID = re.compile(r"s-1(?:-[0-9]+)+", re.IGNORECASE)
_DOMAIN_SIDS = re.compile(r"s-1-5-21(?:-[0-9]+){3}-\*", re.IGNORECASE)
_KEY = re.compile(r"sha256:([A-Za-z0-9+/]{43})=?", re.IGNORECASE)
_BLANK = frozenset({"", "-", ".", "n/a", "(null)", "null"})

SYSTEM_ACCOUNTS = frozenset(
    {"system", "local service", "network service", "localsystem", "anonymous logon", "s-1-5-18", "s-1-5-19"}
    | {"s-1-5-20", "s-1-5-7"}
)
"""Accounts that a machine uses for itself (well-known SIDs, MS-DTYP 2.4.2.4): no person switched to them."""


@dataclass(frozen=True, slots=True)
class Login:
    """An account as a record names it, folded: every (name, domain) it can be read as, and its `uid`."""

    names: tuple[tuple[str, str], ...]
    uid: str

    @classmethod
    def of(cls, name: str | None, domain: str | None = None, uid: str | None = None) -> Login:
        r"""Read `DOMAIN\name` and `name@suffix` apart; blanks and `-` count as absent."""
        plain, area, key = _clean(name), _clean(domain), _clean(uid)
        if "\\" in plain:
            before, _, plain = plain.rpartition("\\")
            area = area or _clean(before)
        readings: dict[tuple[str, str], None] = {}
        for text in (plain, key):
            local, at, suffix = text.rpartition("@")
            if at and local and suffix:
                readings[local, suffix] = None
                if text is plain and area:
                    readings[local, area] = None
        if plain:
            readings[plain, area] = None
        return cls(tuple(readings), uid.strip() if uid and key else "")

    @property
    def keys(self) -> tuple[str, ...]:
        """How exact patterns for SIDs, key fingerprints and ARNs would be spelt, folded."""
        found = _KEY.fullmatch(self.uid)
        return ((found[1] if found else self.uid).casefold(), *arns.spellings(self.uid)) if self.uid else ()

    @property
    def is_blank(self) -> bool:
        """The record names nobody."""
        return not self.names and not self.uid


def _clean(text: str | None) -> str:
    folded = (text or "").strip().casefold()
    return "" if folded in _BLANK else folded


@dataclass(frozen=True, slots=True)
class AccountPattern:
    """One entry of an identity's accounts; `domain` is None where the pattern states none."""

    text: str
    kind: Literal["sid", "key", "arn", "name"]
    name: str
    domain: str | None = None

    @classmethod
    def parse(cls, text: str) -> AccountPattern:
        """Read a pattern.

        Raises:
            pydantic_core.PydanticCustomError: it names nobody, or everybody.

        """
        key = _KEY.fullmatch(text)
        if key:
            return cls(text, "key", key[1])
        if text.lower().startswith("sha256:"):
            raise wrong(
                f"`{text}` is no key fingerprint",
                "write SHA256: and the 43 characters that `ssh-keygen -lf` prints",
            )
        if _SID.fullmatch(text) or _DOMAIN_SIDS.fullmatch(text):
            return cls(text, "sid", text.casefold())
        if text.lower().startswith("s-1-"):
            raise wrong(
                f"`{text}` is no SID",
                "write it whole, or S-1-5-21-x-y-z-* for all accounts of the provider's domain",
            )
        if text.lower().startswith("arn:"):
            return cls(text, "arn", _arn(text))
        domain: str | None
        if "\\" in text:
            domain, _, name = text.partition("\\")
        elif "@" in text:
            name, _, domain = text.rpartition("@")
        else:
            domain, name = None, text
        name = name.strip().casefold()
        if not name or domain == "" or "\\" in name:
            raise wrong(f"`{text}` names no account", r"write CORP\name, name@corp.example or name")
        if not (name + (domain or "")).replace("*", ""):
            raise wrong(
                f"`{text}` would mean everybody's accounts",
                "name at least a part of the account or its domain",
            )
        return cls(text, "name", name, None if domain is None else domain.strip().casefold())

    def fits(self, login: Login) -> bool:
        """Whether this pattern means that account."""
        if self.kind == "key":
            found = _KEY.fullmatch(login.uid)
            return found is not None and found[1] == self.name
        if self.kind == "arn":
            return any(glob(self.name, spelt) for spelt in arns.spellings(login.uid))
        if self.kind == "sid":
            return glob(self.name, login.uid.casefold()) or any(
                glob(self.name, name) for name, _ in login.names
            )
        return any(
            glob(self.name, name) and (self.domain is None or _same_domain(self.domain, domain))
            for name, domain in login.names
        )

    def meets(self, other: AccountPattern) -> bool:
        """Whether one account could be meant by both patterns."""
        if {self.kind, other.kind} == {"arn", "name"}:
            return _named_alike(self, other) if self.kind == "arn" else _named_alike(other, self)
        if self.kind != other.kind:
            return False
        if self.kind == "key":
            return self.name == other.name
        if self.kind == "arn" and _is_session_of(self.name, other.name):
            return True
        if not globs_meet(self.name, other.name):
            return False
        if self.domain is None or other.domain is None:
            return True
        return _domains_meet(self.domain, other.domain)

    @property
    def weight(self) -> tuple[int, int, int]:
        """How exactly this names an account: greater wins within one agreement."""
        literal = len(self.name.replace("*", ""))
        return (
            self.kind != "name" and "*" not in self.name,
            "*" not in self.name,
            literal + (self.domain is not None),
        )


def _arn(text: str) -> str:
    found = arns.spelt(text) or ""
    kind, _, name = found.rpartition(":")[2].partition("/")
    if kind != "root" and not name.replace("*", "").strip("/"):
        raise wrong(
            f"`{text}` is no ARN of somebody who can come",
            "write arn:aws:iam::123456789012:role/Name, or user/Name, with at least a part of the name",
        )
    return found


def _named_alike(arn: AccountPattern, name: AccountPattern) -> bool:
    """Whether the name and account number that records give with an ARN can be meant by a pattern of names."""
    own, number = arns.named(arn.name)
    return globs_meet(own, name.name) and (name.domain is None or _domains_meet(number, name.domain))


def _is_session_of(one: str, other: str) -> bool:
    """Whether one of them can be a role and the other a session of it."""
    return globs_meet(f"{one}/*", other) or globs_meet(one, f"{other}/*")


def _same_domain(pattern: str, domain: str) -> bool:
    if glob(pattern, domain):
        return bool(domain)
    first, dot, _ = pattern.partition(".")
    label, full, _ = domain.partition(".")
    if bool(dot) == bool(full) or not label:
        return False
    # a wildcard in the first label of a full name says nothing of short names
    return first == label if dot else glob(first, label)


def _domains_meet(one: str, other: str) -> bool:
    if globs_meet(one, other):
        return True
    if ("." in one) == ("." in other):
        return False
    return globs_meet(one.partition(".")[0], other.partition(".")[0])
