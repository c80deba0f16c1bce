"""Delinea (Thycotic) Secret Server: who logged in from where, which secret they viewed, launched, copied or changed.

For an auditor SECRET - VIEW, COPY and EXPORT say that a person can use the password outside of any session; LAUNCH and the session events that
they used it through the product. `suser` is the person with their display name, `fname` the secret, Folder where it is kept. Whether a
second factor was given is told only by LOGIN events of its own kind (`USER - TWOFACTOR...`).

Read is CEF as Secret Server sends it to syslog; backslashes in it are not escaped. `rt` is in the server's time zone: the workspace's.

References: https://docs.delinea.com/online-help/secret-server/events-and-alerts/secure-syslog-cef/index.htm,
https://docs.delinea.com/online-help/secret-server/events-and-alerts/event-list/index.htm,
https://www.elastic.co/docs/reference/integrations/thycotic_ss.
"""

from __future__ import annotations

from countersign.sources._family import Family
from countersign.sources._flat import Row
from countersign.sources._lines import raw_cef
from countersign.sources._mapping import From, What, account, endpoint
from countersign.sources._payload import Payload, line_source
from countersign.sources._times import written

_LOGIN, _ACCOUNT, _GROUP, _ENTITY, _API = 3002, 3001, 3006, 3004, 6003


def _read(text: str) -> Row | None:
    """The row, with what was done to what as two words: `SECRET - VIEW` is `secret` and `view`."""
    row = raw_cef(text)
    if row is None:
        return None
    for name in _LABELLED:
        label = row.get(f"{name}Label")
        if label and name in row:
            row.setdefault(label, row[name])
    thing, _, action = row["cef.name"].partition("-")
    row["thing"] = thing.strip().lower()
    row["action"] = action.strip().lower().replace(" ", "")
    return row


def _match(row: Row) -> bool:
    return row.get("cef.product") == "Secret Server" and row.get("cef.vendor") in _VENDORS


_LABELLED = ("cs1", "cs2", "cs3", "cs4", "cs5", "cs6")
_VENDORS = frozenset({"Thycotic Software", "Delinea", "Delinea Software"})
_PERSON = (account("user", "suser"),)
_ACTOR = (account("actor.user", "suser"),)
_NAMES: dict[str, From] = {"user.uid": "suid", "user.full_name": "suser Display Name"}
_DOER: dict[str, From] = {"actor.user.uid": "suid", "actor.user.full_name": "suser Display Name"}


def _login(activity: int, status: int) -> What:
    return What(_LOGIN, activity, status, _NAMES, _PERSON)


def _done(class_uid: int, activity: int, **more: str) -> What:
    columns: dict[str, From] = {**_DOER, **{name.replace("__", "."): path for name, path in more.items()}}
    return What(class_uid, activity, 1, columns, _ACTOR)


def _changed(class_uid: int, activity: int) -> What:
    if class_uid == _GROUP:
        return _done(class_uid, activity, group__name="fname", group__uid="fileId")
    return _done(class_uid, activity, user__name="duser", user__uid="duid")


_SESSION: dict[str, From] = {**_DOER, "session.uid": "Session Id", "dst_endpoint.name": "fname"}
_ACTIVITIES = {"create": 1, "view": 2, "edit": 3, "update": 3, "delete": 4}
_ENTITIES = {name: _done(_ENTITY, number) for name, number in _ACTIVITIES.items()}
_SECRETS = {
    name: _done(_API, number) for name, number in (("create", 1), ("edit", 3), ("update", 3), ("delete", 4))
}
_READ, _OTHER = _done(_API, 2), _done(_API, 99)
_SEEN = frozenset({"view", "copy", "copied", "export", "exported", "passworddisplayed", "passwordcopied", "download", "webservicespasswordview", "launch", "checkout"})  # fmt: skip
_KINDS = {
    ("user", "login"): _login(1, 1),
    ("user", "loginfailure"): _login(1, 2),
    ("user", "logout"): _login(2, 1),
    ("user", "lockout"): _changed(_ACCOUNT, 9),
    ("user", "create"): _changed(_ACCOUNT, 1),
    ("user", "enable"): _changed(_ACCOUNT, 2),
    ("user", "disable"): _changed(_ACCOUNT, 5),
    ("user", "edit"): _changed(_ACCOUNT, 99),
    ("user", "passwordchange"): _changed(_ACCOUNT, 3),
    ("user", "addedtogroup"): _done(_GROUP, 3, user__name="duser", user__uid="duid"),
    ("user", "removedfromgroup"): _done(_GROUP, 4, user__name="duser", user__uid="duid"),
    ("group", "create"): _changed(_GROUP, 6),
    ("group", "edit"): _changed(_GROUP, 99),
    ("secret", "sessionrecordingstart"): What(_LOGIN, 1, 1, _SESSION, _ACTOR),
    ("secret", "sessionrecordingend"): What(_LOGIN, 2, 1, _SESSION, _ACTOR),
}


def _otherwise(thing: str, action: str) -> What:
    if thing == "secret":
        return _READ if action in _SEEN else _SECRETS.get(action, _OTHER)
    return _ENTITIES.get(action, _OTHER)


FAMILY = Family(
    name="delinea",
    title="Delinea Secret Server (CEF)",
    page="privileged",
    product="Secret Server",
    vendor="Delinea",
    match=_match,
    time=(written("rt", order="mdy"),),
    log="=secret_server",
    by=("thing", "action"),
    kinds=_KINDS,
    otherwise=_otherwise,
    what=What(
        columns={
            "message": "msg",
            "metadata.event_code": "cef.signature",
            "metadata.product_version": "cef.version",
            "api.operation": "cef.name",
            "resources.name": "fname",
            "resources.uid": "fileId",
            "resources.type": "fileType",
            "policy.name": "Folder",
        },
        steps=(endpoint("src_endpoint", "src"),),
    ),
)
PAYLOAD = Payload(tuple(f"CEF:0|{vendor}|Secret Server|" for vendor in sorted(_VENDORS)), _read)
SOURCE = line_source(FAMILY, PAYLOAD)
