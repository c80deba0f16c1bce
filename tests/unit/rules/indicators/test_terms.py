from __future__ import annotations

import pytest

from countersign.rules.indicators import Kind, term
from countersign.rules.indicators.terms import host_of, url_key


@pytest.mark.parametrize(
    ("kind", "text", "normal"),
    [
        ("address", " 198.51.100.7 ", "198.51.100.7"),
        ("address", "198.51.100.7/24", "198.51.100.0/24"),
        ("address", "198.51.100.7/32", "198.51.100.7"),
        ("address", "2001:DB8:0::7", "2001:db8::7"),
        ("address", "::ffff:198.51.100.7", "198.51.100.7"),
        ("address", "::ffff:198.51.100.0/120", "198.51.100.0/24"),
        ("address", "fe80::1%eth0", "fe80::1"),
        ("domain", "*.Evil.EXAMPLE.", "evil.example"),
        ("domain", "bücher.example", "xn--bcher-kva.example"),
        ("domain", "_dmarc.evil.example", "_dmarc.evil.example"),
        ("url", "HTTPS://u:p@Evil.example:443/A?b#c", "evil.example/A?b"),
        ("url", "evil.example?x", "evil.example/?x"),
        ("url", "http://[2001:db8::7]:8080/x", "[2001:db8::7]:8080/x"),
        ("md5", "0xAB" + "0" * 30, "ab" + "0" * 30),
        ("file", "Bad.EXE", "bad.exe"),
        ("path", "C:/T\\Bad.exe", "c:\\t\\bad.exe"),
        ("mutex", r"Global\Foo", "Foo"),
        ("email", "Eve@Evil.Example", "eve@evil.example"),
        ("port", "0443", "443"),
    ],
)
def test_one_normal_form(kind: str, text: str, normal: str) -> None:
    assert term(Kind(kind), text).value == normal


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("address", "198.51.100.256"),
        ("address", "198.51.100.07"),
        ("address", "1.2.3"),
        ("address", "1.2.3.4-1.2.3.9"),
        ("domain", "198.51.100.7"),
        ("domain", "a..b"),
        ("domain", "spa ce.example"),
        ("domain", "x" * 64 + ".example"),
        ("domain", ".".join(["x" * 60] * 5)),
        ("url", "http:///path"),
        ("md5", "0" * 31),
        ("sha256", "g" * 64),
        ("file", r"c:\bad.exe"),
        ("file", "*.exe"),
        ("path", "bad.exe"),
        ("mutex", "Global\\"),
        ("email", "eve@"),
        ("port", "65536"),
        ("port", "٤٤٣"),
        ("domain", "evil.example\0"),
        ("file", "a\nb"),
        ("file", "x" * 5000),
        ("domain", "   "),
    ],
)
def test_what_is_no_value_of_its_kind_is_said(kind: str, text: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        term(Kind(kind), text)


def test_the_host_of_a_url() -> None:
    assert host_of(url_key("http://Evil.example:8080/x")) == "evil.example"
    assert host_of(url_key("http://[2001:db8::7]:8080/x")) == "2001:db8::7"
