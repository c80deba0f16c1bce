"""Cisco ASA and FTD: remote-access VPN (AnyConnect, IKEv2, clientless), administrators' logons, connections.

For an auditor 722051 joins a person to an inner address and 113019 ends it with duration and volume. Both name the
user and the outer address but not the same group (722051 says group policy, 113019 says tunnel group), so the session
is named by user and address, `asa:jane|203.0.113.9`, and the group is `group.name`. Two sessions of one user from one
address at one time cannot be told apart in these messages.

References: Cisco Secure Firewall ASA Series Syslog Messages, one message a number.
"""

from __future__ import annotations

import re

from countersign.sources._address import account, address, endpoint
from countersign.sources._cisco_connections import CONNECTIONS, Columns, Found, Reader
from countersign.sources._programs import Understood

LONGEST = 8_192
"""ASA messages are cut at 4,096 bytes where they are sent by TCP, shorter by UDP; FTD's connection events are longer."""

_HEAD = re.compile(r"%(ASA|FTD|PIX)-(?:[a-z]{1,10}-)?([0-7])-(\d{6}): ?")
_WHO = re.compile(r"Group <([^>]{0,128})> User <([^>]{0,256})> IP <([^>]{1,64})> (.*)$")
_HEADINGS = re.compile(
    r"(?:Group = (?P<group>.{0,128}?), )?(?:Username = (?P<user>.{0,256}?), )?IP = (?P<ip>[^\s,]{1,64}), (?P<rest>.*)$"
)
_ASSIGNED = re.compile(r"(?:IPv4 Address|Address) <([^>]{1,64})>(?: IPv6 address <([^>]{1,64})>)? assigned")
_PRIVATE = re.compile(r"Assigned private IP address (\S{1,64}) to remote user")
_IKEV2 = re.compile(
    r"Local:(\S{1,64}):(\d{1,5}) Remote:(\S{1,64}):(\d{1,5}) Username:(.{0,256}?) (?:IKEv2 )?(?:Group:(.{0,128}?) )?(.*)$"
)
_IKEV2_ASSIGNED = re.compile(r"IPv4 Address=(\S{1,64})(?: IPv6 address=(\S{1,64}))? assigned to session")
_DURATION = re.compile(r"Duration: (?:(\d{1,5})d ?)?(\d{1,5})h:(\d{1,2})m:(\d{1,2})s")
_BYTES = re.compile(r"Bytes xmt: (\d{1,18}), Bytes rcv: (\d{1,18})")
_AAA_USER = re.compile(r": user = (.*?)(?:\s?: user IP = (\S{1,64}))?$")
_AAA_SERVER = re.compile(r": server = +(\S{1,255})")
_AAA_REASON = re.compile(r": reason = (.{1,128}?) : ")
_ADMIN = re.compile(
    r"User authentication (succeeded|failed): (?:IP address: (\S{1,64}?),? )?Uname: (.{0,256})$"
)
_ADMIN_OUT = re.compile(r"User logged out: Uname: (.{0,256})$")
_LOGIN = re.compile(
    r"Login (permitted|denied) from (\S{1,64})/(\d{1,5}) to (\S{1,64}?):(\S{1,64})/(\S{1,16}) for user \"(.{0,256})\"$"
)
_THROUGH = re.compile(
    r"Authentication (succeeded|failed) for user '(.{0,256})' from (\S{1,64})/(\d{1,5}) to (\S{1,64})/(\d{1,5})"
)
_DAP = re.compile(r"DAP: User (.{0,256}), Addr (\S{1,64}?)[,:] (.*)$")
_SECOND = re.compile(r"Session Attribute aaa\.cisco\.username2 = (.{1,256})$")


def understand(program: str, pid: str | None, message: str) -> Understood | None:
    """One message, by its number."""
    del program, pid
    match = _HEAD.match(message)
    if match is None or len(message) > LONGEST:
        return None
    product, severity, number = match.groups()
    columns: Columns = {
        "metadata.product": f"Cisco {product}",
        "metadata.event_code": number,
    }
    fields: Columns = {"severity": severity}
    reader = _READERS.get(number)
    found = reader(number, message[match.end() :].rstrip()) if reader is not None else None
    if found is not None:
        columns |= found[0]
        fields |= found[1]
    return columns, fields, None


