"""Changes of account by su and sudo, put together from the records of each: su's and sudo's own lines, PAM's, and the audit system's.

Records of one change have one process id; some systems' syslog leaves it out (sudoers(5), `syslog_pid`), then they are joined by who
became whom, and time. sudo opens a session for a single command, too: what it ran says which it is, and where that record is lost only a
shell that the audit system saw started does.
"""

from __future__ import annotations

import bisect
import itertools
import posixpath
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from countersign.visits import facts as f
from countersign.visits.command_lines import ROOT, is_shell, wanted
from countersign.visits.facts import Fact
from countersign.visits.names import DAY, Account, HostNames
from countersign.visits.sessions import SECOND
from countersign.visits.unix import audit_key, place, program, terminal

AT_ONCE = 5 * SECOND
"""The records of one change of account are written within this time."""
LONGEST = 7 * DAY
"""An end that is told later than this is another's: process ids are given out again."""
LOOKED_AT = 50
"""Shells that are looked at, of all that were started just then."""
_PROGRAMS = {"su": "su", "su-l": "su", "sudo": "sudo", "sudo-i": "sudo"}
_AS_ROOT = frozenset({"#0", "#-1", "#4294967295"})
"""Numbers for names by which sudo is root's: the last two were, by CVE-2019-14287."""
_NOBODY = Account("", "")
_FAILED = 2
_BY_ROOT = "\0root"
"""In place of an account's name: whoever asked as root."""


@dataclass(slots=True)
class Change:
    """One su or sudo of somebody to another account, with the records of it, in order of time."""

    host: str
    program: str
    facts: list[Fact] = field(default_factory=list)
    number: str = ""  # the process id of su or sudo, empty where the log leaves it out
    end: int | None = None
    command: str | None = None  # what sudo was asked to run, None where no record tells
    actor: Account = _NOBODY  # who asked: as sudo says, else as who logged in at the terminal
    said: Account = _NOBODY  # whom the records say that they became
    uid: str = ""  # the number that whoever asked had then, whoever had logged in: as PAM says of su
    seated: bool = False  # whether a record names a terminal
    step: int = 1  # of those at one moment on one host, how many accounts further than whoever was there
    _by_sudo: bool = False

    @property
    def begun(self) -> int:
        """Time of the first record (microseconds, UTC)."""
        return self.facts[0].time

    @property
    def account(self) -> Account:
        """Whom they became: what sudo's su was asked for, else what is said."""
        name = wanted(self.command) if self.command else ""
        return Account("", name) if name else self.said

    def take(self, fact: Fact) -> None:
        """Adds a record, no earlier than those before."""
        self.facts.append(fact)
        self.number = self.number or number(fact)
        if closes(fact):
            self.end = fact.time
        told = runs(fact)
        if told and self.command is None and fact.cmd_line:
            self.command = fact.cmd_line
        # at a terminal of which it finds no login su names root, who asks there
        unsaid = not self.actor.name or (self.actor.key[1] == ROOT and not self._by_sudo)
        if fact.actor.name and (unsaid or (told and not self._by_sudo)):
            self.actor, self._by_sudo = fact.actor, told
        if says_whom(fact) and fact.user.name and (not self.said.name or self.said.name[0] == "#"):
            self.said = whom(fact)
        if self.program == "su" and fact.product == "Linux PAM" and opens(fact):
            self.uid = self.uid or fact.actor_uid
        self.seated = self.seated or terminal(fact) != ""


def named(fact: Fact) -> str:
    """`su` or `sudo` where a record is about one, else nothing."""
    if fact.product in {"su", "sudo"}:
        return fact.product
    if fact.product == "auditd":
        return _PROGRAMS.get(program(fact), "") if fact.code in {"USER_START", "USER_END", "USER_CMD"} else ""
    return _PROGRAMS.get(posixpath.basename(fact.log), "") if fact.product == "Linux PAM" else ""


def number(fact: Fact) -> str:
    """The process id of su or sudo, empty where the log leaves it out."""
    if fact.product == "auditd":
        return str(fact.pid) if fact.pid else ""
    return fact.session.partition(":")[2]


def runs(fact: Fact) -> bool:
    """Whether it is sudo's word of a command."""
    return fact.class_uid == f.PROCESS


def closes(fact: Fact) -> bool:
    """Whether it tells of the end of a change."""
    return fact.code == "USER_END" or (not runs(fact) and fact.activity == 2)


def opens(fact: Fact) -> bool:
    """Whether it tells of a change that was let; the second line of a long command (activity 0) does not."""
    if fact.status == _FAILED or closes(fact):
        return False
    return fact.activity == 1 if runs(fact) else fact.code == "USER_START" or fact.activity == 1


def by_root(fact: Fact) -> bool:
    """Whether su was asked for as root, whoever had logged in."""
    return named(fact) == "su" and (fact.actor_uid == "0" or fact.actor.key[1] == ROOT)


