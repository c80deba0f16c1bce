"""Squid's access log: who fetched what through the proxy, where it went, how much.

For an auditor it shows what left and what came in by the web, with the user where the proxy asks for one. Of encrypted connections
only the host is there (`CONNECT`), and the time is that of the end. Fields have the names of W3C's extended log, which rules for
proxies use (`c-uri`, `cs-host`, `sc-status`), as Squid's own format has none.

References: http://www.squid-cache.org/Doc/config/logformat/ (squid, combined, common); https://wiki.squid-cache.org/Features/LogFormat.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

from countersign.sources._family import Family, has
from countersign.sources._flat import Row
from countersign.sources._lines import LONGEST
from countersign.sources._mapping import What, account, endpoint, enum
from countersign.sources._payload import Payload, line_source
from countersign.sources._times import epoch, written
from countersign.sources._web import by_method, ending

_HTTP = 4002
_NATIVE = re.compile(
    r"(?P<time>\d{9,11}\.\d{3}) +(?P<taken>-?\d{1,12}) (?P<client>\S{1,255}) (?P<result>[A-Z_]{1,64})/(?P<status>\d{3}|-) (?P<size>\d{1,18}) "
    r"(?P<method>[A-Z_-]{1,32}) (?P<uri>\S{1,65536}) (?P<user>\S{1,1024}) (?P<peering>[A-Z_]{1,64})/(?P<server>\S{1,255}) (?P<type>\S{1,255})"
)
_COMBINED = re.compile(
    r"(?P<client>\S{1,255}) \S{1,255} (?P<user>\S{1,1024}) \[(?P<date>\d{1,2}/[A-Z][a-z]{2}/\d{4}):(?P<clock>\d\d:\d\d:\d\d) (?P<offset>[+-]\d{4})\] "
    r'"(?P<method>[A-Z_-]{1,32}) (?P<uri>\S{1,65536}) \S{1,16}" (?P<status>\d{3}) (?P<size>\d{1,18}) (?:"(?P<referrer>[^"]{0,8192})" "(?P<agent>[^"]{0,8192})" )?'
    r"(?P<result>[A-Z_]{1,64}):(?P<peering>[A-Z_]{1,64})"
)
_NAMES = {"client": "c-ip", "result": "s-action", "status": "sc-status", "size": "sc-bytes", "method": "cs-method", "uri": "c-uri",
          "user": "cs-username", "peering": "s-hierarchy", "server": "r-ip", "type": "rs-content-type", "taken": "time-taken",
          "referrer": "cs-referrer", "agent": "c-useragent"}  # fmt: skip


def _read(text: str) -> dict[str, Any] | None:
    if len(text) > LONGEST:
        return None
    match = _NATIVE.match(text) or _COMBINED.match(text)
    if match is None:
        return None
    row: dict[str, Any] = {
        _NAMES.get(name, name): value for name, value in match.groupdict().items() if value not in {None, "-"}
    }
    _split(row)
    return row


def _split(row: dict[str, Any]) -> None:
    """What rules ask of an address apart: host, path, query, ending."""
    uri = str(row.get("c-uri", ""))
    if "://" not in uri:  # CONNECT host:443
        row["cs-host"] = uri.rpartition(":")[0] or uri
        return
    try:
        parts = urlsplit(uri)
        host = parts.hostname
    except ValueError:  # a bad IPv6 address
        return
    row |= {
        name: value
        for name, value in (("cs-host", host), ("cs-uri-stem", parts.path), ("c-uri-query", parts.query))
        if value
    }
    if found := ending(parts.path):
        row["c-uri-extension"] = found


class _Lines(Payload):
    """Squid has no word at the beginning: a time since 1970, or an address."""

    def find(self, text: str) -> tuple[int, Row] | None:
        row = self.read(text)
        if row is not None:
            return 0, row
        ends = (text.find(mark, 0, _REACH) for mark in (")[", "]: ", "): "))
        start = text.find(": ", max(ends), _REACH) + 2  # behind `(squid-1)[7]: `
        row = self.read(text[start:]) if start > 1 else None
        return None if row is None else (start, row)


_REACH = 256


def _kind(activity: int) -> What:
    return What(
        _HTTP,
        activity,
        columns={
            "url": "c-uri",
            "http_request.http_method": "cs-method",
            "http_request.user_agent": "c-useragent",
            "http_request.referrer": "cs-referrer",
            "http_response.code": "sc-status",
            "dst_endpoint.hostname": "cs-host",
            "traffic.bytes_in": "sc-bytes",
            "duration": "time-taken",
            "status_code": "s-action",
            "action_id": enum("s-action", {"TCP_DENIED": 2, "TCP_DENIED_REPLY": 2}, 1),
        },
        steps=(
            account("user", "cs-username"),
            endpoint("src_endpoint", "c-ip"),
            endpoint("dst_endpoint", "r-ip"),
        ),
    )


FAMILY = Family(
    name="squid",
    title="Squid access log",
    page="proxies",
    product="Squid",
    vendor="",
    match=has("c-ip", "s-action", "s-hierarchy"),
    time=(epoch("time", "s"), written("date", "clock", order="dmy", offset="offset")),
    log="=access",
    by=("cs-method",),
    kinds=by_method(_kind),
    otherwise=_kind(99),
)
PAYLOAD = _Lines(("17", "18"), _read)
SOURCE = line_source(FAMILY, PAYLOAD)
