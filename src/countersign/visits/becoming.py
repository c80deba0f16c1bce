"""Who becomes somebody else at a shell: su and sudo that open a session are hops on the same host; a single command by sudo is none.

What tells of it are PAM's `session opened for user X by Y` of su and sudo, su's and sudo's own lines, and the audit system's USER_START,
USER_CMD and USER_END of them (`changes.py` puts them together). su names the account that logged in at the terminal (getlogin(3)), with
the number that it had when it was asked: `by eva(uid=0)` is what eva did as root. A shell does not outlive the login in which it was
asked for.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable

import ibis.expr.types as ir

from countersign.visits import facts as f
from countersign.visits.asking import Days, Key, dates
from countersign.visits.changes import Change, assumed, changes, named
from countersign.visits.command_lines import ROOT
from countersign.visits.facts import Fact, among, leaf, lowered, one_of
from countersign.visits.merge import IDLE_ELSE
from countersign.visits.names import DAY, Account, HostNames
from countersign.visits.sessions import SLACK, Session
from countersign.visits.unix import audit_key, place, terminal

PASSING = ("su:", "sudo:")
"""How session keys of su's and sudo's processes begin: no session of anybody's that one is found by."""
MOST = 20
"""Sessions in which a change may have been asked for, the latest first; more are not told."""
_PLACES = frozenset({"ssh", "console", "audit", "target", "became"})
"""Kinds of session at which one may ask for another account."""


def assumed_by(found: Iterable[Fact], names: Collection[str]) -> set[str]:
    """Accounts other than root that these became. What the audit system tells is read by session, and theirs."""
    told = {
        assumed(fact)
        for fact in found
        if fact.actor.key[1] in names or (fact.product == "auditd" and fact.class_uid)
    }
    return told - {"", ROOT}


def ends_and_roots(days: Days, number: int, found: Iterable[Fact], names: Collection[str]) -> list[Fact]:
    """When su and sudo ended, which PAM says without who had asked; where it leaves the process id out, all that it says of the program on
    that host, to tell whose end it is. And if somebody became root, root's logins to other hosts by SSH. All that root does would be too
    much: every host's cron is root."""
    told = [fact for fact in found if assumed(fact)]
    ends: dict[int, set[Key]] = defaultdict(set)
    for fact in told:
        key = fact.session or named(fact)
        if key.startswith(PASSING) or not fact.session:
            for day in dates(fact.time, fact.time + DAY):
                ends[day].add((fact.host, key))

    def closed(events: ir.Table) -> ir.Table:
        chosen = events.filter(leaf(events, "class_uid") == f.AUTHENTICATION)
        return chosen.mutate(
            writer=leaf(chosen, "device.hostname").fill_null(""),
            process=leaf(chosen, "session.uid").coalesce(leaf(chosen, "metadata.log_name")),
        )

    parts = days.near(f"changed {number}", ends, ("writer", "process"), closed)
    if any(
        assumed(fact) == ROOT and (fact.actor.key[1] in names or fact.product == "auditd") for fact in told
    ):

        def logins(events: ir.Table, keys: list[str]) -> ir.Table:
            return f.columns_of(
                events.filter(
                    one_of(leaf(events, "class_uid"), [f.AUTHENTICATION])
                    & among(leaf(events, "metadata.product"), ["OpenSSH", "auditd", "utmp"])
                    & leaf(events, "src_endpoint.ip").notnull()
                    & among(lowered(events, "user.name"), keys)
                )
            )

        parts.append(days.of_names("roots", [ROOT], logins))
    return days.facts(parts)


