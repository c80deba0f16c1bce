"""Kinds of outsiders, when nobody knows any more who they are: whole groups at a time, each with counts and examples.

All of it is set work in Ibis: a thousand guests of one organisation are one row before any of it reaches Python. What exported directories
list (`directory_outsiders`) stands beside what logs tell of the same accounts, so that an outsider known from both is in one line.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from countersign.visits import facts as f
from countersign.visits.directory import SNAPSHOT, directory
from countersign.visits.directory_outsiders import (
    ASLEEP,
    DORMANT,
    DORMANT_DAYS,
    GUESTS,
    REMOTE,
    RIGHTS,
    VENDOR,
    VPN,
    Listing,
    listings,
)
from countersign.visits.facts import flat, leaf, lowered
from countersign.visits.strangers import KIND, Stranger, came, strangers

FEW_GUESTS, FEW_DOMAINS = 3, 6
"""Domains of fewer guests than that are one line, where there are more such domains than that."""
NAMES_SHOWN = 50
"""Accounts named of each group; all are counted."""
_SLEEP = DORMANT_DAYS * 86_400_000_000
"""An account that came from outside and not for so long before the logs end (microseconds)."""
REMOTE_PRODUCTS = ("TeamViewer", "AnyDesk", "ScreenConnect", "NinjaOne", "Privileged Remote Access")
VENDORS = (
    "teamviewer|anydesk|screenconnect|connectwise|ninjarmm|kaseya|splashtop|atera|datto|bomgar|logmein|dameware|"
    "n-able|solarwinds|simplehelp|rustdesk|meshagent|pulseway|zoho assist|syncro"
)
"""Words in names and paths of services by which remote support and management tools are known."""
_GUEST = "#ext#"

_ORDER = (
    "partner tenant",
    GUESTS,
    "cross-account",
    VPN,
    VENDOR,
    REMOTE,
    RIGHTS,
    "remote support",
    "vendor software",
    KIND,
    DORMANT,
)
"""Kinds as they are shown."""
_LISTED = pa.schema(
    [
        (name, pa.string())
        for name in (
            "listed_kind",
            "listed_shared",
            "listed_name",
            "listed_domain",
            "listed_uid",
            "listed_who",
            "listed_id",
        )
    ]
)


@dataclass(frozen=True, slots=True)
class Group:
    """Outsiders of one kind: `name` is what they share, `accounts` counts them and `names` names the first, `times` counts what they
    did from `first` to `last` (microseconds, UTC; None where no log tells of them); `example` is the id of one of the records.
    `listed` of the accounts stand in an exported directory, and `why` says what it tells of them."""

    kind: str
    name: str
    accounts: int
    names: tuple[str, ...]
    times: int
    first: int | None
    last: int | None
    example: str
    listed: int = 0
    why: str = ""


def groups(events: ir.Table) -> list[Group]:
    """Every kind in turn, in each the most frequent first."""
    dated = _named(flat(events))
    found = listings(directory(events))
    why = {(one.kind, one.name.lower()): one for one in found}
    listed = _listed(found)
    if found:
        dated = _by_uid(dated, listed)
    logons, tunnels = _logons(dated), dated.filter(dated.class_uid == f.TUNNEL)
    kinds: dict[str, ir.Table] = {
        "partner tenant": _partners(dated),
        GUESTS: _guests(dated),
        "cross-account": _cross_account(dated),
        VPN: _vpn_groups(dated),
        "remote support": _remote(dated),
        "vendor software": _vendors(dated),
        DORMANT: _dormant(dated),
    }
    # what no directory lists is not asked of the logs again
    for kind in sorted({one.kind for one in found}):
        own = listed.filter(listed.listed_kind == kind)
        own = _still_asleep(own, logons, dated) if kind == DORMANT else own
        acts = {GUESTS: dated, VPN: tunnels}.get(kind, logons)
        kinds[kind] = _with_listed(kinds.get(kind), acts, own)
    read = {kind: _read(kind, _grouped(rows), why) for kind, rows in kinds.items()}
    read[GUESTS] = _few_folded(read[GUESTS])
    read[KIND] = _ranked(_only_outside(dated))
    return [group for kind in _ORDER for group in read.get(kind, ())]


def _few_folded(found: list[Group]) -> list[Group]:
    """Domains of one or two guests are one line, where there are many of them."""
    few = [one for one in found if one.accounts < FEW_GUESTS and not one.listed]
    if len(few) <= FEW_DOMAINS:
        return found
    dated = [one for one in few if one.first is not None and one.last is not None]
    folded = Group(
        GUESTS,
        f"{len(few):,} domains of one or two guests",
        sum(one.accounts for one in few),
        tuple(sorted(name for one in few[:NAMES_SHOWN] for name in one.names)[:NAMES_SHOWN]),
        sum(one.times for one in few),
        min((one.first for one in dated if one.first is not None), default=None),
        max((one.last for one in dated if one.last is not None), default=None),
        min(one.example for one in few),
    )
    return [*(one for one in found if one not in few), folded]


def _listed(found: list[Listing]) -> ir.Table:
    """Every account of every listing, a row each."""
    rows = [
        (
            one.kind,
            one.name,
            entry.name.lower(),
            entry.domain.partition(".")[0],
            entry.uid.lower(),
            entry.name,
            entry.event,
        )
        for one in found
        for entry in one.accounts.values()
    ]
    columns = list(map(list, zip(*rows, strict=True))) if rows else [[] for _ in _LISTED]
    return ibis.memtable(pa.table(columns, schema=_LISTED))


def _by_uid(dated: ir.Table, listed: ir.Table) -> ir.Table:
    """With the directory's name for who is known by an id: a guest signs in by the address of home."""
    known = listed.filter(listed.listed_uid != "").group_by("listed_uid").agg(known=listed.listed_who.min())
    joined = dated.left_join(known, dated.uid == known.listed_uid)
    area = joined.known.notnull().ifelse("", joined.area)
    return joined.mutate(who=joined.known.coalesce(joined.who), area=area).drop("listed_uid", "known")


