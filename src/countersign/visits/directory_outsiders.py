"""Who of an exported directory is an outsider: guests, vendors' accounts by what they are called, who may come from afar, who holds
rights, and who sleeps. Each account is one line of each kind, with the signs by which it was found.

Nothing here is proof: a name is only a name, and an export holds only what was exported.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from countersign.visits.directory import Directory, Entry

GUESTS, VENDOR, VPN, REMOTE, RIGHTS, DORMANT = (
    "guests",
    "vendor name",
    "VPN group",
    "remote access group",
    "rights",
    "dormant",
)
ASLEEP = "not in the last 90 days"
DORMANT_DAYS = 90
REPLICATION = 14
"""Days by which `lastLogonTimestamp` may be late (MS-ADTS 2.2, msDS-LogonTimeSyncInterval): a later logon may not show yet."""
_HOUSE, _MANY = 0.1, 20
"""A company or mail domain of this share of all accounts, and of so many, is the house's own: merged houses have several."""
_OLD_PASSWORD = 365
_UNIT = re.compile(
    r"\b(?:vendor|extern|external|externe|ext|contractor|supplier|third[ -]?party|3rd[ -]?party|partner|fremdfirma|fremdfirmen|"
    r"dienstleister|lieferant|lieferanten|fernwartung|prestataire|fournisseur|proveedor|proveedore|fornitore|fornitori|leverancier)s?\b",
    re.IGNORECASE,
)
_TEXT = re.compile(
    r"\b(?:vendor|externer?|external|contractor|supplier|third[ -]?party|3rd[ -]?party|fremdfirma|dienstleister|lieferant|fernwartung|"
    r"remote (?:support|maintenance)|prestataire|fournisseur|proveedor|fornitore|leverancier)s?\b",
    re.IGNORECASE,
)
"""Not `consultant`, who is a physician in hospitals, nor `partner` and `maintenance`, which houses have of their own."""
_PREFIXES = frozenset(
    {"ext", "extern", "external", "vendor", "vnd", "partner", "contractor", "supplier", "dl", "ff"}
)
_TOKENS = re.compile(r"[.\-_\\ ]")
_FIRMS = re.compile(
    r"\b(?:accenture|agfa|atos|bechtle|cancom|capgemini|cerner|cgi|cognizant|computacenter|dedalus|draeger|dräger|dxc|epic systems|"
    r"fresenius|fujitsu|ge healthcare|hcl|honeywell|ibm|infosys|intersystems|johnson controls|kaseya|kyndryl|meierhofer|mindray|"
    r"nexus ag|ntt data|ntt|olympus|oracle|philips|roche|sap se|schneider electric|siemens|solarwinds|t-systems|tata consultancy|"
    r"tcs|telekom|unisys|veeam|wipro)\b",
    re.IGNORECASE,
)
"""Firms that many organisations let in; others are found by their company, mail domain or unit."""
_VPN = re.compile(r"vpn|anyconnect|globalprotect|forticlient|pulse secure|openvpn|always ?on", re.IGNORECASE)
_REMOTE = re.compile(
    r"remote[ _-]?(?:desktop|access|management|support|admin)|\brd[sp]\b|rdp|citrix|jump[ _-]?(?:host|server)|bastion|fernwartung|"
    r"fernzugriff|teleworking|winrm|\bssh\b|\bpam\b",
    re.IGNORECASE,
)
_RIGHTS = frozenset(
    {
        "domain admins", "enterprise admins", "schema admins", "administrators", "account operators", "backup operators", "server operators",
        "print operators", "dnsadmins", "group policy creator owners", "domänen-admins", "organisations-admins", "administratoren",
        "admins du domaine", "administrateurs",
    }
)  # fmt: skip
"""Groups of Active Directory with rights over it, by name."""