def became(found: Iterable[Fact], known: Iterable[Session], hosts: HostNames) -> list[Session]:
    """Sessions that su and sudo opened, each with those among `known`, or among themselves, that it may have been asked for in; and where
    none of these is known, the one that must have been there."""
    there = _There(login for login in known if login.kind in _PLACES)
    implied: dict[tuple[str, str], Session] = {}
    out: list[Session] = []
    for change in changes(found, hosts):
        session = _session(change, there)
        if session is None:  # it stays the same account, or nobody asked
            continue
        if not session.makers and session.person is not None and session.person.name:
            maker = _implied(session, session.person, implied)
            session.makers = ((maker.host, maker.key),)
            session.maker_kind = "inferred"
            session.maker_words = f"{change.program} on {session.host} was asked for by {session.person.text}, of whose login nothing is in the logs"
            if maker.anchor == f"implied:{session.anchor}":  # made just now
                out.append(maker)
        there.add(session)
        out.append(session)
    return out


def by_others(
    days: Days, names: Collection[str], known: Iterable[Session], hosts: HostNames
) -> dict[tuple[str, str], list[int]]:
    """When accounts other than `names` became those that are become in `known`: by host and account, in order of time (microseconds,
    UTC)."""
    here = {(one.host, one.account.key[1]) for one in known if one.kind == "became"}
    labels = {host.partition(".")[0].casefold() for host, _ in here if host}

    def ask(events: ir.Table, keys: list[str]) -> ir.Table:
        product = leaf(events, "metadata.product")
        audited = (product == "auditd") & among(
            leaf(events, "metadata.event_code"), ["USER_START", "USER_CMD"]
        )
        by_pam = (product == "Linux PAM") & among(lowered(events, "metadata.log_name"), ["su", "su-l"])
        return f.columns_of(
            events.filter(
                one_of(leaf(events, "class_uid"), [f.AUTHENTICATION, f.PROCESS])
                & (audited | by_pam | among(product, ["su", "sudo"]))
                & among(lowered(events, "device.hostname").split(".")[0], keys)
            )
        )

    out: dict[tuple[str, str], list[int]] = defaultdict(list)
    for fact in days.facts([days.of_names("others became", labels, ask)]) if labels else ():
        of = (place(fact, hosts), assumed(fact))
        if of in here and fact.actor.name and fact.actor.key[1] not in names:
            out[of].append(fact.time)
    return out


class _There:
    """Sessions on hosts, to be asked who is there, in order of time: by account, number, audit session or terminal."""

    def __init__(self, known: Iterable[Session]) -> None:
        self._coming = sorted(known, key=lambda login: (login.begun, login.key), reverse=True)
        self._open: dict[tuple[str, ...], list[Session]] = defaultdict(list)

    def add(self, session: Session) -> None:
        """One more, that begins no earlier than all that was asked."""
        host, name = session.host, session.account.key[1]
        self._open[host, "account", name].append(session)
        for number in {fact.sid for fact in session.facts if fact.sid and fact.user.same_as(session.account)}:
            self._open[host, "number", number].append(session)
        for inside in {key for key in (session.key, session.within, *session.aliases) if key}:
            self._open[host, "audit", inside].append(session)
            self._open[host, "audit", inside, name].append(session)
        for seat in session.terminals:
            self._open[host, "terminal", seat, name].append(session)

    def at(self, moment: int, *place: str) -> list[Session]:
        """Those of `place` (host, kind and what of it) that are open at `moment`, no earlier than the last one asked; the latest first, `MOST`."""
        while self._coming and self._coming[-1].begun - SLACK <= moment:
            self.add(self._coming.pop())
        known = self._open.get(place)
        out: list[Session] = []
        looked = 0
        for session in reversed(known or ()):
            if len(out) == MOST:
                break
            looked += 1
            if _until(session) >= moment:
                out.append(session)
        if known is not None and looked > len(out):  # what is over stays over
            known[len(known) - looked :] = reversed(out)
        return out


def _until(session: Session) -> int:
    return session.last + IDLE_ELSE if session.end is None else session.end + SLACK