def says_whom(fact: Fact) -> bool:
    """Whether `user` is the account that is become: USER_CMD names who asked there."""
    return fact.code != "USER_CMD"


def whom(fact: Fact) -> Account:
    """The account that is become, as a record says."""
    return Account("", ROOT) if fact.user.name in _AS_ROOT else fact.user


def assumed(fact: Fact) -> str:
    """The account, casefolded, that a record says somebody opened a session as, by su or sudo; empty for all others."""
    name = named(fact)
    if not name or not opens(fact):
        return ""
    if runs(fact):
        if not is_shell(fact.cmd_line):
            return ""
        return (wanted(fact.cmd_line) or (whom(fact).name if says_whom(fact) else "")).casefold()
    # sudo opens a session for a single command as well
    return fact.user.key[1] if name == "su" else ""


def changes(found: Iterable[Fact], hosts: HostNames) -> list[Change]:
    """Those that opened a session to work in, in order of time; at one moment who became somebody else comes before what was asked for as
    that account."""
    found = list(found)
    told = [(fact, name) for fact in found if (name := named(fact)) and (opens(fact) or closes(fact))]
    made = _Making(hosts)
    # logs tell the second: who comes and goes within one came first
    for fact, name in sorted(told, key=lambda one: _order(one[0])):
        made.take(fact, name)
    shells = _Shells(found if made.out else (), hosts)
    return _in_turn(_one_each([change for change in made.out if _is_session(change, shells)]))


def _order(fact: Fact) -> tuple[int, bool, str]:
    return fact.time, closes(fact), fact.id


class _Making:
    """Changes while their records come, in order of time."""

    def __init__(self, hosts: HostNames) -> None:
        self.out: list[Change] = []
        self._hosts = hosts
        self._numbered: dict[tuple[str, str, str], Change] = {}
        self._latest: dict[tuple[str, str, str, str], Change] = {}  # those without a process id
        self._open: dict[tuple[str, str, str], deque[Change]] = defaultdict(deque)

    def take(self, fact: Fact, name: str) -> None:
        """One more record, about `su` or `sudo`."""
        host, of = place(fact, self._hosts), number(fact)
        home = self._of_process(fact, host, name, of) if of else self._without_process(fact, host, name)
        if home is not None:
            home.take(fact)
        elif opens(fact):
            change = Change(host, name)
            change.take(fact)
            self.out.append(change)
            if of:
                self._numbered[host, name, of] = change
            else:
                self._note(change, fact)
                self._open[host, name, change.said.key[1]].append(change)
                home = change
        if home is not None and not of and runs(fact) and terminal(fact):
            self._back_at(home, terminal(fact))

    def _back_at(self, change: Change, seat: str) -> None:
        """Who asks anew at a terminal is done with what was asked for there before: its end, should it be lost, is no later one."""
        waiting = self._open[change.host, change.program, change.said.key[1]]
        size = len(waiting)
        for nth, other in enumerate(list(itertools.islice(reversed(waiting), LOOKED_AT))):
            if (
                other is not change
                and other.actor.same_as(change.actor)
                and seat in map(terminal, other.facts)
            ):
                del waiting[size - 1 - nth]

    def _of_process(self, fact: Fact, host: str, name: str, of: str) -> Change | None:
        known = self._numbered.get((host, name, of))
        if known is None or known.end is not None:
            return None
        since = fact.time - known.begun
        if opens(fact):
            return known if since <= AT_ONCE else None
        theirs = not fact.user.name or not known.said.name or whom(fact).same_as(known.said)
        return known if theirs and since <= LONGEST else None

    def _without_process(self, fact: Fact, host: str, name: str) -> Change | None:
        said = whom(fact).key[1]
        if closes(fact):
            waiting = self._open[host, name, said]
            while waiting and fact.time - waiting[0].begun > DAY:
                waiting.popleft()
            return _over(waiting)
        known = self._latest.get((host, name, said, fact.actor.key[1]))
        if known is None and by_root(fact):
            known = self._latest.get((host, name, said, _BY_ROOT))
            if known is not None and ROOT not in {known.actor.key[1], fact.actor.key[1]}:
                return None
        if known is None or known.end is not None or fact.time - known.begun > AT_ONCE:
            return None
        if runs(fact) and known.command is not None:
            return None
        self._note(known, fact)
        return known

    def _note(self, change: Change, fact: Fact) -> None:
        """`change` has this record, and no process id."""
        name = (change.host, change.program, change.said.key[1])
        self._latest[*name, fact.actor.key[1]] = change
        if by_root(fact):
            self._latest[*name, _BY_ROOT] = change


def _over(waiting: deque[Change]) -> Change | None:
    """Which of those that are open without a process id is over: a single command rather than a shell; of several people's shells the last
    one of whoever was there first."""
    latest = list(itertools.islice(reversed(waiting), LOOKED_AT))
    brief = (one for one in latest if one.program == "sudo" and not is_shell(one.command or ""))
    theirs = (one for one in latest if one.actor.same_as(waiting[0].actor))
    found = next(brief, None) or next(theirs, None)
    if found is not None:
        del waiting[len(waiting) - 1 - latest.index(found)]
    return found