@dataclass(slots=True)
class Listing:
    """Accounts of a directory that share `name`, with the signs by which each was found; `notes` are of the whole."""

    kind: str
    name: str
    accounts: dict[str, Entry] = field(default_factory=dict)
    signs: Counter[str] = field(default_factory=Counter)
    unknown: int = 0

    def why(self) -> str:
        """The evidence in words."""
        entries = list(self.accounts.values())
        day = _day(max((entry.taken for entry in entries), default=0))
        words = [
            f"{sign} {count:,}"
            for sign, count in sorted(self.signs.items(), key=lambda item: (-item[1], item[0]))[:3]
        ]
        words += [f"{text} {count:,}" for text, count in _counts(entries) if count]
        oldest = min(
            (entry.password_set for entry in entries if entry.password_set[:1].isdigit()), default=""
        )
        words += [f"oldest password {oldest[:10]}"] if oldest else []
        words += [f"not in the export {self.unknown:,}"] if self.unknown else []
        return f"directory of {day}: {', '.join(words)}" if words else f"directory of {day}"


@dataclass(slots=True)
class _Listings:
    """What is being listed, and all who were found to be outsiders."""

    made: dict[tuple[str, str], Listing] = field(default_factory=dict)
    outsiders: dict[str, Entry] = field(default_factory=dict)

    def of(self, kind: str, name: str) -> Listing:
        return self.made.setdefault((kind, name.lower()), Listing(kind, name))

    def put(self, kind: str, name: str, entry: Entry, sign: str) -> None:
        listing = self.of(kind, name)
        if entry.key not in listing.accounts:
            listing.signs[sign] += 1
            listing.accounts[entry.key] = entry
        if kind != RIGHTS:
            self.outsiders[entry.key] = entry


def listings(found: Directory) -> list[Listing]:
    """Every kind in turn, by name."""
    out = _Listings()
    for kind, name, entry, sign in (*_guests(found), *_vendors(found)):
        out.put(kind, name, entry, sign)
    groups = [(kind, group) for group in found.groups() if (kind := _kind(group))]
    # who may come from afar is an outsider too, so rights come last
    for kind, group in sorted(groups, key=lambda item: (item[0] == RIGHTS, item[1].key)):
        _members(out, found, kind, group)
    told = _told(found)
    for entry in list(out.outsiders.values()):
        if sign := _asleep(entry, told):
            out.put(DORMANT, ASLEEP, entry, sign)
    return [out.made[key] for key in sorted(out.made) if out.made[key].accounts]


def _members(out: _Listings, found: Directory, kind: str, group: Entry) -> None:
    """Those of one group: all who may come from afar, of those with rights only outsiders."""
    for key, path in found.within(group.key).items():
        entry = found.entries.get(key)
        if kind == RIGHTS:
            entry = out.outsiders.get(key)
        elif entry is None:
            out.of(kind, group.name).unknown += 1
        if entry is not None:
            out.put(kind, group.name, entry, f"through {path[0]}" if path else "direct members")


def _guests(found: Directory) -> Iterator[tuple[str, str, Entry, str]]:
    for entry in found.persons():
        if entry.guest:
            yield GUESTS, _guest_domain(entry), entry, "guest accounts"


def _guest_domain(entry: Entry) -> str:
    """Where a guest is at home: `ann_partner.example#EXT#@ours.example`, else the mail address."""
    before = entry.upn.lower().partition("#ext#")[0] if "#ext#" in entry.upn.lower() else ""
    home = before.rpartition("_")[2] if "_" in before else (entry.mail or entry.upn).rpartition("@")[2]
    return home or "not named"


def _vendors(found: Directory) -> Iterator[tuple[str, str, Entry, str]]:
    people = [entry for entry in found.persons() if not entry.guest]
    companies = _foreign(_folded(entry.company) for entry in people)
    domains = _foreign(_domain(entry.mail) for entry in people) - {
        name for entry in people for name in (entry.domain, _domain(entry.upn))
    }
    for entry in people:
        named = _named(entry, companies, domains)
        if named is not None:
            yield VENDOR, named[0], entry, named[1]


