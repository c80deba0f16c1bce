from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from countersign.rules.indicators import MATCHES, Draft, IndicatorSet, load_indicators, lookup
from indicator_cases import batch_of, matched, one, set_of, table_of

START = datetime(2026, 3, 1, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("kind", "value", "event"),
    [
        ("address", "198.51.100.7", {"src_endpoint.ip": "198.51.100.7"}),
        ("address", "198.51.100.7", {"src_ipaddress": "::ffff:198.51.100.7"}),
        ("address", "198.51.100.0/24", {"dst_endpoint.ip": "198.51.100.200"}),
        ("address", "2001:db8::/32", {"dst_endpoint.ip": "2001:0DB8:0:0::7"}),
        ("address", "198.51.100.7", {"tx_hosts": "198.51.100.7"}),
        ("address", "198.51.100.7", {"src_answers": "evil.example,198.51.100.7"}),
        ("address", "198.51.100.7", {"src_queryresults": "type:  5 x.example;::ffff:198.51.100.7;"}),
        ("address", "198.51.100.7", {"url": "http://198.51.100.7:8080/x"}),
        ("domain", "evil.example", {"query.hostname": "A.b.EVIL.example."}),
        ("domain", "evil.example", {"src_destinationhostname": "evil.example"}),
        ("domain", "evil.example", {"server_name": "www.evil.example"}),
        ("domain", "evil.example", {"url": "http://u@www.evil.example/x"}),
        ("url", "hTTps://evil.example/X?y", {"url": "http://EVIL.example/X?y"}),
        ("md5", "a" * 32, {"src_hashes": "SHA1=" + "0" * 40 + ",MD5=" + "A" * 32 + ",IMPHASH=" + "b" * 32}),
        ("imphash", "b" * 32, {"src_hashes": "SHA1=" + "0" * 40 + ",IMPHASH=" + "B" * 32}),
        ("sha1", "c" * 40, {"sha1": "c" * 40}),
        ("file", "bad.exe", {"process.path": r"C:\T\BAD.EXE"}),
        ("file", "bad.exe", {"src_imagepath": r'"C:\a b\bad.exe" -service'}),
        ("file", "bad", {"src_exe": "/opt/bad"}),
        ("path", r"c:\t\bad.exe", {"file.path": r"C:/T/bad.exe"}),
        ("mutex", r"Global\Foo", {"src_objectname": r"\Sessions\1\BaseNamedObjects\Foo"}),
        ("email", "eve@evil.example", {"mailfrom": "<Eve@evil.example>"}),
        ("email", "eve@evil.example", {"user.uid": "EVE@EVIL.EXAMPLE"}),
    ],
)
def test_where_values_stand(kind: str, value: str, event: dict[str, object]) -> None:
    indicators = set_of({"k": one(kind, value)})
    assert matched(indicators, batch_of([{}, event, {}])) == {(1, "k")}


@pytest.mark.parametrize(
    ("kind", "value", "event"),
    [
        ("md5", "b" * 32, {"src_hashes": "IMPHASH=" + "B" * 32}),
        ("domain", "evil.example", {"query.hostname": "notevil.example"}),
        ("domain", "evil.example", {"query.hostname": "evil.example.org"}),
        ("mutex", "foo", {"src_objectname": r"\BaseNamedObjects\Foo"}),
        ("mutex", "foo", {"src_objectname": r"\REGISTRY\foo"}),
        ("file", "bad.exe", {"process.path": r"C:\bad.exe\good.exe"}),
        ("file", "bad.exe", {"process.cmd_line": "bad.exe"}),
        ("url", "http://evil.example/x", {"url": "http://evil.example/X"}),
        ("address", "198.51.100.7", {"device.ip": "198.51.100.7"}),
        ("address", "198.51.100.7", {"src_endpoint.ip": "198.51.100.70"}),
    ],
)
def test_where_they_do_not(kind: str, value: str, event: dict[str, object]) -> None:
    assert not matched(set_of({"k": one(kind, value)}), batch_of([event]))


