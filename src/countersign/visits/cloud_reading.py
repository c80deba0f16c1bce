"""What cloud services and identity providers tell of providers' accounts, cut into stays by a query.

A cloud account can do a million things: no row becomes an object here. Rows are numbered into stays (a session, or an account at
an address, until nothing was heard of it for the idle limit), and grouped; only stays of at most `DETAIL` records come out record
by record.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import ibis
import ibis.expr.types as ir

from countersign.visits import facts as f
from countersign.visits.asking import Days, Key
from countersign.visits.facts import among, leaf
from countersign.visits.names import DAY

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
KEYS_LIVE = 2
"""Days after which no access key is of use any more that STS gave out (36 hours at most); others are named in each record."""
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

    @property
    def gave(self) -> bool:
        """Whether it is the caller's side of a record that gives out an access key, whether or not that is named."""
        return self.role == "act" and self.family == "aws" and self.operation in _STS


def is_cloud(events: ir.Table) -> Any:  # noqa: ANN401  # an Ibis predicate has no public type
    """Whether a row is a cloud service's, and so none to be read as a fact."""
    return leaf(events, "metadata.product").isin(sorted(FAMILIES))


def is_no_cloud(events: ir.Table) -> Any:  # noqa: ANN401  # an Ibis predicate has no public type
    """The opposite; a row without a product is none."""
    product = leaf(events, "metadata.product")
    return product.isnull() | product.notin(sorted(FAMILIES))


