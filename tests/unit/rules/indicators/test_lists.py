from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countersign.rules.indicators import Draft, Problem, load_indicators
from countersign.rules.indicators import lists as lists_module
from countersign.rules.indicators.lists import MAX_LINE, read_lines, tlp_of


def read(text: str) -> tuple[dict[str, Draft], list[Problem]]:
    """Line by line, as everything but the plainest lines is read."""
    found = list(read_lines((line + "\n" for line in text.split("\n")), "x.csv"))
    drafts = {one.key: one for one in found if isinstance(one, Draft)}
    return drafts, [one for one in found if isinstance(one, Problem)]


@pytest.fixture(autouse=True)
def line_by_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lists_module, "recognised", lambda lines: ([], lines))


def test_a_plain_list_with_comments() -> None:
    drafts, problems = read(
        "# a list\n\nevil[.]example # seen in March\n// x\n; y\n! z\nhxxp://evil.example/x\n\t198.51.100.7 \r\nwhat is this"
    )
    assert set(drafts) == {"domain:evil.example", "url:evil.example/x", "address:198.51.100.7"}
    assert drafts["domain:evil.example"].title == "seen in March"
    assert [(problem.path, problem.line, problem.subject) for problem in problems] == [
        ("x.csv", 9, "what is this")
    ]


def test_cells_without_a_header() -> None:
    drafts, problems = read(
        f"{'a' * 32};APT10 - Source: OTX\nAPT10,evil.example,seen\n0.0.0.0 ads.example\n127.0.0.1\tads.two.example\n"
        "||ads.three.example^\n198.51.100.7:443\nhttp://evil.example/a,b;c"
    )
    assert not problems
    assert drafts["md5:" + "a" * 32].title == "APT10 - Source: OTX"
    assert drafts["domain:evil.example"].title == "APT10 seen"
    assert {"domain:ads.example", "domain:ads.two.example", "domain:ads.three.example"} <= set(drafts)
    assert "address:198.51.100.7&port:443" in drafts
    assert "url:evil.example/a,b;c" in drafts


def test_a_header_says_kinds_and_the_rest() -> None:
    drafts, problems = read(
        "ID;SHA-256 Hash;File Name;Description;Tags;Confidence;TLP;Valid From;Expires;Author\n"
        f"7;{'B' * 64};svchost.exe;a loader;apt;high;TLP:WHITE;2026-03-01;2026-04-01T10:00:00+02:00;CERT\n"
        f'8;"{"c" * 64}";;"with ; inside";;40;amber+strict;;;\n'
        "9;;only.exe;;;;;;;\n10;;;;;;;;;\n11;zz;;;;;;;;\n"
    )
    one = drafts["7"]
    assert [[term.kind for term in clause] for clause in one.clauses] == [["sha256"]]
    assert (one.title, one.labels, one.confidence, one.tlp, one.author) == (
        "a loader",
        "apt",
        85,
        "clear",
        "CERT",
    )
    assert one.valid_from == datetime(2026, 3, 1, tzinfo=UTC)
    assert one.valid_until == datetime(2026, 4, 1, 8, tzinfo=UTC)
    assert (drafts["8"].title, drafts["8"].confidence, drafts["8"].tlp) == (
        "with ; inside",
        40,
        "amber+strict",
    )
    assert drafts["9"].clauses[0][0].value == "only.exe"
    assert [problem.line for problem in problems] == [5, 6]


def test_a_header_in_a_comment_and_types_in_a_column() -> None:
    drafts, problems = read(
        '################\n# Some feed\n#\n# "first_seen_utc","ioc_id","ioc_value","ioc_type","malware"\n'
        '"2026-03-01 10:00:00", "1", "198.51.100.7:443", "ip:port", "Cobalt"\n'
        '"2026-03-01 10:00:00", "2", "evil.com", "domain", "Cobalt"\n'
        '"2026-03-01 10:00:00", "3", "rule x {}", "yara", "Cobalt"\n'
    )
    assert set(drafts) == {"1", "2"}
    assert len(drafts["1"].clauses) == 2
    assert drafts["2"].title == "Cobalt"
    assert "yara" in problems[0].reason


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_an_empty_first_cell_is_a_cell(delimiter: str) -> None:
    rows = (("", "File Name", "Domain"), ("", "", "evil.example"), ("1", "evil.exe", ""))
    drafts, problems = read("\n".join(delimiter.join(row) for row in rows))
    assert (set(drafts), problems) == ({"domain:evil.example", "file:evil.exe"}, [])


def test_wrong_cells_are_told_with_their_line() -> None:
    _, problems = read("ip,confidence,valid_until\n198.51.100.7,900,\n198.51.100.7,,never\n198.51.100.7,1,\n")
    assert [problem.line for problem in problems] == [2, 3]


def test_a_long_line_is_one_problem(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_text("evil.example\n" + "x" * (3 * MAX_LINE) + "\nworse.example\n", "utf-8")
    loaded = load_indicators([path], "x")
    assert loaded.table.num_rows == 2
    assert [problem.line for problem in loaded.problems] == [2]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_encodings(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "x"
    path.write_bytes("domain,comment\r\nevil.example,für\r\n".encode(encoding))
    loaded = load_indicators([path], "x")
    assert loaded.table.column("title").to_pylist() == ["für"]
    assert not loaded.problems


@pytest.mark.parametrize(
    ("text", "word"),
    [("TLP:WHITE", "clear"), ("tlp:amber+strict", "amber+strict"), ("RED", "red"), ("secret", ""), ("", "")],
)
def test_traffic_light_words(text: str, word: str) -> None:
    assert tlp_of(text) == word


plain = st.sampled_from(
    [
        "198.51.100.7", "198.51.100.300", "10.0.0.1", "198.51.100.07", "8.8.8.8", "evil.example", "evil.EXAMPLE", "EVIL.exe",
        "evil.exe", "x.ps1", "com", "co.uk", "github.com", "_x.evil.example", "-a-.example", "http://evil.example/",
        "http://evil.example/x#y", "http://EVIL.example/x", "http://evil.example:80/", "https://evil.example/a[.]b",
        "http://evil.example/(x)", "http://github.com/", "http://u@evil.example/", "a" * 32, "A" * 40, "b" * 64, "0" * 32,
        "d41d8cd98f00b204e9800998ecf8427e", "g" * 32, "a" * 33, " evil.example ", "evil.example.", "evil..example",
        "x" * 64 + ".example", "evil.example # why", "", "#", "hxxp://evil[.]example", "cmd.exe", "a.b", "ab.cd", "1.2",
        "evil.example1", "http://x/y", "http://evil.example/'q'", "bücher.example", "mutex\\", "Global\\Foo", "a.7z",
    ]
)  # fmt: skip


@given(st.lists(plain, max_size=20))
def test_many_lines_at_a_time_are_read_as_one_by_one(
    tmp_path_factory: pytest.TempPathFactory, values: list[str]
) -> None:
    path = tmp_path_factory.mktemp("x") / "x"
    path.write_text("# list\n" + "\n".join(values) + "\nlast.example", "utf-8")
    one_by_one = load_indicators([path], "x")
    with pytest.MonkeyPatch.context() as patch:
        patch.undo()
        from countersign.rules.indicators.bulk import recognised

        patch.setattr(lists_module, "recognised", recognised)
        together = load_indicators([path], "x")
    assert set(together.table.column("id").to_pylist()) == set(one_by_one.table.column("id").to_pylist())
    assert together.table.drop_columns(["title", "pattern"]).equals(
        one_by_one.table.drop_columns(["title", "pattern"])
    )
    assert together.problems == one_by_one.problems
