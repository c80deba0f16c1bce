"""Zscaler Internet Access: web transactions as the Nanolog streaming service sends them.

For an auditor it shows who fetched what from where, allowed or blocked, with the user whom Zscaler knows (a mail address) and
the machine behind Zscaler Client Connector. What passes by (bypasses, private access) is not there. A feed is what its
administrator made of it: read are the vendor's templates of pairs divided by tabs, and CEF.

References: https://help.zscaler.com/zia/nss-feed-output-format-web-logs; Zscaler and Splunk deployment guide; Zscaler NSS CEF feed.
"""

from __future__ import annotations

import re
from typing import Any

from countersign.sources._family import Family
from countersign.sources._flat import Row
from countersign.sources._lines import LONGEST, cef
from countersign.sources._mapping import What, account, endpoint, enum
from countersign.sources._payload import Payload, line_source
from countersign.sources._times import epoch, written
from countersign.sources._web import by_method, ending

_HTTP = 4002
_CEF = "CEF:0|Zscaler|"
_OF_CEF = {
    "act": "action", "suser": "user", "src": "ClientIP", "dst": "serverip", "request": "url", "requestMethod": "requestmethod",
    "requestClientApplication": "useragent", "requestContext": "refererURL", "out": "requestsize", "in": "responsesize",
    "outcome": "status", "dhost": "hostname", "shost": "devicehostname", "cat": "urlcategory", "sourceTranslatedAddress": "clientpublicIP",
}  # fmt: skip


def _read(text: str) -> dict[str, Any] | None:
    if len(text) > LONGEST:
        return None
    if text.startswith("CEF:"):
        found = cef(text)
        if found is None:
            return None
        named = {_OF_CEF.get(name, name): value for name, value in found.items()} | {"vendor": "Zscaler"}
        _split(named)
        return named
    row: dict[str, Any] = {}
    first, *pairs = text.split("\t")
    for pair in pairs if "=" not in first else (first, *pairs):
        name, equal, value = pair.partition("=")
        if equal and (name := name.strip()) and name not in row:
            row[name] = value.strip().strip('"')
    if row.get("vendor") != "Zscaler":
        return None
    if row.get("serverip") == "0.0.0.0":  # noqa: S104  # blocked: no server was asked
        del row["serverip"]
    if "=" not in first:
        row.setdefault("datetime", first.strip())
    _split(row)
    return row


def _split(row: dict[str, Any]) -> None:
    """What rules ask of an address apart, under the names they use: its query, and the ending of what is fetched."""
    path, _, query = str(row.get("url", "")).partition("?")
    if query:
        row["c-uri-query"] = query
    if "/" in path and (found := ending(path)):
        row["c-uri-extension"] = found


class _Lines(Payload):
    """A feed begins with its time; the vendor's name stands somewhere behind."""

    def find(self, text: str) -> tuple[int, Row] | None:
        start = text.find(_CEF, 0, _REACH)
        if start < 0:
            if "vendor=Zscaler" not in text:
                return None
            first = text.partition("\t")[0][:_REACH]
            begin = _BEGIN.search(first)
            start = 0 if begin is None else begin.start()
        row = self.read(text[start:])
        return None if row is None else (start, row)


_REACH = 512
_BEGIN = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$|(?:datetime|reason|time)=[^=]{0,128}$")


def _match(row: Row) -> bool:
    return row.get("vendor") == "Zscaler" and ("url" in row or "cef.signature" in row)


def _kind(activity: int) -> What:
    return What(
        _HTTP,
        activity,
        columns={
            "url": "url",
            "http_request.http_method": "requestmethod",
            "http_request.user_agent": "useragent",
            "http_request.referrer": "refererURL",
            "http_response.code": "status",
            "traffic.bytes_out": "requestsize",
            "traffic.bytes_in": "responsesize",
            "src_endpoint.name": ("devicehostname", "deviceowner"),
            "src_endpoint.proxy_endpoint.ip": "clientpublicIP",
            "src_endpoint.zone": "location",
            "dst_endpoint.hostname": "hostname",
            "group.name": "department",
            "policy.name": ("rulelabel", "reason"),
            "file.name": "filename",
            "file.hashes": "bamd5",
            "finding_info.title": "threatname",
            "metadata.uid": "event_id",
            "action_id": enum("action", {"Allowed": 1, "Allow": 1, "Blocked": 2, "Block": 2}),
        },
        steps=(
            account("user", "user"),
            account("user", "login"),
            endpoint("src_endpoint", "ClientIP"),
            endpoint("dst_endpoint", "serverip"),
        ),
    )


FAMILY = Family(
    name="zscaler",
    title="Zscaler Internet Access web log",
    page="proxies",
    product="Internet Access",
    vendor="Zscaler",
    match=_match,
    time=(epoch("epochtime"), epoch("rt"), written("datetime", order="ymd"), written("rt", order="mdy")),
    log="=web",
    by=("requestmethod",),
    kinds=by_method(_kind),
    otherwise=_kind(99),
)
PAYLOAD = _Lines((_CEF, "20", "reason=", "datetime="), _read)
SOURCE = line_source(FAMILY, PAYLOAD)
