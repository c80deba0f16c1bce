"""MISP events as JSON, alone, as a search's answer or as a feed's files.

Attributes that their authors mean for detection (`to_ids`) are indicators; the others are context and are counted.

Reference: MISP core format (https://www.misp-standard.org/rfc/misp-standard-core.html).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from countersign.rules.indicators.guess import at_port, refang
from countersign.rules.indicators.lists import tlp_of
from countersign.rules.indicators.tables import TLP, Draft, Problem
from countersign.rules.indicators.terms import Clause, Kind, Side, term

Reader = Callable[[str], tuple[Clause, ...]]


def _plain(kind: Kind, side: Side = Side.ANY) -> Reader:
    return lambda text: ((term(kind, refang(text), side),),)


def _file(text: str) -> tuple[Clause, ...]:
    kind = Kind.PATH if "\\" in text or "/" in text else Kind.FILE
    return ((term(kind, text),),)


def _ported(text: str) -> tuple[Clause, ...]:
    host, _, port = text.rpartition("|")
    return at_port(refang(host), port)


def _host_and_port(text: str) -> tuple[Clause, ...]:
    return ((term(Kind.DOMAIN, refang(text.rpartition("|")[0])),),)


def _domain_or_address(text: str) -> tuple[Clause, ...]:
    domain, _, address = text.partition("|")
    return ((term(Kind.DOMAIN, refang(domain)),), (term(Kind.ADDRESS, refang(address)),))


def _named(kind: Kind) -> Reader:
    """`name|hash`: the hash alone, since files are renamed and names shared."""
    return lambda text: ((term(kind, text.rpartition("|")[2]),),)


READERS: Mapping[str, Reader] = {
    # the ends are not held to: who sees a connection decides which of its ends is the source
    "ip-src": _plain(Kind.ADDRESS),
    "ip-dst": _plain(Kind.ADDRESS),
    "ip-src|port": _ported,
    "ip-dst|port": _ported,
    "domain": _plain(Kind.DOMAIN),
    "hostname": _plain(Kind.DOMAIN),
    "hostname|port": _host_and_port,
    "domain|ip": _domain_or_address,
    "url": _plain(Kind.URL),
    "uri": _plain(Kind.URL),
    "md5": _plain(Kind.MD5),
    "sha1": _plain(Kind.SHA1),
    "sha256": _plain(Kind.SHA256),
    "imphash": _plain(Kind.IMPHASH),
    "x509-fingerprint-md5": _plain(Kind.MD5),
    "x509-fingerprint-sha1": _plain(Kind.SHA1),
    "x509-fingerprint-sha256": _plain(Kind.SHA256),
    "filename": _file,
    "filename|md5": _named(Kind.MD5),
    "filename|sha1": _named(Kind.SHA1),
    "filename|sha256": _named(Kind.SHA256),
    "filename|imphash": _named(Kind.IMPHASH),
    "malware-sample": _named(Kind.MD5),
    "mutex": _plain(Kind.MUTEX),
    "email": _plain(Kind.EMAIL),
    "email-src": _plain(Kind.EMAIL),
    "email-dst": _plain(Kind.EMAIL),
    "email-reply-to": _plain(Kind.EMAIL),
}
"""Attribute types that events are matched by."""
_CONFIDENCE = {
    "completely-confident": 100, "usually-confident": 75, "fairly-confident": 50, "rarely-confident": 25,
    "unconfident": 0,
}  # fmt: skip
"""The taxonomy `misp:confidence-level`."""


def read_event(event: Mapping[str, Any], path: str) -> Iterator[Draft | Problem]:
    """The indicators of one event."""
    info = _text(event.get("info"))
    organisation = event.get("Orgc")
    author = _text(organisation.get("name")) if isinstance(organisation, dict) else ""
    yield from read_attributes(_attributes(event), path, info, author, _tags(event))


def read_attributes(
    attributes: Iterator[object], path: str, info: str = "", author: str = "", tags: tuple[str, ...] = ()
) -> Iterator[Draft | Problem]:
    """The indicators among attributes of one event, or of a search for attributes."""
    context = count = 0
    unknown: Counter[str] = Counter()
    for item in attributes:
        count += 1
        if not isinstance(item, dict):
            yield Problem(path, None, info[:80], "an attribute is no JSON object")
            continue
        kind = _text(item.get("type"))
        if not _said(item.get("to_ids")) or _said(item.get("deleted")):
            context += 1
        elif kind not in READERS:
            unknown[kind[:40]] += 1
        else:
            yield _attribute(item, kind, path, info, author, tags)
    if not count:
        yield Problem(path, None, info[:80], "it holds no attributes")
    if context:
        yield Problem(
            path,
            None,
            info[:80],
            f"{context} {'attribute is' if context == 1 else 'attributes are'} context and not for detection (to_ids)",
        )
    for kind, count in sorted(unknown.items()):
        yield Problem(
            path,
            None,
            info[:80],
            f"{count} {'attribute' if count == 1 else 'attributes'} of type {kind!r}: not matched in any event",
        )


def _attribute(
    item: Mapping[str, Any], kind: str, path: str, info: str, author: str, tags: tuple[str, ...]
) -> Draft | Problem:
    value, uuid = _text(item.get("value")), _text(item.get("uuid"))
    own = item.get("Event")
    if not info and isinstance(own, dict):
        info = _text(own.get("info"))
    try:
        clauses = READERS[kind](value.strip())
        tags = (*tags, *_tags(item))
        comment = _text(item.get("comment")).strip()
        return Draft(
            key=uuid[:80] or f"{kind}:{value}",
            clauses=clauses,
            title=f"{info} ({comment})" if comment and info else info or comment,
            author=author,
            labels=", ".join(dict.fromkeys((_text(item.get("category")), *tags))).strip(", "),
            confidence=_confidence(tags),
            tlp=_tlp(tags),
            modified=_moment(item.get("timestamp")),
            pattern=f"{kind}: {value}",
        )
    except (ValueError, OverflowError) as error:
        return Problem(path, None, (uuid or value)[:80], f"{kind} {value[:80]!r}: {error}")


def _attributes(event: Mapping[str, Any]) -> Iterator[object]:
    """Its own attributes and those of its objects."""
    for holder in (event, *_list(event.get("Object"))):
        if isinstance(holder, dict):
            yield from _list(holder.get("Attribute"))


def _said(value: object) -> bool:
    """MISP writes truth as JSON's, as a number or as a text."""
    return value in (1, "1")  # True is 1


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _tags(item: Mapping[str, Any]) -> tuple[str, ...]:
    found = (_text(tag.get("name")) for tag in _list(item.get("Tag")) if isinstance(tag, dict))
    return tuple(name for name in found if name)


def _tlp(tags: tuple[str, ...]) -> str:
    """The strictest TLP among the tags."""
    named = [tlp_of(tag) for tag in tags if tag.lower().startswith("tlp:")]
    return max((word for word in named if word), key=TLP.index, default="")


def _confidence(tags: tuple[str, ...]) -> int | None:
    """The lowest that is stated: an attribute's own tag may qualify its event's."""
    stated = [
        _CONFIDENCE[word]
        for tag in tags
        if tag.lower().startswith("misp:confidence-level")
        and (word := tag.partition("=")[2].strip('" ').lower()) in _CONFIDENCE
    ]
    return min(stated, default=None)


def _moment(value: object) -> datetime | None:
    """Seconds since 1970, as MISP writes them."""
    text = str(value) if isinstance(value, int | str) else ""
    return datetime.fromtimestamp(int(text), UTC) if text.isdecimal() and len(text) <= 11 else None


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
