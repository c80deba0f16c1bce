"""Sessions on Unix hosts as others than sshd tell them: the Linux audit system, and the login records (wtmp).

The kernel gives every login a number (`ses`) that stays on all that is done in it, whatever account somebody becomes by su or sudo;
`auid` is who logged in (https://github.com/linux-audit/audit-documentation/wiki). The programs that let people in write LOGIN, USER_START
and USER_LOGIN, and USER_END when they are out. wtmp has one record of a terminal's begin and one of its end (utmp(5)). Where sshd's own
log has the session, it is the same one; else these make it. Numbers that are not set are no person's, and what cron or systemd starts is none's
arrival.
"""

from __future__ import annotations

import bisect
import posixpath
import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence

import ibis.expr.types as ir

from countersign.visits import facts as f
from countersign.visits.asking import Days, Key, dates
from countersign.visits.facts import Fact, leaf, one_of
from countersign.visits.merge import IDLE_ELSE
from countersign.visits.names import DAY, WELL_KNOWN_SESSIONS, Account, HostNames
from countersign.visits.sessions import SECOND, SLACK, Session
from countersign.visits.spans import Spans

AUDIT = "audit:"
"""How session keys of the audit system begin."""
_DOORS = {
    "sshd": "ssh",
    "sshd-session": "ssh",
    "dropbear": "ssh",
    "login": "console",
    "gdm-session-worker": "console",
    "lightdm": "console",
    "sddm-helper": "console",
    "xrdp-sesman": "rdp",
}
"""Programs that let a person in, and the protocol of each."""
_OPENS, _CLOSES = frozenset({"USER_START", "USER_LOGIN"}), frozenset({"USER_END", "USER_LOGOUT"})
_FAILED = 2
_ONE_LOGIN = 60 * SECOND
"""LOGIN, USER_START and USER_LOGIN of one session are written within this time."""
_SAME = 10 * SECOND
"""Between sshd's `Accepted` and another's word of the same login: a terminal is only given out once the shell starts."""
_BY_PROCESS = 120 * SECOND
_TERMINAL = re.compile(r"(?:/dev/)?(pts/?|tty)(\d{1,5})")


def audit_key(fact: Fact) -> str:
    """The audit session that a record is of, as `audit:12`; empty if it names none."""
    return next((key for key in (fact.session, fact.actor_session) if key.startswith(AUDIT)), "")


def terminal(fact: Fact) -> str:
    """The terminal that a record names, as `pts/1` or `tty1`; the audit system writes `pts1` and `/dev/pts/1` too."""
    match = _TERMINAL.fullmatch(fact.terminal)
    return f"{match[1].rstrip('/')}{'/' if match[1].startswith('pts') else ''}{match[2]}" if match else ""


def place(fact: Fact, hosts: HostNames) -> str:
    """The host that wrote a record; for files that name none, the origin they were collected under."""
    return hosts.canonical(fact.host) or fact.host_ip or hosts.canonical(fact.origin)


def program(fact: Fact) -> str:
    """The file name of the program that an audit record is about."""
    return posixpath.basename(fact.path)


def doer(fact: Fact) -> tuple[Account, str]:
    """Who started a process, and in which session, as far as one is told by its key. The audit system names who logged in and as whom
    it was done: by su, another."""
    actor = fact.actor if fact.actor.name else fact.user
    if fact.product == "auditd" and fact.user.name and not fact.user.same_as(actor):
        return fact.user, ""
    session = next((s for s in (fact.session, fact.actor_session) if s not in WELL_KNOWN_SESSIONS), "")
    return actor, "" if session.startswith(("su:", "sudo:")) else session


def within(days: Days, question: str, found: Iterable[Fact], names: Collection[str]) -> list[Fact]:
    """All that the audit system tells of the sessions of these accounts: most of its records have numbers for names, and what was done
    as another account has that one's."""
    wanted: dict[int, set[Key]] = defaultdict(set)
    for fact in found:
        key = audit_key(fact)
        if not key:
            continue
        theirs = fact.actor.key[1] in names or (fact.user.key[1] in names and program(fact) in _DOORS)
        if theirs or (fact.product != "auditd" and fact.user.key[1] in names):
            for day in dates(fact.time - DAY, fact.time + DAY):
                wanted[day].add((fact.host, key))

    def ask(events: ir.Table) -> ir.Table:
        kind = leaf(events, "class_uid")
        chosen = events.filter(
            one_of(kind, [*f.ARRIVALS, *f.DEEDS, f.FILE]) & (leaf(events, "metadata.product") == "auditd")
        )
        return chosen.mutate(
            writer=leaf(chosen, "device.hostname").fill_null(""),
            number=leaf(chosen, "actor.session.uid").coalesce(leaf(chosen, "session.uid")),
        )

    return days.facts(days.near(question, wanted, ("writer", "number"), ask))


