"""PAM: the library through which a Unix program asks who somebody is and opens their session.

For an auditor `session opened` is the machine's own word that somebody is in, and `session closed` that they are
out, whichever program let them; the program's own lines say from where. The session is named by program and process
(`sshd:581`), as the program's own family names it, so that both meet.

References: pam_unix(8), Linux-PAM modules/pam_unix/pam_unix_sess.c and support.c, pam_tally2(8), pam_faillock(8).
"""

from __future__ import annotations

import re

from countersign.sources._address import endpoint
from countersign.sources._programs import Understood

_MODULE = re.compile(r"(pam_[a-z0-9_]{1,32})\(([^:)\s]{1,64}):([a-z_]{1,16})\): (.*)$")
_OLD_PROGRAM = re.compile(r"([^\s(]{1,64})\((pam_[a-z0-9_]{1,32})\)$")
_SESSION = re.compile(
    r"session (opened|closed) for user (\S{1,256}?)(?:\(uid=(\d{1,10})\))?(?: by (\S{0,256}?)\(uid=(\d{1,10})\))?$"
)
_PAIR = re.compile(r"(logname|uid|euid|tty|ruser|rhost|user)=(\S*)")
_UNKNOWN = re.compile(r"check pass; user unknown$")
_TALLY = re.compile(r"user (\S{1,256}) \(\d{1,10}\) (?:has been locked out|tally \d{1,10}, deny \d{1,10})")
_LOCKED = re.compile(r"Consecutive login failures for user (\S{1,256}) account temporarily locked")
_EXPIRED = re.compile(r"account (\S{1,256}) has (?:expired|password changed in future)")
_PROGRAMS = {"sshd-session": "sshd", "sshd-auth": "sshd"}


def understand(program: str, pid: str | None, message: str) -> Understood | None:
    """Sessions opened and closed, and failures, of any program that uses PAM."""
    match = _MODULE.match(message)
    if match is not None:
        module, service, _, text = match.groups()
    else:
        old = _OLD_PROGRAM.match(program)
        if old is None:
            return None
        service, module, text = old[1], old[2], message
        program = old[1]
    columns = _columns(text)
    if columns is None:
        return None
    fields = {"pam_module": module, "pam_service": service, **columns[1]}
    filled = columns[0]
    filled["class_uid"] = 3002
    filled["metadata.product"] = "Linux PAM"
    filled["metadata.log_name"] = name = _PROGRAMS.get(program, program)
    if pid is not None:
        filled["session.uid"] = f"{name}:{pid}"
    return filled, fields, None


def _columns(text: str) -> tuple[dict[str, object], dict[str, object]] | None:
    session = _SESSION.match(text)
    if session is not None:
        return _session(session), {}
    if text.startswith("authentication failure;") or "more authentication failure" in text[:40]:
        return _failure(text)
    for pattern, reason in ((_TALLY, "locked out"), (_LOCKED, "locked out"), (_EXPIRED, "expired")):
        match = pattern.match(text)
        if match is not None:
            return {
                "activity_id": 1, "status_id": 2, "status_code": reason, "user.name": match[1]
            }, {"pam_message": text, "pam_user": match[1]}  # fmt: skip
    if _UNKNOWN.match(text):
        return {"activity_id": 1, "status_id": 2, "status_code": "user unknown"}, {"pam_message": text}
    return None


def _session(match: re.Match[str]) -> dict[str, object]:
    done, user, uid, by, by_uid = match.groups()
    columns: dict[str, object] = {
        "activity_id": 1 if done == "opened" else 2,
        "status_id": 1,
        "user.name": user,
    }
    if uid:
        columns["user.uid"] = uid
    if by:
        columns["actor.user.name"] = by
    if by_uid:
        columns["actor.user.uid"] = by_uid
    return columns


def _failure(text: str) -> tuple[dict[str, object], dict[str, object]]:
    said, _, rest = text.partition(";")
    pairs = {name: value for name, value in _PAIR.findall(rest) if value}
    columns: dict[str, object] = {"activity_id": 1, "status_id": 2}
    fields: dict[str, object] = {
        "pam_message": said,
        **{name: pairs[name] for name in pairs if name != "user"},
    }
    if user := pairs.get("user"):
        columns["user.name"] = fields["pam_user"] = user
    if actor := pairs.get("ruser") or pairs.get("logname"):
        columns["actor.user.name"] = actor
    if uid := pairs.get("uid"):
        columns["actor.user.uid"] = uid
    if terminal := pairs.get("tty"):
        columns["session.terminal"] = terminal
    if host := pairs.get("rhost"):
        fields["pam_rhost"] = host
        columns |= endpoint("src_endpoint", host)
    return columns, fields
