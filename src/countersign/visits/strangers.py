"""Accounts that only ever come from outside, parted so that each part is likely one provider's: by mail domain, by what their names begin
or end with, by the network that they come from. Who is a guest, of a partner tenant or in a VPN group has a line of that kind already.
"""

from __future__ import annotations

import ipaddress
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import ibis
import ibis.expr.types as ir

from countersign.visits import facts as f

KIND = "only from outside"
PRIVATE, LONE = "private mail addresses", "single accounts, each from a network of its own"
MIXED = frozenset({PRIVATE, LONE})
"""Parts that are not one provider's: nothing to draft."""
PUBLIC = r"^(10\.|127\.|169\.254\.|192\.168\.|172\.(1[6-9]|2[0-9]|3[01])\.|100\.(6[4-9]|[7-9][0-9]|1[01][0-9]|12[0-7])\.|0\.|f[cd]|fe[89ab]|::)"
"""What does not match is a public address."""
HOUSE_ACCOUNTS, HOUSE_SHARE = 20, 0.25
"""A public address from which so many accounts come, and this share of all that come from public ones, is likely the house's own."""
_ROWS = 200_000
"""Pairs of account and address that are looked at, the busiest first."""
_LONE = 20
"""Networks of a single account that have a line each; more are one line."""
_FREE = frozenset(
    {
        "gmail.com", "googlemail.com", "outlook.com", "hotmail.com", "live.com", "msn.com", "yahoo.com", "icloud.com", "me.com",
        "aol.com", "gmx.de", "gmx.net", "web.de", "t-online.de", "proton.me", "protonmail.com", "mail.ru", "yandex.ru",
        "qq.com", "163.com", "orange.fr", "free.fr", "wanadoo.fr", "libero.it", "btinternet.com",
    }
)  # fmt: skip
_OUTSIDERS = frozenset({"ext", "extern", "external", "vendor", "partner", "contractor", "supplier"})
_FIRST = re.compile(r"([a-z]{2,12})([._-])[^._-]")
_LAST = re.compile(r"[^._-]([._-])([a-z]{2,12})\d{0,4}\Z")
_FEW, _SHARE = 3, 2 / 3
"""Accounts that make a pattern of names, and how many of them come from one network where the pattern could be a person's name."""


@dataclass(slots=True)
class Stranger:
    """One account that only comes from outside; times are microseconds, UTC."""

    name: str
    mail: str = ""
    nets: Counter[str] = field(default_factory=Counter)
    times: int = 0
    first: int = 0
    last: int = 0
    example: str = ""

    @property
    def net(self) -> str:
        """Where it comes from most."""
        return min(self.nets, key=lambda net: (-self.nets[net], net))


def came(dated: ir.Table) -> ir.Table:
    """Successful arrivals with an address and an account."""
    rows = dated.filter(
        dated.class_uid.isin([f.AUTHENTICATION, f.TUNNEL])
        & (dated.activity_id.fill_null(1) == 1)
        & (dated.status_id.fill_null(1) != 2)
        & f.leaf(dated, "src_endpoint.ip").notnull()
        & (f.leaf(dated, "user.name").fill_null("") != "")
    )
    address = f.leaf(rows, "src_endpoint.ip")
    return rows.mutate(
        shared=f.leaf(rows, "user.name").lower(),
        address=address,
        outside=~address.re_search(PUBLIC),
        who=f.leaf(rows, "user.name"),
    )


def houses(pairs: Iterable[tuple[str, str]]) -> frozenset[str]:
    """Public addresses that are likely the house's own, of pairs of account and public address."""
    accounts: dict[str, set[str]] = defaultdict(set)
    everybody = set()
    for account, address in pairs:
        accounts[address].add(account.lower())
        everybody.add(account.lower())
    floor = max(HOUSE_ACCOUNTS, HOUSE_SHARE * len(everybody))
    return frozenset(address for address, names in accounts.items() if len(names) >= floor)


