"""Families declared for these tests: what every reader and every helper does."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from countersign.sources import Source
from countersign.sources._family import Family, has
from countersign.sources._flat import MAX_KEYS, flat, look_up, pairs, unique
from countersign.sources._framing import frame
from countersign.sources._json import json_source
from countersign.sources._lines import cef, key_values, leef
from countersign.sources._mapping import Step, What, account, endpoint, enum, lowered, present, scaled, via
from countersign.sources._payload import Payload, line_source
from countersign.sources._records import text_head
from countersign.sources._table import csv_source, fields_source
from countersign.sources._times import iso, written
from countersign.sources._xml import xml_row
from unit.sources.source_lines import context, events

LOGIN = What(3002, 1, columns={"auth_protocol": "how"}, constants={"is_mfa": True})
TOY = Family(
    name="toy",
    title="Toy",
    page="toy",
    product="Toy",
    vendor="Nobody",
    match=has("kind", "who"),
    time=(iso("at"), written("at", order="dmy")),
    key=("id",),
    log="=play",
    by=("kind", "sub"),
    kinds={("in", "*"): LOGIN, ("in", "bad"): What(3002, 1, 2)},
    otherwise=lambda kind, _: What(6003, 99) if kind == "x" else What(),
    also={"Twice": "deep.down"},
    what=What(
        status=present("error"),
        columns={
            "status_code": "error",
            "resources.name": ("list.0.name", "deep.down"),
            "resources.uid": "list.type=B.name",
            "duration": scaled(1000, "seconds"),
            "severity_id": enum("level", {"low": 2, "HIGH": 4}, 1),
            "actor.user.email_addr": lowered("Mail"),
            "traffic.bytes_in": "size",
            "is_mfa": "mfa",
            "http_response.code": via(lambda value: int(value) + 1, "code"),
        },
        steps=(
            account("user", "who"),
            endpoint("src_endpoint", "from", "port"),
            Step(("a", "b"), ("group.name", "group.uid"), lambda a, b: (f"{a}{b}", b)),
        ),
    ),
)
JSON = json_source(TOY)
CSV = csv_source(replace(TOY, name="toy.csv", identity="toy"), json_cells=("deep",))


def rows(source: Source, raw: bytes, zone: str = "UTC") -> list[dict[str, Any]]:
    def flat(row: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
        for name, value in row.items():
            if isinstance(value, dict):
                yield from flat(value, f"{prefix}{name}.")
            elif value is not None:
                yield prefix + name, dict(value) if name == "unmapped" else value

    parsed = source.parse(frame(source.framing, raw), context(zone=zone))
    found = [(row["record"], dict(flat(row))) for row in parsed.events.to_pylist()]
    found += [(row["record"], {"rejected": row["reason"]}) for row in parsed.rejected.to_pylist()]
    return [row for _, row in sorted(found, key=lambda pair: pair[0])]


def one(**fields: Any) -> dict[str, Any]:
    return rows(JSON, orjson.dumps({"kind": "x", "who": "CORP\\jane", **fields}))[0]


def test_columns_come_from_paths() -> None:
    found = one(
        at="2026-11-21T10:00:00Z", list=[{"type": "A", "name": "a"}, {"type": "B", "name": "b"}], seconds="1.5",
        level="high", Mail="Jane@X.example", size="1,024", mfa="No", code="199", a="p", b="q",
        **{"from": "[2001:db8::1]:443", "port": 5},
    )  # fmt: skip
    expected = {
        "class_uid": 6003, "activity_id": 99, "status_id": 1, "source": "toy", "metadata.log_name": "play",
        "metadata.product": "Toy", "metadata.vendor_name": "Nobody", "resources.name": "a", "resources.uid": "b",
        "duration": 1500, "severity_id": 4, "actor.user.email_addr": "jane@x.example", "traffic.bytes_in": 1024,
        "is_mfa": False, "http_response.code": 200, "group.name": "pq", "group.uid": "q", "user.name": "jane",
        "user.domain": "CORP", "src_endpoint.ip": "2001:db8::1", "src_endpoint.port": 443, "time_basis": "stated",
    }  # fmt: skip
    assert {name: found.get(name) for name in expected} == expected
    assert found["unmapped"]["list"] == '[{"type":"A","name":"a"},{"type":"B","name":"b"}]'
    assert found["unmapped"]["who"] == "CORP\\jane"


def test_what_says_nothing_is_null() -> None:
    found = one(error="-", size="", who="N/A", **{"from": "n/a", "deep": {}, "level": "odd"})
    assert found["status_id"] == 1
    assert found["severity_id"] == 1
    assert (
        not {"status_code", "traffic.bytes_in", "user.name", "src_endpoint.ip", "src_endpoint.hostname"}
        & found.keys()
    )
    assert found["unmapped"]["error"] == "-"
    assert found["time_basis"] == "undated"


def test_kinds_are_chosen_by_the_values_of_some_fields() -> None:
    assert one(kind="in")["is_mfa"] is True
    assert one(kind="in", sub="bad")["status_id"] == 2
    assert one(kind="in", mfa="no")["is_mfa"] is True, "a constant of the kind wins"
    assert one(kind=["x"])["class_uid"] == 0
    assert one(kind=7)["class_uid"] == 0


def test_hostile_values_are_null_and_take_no_other_with_them() -> None:
    lines = [
        orjson.dumps({"kind": "x", "who": "a", "code": code}) for code in ("1", "bad", [1], {"z": 1}, None)
    ]
    found = rows(JSON, b"\n".join(lines))
    assert [row.get("http_response.code") for row in found] == [2, None, None, None, None]


def test_further_names_and_doubled_ones() -> None:
    found = rows(JSON, b'{"kind":"x","who":"a","deep.down":1,"deep":{"down":2}}')[0]
    assert found["unmapped"] | {"deep.down": "1", "deep.down (2)": "2", "Twice": "1"} == found["unmapped"]


def test_another_kind_of_record_is_rejected() -> None:
    found = rows(JSON, b'{"kind":1,"who":2}\n{"some":"thing"}\nnonsense\n\n[1]\n')
    assert ["rejected" in row for row in found] == [False, True, True]


def test_one_record_is_one_event_in_either_shape() -> None:
    sealed = rows(
        JSON, b'{"kind":"in","who":"jane@x.example","id":"7","at":"2026-11-21T10:00:00Z","deep":{"down":1}}'
    )[0]
    table = rows(
        CSV, b'kind;who;id;at;deep\r\nin;jane@x.example;7;"2026-11-21T10:00:00Z";"{""down"":1}"\r\n'
    )[0]
    assert sealed["id"] == table["id"]
    assert sealed["keyed"]
    assert table["source"] == "toy.csv"
    assert table["unmapped"] == sealed["unmapped"]
    assert rows(JSON, b'{"kind":"in","who":"jane@x.example","id":7}')[0]["id"] == sealed["id"]
    assert not rows(JSON, b'{"kind":"in","who":"a","id":""}')[0]["keyed"]


def test_csv() -> None:
    raw = b'\xef\xbb\xbfsep=,\nkind,who,size\nx,"a\nb",5\nx,c\nx,d,1,\nx,e,1,2\n\nkind,who,size\n'
    found = rows(CSV, raw)
    assert [row.get("unmapped", {}).get("who", row.get("rejected")) for row in found] == [
        "a\nb", "c", "d", "a row with more cells than the header names",
    ]  # fmt: skip
    assert CSV.detect(raw)
    assert CSV.detect(b"who,kind\n")
    assert not CSV.detect(b"who,other\n1,2\n")
    assert CSV.preamble(raw) == raw.index(b'x,"a')


def test_csv_under_prose_and_in_utf_16() -> None:
    dhcp = csv_source(replace(TOY, name="p", match=has("ID", "Date", "Host Name"), time=(written("Date", "Time", order="mdy"),)),
                      starts=("ID,Date,Time",))  # fmt: skip
    text = "\t\tService Activity Log\n\nEvent ID  Meaning\n00\tThe log was started.\n\nID,Date,Time,Host Name\n10,11/20/26,10:00:00,pc1\n"
    for raw in (text.encode(), ("\ufeff" + text.replace("\n", "\r\n")).encode("utf-16-le")):
        assert dhcp.detect(text_head(raw))
        found = rows(dhcp, raw, "Europe/Vienna")
        assert [(row["time"].hour, row["unmapped"]["Host Name"]) for row in found] == [(9, "pc1")]
        head = raw[: dhcp.preamble(raw)]
        assert rows(dhcp, head + raw[len(head) :], "Europe/Vienna") == found


def test_w3c() -> None:
    source = fields_source(
        replace(
            TOY,
            name="w",
            match=has("date", "cs-uri"),
            time=(written("date", "time", order="ymd", zone="UTC"),),
        )
    )
    raw = b"#Software: IIS\n#Fields: date time cs-uri\n2026-11-20 10:00:00 /a\n#Fields: date cs-uri\n2026-11-20 -\n1 2 3\n"
    assert source.detect(raw)
    assert source.preamble(raw) == raw.index(b"2026")
    found = rows(source, raw)
    assert [row.get("src_cs_uri") for row in found] == ["/a", "-", None]
    assert found[0]["time"].hour == 10
    assert found[2] == {"rejected": "a row with more cells than the header names"}


def test_lines_that_tell_their_time_are_known_by_their_payload() -> None:
    source = line_source(replace(TOY, key=()), Payload(("kind=",), key_values))
    bare = b'kind=x who="a \\"b\\"" port=5 at=2026-11-20T09:59:58Z'
    found = rows(source, b"<13>Nov 20 10:00:00 relay " + bare + b"\n" + bare + b"\nmankind=1\n", "UTC")
    assert found[0]["unmapped"]["who"] == 'a "b"'
    assert found[0]["device.hostname"] == "relay"
    assert found[0]["count"] == 2
    assert "rejected" in found[1]
    assert found[0]["id"] == rows(source, bare)[0]["id"]


def test_lines_without_a_time_of_their_own_are_known_with_their_frame() -> None:
    source = line_source(replace(TOY, key=()), Payload(("kind=",), key_values))
    found = rows(
        source, b"<13>Nov 20 10:00:00 relay kind=x who=a\n<13>Nov 20 11:00:00 relay kind=x who=a\n", "UTC"
    )
    assert [row["count"] for row in found] == [1, 1]
    assert found[0]["id"] != found[1]["id"]


def test_cef_and_leef() -> None:
    row = cef(r"x CEF:0|V|P\|Q|1|9|N|3|a=b c\=d e=f\\g cs1Label=L cs1=v w")
    assert row is not None
    assert (row["cef.product"], row["a"], row["e"], row["L"]) == ("P|Q", "b c=d", r"f\g", "v w")
    assert cef("CEF:0|V|P") is None
    assert leef("LEEF:1.0|V|P|1|E|a=1\tb=2 c") == {
        "leef.vendor": "V", "leef.product": "P", "leef.version": "1", "leef.event": "E", "a": "1", "b": "2 c",
    }  # fmt: skip
    assert (leef("LEEF:2.0|V|P|1|E|0x5E|a=1^b=2") or {})["b"] == "2"
    assert leef("LEEF:3.0|") is None


def test_xml_expands_nothing() -> None:
    assert xml_row(b"<e a='1'><n:b xmlns:n='u'>x</n:b><b>y</b></e>") == {
        "@a": "1",
        "b": [{"@xmlns:n": "u", "#text": "x"}, "y"],
    }
    assert xml_row(b"<!DOCTYPE e [<!ENTITY x 'y'>]><e>&x;</e>") is None
    assert xml_row(b"<e>" * 50 + b"</e>" * 50) is None
    assert xml_row(b"<e>") is None


def test_pairs() -> None:
    assert pairs([{"Name": "a", "Value": 1}, {"Name": "a", "Value": 2}, 5, {"x": 1}], "Name", "Value") == {
        "a": 1
    }
    assert pairs("no list", "a", "b") == {}


def test_payloads_in_mixed_syslog_are_their_familys() -> None:
    found = events(
        "syslog",
        "Nov 20 10:00:00 web1 sshd[1]: Accepted password for a from 10.0.0.1 port 5 ssh2",
        'Nov 20 10:00:01 fw date=2026-11-20 time=10:00:01 devid="F" vd="root" logid="1" type="event" subtype="vpn" action="tunnel-up"',
        'Nov 20 10:00:02 c app: {"eventSource":"sts.amazonaws.com","eventName":"AssumeRole","eventTime":"2026-11-20T10:00:00Z"}',
        "Nov 20 10:00:03 r CEF:0|V|P|1|2|N|3|src=10.0.0.1",
    )
    assert [(row["source"], row["class_uid"]) for row in found] == [
        ("syslog", 3002), ("fortigate", 4014), ("aws.cloudtrail", 3002), ("cef", 0),
    ]  # fmt: skip
    assert [row["record"] for row in found] == [0, 1, 2, 3]


VALUES: st.SearchStrategy[Any] = st.recursive(
    st.one_of(st.none(), st.integers(), st.text(max_size=3)),
    lambda inner: st.one_of(st.lists(inner, max_size=2), st.dictionaries(st.sampled_from(["a", "b", "a.b"]), inner, max_size=3)),
    max_leaves=12,
)  # fmt: skip


def walked(row: dict[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    out: list[tuple[str, Any]] = []
    for name, value in row.items():
        out += walked(value, f"{prefix}{name}.") if type(value) is dict else [(prefix + name, value)]
    return out


@given(st.lists(st.dictionaries(st.sampled_from("abc"), VALUES, max_size=3), max_size=6))
@settings(max_examples=200, deadline=None)
def test_records_come_out_as_if_each_was_walked_through(objects: list[dict[str, Any]]) -> None:
    found: dict[int, list[tuple[str, Any]]] = {}
    for members, names, columns, kinds in flat(objects):
        rows = list(zip(*columns, strict=True)) or [()] * len(members)
        for member, values in zip(members, rows, strict=True):
            assert member not in found
            found[member] = list(zip(names, values, strict=True))
        assert all(types >= set(map(type, values)) for types, values in zip(kinds, columns, strict=True))
        assert len(set(unique(names))) == len(names)
    assert [found[member] for member in range(len(objects))] == [walked(row) for row in objects]


def test_deep_and_wide_records_stay_bounded() -> None:
    deep: dict[str, Any] = {}
    for _ in range(400):
        deep = {"a": deep, "b": 1}
    wide = {f"k{number}": {"x": 1} for number in range(MAX_KEYS + 1)}
    ((_, names, _, _),) = flat([deep])
    assert len(names) < 12
    ((_, names, columns, _),) = flat([wide])
    assert names[0] == "k0"
    assert columns[0] == ({"x": 1},)


def test_a_list_is_looked_into_in_whichever_record_it_is() -> None:
    lines = [b'{"kind":"x","who":"a","list":null}', b'{"kind":"x","who":"a","list":[{"name":"n"}]}']
    assert [row.get("resources.name") for row in rows(JSON, b"\n".join(lines))] == [None, "n"]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("a", 1),
        ("b.c", 2),
        ("l.0.x", 3),
        ("l.k=v.x", 4),
        ("l.9.x", None),
        ("b.c.d", None),
        ("d.e", 5),
        ("l.q", None),
    ],
)
def test_paths(path: str, value: object) -> None:
    assert look_up({"a": 1, "b": {"c": 2}, "l": [{"x": 3}, {"k": "v", "x": 4}], "d.e": 5}, path) == value