def _person(user: str, ip: str) -> Columns:
    name = user.strip("'\" ")
    known = address(ip)
    columns = account(name) | endpoint("src_endpoint", ip)
    if name and known is not None:
        columns["session.uid"] = f"asa:{name}|{known}"
    return columns


def _logon(status: int, activity: int = 1) -> Columns:
    return {"class_uid": 3002, "activity_id": activity, "status_id": status}


def _tunnel(activity: int, status: int = 1) -> Columns:
    return {"class_uid": 4014, "activity_id": activity, "status_id": status}


def _inner(columns: Columns, *texts: str | None) -> Columns:
    """Adds the first address given to the client; `0.0.0.0` and `::` say that none was."""
    for text in texts:
        found = address(text) if text else None
        if found is not None and found not in {"0.0.0.0", "::"}:  # noqa: S104  # an address in a log, nothing is bound
            columns["tunnel_interface.ip"] = found
            break
    return columns


def _svc(number: str, text: str) -> Found:
    """`Group <..> User <..> IP <..> text`: what AnyConnect and clientless sessions say."""
    match = _WHO.match(text)
    if match is None:
        return None
    group, user, ip, rest = match.groups()
    columns = _person(user, ip)
    if number == "722051":
        assigned = _ASSIGNED.match(rest)
        columns |= _inner(_tunnel(1), *(assigned.groups() if assigned else ()))
    else:
        columns |= _SVC.get(number, {})
    if number == "716039" or "rejected" in rest:
        columns["status_id"] = 2
    if number == "722055":
        columns["src_endpoint.agent.name"] = rest.removeprefix("Client Type: ")
    elif number in {"716003", "716004"}:
        columns |= {"action_id": int(number[-1]) - 2, "url": rest.partition(": ")[2].strip()}
    elif (volume := _VOLUME.match(rest)) is not None:
        columns[f"traffic.bytes_{'out' if volume[1] == 'In' else 'in'}"] = int(volume[2])
    if group:
        columns["group.name"] = group
    return columns, {}


_VOLUME = re.compile(r"SVC Session Termination: (In|Out): (\d{1,18}) ")
"""As the gateway sees it: what came in is what the client sent out."""


_SVC: dict[str, Columns] = {
    "113039": _logon(1),  # AnyConnect parent session started
    "716001": _logon(1),  # WebVPN session started
    "716002": _logon(1, 2),  # WebVPN session terminated
    "716038": _logon(1),  # Authentication: successful
    "716039": _logon(2),  # Authentication: rejected
    "716003": {"class_uid": 4002, "activity_id": 99},  # WebVPN access granted
    "716004": {"class_uid": 4002, "activity_id": 99},  # WebVPN access denied
    "716058": _tunnel(99),  # AnyConnect session lost connection, waiting to resume
    "716059": _tunnel(99),  # AnyConnect session resumed
    "722030": _tunnel(99),  # volume in at the end of a session
    "722031": _tunnel(99),  # volume out
    "722022": _tunnel(0),  # SVC connection established: one of a session's connections, TCP or UDP
    "722023": _tunnel(0),  # SVC connection terminated
    "722028": _tunnel(0),  # stale SVC connection closed
    "722033": _tunnel(0),  # first SVC connection established
    "722034": _tunnel(0),  # new SVC connection
    "722037": _tunnel(0),  # SVC closing connection
}


def _headed(number: str, text: str) -> Found:
    """`Group = .., Username = .., IP = .., text`: the end of any VPN session, and IKEv1."""
    match = _HEADINGS.match(text)
    if match is None:
        return None
    user, ip, rest = match["user"] or "", match["ip"], match["rest"]
    columns: Columns = _person(user, ip)
    fields: Columns = {}
    if match["group"]:
        columns["group.name"] = match["group"]
    if number == "713228":
        assigned = _PRIVATE.match(rest)
        return columns | _inner(_tunnel(1), assigned[1] if assigned else None), fields
    columns |= _tunnel(2)
    if kind := rest.partition("Session Type: ")[2].partition(",")[0]:
        fields["session_type"] = kind[:64]
    reason = rest.rpartition("Reason: ")[2] if "Reason: " in rest else ""
    if reason:
        columns["status_code"] = reason[:256]
    if duration := _DURATION.search(rest):
        days, hours, minutes, seconds = (int(part or 0) for part in duration.groups())
        columns["duration"] = (((days * 24 + hours) * 60 + minutes) * 60 + seconds) * 1000
    if volume := _BYTES.search(rest):  # xmt is what the gateway sent: towards the client, who began it
        columns["traffic.bytes_in"], columns["traffic.bytes_out"] = int(volume[1]), int(volume[2])
    return columns, fields


