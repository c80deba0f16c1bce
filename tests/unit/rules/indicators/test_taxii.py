"""Against a real TAXII 2.1 server (OASIS's medallion), and against servers that break the rules."""

from __future__ import annotations

import base64
import json
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from countersign.errors import Error, InputError, UsageError
from countersign.rules.indicators import taxii
from countersign.rules.indicators._http import Connection

MEDIA = "application/taxii+json;version=2.1"
COLLECTION = "91a7b528-80eb-42ed-a74d-c6fbd5a26116"
SECRET = "52892447-4d7e-4f70-b94d-d7f22742ff63"
INDICATORS = 25


def indicator(number: int) -> dict[str, Any]:
    stamp = f"2026-03-01T00:00:{number:02d}.000Z"
    return {
        "type": "indicator",
        "spec_version": "2.1",
        "id": f"indicator--{uuid.UUID(int=number)}",
        "created": stamp,
        "modified": stamp,
        "pattern": f"[domain-name:value = 'h{number}.evil.example']",
        "pattern_type": "stix",
        "valid_from": stamp,
    }


def stored(id_: str, objects: list[dict[str, Any]], *, readable: bool = True) -> dict[str, Any]:
    return {
        "id": id_,
        "title": f"Collection {id_[:4]}",
        "can_read": readable,
        "can_write": False,
        "media_types": ["application/stix+json;version=2.1"],
        "objects": objects,
        "manifest": [
            {
                "id": item["id"],
                "date_added": f"2026-03-02T00:00:{number:02d}.000000Z",
                "version": item["modified"],
                "media_type": "application/stix+json;version=2.1",
            }
            for number, item in enumerate(objects)
        ],
    }


def medallion_config() -> dict[str, Any]:
    return {
        "backend": {
            "module": "medallion.backends.memory_backend",
            "module_class": "MemoryBackend",
            "default_page_size": 10,
            "data": {
                "/discovery": {
                    "title": "A server",
                    "default": "{base}/trustgroup1/",
                    "api_roots": ["{base}/trustgroup1/"],
                },
                "trustgroup1": {
                    "information": {
                        "title": "A group",
                        "versions": ["application/taxii+json;version=2.1"],
                        "max_content_length": 9_765_625,
                    },
                    "status": [],
                    "collections": [
                        stored(COLLECTION, [indicator(number) for number in range(INDICATORS)]),
                        stored(SECRET, [indicator(99)], readable=False),
                    ],
                },
            },
        },
        "users": {"admin": "Password0"},
        "taxii": {"max_page_size": 10},
    }


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    pytest.importorskip("medallion", reason="the server of the TAXII tests is not installed")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    base = f"http://127.0.0.1:{port}"
    folder = tmp_path_factory.mktemp("taxii")
    config = medallion_config()
    data = json.dumps(config["backend"].pop("data")).replace("{base}", base)
    (folder / "data.json").write_text(data, "utf-8")
    config["backend"]["filename"] = str(folder / "data.json")
    (folder / "config.json").write_text(json.dumps(config), "utf-8")
    command = [
        sys.executable,
        "-m",
        "medallion.scripts.run",
        "--port",
        str(port),
        str(folder / "config.json"),
    ]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            answers(port)
            yield base
        finally:
            process.kill()


def answers(port: int) -> None:
    """Wait until somebody listens."""
    for _ in range(300):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise TimeoutError("medallion did not start")


def ids(pulled: taxii.Pulled) -> set[str]:
    return {item["id"] for item in pulled.objects}


EXPECTED = {indicator(number)["id"] for number in range(INDICATORS)}


@pytest.mark.parametrize(
    "path", ["/taxii2/", "/trustgroup1/", f"/trustgroup1/collections/{COLLECTION}/", "/trustgroup1"]
)
def test_everything_is_pulled_page_by_page(server: str, path: str) -> None:
    told: list[int] = []
    pulled = taxii.pull(
        server + path, user="admin", password="Password0", progress=lambda done, _: told.append(done)
    )
    assert ids(pulled) == EXPECTED
    assert len(told) >= 3
    assert pulled.collections == ("Collection 91a7",)
    assert bool(pulled.problems) == ("collections/" not in path)


