"""What cloud services and identity providers tell of providers' accounts, cut into stays by a query.

A cloud account can do a million things: no row becomes an object here. Rows are numbered into stays (a session, or an account at
an address, until nothing was heard of it for the idle limit), and grouped; only stays of at most `DETAIL` records come out record
by record.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import ibis
import ibis.expr.types as ir

from countersign.visits import facts as f
from countersign.visits.facts import leaf, micros

FAMILIES = {
    "CloudTrail": "aws",
    "Entra ID": "microsoft",
    "Microsoft 365": "microsoft",
    "Azure Monitor": "azure",
    "Cloud Audit Logs": "gcp",
    "Workspace": "google",
    "System Log": "okta",
    "Duo": "duo",
    "AD FS": "adfs",
}
"""`metadata.product` and the family whose sessions are one."""
SECOND = 1_000_000
KEYED_IDLE = 4 * 3600 * SECOND
"""A cloud session or access key of which nothing was heard for so long was left; its next use is another stay."""
PLACE_IDLE = 3600 * SECOND
"""The same of an account at an address, where no session is named."""
DETAIL = 400
"""Stays of more records than this come out grouped by operation, with the first and the last record of each group."""
ROUNDS = 5
"""How often the access keys that a key gave out are followed."""
_STS = (
    "AssumeRole",
    "AssumeRoleWithSAML",
    "AssumeRoleWithWebIdentity",
    "GetSessionToken",
    "GetFederationToken",
)

IDENTITY = ("name", "domain", "uid", "mail", "full", "caller", "caller_domain", "caller_uid")


@dataclass(frozen=True, slots=True)
class Item:
    """What a stay has of one kind: one record, or `times` of one operation. `first` and `last` are (event, segment, record)
    with the times `at` and `until` (microseconds, UTC)."""

    family: str
    part: str
    stay: int
    role: str  # login, act
    product: str
    key: str
    identity: tuple[str, ...]  # as IDENTITY
    kind: str  # the account's type in the source's words
    place: str
    target: str
    app: str
    protocol: str
    operation: str
    thing: str
    issued: str
    token: str
    ended: bool
    failed: bool
    mfa: bool | None
    times: int
    at: int
    until: int
    first: tuple[str, str, int]
    last: tuple[str, str, int]


def is_cloud(events: ir.Table) -> Any:  # noqa: ANN401  # an Ibis predicate has no public type
    """Whether a row is a cloud service's, and so none to be read as a fact."""
    return leaf(events, "metadata.product").fill_null("").isin(sorted(FAMILIES))


def is_there(events: ir.Table) -> bool:
    """Whether any cloud service tells of anything: most estates' logs of a day need not be asked further."""
    return bool(events.filter(is_cloud(events)).select("id").limit(1).to_pyarrow().num_rows)


def rows_of(events: ir.Table) -> ir.Table:
    """Dated rows of cloud services, seen from the account that acted or arrived; a row that gives out an access key is seen from
    both sides, the caller's and the new session's."""
    cloud = events.filter(events.time.notnull() & is_cloud(events))
    product, operation = leaf(cloud, "metadata.product"), leaf(cloud, "api.operation").fill_null("")
    is_aws = product == "CloudTrail"
    authentication = leaf(cloud, "class_uid") == f.AUTHENTICATION
    gives = is_aws & authentication & operation.isin(_STS)
    signs = (
        authentication
        & (~is_aws | operation.isin(["ConsoleLogin", "SwitchRole"]))
        & (product != "Cloud Audit Logs")
        # the credentials that were checked for a sign-in, which AD FS tells of by itself
        & ~((product == "AD FS") & (leaf(cloud, "activity_id") == 99))
    )
    signs |= operation.startswith("google.login.")
    arrived = cloud.filter(gives | signs)
    acted = cloud.filter(~signs)
    acts = _side(acted, "actor.user", "actor.session.uid")
    # an account elsewhere that takes a role here has no session here
    acts = acts.filter((acts.issued == "") | (acts.key != ""))
    rows = ibis.union(
        _side(arrived, "user", "session.uid").mutate(role=ibis.literal("login"), issued=ibis.literal("")),
        acts.mutate(role=ibis.literal("act")),
        distinct=False,
    )
    return rows.filter((rows.name + rows.uid + rows.key) != "")


