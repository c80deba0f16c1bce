"""Stays in clouds: what was done in one session, or by one account at one address until the idle limit, and which stay opened which."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from countersign.model.visit import Link
from countersign.visits import cloud_reading as cr
from countersign.visits.cloud_reading import Item
from countersign.visits.names import Account, is_address
from countersign.visits.sessions import SECOND, SLACK
from countersign.visits.subjects import Claimed
from countersign.visits.trees import Node

SIGN_IN = frozenset({"microsoft", "okta", "google", "duo", "adfs"})
"""Families whose arrivals are sign-ins, of the protocol `signin`."""
NAMES = {
    "adfs": "AD FS",
    "aws": "AWS",
    "azure": "Azure",
    "duo": "Duo",
    "gcp": "Google Cloud",
    "google": "Google Workspace",
    "microsoft": "Microsoft 365",
    "okta": "Okta",
}
FEDERATED = 300 * SECOND
"""A role taken with a SAML assertion follows the sign-in that gave the assertion within this time."""


_ACCOUNT = re.compile(r"[0-9]{12}")


@dataclass(slots=True)
class Stay:
    """A hop in the making; `items` are in order of time."""

    items: list[Item]
    claimed: Claimed | None = None
    maker: Stay | None = None
    link: Link | None = None
    node: Node | None = None
    absorbed: bool = field(default=False)

    @property
    def head(self) -> Item:
        """The first sign-in that was let in, else the first thing heard of."""
        return next((item for item in self.items if item.role == "login" and not item.failed), self.items[0])

    @property
    def logins(self) -> list[Item]:
        """Sign-ins that were let in."""
        return [item for item in self.items if item.role == "login" and not item.failed and not item.ended]

    @property
    def family(self) -> str:
        """As `cloud_reading.FAMILIES`."""
        return self.head.family

    @property
    def account(self) -> Account:
        """Whose stay it is."""
        name, domain, uid, *_ = self.head.identity
        return Account(domain, name or uid)

    @property
    def place(self) -> str:
        """The first address, empty where the source names a service instead."""
        return next((item.place for item in self.items if is_address(item.place)), "")

    @property
    def begun(self) -> int:
        """The first sign of life (microseconds, UTC)."""
        return self.items[0].at

    @property
    def last(self) -> int:
        """The last."""
        return max(item.until for item in self.items)

    def beside(self, other: Stay, idle: int) -> bool:
        """Whether `other` began while this one went on, or within `idle` after."""
        return self.begun - SLACK <= other.begun <= self.last + idle


def gathered(items: Iterable[Item]) -> list[Stay]:
    """Items by the stay that they are of, the stays in order of time."""
    grouped: dict[tuple[str, int], list[Item]] = defaultdict(list)
    for item in items:
        grouped[item.part, item.stay].append(item)
    return sorted((Stay(group) for group in grouped.values()), key=order)


def order(stay: Stay) -> tuple[int, tuple[str, str, int], str]:
    """Sorts stays in time, the same whatever order they were read in."""
    return stay.begun, stay.items[0].first, stay.items[0].part


def acts(stay: Stay) -> bool:
    """Whether anything was done in it."""
    return any(item.role == "act" for item in stay.items)


def absorb(stays: list[Stay]) -> None:
    """What an account did, where no session is named, belongs to its sign-in from the same address."""
    homes: dict[tuple[str, tuple[str, str], str], list[Stay]] = defaultdict(list)
    for stay in stays:
        if stay.logins:
            homes[stay.family, stay.account.key, stay.place].append(stay)
    for stay in stays:
        if stay.logins or not acts(stay) or not _follows(stay):
            continue
        homes_of = homes.get((stay.family, stay.account.key, stay.place), ())
        _share(stay, [home for home in homes_of if stay.family != "aws" or not home.head.key])


def _share(stay: Stay, homes: list[Stay]) -> None:
    """Each thing that was done goes to the latest sign-in before it that was still in use."""
    left: list[Item] = []
    for item in stay.items:
        near = [home for home in homes if home.begun - SLACK <= item.at <= home.last + cr.PLACE_IDLE]
        if not near:
            left.append(item)
            continue
        home = max(near, key=order)
        home.items = sorted([*home.items, item], key=lambda item: (item.at, item.first, item.role))
    stay.absorbed = not left
    stay.items = left or stay.items


def _follows(stay: Stay) -> bool:
    """Whether a stay without a sign-in can be another's: it names no session, or one that a console's sign-in gave."""
    if stay.family != "aws":
        return not stay.head.key
    return stay.head.key.startswith("ASIA") and stay.head.kind in {"IAMUser", "Root"}


def made_by(stays: list[Stay], tokens: dict[str, str]) -> None:
    """Which stay opened which, and why."""
    given: dict[str, list[tuple[Stay, Item]]] = defaultdict(list)
    keyed: dict[str, list[Stay]] = defaultdict(list)
    signed: dict[str, list[Stay]] = defaultdict(list)
    for stay in stays:
        keyed[stay.head.key].append(stay)
        if stay.logins and stay.family in SIGN_IN:
            signed[stay.place].append(stay)
        for item in stay.items:
            if item.issued:
                given[item.issued].append((stay, item))
    for stay in stays:
        _given_key(stay, given)
        if stay.maker is None and stay.family == "azure":
            _token(stay, tokens, keyed)
        if stay.maker is None:
            _signed_in(stay, signed)


def _given_key(stay: Stay, given: dict[str, list[tuple[Stay, Item]]]) -> None:
    for maker, item in given.get(stay.head.key, ()) if stay.head.key else ():
        if maker is not stay and not _above(maker, stay):
            stay.maker = maker
            stay.link = Link(
                "proven", f"{item.operation} gave out the access key {stay.head.key}, which is used here"
            )
            return


def _above(stay: Stay | None, other: Stay) -> bool:
    """Whether `stay` hangs on `other` already."""
    while stay is not None:
        if stay is other:
            return True
        stay = stay.maker
    return False


def _token(stay: Stay, tokens: dict[str, str], keyed: dict[str, list[Stay]]) -> None:
    keys = {tokens[item.token] for item in stay.items if item.token in tokens}
    found = [
        home
        for key in sorted(keys)
        for home in keyed[key]
        if home.begun <= stay.begun + SLACK and not _above(home, stay)
    ]
    if found:
        stay.maker = max(found, key=order)
        stay.link = Link("proven", "the calls were made with the token that this sign-in was given")


def _signed_in(stay: Stay, signed: dict[str, list[Stay]]) -> None:
    """The same account's (or for a role taken by SAML, the same person's) sign-in from the same address."""
    saml = stay.family == "aws" and bool(stay.logins) and stay.head.protocol == "SAML"
    related = {"azure": "microsoft", "gcp": "google"}.get(stay.family)
    if not stay.place or not (saml or related):
        return
    found = [
        home
        for home in signed.get(stay.place, ())
        if not _above(home, stay)
        and (
            (saml and names(home) & names(stay) and home.beside(stay, FEDERATED))
            or (
                home.family == related
                and home.account.same_as(stay.account)
                and home.beside(stay, cr.KEYED_IDLE)
            )
        )
    ]
    if found:
        best = max(found, key=order)
        stay.maker = best
        how = "with SAML" if saml else "from the same address"
        stay.link = Link(
            "inferred", f"{best.account.text} had signed in to {target_of(best)} and came on {how}"
        )


def names(stay: Stay) -> set[str]:
    """Names and addresses of the person of a stay, casefolded: of an address the part before the @ as well."""
    name, _, _, mail, full, caller, _, _ = stay.head.identity
    return {
        word.casefold()
        for text in (name, mail, full, caller)
        for word in (text, text.partition("@")[0])
        if word
    }


def target_of(stay: Stay) -> str:
    """Where one arrived: an account, subscription or project, else the application signed in to."""
    if stay.family == "aws" and stay.head.role == "login" and _ACCOUNT.fullmatch(stay.head.identity[1]):
        # who takes a role elsewhere is told of where they come from, too
        return stay.head.identity[1]
    if stay.family not in SIGN_IN and stay.head.target:
        return stay.head.target
    return next((item.app for item in stay.logins if item.app), "") or NAMES[stay.family]