def strangers(arrivals: ir.Table) -> dict[str, list[Stranger]]:
    """By what they share, accounts of which every arrival was from a public address that is not the house's; `arrivals` as of `came`, with
    `told`, whether another kind tells of the row, and `mail`."""
    public = arrivals.filter(arrivals.outside & ~arrivals.told)
    pairs = public.group_by(["shared", "address"]).agg(times=public.count())
    pairs = pairs.order_by([ibis.desc("times"), "shared", "address"]).limit(_ROWS).select("shared", "address")
    own = houses(zip(*(column.to_pylist() for column in pairs.to_pyarrow().columns), strict=True))
    within = ~arrivals.outside | arrivals.told
    if own:
        within |= arrivals.address.isin(sorted(own))
    known = arrivals.filter(within).select(here="shared").distinct()
    left = arrivals.anti_join(known, arrivals.shared == known.here)
    rows = left.group_by(["shared", "address"]).agg(
        who=left.who.min(),
        mail=left.mail.max(),
        times=left.count(),
        first=left["at"].min(),
        last=left["at"].max(),
        example=left["id"].min(),
    )
    ordered = rows.order_by([ibis.desc("times"), "shared", "address"]).limit(_ROWS)
    return parted(_read(ordered.to_pyarrow().to_pylist()))


def _read(rows: Iterable[Mapping[str, object]]) -> list[Stranger]:
    found: dict[str, Stranger] = {}
    for row in rows:
        key, who, mail, example = (str(row[name] or "") for name in ("shared", "who", "mail", "example"))
        times, first, last = (int(str(row[name])) for name in ("times", "first", "last"))
        one = found.setdefault(key, Stranger(who, first=first, last=last, example=example))
        one.name, one.mail, one.example = min(one.name, who), max(one.mail, mail), min(one.example, example)
        one.nets[network(str(row["address"]))] += times
        one.times += times
        one.first, one.last = min(one.first, first), max(one.last, last)
    return sorted(found.values(), key=lambda one: one.name.lower())


def network(address: str) -> str:
    """The /24 (IPv6: /48) of an address; what is no address stays as it is."""
    try:
        plain = ipaddress.ip_address(address)
    except ValueError:
        return address
    return str(ipaddress.ip_network((plain, 24 if plain.version == 4 else 48), strict=False))


def parted(found: Iterable[Stranger]) -> dict[str, list[Stranger]]:
    """By the most telling of what they share."""
    out: dict[str, list[Stranger]] = defaultdict(list)
    rest = []
    for one in found:
        domain = (one.mail or one.name).lower().rpartition("@")[2] if "@" in one.mail + one.name else ""
        if domain:
            out[PRIVATE if domain in _FREE else f"at {domain}"].append(one)
        else:
            rest.append(one)
    patterns = _patterns(rest)
    nets: dict[str, list[Stranger]] = defaultdict(list)
    for one in rest:
        fitting = [name for name in _affixes(one.name) if name in patterns]
        if fitting:
            out[f"called {min(fitting, key=lambda name: (-patterns[name], name))}"].append(one)
        else:
            nets[one.net].append(one)
    single = [net for net, members in nets.items() if len(members) == 1]
    for net, members in nets.items():
        out[LONE if len(single) > _LONE and len(members) == 1 else f"from {net}"] += members
    return dict(out)


def _affixes(name: str) -> list[str]:
    low = name.lower().removesuffix("$")
    first, last = _FIRST.match(low), _LAST.search(low)
    return [
        *([f"{first[1]}{first[2]}*"] if first else []),
        *([f"*{last[1]}{last[2]}"] if last else []),
    ]


def _patterns(found: Iterable[Stranger]) -> dict[str, int]:
    """Beginnings and ends of names that several share, with how many. After a dot names of persons stand, as before one: of those only what
    comes from one network counts."""
    members: dict[str, list[Stranger]] = defaultdict(list)
    for one in found:
        for name in _affixes(one.name):
            members[name].append(one)
    return {name: len(ones) for name, ones in members.items() if len(ones) >= _FEW and _coherent(name, ones)}


def _coherent(name: str, ones: list[Stranger]) -> bool:
    word = name.strip("*._-")
    if name.endswith("*") and (word in _OUTSIDERS or len(word) == 2 or "." not in name):
        return True
    return max(Counter(one.net for one in ones).values()) >= _SHARE * len(ones)
