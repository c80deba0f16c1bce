"""Windows events as XML: Event Viewer's 'save as XML', `wevtutil qe /f:xml`, forwarders that pass the event on as it is.

For an auditor: the same events as in EVTX, with the same ids, but rendered: whoever had the file could write into it, and
nothing in it says that no record was left out. One `<Events>` document, or bare `<Event>` elements, in lines or not.

References: https://learn.microsoft.com/windows/win32/wes/eventschema-schema,
https://learn.microsoft.com/windows-server/administration/windows-commands/wevtutil.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from countersign.model.batch import EventBatch, ParseContext, Parsed
from countersign.sources._base import Source
from countersign.sources._records import spans
from countersign.sources._windows import nested, plain_xml
from countersign.sources._windows.reader import Reader
from countersign.sources._windows.xml import event_of

NAME = "windows.xml"
LINUX = "linux.sysmon"
LOOKED_AT = 20
_START = re.compile(rb"(?:\xef\xbb\xbf)?\s{0,64}(?:<\?xml[^>]{0,200}\?>\s{0,64})?(?:-\s{1,8})?<Events?[\s>]")
"""A dash stands before each element that a viewer lets one fold, in text copied out of it."""
_SYSTEM = re.compile(rb"<System\s{0,8}>")
_SYSMON_LINUX = re.compile(rb"<Channel>Linux-Sysmon/Operational</Channel>")
_NO_EVENT = "no well-formed Event element of Windows"


def _detect(*, linux: bool) -> Callable[[bytes], bool]:
    def detect(head: bytes) -> bool:
        """XML that begins with an event of Windows, or of Sysmon for Linux."""
        if not _START.match(head):
            return False
        found = [head[start:end] for start, end in spans("xml", head)[:LOOKED_AT]]
        events = [raw for raw in found if _SYSTEM.search(raw)]
        return bool(events) and linux is (
            2 * sum(bool(_SYSMON_LINUX.search(raw)) for raw in events) > len(events)
        )

    return detect


def _parse(name: str) -> Callable[[Sequence[bytes], ParseContext], Parsed]:
    def parse(records: Sequence[bytes], context: ParseContext) -> Parsed:
        """Events of the elements of one segment."""
        batch = EventBatch(name, context)
        reader = Reader(batch)
        for index, raw in enumerate(records):
            entry = plain_xml.entry_of(raw)
            if entry is None:
                event = event_of(raw)
                entry = None if event is None else nested.read(event)
            if entry is None:
                batch.reject(index, _NO_EVENT)
            else:
                reader.add(index, raw, entry)
        reader.finish()
        return batch.finish()

    return parse


SOURCES = (
    Source(NAME, "Windows events as XML", "xml", _detect(linux=False), _parse(NAME), page="windows"),
    Source(LINUX, "Sysmon for Linux", "xml", _detect(linux=True), _parse(LINUX), page="linux"),
)