def _named(entry: Entry, companies: set[str], domains: set[str]) -> tuple[str, str] | None:
    """What a vendor's account is called after, the most telling first, and by what it was found."""
    if _folded(entry.company) in companies:
        return entry.company.strip(), "company"
    if (domain := _domain(entry.mail)) in domains:
        return domain, "mail domain"
    spoken = " ".join((entry.name, entry.title, entry.text, entry.company, *entry.units))
    if match := _FIRMS.search(spoken):
        return match[0].lower(), "name of a firm"
    for unit in entry.units:
        if _UNIT.search(unit):
            return f"OU {unit}", "organisational unit"
    if match := _TEXT.search(entry.text) or _TEXT.search(entry.title):
        return f"called {match[0].lower()}", "description"
    first = _TOKENS.split(entry.name.lower(), 1)
    if len(first) > 1 and first[0] in _PREFIXES:
        return f"called {first[0]}", "account name"
    return None


def _foreign(values: Iterable[str]) -> set[str]:
    """Those that are not the house's: all but the most frequent and those of a tenth of all accounts."""
    counts = Counter(values)
    total = counts.total()
    counts.pop("", None)
    if not counts:
        return set()
    most = max(counts.values())
    return {
        value for value, count in counts.items() if count < most and (count < _HOUSE * total or count < _MANY)
    }


def _kind(group: Entry) -> str:
    said = f"{group.name} {group.text}" if group.kind == "group" else group.name
    if group.kind == "role" or group.name.lower() in _RIGHTS:
        return RIGHTS
    return VPN if _VPN.search(said) else REMOTE if _REMOTE.search(said) else ""


def _told(found: Directory) -> dict[str, bool]:
    """The products whose exports tell of logons at all."""
    told: dict[str, bool] = defaultdict(bool)
    for entry in found.entries.values():
        told[entry.product] |= bool(entry.last_logon)
    return told


def _asleep(entry: Entry, told: Mapping[str, bool]) -> str:
    """Why an enabled account counts as dormant on the day of the export; empty if it does not."""
    if entry.enabled == "false" or not told[entry.product]:
        return ""
    day = datetime.fromtimestamp(entry.taken / 1_000_000, UTC)
    last = moment(entry.last_logon)
    if last is None:
        made = moment(entry.created)
        return "never logged on" if made is not None and made < day - timedelta(days=DORMANT_DAYS) else ""
    if entry.replicated:
        # what is not replicated yet may be so much younger
        late = last < day - timedelta(days=DORMANT_DAYS + REPLICATION)
        return f"by lastLogonTimestamp, its lag of up to {REPLICATION} days allowed for" if late else ""
    return "by the last sign-in" if last < day - timedelta(days=DORMANT_DAYS) else ""


def _counts(entries: Iterable[Entry]) -> list[tuple[str, int]]:
    found: Counter[str] = Counter()
    for entry in entries:
        day = datetime.fromtimestamp(entry.taken / 1_000_000, UTC)
        ends, password = moment(entry.expires), moment(entry.password_set)
        found["disabled"] += entry.enabled == "false"
        if entry.enabled == "false":
            continue
        found["without an end date"] += entry.expires == "never"
        found["expired"] += ends is not None and ends < day
        found["password older than a year"] += password is not None and password < day - timedelta(
            days=_OLD_PASSWORD
        )
    return [
        (text, found[text])
        for text in ("disabled", "without an end date", "expired", "password older than a year")
    ]


def moment(text: str) -> datetime | None:
    """A date of an export; None for `never` and nothing."""
    try:
        found = datetime.fromisoformat(text) if text[:1].isdigit() else None
    except ValueError:
        return None
    return found if found is None or found.tzinfo else found.replace(tzinfo=UTC)


def _day(microseconds: int) -> str:
    return datetime.fromtimestamp(microseconds / 1_000_000, UTC).date().isoformat()


def _domain(address: str) -> str:
    return address.lower().rpartition("@")[2] if "@" in address else ""


def _folded(text: str) -> str:
    return text.strip().casefold()
