from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countersign.sources._framing import frame
from countersign.sources._records import as_utf8, record_end, spans, text_head


@given(
    st.lists(
        st.lists(st.text('a",;\n é', min_size=1, max_size=6), min_size=2, max_size=3), min_size=1, max_size=6
    )
)
def test_rows_of_csv_keep_their_line_ends(rows: list[list[str]]) -> None:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(rows)
    records = frame("csv", out.getvalue().encode())
    assert [next(csv.reader([record.decode()])) for record in records] == rows


def test_a_quote_that_nobody_closes_takes_only_its_own_line() -> None:
    assert frame("csv", b'a,b\n1,"2\n3,4\n5,6\n') == [b"a,b", b'1,"2', b"3,4", b"5,6"]


def test_csv_is_cut_outside_quotes() -> None:
    text = b'a,b\n1,"x\ny"\n2,"z\n'
    assert record_end("csv", text) == len(b'a,b\n1,"x\ny"\n')
    assert record_end("csv", b'"a\nb\n') == 0


def test_events_of_xml_stand_by_themselves() -> None:
    text = b"<?xml version='1.0'?>\n<Events><Event a='1'>x</Event>\n<Event><b/></Event><Event>cut"
    assert frame("xml", text) == [b"<Event a='1'>x</Event>", b"<Event><b/></Event>", b"<Event>cut"]
    assert record_end("xml", text) == text.rindex(b"<Event>cut")
    assert frame("xml", b"<EventLog/><Event>a<Event>b</Event>") == [b"<Event>a", b"<Event>b</Event>"]


@pytest.mark.parametrize("code", ["utf-16-le", "utf-16-be"])
@given(
    lines=st.lists(st.text("aé一\u0a05\u4e00😀{}\"', ", max_size=8).map(str.strip), min_size=1, max_size=5)
)
def test_lines_of_utf_16_are_those_of_utf_8(code: str, lines: list[str]) -> None:
    text = "\n".join(["first", *lines, "last"])
    records = frame("lines", "\ufeff".encode(code) + text.encode(code))
    assert b"\n".decode().encode(code).join(records) == "\ufeff".encode(code) + text.encode(code)
    assert list(as_utf8(records)) == text.encode().split(b"\n")


def test_documents_of_utf_16_are_found() -> None:
    raw = "\ufeff".encode("utf-16-be") + '[{"a":"é"},\r\n{"b":1}]'.encode("utf-16-be")
    assert list(as_utf8(frame("json", raw))) == ['{"a":"é"}'.encode(), b'{"b":1}']
    assert spans("json", raw[: record_end("json", raw)]) == spans("json", raw)


@pytest.mark.parametrize(
    "raw", [b"", b"\0", b"a\0", b"\0Nov 20 10:00:00 a b: c", b"\0\0\0\0Nov", b"\xff\xfe", b"\xff\xfea"]
)
def test_what_is_no_utf_16_stays(raw: bytes) -> None:
    kept = as_utf8([raw])[0]
    assert kept == raw or raw.startswith(b"\xff\xfe")
    assert isinstance(text_head(raw), bytes)