def test_a_match_says_where_and_what() -> None:
    found = set_of({"k": one("domain", "evil.example")}).match(
        batch_of([{"query.hostname": "A.evil.example."}])
    )
    assert found.schema == MATCHES
    assert found.to_pylist() == [
        {"row": 0, "indicator": 0, "field": "query.hostname", "value": "A.evil.example."}
    ]


def test_one_match_a_row_and_indicator_at_the_first_place() -> None:
    event = {"url": "http://evil.example/", "query.hostname": "evil.example", "src_query": "evil.example"}
    found = set_of({"k": (*one("domain", "evil.example"), *one("url", "http://evil.example"))}).match(
        batch_of([event])
    )
    assert found.column("field").to_pylist() == ["query.hostname"]


def test_validity_holds_its_beginning_and_not_its_end() -> None:
    indicators = set_of({"k": one("domain", "evil.example")}, valid_from=START, valid_until=START + DAY)
    times = [
        START - timedelta(microseconds=1),
        START,
        START + DAY - timedelta(microseconds=1),
        START + DAY,
        None,
    ]
    batch = batch_of([{"time": time, "query.hostname": "evil.example"} for time in times])
    assert matched(indicators, batch) == {(1, "k"), (2, "k"), (4, "k")}
    whenever = IndicatorSet(
        {"test": table_of([Draft("k", one("domain", "evil.example"), valid_until=START)])}, any_time=True
    )
    assert len(matched(whenever, batch)) == 5
    assert whenever.fingerprint != indicators.fingerprint


def test_events_without_a_column_of_times_are_undated() -> None:
    indicators = set_of({"k": one("domain", "evil.example")}, valid_until=START)
    flat = pa.RecordBatch.from_pydict({"query.hostname": ["evil.example"]})
    assert matched(indicators, flat) == {(0, "k")}


def test_revoked_and_refused_ones_match_nothing_and_are_there() -> None:
    drafts = [
        Draft("revoked", one("domain", "evil.example"), revoked=True),
        Draft("refused", one("address", "10.0.0.1")),
        Draft("live", one("domain", "b.example")),
    ]
    indicators = IndicatorSet({"test": table_of(drafts, allow_broad=False)})
    events = [
        {"query.hostname": "evil.example", "src_endpoint.ip": "10.0.0.1"},
        {"query.hostname": "b.example"},
    ]
    assert matched(indicators, batch_of(events)) == {(1, "live")}
    states = {one_.key: one_.state(START) for one_ in indicators.indicators()}
    assert states == {"revoked": "revoked", "refused": "refused", "live": "active"}


def test_states_follow_the_time() -> None:
    found = set_of({"k": one("domain", "evil.example")}, valid_from=START, valid_until=START + DAY).indicator(
        0
    )
    assert [found.state(START + DAY * number) for number in (-1, 0, 1)] == ["not yet", "active", "expired"]


def test_terms_of_a_clause_must_hold_in_one_event() -> None:
    both = ((*one("domain", "evil.example")[0], *one("address", "198.51.100.7")[0]),)
    indicators = set_of({"k": both})
    events = [
        {"query.hostname": "evil.example"},
        {"dst_endpoint.ip": "198.51.100.7"},
        {"query.hostname": "evil.example", "src_answers": "x.example,198.51.100.7"},
    ]
    assert matched(indicators, batch_of(events)) == {(2, "k")}


def test_ends_are_held_to() -> None:
    indicators = set_of({"k": one("address", "198.51.100.7", "destination")})
    events = [
        {"src_endpoint.ip": "198.51.100.7"},
        {"dst_endpoint.ip": "198.51.100.7"},
        {"url": "http://198.51.100.7/"},
    ]
    assert matched(indicators, batch_of(events)) == {(1, "k")}


def test_only_columns_of_the_kinds_at_hand_are_needed() -> None:
    assert set_of({"k": one("mutex", "Foo")}).needed_columns() == {"time", "src_objectname"}
    assert "dst_endpoint.ip" in set_of({"k": one("address", "198.51.100.7")}).needed_leaves()
    assert not IndicatorSet({}).needed_columns()


