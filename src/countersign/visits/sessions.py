"""Sessions: one logon, tunnel or terminal session each, put together from the facts that share its key."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from countersign.visits import facts as f
from countersign.visits.facts import Fact
from countersign.visits.names import WELL_KNOWN_SESSIONS, Account, HostNames, is_local

SECOND = 1_000_000
SLACK = 2 * SECOND
"""Records of one logon (4624, 4672, 4648) are written in any order within this time."""

LOGON_CODES = frozenset({"4624"})
AGENT, AGENT_LOGON = "Defender XDR", "LogonSuccess"
"""Product and word of the host's own agent on a logon (DeviceLogonEvents)."""
TOLD_TWICE = 60 * SECOND
"""The agent's word of a logon and the host's (4624) are of one logon within this time."""
NEW_CREDENTIALS = 9
"""Logon type of a session that is another account's towards other hosts only (`runas /netonly`)."""
END_CODES = frozenset({"4634", "4647", "4779", "23", "24"})
RETURN_CODES = frozenset({"4778", "25"})
TERMINAL_LOG = "localsessionmanager"
LOGGED_OFF = 5 * SECOND
"""What LocalSessionManager tells of a session after its logoff (23) it tells within this time."""


@dataclass(slots=True)
class Session:
    """One session on one host. `start` is None where the logs begin in its midst; `end` while nothing ends it.
    `first` and `last` are the times of its first and last fact (microseconds, UTC)."""

    kind: str  # windows, vpn, ssh, terminal, sensor, implied; bastion, target, remote, appliance (keyed.py); cloud;
    # console, audit (unix.py); became (becoming.py)
    host: str
    key: str
    account: Account
    start: int | None
    first: int
    last: int
    end: int | None = None
    source_ip: str = ""
    source_host: str = ""
    ports: set[int] = field(default_factory=set)
    logon_type: int = 0
    guids: set[str] = field(default_factory=set)
    linked: str = ""
    opener: str = ""  # session on the same host that made this one (runas, su)
    gateway: str = ""
    protocol: str = ""  # only where the source of the record fixes it
    mfa: bool | None = None
    leases: set[str] = field(default_factory=set)
    facts: list[Fact] = field(default_factory=list)
    seen: list[tuple[str, str, int]] = field(default_factory=list)  # further records: event, segment, index
    anchor: str = ""  # what the hop's id is made from
    person: Account | None = None  # to whom a bastion lent `account`
    came_from: str = ""  # the person's own address, where `source_ip` is the bastion's
    lent: bool = False  # `account` is nobody's that the agreement lists for `person`
    target_ip: str = ""
    tunnel: tuple[str, str, int] | None = (
        None  # host, key and begin of the gateway's session that held `source_ip` then
    )
    via: frozenset[str] = frozenset()  # addresses that the bastion is known to have
    makers: tuple[tuple[str, str], ...] = ()  # (host, key) of sessions that may have made this one
    lone: bool = False  # no other connection through that gateway can be meant
    maker_kind: str = ""  # proven or inferred, where there is one
    maker_words: str = ""
    asked: int | None = None  # when it began by the clock of the bastion that opened it
    origin: tuple[str, str] | None = None  # (host, session) whose 4648 it was made with
    ended: str = ""  # why `end` is its end, where no record of its own tells so
    cut: int | None = None  # when its host died under it, at the latest
    vouched: list[tuple[str, str, int]] = field(default_factory=list)  # records of an identity provider
    uid: str = ""  # SID or key fingerprint by which the logon's record names the account
    aliases: set[str] = field(
        default_factory=set
    )  # further keys of the same session: what audit and wtmp call it
    terminals: set[str] = field(default_factory=set)  # `pts/0`
    within: str = ""  # the audit session in which an account was changed
    step: int = 0  # of changes of account at one moment, how many come before it

    @property
    def begun(self) -> int:
        """Start, or the first sign of life where the start is unknown."""
        return self.first if self.start is None else self.start

    def move(self, later: int) -> None:
        """Tells it by another clock, that is so much later."""
        self.first, self.last = self.first + later, self.last + later
        self.start = None if self.start is None else self.start + later
        self.end = None if self.end is None else self.end + later

    def is_of(self, account: Account) -> bool:
        """Whether it is a session of `account`, or one in which that has another's."""
        return self.account.same_as(account) or (self.person is not None and self.person.same_as(account))


def in_use(host: str, key: str, account: Account, first: int, last: int) -> Session:
    """A session of which nothing is told but that it was in use."""
    return Session(
        kind="windows", host=host, key=key, account=account, start=None, first=first, last=last, anchor=""
    )


def _blank(value: str) -> bool:
    return value in WELL_KNOWN_SESSIONS


def windows_sessions(found: Iterable[Fact], hosts: HostNames) -> list[Session]:
    """Logon sessions by (host, logon id); a logon id seen anew in a later 4624 is a new session (a new boot)."""
    grouped: dict[tuple[str, str], list[Fact]] = defaultdict(list)
    for fact in found:
        if fact.class_uid not in f.ARRIVALS or fact.product == "Zeek" or fact.log == "":
            continue
        key = fact.session or (fact.actor_session if fact.class_uid == f.AUTHORIZE else "")
        if key.startswith("0x") and not _blank(key) and fact.host and not _ticket(fact):
            grouped[hosts.canonical(fact.host), key].append(fact)
    sessions: list[Session] = []
    for (host, key), group in grouped.items():
        sessions.extend(_split_by_logon(host, key, sorted(group, key=lambda fact: fact.order)))
    return sessions


