from __future__ import annotations

import tomllib
from importlib import resources

import pytest

from countersign.rules.indicators import Kind, term
from countersign.rules.indicators.breadth import Breadth, doubt, refusal
from indicator_cases import one


@pytest.mark.parametrize(
    ("kind", "text", "words"),
    [
        ("address", "0.0.0.0/0", "large part"),
        ("address", "64.0.0.0/2", "large part"),
        ("address", "::/0", "large part"),
        ("address", "2000::/3", "large part"),
        ("address", "10.1.2.3", "RFC 1918"),
        ("address", "172.31.0.0/16", "RFC 1918"),
        ("address", "192.168.0.0/24", "RFC 1918"),
        ("address", "127.0.0.1", "loopback"),
        ("address", "::1", "loopback"),
        ("address", "fe80::1", "link-local"),
        ("address", "fd00::1", "RFC 4193"),
        ("address", "255.255.255.255", "reserved"),
        ("domain", "com", "top-level"),
        ("domain", "co.uk", "anybody"),
        ("md5", "d41d8cd98f00b204e9800998ecf8427e", "empty file"),
        ("sha256", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "empty file"),
        ("imphash", "0" * 32, "none"),
        ("file", "SVCHOST.EXE", "every machine"),
        ("file", "a", "fewer"),
        ("mutex", "ab", "fewer"),
        ("port", "443", "alone"),
    ],
)
def test_what_means_nothing_is_refused_with_its_reason(kind: str, text: str, words: str) -> None:
    assert words in (refusal(term(Kind(kind), text)) or "")


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("address", "198.51.100.0/24"),
        ("address", "11.0.0.0/8"),
        ("address", "172.32.0.1"),
        ("address", "2001:db8::/32"),
        ("domain", "evil.co.uk"),
        ("url", "http://10.0.0.1/x"),
        ("file", "evil.exe"),
        ("email", "eve@evil.example"),
    ],
)
def test_what_means_something_is_not(kind: str, text: str) -> None:
    assert refusal(term(Kind(kind), text)) is None


@pytest.mark.parametrize(
    ("kind", "text", "words"),
    [
        ("address", "8.8.8.8", "resolver"),
        ("address", "11.0.0.0/8", "provider"),
        ("domain", "github.com", "ordinary"),
        ("url", "https://github.com", "ordinary"),
    ],
)
def test_what_is_doubtful_is_warned_of(kind: str, text: str, words: str) -> None:
    assert words in (doubt(term(Kind(kind), text)) or "")


def test_a_page_of_a_doubtful_host_is_no_doubt() -> None:
    assert doubt(term(Kind.URL, "https://github.com/evil/x")) is None


def test_a_refused_indicator_keeps_its_terms() -> None:
    clauses = one("address", "10.0.0.1")
    kept, refused, warning = Breadth().judge(clauses)
    assert kept == clauses
    assert "RFC 1918" in (refused or "")
    assert warning is None


def test_with_leave_it_is_a_warning() -> None:
    _, refused, warning = Breadth(allowed=True).judge(one("address", "10.0.0.1"))
    assert refused is None
    assert "RFC 1918" in (warning or "")


def test_a_broad_alternative_is_left_out_and_told() -> None:
    kept, refused, warning = Breadth().judge((*one("address", "10.0.0.1"), *one("domain", "evil.example")))
    assert kept == one("domain", "evil.example")
    assert refused is None
    assert "left out" in (warning or "")


def test_terms_that_must_hold_together_are_as_narrow_as_the_narrowest() -> None:
    clause = (term(Kind.FILE, "svchost.exe"), term(Kind.MD5, "a" * 32))
    assert Breadth().judge((clause,)) == ((clause,), None, None)


def test_the_table_is_in_normal_form() -> None:
    table = tomllib.loads(
        resources.files("countersign.rules.indicators").joinpath("broad.toml").read_text("utf-8")
    )
    for text in [*table["special"], *table["addresses"]]:
        assert term(Kind.ADDRESS, text).value == text
    for text in table["domains"]["refused"] + table["domains"]["doubtful"]:
        assert term(Kind.DOMAIN, text).value == text
    for text in table["files"]["refused"]:
        assert term(Kind.FILE, text).value == text
