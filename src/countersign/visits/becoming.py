"""Who becomes somebody else at a shell: su and sudo that open a session are hops on the same host; a single command by sudo is none.

What tells of it are PAM's `session opened for user X by Y` of su and sudo, su's and sudo's own lines, and the audit system's USER_START,
USER_CMD and USER_END of them. Records of one change have one process id; some systems' syslog leaves it out (sudoers(5), `syslog_pid`),
then they are joined by account and time. su names the account that logged in at the terminal (getlogin(3)), with the number that it had
when it was asked: `by eva(uid=0)` is what eva did as root.
"""

from __future__ import annotations

import posixpath
from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

import ibis.expr.types as ir

from countersign.visits import facts as f
from countersign.visits.asking import Days, Key, dates
from countersign.visits.facts import Fact, among, leaf, lowered, one_of
from countersign.visits.merge import IDLE_ELSE
from countersign.visits.names import DAY, Account, HostNames
from countersign.visits.sessions import SECOND, SLACK, Session
from countersign.visits.unix import audit_key, place, program, terminal

PASSING = ("su:", "sudo:")
"""How session keys of su's and sudo's processes begin: no session of anybody's that one is found by."""
ROOT = "root"
AT_ONCE = 5 * SECOND
"""The records of one change of account are written within this time."""
_PROGRAMS = {"su": "su", "su-l": "su", "sudo": "sudo", "sudo-i": "sudo"}
_SHELLS = frozenset({"ash", "bash", "csh", "dash", "fish", "ksh", "ksh93", "rbash", "sh", "tcsh", "zsh"})
_LOGIN = frozenset({"-", "-i", "-l", "--login"})
_VALUED = frozenset(
    {"-s", "-g", "-G", "-w", "-T", "--shell", "--group", "--supp-group", "--whitelist-environment"}
)
"""Options of su that are followed by a value (su(1))."""
_FAILED = 2
_PLACES = frozenset({"ssh", "console", "audit", "target", "became"})
"""Kinds of session at which one may ask for another account."""


@dataclass(slots=True)
class _Change:
    """Records of one su or sudo."""

    host: str
    program: str
    facts: list[Fact] = field(default_factory=list)

    @property
    def begun(self) -> int:
        return self.facts[0].time

    @property
    def end(self) -> int | None:
        return next((fact.time for fact in reversed(self.facts) if _closes(fact)), None)

    @property
    def command(self) -> str | None:
        """What sudo was asked to run; None where no record tells."""
        return next((fact.cmd_line for fact in self.facts if _runs(fact) and fact.cmd_line), None)

    @property
    def actor(self) -> Account:
        """Who asked: as sudo says, else as who logged in at the terminal."""
        found = sorted((not _runs(fact), fact.order, fact.actor) for fact in self.facts if fact.actor.name)
        return found[0][2] if found else Account("", "")

    @property
    def account(self) -> Account:
        """Whom they became: what sudo's su was asked for, else what is said."""
        name = wanted(self.command) if self.command else ""
        found = [fact.user for fact in self.facts if fact.user.name and _says_whom(fact)]
        return Account("", name) if name else next(iter(found), Account("", ""))

    @property
    def as_root(self) -> bool:
        """Whether it was asked for by root, whoever had logged in."""
        told = [
            fact for fact in self.facts if _opens(fact) and fact.actor_uid and fact.product == "Linux PAM"
        ]
        return self.program == "su" and any(fact.actor_uid == "0" for fact in told)


def _program(fact: Fact) -> str:
    """`su` or `sudo` where a record is about one, else nothing."""
    if fact.product in {"su", "sudo"}:
        return fact.product
    if fact.product == "auditd":
        return _PROGRAMS.get(program(fact), "") if fact.code in {"USER_START", "USER_END", "USER_CMD"} else ""
    return _PROGRAMS.get(posixpath.basename(fact.log), "") if fact.product == "Linux PAM" else ""


def _number(fact: Fact) -> str:
    """The process id of su or sudo, empty where the log leaves it out."""
    if fact.product == "auditd":
        return str(fact.pid) if fact.pid else ""
    return fact.session.partition(":")[2]


def _runs(fact: Fact) -> bool:
    return fact.class_uid == f.PROCESS


def _closes(fact: Fact) -> bool:
    return fact.code == "USER_END" or (not _runs(fact) and fact.activity == 2)


