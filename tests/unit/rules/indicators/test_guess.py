from __future__ import annotations

import pytest

from countersign.rules.indicators import Kind, Side
from countersign.rules.indicators.guess import at_port, guess, refang


@pytest.mark.parametrize(
    ("harmless", "plain"),
    [
        ("hxxp://evil[.]example/x", "http://evil.example/x"),
        ("hxxps[://]evil[.]example", "https://evil.example"),
        ("hXXps[:]//evil(.)example", "https://evil.example"),
        ("meow://evil{.}example", "http://evil.example"),
        ("fxp://evil[dot]example", "ftp://evil.example"),
        ("198.51.100[.]7", "198.51.100.7"),
        ("198[.51[.100.]7", "198.51.100.7"),
        ("eve[@]evil[.]example", "eve@evil.example"),
        ("eve[at]evil[.]example", "eve@evil.example"),
        ("'evil.example'", "evil.example"),
        (r"evil\.example", "evil.example"),
        (r"\\srv\share\.x", r"\\srv\share\.x"),
        ("http://[2001:db8::7]/x", "http://[2001:db8::7]/x"),
        ("hxxp", "hxxp"),
        ("x", "x"),
        ("", ""),
    ],
)
def test_what_was_made_harmless_is_read_as_it_was(harmless: str, plain: str) -> None:
    assert refang(harmless) == plain


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("D41D8CD98F00B204E9800998ECF8427E", "md5"),
        ("a" * 40, "sha1"),
        ("b" * 64, "sha256"),
        ("198.51.100.7", "address"),
        ("198.51.100.0/24", "address"),
        ("2001:db8::/32", "address"),
        ("fe80::1", "address"),
        ("evil.example", "domain"),
        ("evil.zip", "domain"),
        ("update.com", "domain"),
        ("xn--bcher-kva.example", "domain"),
        ("http://evil.example", "url"),
        ("evil.example/gate.php", "url"),
        ("198.51.100.7/gate.php", "url"),
        ("bad.exe", "file"),
        ("invoice 12.docx", "file"),
        (r"C:\Windows\Temp\bad.exe", "path"),
        (r"%TEMP%\bad.exe", "path"),
        ("/tmp/.x/bad", "path"),  # noqa: S108  # a path in an indicator
        (r"Global\Foo-1", "mutex"),
        ("eve@evil.example", "email"),
    ],
)
def test_the_kind_is_told_by_the_value(text: str, kind: str) -> None:
    assert guess(text)[0][0].kind == kind


@pytest.mark.parametrize(
    "text",
    ["", "com", "evil", "hello world", "1.2.3", "1.2.3.4.5", "::gg", "c" * 33, "foo\\bar", "//x", "-", "bad.exe extra",
     "1.2.3.0/33", "12345"],
)  # fmt: skip
def test_what_is_nothing_is_said(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        guess(text)


def test_an_address_with_a_port_is_both_at_one_end() -> None:
    found = guess("198.51.100.7:443")
    assert [[(one.kind, one.side) for one in clause] for clause in found] == [
        [(Kind.ADDRESS, Side.DESTINATION), (Kind.PORT, Side.DESTINATION)],
        [(Kind.ADDRESS, Side.SOURCE), (Kind.PORT, Side.SOURCE)],
    ]
    assert guess("[2001:db8::7]:443")[0][0].value == "2001:db8::7"
    assert len(at_port("198.51.100.7", "443", Side.SOURCE)) == 1