def _side(table: ir.Table, who: str, session: str) -> ir.Table:
    def text(dotted: str) -> Any:  # noqa: ANN401  # an Ibis value has no public type
        return leaf(table, dotted).fill_null("")

    product = text("metadata.product")
    family = product.cases(*FAMILIES.items(), else_="")
    key = ibis.ifelse(family == "aws", _first(text(session), text(f"{who}.credential_uid")), text(session))
    # the session that Azure names is one of many tokens
    key = ibis.ifelse(family.isin(["azure", "gcp"]), "", key)
    operation = text("api.operation")
    caller = who != "actor.user"
    return table.select(
        family=family,
        product=product,
        key=key,
        at=micros(table.time),
        id=table.id,
        segment=table.segment,
        record=table.record,
        name=text(f"{who}.name"),
        domain=text(f"{who}.domain"),
        uid=text(f"{who}.uid"),
        mail=text(f"{who}.email_addr"),
        full=text(f"{who}.full_name"),
        caller=text("actor.user.name") if caller else ibis.literal(""),
        caller_domain=text("actor.user.domain") if caller else ibis.literal(""),
        caller_uid=text("actor.user.uid") if caller else ibis.literal(""),
        kind=text(f"{who}.type"),
        place=text("src_endpoint.ip"),
        target=text("cloud.account.uid"),
        app=_first(text("actor.app_name"), text("dst_endpoint.svc_name"), text("resources.name"))
        if caller
        else ibis.literal(""),
        protocol=text("auth_protocol"),
        operation=_first(operation, text("metadata.event_code")),
        thing=_first(
            text("resources.name"),
            text("file.path"),
            text("file.name"),
            text("dst_endpoint.uid"),
            text("user.name"),
        ),
        token=_first(text("session.credential_uid"), text("actor.session.uid")),
        issued=ibis.ifelse((product == "CloudTrail") & operation.isin(_STS), text("session.uid"), ""),
        ended=(leaf(table, "class_uid") == f.AUTHENTICATION)
        & (leaf(table, "activity_id") == 2)
        & (product != "CloudTrail"),
        failed=leaf(table, "status_id").fill_null(0) == 2,
        mfa=leaf(table, "is_mfa").coalesce(leaf(table, "actor.session.is_mfa")),
    )


def _first(*values: Any) -> Any:  # noqa: ANN401  # Ibis values have no public type
    """The first that is not empty."""
    *others, last = values
    for value in reversed(others):
        last = ibis.ifelse(value != "", value, last)
    return last


def identities(rows: ir.Table) -> list[tuple[str, ...]]:
    """Every distinct identity that the rows name, as `IDENTITY`."""
    found = rows.select(*IDENTITY).distinct().to_pyarrow().to_pylist()
    return sorted(tuple(row[name] for name in IDENTITY) for row in found)


def places(rows: ir.Table) -> list[str]:
    """Every distinct address."""
    found = rows.select("place").distinct().to_pyarrow().column("place").to_pylist()
    return sorted(place for place in found if place)


def named(rows: ir.Table) -> ir.Table:
    """The rows with the identity in one column, `who`, to select by."""
    return rows.mutate(who=ibis.literal("\x1f").join([rows[name] for name in IDENTITY]))


