"""Apache Guacamole: who logged in to the gateway from where, which connection they opened and for how long, who joined whom.

For an auditor the web application's lines name the person, their address and the connection; guacd's name neither, but its connection id
and how many are in a session (`2 users now present`: somebody watches or shares). The history that administrators download is the
list of visits: person, start, duration, connection, address. None tells the account used on the target or a second factor.

Read are messages of guacd and of the servlet container in syslog and the journal (they stay with these sources), and the history as CSV, in the
browser's time zone: the workspace's.

References: https://guacamole.apache.org/doc/gug/administration.html (connection history), https://github.com/apache/guacamole-client
(AuthenticationService, TunnelRequestService), https://github.com/apache/guacamole-server (user-handshake.c, proc.c).
"""

from __future__ import annotations

import re

from countersign.sources._address import address
from countersign.sources._convert import scaled, split_account
from countersign.sources._family import Family
from countersign.sources._flat import Row
from countersign.sources._mapping import What, account, endpoint, via
from countersign.sources._programs import Understood
from countersign.sources._table import csv_source
from countersign.sources._times import written

_LOGIN, _NETWORK = 3002, 4001
_LEVEL = re.compile(r"(?:guacd\[\d{1,10}\]: )?(?:INFO|DEBUG|WARNING|ERROR|TRACE):?\s{1,8}")
_LOGGED_IN = re.compile(
    r'User "([^"]{1,256})" successfully authenticated from \[?([^\]\s]{1,64}?),?(?: [^\]]{1,256})?\]?\.?$'
)
_REFUSED = re.compile(
    r'Authentication attempt from \[?([^\]\s]{1,64}?),?(?: [^\]]{1,256})?\]? for user "([^"]{1,256})" failed\.?'
)
_CONNECTED = re.compile(r'User "([^"]{1,256})" connected to connection "([^"]{1,256})"\.?')
_LEFT = re.compile(
    r'User "([^"]{1,256})" disconnected from connection "([^"]{1,256})"\. Duration: (\d{1,15}) milliseconds'
)
_JOINED = re.compile(
    r'User "(@[^"]{1,64})" joined connection "(\$[^"]{1,64})" \((\d{1,6}) users now present\)'
)
_LAST = re.compile(r'Last user of connection "(\$[^"]{1,64})" disconnected')
_REACH = 4096


def understand(program: str, pid: str | None, message: str) -> Understood | None:
    """What guacd and the web application say; everything else they say stays a message."""
    del program, pid
    if "User " not in message and "Authentication attempt" not in message and "Last user" not in message:
        return None
    level = _LEVEL.match(message)
    said = message[level.end() :] if level else message
    at = said.find(" - ", 0, 256)
    text = (said[at + 3 :] if at >= 0 and not said.startswith(("User ", "Auth", "Last ")) else said)[:_REACH]
    for pattern, read in _SAID:
        match = pattern.match(text)
        if match is not None:
            columns, fields = read(match)
            return (
                {**columns, "metadata.product": "Guacamole", "metadata.vendor_name": "Apache"},
                fields,
                None,
            )
    return None


def _person(side: str, word: str) -> dict[str, object]:
    name, domain, mail = split_account(word)
    return {f"{side}.name": name, f"{side}.domain": domain, f"{side}.email_addr": mail}


_Read = tuple[dict[str, object], dict[str, object]]


def _logged_in(match: re.Match[str]) -> _Read:
    columns = {"class_uid": _LOGIN, "activity_id": 1, "status_id": 1, "src_endpoint.ip": address(match[2])}
    return {**columns, **_person("user", match[1])}, {}


def _refused(match: re.Match[str]) -> _Read:
    columns = {"class_uid": _LOGIN, "activity_id": 1, "status_id": 2, "src_endpoint.ip": address(match[1])}
    return {**columns, **_person("user", match[2])}, {}


def _connected(match: re.Match[str]) -> _Read:
    columns = {"class_uid": _NETWORK, "activity_id": 1, "status_id": 1, "dst_endpoint.uid": match[2]}
    return {**columns, **_person("actor.user", match[1])}, {"connection": match[2]}


def _left(match: re.Match[str]) -> _Read:
    columns = {
        "class_uid": _NETWORK,
        "activity_id": 2,
        "status_id": 1,
        "dst_endpoint.uid": match[2],
        "duration": int(match[3]),
    }
    return {**columns, **_person("actor.user", match[1])}, {"connection": match[2]}


def _joined(match: re.Match[str]) -> _Read:
    fields: dict[str, object] = {"user_id": match[1], "users_present": match[3]}
    return {"class_uid": _NETWORK, "activity_id": 1, "status_id": 1, "connection_info.uid": match[2]}, fields


def _last(match: re.Match[str]) -> _Read:
    return {"class_uid": _NETWORK, "activity_id": 2, "status_id": 1, "connection_info.uid": match[1]}, {}


_SAID = (
    (_LOGGED_IN, _logged_in),
    (_REFUSED, _refused),
    (_CONNECTED, _connected),
    (_LEFT, _left),
    (_JOINED, _joined),
    (_LAST, _last),
)
_NAMES = {
    "username": "username",
    "start time": "start",
    "duration": "duration",
    "connection name": "connection",
    "remote host": "remote",
}

_ALWAYS = frozenset({"username", "start time", "connection name"})
"""What no row is without; a session that goes on has no duration."""


def _lowered(row: Row) -> Row:
    return {**row, **{_NAMES[name.lower()]: value for name, value in row.items() if name.lower() in _NAMES}}


def _match(row: Row) -> bool:
    names = {name.lower() for name in row}
    return names >= _ALWAYS and names <= _NAMES.keys()


HISTORY = Family(
    name="guacamole.history",
    title="Apache Guacamole connection history (CSV)",
    page="privileged",
    product="Guacamole",
    vendor="Apache",
    match=_match,
    prepare=_lowered,
    time=(written("start", order="ymd"), written("start", order="mdy")),
    log="=history",
    what=What(
        _LOGIN,
        1,
        1,
        columns={"dst_endpoint.name": "connection", "duration": via(scaled(1000), "duration")},
        steps=(account("user", "username"), endpoint("src_endpoint", "remote")),
    ),
)
SOURCE = csv_source(HISTORY)
