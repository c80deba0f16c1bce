"""Values that break engines: other alphabets, null bytes, wildcards in logs, lists, and very long ones."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import pyarrow as pa
import pytest

from countersign.rules import CompiledSet

Fires = Callable[[str, list[dict[str, str | None]]], list[int]]
MIB = 1 << 20


@pytest.mark.parametrize(
    ("item", "values", "hits"),
    [
        ("A: straße", ["STRASSE", "Straße", "STRAẞE", "strase"], [0, 1, 2]),
        ("A|contains: ss", ["ß", "ẞ", "s"], [0, 1]),
        ("A|contains|cased: ss", ["ß", "ss"], [1]),
        ("A: kelvin", ["\u212aelvin", "KELVIN"], [0, 1]),
        ("A|cased: kelvin", ["\u212aelvin", "kelvin"], [1]),
        ("A: istanbul", ["ISTANBUL", "İSTANBUL", "ıstanbul"], [0]),
        ("A: İx", ["i\u0307X", "İX", "iX"], [0, 1]),
        ("A: ıx", ["ıX", "iX"], [0]),
        ("A: ΣΑΣ", ["σας", "σασ"], [0, 1]),
        ("A: 'ſ'", ["S", "s"], [0, 1]),
        ("A: e\u0301", ["\u00e9", "E\u0301"], [1]),
        ("A: '?'", ["ß", "ss", "a", "\U0001f600"], [2, 3]),
        ("A: '??'", ["ß", "ss", "\U0001f600"], [0, 1]),
        ("A|contains: ДОМ", ["в доме", "dom"], [0]),
        ("A|re: '^.$'", ["\U0001f600", "ab"], [0]),
        ("A|re|i: 'straSSe'", ["STRASSE", "straße"], [0]),
    ],
)
def test_case_beyond_ascii(fires: Fires, item: str, values: Sequence[str], hits: list[int]) -> None:
    for field in ("CommandLine", "Oddity"):
        rows: list[dict[str, str | None]] = [{field: value} for value in values]
        assert fires(f"s: {{{item.replace('A', field, 1)}}}\ncondition: s", rows) == hits


@pytest.mark.parametrize(
    ("item", "values", "hits"),
    [
        ('A: "a\\0b"', ["a\0b", "a", "ab", "A\0B"], [0, 3]),
        ('A|contains: "\\0"', ["a\0b", "\0", "", "0"], [0, 1]),
        ("A: a", ["a\0", "a", "\0a"], [1]),
        ("A|startswith: a", ["a\0b"], [0]),
        ("A|re: 'a.b'", ["a\0b"], [0]),
        ("A|wide: ab", ["a\0b\0", "ab"], [0]),
        ("A: 'a?b'", ["a\0b", "a\nb", "ab"], [0, 1]),
        ("A: 5", ["5\0", "5", "5\n", " 5"], [1]),
    ],
)
def test_null_bytes(fires: Fires, item: str, values: Sequence[str], hits: list[int]) -> None:
    assert fires(f"s: {{{item}}}\ncondition: s", [{"A": value} for value in values]) == hits


def test_wildcards_in_a_log_are_plain(fires: Fires) -> None:
    rows: list[dict[str, str | None]] = [{"A": value} for value in ("*", "?", "a*c", "abc", "\\*", "%x%")]
    assert fires("s: {A: abc}\ncondition: s", rows) == [3]
    assert fires("s: {A: 'a\\*c'}\ncondition: s", rows) == [2]
    assert fires("s: {A: '\\*'}\ncondition: s", rows) == [0]
    assert fires("s: {A: '\\\\*'}\ncondition: s", rows) == [4]
    assert fires("s: {A: '%x%'}\ncondition: s", rows) == [5]


def test_the_marks_of_the_engine_cannot_be_written(fires: Fires) -> None:
    """A value that looks like the end of one and the begin of the next is one value."""
    rows: list[dict[str, str | None]] = [{"A": "x\ufdd0cmd\ufdd1y"}, {"A": "x\ue000cmd"}, {"A": "cmd"}]
    assert fires("s: {A: cmd}\ncondition: s", rows) == [2]
    assert fires("s: {A|startswith: cmd}\ncondition: s", rows) == [2]


def test_a_list_is_one_text(fires: Fires) -> None:
    """As the sources write it: members with commas or line ends between."""
    rows: list[dict[str, str | None]] = [{"answers": "1.1.1.1,2.2.2.2"}, {"answers": "1.1.1.1"}]
    assert fires("s: {answers|contains: 2.2.2.2}\ncondition: s", rows) == [0]
    assert fires("s: {answers: 2.2.2.2}\ncondition: s", rows) == []


def test_of_two_spellings_of_one_name_the_first_counts(
    compiled: Callable[..., CompiledSet], events: Callable[..., pa.Table]
) -> None:
    made = compiled("s: {OddName: x}\ncondition: s")
    rows = [{"Odd Name": "x", "OddName": "y"}, {"Odd_Name": "y", "oddname": "x"}]
    assert made.match(events(rows))["row"].to_pylist() == [0]


@pytest.mark.parametrize(
    "item",
    [
        "A|re: '(a+)+$'",
        "A|re: '(a|aa)+$'",
        "A|re: '(.*a){20}b$'",
        "A|re: '(a?){100}b'",
        "A|re|i: '([a-z]+)*[0-9]{3}$'",
        "A: '*a?a?a?a?b*'",
        "A: '*a*a*a*a*b'",
        "A|contains: '?a?a?a?b'",
        "A|windash|contains: ' -a -b -c'",
        "A|contains: ['aaaaaaaaab', 'aaaaaaab', 'ab']",
        "A|lt: 5",
        "A|cidr: 10.0.0.0/8",
        "A|hour: 5",
        "A|fieldref|contains: B",
    ],
)
def test_a_long_hostile_value_takes_time_in_proportion(
    compiled: Callable[..., CompiledSet], events: Callable[..., pa.Table], item: str
) -> None:
    """A mebibyte that makes other engines search for ever. The bound is generous: each takes well under a second."""
    made = compiled(f"s: {{{item}}}\ncondition: s")
    values = ["a" * MIB + "!", "ab" * (MIB // 2) + "!", "-" * MIB, "1" * MIB]
    table = events([{"A": value, "B": "a" * 1000 + "c"} for value in values])
    begun = time.process_time()
    assert made.match(table).num_rows <= len(values)
    assert time.process_time() - begun < 15


def test_long_values_are_searched_whole(fires: Fires) -> None:
    rows: list[dict[str, str | None]] = [{"A": "x" * MIB + "aQb" + "x" * MIB}, {"A": "x" * MIB}]
    assert fires("s: {A|contains: 'A?B'}\ncondition: s", rows) == [0]
    assert fires("s: {A|contains|cased: 'a?b'}\ncondition: s", rows) == [0]
    assert fires("s: {A|contains|cased: 'A?B'}\ncondition: s", rows) == []
    assert fires("s: {A|contains: aqb}\ncondition: s", rows) == [0]
    assert fires("s: {A|re: 'aQb'}\ncondition: s", rows) == [0]
    assert fires("s: [aqb]\ncondition: s", rows) == [0]


@pytest.mark.parametrize("plain", ["a.b", "a+b", "\\", "[x]", "a\\Eb", "$^|(){}", "_-", "\0", "ß.", "\n"])
def test_what_c_searches_is_quoted(fires: Fires, plain: str) -> None:
    """Values beyond `LONG` go through RE2, where these would mean something."""
    filler = "z" * 20_000
    rows: list[dict[str, str | None]] = [{"A": f"{filler}q{plain}w{filler}"}, {"A": f"{filler}qw{filler}"}]
    value = plain.replace("\\", "\\\\").replace("'", "''").replace("*", "\\*")
    quoted = '"' + (f"*q{value}?*").replace("\\", "\\\\").replace("\n", "\\n").replace("\0", "\\0") + '"'
    assert fires(f"s: {{A: {quoted}}}\ncondition: s", rows) == [0]