class _Shells:
    """Shells that the audit system saw started, by host and audit session."""

    def __init__(self, found: Iterable[Fact], hosts: HostNames) -> None:
        self._known: dict[tuple[str, str], list[Fact]] = defaultdict(list)
        for fact in found:
            if fact.product == "auditd" and fact.code == "SYSCALL" and runs(fact) and is_shell(fact.cmd_line):
                self._known[place(fact, hosts), audit_key(fact)].append(fact)
        for known in self._known.values():
            known.sort(key=lambda fact: fact.order)

    def of(self, change: Change) -> bool:
        """Whether one was started by that sudo, or in its audit session as whom it was for."""
        inside = next((key for fact in change.facts if (key := audit_key(fact))), "")
        known = self._known.get((change.host, inside), []) if inside else []
        first = bisect.bisect_left(known, change.begun, key=lambda fact: fact.time)
        return any(
            fact.time - change.begun <= AT_ONCE
            and (str(fact.parent_pid) == change.number or fact.user.same_as(change.said))
            for fact in known[first : first + LOOKED_AT]
        )


def _is_session(change: Change, shells: _Shells) -> bool:
    if not change.account.name or change.account.same_as(change.actor):
        return False
    if change.program == "su":
        return True
    return is_shell(change.command) if change.command is not None else shells.of(change)


def _one_each(made: Iterable[Change]) -> list[Change]:
    """A change of which two logs tell (one without a process id), or that is sudo's su, is one."""
    groups: list[list[Change]] = []
    latest: dict[tuple[str, ...], list[Change]] = {}
    for change in made:
        known = [latest[key] for key in _looked_up(change) if key in latest]
        home = next((group for group in known if _same(group, change)), None)
        if home is None:
            home = []
            groups.append(home)
        home.append(change)
        for key in _noted(change):
            latest[key] = home
    return [_together(group) for group in groups]


def _looked_up(change: Change) -> Iterator[tuple[str, ...]]:
    """Under what another record of the same change may be noted."""
    name = (change.host, change.account.key[1])
    yield (change.program, *name, change.number)
    yield (f"{change.program} {'without' if change.number else 'with'} a number", *name)
    yield ("sudo for su" if change.program == "su" else "su of sudo", *name)


def _noted(change: Change) -> Iterator[tuple[str, ...]]:
    name = (change.host, change.account.key[1])
    yield (change.program, *name, change.number)
    yield (f"{change.program} {'with' if change.number else 'without'} a number", *name)
    if change.program == "su" or _asks_su(change):
        yield ("su of sudo" if change.program == "su" else "sudo for su", *name)


def _asks_su(change: Change) -> bool:
    return change.command is not None and wanted(change.command) != ""


def _same(group: list[Change], change: Change) -> bool:
    first = group[0]
    if change.begun - first.begun > AT_ONCE:
        return False
    alike = [one for one in (first, *group[-3:]) if one.program == change.program]
    if not alike:  # su's own records name who is at the terminal, or root
        sudo, su = (change, first) if first.program == "su" else (first, change)
        by = su.actor.key[1] in {"", ROOT} or not sudo.actor.name or su.actor.same_as(sudo.actor)
        return by and _asks_su(sudo)
    numbers = {one.number for one in alike} - {""}
    if numbers and change.number and change.number not in numbers:
        return False
    return any(
        not one.actor.name or not change.actor.name or one.actor.same_as(change.actor) for one in alike
    )


def _together(group: list[Change]) -> Change:
    if len(group) == 1:
        return group[0]
    sudo = next((one for one in group if one.program == "sudo"), group[0])
    out = Change(sudo.host, sudo.program, number=sudo.number)
    for fact in sorted((fact for one in group for fact in one.facts), key=_order):
        out.take(fact)
    return out


def _in_turn(made: list[Change]) -> list[Change]:
    made.sort(key=lambda change: (change.begun, change.facts[0].id))
    out: list[Change] = []
    for _, same in itertools.groupby(made, key=lambda change: change.begun):
        out.extend(_by_steps(list(same)))
    return out


def _by_steps(same: list[Change]) -> list[Change]:
    """Of one moment: who asked before whom they became, and that before what was asked for as that account."""
    asked = {
        (change.host, change.account.key[1]): (change.host, change.actor.key[1])
        for change in same
        if len(same) > 1
    }
    steps: dict[tuple[str, str], int] = {}
    for change in same:
        path = [(change.host, change.account.key[1])]
        around = set(path)
        while path[-1] not in steps and (above := asked.get(path[-1])) in asked and above not in around:
            path.append(above)
            around.add(above)
        known = steps.get(path[-1], 1)
        for more, name in enumerate(reversed(path)):
            steps.setdefault(name, known + more)
        change.step = steps[path[0]]
    return sorted(same, key=lambda change: (change.step, change.facts[0].id))
