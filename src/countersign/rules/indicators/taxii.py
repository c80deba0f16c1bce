"""Pulling indicators from TAXII 2.1 collections with OASIS's client.

Reference: TAXII Version 2.1 (https://docs.oasis-open.org/cti/taxii/v2.1/os/taxii-v2.1-os.html).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from countersign.errors import InputError
from countersign.rules.indicators._http import Connection
from countersign.rules.indicators.tables import Problem

if TYPE_CHECKING:
    from taxii2client.v21 import Collection

PAGE = 1000
"""Objects asked for at a time; servers may give fewer."""
MAX_PAGES = 20_000
MAX_EMPTY_PAGES = 10
"""In a row, with more promised."""
MAX_OBJECTS = 1_000_000
MAX_COLLECTIONS = 1000
_KEPT = frozenset(
    {
        "indicator",
        "identity",
        "marking-definition",
        "relationship",
        "malware",
        "threat-actor",
        "intrusion-set",
        "campaign",
        "tool",
    }
)
"""Types that are indicators, or that say something of them."""
Told = Callable[[int, int | None], None]


@dataclass(frozen=True, slots=True)
class Pulled:
    """What the server gave: STIX objects that matter for indicators, and the moment from which a later pull goes on
    (the server's own, empty if it did not say)."""

    objects: tuple[dict[str, Any], ...]
    added_last: str
    collections: tuple[str, ...]
    problems: tuple[Problem, ...]


def pull(
    url: str,
    *,
    user: str = "",
    password: str = "",
    token: str = "",
    added_after: str = "",
    insecure: bool = False,
    progress: Told | None = None,
    connection: Connection | None = None,
) -> Pulled:
    """All objects of the collection at `url`, or of all readable collections of an API root or discovery service.

    `added_after` is a time of the server's (RFC 3339, UTC). Raises `InputError` where the server gives anything but
    what TAXII 2.1 says, `UsageError` for an address without https that is not on this machine.
    """
    from taxii2client.exceptions import TAXIIServiceException

    logging.getLogger("taxii2client").setLevel(logging.ERROR)  # it would print its own warnings
    http = connection or Connection(url, user=user, password=password, token=token, insecure=insecure)
    try:
        return _pull(url, http, added_after, progress)
    except TAXIIServiceException as error:
        raise InputError(f"the server breaks TAXII 2.1: {error}", path=url) from error
    except (TypeError, KeyError, AttributeError, ValueError) as error:
        # the library takes the server's JSON as it comes, and a wrong type surfaces as one of these
        raise InputError(
            f"the server breaks TAXII 2.1: {type(error).__name__} in its answer", path=url
        ) from error
    finally:
        http.close()


def _pull(url: str, http: Connection, added_after: str, progress: Told | None) -> Pulled:
    objects: dict[tuple[str, str], dict[str, Any]] = {}
    problems: list[Problem] = []
    names: list[str] = []
    marks: list[str] = []
    found = list(_collections(url, http))
    for number, collection in enumerate(found):
        if number >= MAX_COLLECTIONS:
            problems.append(
                Problem(url, None, "", f"more than {MAX_COLLECTIONS} collections: the others are left out")
            )
            break
        if not collection.can_read:
            problems.append(Problem(collection.url, None, str(collection.title)[:80], "it may not be read"))
            continue
        names.append(str(collection.title)[:80])
        mark = ""
        for envelope in _pages(collection, added_after):
            mark = max(mark, http.added_last)
            _take(envelope, objects, collection.url)
            if progress is not None:
                progress(len(objects), None)
        marks.append(mark)
    if not names:
        raise InputError("there is no collection that may be read", path=url)
    # a pull of several collections goes on where the one that is furthest behind stopped
    return Pulled(tuple(objects.values()), min(marks) if all(marks) else "", tuple(names), tuple(problems))


def _take(envelope: dict[str, Any], objects: dict[tuple[str, str], dict[str, Any]], url: str) -> None:
    """Keep what matters for indicators; of one version of an object one."""
    given = envelope.get("objects", [])
    if not isinstance(given, list):
        raise InputError("the server breaks TAXII 2.1: `objects` is no list", path=url)
    for item in given:
        if isinstance(item, dict) and str(item.get("type")) in _KEPT:
            objects[str(item.get("id")), str(item.get("modified", ""))] = item
    if len(objects) > MAX_OBJECTS:
        raise InputError(
            f"more than {MAX_OBJECTS:,} objects", path=url, remedy="pull a part of it: --added-after TIME"
        )


def _pages(collection: Collection, added_after: str) -> Iterator[dict[str, Any]]:
    from taxii2client.v21 import as_pages

    empty = 0
    filters = {"added_after": added_after} if added_after else {}
    for number, envelope in enumerate(as_pages(collection.get_objects, per_request=PAGE, **filters)):
        if number >= MAX_PAGES:
            raise InputError(f"more than {MAX_PAGES:,} pages", path=collection.url)
        yield envelope
        empty = 0 if envelope.get("objects") else empty + 1
        if envelope.get("more") is True:
            # the mark may be the same for all pages of one answer: it can stand for the server's own session
            mark = envelope.get("next")
            if not isinstance(mark, str) or not mark or empty >= MAX_EMPTY_PAGES:
                raise InputError("the server promises more objects and gives none", path=collection.url)


def _collections(url: str, http: Connection) -> Iterator[Collection]:
    """Told by what the address answers: a collection has `can_read`, a discovery service `api_roots`, else it is a
    root."""
    from taxii2client.v21 import ApiRoot, Collection

    said = http.get(url if url.endswith("/") else url + "/")
    if "can_read" in said:
        yield Collection(url, conn=http, collection_info=said)
    elif isinstance(said.get("api_roots"), list):
        for root in said["api_roots"][:MAX_COLLECTIONS]:
            yield from ApiRoot(_joined(url, str(root)), conn=http).collections
    elif "versions" in said:
        yield from ApiRoot(url, conn=http).collections
    else:
        raise InputError(
            "this is neither a TAXII 2.1 collection nor an API root nor a discovery service",
            path=url,
            remedy="ask the feed's owner for the address of the collection",
        )


def _joined(base: str, path: str) -> str:
    from urllib.parse import urljoin

    return urljoin(base, path)


def moment(text: str) -> str:
    """A time as TAXII writes it. Raises `InputError` where it is none."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise InputError(
            f"{text[:40]!r} is no time", remedy="write 2026-03-02 or 2026-03-02T08:00:00Z"
        ) from None
    aware = found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    return aware.isoformat(timespec="microseconds").replace("+00:00", "Z")