def _opens(fact: Fact) -> bool:
    if fact.status == _FAILED or _closes(fact):
        return False
    return _runs(fact) or fact.code == "USER_START" or fact.activity == 1


def _says_whom(fact: Fact) -> bool:
    """Whether `user` is the account that is become: USER_CMD names who asked there."""
    return fact.code != "USER_CMD"


def is_shell(command: str) -> bool:
    """Whether what sudo ran is a shell to work in, or su: no single command."""
    words = command.split()
    if not words:
        return False
    name = posixpath.basename(words[0])
    return wanted(command) != "" or (name in _SHELLS and set(words[1:]) <= _LOGIN)


def wanted(command: str) -> str:
    """The account that a command line of su asks for a shell of; empty for all others."""
    words = command.split()
    if not words or posixpath.basename(words[0]) != "su":
        return ""
    name, rest = "", iter(words[1:])
    for word in rest:
        if word in {"-c", "--command"} or word.startswith("--command="):
            return ""
        if word in _VALUED:
            next(rest, None)
        elif not word.startswith("-"):
            name = name or word
    return name or ROOT


def assumed(fact: Fact) -> str:
    """The account, casefolded, that a record says somebody opened a session as, by su or sudo; empty for all others."""
    name = _program(fact)
    if not name or not _opens(fact):
        return ""
    if _runs(fact):
        if not is_shell(fact.cmd_line):
            return ""
        return (wanted(fact.cmd_line) or (fact.user.name if _says_whom(fact) else "")).casefold()
    # sudo opens a session for a single command as well
    return fact.user.key[1] if name == "su" else ""


def assumed_by(found: Iterable[Fact], names: Collection[str]) -> set[str]:
    """Accounts other than root that these became. What the audit system tells is read by session, and theirs."""
    told = {
        assumed(fact)
        for fact in found
        if fact.actor.key[1] in names or (fact.product == "auditd" and fact.class_uid)
    }
    return told - {"", ROOT}


def ends_and_roots(days: Days, number: int, found: Iterable[Fact], names: Collection[str]) -> list[Fact]:
    """When su and sudo ended, which PAM says without who had asked; and if somebody became root, root's logins to other hosts by SSH. All
    that root does would be too much: every host's cron is root."""
    told = [fact for fact in found if assumed(fact)]
    ends: dict[int, set[Key]] = defaultdict(set)
    for fact in told:
        if fact.session.startswith(PASSING):
            for day in dates(fact.time, fact.time + DAY):
                ends[day].add((fact.host, fact.session))

    def closed(events: ir.Table) -> ir.Table:
        chosen = events.filter(leaf(events, "class_uid") == f.AUTHENTICATION)
        return chosen.mutate(writer=leaf(chosen, "device.hostname").fill_null(""))

    parts = days.near(f"changed {number}", ends, ("writer", "session.uid"), closed)
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
    there: dict[str, list[Session]] = defaultdict(list)
    for login in known:
        if login.kind in _PLACES:
            there[login.host].append(login)
    implied: dict[tuple[str, str], Session] = {}
    out: list[Session] = []
    for change in _changes(found, hosts):
        session = _session(change, there[change.host])
        if session is None:  # it stays the same account
            continue
        if not session.makers and session.person is not None and session.person.name:
            maker = _implied(session, session.person, implied)
            session.makers = ((maker.host, maker.key),)
            session.maker_kind = "inferred"
            session.maker_words = f"{change.program} on {session.host} was asked for by {session.person.text}, of whose login nothing is in the logs"
            if maker not in out:
                out.append(maker)
        there[change.host].append(session)
        out.append(session)
    return out


def _changes(found: Iterable[Fact], hosts: HostNames) -> list[_Change]:
    """Those that opened a session to work in, in order of time."""
    made: list[_Change] = []
    latest: dict[tuple[str, str, str], list[_Change]] = defaultdict(list)
    for fact in sorted(found, key=lambda fact: fact.order):
        name = _program(fact)
        if not name or not (_opens(fact) or _closes(fact)):
            continue
        host, number = place(fact, hosts), _number(fact)
        of = latest[host, name, number]
        home = _of_process(fact, of) if number else _without_process(fact, of)
        if home is None and _opens(fact):
            home = _Change(host, name)
            of.append(home)
            made.append(home)
        if home is not None:
            home.facts.append(fact)
    return _one_each([change for change in made if _is_session(change)])


