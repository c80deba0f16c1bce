"""Syslog files: what the programs of a Unix machine and most network devices say of themselves, line by line.

For an auditor a syslog file says what a program wrote at what its host thought was the time; it says neither that
the program was what it called itself nor that the clock was right. Empty lines are no records: they are neither
events nor rejected. A line whose program nobody here knows is a Base Event (class 0) with its whole message.

References: RFC 3164, RFC 5424, RFC 6587 section 3.4.1.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime

from countersign.model.batch import EventBatch, ParseContext, Parsed
from countersign.sources._audit_values import event_of
from countersign.sources._base import HEAD_BYTES, Source
from countersign.sources._family import Mapper
from countersign.sources._payload import around, tells_time
from countersign.sources._programs import carried, understand
from countersign.sources._syslog import Frame, Framer

NAME = "syslog"
_REPEATED = re.compile(r"message repeated (\d{1,9}) times: \[ ?(.*)\]$")
_SAMPLE = 64
_NO_FRAME = "the line has no syslog frame: neither a time nor a priority at its start"
_NO_TEXT = "the line holds nothing but NUL bytes, as a crash leaves them"
_SOME_TIME = datetime(2020, 1, 1, tzinfo=UTC)
_BOM = "\ufeff"


def detect(head: bytes) -> bool:
    """Whether most of the first lines have a syslog frame, and at least one of them more than a time."""
    lines = head.split(b"\n")
    if len(head) >= HEAD_BYTES and len(lines) > 1:
        del lines[-1]  # cut in its middle
    framer = Framer(ParseContext("", _SOME_TIME, _SOME_TIME))
    texts = [
        text for line in lines[:_SAMPLE] if (text := _text(line.rstrip(b"\r")[:2048]).strip("\0 \t" + _BOM))
    ]
    found = [(framer.frame(text), text) for text in texts]
    frames = [frame for frame, _ in found if frame is not None]
    certain = sum(frame.certain for frame in frames)
    messages = (text if frame is None or _no_host(frame) else frame.message for frame, text in found)
    carriers = (carried(message) for message in messages if not message.startswith("{"))
    families = Counter(each[0].name for each in carriers if each)
    if any(2 * count > len(texts) for count in families.values()):
        return False  # a family's own file, with syslog around its messages
    return certain > 0 and 4 * certain >= len(texts) and 2 * len(frames) >= len(texts)


def _no_host(frame: Frame) -> bool:
    """What stands where a host should is none: a line of a program's own, with a time in front."""
    return frame.host is not None and frame.host.startswith("[")


def parse(records: Sequence[bytes], context: ParseContext) -> Parsed:
    """Lines to events."""
    batch = EventBatch(NAME, context)
    framer = Framer(context)
    frame_of = framer.frame
    mappers: dict[str, Mapper] = {}
    for index, record in enumerate(records):
        raw = record.rstrip(b"\r\n")
        text = _text(raw)
        frame = frame_of(text)
        if frame is None:
            text = text.strip("\0 \t" + _BOM)
            frame = frame_of(text)
            if frame is None:
                if text:
                    batch.reject(index, _NO_FRAME)
                elif b"\0" in raw:
                    batch.reject(index, _NO_TEXT)
                continue
        found = carried(frame.message)
        if found is None:
            _add(batch, index, raw, frame)
            continue
        family, row = found
        if family.name not in mappers:
            mappers[family.name] = Mapper(family)
        own = frame.message.lstrip(" ") if tells_time(family, row) else text
        mappers[family.name].take(index, own.encode("utf-8", "replace"), row, around(frame))
    for mapper in mappers.values():
        mapper.write(batch, framer.clock)
    return batch.finish(by_record=bool(mappers))


def _text(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("utf-8", "replace")


def _add(batch: EventBatch, index: int, raw: bytes, frame: Frame) -> None:
    time, time_text, basis, host, program, pid, message, fields, _ = frame
    columns: dict[str, object] = {
        "class_uid": 0,
        "time": time,
        "time_text": time_text,
        "time_basis": basis,
        "device.hostname": host,
        "metadata.log_name": program,
        "message": message,
    }
    if pid is not None and pid.isdecimal() and len(pid) <= 10:
        columns["actor.process.pid"] = int(pid)
    inner = message
    if message.startswith("message repeated ") and (repeated := _REPEATED.match(message)):
        inner = repeated[2]
        fields = {**fields, "repeated": repeated[1]}
    understood = understand(program, pid, inner)
    if understood is None:
        batch.add(index, raw, columns, fields)
        return
    more, own, key = understood
    columns.update(more)
    batch.add(index, raw, columns, {**fields, **own} if fields else own, key)


SOURCE = Source(
    name=NAME, title="Syslog", framing="lines", detect=detect, parse=parse, page="syslog", together=event_of
)