def _with_listed(logged: ir.Table | None, acts: ir.Table, own: ir.Table) -> ir.Table:
    """What a kind has by the logs, its `own` accounts that directories list, and what `acts` tell of those."""
    seen = acts.join(
        own,
        (acts.who.lower() == own.listed_name)
        & ((acts.area == "") | (own.listed_domain == "") | (acts.area == own.listed_domain)),
    )
    rows = _slim(seen.mutate(shared=seen.listed_shared))
    still = own.select(
        shared=own.listed_shared,
        who=own.listed_who,
        at=ibis.null("int64"),
        id=own.listed_id,
        listed=ibis.literal(value=True),
    )
    # the same record by both ways counts once
    acted = rows if logged is None else ibis.union(_slim(logged), rows, distinct=True)
    return ibis.union(acted, still)


def _slim(rows: ir.Table) -> ir.Table:
    return rows.select("shared", "who", "at", "id", listed=ibis.literal(value=False))


_ASKED = (
    "class_uid",
    "activity_id",
    "status_id",
    "user.name",
    "group.name",
    "service.name",
    "service.path",
    "src_endpoint.ip",
)


def _named(events: ir.Table) -> ir.Table:
    """What the logs tell, with who did it: the account that acted, else the one that came."""
    acted = events.filter(leaf(events, "metadata.log_name").fill_null("") != SNAPSHOT)
    acting = leaf(acted, "actor.user.name").fill_null("")
    came = leaf(acted, "user.name").fill_null("")
    area = leaf(acted, "user.domain").coalesce(leaf(acted, "actor.user.domain")).fill_null("")
    return acted.select(
        "id",
        "at",
        *_ASKED,
        area=area.lower().re_replace(r"\..*", ""),
        uid=lowered(acted, "user.uid").nullif("").coalesce(lowered(acted, "actor.user.uid")),
        who=(came == "").ifelse(acting, came),
        home=leaf(acted, "user.org.uid").coalesce(leaf(acted, "actor.user.org.uid")).fill_null(""),
        here=leaf(acted, "metadata.tenant_uid").fill_null(""),
        product=leaf(acted, "metadata.product").fill_null(""),
        mail=lowered(acted, "user.email_addr").fill_null(""),
        type=lowered(acted, "user.type").fill_null(""),
    )


def _grouped(rows: ir.Table) -> ir.Table:
    """By the column `shared`, whatever its letter case; so the accounts."""
    rows = rows if "listed" in rows.columns else _slim(rows)
    rows = rows.mutate(key=rows.shared.fill_null("").lower(), low=rows.who.lower())
    # names are cut before they are collected, however many accounts there are
    each = rows.group_by(["key", "low"]).agg(
        shared=rows.shared.min(),
        who=rows.who.min(),
        times=rows["id"].nunique(where=rows["at"].notnull()),  # a record that both ways tell of counts once
        first=rows["at"].min(),
        last=rows["at"].max(),
        example=rows["id"].min(),
        listed=rows.listed.any(),
    )
    ranked = each.mutate(
        place=ibis.row_number().over(group_by=each.key, order_by=[each.times.desc(), each.low])
    )
    return ranked.group_by("key").agg(
        shared=ranked.shared.min(),
        accounts=(ranked.who != "").sum(),
        names=ranked.who.collect(where=(ranked.place < NAMES_SHOWN) & (ranked.who != "")),
        times=ranked.times.sum(),
        first=ranked["first"].min(),
        last=ranked["last"].max(),
        example=ranked.example.min(),
        listed=ranked.listed.sum(),
    )


def _partners(dated: ir.Table) -> ir.Table:
    """Sign-ins of people whose home is another tenant and who are no guests: partners by a delegation."""
    rows = dated.filter(
        (dated.product == "Entra ID") & (dated.home != "") & (dated.here != "") & (dated.home != dated.here)
    )
    rows = rows.filter(~_is_guest(rows))
    return rows.mutate(shared=rows.home)


def _is_guest(rows: ir.Table) -> ir.BooleanValue:
    """An account that the house's own tenant keeps of somebody invited: it is told by its mail domain, not by its home as well."""
    return rows.who.lower().contains(_GUEST) | (rows.type == "guest")