def told_by_others(known: Iterable[Session], found: Iterable[Fact], hosts: HostNames) -> list[Session]:
    """`known` sessions, with what audit and wtmp tell of them, and those that only these tell of."""
    out = list(known)
    for session in out:
        if session.kind == "ssh":  # the journal notes the number of the audit session
            session.aliases |= {
                fact.actor_session for fact in session.facts if fact.actor_session.startswith(AUDIT)
            }
    facts = sorted(
        (fact for fact in found if fact.product in {"auditd", "utmp"}), key=lambda fact: fact.order
    )
    if not facts:
        return out
    there = _Known(out)
    for session in [*_of_audit(facts, hosts), *_of_wtmp(facts, hosts)]:
        home = _home(session, there)
        if home is not None:
            _absorb(home, session)
        elif session.host and (session.start is not None or session.terminals):
            out.append(session)
            there.add(session)
    return out


class _Known:
    """Sessions by host and account, to be found by when they began or were open. `known` are those that others tell of."""

    def __init__(self, known: Iterable[Session]) -> None:
        self._begun: dict[tuple[str, str], list[Session]] = defaultdict(list)
        spans: dict[tuple[str, str], list[tuple[int, int, Session]]] = defaultdict(list)
        for session in sorted(known, key=_begun):
            self.add(session)
            until = session.last + IDLE_ELSE if session.end is None else session.end + SLACK
            for place in _places(session):
                spans[place].append((session.begun - SLACK, until, session))
        self._open = {place: Spans(of) for place, of in spans.items()}

    def add(self, session: Session) -> None:
        """One more."""
        for place in _places(session):
            bisect.insort(self._begun[place], session, key=_begun)

    def near(self, session: Session, within: int) -> list[Session]:
        """Those of its account that began no further from it than `within`; where it names no host, on all."""
        of = self._begun.get((session.host, session.account.key[1]), [])
        first = bisect.bisect_left(of, session.begun - within, key=_begun)
        return of[first : bisect.bisect_right(of, session.begun + within, key=_begun)]

    def open(self, session: Session) -> list[Session]:
        """Those of its account that others tell to have been open at its first sign of life."""
        of = self._open.get((session.host, session.account.key[1]))
        return of.at(session.first) if of is not None else []


def _begun(session: Session) -> int:
    return session.begun


def _places(session: Session) -> set[tuple[str, str]]:
    name = session.account.key[1]
    return {(session.host, name), ("", name)}


def _runs(
    facts: Iterable[Fact],
    key_of: Callable[[Fact], tuple[str, str] | None],
    begins: Callable[[Fact, list[Fact]], bool],
) -> list[tuple[tuple[str, str], list[Fact]]]:
    """Facts of one (host, key), in order of time, cut where one `begins` another session of that key."""
    latest: dict[tuple[str, str], list[Fact]] = {}
    out: list[tuple[tuple[str, str], list[Fact]]] = []
    for fact in facts:
        key = key_of(fact)
        if key is None:
            continue
        run = latest.get(key)
        if run is None or begins(fact, run):
            run = latest[key] = []
            out.append((key, run))
        run.append(fact)
    return out


def _of_audit(facts: Sequence[Fact], hosts: HostNames) -> list[Session]:
    def key_of(fact: Fact) -> tuple[str, str] | None:
        key = audit_key(fact)
        return (place(fact, hosts), key) if key and fact.product == "auditd" else None

    def begins(fact: Fact, run: list[Fact]) -> bool:
        # numbers begin anew with every boot; who logged in stays the same for all of a session
        login = fact.code == "LOGIN" and fact.time - run[0].time > _ONE_LOGIN
        return login or _is_anothers(fact, run[0])

    out: list[Session] = []
    again: dict[tuple[str, str], int] = {}
    for (host, key), run in reversed(_runs(facts, key_of, begins)):
        session = _audited(host, key, run)
        if session is not None:
            out.append(session)
            if session.end is None and (host, key) in again:
                session.end, session.cut = session.last, again[host, key]
                session.ended = f"the number of its audit session was given out anew: {host} was started in between; the last sign of life is taken"
        again[host, key] = run[0].time
    return out[::-1]


def _is_anothers(fact: Fact, other: Fact) -> bool:
    """Whether records of one number name two people who logged in."""
    if fact.actor_uid and other.actor_uid:
        return fact.actor_uid != other.actor_uid
    return bool(fact.actor.name and other.actor.name) and not fact.actor.same_as(other.actor)


