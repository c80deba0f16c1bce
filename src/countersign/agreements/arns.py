"""Amazon Resource Names of who may act: users, roles, sessions of roles, root.

A role's session has an ARN of STS that names the role without its path (`arn:aws:sts::123456789012:assumed-role/Role/session`), the
role itself one of IAM with it (`arn:aws:iam::123456789012:role/path/Role`). Names are one account's only once, whatever their path, in any
letter case (AWS IAM User Guide, "IAM identifiers"). So both are spelt `aws:123456789012:role/role`, here, the session with `/session` behind.
"""

from __future__ import annotations

import re

_NUMBER = re.compile(r"[0-9]{12}")
_PRINCIPALS = frozenset({"user", "role", "assumed-role", "federated-user", "root"})


def spelt(text: str) -> str | None:
    """The one spelling of an ARN of somebody who may act, None if it is none."""
    parts = text.casefold().split(":", 5)
    if len(parts) < 6 or parts[0] != "arn" or not parts[1] or parts[2] not in {"iam", "sts"}:
        return None
    kind, _, path = parts[5].partition("/")
    names = path.split("/")
    if not _NUMBER.fullmatch(parts[4]) or kind not in _PRINCIPALS or (names == [""]) != (kind == "root"):
        return None
    if kind == "assumed-role":
        kind, name = "role", "/".join((names[0], *names[1:][-1:]))
    else:
        name = names[-1]
    return f"{parts[1]}:{parts[4]}:{kind}/{name}"


def spellings(text: str) -> tuple[str, ...]:
    """All that an ARN in a log means: of a session, its role too."""
    whole = spelt(text)
    if whole is None:
        return ()
    before, _, name = whole.partition("/")
    role, _, session = name.partition("/")
    return (whole, f"{before}/{role}") if session else (whole,)


def named(whole: str) -> tuple[str, str]:
    """Name and account number that records give beside the ARN."""
    _, number, who = whole.split(":", 2)
    kind, _, name = who.partition("/")
    return name.partition("/")[0] or kind, number
