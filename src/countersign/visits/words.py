"""Deeds in words for a person: a command line, a share, a file, whom an account change was about."""

from __future__ import annotations

import ntpath
from collections.abc import Callable
from functools import lru_cache

from countersign.visits import facts as f
from countersign.visits.facts import Fact
from countersign.visits.names import Account

SHOWN = 500
"""Characters of a script block that are told."""
REPLICATED, TICKET = "4662", "4769"
"""Security events of credentials taken: of an object of the directory that was read, and of a service ticket."""
CREDENTIAL = "credential"
"""The kind of action of both."""
_WEAK = frozenset({"0x1", "0x3", "0x17", "0x18"})
"""Ticket encryption with DES and RC4 (RFC 3961, RFC 4757)."""
FAILED = 2
"""OCSF `status_id`."""
_WRITES = 0x2 | 0x4 | 0x10 | 0x100 | 0x40 | 0x10000 | 0x40000 | 0x80000
"""Rights of an access mask (MS-DTYP 2.4.3, MS-SMB2 2.2.13.1) that change something: data, attributes, deletion, permissions, owner."""
_DELETE, _CONTENT = 0x10000, 0x2 | 0x4
_KINDS = {
    f.FILE: "file",
    f.PROCESS: "process",
    f.SCRIPT: "script",
    f.SMB: "share",
    f.SERVICE: "service",
    f.JOB: "task",
    f.LOG: "log",
    f.ACCOUNT_CHANGE: "account",
    f.GROUP: "account",
    f.AUTHENTICATION: "logon",
    f.API: "api",
}
FILE_DEEDS = {1: "made", 2: "read", 3: "written", 4: "deleted", 5: "renamed", 6: "given other rights"}
"""OCSF `activity_id` of 1001."""
_ACCOUNT_DEEDS = {
    1: "account made",
    2: "account enabled",
    3: "password changed",
    4: "password reset",
    5: "account disabled",
    6: "account deleted",
    9: "account locked",
    12: "account unlocked",
}
"""OCSF `activity_id` of 3001."""
_GROUP_DEEDS = {5: "group deleted", 6: "group made"}
"""OCSF `activity_id` of 3006, beside members added (3) and removed (4)."""


def kind_of(fact: Fact) -> str:
    """One of `model.visit.ACTION_KINDS`."""
    if fact.class_uid == f.API and fact.cmd_line:
        return "process"
    if is_replication(fact) or is_weak_ticket(fact):
        return CREDENTIAL
    if fact.class_uid == f.SMB and is_write(fact):
        return "file"
    return _KINDS.get(fact.class_uid, "network")


def describe(fact: Fact) -> str:
    """What was done, in words."""
    words = _WORDS.get(fact.class_uid)
    return words(fact) if words is not None else fact.message


def is_replication(fact: Fact) -> bool:
    """Whether the directory was asked for passwords: of 4662 nothing else is read."""
    return fact.class_uid == 0 and fact.code == REPLICATED


def is_weak_ticket(fact: Fact) -> bool:
    """Whether a ticket was given out for a person's or a service's account (no machine's) so encrypted that its password can be guessed from it."""
    return (
        fact.code == TICKET
        and fact.cipher.casefold() in _WEAK
        and fact.status != FAILED
        and not fact.service.endswith("$")
        and fact.service.casefold() not in {"", "krbtgt"}
    )


@lru_cache(1 << 12)
def base(path: str) -> str:
    """File name of a Windows or POSIX path, casefolded."""
    return ntpath.basename(path.strip().strip('"')).casefold()


def mask_of(access: str) -> int:
    """An access mask as Windows writes it (`0x12019f`), 0 for anything else."""
    try:
        return int(access, 16) if access.startswith("0x") and len(access) <= 18 else 0
    except ValueError:
        return 0


def is_write(fact: Fact) -> bool:
    """Whether an access to a share (5145) was asked for with a right to change the file: a pipe is no file."""
    share = fact.share.rsplit("\\", 1)[-1].casefold()
    return bool(fact.file) and share != "ipc$" and is_writing(fact.access)


