"""What a bare value is, told by strict parsing; and how people write values so that nobody clicks on them."""

from __future__ import annotations

import re

from countersign.rules.indicators.addresses import packed
from countersign.rules.indicators.terms import HASH_DIGITS, Clause, Kind, Side, Term, term
from countersign.rules.indicators.words import file_endings

_DOTS = re.compile(r"\s?(?:\[\.\]|\(\.\)|\{\.\}|\[dot\]|\(dot\)|\{dot\}|\[\.|\.\]|\\\.)\s?", re.IGNORECASE)
_COLONS = re.compile(r"\[:\]|\[:(?=//)|\[(?=:/)")
_SLASHES = re.compile(r":\[//\]|\[:?//\]|\[://\]")
_ATS = re.compile(r"\s?(?:\[@\]|\[at\]|\(at\)|\(@\)|\{at\})\s?", re.IGNORECASE)
_SCHEME = re.compile(r"\A(?:h[tx]{2}p|hxxp|meow|h\*\*p|http)(s?)(?=:|\[)", re.IGNORECASE)
_FTP = re.compile(r"\Af[tx]p(s?)(?=:|\[)", re.IGNORECASE)
_HEX = re.compile(r"[0-9A-Fa-f]+", re.ASCII)
_DRIVE = re.compile(r"[A-Za-z]:[\\/]|\\\\|%[A-Za-z]+%\\", re.ASCII)
_MUTEX = re.compile(r"(?:Global|Local|Session|BaseNamedObjects)\\[^\\]+", re.ASCII)
_TLD = re.compile(r"[a-z]{2,63}|xn--[a-z0-9-]{1,59}", re.ASCII)
_FILE = re.compile(r"[^\\/:*?\"<>|]{1,255}\.([A-Za-z0-9]{1,8})")


def refang(text: str) -> str:
    """The value as it was before somebody made it harmless: `hxxps[://]evil[.]example` is `https://evil.example`."""
    text = text.strip()
    if len(text) < 2:
        return text
    if text[0] in "\"'<" and text[-1] in "\"'>":
        text = text[1:-1].strip()
    if "[" in text or "(" in text or "{" in text or "\\." in text:
        text = _SLASHES.sub("://", text)
        text = _COLONS.sub(":", text)
        text = _ATS.sub("@", text) if "@" in text or "at" in text.lower() else text
        if not text.startswith("\\\\"):
            text = _DOTS.sub(".", text)
    if text[0] in "hHmM":
        return _SCHEME.sub(r"http\1", text)
    return _FTP.sub(r"ftp\1", text) if text[0] in "fF" else text


def guess(text: str) -> tuple[Clause, ...]:
    """The clauses that a refanged value stands for. Raises `ValueError` where it is nothing that is known."""
    kind = HASH_DIGITS.get(len(text))
    if kind is not None and _HEX.fullmatch(text):
        return ((Term(kind, text.lower()),),)
    if text[:1].isdigit() or ":" in text:
        found = _addressed(text)
        if found is not None:
            return found
    if "://" in text:
        return ((term(Kind.URL, text),),)
    if "\\" in text or text.startswith("/"):
        return ((_local(text),),)
    if "/" in text:
        return (_schemeless(text),)
    if "@" in text:
        return ((term(Kind.EMAIL, text),),)
    return ((_named(text),),)


def at_port(address: str, port: str, side: Side = Side.ANY) -> tuple[Clause, ...]:
    """An address with a port: both at one end of a connection."""
    ends = (Side.DESTINATION, Side.SOURCE) if side is Side.ANY else (side,)
    return tuple((term(Kind.ADDRESS, address, end), term(Kind.PORT, port, end)) for end in ends)


def _addressed(text: str) -> tuple[Clause, ...] | None:
    if packed(text) is not None:
        return ((term(Kind.ADDRESS, text),),)
    base, slash, length = text.partition("/")
    if slash and length.isdecimal() and packed(base) is not None:
        return ((term(Kind.ADDRESS, text),),)
    host, _, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if port.isdecimal() and host.count(":") != 1 and packed(host) is not None:
        return at_port(host, port)
    return None


def _local(text: str) -> Term:
    if _MUTEX.fullmatch(text):
        return term(Kind.MUTEX, text)
    if _DRIVE.match(text) or (text.startswith("/") and not text.startswith("//")):
        return term(Kind.PATH, text)
    raise ValueError("neither a path with a drive or root nor a mutex")


def _schemeless(text: str) -> Clause:
    host = text.partition("/")[0].partition(":")[0]
    if packed(host) is None:
        _domain(host)
    return (term(Kind.URL, text),)


def _named(text: str) -> Term:
    found = _FILE.fullmatch(text)
    if found is not None and found[1].lower() in file_endings():
        return term(Kind.FILE, text)
    return _domain(text)


def _domain(text: str) -> Term:
    found = term(Kind.DOMAIN, text)
    if "." not in found.value or not _TLD.fullmatch(found.value.rpartition(".")[2]):
        raise ValueError("neither an address, a domain, a URL, a hash, a file name, a path nor a mutex")
    return found
