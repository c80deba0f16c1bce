"""OpenSSH's server: who logged on over the network, how, from where, and who tried.

For an auditor `Accepted` is the proof of an arrival: account, method, key fingerprint, address and port. The
session is named by the process that accepted it (`sshd:581`), which PAM's lines share; `Disconnected from user` may
come from the unprivileged child, whose number differs, but carries the same address and port. `Partial` says that one
method was passed and another is still asked for, which is the only place where sshd speaks of more than one factor.

User names in failures are the attacker's text: `x from 1.1.1.1 port 1 ssh2` is a possible name, so the last place
named in the line counts, which is the one that sshd wrote.

References: OpenSSH auth.c (auth_log), packet.c (sshpkt_vfatal, fmt_connection_id), session.c, sshd(8).
"""

from __future__ import annotations

import re
from collections.abc import Callable

from countersign.sources._address import account, endpoint
from countersign.sources._programs import Understood

_Columns = dict[str, object]
_Found = tuple[_Columns, _Columns] | None

_AUTH = re.compile(
    r"(Accepted|Failed|Partial|Postponed) ([\w-]{1,40}(?:/[\w-]{1,40})?) for (invalid user )?(.*) "
    r"from (\S{1,255}) port (\d{1,5})(?: ssh2?)?(?:: (.*))?(?: \[preauth\])?$"
)
_KEY = re.compile(
    r"(\S{1,64})(?: ((?:SHA256:|MD5:)?[\w+/:=]{16,128}))?(?: ID (.*) \(serial (\d{1,20})\) CA (\S{1,64}) (\S{1,128}))?$"
)
_INVALID = re.compile(r"(?:Invalid|Illegal) user (.*) from (\S{1,255})(?: port (\d{1,5}))?(?: \[preauth\])?$")
_ENDED = re.compile(
    r"(?:error: )?(Disconnected from|Disconnecting|Connection closed by|Connection reset by)"
    r"(?: (\S{1,32}) user (.*?)| user (.*?))? (\S{1,255}) port (\d{1,5})(?:: (.{0,512}?))?( \[preauth\])?$"
)
_RECEIVED = re.compile(
    r"(?:error: )?Received disconnect from (\S{1,255}?)(?: port (\d{1,5}))?: ?(\d{1,5}): (.{0,512}?)( \[preauth\])?$"
)
_SESSION = re.compile(
    r"(Close|Starting) session: (.{0,512}?)(?:user|for) (.{1,256}) from (\S{1,255}) port (\d{1,5})(?: id \d{1,9})?$"
)
_DENIED = re.compile(r"User (.{0,512}) from (\S{1,255}) not allowed because (.{1,512})$")
_EXCEEDED = re.compile(
    r"(?:error: )?maximum authentication attempts exceeded for (invalid user )?(.*) from (\S{1,255}) port (\d{1,5})"
)
_OPENED = re.compile(r"Connection from (\S{1,255}) port (\d{1,5})(?: on (\S{1,255}) port (\d{1,5}))?")
_REFUSED = re.compile(
    r"(?:warning: [^:]{1,200}: )?refused connect from (?:\S{1,512} )?\(?([^\s()]{1,255})\)?$"
)
_UNAGREED = re.compile(
    r"(?:fatal: )?(Unable to negotiate with|Timeout before authentication for(?: connection from)?|"
    r"ssh_dispatch_run_fatal: Connection from|Did not receive identification string from|"
    r"Bad protocol version identification .{0,300} from|banner exchange: Connection from|"
    r"Magic value check failed \(\d{1,20}\) on obfuscated handshake from|"
    r"(?:error: )?kex_exchange_identification:.{0,200} from) (\S{1,255}?)(?: port (\d{1,5}))?(?=[\s:,]|$)(?:: (.{1,512}))?"
)

LONGEST = 2_048
"""sshd formats a message into 1,024 bytes (log.c, MSGBUFSIZ); relays may escape characters."""

_STATUS = {"Accepted": 1, "Failed": 2, "Partial": 0, "Postponed": 0}


def understand(program: str, pid: str | None, message: str) -> Understood | None:
    """One line of sshd, by its first word."""
    if len(message) > LONGEST:
        return None
    text = message.rstrip()
    reader = _READERS.get(text.partition(" ")[0])
    found = reader(text) if reader is not None else None
    if found is None:
        return None
    columns, fields = found
    columns["metadata.product"] = "OpenSSH"
    columns["metadata.log_name"] = "sshd"
    if program != "sshd":
        fields["program"] = program
    if pid is not None and ("user.name" in columns or columns["class_uid"] == 3002):  # before, there is none
        columns["session.uid"] = f"sshd:{pid}"
    return columns, fields, None


