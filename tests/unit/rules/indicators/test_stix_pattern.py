from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countersign.rules.indicators.stix_pattern import (
    MAX_CLAUSES,
    MAX_DEPTH,
    MAX_PATTERN,
    _narrow,
    _parsed,
    read_pattern,
)


def said(pattern: str) -> list[list[str]]:
    return [
        [f"{term.kind}{'@' + term.side if term.side else ''}={term.value}" for term in clause]
        for clause in read_pattern(pattern).clauses
    ]


MD5, SHA256 = "a" * 32, "b" * 64


@pytest.mark.parametrize(
    ("pattern", "clauses"),
    [
        ("[ipv4-addr:value = '198.51.100.7']", [["address=198.51.100.7"]]),
        ("[ipv4-addr:value = '198.51.100.0/24']", [["address=198.51.100.0/24"]]),
        ("[ipv6-addr:value ISSUBSET '2001:db8::/32']", [["address=2001:db8::/32"]]),
        ("[domain-name:value IN ('a.example', 'b.example')]", [["domain=a.example"], ["domain=b.example"]]),
        ("[url:value = 'http://evil.example/x']", [["url=evil.example/x"]]),
        (f"[file:hashes.MD5 = '{MD5}']", [[f"md5={MD5}"]]),
        (f"[file:hashes.'SHA-256' = '{SHA256}']", [[f"sha256={SHA256}"]]),
        (f"[file:hashes.sha256 = '{SHA256}']", [[f"sha256={SHA256}"]]),
        (r"[file:name = 'it\'s \\bad.exe']", [["path=it's \\bad.exe"]]),
        (r"[mutex:name = 'Global\\Foo']", [["mutex=Foo"]]),
        ("[email-addr:value = 'Eve@Evil.example']", [["email=eve@evil.example"]]),
        ("[email-message:from_ref.value = 'eve@evil.example']", [["email=eve@evil.example"]]),
        ("[file:name LIKE 'bad.exe']", [["file=bad.exe"]]),
        (
            ("[network-traffic:dst_ref.type = 'ipv4-addr' AND network-traffic:dst_ref.value = '198.51.100.7' AND "
            "network-traffic:dst_port = 443]"),
            [["address@destination=198.51.100.7", "port@destination=443"]],
        ),
        ("[network-traffic:src_ref.value = 'evil.example']", [["domain@source=evil.example"]]),
        (
            f"[file:hashes.MD5 = '{MD5}' AND (file:name = 'a.exe' OR file:name = 'b.exe')]",
            [[f"md5={MD5}", "file=a.exe"], [f"md5={MD5}", "file=b.exe"]],
        ),
        ("[url:value = 'a.example/x'] OR ([ipv4-addr:value = '198.51.100.7'])", [["url=a.example/x"], ["address=198.51.100.7"]]),
        (
            "[domain-name:value = 'evil.example' AND domain-name:resolves_to_refs[*].value = '198.51.100.7']",
            [["domain=evil.example", "address=198.51.100.7"]],
        ),
        ("[file:name = 'a.exe' AND file:name = 'a.exe']", [["file=a.exe"]]),
    ],
)  # fmt: skip
def test_what_one_event_can_answer(pattern: str, clauses: list[list[str]]) -> None:
    meaning = read_pattern(pattern)
    assert said(pattern) == clauses
    assert not meaning.unmatched


@pytest.mark.parametrize(
    ("pattern", "clauses", "words"),
    [
        ("[ipv4-addr:value = '198.51.100.7'] AND [url:value = 'http://x.example/']", 0, "several events"),
        ("[ipv4-addr:value = '198.51.100.7'] FOLLOWEDBY [url:value = 'http://x.example/']", 0, "FOLLOWEDBY"),
        ("[ipv4-addr:value = '198.51.100.7'] REPEATS 5 TIMES", 0, "REPEATS"),
        (
            "[ipv4-addr:value = '198.51.100.7'] START t'2026-01-01T00:00:00Z' STOP t'2026-01-02T00:00:00Z'",
            0,
            "START",
        ),
        ("[file:name MATCHES '(a+)+$']", 0, "MATCHES"),
        ("[file:name LIKE '%.exe']", 0, "LIKE"),
        ("[file:name != 'a.exe']", 0, "!="),
        ("[file:name NOT = 'a.exe']", 0, "NOT"),
        ("[file:size > 5]", 0, ">"),
        ("[windows-registry-key:key = 'x']", 0, "windows-registry-key"),
        ("[file:hashes.'SHA-512' = 'x']", 0, "SHA-512"),
        ("[EXISTS file:name]", 0, "EXISTS"),
        ("[ipv4-addr:value = 'nonsense']", 0, "nonsense"),
        ("[network-traffic:dst_ref.type = 'ipv4-addr']", 0, "every event"),
        ("[file:name = 'a.exe' OR windows-registry-key:key = 'x']", 1, "windows-registry-key"),
        ("[file:name = 'a.exe' AND windows-registry-key:key = 'x']", 0, "windows-registry-key"),
        ("[file:name = 'a.exe'] OR [file:size = 5]", 1, "file:size"),
        ("[network-traffic:dst_port IN (443, h'00')]", 1, "h'00'"),
    ],
)
def test_what_cannot_be_matched_is_said_and_nothing_is_widened(
    pattern: str, clauses: int, words: str
) -> None:
    meaning = read_pattern(pattern)
    assert len(meaning.clauses) == clauses
    assert words in "; ".join(meaning.unmatched)


@pytest.mark.parametrize(
    "pattern",
    ["", "[", "x", "[a:b = ]", "[file:name = 'a'", "[file:name = 'a']]", "[" + "(" * (MAX_DEPTH + 1), "x" * (MAX_PATTERN + 1),
     '[file:name = "a"]', "(" * 60 + "[file:name = 'a.exe']" + ")" * 59],
)  # fmt: skip
def test_what_is_no_pattern_is_said(pattern: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        read_pattern(pattern)


def test_products_are_bounded() -> None:
    many = " OR ".join(f"file:name = 'f{number}.exe'" for number in range(60))
    meaning = read_pattern(f"[({many}) AND ({many})]")
    assert not meaning.clauses
    assert str(MAX_CLAUSES) in meaning.unmatched[0]
    alike = " AND ".join(f"file:name = 'f{number}.exe'" for number in range(40))
    assert "hold together" in read_pattern(f"[{alike}]").unmatched[0]


def test_a_thousand_alternatives_are_read() -> None:
    many = " OR ".join(f"file:hashes.MD5 = '{number:032x}'" for number in range(1000))
    assert len(read_pattern(f"[{many}]").clauses) == 1000


values = st.text(alphabet="aA1.\\'%-é ", max_size=12)
paths = st.sampled_from(
    ["file:name", "domain-name:value", "file:hashes.MD5", "file:hashes.'SHA-1'", "url:value", "x-y:z", "mutex:name",
     "network-traffic:dst_ref.type", "network-traffic:dst_ref.value"]
)  # fmt: skip


@given(paths, values)
def test_the_short_way_reads_what_the_library_reads(path: str, value: str) -> None:
    literal = value.replace("\\", "\\\\").replace("'", "\\'")
    pattern = f"[{path} = '{literal}']"
    assert read_pattern(pattern) == _narrow(_parsed(pattern))


@given(st.text(alphabet="[]()'=: ANDORLIKE%a-z.1\\\"", max_size=40))
def test_any_text_is_a_pattern_or_an_error(text: str) -> None:
    try:
        meaning = read_pattern(text)
    except ValueError:
        return
    assert meaning.clauses or meaning.unmatched
