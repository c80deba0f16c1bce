"""EVTX files made for tests: plain binary XML without templates, one chunk for each list of events.

Reference: https://github.com/libyal/libevtx/blob/main/documentation/Windows%20XML%20Event%20Log%20(EVTX).asciidoc
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

CHUNK = 65_536
RECORDS_AT = 512
SECURITY = "Microsoft-Windows-Security-Auditing"


@dataclass
class Element:
    name: str
    attributes: Mapping[str, str] = field(default_factory=dict)
    content: str | Sequence[Element] = ""


def event(
    code: int,
    record_id: int,
    time: str,
    data: Mapping[str, str],
    *,
    channel: str = "Security",
    provider: str = SECURITY,
    computer: str = "WS5.example.org",
    user_data: str = "",
    rendered: str = "",
) -> Element:
    """An event as Windows writes it; `user_data` names the element under UserData, else it is EventData."""
    system = Element(
        "System",
        content=[
            Element("Provider", {"Name": provider, "Guid": "{54849625-5478-4994-A5BA-3E3B0328C30D}"}),
            Element("EventID", content=str(code)),
            Element("Version", content="2"),
            Element("Level", content="0"),
            Element("Task", content="12544"),
            Element("Opcode", content="0"),
            Element("Keywords", content="0x8020000000000000"),
            Element("TimeCreated", {"SystemTime": time}),
            Element("EventRecordID", content=str(record_id)),
            Element("Correlation"),
            Element("Execution", {"ProcessID": "760", "ThreadID": "7276"}),
            Element("Channel", content=channel),
            Element("Computer", content=computer),
            Element("Security"),
        ],
    )
    if user_data:
        inner = [Element(name, content=value) for name, value in data.items()]
        body = Element("UserData", content=[Element(user_data, content=inner)])
    else:
        body = Element("EventData", content=[Element("Data", {"Name": n}, v) for n, v in data.items()])
    extra = (
        [Element("RenderingInfo", {"Culture": "en-US"}, [Element("Message", content=rendered)])]
        if rendered
        else []
    )
    return Element("Event", content=[system, body, *extra])


def header(chunks: int = 1) -> bytes:
    head = struct.pack("<8sQQQIHHHH", b"ElfFile\0", 0, chunks - 1, 1, 128, 1, 3, 4096, chunks).ljust(
        120, b"\0"
    )
    return (head + struct.pack("<II", 0, zlib.crc32(head))).ljust(4096, b"\0")


def chunk(events: Sequence[Element], first: int = 1) -> bytes:
    """One 64 KiB chunk with these events, numbered from `first`."""
    body = bytearray(RECORDS_AT)
    last_at = RECORDS_AT
    for number, one in enumerate(events, first):
        last_at = len(body)
        xml = _binary(one, last_at + 24)
        size = 24 + len(xml) + 4
        body += struct.pack("<IIQQ", 0x2A2A, size, number, 0) + xml + struct.pack("<I", size)
    assert len(body) <= CHUNK
    last = first + len(events) - 1
    free = len(body)
    checksum = zlib.crc32(bytes(body[RECORDS_AT:]))
    struct.pack_into(
        "<8sQQQQIIII", body, 0, b"ElfChnk\0", first, last, first, last, 128, last_at, free, checksum
    )
    struct.pack_into("<I", body, 124, zlib.crc32(bytes(body[:120]) + bytes(body[128:512])))
    return bytes(body.ljust(CHUNK, b"\0"))


def file(*chunks: Sequence[Element]) -> bytes:
    """A whole file; records are numbered through all chunks."""
    out = [header(len(chunks))]
    number = 1
    for events in chunks:
        out.append(chunk(events, number))
        number += len(events)
    return b"".join(out)


def _binary(root: Element, at: int) -> bytes:
    out = bytearray(b"\x0f\x01\x01\x00")
    _element(root, out, at)
    return bytes(out) + b"\x00"


def _element(one: Element, out: bytearray, at: int) -> None:
    out.append(0x41 if one.attributes else 0x01)
    size_at = len(out)
    out += bytes(4)
    _name(one.name, out, at)
    if one.attributes:
        list_at = len(out)
        out += bytes(4)
        for index, (name, value) in enumerate(one.attributes.items(), 1):
            out.append(0x46 if index < len(one.attributes) else 0x06)
            _name(name, out, at)
            _value(value, out)
        struct.pack_into("<I", out, list_at, len(out) - list_at - 4)
    if one.content:
        out.append(0x02)
        if isinstance(one.content, str):
            _value(one.content, out)
        else:
            for child in one.content:
                _element(child, out, at)
        out.append(0x04)
    else:
        out.append(0x03)
    struct.pack_into("<I", out, size_at, len(out) - size_at - 4)


def _name(name: str, out: bytearray, at: int) -> None:
    out += struct.pack("<I", at + len(out) + 4)
    out += struct.pack("<IHH", 0, _hash(name), len(name)) + name.encode("utf-16-le") + b"\0\0"


def _hash(name: str) -> int:
    value = 0
    for character in name:
        value = (value * 65_599 + ord(character)) & 0xFFFFFFFF
    return value & 0xFFFF


def _value(text: str, out: bytearray) -> None:
    out += struct.pack("<BBH", 0x05, 0x01, len(text)) + text.encode("utf-16-le")
