"""OpenVPN's server: who came in through the tunnel, from where, and which inner address they got.

For an auditor a lease (`MULTI: primary virtual IP`, `MULTI: Learn`) joins a person to an inner address from its time
to the session's end; without it, what that address did inside is nobody's. The session is named by the outer place,
`openvpn:1.2.3.4:5555`, which stands in all lines of a client.

References: OpenVPN src/openvpn/multi.c, ssl.c, ssl_verify.c, forward.c; openvpn(8), --verb 3.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from countersign.sources._address import account, address, endpoint
from countersign.sources._programs import Understood
from countersign.sources._syslog import peer

_Columns = dict[str, object]
_Found = tuple[_Columns, _Columns] | None

_INITIATED = re.compile(r"(?:\[(.{1,256})\] )?Peer Connection Initiated with (\S{1,128})")
_VERIFIED = re.compile(r"VERIFY (OK|ERROR): depth=(\d{1,2}), (.{1,2048})$")
_ERROR = re.compile(r"error=(.{1,256}?): (.*)$")
_COMMON_NAME = re.compile(r"(?:^|[,/ ])CN ?= ?([^,/]{1,256})")
_USERNAME = re.compile(r"authentication (succeeded|deferred|failed) for username '(.{0,256})'")
_SENT = re.compile(r"SENT CONTROL \[(.{1,256}?)\]: '(AUTH_FAILED|PUSH_REPLY)([^']{0,8192})'?")
_LEARN = re.compile(
    r"MULTI: (?:Learn: (\S{1,64}) -> (\S{1,400})|primary virtual (?:IP|IPv6) for (\S{1,400}): (\S{1,64}))"
)
_POOL = re.compile(r"MULTI_sva: pool returned IPv4=(\S{1,64}?),? (?:IPv6=(\S{1,64}))?")
_FROM = re.compile(r" (?:from|with|via) (\[AF_INET6?\]\S{1,128})")
_INSTANCE = re.compile(
    r"SIG[A-Z0-9]{3,5}\[([a-z]{4,5},[\w -]{0,64})\] received, client-instance (exiting|restarting)"
)
_INACTIVE = re.compile(r"(?:\[(.{1,256})\] )?Inactivity timeout \((--[\w-]{1,32})\)")
_SCRIPTED = re.compile(r"user '(.{1,256})' (authenticated|could not authenticate)\.?$")
_CAME = re.compile(
    r"openvpn server '([^']{1,64})' user '(.{1,256})' address '([0-9A-Fa-f.:]{2,45}?)(?::(\d{1,5}))?' ?- ?(connect(?:ed|ing)|disconnected)"
)
_RESET = re.compile(r"Connection reset(?: command was pushed by server|, restarting)")


def understand(program: str, pid: str | None, message: str) -> Understood | None:
    """One line of the server, with or without its client in front."""
    del program, pid
    head, _, rest = message.partition(" ")
    client = peer(head)
    text = message if client is None else rest
    found = _found(text)
    if found is None:
        if client is None:
            return None
        found = {"class_uid": 0}, {}
    columns, fields = found
    if client is None and (place := _FROM.search(text[:1024])):
        client = peer(place[1])
    if client is None and isinstance(fields.get("client"), str):
        client = peer(str(fields.pop("client")))
    fields.pop("client", None)
    if client is not None:
        user, host, port = client
        columns |= endpoint("src_endpoint", host, port)
        if columns["class_uid"] != 4001:
            columns["session.uid"] = f"openvpn:{host}:{port}"
        if user and user != "UNDEF" and "user.name" not in columns:
            columns |= account(user)
    columns["metadata.product"] = "OpenVPN"
    columns["metadata.log_name"] = "openvpn"
    return columns, fields, None


def _found(text: str) -> _Found:
    for marker, reader in _READERS:
        if marker in text:
            found = reader(text)
            if found is not None:
                return found
    return None


def _logon(status: int, user: str | None, **more: object) -> _Columns:
    columns: _Columns = {"class_uid": 3002, "activity_id": 1, "status_id": status, **more}
    return columns | account(user) if user and user != "UNDEF" else columns


def _initiated(text: str) -> _Found:
    """TLS is up. It is no logon yet: the line comes even when a wrong password is refused right after it."""
    match = _INITIATED.match(text)
    if match is None:
        return None
    if match[1] and match[1] != "UNDEF":
        return _logon(1, match[1]) | {"activity_id": 6}, {"client": match[2]}
    return {"class_uid": 4001, "activity_id": 1}, {"client": match[2]}


def _verified(text: str) -> _Found:
    """A certificate looked at: a stage before the logon (6 Preauth), or the end of one that failed."""
    match = _VERIFIED.match(text)
    if match is None:
        return None
    done, depth, subject = match.groups()
    fields: _Columns = {"depth": depth, "subject": subject}
    failed = _ERROR.match(subject) if done == "ERROR" else None
    if failed:
        fields["subject"] = failed[2]
    name = _COMMON_NAME.search(str(fields["subject"]))
    user = name[1].strip() if name else None
    if done == "ERROR":
        columns = _logon(2, user, auth_protocol="certificate", status_code=failed[1] if failed else None)
        return columns, fields
    if depth != "0":
        return {"class_uid": 0}, fields
    return _logon(1, user, auth_protocol="certificate") | {"activity_id": 6}, fields


def _username(text: str) -> _Found:
    match = _USERNAME.search(text)
    if match is None:
        return None
    status = {"succeeded": 1, "failed": 2}.get(match[1], 0)
    return _logon(status, match[2], auth_protocol="password"), {}


def _sent(text: str) -> _Found:
    match = _SENT.match(text)
    if match is None:
        return None
    user, what, rest = match.groups()
    if what == "AUTH_FAILED":
        return _logon(2, user, status_code="AUTH_FAILED"), {}
    return {"class_uid": 0, **account(user)}, {"push_reply": rest.lstrip(",")}


def _lease(text: str) -> _Found:
    match = _LEARN.match(text)
    if match is None:
        return None
    inner = address(match[1] or match[4])
    if inner is None:
        return {"class_uid": 0}, {
            "client": match[2] or match[3]
        }  # a network behind the client, or a MAC address
    columns: _Columns = {"class_uid": 4014, "activity_id": 1, "status_id": 1, "tunnel_interface.ip": inner}
    return columns, {"client": match[2] or match[3]}


def _pool(text: str) -> _Found:
    match = _POOL.match(text)
    inner = address(match[1]) if match else None
    return (
        None if inner is None else ({"class_uid": 4014, "activity_id": 0, "tunnel_interface.ip": inner}, {})
    )


def _closed(text: str) -> _Found:
    match = _INSTANCE.match(text)
    if match is not None:
        return {"class_uid": 4014, "activity_id": 2, "status_id": 1, "status_code": match[1]}, {}
    idle = _INACTIVE.match(text)
    if idle is not None:
        columns: _Columns = {"class_uid": 4014, "activity_id": 2, "status_id": 1, "status_code": idle[2]}
        return columns | (account(idle[1]) if idle[1] and idle[1] != "UNDEF" else {}), {}
    if _RESET.match(text):
        return {"class_uid": 4014, "activity_id": 2, "status_id": 1, "status_code": "connection reset"}, {}
    return None


def _scripted(text: str) -> _Found:
    """What pfSense's and OPNsense's own scripts say of a login and of a client that came or went."""
    match = _SCRIPTED.match(text)
    if match is not None:
        return _logon(1 if match[2] == "authenticated" else 2, match[1], auth_protocol="password"), {}
    match = _CAME.match(text)
    if match is None:
        return None
    server, user, host, number, what = match.groups()
    columns: _Columns = {
        "class_uid": 4014,
        "activity_id": 99,
        "status_id": 1,
        "tunnel_interface.name": server,
    }
    return columns | account(user) | endpoint("src_endpoint", host, number or ""), {"client_state": what}


def _auth_failed(text: str) -> _Found:
    return _logon(2, None, status_code="AUTH_FAILED" if "AUTH_FAILED" in text else "TLS Auth Error"), {}


def _tls_error(text: str) -> _Found:
    """A tunnel that did not come to be."""
    reason = text.partition("TLS Error: ")[2].partition(" from [AF_INET")[0][:256]
    return {"class_uid": 4014, "activity_id": 1, "status_id": 2, "status_code": reason}, {}


def _connected(text: str) -> _Found:
    del text
    return {"class_uid": 4001, "activity_id": 1}, {}


_READERS: tuple[tuple[str, Callable[[str], _Found]], ...] = (
    ("MULTI: ", _lease),
    ("MULTI_sva: ", _pool),
    ("VERIFY ", _verified),
    ("for username '", _username),
    ("SENT CONTROL ", _sent),
    ("Peer Connection Initiated", _initiated),
    ("client-instance", _closed),
    ("Inactivity timeout", _closed),
    ("Connection reset", _closed),
    ("AUTH_FAILED", _auth_failed),
    ("TLS Auth Error", _auth_failed),
    ("user '", _scripted),
    ("TLS Error: ", _tls_error),
    ("TCP connection established", _connected),
)
"""What the line holds, the more telling first; each reader matches from the start of the message."""
