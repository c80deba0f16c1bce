"""What su and sudo were asked to run: a shell to work in, or a single command."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable

ROOT = "root"
_SHELLS = frozenset({"ash", "bash", "csh", "dash", "fish", "ksh", "ksh93", "rbash", "sh", "tcsh", "zsh"})
_SHELL_VALUED = frozenset({"--init-file", "--rcfile", "-o", "+o", "-O", "+O"})
_VALUED = "sgGw"
_LONG_VALUED = frozenset({"--shell", "--group", "--supp-group", "--whitelist-environment"})
"""Options of su that are followed by a value (su(1))."""
_COMMANDS = ("--command", "--session-command")


def is_shell(command: str) -> bool:
    """Whether what sudo ran is a shell to work in, or su: no single command."""
    words = command.split()
    if not words:
        return False
    if wanted(command):
        return True
    return posixpath.basename(words[0]).removeprefix("-") in _SHELLS and _is_without_script(words[1:])


def _is_without_script(options: Iterable[str]) -> bool:
    """Whether a shell was given nothing to run: no command (`-c`, also as `-lc`) and no file."""
    rest = iter(options)
    for word in rest:
        if word in _SHELL_VALUED:
            next(rest, None)
        elif word[:1] != "-" or (not word.startswith("--") and "c" in word):
            return False
    return True


def wanted(command: str) -> str:
    """The account that a command line of su asks for a shell of; empty for all others, such as su that runs a single command."""
    words = command.split()
    if not words or posixpath.basename(words[0]) != "su":
        return ""
    name, rest = "", iter(words[1:])
    for word in rest:
        if word.startswith(_COMMANDS):
            return ""
        if word in _LONG_VALUED:
            next(rest, None)
        elif word.startswith("--"):
            continue
        elif word.startswith("-"):
            letter = next((one for one in word[1:] if one in f"c{_VALUED}"), "")
            if letter == "c":
                return ""
            if letter and word.endswith(letter):
                next(rest, None)
        elif name:
            return ""  # what follows the account is the shell's to run
        else:
            name = word
    return name or ROOT