def test_a_later_pull_goes_on_where_the_last_one_ended(server: str) -> None:
    url = f"{server}/trustgroup1/collections/{COLLECTION}/"
    first = taxii.pull(url, user="admin", password="Password0")
    assert first.added_last == "2026-03-02T00:00:24.000000Z"
    rest = taxii.pull(url, user="admin", password="Password0", added_after="2026-03-02T00:00:20Z")
    assert ids(rest) == {indicator(number)["id"] for number in range(21, 25)}
    assert not taxii.pull(url, user="admin", password="Password0", added_after=first.added_last).objects


def test_wrong_credentials(server: str) -> None:
    with pytest.raises(InputError, match="other credentials"):
        taxii.pull(server + "/taxii2/", user="admin", password="wrong")


def test_no_such_address(server: str) -> None:
    with pytest.raises(InputError, match="nothing at this address"):
        taxii.pull(server + "/nowhere/", user="admin", password="Password0")


def test_a_collection_that_may_not_be_read(server: str) -> None:
    with pytest.raises(InputError, match="no collection that may be read"):
        taxii.pull(f"{server}/trustgroup1/collections/{SECRET}/", user="admin", password="Password0")


# --- servers that break the rules

Answer = tuple[int, dict[str, str], bytes]


@contextmanager
def rogue(answer: Callable[[str, dict[str, str]], Answer | Any]) -> Iterator[str]:
    """A server that answers each path as told: a JSON value, or (status, headers, body)."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = answer(self.path, dict(self.headers))
            if not isinstance(found, tuple):
                found = (200, {"Content-Type": MEDIA}, json.dumps(found).encode())
            status, headers, body = found
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=http.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{http.server_port}/c/"
    finally:
        http.shutdown()
        thread.join()
        http.server_close()


ABOUT = {"id": "c", "title": "C", "can_read": True, "can_write": False}


def collection(page: Callable[[str], Any]) -> Callable[[str, dict[str, str]], Any]:
    return lambda path, _: page(path) if "/objects/" in path else ABOUT


def test_redirects_to_another_host_are_not_followed() -> None:
    asked: list[str] = []

    def other(path: str, headers: dict[str, str]) -> Any:
        asked.append(headers.get("Authorization", ""))
        return ABOUT | {"path": path}

    with rogue(other) as elsewhere:
        with (
            rogue(lambda *_: (302, {"Location": elsewhere}, b"")) as url,
            pytest.raises(InputError, match="another host"),
        ):
            taxii.pull(url, user="a", password="b")
        roots = {"title": "T", "api_roots": [elsewhere]}
        with rogue(lambda *_: roots) as url, pytest.raises(InputError, match="another host"):
            taxii.pull(url, user="a", password="b")
    assert not asked


def test_redirects_on_the_same_host_are_followed_some_times() -> None:
    def answer(path: str, _: dict[str, str]) -> Any:
        if path == "/c/":
            return 308, {"Location": "/d/c/"}, b""
        return {"objects": [indicator(1)]} if "objects" in path else ABOUT

    with rogue(answer) as url:
        assert len(taxii.pull(url.replace("/c/", "/d/c/")).objects) == 1
    with (
        rogue(lambda *_: (302, {"Location": "/c/"}, b"")) as url,
        pytest.raises(InputError, match="redirects"),
    ):
        taxii.pull(url)


@pytest.mark.parametrize(
    "answer",
    [
        (200, {"Content-Type": MEDIA}, b"{"),
        (200, {"Content-Type": MEDIA}, b"[]"),
        (200, {"Content-Type": MEDIA}, b"[" * 100_000),
        (200, {"Content-Type": MEDIA}, b"\xff\xfe"),
        (200, {"Content-Type": "text/html"}, b"{}"),
        (200, {"Content-Type": "application/taxii+json; version=2.0"}, b"{}"),
        (200, {}, b"{}"),
        (200, {"Content-Type": MEDIA, "Content-Encoding": "gzip"}, b"not gzip"),
        (204, {}, b""),
        (500, {}, b"x"),
        (503, {"Retry-After": "5"}, b""),
        (302, {}, b""),
        (302, {"Location": "ftp://x/"}, b""),
        {},
        {"can_read": True},
        {"can_read": True, "self": 5},
        {"can_read": True, "id": 5, "title": "x", "can_write": 1},
        {"api_roots": [5]},
        {"api_roots": ["/x/"], "title": 5},
        {"versions": 5},
    ],
)
def test_answers_that_are_not_taxii_are_one_error(answer: Any) -> None:
    with rogue(lambda *_: answer) as url, pytest.raises(Error) as caught:
        taxii.pull(url)
    assert caught.value.diagnostics()


@pytest.mark.parametrize(
    "page",
    [{"objects": 5}, {"objects": {}}, {"more": True}, {"more": True, "next": 5}, {"more": True, "next": "a"}],
)
def test_pages_that_are_not_taxii_are_one_error(page: Any) -> None:
    with rogue(collection(lambda _: page)) as url, pytest.raises(InputError):
        taxii.pull(url)


def test_odd_objects_are_passed_over() -> None:
    with rogue(
        collection(lambda _: {"objects": [5, None, {}, {"type": []}, {"type": "note"}, indicator(1)]})
    ) as url:
        assert len(taxii.pull(url).objects) == 1


def test_pages_without_end_are_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(taxii, "MAX_PAGES", 5)
    count = iter(range(1000))
    page = collection(lambda _: {"more": True, "next": f"n{next(count)}", "objects": [indicator(1)]})
    with rogue(page) as url, pytest.raises(InputError, match="more than 5 pages"):
        taxii.pull(url)


def test_objects_without_end_are_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(taxii, "MAX_OBJECTS", 3)
    with (
        rogue(collection(lambda _: {"objects": [indicator(n) for n in range(9)]})) as url,
        pytest.raises(InputError, match="more than 3"),
    ):
        taxii.pull(url)


@pytest.mark.parametrize(
    ("limit", "words"),
    [
        ({"max_page": 1000}, "larger than 1,000"),
        ({"max_total": 1000}, "pulled at once"),
        ({"max_seconds": -1.0}, "too long"),
    ],
)
def test_answers_without_end_are_stopped(limit: dict[str, Any], words: str) -> None:
    with (
        rogue(collection(lambda _: {"objects": ["x" * 100_000]})) as url,
        pytest.raises(InputError, match=words),
    ):
        taxii.pull(url, connection=Connection(url, **limit))


def test_credentials_go_where_they_belong() -> None:
    asked: list[str] = []

    def answer(path: str, headers: dict[str, str]) -> Any:
        asked.append(headers.get("Authorization", ""))
        return {"objects": []} if "objects" in path else ABOUT

    with rogue(answer) as url:
        taxii.pull(url, token="t0ken")
        taxii.pull(url, user="a", password="b")
    assert set(asked) == {"Bearer t0ken", "Basic " + base64.b64encode(b"a:b").decode()}


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://taxii.example/", "not encrypted"),
        ("ftp://taxii.example/", "no address"),
        ("taxii.example", "no address"),
        ("https://user:pw@taxii.example/", "user name or password"),
        ("https://[::1", "no address"),
        ("https://x:port/", "no address"),
    ],
)
def test_addresses_that_cannot_be_used(url: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        taxii.pull(url)


def test_http_is_allowed_here_and_where_it_is_asked_for() -> None:
    for url in ("http://localhost/", "http://127.0.0.9:1/", "http://[::1]/", "https://taxii.example/"):
        Connection(url).close()
    Connection("http://taxii.example/", insecure=True).close()


def test_nobody_there() -> None:
    with rogue(lambda *_: {}) as url:
        gone = url
    with pytest.raises(InputError, match="cannot be reached"):
        taxii.pull(gone)


def test_times_for_a_server() -> None:
    assert taxii.moment("2026-03-02") == "2026-03-02T00:00:00.000000Z"
    assert taxii.moment("2026-03-02T01:00:00+01:00") == "2026-03-02T00:00:00.000000Z"
    with pytest.raises(InputError, match="no time"):
        taxii.moment("yesterday")