def chosen(rows: ir.Table, who: Iterable[tuple[str, ...]], at: Iterable[str]) -> ir.Table:
    """Rows of these identities, from these addresses, and in sessions that theirs are or opened."""
    names, spots = sorted("\x1f".join(one) for one in who), sorted(at)
    marked = named(rows)
    ours = marked.who.isin(names) if names else ibis.literal(value=False)
    if spots:
        ours |= marked.place.isin(spots)
    keys: set[str] = set()
    fresh = _keys(marked.filter(ours))
    for _ in range(ROUNDS):
        if not fresh - keys:
            break
        keys |= fresh
        fresh = _keys(marked.filter(marked.key.isin(sorted(fresh))))
    if keys:
        ours |= (marked.key != "") & marked.key.isin(sorted(keys))
    return marked.filter(ours).drop("who")


def _keys(rows: ir.Table) -> set[str]:
    aws = rows.filter(rows.family == "aws")
    found = ibis.union(aws.select(key=aws.key), aws.select(key=aws.issued), distinct=True)
    return {key for key in found.to_pyarrow().column("key").to_pylist() if key}


def stays(rows: ir.Table) -> list[Item]:
    """The rows cut into stays and grouped, in order of time."""
    where = ibis.literal("|").join(
        [rows.name.lower(), rows.domain.lower(), rows.place, rows.target, rows.app.lower()]
    )
    rows = rows.mutate(part=rows.family + "|" + _first(rows.key, ibis.literal("@") + where))
    idle = ibis.ifelse(rows.key == "", PLACE_IDLE, KEYED_IDLE)
    order = [rows.at, rows.id, rows.role]
    before = rows.at.lag().over(ibis.window(group_by=rows.part, order_by=order))
    rows = rows.mutate(
        fresh=((rows.at - before) > idle).fill_null(True).cast("int64")
    )  # Ibis's own signature
    order = [rows.at, rows.id, rows.role]
    rows = rows.mutate(stay=rows.fresh.sum().over(ibis.cumulative_window(group_by=rows.part, order_by=order)))
    rows = rows.mutate(size=rows.id.count().over(ibis.window(group_by=[rows.part, rows.stay])))
    small = rows.size <= DETAIL
    rows = rows.mutate(
        token=ibis.ifelse(rows.family == "azure", rows.token, ""),
        detail=ibis.ifelse(small, rows.id, ""),
        thing=ibis.ifelse(small, rows.thing, ""),
        stamp=ibis.literal("|").join(
            [rows.at.cast("string").lpad(20, "0"), rows.id, rows.segment, rows.record.cast("string")]
        ),
    )
    keys = [
        *("family", "part", "stay", "role", "product", "key", *IDENTITY, "kind", "place", "target", "app"),
        *("protocol", "operation", "thing", "issued", "token", "ended", "failed", "mfa", "detail"),
    ]
    found = rows.group_by(keys).agg(times=rows.id.count(), first=rows.stamp.min(), last=rows.stamp.max())
    out = [_item(row) for row in found.to_pyarrow().to_pylist()]
    return sorted(
        out, key=lambda item: (item.at, item.first, item.role, item.part, item.identity, item.place)
    )


def _item(row: Mapping[str, Any]) -> Item:
    at, first = _stamped(row["first"])
    until, last = _stamped(row["last"])
    plain = {name: row[name] for name in Item.__slots__ if name in row and name not in {"first", "last"}}
    identity = tuple(row[name] for name in IDENTITY)
    return Item(**plain, identity=identity, at=at, until=until, first=first, last=last)


def _stamped(stamp: str) -> tuple[int, tuple[str, str, int]]:
    at, id_, segment, record = stamp.split("|")
    return int(at), (id_, segment, int(record))


def tokens(rows: ir.Table) -> dict[str, str]:
    """The session keys of the sign-ins whose token an Azure call used."""
    used = rows.filter((rows.family == "azure") & (rows.token != "")).select("token").distinct()
    logins = rows.filter((rows.family == "microsoft") & (rows.role == "login") & (rows.token != ""))
    found = (
        logins.filter(logins.key != "")
        .semi_join(used, "token")
        .group_by("token")
        .agg(key=lambda t: t.key.min())
    )
    return {row["token"]: row["key"] for row in found.to_pyarrow().to_pylist()}
