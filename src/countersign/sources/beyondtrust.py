"""BeyondTrust Privileged Remote Access and Remote Support: who logged in to console or web from where, and what was configured.

For an auditor the appliance's own syslog proves logins and logouts with person, account, method and address, and every change of users,
vault accounts, jump items and policies, each with who did it. Sessions to targets are in its reports, not in these messages; a second
factor is not in them either.

Read are the messages `BG: <site>:<segment>:<segments>:field=value;...` in syslog, fields in any order. A message in several segments is as
many events: its first fields are in the first.

References: https://docs.beyondtrust.com/pra/docs/message-format, https://docs.beyondtrust.com/pra/docs/events,
https://docs.beyondtrust.com/pra/docs/fields, https://docs.sekoia.io/integration/categories/iam/beyondtrust_syslog/ (messages with `when`).
"""

from __future__ import annotations

import re

from countersign.sources._convert import split_account
from countersign.sources._family import Family, has
from countersign.sources._flat import Row
from countersign.sources._lines import LONGEST
from countersign.sources._mapping import From, Step, What, endpoint, enum
from countersign.sources._payload import Payload, line_source
from countersign.sources._times import epoch

_LOGIN, _ACCOUNT, _ENTITY, _GROUP = 3002, 3001, 3004, 3006
_HEADER = re.compile(r"(\d{1,10}):(\d{2}):(\d{2}):(?=[a-z_]{2,64}[:=])")
_TAGGED = re.compile(r"(?:^|(?<=[ >]))BG(?:\[\d{1,10}\])?: (?=\d{1,10}:\d{2}:\d{2}:)")
_NUMBERS = re.compile(r"(\d{1,10}):(\d{2}):(\d{2}):")
_NUMBERED = 3
_FIELD = re.compile(r"([a-z_][\w:.\- ]{0,200}+)=([^\\;]*+(?:\\.[^\\;]*+)*+)(?:; ?|$)")
_ESCAPED = re.compile(r"\\(.)")
_WHO = re.compile(r"(?P<full>[^()]{0,200}?) ?\((?P<name>[^()]{1,200})\)(?: using (?P<method>[\w -]{1,40}))?")
_REACH = 512


class _Header(Payload):
    """Messages that begin with the numbers of site and segment."""

    def find(self, text: str) -> tuple[int, Row] | None:
        tag = _TAGGED.search(text, 0, _REACH)
        match = None if tag else _HEADER.match(text)
        at = tag.end() if tag else 0
        row = self.read(text[at:]) if tag or match else None
        return None if row is None else (at, row)


def _read(text: str) -> Row | None:
    """The fields; what a later segment begins with may be the rest of a value."""
    match = _NUMBERS.match(text)
    if match is None or len(text) > LONGEST:
        return None
    row: dict[str, object] = {"bg.site": match[1], "bg.segment": match[2], "bg.segments": match[3]}
    for name, value in _FIELD.findall(text, match.end()):
        row.setdefault(name.strip(), _ESCAPED.sub(r"\1", value) if "\\" in value else value)
    if len(row) == _NUMBERED:
        if match[2] == "01":
            return None
        row["bg.continued"] = text[match.end() :]
    return row


def _who(value: object) -> tuple[str | None, ...]:
    """Name, domain, address, full name and method of `Jane Doe (jane@example.com) using saml`."""
    word = str(value) if value else ""
    match = _WHO.match(word)
    if match is None:
        return (*split_account(word), None, None)
    return (*split_account(match["name"]), match["full"].strip() or None, match["method"])


def _person(side: str) -> Step:
    return Step(
        ("who",),
        (f"{side}.name", f"{side}.domain", f"{side}.email_addr", f"{side}.full_name", "auth_protocol"),
        _who,
    )


_STATUS = enum("status", {"success": 1, "ok": 1, "failure": 2, "failed": 2, "fail": 2}, 2)
_NAMED: dict[str, From] = {
    "user.name": ("new_username", "username", "old_username", "new_private_display_name", "name"),
    "user.uid": ("new_id", "id", "old_id"),
}


_CHANGED: dict[int, dict[str, From]] = {
    _ACCOUNT: _NAMED,
    _GROUP: {"group.name": ("new_name", "name", "old_name")},
    _ENTITY: {},
}


def _changed(class_uid: int, activity: int) -> What:
    return What(class_uid, activity, 1, _CHANGED[class_uid], (_person("actor.user"),))


_ENDINGS = {"added": (1, 1, 6), "changed": (3, 99, 99), "removed": (4, 6, 5), "edited": (3, 99, 99)}
_CHANGES = {
    (class_uid, ending): _changed(class_uid, numbers[place])
    for ending, numbers in _ENDINGS.items()
    for place, class_uid in enumerate((_ENTITY, _ACCOUNT, _GROUP))
}
_OTHER = What(_ENTITY, 99, None, steps=(_person("actor.user"),))
_BARE = What()


def _otherwise(event: str) -> What:
    if not event:
        return _BARE
    thing, _, ending = event.rpartition("_")
    class_uid = (
        _ACCOUNT
        if thing in {"user", "account", "api_account", "vendor_user"}
        else _GROUP
        if thing.endswith("group")
        else _ENTITY
    )
    return _CHANGES.get((class_uid, ending), _OTHER)


FAMILY = Family(
    name="beyondtrust",
    title="BeyondTrust PRA and Remote Support syslog",
    page="privileged",
    product="Privileged Remote Access",
    vendor="BeyondTrust",
    match=has("bg.site", "bg.segment", "bg.segments"),
    time=(epoch("when", "s"),),
    log="=BG",
    by=("event",),
    kinds={
        "login": What(_LOGIN, 1, _STATUS, steps=(_person("user"),)),
        "logout": What(_LOGIN, 2, 1, steps=(_person("user"),)),
        "login_failed": What(_LOGIN, 1, 2, steps=(_person("user"),)),
    },
    otherwise=_otherwise,
    what=What(
        columns={
            "metadata.event_code": "event",
            "device.uid": "site",
            "status_code": "status",
            "status_detail": ("reason", "status_detail"),
            "dst_endpoint.svc_name": "target",
            "api.operation": "event",
            "resources.name": ("name", "new_name", "old_name"),
        },
        steps=(endpoint("src_endpoint", "who_ip"),),
    ),
)
PAYLOAD = _Header(tuple("0123456789"), _read)
SOURCE = line_source(FAMILY, PAYLOAD)
