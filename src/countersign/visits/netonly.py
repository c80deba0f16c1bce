"""Sessions with another account's credentials for other hosts (`runas /netonly`, logon type 9).

On the host itself such a session is its maker's; elsewhere it is TargetOutboundUserName (Microsoft, "4624(S): An account was successfully
logged on"). Older Windows leaves that out: then the 4648 of the same moment tells it.
"""

from __future__ import annotations

import bisect
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping

from countersign.visits.facts import Fact
from countersign.visits.names import Account, HostNames
from countersign.visits.reading import Cast
from countersign.visits.sessions import NEW_CREDENTIALS, SLACK, Session
from countersign.visits.subjects import Subjects

LOOKED_AT = 50
"""Records that are looked at, of all that one session wrote just then."""
_HERE = frozenset({"localhost", ""})


def outbound(fact: Fact) -> Account | None:
    """The account that a logon gives its session for use elsewhere, None if it gives none."""
    if fact.code != "4624" or fact.logon_type != NEW_CREDENTIALS or not fact.given:
        return None
    domain, _, name = fact.given.rpartition("\\")
    account = Account(domain, name)
    return account if name and not account.same_as(fact.user) else None


def learn(found: Iterable[Fact], cast: Cast, subjects: Subjects) -> None:
    """Whose the accounts are that logons give for use elsewhere: no other record need name them."""
    for fact in found:
        account = outbound(fact)
        if account is not None and cast.who(account) is None:
            claimed = subjects.who(account.name, account.domain, "")
            if claimed is not None:
                cast.claimed[account.key] = claimed


def used_elsewhere(found: Iterable[Fact], names: Collection[str]) -> set[str]:
    """Names, casefolded, of the accounts that sessions of these accounts are elsewhere."""
    return {
        given.key[1] for fact in found if fact.user.key[1] in names and (given := outbound(fact)) is not None
    }


def lent_for_elsewhere(sessions: Iterable[Session], found: Iterable[Fact], hosts: HostNames) -> None:
    """Gives sessions of type 9 the account that they are elsewhere; who made them stays their person."""
    mine = [session for session in sessions if session.logon_type == NEW_CREDENTIALS]
    used: dict[tuple[str, str], list[Fact]] = defaultdict(list)
    for fact in sorted(found if mine else (), key=lambda fact: fact.order):
        if fact.code == "4648" and fact.dst_host.casefold() in _HERE:
            used[hosts.canonical(fact.host), fact.actor_session].append(fact)
    for session in mine:
        told = [given for fact in session.facts if (given := outbound(fact)) is not None]
        told = told or _used_for(session, used)
        if told:
            session.person, session.account = session.account, told[0]


def _used_for(session: Session, used: Mapping[tuple[str, str], list[Fact]]) -> list[Account]:
    """Accounts whose credentials it, or whoever made it, used just then."""
    near: list[Fact] = []
    for key in {session.opener, session.key}:
        known = used.get((session.host, key), [])
        first = bisect.bisect_left(known, session.begun - SLACK, key=lambda fact: fact.time)
        last = bisect.bisect_right(known, session.begun + SLACK, key=lambda fact: fact.time)
        near.extend(known[first : min(last, first + LOOKED_AT)])
    return [
        fact.user
        for fact in sorted(near, key=lambda fact: fact.order)
        if not fact.user.same_as(session.account)
    ]
