"""What is known of addresses and hosts besides the logs: country, autonomous system, an address book with groups.

Everything comes from files that the settings name; nothing is asked over a network. It is applied when results are read, so
that a newer file speaks of old visits too, and is never stored with events.

References: MaxMind DB file format 2.0, https://maxmind.github.io/MaxMind-DB/.
"""

from __future__ import annotations

import csv
import ipaddress
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from countersign.errors import InputError

if TYPE_CHECKING:
    from countersign.app.workspace import Workspace

BOOK_BYTES = 64 << 20
HEADER = ("address", "host", "name", "groups", "logs")
_REMEDY = "mend or remove it in [enrichment] of countersign.toml"
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Lookup = Callable[[Address], Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class About:
    """What is known of an address or host; `country` is its ISO 3166 code, `name` and `groups` are the book's."""

    country: str = ""
    asn: int | None = None
    network: str = ""
    name: str = ""
    groups: tuple[str, ...] = ()

    def document(self) -> dict[str, Any]:
        """For JSON."""
        return {**asdict(self), "groups": list(self.groups)}


NOTHING = About()


def said(about: Mapping[str, Any] | None) -> str:
    """An `About` in words, empty where nothing is known."""
    if not about:
        return ""
    number = "" if about["asn"] is None else f"AS{about['asn']}"
    words = [about["name"], about["country"], " ".join(filter(None, (number, about["network"])))]
    words += [f"group {', '.join(about['groups'])}"] if about["groups"] else []
    return ", ".join(filter(None, words))


@dataclass(slots=True)
class Book:
    """The address book: by address or network, and by host."""

    networks: dict[tuple[int, int], dict[int, About]] = field(default_factory=dict)
    hosts: dict[str, About] = field(default_factory=dict)
    silent: set[str] = field(
        default_factory=set
    )  # hosts, casefolded, and networks whose column `logs` says none

    def find(self, address: Address | None, host: str) -> About:
        """What the book says: by the narrowest network, else by the host's name."""
        if address is not None:
            for version, length in sorted(self.networks, reverse=True):
                if version == address.version:
                    shift = address.max_prefixlen - length
                    found = self.networks[version, length].get(int(address) >> shift)
                    if found is not None:
                        return found
        name = host.casefold().rstrip(".")
        return self.hosts.get(name) or self.hosts.get(name.partition(".")[0]) or NOTHING


class Enricher:
    """Looks addresses and hosts up. Files are opened when the first is asked for."""

    def __init__(self, root: Path, country: str = "", asn: str = "", book: str = "") -> None:
        self._paths = {
            name: root / path for name, path in (("country", country), ("asn", asn), ("book", book)) if path
        }
        self._known: dict[tuple[str, str], About] = {}
        self._databases: tuple[Lookup, ...] | None = None
        self._book = Book()

    @classmethod
    def of(cls, workspace: Workspace) -> Enricher:
        """With the files that a workspace's settings name."""
        settings = workspace.settings
        return cls(workspace.root, settings.country, settings.asn, settings.book)

    def about(self, address: str, host: str = "") -> About:
        """What is known of an address, and of the host at it. Raises `InputError` for a file that cannot be read."""
        key = (address, host)
        if key not in self._known:
            self._known[key] = self._look_up(address, host)
        return self._known[key]

    def visit(self, body: dict[str, Any]) -> dict[str, Any]:
        """A visit's JSON body with `source_about` and `target_about` in its hops, null where nothing is known."""
        for hop in body["hops"]:
            for side, address in (("source", hop["source_ip"] or hop["source"]), ("target", hop["target"])):
                found = self.about(address, hop[side]) if self._paths else NOTHING
                hop[f"{side}_about"] = None if found == NOTHING else found.document()
        return body

    def silent(self) -> frozenset[str]:
        """Hosts (casefolded) and networks that the book declares to log nothing. Raises `InputError` as `about` does."""
        self._opened()
        return frozenset(self._book.silent)

    def _opened(self) -> tuple[Lookup, ...]:
        if self._databases is None:
            databases = [_database(path) for name, path in self._paths.items() if name != "book"]
            self._book = _book(self._paths["book"]) if "book" in self._paths else Book()
            self._databases = tuple(databases)
        return self._databases

    def _look_up(self, text: str, host: str) -> About:
        databases = self._opened()
        address = _address(text)
        listed = self._book.find(address, host)
        country, asn, network = "", None, ""
        for found in [] if address is None else [look_up(address) for look_up in databases]:
            country = country or _country(found)
            asn = _number(found) if asn is None else asn
            network = network or _text(
                found.get("autonomous_system_organization") or found.get("as_name") or ""
            )
        return About(country, asn, network, listed.name, listed.groups)


def is_silent(host: str, declared: Iterable[str]) -> bool:
    """Whether a host (a name or an address) is one of those declared to log nothing."""
    name, address = host.casefold().rstrip("."), _address(host)
    if address is None:
        return bool({name, name.partition(".")[0]} & set(declared)) and name != ""
    return any(address in network for text in declared if (network := _network(text)) is not None)


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(text)
    except ValueError:
        return None


def _address(text: str) -> Address | None:
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return None
    mapped = getattr(found, "ipv4_mapped", None)
    return mapped or found


def _country(found: Mapping[str, Any]) -> str:
    """`{"country": {"iso_code": "AT"}}` as MaxMind writes it, `{"country": "AT"}` or `country_code` as others do."""
    country = found.get("country") or found.get("registered_country") or found.get("country_code")
    return _text(country.get("iso_code", "") if isinstance(country, Mapping) else country)


def _number(found: Mapping[str, Any]) -> int | None:
    value = found.get("autonomous_system_number", found.get("asn"))
    if isinstance(value, str):
        value = value.upper().removeprefix("AS")
        return int(value) if value.isascii() and value.isdecimal() and len(value) <= 10 else None
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _text(value: object) -> str:
    return value[:200] if isinstance(value, str) else ""


def _database(path: Path) -> Lookup:
    import maxminddb

    try:
        reader = maxminddb.open_database(path)
    except (OSError, ValueError, maxminddb.InvalidDatabaseError) as error:
        raise InputError("is no database in MaxMind's format", path=str(path), remedy=_REMEDY) from error

    @cache
    def look_up(address: Address) -> Mapping[str, Any]:
        try:
            found = reader.get(address)
        except ValueError:  # an IPv6 address in a database of IPv4
            return {}
        except maxminddb.InvalidDatabaseError as error:
            raise InputError("is damaged", path=str(path), remedy=_REMEDY) from error
        return found if isinstance(found, dict) else {}

    return look_up


def _book(path: Path) -> Book:
    try:
        if path.stat().st_size > BOOK_BYTES:
            raise InputError("is larger than 64 MiB", path=str(path), remedy=_REMEDY)
        text = path.read_text("utf-8-sig")
    except OSError as error:
        raise InputError(
            f"cannot be read: {(error.strerror or '').lower()}", path=str(path), remedy=_REMEDY
        ) from error
    except UnicodeDecodeError as error:
        raise InputError("is not UTF-8 text", path=str(path), remedy="save it as UTF-8") from error
    rows = csv.DictReader(text.splitlines())
    names = set(rows.fieldnames or ())
    if not names & {"address", "host"} or not names <= set(HEADER):
        remedy = f"its first line is {','.join(HEADER)}"
        raise InputError("has another header than an address book", path=str(path), line=1, remedy=remedy)
    book = Book()
    try:
        for row in rows:
            _entry(book, {name: (row.get(name) or "").strip() for name in HEADER}, path, rows.line_num)
    except csv.Error as error:
        raise InputError("is no CSV", path=str(path), line=rows.line_num, remedy=_REMEDY) from error
    return book


def _entry(book: Book, row: Mapping[str, str], path: Path, line: int) -> None:
    groups = tuple(filter(None, (part.strip() for part in row["groups"].split(";"))))
    about = About(name=row["name"] or row["host"], groups=groups)
    if row["logs"].casefold() not in {"", "none"}:
        remedy = "leave it empty, or write none for what cannot log"
        raise InputError(
            "the column logs has another word than none", path=str(path), line=line, remedy=remedy
        )
    if row["logs"]:
        book.silent.update(filter(None, (row["host"].casefold().rstrip("."), row["address"])))
    if row["host"]:
        book.hosts.setdefault(row["host"].casefold().rstrip("."), about)
    if row["address"]:
        try:
            network = ipaddress.ip_network(row["address"])
        except ValueError as error:
            remedy = "such as 203.0.113.9 or 203.0.113.0/24"
            raise InputError(
                "this is no address or network", path=str(path), line=line, remedy=remedy
            ) from error
        shift = network.max_prefixlen - network.prefixlen
        entries = book.networks.setdefault((network.version, network.prefixlen), {})
        entries.setdefault(int(network.network_address) >> shift, about)