def rows_of(events: ir.Table) -> ir.Table:
    """Dated rows of cloud services, seen from the account that acted or arrived; a row that gives out an access key is seen from
    both sides, the caller's and the new session's."""
    cloud = events.filter(is_cloud(events))
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
    # Okta's other targets are whom or what was checked: a session begins at an authenticator
    entered = ibis.ifelse(family == "okta", "", text("resources.name"))
    return table.select(
        family=family,
        product=product,
        key=key,
        at=table["at"],
        date=table.date,
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
        app=_first(text("actor.app_name"), text("dst_endpoint.svc_name"), entered)
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


@dataclass(frozen=True, slots=True)
class Seen:
    """Who cloud services told of, by day (since 1970, UTC): `who` are identities as `IDENTITY`, `places` addresses, and `keys` for
    each identity and address of AWS the access keys that it used or gave out, as (identity, address, key, issued key)."""

    who: Mapping[int, Collection[tuple[str, ...]]]
    places: Mapping[int, Collection[str]]
    keys: Mapping[int, Collection[tuple[tuple[str, ...], str, str, str]]]


def seen(days: Days) -> Seen:
    """Everybody whom cloud services name."""

    def ask(events: ir.Table) -> ir.Table:
        rows = rows_of(events)
        is_aws = rows.family == "aws"
        key = ibis.ifelse(is_aws, rows.key, "")
        return rows.select("date", *IDENTITY, "place", key=key, issued=rows.issued, aws=is_aws).distinct()

    who: dict[int, set[tuple[str, ...]]] = defaultdict(set)
    places: dict[int, set[str]] = defaultdict(set)
    keys: dict[int, set[tuple[tuple[str, ...], str, str, str]]] = defaultdict(set)
    found = days.of_all("clouds", ask)
    columns = (
        found.column(name).to_pylist() for name in ("date", "place", "key", "issued", "aws", *IDENTITY)
    )
    for date, place, key, issued, aws, *identity in zip(*columns, strict=True):
        one = tuple(identity)
        who[date].add(one)
        places[date].add(place)
        if aws:
            keys[date].add((one, place, key, issued))
    return Seen(who, places, keys)


def wanted(told: Seen, who: Collection[tuple[str, ...]], at: Collection[str]) -> dict[int, set[Key]]:
    """What to ask each day for: these identities, these addresses, and the access keys that were used or given out by either, or
    by whoever used such a key, until `KEYS_LIVE` days later."""
    out: dict[int, set[Key]] = defaultdict(set)
    for date, names in told.who.items():
        out[date].update(("who", _joined(one)) for one in names if one in who)
    for date, spots in told.places.items():
        out[date].update(("at", spot) for spot in spots if spot in at)
    for key, date in _reached(told, who, at):
        for later in range(date, date + KEYS_LIVE + 1):
            if later in told.keys:
                out[later].add(("key", key))
    return {date: keys for date, keys in out.items() if keys}


def _reached(told: Seen, who: Collection[tuple[str, ...]], at: Collection[str]) -> set[tuple[str, int]]:
    """Access keys, and the days on which they were used or given out by somebody wanted."""
    fresh: set[tuple[str, int]] = set()
    holders: dict[str, set[tuple[str, int]]] = defaultdict(
        set
    )  # key used -> keys given out with it, with the day
    for date, rows in told.keys.items():
        for one, place, key, issued in rows:
            given = {(text, date) for text in (key, issued) if text}
            holders[key].update(given)
            if one in who or place in at:
                fresh |= given
    reached: set[tuple[str, int]] = set()
    for _ in range(ROUNDS + 1):
        if not fresh - reached:
            break
        reached |= fresh
        fresh = {other for key, _ in fresh for other in holders.get(key, ())}
    return reached


def _joined(identity: tuple[str, ...]) -> str:
    return "\x1f".join(identity)


def stays(days: Days, asked: Mapping[int, Collection[Key]]) -> list[Item]:
    """Rows of these identities (`who`), from these addresses (`at`), and with these access keys (`key`) on their days, cut into stays and
    grouped, in order of time."""

    def ask(events: ir.Table, keys: frozenset[Key]) -> ir.Table:
        rows = rows_of(events)
        marked = rows.mutate(who=ibis.literal("\x1f").join([rows[name] for name in IDENTITY]))
        ours: Any = ibis.literal(value=False)
        for kind, column in (("who", marked.who), ("at", marked.place), ("key", marked.key)):
            some = sorted(str(key[1]) for key in keys if key[0] == kind)
            ours |= among(column, some)
        return _grouped(marked.filter(ours).drop("who"))

    out = [_item(row) for row in days.exactly("stays", asked, ask).to_pylist()]
    return _over_midnight(sorted(out, key=_order))


def _grouped(rows: ir.Table) -> ir.Table:
    """Rows numbered into the stays of each day, and grouped."""
    where = ibis.literal("|").join(
        [rows.name.lower(), rows.domain.lower(), rows.place, rows.target, rows.app.lower()]
    )
    rows = rows.mutate(part=rows.family + "|" + _first(rows.key, ibis.literal("@") + where))
    idle = ibis.ifelse(rows.key == "", PLACE_IDLE, KEYED_IDLE)
    of_day = [rows.part, rows.date]
    before = rows["at"].lag().over(ibis.window(group_by=of_day, order_by=[rows["at"], rows.id, rows.role]))
    rows = rows.mutate(
        fresh=((rows["at"] - before) > idle).fill_null(True).cast("int64")
    )  # Ibis's own signature
    window = ibis.cumulative_window(
        group_by=[rows.part, rows.date], order_by=[rows["at"], rows.id, rows.role]
    )
    rows = rows.mutate(stay=rows.fresh.sum().over(window))
    rows = rows.mutate(size=rows.id.count().over(ibis.window(group_by=[rows.part, rows.date, rows.stay])))
    small = rows.size <= DETAIL
    uses = (rows.family == "azure") | ((rows.family == "microsoft") & (rows.role == "login"))
    rows = rows.mutate(
        token=ibis.ifelse(uses, rows.token, ""),
        detail=ibis.ifelse(small, rows.id, ""),
        thing=ibis.ifelse(small, rows.thing, ""),
        stamp=ibis.literal("|").join(
            [rows["at"].cast("string").lpad(20, "0"), rows.id, rows.segment, rows.record.cast("string")]
        ),
    )
    keys = [
        *(
            "date",
            "family",
            "part",
            "stay",
            "role",
            "product",
            "key",
            *IDENTITY,
            "kind",
            "place",
            "target",
            "app",
        ),
        *("protocol", "operation", "thing", "issued", "token", "ended", "failed", "mfa", "detail"),
    ]
    return rows.group_by(keys).agg(times=rows.id.count(), first=rows.stamp.min(), last=rows.stamp.max())


def _order(item: Item) -> tuple[int, tuple[str, str, int], str, str, tuple[str, ...], str]:
    return item.at, item.first, item.role, item.part, item.identity, item.place


def _over_midnight(items: list[Item]) -> list[Item]:
    """The items with stays that go on over midnight numbered as one; `stay` counts within a part from then on."""
    heard: dict[str, tuple[int, int, int]] = {}  # part -> stay, number of the day's stay, last sign of life
    out: list[Item] = []
    for item in items:
        stay, number, last = heard.get(item.part, (0, -1, 0))
        idle = KEYED_IDLE if item.key else PLACE_IDLE
        day_stay = (item.at // DAY << 20) | item.stay
        if day_stay != number and (number < 0 or item.at - last > idle):
            stay += 1
        heard[item.part] = (stay, day_stay, max(last, item.until))
        out.append(replace(item, stay=stay))
    return out


def _item(row: Mapping[str, Any]) -> Item:
    at, first = _stamped(row["first"])
    until, last = _stamped(row["last"])
    plain = {name: row[name] for name in Item.__slots__ if name in row and name not in {"first", "last"}}
    identity = tuple(row[name] for name in IDENTITY)
    return Item(**plain, identity=identity, at=at, until=until, first=first, last=last)


def _stamped(stamp: str) -> tuple[int, tuple[str, str, int]]:
    at, id_, segment, record = stamp.split("|")
    return int(at), (id_, segment, int(record))


def tokens(items: Iterable[Item]) -> dict[str, str]:
    """The session keys of the sign-ins whose token an Azure call used."""
    items = list(items)
    used = {item.token for item in items if item.family == "azure" and item.token}
    out: dict[str, str] = {}
    for item in items:
        if item.family == "microsoft" and item.role == "login" and item.token in used and item.key:
            out[item.token] = min(out.get(item.token, item.key), item.key)
    return out