def _of_process(fact: Fact, of: list[_Change]) -> _Change | None:
    if not of or of[-1].end is not None:
        return None
    return None if _opens(fact) and fact.time - of[-1].begun > AT_ONCE else of[-1]


def _without_process(fact: Fact, of: list[_Change]) -> _Change | None:
    if _closes(fact):
        opened = [one for one in of if one.end is None and one.account.same_as(fact.user)]
        return opened[0] if len(opened) == 1 else None
    fitting = [
        one
        for one in of
        if fact.time - one.begun <= AT_ONCE
        and one.end is None
        and one.actor.same_as(fact.actor)
        and not (_runs(fact) and one.command is not None)
    ]
    return fitting[-1] if fitting else None


def _is_session(change: _Change) -> bool:
    if not change.account.name or change.account.same_as(change.actor):
        return False
    if change.program == "su":
        return True
    # sudo opens a session for a single command, too: without its line only a process id tells that it is not another's
    return is_shell(change.command) if change.command is not None else _number(change.facts[0]) != ""


def _one_each(changes: list[_Change]) -> list[_Change]:
    """A change of which two logs tell (one without a process id), or that is sudo's su, is one."""
    out: list[_Change] = []
    for change in sorted(changes, key=lambda change: (change.facts[0].order, change.program)):
        same = [other for other in out if _same(other, change)]
        if not same:
            out.append(change)
            continue
        same[-1].facts = sorted([*same[-1].facts, *change.facts], key=lambda fact: fact.order)
    return out


def _same(one: _Change, other: _Change) -> bool:
    if (
        one.host != other.host
        or abs(other.begun - one.begun) > AT_ONCE
        or not one.account.same_as(other.account)
    ):
        return False
    if one.program != other.program:  # sudo su: su's own records name who is at the terminal, or root
        return one.program == "sudo" and one.command is not None and wanted(one.command) != ""
    numbers = [{_number(fact) for fact in change.facts} - {""} for change in (one, other)]
    blank = not one.actor.name or not other.actor.name
    return (blank or one.actor.same_as(other.actor)) and (not all(numbers) or bool(numbers[0] & numbers[1]))


def _session(change: _Change, there: list[Session]) -> Session | None:
    first = change.facts[0]
    number = next((n for fact in change.facts if (n := _number(fact))), "")
    inside = next((key for fact in change.facts if (key := audit_key(fact))), "")
    terminals = {terminal(fact) for fact in change.facts} - {""}
    of_audit = [other.account for other in there if inside and inside in {other.key, *other.aliases}]
    actor = change.actor if change.actor.name or not of_audit else of_audit[0]
    if change.account.same_as(actor):
        return None
    session = Session(
        kind="became",
        host=change.host,
        key=f"{change.program}:{number or first.id}",
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
        terminals=terminals,
    )
    _asked_in(session, actor, there, as_root=change.as_root)
    return session


def _asked_in(session: Session, actor: Account, there: list[Session], *, as_root: bool) -> None:
    """Notes in which sessions it may have been asked for: by audit session or terminal, else by account."""
    around = [other for other in there if _open(other, session.begun)]
    acting = Account("", ROOT) if as_root and actor.key[1] != ROOT else actor
    if not any(other.account.same_as(acting) for other in around):
        acting = actor
    mine = [other for other in around if other.account.same_as(acting)]
    numbered = [
        other
        for other in around
        if session.within and session.within in {other.key, other.within, *other.aliases}
    ]
    seated = [other for other in mine if session.terminals & other.terminals]
    if numbered:
        best = [other for other in numbered if other in mine] or numbered
        chosen = [max(best, key=lambda other: (other.begun, other.key))]
        kind, words = "proven", f"{session.protocol} ran in audit session {session.within.partition(':')[2]}"
    elif seated:
        chosen = [max(seated, key=lambda other: (other.begun, other.key))]
        kind, words = "proven", f"{session.protocol} ran on that session's terminal {min(session.terminals)}"
    else:
        chosen = mine
        kind, words = "inferred", f"{acting.text} had one open session"
    session.makers = tuple(sorted({(other.host, other.key) for other in chosen}))
    session.maker_kind, session.maker_words = kind, f"{words} on {session.host}"


def _open(other: Session, at: int) -> bool:
    until = other.last + IDLE_ELSE if other.end is None else other.end + SLACK
    return other.begun - SLACK <= at <= until


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