def _authentication(text: str) -> _Found:
    match = _AUTH.match(text)
    if match is None:
        return None
    done, method, invalid, user, host, port, key = match.groups()
    columns: _Columns = {
        "class_uid": 3002,
        "activity_id": 1,
        "status_id": _STATUS[done],
        "auth_protocol": method,
        **account(user),
        **endpoint("src_endpoint", host, port),
    }
    if done in {"Partial", "Postponed"}:
        columns["activity_id"] = 6
    if done == "Partial":
        columns["is_mfa"] = True
    if invalid:
        columns["status_code"] = "invalid user"
    fields = _key(key) if key else {}
    if "key_fingerprint" in fields:
        columns["user.credential_uid"] = fields.pop("key_fingerprint")
    return columns, fields


def _key(text: str) -> _Columns:
    match = _KEY.match(text)
    if match is None:
        return {}
    names = (
        "algorithm",
        "fingerprint",
        "certificate_id",
        "certificate_serial",
        "ca_algorithm",
        "ca_fingerprint",
    )
    return {f"key_{name}": value for name, value in zip(names, match.groups(), strict=True) if value}


def _failed(user: str, host: str, port: str | None, reason: str) -> _Found:
    return {
        "class_uid": 3002,
        "activity_id": 1,
        "status_id": 2,
        "status_code": reason,
        **account(user),
        **endpoint("src_endpoint", host, port or ""),
    }, {}


def _invalid(text: str) -> _Found:
    match = _INVALID.match(text)
    return None if match is None else _failed(match[1], match[2], match[3], "invalid user")


def _denied(text: str) -> _Found:
    match = _DENIED.match(text)
    return None if match is None else _failed(match[1], match[2], None, match[3])


def _exceeded(text: str) -> _Found:
    match = _EXCEEDED.match(text)
    return (
        None if match is None else _failed(match[2], match[3], match[4], "too many authentication failures")
    )


def _ended(text: str) -> _Found:
    match = _ENDED.match(text)
    if match is None:
        return _unagreed(text)
    done, kind, named, plain, host, port, reason, early = match.groups()
    user = named if kind else plain
    if early or kind:
        if user is not None:
            return _failed(user, host, port, f"{kind} user" if kind else done)
        return _network(2, host, port), {}
    columns = _network(2, host, port)
    if user is not None:
        columns |= {"class_uid": 3002, "activity_id": 2, "status_id": 1, **account(user)}
    if reason:
        columns["status_code"] = reason
    return columns, {}


def _received(text: str) -> _Found:
    match = _RECEIVED.match(text)
    if match is None:
        return None
    host, port, code, reason, early = match.groups()
    columns = _network(2, host, port)
    columns["status_code"] = code
    if not early:
        columns |= {"class_uid": 3002, "activity_id": 2, "status_id": 1}
    return columns, {"reason": reason}


def _session(text: str) -> _Found:
    match = _SESSION.match(text)
    if match is None:
        return None
    done, what, user, host, port = match.groups()
    columns = _network(2 if done == "Close" else 6, host, port)
    columns |= {**account(user), "status_id": 1}
    if done == "Close":
        columns["class_uid"] = 3002
    return columns, {"session": what.strip()} if what.strip() else {}


def _opened(text: str) -> _Found:
    match = _OPENED.match(text)
    if match is None:
        return _ended(text)
    columns = _network(1, match[1], match[2])
    if match[3]:
        columns |= endpoint("dst_endpoint", match[3], match[4])
    return columns, {}


def _refused(text: str) -> _Found:
    match = _REFUSED.match(text)
    return None if match is None else (_network(5, match[1], None) | {"status_id": 2}, {})


def _unagreed(text: str) -> _Found:
    match = _UNAGREED.match(text)
    if match is None:
        return None
    columns = _network(4, match[2], match[3]) | {"status_id": 2}
    said = match[1].removesuffix(" for").removesuffix(" from").removesuffix(" with")
    columns["status_code"] = match[4].removesuffix(" [preauth]") if match[4] else said
    return columns, {}


def _network(activity: int, host: str, port: str | None) -> _Columns:
    """SSH Activity without an account: 1 open, 2 close, 4 fail, 5 refuse, 6 traffic."""
    return {"class_uid": 4007, "activity_id": activity, **endpoint("src_endpoint", host, port or "")}


def _fatal(text: str) -> _Found:
    return _exceeded(text) or _received(text) or _unagreed(text) or _ended(text)


_READERS: dict[str, Callable[[str], _Found]] = {
    "Accepted": _authentication,
    "Failed": _authentication,
    "Partial": _authentication,
    "Postponed": _authentication,
    "Invalid": _invalid,
    "Illegal": _invalid,
    "User": _denied,
    "Disconnected": _ended,
    "Disconnecting": _ended,
    "Received": _received,
    "Connection": _opened,
    "Close": _session,
    "Starting": _session,
    "refused": _refused,
    "warning:": _refused,
    "maximum": _exceeded,
    "error:": _fatal,
    "fatal:": _fatal,
    "Unable": _unagreed,
    "Timeout": _unagreed,
    "ssh_dispatch_run_fatal:": _unagreed,
    "Did": _unagreed,
    "Bad": _unagreed,
    "banner": _unagreed,
    "Magic": _unagreed,
    "kex_exchange_identification:": _unagreed,
}
"""By the first word of the message."""