def test_a_value_that_everybody_lists_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lookup, "SHARED_BY", 3)
    indicators = set_of({f"k{number}": one("domain", "evil.example") for number in range(5)})
    found = matched(indicators, batch_of([{"query.hostname": "evil.example"}]))
    assert found == {(0, "k0"), (0, "k1"), (0, "k2")}
    assert sum(indicators.crowded.values()) == 2


def test_ids_change_with_what_matters() -> None:
    first = set_of({"k": one("domain", "evil.example"), "l": one("domain", "b.example")})
    id_ = first.ids[1].as_py()
    same = IndicatorSet({"test": table_of([Draft("l", one("domain", "b.example"), title="said otherwise")])})
    assert same.ids.to_pylist() == [id_]
    for other in (
        Draft("l", one("domain", "c.example")),
        Draft("l", one("domain", "b.example"), valid_from=START),
        Draft("l", one("domain", "b.example"), valid_until=START),
        Draft("l", one("domain", "b.example"), revoked=True),
        Draft("m", one("domain", "b.example")),
    ):
        assert table_of([other]).column("id").to_pylist() != [id_]
    assert table_of([Draft("l", one("domain", "b.example"))], "other").column("id").to_pylist() != [id_]


def test_words_for_a_person() -> None:
    draft = Draft(
        "k",
        one("domain", "evil.example"),
        title="loader",
        author="CERT",
        confidence=0,
        tlp="red",
        valid_from=START,
    )
    indicators = IndicatorSet({"feed": table_of([draft], "feed")})
    words = {
        "indicator": "loader", "source": "feed", "author": "CERT", "confidence": "0", "tlp": "red",
        "valid_from": "2026-03-01T00:00:00+00:00",
    }  # fmt: skip
    assert indicators.indicator(0).words() == words
    assert set_of({"k": one("domain", "evil.example")}).indicator(0).words()["indicator"] == "k"


def test_nothing_against_nothing() -> None:
    empty = IndicatorSet({})
    assert empty.match(batch_of([{"query.hostname": "evil.example"}])).num_rows == 0
    assert set_of({"k": one("domain", "evil.example")}).match(batch_of([])).num_rows == 0
    assert len(empty.only([])) == 0
    assert empty.span == (None, None)


def test_the_span_is_that_of_all_that_can_match() -> None:
    drafts = [
        Draft("a", one("domain", "a.example"), valid_from=START, valid_until=START + DAY),
        Draft("b", one("domain", "b.example"), valid_from=START + DAY, valid_until=START + 3 * DAY),
        Draft("c", one("domain", "c.example"), revoked=True),
    ]
    first, last = IndicatorSet({"test": table_of(drafts)}).span
    assert (first, last) == (START.timestamp() * 1e6, (START + 3 * DAY).timestamp() * 1e6)


def test_hostile_values_match_nothing_and_break_nothing() -> None:
    indicators = set_of(
        {"a": one("address", "198.51.100.7"), "d": one("domain", "evil.example"), "u": one("url", "http://evil.example"),
         "f": one("file", "bad.exe"), "m": one("md5", "a" * 32), "e": one("email", "e@evil.example"), "x": one("mutex", "Foo")}
    )  # fmt: skip
    odd = ["", ".", "\\", "=", ",", ";", ":", "@", "[", "http://", "x" * 100_000, "." * 10_000, "\\" * 10_000, "=," * 5000,
           "é" * 5000, "\0", "type: 5 ", "%", "::" * 1000, "\ud7ff", '"' * 1000, "a" * 31]  # fmt: skip
    columns = sorted({place.column for place in indicators._places if place.column != "unmapped"} - {"time"})
    batch = batch_of([{column: text for column in columns if not column.endswith(".port")} for text in odd])
    assert indicators.match(batch).num_rows == 0


def test_real_hashes_are_found_where_they_are(shared_data: Path) -> None:
    table = load_indicators([shared_data / "indicators" / "apt10-hashes.txt"], "apt10").table
    indicators = IndicatorSet({"apt10": table})
    some = indicators.indicator(7)
    ((kind, value),) = some.terms[0]
    batch = batch_of([{"src_hashes": f"X=1,{kind.upper()}={value.upper()}"}, {kind: value}])
    assert matched(indicators, batch) == {(0, some.key), (1, some.key)}