def _ikev2(number: str, text: str) -> Found:
    match = _IKEV2.match(text)
    if match is None:
        return None
    local, local_port, remote, port, user, group, rest = match.groups()
    columns = _person("" if user == "Unknown" else user, remote)
    columns |= endpoint("src_endpoint", remote, port) | endpoint("dst_endpoint", local, local_port)
    fields: Columns = {}
    if group:
        columns["group.name"] = group
    if number == "751025":
        assigned = _IKEV2_ASSIGNED.search(rest)
        return columns | _inner(_tunnel(1), *(assigned.groups() if assigned else ())), fields
    columns |= _tunnel(0 if number == "750006" else 2)
    if "Reason: " in rest:
        columns["status_code"] = rest.rpartition("Reason: ")[2][:256]
    return columns, fields


def _aaa(number: str, text: str) -> Found:
    match = _AAA_USER.search(text)
    if match is None:
        return None
    name = match[1].strip("'\" ")
    columns = _logon(2 if "Rejected" in text[:40] or number in {"113005", "113015"} else 1)
    columns |= account(name)
    if match[2]:
        columns |= endpoint("src_endpoint", match[2])
    if reason := _AAA_REASON.search(text):
        columns["status_code"] = reason[1]
    server = _AAA_SERVER.search(text)
    return columns, {"aaa_server": server[1]} if server else {}


def _admin(number: str, text: str) -> Found:
    del number
    out = _ADMIN_OUT.match(text)
    if out is not None:
        return _logon(1, 2) | account(out[1]), {}
    match = _ADMIN.match(text)
    if match is None:
        return None
    columns = _logon(1 if match[1] == "succeeded" else 2) | account(match[3])
    return columns | (endpoint("src_endpoint", match[2]) if match[2] else {}), {}


def _login(number: str, text: str) -> Found:
    del number
    match = _LOGIN.match(text)
    if match is None:
        return None
    done, source, port, interface, target, service, user = match.groups()
    columns = _logon(1 if done == "permitted" else 2) | account(user)
    columns |= endpoint("src_endpoint", source, port) | endpoint("dst_endpoint", target)
    return columns, {"interface": interface, "login_service": service}


def _through(number: str, text: str) -> Found:
    """Cut-through proxy: who must say who they are before a connection passes."""
    del number
    match = _THROUGH.match(text)
    if match is None:
        return None
    done, user, source, source_port, target, target_port = match.groups()
    columns = _logon(1 if done == "succeeded" else 2) | account(user)
    columns |= endpoint("src_endpoint", source, source_port) | endpoint("dst_endpoint", target, target_port)
    return columns, {}


_ATTRIBUTE = re.compile(r"Session Attribute (endpoint\.[\w.]{1,64})(?:\[[^\]]{1,8}\])? ?= ?(.{1,256})$")
_ATTRIBUTES = {
    "endpoint.anyconnect.clientversion": "src_endpoint.agent.version",
    "endpoint.anyconnect.platform": "src_endpoint.os.name",
    "endpoint.anyconnect.deviceuniqueid": "src_endpoint.uid",
    "endpoint.anyconnect.publicmacaddress": "src_endpoint.mac",
    "endpoint.device.hostname": "src_endpoint.name",
}


