"""sudo: one command run as somebody else.

For an auditor a line is who ran what as whom, or was refused it. `USER` may be a number (`#0`), which is how
CVE-2019-14287 looked. A directory name is the user's text: where PWD holds ` ; USER=`, the line cannot be trusted.

References: sudo(8) and sudoers(5), LOG FORMAT; plugins/sudoers/logging.c.
"""

from __future__ import annotations

import re

from countersign.sources._programs import Understood

_WHO = re.compile(r"\s*(\S{1,256}) : (.*)$", re.DOTALL)
_PART = re.compile(r"(HOST|TTY|CHROOT|PWD|USER|GROUP|TSID|ENV|COMMAND)=")
_CONTINUED = "(command continued) "


def understand(program: str, pid: str | None, message: str) -> Understood | None:
    """A command run or refused."""
    del program
    match = _WHO.match(message)
    if match is None:
        return None
    who, text = match.groups()
    columns: dict[str, object] = {
        "class_uid": 1007,
        "activity_id": 1,
        "metadata.product": "sudo",
        "actor.user.name": who,
    }
    if pid is not None:
        columns["session.uid"] = f"sudo:{pid}"
    if text.startswith(_CONTINUED):
        columns["process.cmd_line"] = text[len(_CONTINUED) :]
        return columns | {"activity_id": 0}, {"continued": "true"}, None
    refused, fields = _parts(text)
    if not fields:
        return None
    columns["status_id"] = 2 if refused else 1
    if refused:
        columns["status_code"] = refused
    if user := fields.get("USER"):
        columns["user.name"] = user
    if terminal := fields.get("TTY"):
        columns["session.terminal"] = terminal
    if command := fields.get("COMMAND"):
        columns["process.cmd_line"] = command
        columns["process.path"] = command.partition(" ")[0]
    return columns, fields, None


def _parts(text: str) -> tuple[str, dict[str, str]]:
    """Why it was refused (empty if it was not), and the `NAME=value` parts; COMMAND reaches to the end."""
    refused, fields, rest = "", {}, text
    while rest:
        match = _PART.match(rest)
        if match is None:
            part, _, rest = rest.partition(" ; ")
            refused = refused or part
            continue
        if match[1] == "COMMAND":
            fields["COMMAND"] = rest[match.end() :]
            break
        value, _, rest = rest[match.end() :].partition(" ; ")
        fields.setdefault(match[1], value)
    return refused.strip(), fields
