"""A connection for `taxii2-client` that trusts the server with nothing: size, time, redirects and hosts are bounded.

It stands in for the library's own connection, whose requests have no time limit, follow redirects to any host and
read answers of any size.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, urljoin, urlsplit

import orjson

from countersign.errors import InputError, UsageError

if TYPE_CHECKING:
    import requests

MAX_PAGE_BYTES = 64 << 20
"""One answer, unpacked. Servers serve pages of at most some 10 MiB."""
MAX_TOTAL_BYTES = 512 << 20
"""All answers of one pull."""
MAX_SECONDS = 1800.0
"""One pull, whatever the server does."""
MAX_REDIRECTS = 5
TIMEOUT = (10.0, 60.0)
"""Seconds to connect, and between two pieces of an answer."""
_CHUNK = 1 << 16
_MEDIA = "application/taxii+json"
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_SAID: Mapping[int, tuple[str, str]] = {
    401: ("the server wants other credentials", "give --user, and the password or token by the environment"),
    403: (
        "these credentials may not read here",
        "ask the server's owner for the right to read this collection",
    ),
    404: (
        "there is nothing at this address",
        "name a collection, an API root or a discovery service (TAXII 2.1)",
    ),
    406: ("the server does not speak TAXII 2.1", "ask its owner for a TAXII 2.1 address"),
    429: ("the server asks to wait", "pull again later"),
    503: ("the server is busy", "pull again later"),
}


class Connection:
    """GETs JSON from one origin. `insecure` allows http to hosts that are not this machine."""

    def __init__(
        self,
        url: str,
        *,
        user: str = "",
        password: str = "",
        token: str = "",
        insecure: bool = False,
        max_page: int = MAX_PAGE_BYTES,
        max_total: int = MAX_TOTAL_BYTES,
        max_seconds: float = MAX_SECONDS,
    ) -> None:
        import requests

        self._origin = _checked(url, insecure=insecure)
        self._max_page = max_page
        self._left = max_total
        self._deadline = time.monotonic() + max_seconds
        self._session: requests.Session = requests.Session()
        self._session.headers["User-Agent"] = "countersign"
        if token:
            self._session.headers["Authorization"] = f"Bearer {token}"
        elif user:
            self._session.auth = (user, password)
        self.added_last = ""
        """`X-TAXII-Date-Added-Last` of the latest answer (TAXII 2.1, 3.4): where the next pull begins."""

    def get(
        self, url: str, headers: Mapping[str, str] | None = None, params: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """The JSON object at `url`. Raises `InputError` for anything else."""
        import requests

        try:
            response = self._follow(url, headers, params)
            with response:
                self._judge(response)
                body = self._read(response)
                self.added_last = response.headers.get("X-TAXII-Date-Added-Last", "")
        except requests.RequestException as error:
            raise InputError(
                f"the server cannot be reached: {_short(error)}",
                path=url,
                remedy="check the address and the network",
            ) from error
        try:
            found = orjson.loads(body)
        except orjson.JSONDecodeError as error:
            raise InputError(f"the answer is no JSON: {error.msg}", path=url) from error
        if not isinstance(found, dict):
            raise InputError("the answer is no JSON object", path=url)
        return found

    def close(self) -> None:
        """End it."""
        self._session.close()

    def _follow(
        self, url: str, headers: Mapping[str, str] | None, params: Mapping[str, Any] | None
    ) -> requests.Response:
        """Redirects are followed within the origin only, so that credentials go nowhere else."""
        for _ in range(MAX_REDIRECTS + 1):
            self._same_origin(url)
            asked = {"Accept": f"{_MEDIA};version=2.1", **(headers or {})}
            response = self._session.get(
                url, headers=asked, params=params, stream=True, allow_redirects=False, timeout=TIMEOUT
            )
            if response.status_code not in _REDIRECTS:
                return response
            target = response.headers.get("Location", "")
            response.close()
            url, params = urljoin(url, target), None
        raise InputError(f"more than {MAX_REDIRECTS} redirects", path=url)

    def _same_origin(self, url: str) -> None:
        parts = urlsplit(url)
        if _origin(parts) != self._origin:
            raise InputError(
                f"the server sends us to another host: {url[:200]}",
                path="://".join(self._origin[:2]),
                remedy="if you trust that host, pull from its address",
            )

    @staticmethod
    def _judge(response: requests.Response) -> None:
        status = response.status_code
        if status not in {200, 206}:
            message, remedy = _SAID.get(status, (f"the server answers with status {status}", ""))
            raise InputError(message, path=response.url, remedy=remedy)
        media = response.headers.get("Content-Type", "").replace(" ", "").lower()
        if media.partition(";")[0] != _MEDIA or "version=2.0" in media:
            raise InputError(
                f"the answer is {media[:80]!r} and not {_MEDIA}",
                path=response.url,
                remedy="name a collection, an API root or a discovery service (TAXII 2.1)",
            )

    def _read(self, response: requests.Response) -> bytes:
        body = bytearray()
        for chunk in response.iter_content(_CHUNK):
            body += chunk
            self._left -= len(chunk)
            if len(body) > self._max_page:
                raise InputError(f"an answer is larger than {self._max_page:,} bytes", path=response.url)
            if self._left < 0:
                raise InputError(
                    "the collection is larger than may be pulled at once",
                    path=response.url,
                    remedy="pull a part of it: --added-after TIME",
                )
            if time.monotonic() > self._deadline:
                raise InputError("the server takes too long", path=response.url, remedy="pull again later")
        return bytes(body)


def _origin(parts: SplitResult) -> tuple[str, str, int]:
    port = parts.port or {"https": 443, "http": 80}.get(parts.scheme, 0)
    return parts.scheme, (parts.hostname or "").lower(), port


def _checked(url: str, *, insecure: bool) -> tuple[str, str, int]:
    try:
        parts = urlsplit(url)
        origin = _origin(parts)
    except ValueError as error:
        raise UsageError(f"{url!r} is no address: {error}") from error
    scheme, host, _ = origin
    if scheme not in {"https", "http"} or not host:
        raise UsageError(f"{url!r} is no address of a TAXII server\n  remedy: write https://HOST/...")
    if parts.username or parts.password:
        raise UsageError(
            "the address holds a user name or password, which logs would keep\n  remedy: give --user, and the "
            "password by the environment"
        )
    if scheme == "http" and not insecure and not _is_here(host):
        raise UsageError(
            f"{url} is not encrypted: anybody on the way could read the credentials and change the indicators\n"
            "  remedy: use https, or say --insecure"
        )
    return origin


def _is_here(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _short(error: Exception) -> str:
    """The last cause, which says what happened, without the objects that the library prints around it."""
    cause: BaseException = error
    while cause.__context__ is not None:
        cause = cause.__context__
    return f"{type(cause).__name__}: {cause}"[:200]
