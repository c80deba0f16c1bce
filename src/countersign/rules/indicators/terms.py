"""What an indicator can be: the kinds of values, and each kind's one normal form.

Two spellings of one thing (`EVIL.example.`, `evil[.]example`) have one normal form here, and the events' values are
brought to the same form before they are compared (see `match`). Nothing is guessed here; see `guess`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv6Network, ip_network

from countersign.rules.indicators.addresses import packed

MAX_VALUE = 4096
"""Characters of a value. URLs beyond some 2,000 characters work nowhere."""


class Kind(StrEnum):
    """Of what kind a value is. `ADDRESS` is an address or a network of them."""

    ADDRESS = "address"
    DOMAIN = "domain"
    URL = "url"
    MD5 = "md5"
    SHA1 = "sha1"
    SHA256 = "sha256"
    IMPHASH = "imphash"
    FILE = "file"
    PATH = "path"
    MUTEX = "mutex"
    EMAIL = "email"
    PORT = "port"


class Side(StrEnum):
    """At which end of a connection a value must stand."""

    ANY = ""
    SOURCE = "source"
    DESTINATION = "destination"


@dataclass(frozen=True, slots=True, order=True)
class Term:
    """One comparison: an event holds a value of this kind that equals `value` (for a domain: or lies below it, for a
    network: or lies in it). `value` is in normal form."""

    kind: Kind
    value: str
    side: Side = Side.ANY


Clause = tuple[Term, ...]
"""Terms that one event must all hold. An indicator has one or more clauses, of which one is enough."""

_NAME = re.compile(r"(?:[a-z0-9_-]{1,63}\.)*[a-z0-9_-]{1,63}", re.ASCII)
"""Labels that begin or end with a hyphen are wrong, and are in use."""
_HEX = re.compile(r"[0-9a-f]+", re.ASCII)
_URL = re.compile(
    r"(?:[A-Za-z][A-Za-z0-9+.-]*://)?(?:[^/?#@]*@)?(?P<host>[^/?#]*)(?P<rest>[^#]*)(?:#.*)?", re.DOTALL
)
URL_PARTS = r"^(?:[A-Za-z][A-Za-z0-9+.-]*://)?(?:[^/?#@]*@)?(?P<host>[^/?#]*)(?P<rest>[^#]*)"
"""The same for Arrow (RE2)."""
DEFAULT_PORT = r":(?:80|443)?$"
_DEFAULT_PORT = re.compile(r":(?:80|443)?\Z")
_PORT = re.compile(r":[0-9]{1,5}\Z", re.ASCII)
_MAIL_NAME = re.compile(r"[^\s@<>\"(),:;\[\]\\]{1,64}")
HASH_DIGITS = {32: Kind.MD5, 40: Kind.SHA1, 64: Kind.SHA256}
"""Hexadecimal digits of a hash -> what it is."""


def term(kind: Kind, text: str, side: Side = Side.ANY) -> Term:
    """`text` as a term. Raises `ValueError` with the reason where it is no value of that kind."""
    text = text.strip()
    if not text:
        raise ValueError("the value is empty")
    if len(text) > MAX_VALUE:
        raise ValueError(f"the value is longer than {MAX_VALUE} characters")
    if "\0" in text or not text.isprintable():
        raise ValueError("the value holds control characters")
    return Term(kind, _NORMAL[kind](text), side)


def _address(text: str) -> str:
    if ":" not in text and "/" not in text and packed(text) is not None:
        return text  # strictly parsed, so it is written in its only way
    network = ip_network(text.partition("%")[0] if "/" not in text else text, strict=False)
    if isinstance(network, IPv6Network):
        mapped = network.network_address.ipv4_mapped
        if mapped is not None and network.prefixlen >= 96:
            network = ip_network((mapped, network.prefixlen - 96), strict=False)
    whole = network.prefixlen == network.max_prefixlen
    return str(network.network_address) if whole else str(network)


def domain_name(text: str) -> str:
    """A domain name: lower case, in ASCII (IDNA), without the root's dot and a leading wildcard."""
    name = text.lower().removeprefix("*.").strip(".")
    if not name.isascii():
        name = name.encode("idna").decode("ascii")
    if len(name) > 253 or not _NAME.fullmatch(name):
        raise ValueError("this is no domain name")
    if name.rpartition(".")[2].isdecimal():
        raise ValueError("no domain ends in a number")
    return name


def url_key(text: str) -> str:
    """What of a URL is compared: host (lower case, without a default port), path and query.

    The scheme is left out, since sensors name it as they see it (Zeek writes `http` always, proxies what was asked
    of them), and so are a user name and the fragment, which no server ever sees.
    """
    found = _URL.fullmatch(text)
    host = "" if found is None else _DEFAULT_PORT.sub("", found["host"].lower())
    if found is None or not host:
        raise ValueError("this URL names no host")
    bare = host_of(host)
    if packed(bare) is None:
        host = host.replace(bare, domain_name(bare), 1)
    rest = found["rest"]
    return host + (rest if rest.startswith("/") else "/" + rest)


def host_of(key: str) -> str:
    """The host of a `url_key`, without its port and brackets."""
    host = key.partition("/")[0]
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return _PORT.sub("", host)


def _digest(digits: int) -> Callable[[str], str]:
    def normal(text: str) -> str:
        lower = text.lower().removeprefix("0x")
        if len(lower) != digits or not _HEX.fullmatch(lower):
            raise ValueError(f"a hash of this kind has {digits} hexadecimal digits")
        return lower

    return normal


def _file(text: str) -> str:
    if "\\" in text or "/" in text:
        raise ValueError("a file name has no folders")
    if text in {".", ".."} or "*" in text or "?" in text:
        raise ValueError("this is no file name; patterns are not matched")
    return text.lower()


def _path(text: str) -> str:
    path = text.replace("/", "\\").lower()
    if "\\" not in path.strip("\\") and not path.startswith("\\"):
        raise ValueError("a path names a folder")
    if "*" in path:
        raise ValueError("patterns are not matched")
    return path


def _mutex(text: str) -> str:
    name = text.replace("/", "\\").rpartition("\\")[2]
    if not name:
        raise ValueError("the mutex has no name")
    return name


def _email(text: str) -> str:
    name, _, domain = text.rpartition("@")
    if not _MAIL_NAME.fullmatch(name):
        raise ValueError("this is no e-mail address")
    return f"{name.lower()}@{domain_name(domain)}"


def _port(text: str) -> str:
    if not text.isdecimal() or not text.isascii() or len(text) > 5 or not 0 < int(text) < 65_536:
        raise ValueError("a port is a number from 1 to 65535")
    return str(int(text))


_NORMAL: dict[Kind, Callable[[str], str]] = {
    Kind.ADDRESS: _address,
    Kind.DOMAIN: domain_name,
    Kind.URL: url_key,
    Kind.MD5: _digest(32),
    Kind.SHA1: _digest(40),
    Kind.SHA256: _digest(64),
    Kind.IMPHASH: _digest(32),
    Kind.FILE: _file,
    Kind.PATH: _path,
    Kind.MUTEX: _mutex,
    Kind.EMAIL: _email,
    Kind.PORT: _port,
}