def _guests(dated: ir.Table) -> ir.Table:
    """Guest accounts by the domain that they are of: `ann_partner.example#EXT#@ours.example`, else their mail's."""
    rows = dated.filter(_is_guest(dated))
    named = rows.who.lower().re_extract(r"_([^_#]+)#ext#", 1).nullif("")
    return rows.mutate(shared=named.coalesce(rows.mail.re_extract("@([^@]+)$", 1).nullif(""), rows.home))


def _cross_account(dated: ir.Table) -> ir.Table:
    """Calls and roles taken by principals of another AWS account."""
    rows = dated.filter(
        (dated.product == "CloudTrail") & (dated.home != "") & (dated.here != "") & (dated.home != dated.here)
    )
    return rows.mutate(shared=rows.home)


def _vpn_groups(dated: ir.Table) -> ir.Table:
    """The group that a tunnel was opened in: what is said of its end may be another, ASA's tunnel group."""
    rows = dated.filter(
        (dated.class_uid == f.TUNNEL)
        & (dated.activity_id.fill_null(1) == 1)
        & leaf(dated, "group.name").notnull()
    )
    return rows.mutate(shared=leaf(rows, "group.name"))


def _remote(dated: ir.Table) -> ir.Table:
    rows = dated.filter(dated.product.isin(REMOTE_PRODUCTS) & (dated.class_uid == f.AUTHENTICATION))
    return rows.mutate(shared=rows.product)


def _vendors(dated: ir.Table) -> ir.Table:
    """Services whose names are those of remote support and management tools."""
    rows = dated.filter(dated.class_uid == f.SERVICE)
    said = lowered(rows, "service.name") + " " + lowered(rows, "service.path")
    rows = rows.mutate(shared=said.re_extract(f"({VENDORS})", 1))
    return rows.filter(rows.shared.fill_null("") != "")


def _only_outside(dated: ir.Table) -> list[Group]:
    """Accounts of which every arrival came from a public address that is not the house's, parted by what they share."""
    rows = came(dated)
    told = _is_guest(rows) | (rows.home != rows.here) & (rows.home != "") & (rows.here != "")
    told |= (rows.class_uid == f.TUNNEL) & leaf(rows, "group.name").notnull()
    parts = strangers(rows.mutate(told=told))
    return [_of_strangers(name, ones) for name, ones in parts.items()]


def _of_strangers(name: str, ones: list[Stranger]) -> Group:
    busiest = sorted(ones, key=lambda one: (-one.times, one.name.lower()))[:NAMES_SHOWN]
    return Group(
        KIND,
        name,
        len(ones),
        tuple(sorted(one.name for one in busiest)),
        sum(one.times for one in ones),
        min(one.first for one in ones),
        max(one.last for one in ones),
        min(one.example for one in ones),
    )


def _dormant(dated: ir.Table) -> ir.Table:
    """Accounts that once came from outside, and not in the last ninety days of the logs, as one group."""
    rows = came(dated)
    outside = rows.filter(rows.outside)
    lately = rows.group_by("shared").agg(latest=rows["at"].max()).rename(sleeper="shared")
    end = dated.agg(end=dated["at"].max())
    asleep = lately.cross_join(end).filter(lambda both: both.latest < both.end - _SLEEP)
    joined = outside.join(asleep, outside.shared == asleep.sleeper)
    return joined.mutate(shared=ibis.literal(ASLEEP))


def _logons(dated: ir.Table) -> ir.Table:
    return dated.filter(
        dated.class_uid.isin([f.AUTHENTICATION, f.TUNNEL])
        & (dated.activity_id.fill_null(1) == 1)
        & (dated.status_id.fill_null(1) != 2)
    )


def _still_asleep(listed: ir.Table, logons: ir.Table, dated: ir.Table) -> ir.Table:
    """Those of whom no log tells in its last ninety days."""
    end = dated.agg(end=dated["at"].max())
    latest = logons.group_by(awake=logons.who.lower()).agg(latest=logons["at"].max()).cross_join(end)
    awake = latest.filter(latest.latest >= latest.end - _SLEEP)
    return listed.anti_join(awake, listed.listed_name == awake.awake)


def _read(kind: str, rows: ir.Table, why: Mapping[tuple[str, str], Listing]) -> list[Group]:
    return _ranked(_group(kind, row, why.get((kind, row["key"]))) for row in rows.to_pyarrow().to_pylist())


def _ranked(found: Iterable[Group]) -> list[Group]:
    return sorted(found, key=lambda group: (-group.times, -group.accounts, group.name))


def _group(kind: str, row: Mapping[str, Any], listing: Listing | None) -> Group:
    names = tuple(sorted(row["names"] or ()))
    name = row["shared"] or "not named"
    return Group(
        kind,
        name,
        row["accounts"],
        names,
        row["times"],
        row["first"],
        row["last"],
        row["example"],
        row["listed"],
        listing.why() if listing is not None and row["listed"] else "",
    )
