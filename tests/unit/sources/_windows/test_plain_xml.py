from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from countersign.sources._records import spans
from countersign.sources._windows import nested, plain_xml
from countersign.sources._windows.xml import event_of

GOLDEN = Path(__file__).parents[3] / "golden"
SYSTEM = (
    b"<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System><Provider Name='P' Guid='{1}'/>"
    b"<EventID Qualifiers='0'>7</EventID><Level>4</Level><TimeCreated SystemTime='2026-11-20T08:00:01.1234567Z'/>"
    b"<EventRecordID>5001</EventRecordID><Correlation ActivityID='{2}'/><Execution ProcessID='1' ThreadID='2'/>"
    b"<Channel>System</Channel><Computer>srv.example.com</Computer><Security UserID='S-1-5-18'/></System>"
)
PIECES = [
    b"<EventData>", b"</EventData>", b"<Data Name='A'>", b"<Data Name='B'>", b"<Data Name='B'/>", b"<Data>", b"<Data/>", b"</Data>",
    b"<UserData>", b"</UserData>", b"<X xmlns='y'>", b"</X>", b"<b>", b"</b>", b"<b/>", b"text", b"\n", b" ", b"&lt;", b"&#65;",
    b"&bogus;", b"]]>", b"<!-- -->", b"\r\n", b"\xff", b"\xc2\xa0", b"/>", b"'", b"<Data Name='#attributes'>", b"<Data Name='Data'>",
]  # fmt: skip


def records() -> list[bytes]:
    texts = [
        path.read_bytes()
        for name in ("windows.xml", "linux.sysmon")
        for path in (GOLDEN / name).glob("*.raw")
    ]
    return [text[start:end] for text in texts for start, end in spans("xml", text)]


def agree(raw: bytes) -> bool:
    """Whether the quick way, where it reads this at all, reads what the patient way does."""
    entry = plain_xml.entry_of(raw)
    event = event_of(raw)
    return entry is None or (event is not None and entry == nested.read(event))


def test_what_windows_renders_is_read_the_quick_way() -> None:
    found = [plain_xml.entry_of(raw) for raw in records()]
    assert sum(entry is not None for entry in found) > 0.8 * len(found)
    assert all(map(agree, records()))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<EventData/>",
        b"<EventData><Data Name='A'>x &amp; y</Data><Data Name='B'/></EventData>",
        b"<EventData><Data>x</Data><Data></Data></EventData>",
        b"<UserData><X xmlns='y'><a>\n  </a><b/></X></UserData>",
    ],
)
def test_each_form_of_content(body: bytes) -> None:
    raw = SYSTEM + body + b"</Event>"
    assert plain_xml.entry_of(raw) is not None
    assert agree(raw)


@given(st.lists(st.sampled_from(PIECES), max_size=10))
@settings(max_examples=100)
def test_the_quick_way_reads_nothing_else_than_patience(pieces: list[bytes]) -> None:
    body = b"".join(pieces)
    assert agree(SYSTEM + body + b"</Event>")
    assert agree(SYSTEM + b"<EventData><Data Name='A'>" + body + b"</Data></EventData></Event>")
    assert agree(SYSTEM.replace(b"<Level>", body + b"<Level>") + b"</Event>")
