"""Cutting where line ends are not record ends: documents, rows and elements, in UTF-8 and UTF-16."""

from __future__ import annotations

import io

import orjson
import pytest

from countersign.app import cutting
from countersign.app._cut import Cut
from countersign.app._streams import Peeked
from countersign.app._unknown import describe
from countersign.app.cutting import Cutting
from countersign.app.known import Known
from countersign.sources import Source, source
from countersign.sources._base import Framing
from countersign.sources._framing import frame
from countersign.sources._records import as_utf8

ROWS = [
    {"eventSource": "s", "eventName": "n", "eventID": str(number), "x": "é" * (number % 40)}
    for number in range(300)
]


class Bytes:
    def __init__(self, data: bytes) -> None:
        self._file = io.BytesIO(data)
        self.damage = ""

    def read(self, size: int) -> bytes:
        return self._file.read(size)


def csv_of(rows: list[dict[str, str]]) -> bytes:
    return b"a,b\n" + b"".join(f'"{row["eventID"]}","x\ny{row["x"]}"\n'.encode() for row in rows)


def family(framing: Framing) -> Source:
    own = source("aws.cloudtrail")
    return Source(
        "toy",
        "Toy",
        framing,
        own.detect,
        own.parse,
        (lambda head: head.find(b"\n") + 1) if framing == "csv" else lambda _: 0,
    )


TEXTS: dict[str, tuple[Framing, bytes]] = {
    "envelope": ("json", orjson.dumps({"Records": ROWS})),
    "pretty": ("json", orjson.dumps({"value": ROWS, "nextLink": "x"}, option=orjson.OPT_INDENT_2)),
    "array": ("json", orjson.dumps(ROWS)),
    "lines": ("json", b"".join(orjson.dumps(row) + b"\n" for row in ROWS)),
    "in a row": ("json", b"".join(orjson.dumps({"Records": [row]}) for row in ROWS)),
    "csv": ("csv", csv_of(ROWS)),
    "xml": (
        "xml",
        b"<Events>\n" + b"".join(b"<Event>%s\n</Event>" % row["x"].encode() for row in ROWS) + b"</Events>\n",
    ),
}
TEXTS |= {
    f"{name} in UTF-16": (framing, "\ufeff".encode("utf-16-le") + text.decode().encode("utf-16-le"))
    for name, (framing, text) in TEXTS.items()
}
TEXTS["lines of text in UTF-16"] = (
    "lines",
    ("\ufeff" + "".join(f"{row['x']} {row['eventID']}\r\n" for row in ROWS)).encode("utf-16-be"),
)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cutting, "SEGMENT_BYTES", 4096)
    monkeypatch.setattr(cutting, "MAX_RECORD", 16_384)


def cut(framing: Framing, text: bytes, known: Known, *, grows: bool = True) -> list[Cut]:
    return list(Cutting(Peeked(Bytes(text)), family(framing), known, "", grows=grows))


def records(framing: Framing, cuts: list[Cut]) -> list[bytes]:
    head = 1 if framing == "csv" else 0
    out: list[bytes] = []
    for number, each in enumerate(cuts):
        found = as_utf8(frame(framing, each.raw))
        out += found[head if number else 0 :]
    return [record for record in out if record.strip()]


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("name", TEXTS)
def test_every_segment_is_parseable_alone(name: str) -> None:
    framing, text = TEXTS[name]
    cuts = cut(framing, text, Known())
    assert len(cuts) > 3
    assert not any(each.fragment for each in cuts)
    whole = [record for record in as_utf8(frame(framing, text)) if record.strip()]
    assert records(framing, cuts) == whole
    assert len(whole) >= len(ROWS)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("name", TEXTS)
def test_what_is_known_is_passed(name: str) -> None:
    framing, text = TEXTS[name]
    known = Known()
    cut(framing, text, known)
    assert cut(framing, text, known) == []


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("share", [0.2, 0.5, 0.93])
@pytest.mark.parametrize(
    "name", ["lines", "array", "pretty", "csv", "xml", "lines in UTF-16", "csv in UTF-16"]
)
def test_a_file_that_grew_gives_the_rest(name: str, share: float) -> None:
    framing, text = TEXTS[name]
    known = Known()
    first = cut(framing, text[: int(len(text) * share) & ~1], known)
    second = cut(framing, text, known)
    replaced = {digest for each in second for digest in each.replaces}
    kept = [each for each in first if each.digest not in replaced] + second
    whole = {record for record in as_utf8(frame(framing, text)) if record.strip()}
    assert whole <= set(records(framing, sorted(kept, key=lambda each: each.offset)))


@pytest.mark.usefixtures("small")
def test_a_record_longer_than_any_is_a_fragment() -> None:
    cuts = cut("json", b'{"Records":[{"a":"' + b"x" * 40_000 + b'"}]}', Known())
    assert [each.fragment for each in cuts] == [True, True, False] or all(each.fragment for each in cuts)


@pytest.mark.parametrize(
    ("head", "said"),
    [
        (b"\n  name;date\n1;2\n", "it begins: name;date"),
        ("\ufeffa,b\r\n1,2\r\n".encode("utf-16-le"), "it begins: a,b"),
        (b"\xef\xbb\xbfx\xe2\x80\xaey\n", "it begins: x\\u202ey"),
        (b"z" * 5000, "z" * 159 + "…"),
    ],
)
def test_an_unknown_text_is_told_by_its_first_line(head: bytes, said: str) -> None:
    assert describe(head).endswith(said)


def test_an_unknown_text_moves_no_cursor() -> None:
    assert describe(b"a\x1b[2J" + b"b" * 500).isprintable()
