"""Kinds of outsiders, when nobody knows any more who they are: whole groups at a time, each with counts and examples.

All of it is set work in Ibis: a thousand guests of one organisation are one row before any of it reaches Python.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import ibis
import ibis.expr.types as ir

from countersign.visits import facts as f
from countersign.visits.facts import leaf, lowered, micros

NAMES_SHOWN = 50
"""Accounts named of each group; all are counted."""
DORMANT = 90 * 86_400_000_000
"""An account that came from outside and not for so long before the logs end (microseconds)."""
REMOTE_PRODUCTS = ("TeamViewer", "AnyDesk", "ScreenConnect", "NinjaOne", "Privileged Remote Access")
VENDORS = (
    "teamviewer|anydesk|screenconnect|connectwise|ninjarmm|kaseya|splashtop|atera|datto|bomgar|logmein|dameware|"
    "n-able|solarwinds|simplehelp|rustdesk|meshagent|pulseway|zoho assist|syncro"
)
"""Words in names and paths of services by which remote support and management tools are known."""
_GUEST = "#ext#"
_PUBLIC = r"^(10\.|127\.|169\.254\.|192\.168\.|172\.(1[6-9]|2[0-9]|3[01])\.|100\.(6[4-9]|[7-9][0-9]|1[01][0-9]|12[0-7])\.|0\.|f[cd]|fe[89ab]|::)"


@dataclass(frozen=True, slots=True)
class Group:
    """Outsiders of one kind: `name` is what they share, `accounts` counts them and `names` names the first, `times` counts what they
    did from `first` to `last` (microseconds, UTC); `example` is the id of one of the events."""

    kind: str
    name: str
    accounts: int
    names: tuple[str, ...]
    times: int
    first: int
    last: int
    example: str


def groups(events: ir.Table) -> list[Group]:
    """Every kind in turn, in each the most frequent first."""
    dated = _named(events.filter(events.time.notnull()))
    return [
        group
        for kind, rows in (
            ("partner tenant", _partners(dated)),
            ("guests", _guests(dated)),
            ("cross-account", _cross_account(dated)),
            ("VPN group", _vpn_groups(dated)),
            ("remote support", _remote(dated)),
            ("vendor software", _vendors(dated)),
            ("only from outside", _only_outside(dated)),
            ("dormant", _dormant(dated)),
        )
        for group in _read(kind, rows)
    ]


def _named(events: ir.Table) -> ir.Table:
    """With who did it: the account that acted, else the one that came."""
    acting = leaf(events, "actor.user.name").fill_null("")
    came = leaf(events, "user.name").fill_null("")
    return events.mutate(
        at=micros(events.time),
        who=(came == "").ifelse(acting, came),
        home=leaf(events, "user.org.uid").coalesce(leaf(events, "actor.user.org.uid")).fill_null(""),
        here=leaf(events, "metadata.tenant_uid").fill_null(""),
        product=leaf(events, "metadata.product").fill_null(""),
    )


def _grouped(rows: ir.Table) -> ir.Table:
    """By the column `shared`."""
    # names are cut before they are collected, however many accounts there are
    each = rows.group_by(["shared", "who"]).agg(
        times=rows.count(), first=rows["at"].min(), last=rows["at"].max(), example=rows["id"].min()
    )
    ranked = each.mutate(
        place=ibis.row_number().over(group_by=each.shared, order_by=[each.times.desc(), each.who])
    )
    return ranked.group_by("shared").agg(
        accounts=(ranked.who != "").sum(),
        names=ranked.who.collect(where=(ranked.place < NAMES_SHOWN) & (ranked.who != "")),
        times=ranked.times.sum(),
        first=ranked["first"].min(),
        last=ranked["last"].max(),
        example=ranked.example.min(),
    )


def _partners(dated: ir.Table) -> ir.Table:
    """Sign-ins of people whose home is another tenant."""
    rows = dated.filter(
        (dated.product == "Entra ID") & (dated.home != "") & (dated.here != "") & (dated.home != dated.here)
    )
    return _grouped(rows.mutate(shared=rows.home))


def _guests(dated: ir.Table) -> ir.Table:
    """Guest accounts by the domain that they are of: `ann_partner.example#EXT#@ours.example`."""
    rows = dated.filter(dated.who.lower().contains(_GUEST))
    return _grouped(rows.mutate(shared=rows.who.lower().re_extract(r"_([^_#]+)#ext#", 1)))


def _cross_account(dated: ir.Table) -> ir.Table:
    """Calls and roles taken by principals of another AWS account."""
    rows = dated.filter(
        (dated.product == "CloudTrail") & (dated.home != "") & (dated.here != "") & (dated.home != dated.here)
    )
    return _grouped(rows.mutate(shared=rows.home))


def _vpn_groups(dated: ir.Table) -> ir.Table:
    rows = dated.filter((dated.class_uid == f.TUNNEL) & leaf(dated, "group.name").notnull())
    return _grouped(rows.mutate(shared=leaf(rows, "group.name")))


def _remote(dated: ir.Table) -> ir.Table:
    rows = dated.filter(dated.product.isin(REMOTE_PRODUCTS) & (dated.class_uid == f.AUTHENTICATION))
    return _grouped(rows.mutate(shared=rows.product))


def _vendors(dated: ir.Table) -> ir.Table:
    """Services whose names are those of remote support and management tools."""
    rows = dated.filter(dated.class_uid == f.SERVICE)
    said = lowered(rows, "service.name") + " " + lowered(rows, "service.path")
    rows = rows.mutate(shared=said.re_extract(f"({VENDORS})", 1))
    return _grouped(rows.filter(rows.shared.fill_null("") != ""))


def _came(dated: ir.Table) -> ir.Table:
    rows = dated.filter(
        dated.class_uid.isin([f.AUTHENTICATION, f.TUNNEL])
        & (dated.activity_id.fill_null(1) == 1)
        & (dated.status_id.fill_null(1) != 2)
        & leaf(dated, "src_endpoint.ip").notnull()
        & (leaf(dated, "user.name").fill_null("") != "")
    )
    address = leaf(rows, "src_endpoint.ip")
    return rows.mutate(
        shared=leaf(rows, "user.name").lower(),
        outside=~address.re_search(_PUBLIC),
        who=leaf(rows, "user.name"),
    )


def _only_outside(dated: ir.Table) -> ir.Table:
    """Accounts of which every arrival came from a public address, as one group."""
    rows = _came(dated)
    always = rows.group_by("shared").agg(inside=(~rows.outside).sum())
    strangers = always.filter(always.inside == 0).rename(stranger="shared")
    joined = rows.join(strangers, rows.shared == strangers.stranger)
    return _grouped(joined.mutate(shared=ibis.literal("public addresses")))


def _dormant(dated: ir.Table) -> ir.Table:
    """Accounts that once came from outside, and not in the last ninety days of the logs, as one group."""
    rows = _came(dated)
    outside = rows.filter(rows.outside)
    lately = rows.group_by("shared").agg(latest=rows["at"].max()).rename(sleeper="shared")
    end = dated.agg(end=dated["at"].max())
    asleep = lately.cross_join(end).filter(lambda both: both.latest < both.end - DORMANT)
    joined = outside.join(asleep, outside.shared == asleep.sleeper)
    return _grouped(joined.mutate(shared=ibis.literal("not in the last 90 days")))


def _read(kind: str, rows: ir.Table) -> list[Group]:
    found = [_group(kind, row) for row in rows.to_pyarrow().to_pylist()]
    return sorted(found, key=lambda group: (-group.times, group.name))


def _group(kind: str, row: Mapping[str, Any]) -> Group:
    names = tuple(sorted(row["names"] or ()))
    name = row["shared"] or "not named"
    return Group(kind, name, row["accounts"], names, row["times"], row["first"], row["last"], row["example"])