def _audited(host: str, key: str, run: list[Fact]) -> Session | None:
    doors = [fact for fact in run if program(fact) in _DOORS and fact.status != _FAILED]
    opened = [fact for fact in doors if fact.code in _OPENS]
    closed = [fact for fact in doors if fact.code in _CLOSES]
    terminals = {terminal(fact) for fact in run} - {""}
    if not opened and not closed and not terminals:
        return None  # cron's, systemd's, or nobody's
    named = [fact.user for fact in [*opened, *closed] if fact.user.name]
    account = next(iter([*named, *(fact.actor for fact in run if fact.actor.name)]), None)
    if account is None:
        return None
    login = [fact for fact in run if fact.code == "LOGIN"]
    start = min((fact.time for fact in [*opened, *login]), default=None)
    own = sorted([*login, *opened, *closed], key=lambda fact: fact.order) or run[:1]
    way = next((_DOORS[program(fact)] for fact in [*opened, *closed]), "")
    return Session(
        kind=way if way in {"ssh", "console"} else "audit",
        host=host,
        key=key,
        account=account,
        start=start,
        first=run[0].time,
        last=run[-1].time,
        end=closed[-1].time if closed else None,
        source_ip=next((fact.src_ip for fact in opened if fact.src_ip), ""),
        logon_type=2 if way == "console" else 0,
        protocol=way,
        facts=own,
        anchor=own[0].id if start is not None else "",
        terminals=terminals,
    )


def _of_wtmp(facts: Sequence[Fact], hosts: HostNames) -> list[Session]:
    def key_of(fact: Fact) -> tuple[str, str] | None:
        told = fact.product == "utmp" and fact.session and fact.status != _FAILED
        return (place(fact, hosts), fact.session) if told else None

    def begins(fact: Fact, run: list[Fact]) -> bool:
        return fact.activity == 1 or run[-1].activity == 2

    made = (_on_terminal(host, key, run) for (host, key), run in _runs(facts, key_of, begins))
    return [session for session in made if session is not None]


def _on_terminal(host: str, key: str, run: list[Fact]) -> Session | None:
    first = run[0]
    if first.activity != 1 or not first.user.name:
        return None
    line = key.partition(":")[0] if not key.startswith(":") else key[:2]
    # tmux, screen and mosh write what they are in place of a host
    named = first.src_host if re.fullmatch(r"[\w.-]{1,255}", first.src_host) else ""
    if line.startswith("pts") and (first.src_ip or named):
        way = "ssh"
    elif line.startswith(("tty", ":")):
        way = "console"
    else:
        return None  # a window of a session that is there already
    return Session(
        kind=way,
        host=host,
        key=key,
        account=first.user,
        start=first.time,
        first=first.time,
        last=run[-1].time,
        end=run[-1].time if run[-1].activity == 2 else None,
        source_ip=first.src_ip if way == "ssh" else "",
        source_host=named if way == "ssh" else "",
        logon_type=2 if way == "console" else 0,
        protocol=way,
        facts=run,
        anchor=first.id,
        terminals={terminal(first)} - {""},
    )


def _home(session: Session, known: _Known) -> Session | None:
    """The session that `session` is, as far as records tell: by number or process, else by account, place and time."""
    there = [other for other in known.near(session, _BY_PROCESS) if _can_be(session, other)]
    lasting = (
        [other for other in known.open(session) if _can_be(session, other)] if session.start is None else []
    )
    sure = [
        other
        for other in {id(one): one for one in [*there, *lasting]}.values()
        if _same_process(session, other)
    ]
    if sure:
        return min(sure, key=lambda other: (abs(other.begun - session.begun), other.begun, other.key))
    if session.start is None:
        # its login was not recorded: the only one that was open then
        return lasting[0] if len(lasting) == 1 else None
    near = [
        other
        for other in there
        if other.start is not None
        and abs(other.start - session.start) <= _SAME
        and (not session.source_ip or not other.source_ip or session.source_ip == other.source_ip)
    ]
    if not near or (not session.host and len({other.host for other in near}) > 1):
        return None
    return min(near, key=lambda other: (abs(other.begun - session.begun), other.begun, other.key))


def _can_be(session: Session, other: Session) -> bool:
    if other.kind not in {session.kind, "audit"} and not (session.kind == "audit" and other.kind == "ssh"):
        return False
    if not {fact.product for fact in session.facts}.isdisjoint(fact.product for fact in other.facts):
        return False  # it is another's already
    numbers = {key for key in other.aliases if key.startswith(AUDIT)}
    if numbers and session.key.startswith(AUDIT) and session.key not in numbers:
        return False
    return other.account.same_as(session.account)


def _same_process(session: Session, other: Session) -> bool:
    if session.key in other.aliases:
        return True
    serving = {f"sshd:{fact.pid}" for fact in session.facts if fact.pid}
    return (
        not serving.isdisjoint(fact.session for fact in other.facts)
        and abs(other.begun - session.begun) <= _BY_PROCESS
    )


def _absorb(home: Session, session: Session) -> None:
    home.aliases |= {session.key, *session.aliases}
    home.terminals |= session.terminals
    known = {fact.id for fact in home.facts}
    more = [fact for fact in session.facts if fact.id not in known]
    home.facts = sorted([*home.facts, *more], key=lambda fact: fact.order)
    home.source_ip = home.source_ip or session.source_ip
    home.protocol = home.protocol or session.protocol
    if home.end is None and session.end is not None:
        home.end = session.end if session.cut is None else max(session.end, home.last)
        home.cut, home.ended = session.cut, session.ended
    home.last = max(home.last, session.last if home.end is None else min(session.last, home.end))