def _session(change: Change, there: _There) -> Session | None:
    first = change.facts[0]
    inside = next((key for fact in change.facts if (key := audit_key(fact))), "")
    actor = change.actor
    if not actor.name and inside:
        actor = next((one.account for one in there.at(change.begun, change.host, "audit", inside)), actor)
    if change.account.same_as(actor):
        return None
    session = Session(
        kind="became",
        host=change.host,
        key=f"{change.program}:{change.number or first.id}",
        account=change.account,
        start=first.time,
        first=first.time,
        last=change.facts[-1].time,
        end=change.end,
        protocol=change.program,
        facts=change.facts,
        anchor=first.id,
        person=actor,
        within=inside,
        terminals={terminal(fact) for fact in change.facts} - {""},
        aliases={f"change:{first.id}"},
        step=change.step,
    )
    _asked_in(session, actor, there, change)
    if not session.makers and (not actor.name or _is_programs(actor, change)):
        return None
    return session


def _is_programs(actor: Account, change: Change) -> bool:
    """Whether nobody sat there: what root asks without a terminal is cron's or a service's, as a rule, whoever of a provider is root then."""
    return actor.key[1] in {"", ROOT} and not change.seated


def _asked_in(session: Session, actor: Account, there: _There, change: Change) -> None:
    """Notes in which sessions it may have been asked for: by audit session or terminal, else by account."""

    def here(*place: str) -> list[Session]:
        return there.at(session.begun, session.host, *place)

    # what others do as the same account is not this one's
    def theirs(*place: str) -> list[Session]:
        return [other for other in here(*place) if not actor.name or other.is_of(actor)]

    acting = _acting(
        actor, change, theirs("number", change.uid) if change.uid else [], theirs("account", ROOT)
    )
    name = acting.key[1]
    mine = [other for other in theirs("account", name) if other.account.same_as(acting)] if name else []
    inside = session.within
    numbered = (here("audit", inside, name) or here("audit", inside)) if inside else []
    seated = [other for seat in sorted(session.terminals) for other in here("terminal", seat, name)]
    if numbered:
        chosen = [max(numbered, key=_latest)]
        kind, words = "proven", f"{session.protocol} ran in audit session {inside.partition(':')[2]}"
    elif seated:
        chosen = [max(seated, key=_latest)]
        kind, words = "proven", f"{session.protocol} ran on that session's terminal {min(session.terminals)}"
    else:
        chosen = [] if name in {"", ROOT} and _is_programs(actor, change) else mine
        kind, words = "inferred", f"{acting.text} had one open session"
    session.person = actor if actor.name else acting
    session.makers = tuple(sorted({(other.host, _reference(other)) for other in chosen}))
    session.maker_kind, session.maker_words = kind, f"{words} on {session.host}"
    ends = [other.end for other in chosen if other.end is not None]
    if session.end is None and chosen and len(ends) == len(chosen):
        session.end = max(session.begun, *ends)
        session.ended = "the login in which it was asked for ended"


def _acting(actor: Account, change: Change, numbered: list[Session], roots: list[Session]) -> Account:
    """As whom it was asked for: the account whose number su was run with, where a session as that is there, else who had logged in."""
    if numbered and not numbered[0].account.same_as(actor):
        return numbered[0].account
    return roots[0].account if roots and change.uid == "0" else actor


def _latest(session: Session) -> tuple[int, str]:
    return session.begun, session.key


def _reference(session: Session) -> str:
    """A key that no other session has: process ids are given out again."""
    return next(iter(sorted(session.aliases)), session.key) if session.kind == "became" else session.key


def _implied(session: Session, actor: Account, known: dict[tuple[str, str], Session]) -> Session:
    """The session of the one who asked, of which nothing else is in the logs; a moment earlier, so that it is there to be found."""
    begun = session.begun - 1
    maker = known.get((session.host, actor.key[1]))
    if maker is None or begun > maker.last + IDLE_ELSE:
        maker = known[session.host, actor.key[1]] = Session(
            kind="implied",
            host=session.host,
            key=f"implied:{session.anchor}",
            account=actor,
            start=None,
            first=begun,
            last=begun,
            facts=session.facts[:1],
            anchor=f"implied:{session.anchor}",
        )
    maker.last = max(maker.last, session.last)
    return maker
