"""su: a change of account at a terminal.

For an auditor it is who became whom, where; PAM's `session opened` lines of the same process say when it ended.

References: util-linux login-utils/su-common.c, shadow src/su.c, FreeBSD su(1).
"""

from __future__ import annotations

import re

from countersign.sources._programs import Understood

_UTIL_LINUX = re.compile(r"(FAILED SU )?\(to (\S{1,256})\) (\S{1,256}) on (\S{1,64})$")
_SHADOW = re.compile(r"(Successful|FAILED) su for (\S{1,256}) by (\S{1,256})$")
_SHADOW_TERMINAL = re.compile(r"([+-]) (\S{1,64}) ([^\s:]{1,256})[:-](\S{1,256})$")
_BSD = re.compile(r"(BAD SU )?(\S{1,256}) to (\S{1,256}) on (\S{1,64})$")


def understand(program: str, pid: str | None, message: str) -> Understood | None:
    """A successful or failed change of account."""
    del program
    found = _change(message.rstrip())
    if found is None:
        return None
    done, actor, user, terminal = found
    columns: dict[str, object] = {
        "class_uid": 3002,
        "activity_id": 1,
        "status_id": 1 if done else 2,
        "metadata.product": "su",
        "actor.user.name": actor,
        "user.name": user,
    }
    if terminal and terminal not in {"none", "???"}:
        columns["session.terminal"] = terminal
    if pid is not None:
        columns["session.uid"] = f"su:{pid}"
    return columns, {}, None


def _change(text: str) -> tuple[bool, str, str, str] | None:
    """Whether it was let, who, to whom, where."""
    if match := _UTIL_LINUX.match(text):
        return not match[1], match[3], match[2], match[4]
    if match := _SHADOW.match(text):
        return match[1] == "Successful", match[3], match[2], ""
    if match := _SHADOW_TERMINAL.match(text):
        return match[1] == "+", match[3], match[4], match[2]
    if match := _BSD.match(text):
        return not match[1], match[2], match[3], match[4]
    return None