def _dap(number: str, text: str) -> Found:
    """Dynamic access policy; an attribute `username2` is the second authentication's user, the only sign of one."""
    match = _DAP.match(text)
    if match is None:
        return None
    user, ip, rest = match.groups()
    columns = _person(user, ip)
    if number == "734002":
        return _logon(2) | columns | {"status_detail": rest}, {}
    second = _SECOND.match(rest)
    if second is None:
        attribute = _ATTRIBUTE.match(rest)
        column = None if attribute is None else _ATTRIBUTES.get(attribute[1])
        if attribute is not None and column is not None:
            columns[column] = attribute[2].strip('"')
        return {"class_uid": 0, **columns}, {"dap": rest}
    return _logon(1, 6) | columns | {"is_mfa": True}, {"username2": second[1]}


_COMMAND = re.compile(
    r"User '([^']{1,256})'(?:, running '([^']{1,64})' from IP (\S{1,64}),)? executed (?:the )?'(.*)'(?: command)?\.?$"
)


def _command(number: str, text: str) -> Found:
    """What administrators typed."""
    del number
    match = _COMMAND.match(text)
    if match is None:
        return None
    columns = {f"actor.{name}": value for name, value in account(match[1]).items()}
    columns |= {"class_uid": 6003, "activity_id": 99, "status_id": 1, "api.operation": match[4]}
    if match[3]:
        columns |= endpoint("src_endpoint", match[3])
    return columns, {"running": match[2]} if match[2] else {}


_LOCAL = re.compile(r"Uname: (.{1,256}?)(?: Priv: (\d{1,2}).*| From: (\d{1,2}) To: (\d{1,2}))?$")
_LOCKED = re.compile(r"User (.{1,256}?) (?:locked out on exceeding|unlocked by) ?(.{0,256})$")


def _changed(number: str, text: str) -> Found:
    """Local accounts: made, deleted, raised, locked."""
    match = (_LOCKED if number in {"113006", "113007"} else _LOCAL).search(text)
    if match is None:
        return None
    activity = {"502101": 1, "502102": 6, "113006": 9}.get(number, 99)
    columns = {"class_uid": 3001, "activity_id": activity, "status_id": 1} | account(match[1])
    if number == "113007":
        columns["actor.user.name"] = match[2]
    elif number != "113006" and (match[4] or match[2]):
        columns["privileges"] = match[4] or match[2]
    return columns, {}


_POOL = re.compile(
    r"IPAA: (?:Session=(\S{1,32}), )?(?:Client assigned|Freeing local pool \S{1,128} address) ([0-9A-Fa-f.:]{2,45})"
)
_MAPPING = re.compile(
    r"user-identity: (Add|Delete) IP-User mapping (\S{1,64}) - (.{1,256}?) Succeeded - VPN user"
)
_UAUTH = re.compile(r"UAUTH:? Session=(\S{1,32}), User=(.{0,256}?), Assigned IP=(\S{1,64}), ")


def _leased(number: str, text: str) -> Found:
    """Addresses given and taken back, in words that know the person or the session but not the outer address."""
    del number
    if (mapped := _MAPPING.match(text)) is not None:
        return _inner(_tunnel(99), mapped[2]) | account(mapped[3]), {"mapping": mapped[1]}
    if (found := _UAUTH.match(text)) is not None:
        return _inner(_tunnel(99), found[3]) | account(found[2]), {"session": found[1]}
    pool = _POOL.match(text)
    return None if pool is None else (_inner(_tunnel(99), pool[2]), {"session": pool[1]} if pool[1] else {})


_READERS: dict[str, Reader] = {
    **CONNECTIONS,
    **dict.fromkeys((*_SVC, "722051", "722055"), _svc),
    **dict.fromkeys(("113019", "713228", "713050", "713259"), _headed),
    **dict.fromkeys(("751025", "750006", "750007"), _ikev2),
    **dict.fromkeys(("113004", "113005", "113012", "113015"), _aaa),
    **dict.fromkeys(("611101", "611102", "611103"), _admin),
    **dict.fromkeys(("605004", "605005"), _login),
    **dict.fromkeys(("109005", "109006"), _through),
    **dict.fromkeys(("734001", "734002", "734003", "734004"), _dap),
    **dict.fromkeys(("111008", "111009", "111010"), _command),
    **dict.fromkeys(("502101", "502102", "502103", "113006", "113007"), _changed),
    **dict.fromkeys(("737016", "737026", "746012", "746013", "109201", "109207", "109210"), _leased),
}
"""By message number."""