def is_writing(access: str) -> bool:
    """Whether an access mask holds a right to change something."""
    return bool(mask_of(access) & _WRITES)


def written(access: str) -> str:
    """What an access mask lets somebody do to a file, in a word."""
    mask = mask_of(access)
    if mask & _CONTENT:
        return "written"
    return "deleted" if mask & _DELETE else "changed"


def _process(fact: Fact) -> str:
    text = fact.cmd_line or fact.path
    if fact.product == "sudo" and fact.user.name:
        return f"{text} (sudo as {fact.user.name}{', refused' if fact.status == FAILED else ''})"
    if fact.product == "auditd" and fact.code == "USER_CMD":
        return f"{text} (sudo{', refused' if fact.status == FAILED else ''})"
    if fact.product == "auditd" and fact.user.name and fact.actor.name and not fact.user.same_as(fact.actor):
        return f"{text} (as {fact.user.name})"
    return text


def _share(fact: Fact) -> str:
    place = f"{fact.share}\\{fact.file}" if fact.file else fact.share
    return f"file {written(fact.access)}: {place}" if is_write(fact) else place


def _service(fact: Fact) -> str:
    if fact.code == "7036":  # never begins as the installation of a service does, which agreements may forbid
        return f"{fact.message or 'changed'} service {fact.service} (7036)"
    return f"service {fact.service}: {fact.service_path}"


def _log(fact: Fact) -> str:
    return f"event log {'cleared' if fact.activity == 1 else 'changed'} ({fact.code})"


def _file(fact: Fact) -> str:
    done = FILE_DEEDS.get(fact.activity, "carried")
    return f"file {done}: {fact.file or fact.message or 'not named'}"


def _script(fact: Fact) -> str:
    text = " ".join(fact.message.split())
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"


def _api(fact: Fact) -> str:
    if fact.cmd_line:
        return fact.cmd_line
    return ": ".join(part for part in (fact.operation, fact.message) if part) or "not named"


def _by(fact: Fact) -> str:
    """Who did it, the event's code, and whether it was refused."""
    who = f" by {fact.actor.text}" if fact.actor.name else ""
    notes = [note for note in (fact.code, "refused" if fact.status == FAILED else "") if note]
    return f"{who} ({', '.join(notes)})" if notes else who


def named(account: Account, sid: str) -> str:
    """An account, by its name where one is known: a directory's path of it (`CN=...,OU=...`) by its first part."""
    name = account.name
    if name.upper().startswith("CN="):
        name = name[3:].partition(",")[0]
    return Account(account.domain, name).text if name and name != "-" else sid or "an account not named"


def _account(fact: Fact) -> str:
    done = _ACCOUNT_DEEDS.get(fact.activity, "account changed")
    return f"{done}: {named(fact.user, fact.sid)}{_by(fact)}"


def _group(fact: Fact) -> str:
    group = fact.group or "not named"
    if fact.activity in {3, 4}:
        way = "added to" if fact.activity == 3 else "removed from"
        return f"{named(fact.user, fact.sid)} {way} group {group}{_by(fact)}"
    return f"{_GROUP_DEEDS.get(fact.activity, 'group changed')}: {group}{_by(fact)}"


_WORDS: dict[int, Callable[[Fact], str]] = {
    f.PROCESS: _process,
    f.SMB: _share,
    f.SERVICE: _service,
    f.JOB: lambda fact: f"task {fact.job}: {fact.job_path}" if fact.job_path else f"task {fact.job}",
    f.LOG: _log,
    f.FILE: _file,
    f.SCRIPT: _script,
    f.API: _api,
    f.AUTHENTICATION: lambda fact: (
        f"service ticket for {fact.service}, weakly encrypted ({TICKET}, {fact.cipher})"
        if fact.code == TICKET
        else f"refused logon to {fact.host.partition('.')[0]} as {fact.user.text} (4625)"
    ),
    0: lambda fact: (
        f"the directory's passwords replicated ({REPLICATED})" if is_replication(fact) else fact.message
    ),
    f.ACCOUNT_CHANGE: _account,
    f.GROUP: _group,
}
"""By class of event."""
