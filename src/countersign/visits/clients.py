"""Programs that go to another host, and what their command lines tell: which host, and as whom."""

from __future__ import annotations

import ntpath
import re

from countersign.visits.names import Account

MAX_COMMAND = 2048
"""So much of a command line is looked at."""
SSH_WORDS = r"^(?:-[46AaCfGgKkMNnqsTtVvXxYy]{1,20}\s+|-[bcDEeFIiJLlmOopQRSWw]\s*\S{1,255}\s+){0,20}"
"""Options of OpenSSH's client, those that take a value with it; the first word after them is the host."""
_CLIENTS = {
    "ssh": ("ssh", re.compile(SSH_WORDS + r"(?:[\w.$-]{1,64}@)?([\w.:-]{1,255})(?:\s|$)")),
    "mstsc": ("rdp", re.compile(r"/v:\s*\"?([\w.-]{1,255})", re.IGNORECASE)),
    "powershell": ("winrm", re.compile(r"-computername\s+\"?([\w.-]{1,255})", re.IGNORECASE)),
    "pwsh": ("winrm", re.compile(r"-computername\s+\"?([\w.-]{1,255})", re.IGNORECASE)),
    "winrs": ("winrm", re.compile(r"[-/]r(?:emote)?:\"?(?:https?://)?([\w.-]{1,255})", re.IGNORECASE)),
    "wmic": ("wmi", re.compile(r"/node:\s*\"?([\w.-]{1,255})", re.IGNORECASE)),
    "schtasks": ("task", re.compile(r"/s\s+\"?([\w.-]{1,255})", re.IGNORECASE)),
    "sc": ("scm", re.compile(r"\\\\([\w.-]{1,255})")),
    "net": ("smb", re.compile(r"\\\\([\w.-]{1,255})")),
    "psexec": ("scm", re.compile(r"\\\\([\w.-]{1,255})")),
}
"""Programs that go to another host, what they speak, and where their command line names it."""
_SHELLS = frozenset({"powershell", "pwsh"})
_TERMINALS = frozenset(
    {"kitty", "mobaxterm", "plink", "pscp", "psftp", "putty", "scp", "securecrt", "sftp", "winscp"}
)
"""Further programs that speak SSH, and of which the command line is not looked at."""
_SSH_USER = re.compile(r"(?:\s-l\s*(\S{1,64}))|(?:\s([\w.$-]{1,64})@[\w.:-]{1,255})")


def called(path: str, command: str) -> tuple[str, str] | None:
    """What a client speaks, and the host that its command line names."""
    protocol, pattern = _CLIENTS.get(_program(path), ("", None))
    told = pattern.search(command[:MAX_COMMAND].partition(" ")[2].lstrip()) if pattern else None
    return (protocol, told.group(1)) if told else None


def spoken(path: str) -> str:
    """What a program speaks that is for nothing else than going to another host, as far as its name tells; empty for any other."""
    program = _program(path)
    if program in _SHELLS:
        return ""
    return "ssh" if program in _TERMINALS else _CLIENTS.get(program, ("", None))[0]


def _program(path: str) -> str:
    return ntpath.basename(path).casefold().removesuffix(".exe").removesuffix("64").removesuffix("1")


def account_named(command: str) -> Account | None:
    """The account that an SSH client's command line names."""
    told = _SSH_USER.search(command)
    return Account("", told.group(1) or told.group(2)) if told else None