def _by_agent(fact: Fact) -> bool:
    return fact.product == AGENT and fact.code == AGENT_LOGON


def _ticket(fact: Fact) -> bool:
    if fact.product == AGENT:
        return not _by_agent(fact)  # attempts, and what identity sensors saw
    return fact.class_uid == f.AUTHENTICATION and fact.code in {
        "4648",
        "4768",
        "4769",
        "4771",
        "4776",
        "4625",
    }


def _split_by_logon(host: str, key: str, group: list[Fact]) -> list[Session]:
    logons: list[Fact] = []
    told = None
    own = [fact.time for fact in group if fact.code in LOGON_CODES]
    for fact in group:
        alone = _by_agent(fact) and all(abs(fact.time - at) > TOLD_TWICE for at in own)
        if fact.code in LOGON_CODES or alone:
            if told is None or fact.time - told > SLACK:  # else a logon told twice: the first one counts
                logons.append(fact)
            told = fact.time
    starts = [fact.time - SLACK for fact in logons]
    out: list[Session] = []
    early = [fact for fact in group if not starts or fact.time < starts[0]]
    if early:
        out.append(_session(host, key, None, early))
    for index, logon in enumerate(logons):
        until = starts[index + 1] if index + 1 < len(starts) else None
        mine = [fact for fact in group if fact.time >= starts[index] and (until is None or fact.time < until)]
        out.append(_session(host, key, logon, mine))
    return out


def _session(host: str, key: str, logon: Fact | None, group: list[Fact]) -> Session:
    lead = logon or group[0]
    account = lead.user if lead.user.name else lead.actor
    session = Session(
        kind="windows",
        host=host,
        key=key,
        account=account,
        start=logon.time if logon else None,
        first=min(fact.time for fact in group),
        last=max(fact.time for fact in group),
        facts=list(group),
        uid=lead.sid if lead.user.name else "",
        logon_type=logon.logon_type if logon else 0,
        anchor=logon.id if logon else "",
    )
    if logon:
        session.source_ip = "" if is_local(logon.src_ip) else logon.src_ip
        session.source_host = logon.src_host
        session.linked = "" if _blank(logon.linked) else logon.linked
        session.opener = "" if _blank(logon.actor_session) or _by_agent(logon) else logon.actor_session
        session.mfa = logon.mfa
        if logon.src_port:
            session.ports.add(logon.src_port)
        if logon.guid:
            session.guids.add(logon.guid)
    else:
        # the record of the end names the type too
        session.logon_type = next((fact.logon_type for fact in group if fact.code == "4634"), 0)
        # a reconnection (4778) says where from; without the logon's record it is all there is
        back = next((fact for fact in group if fact.code in RETURN_CODES and not is_local(fact.src_ip)), None)
        if back is not None:
            session.source_ip, session.source_host, session.logon_type = back.src_ip, back.src_host, 10
    session.end = _end(group)
    return session


def _end(group: list[Fact]) -> int | None:
    """The last ending that no return follows."""
    ends = [fact.time for fact in group if fact.code in END_CODES]
    returns = [fact.time for fact in group if fact.code in RETURN_CODES]
    if not ends or (returns and max(returns) > max(ends)):
        return None
    return max(ends)


def terminal_sessions(found: Iterable[Fact], hosts: HostNames) -> list[Session]:
    """Remote desktop sessions by (host, session number, account) as LocalSessionManager 21 to 25 tell them."""
    grouped: dict[tuple[str, str, tuple[str, str]], list[Fact]] = defaultdict(list)
    for fact in found:
        if TERMINAL_LOG in fact.log and fact.session and fact.code in {"21", "22", "23", "24", "25"}:
            grouped[hosts.canonical(fact.host), fact.session, fact.user.key].append(fact)
    out: list[Session] = []
    for (host, key, _), group in grouped.items():
        run: list[Fact] = []
        before = len(out)
        for fact in sorted(group, key=lambda fact: fact.order):
            if run and (fact.code == "21" or _is_over(run, fact)):
                out.append(_terminal(host, key, run))
                run = []
            run.append(fact)
        out.append(_terminal(host, key, run))
        # of a number that was given out again each session is its own, even where no logon is logged
        for session in out[before + 1 :]:
            session.anchor = session.anchor or session.facts[0].id
    return out


def _is_over(run: list[Fact], fact: Fact) -> bool:
    """Whether the session of `run` was logged off (23) before: its number is given out again, and a disconnection (24) is told at once."""
    return any(one.code == "23" and fact.time - one.time > LOGGED_OFF for one in run)


def _terminal(host: str, key: str, run: list[Fact]) -> Session:
    logon = run[0] if run[0].code == "21" else None
    address = next((fact.src_ip for fact in run if not is_local(fact.src_ip)), "")
    return Session(
        kind="terminal",
        host=host,
        key=key,
        account=run[0].user,
        start=logon.time if logon else None,
        first=run[0].time,
        last=run[-1].time,
        end=_end(run),
        source_ip=address,
        logon_type=10 if address else 2,
        facts=run,
        protocol="rdp" if address else "",
        anchor=logon.id if logon else "",
    )
