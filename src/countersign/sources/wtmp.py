"""wtmp, btmp and utmp: who was on a Unix machine's terminals, when, and from which address, in the C library's binary records.

For an auditor: written by the programs that let people in, kept where syslog was never sent, and the first thing an intruder
cleans. Records have no numbers, so a missing one does not show; a record of zeroes is what some cleaners leave. The file does
not say what it is: a `LOGIN_PROCESS` with a name is a refused logon, for getty's own has the name LOGIN and stands in no btmp.

Read is the layout of 384 bytes (x86-64, x86, 32-bit and most big-endian Linux), in either byte order. 64-bit Arm's 400 bytes
are not: they are named as unknown.

References: utmp(5), lastb(1), bits/utmp.h of the GNU C library (sysdeps/gnu, sysdeps/unix/sysv/linux/x86).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address
from typing import Any

from countersign.model.batch import ParseContext
from countersign.sources._convert import said
from countersign.sources._family import NO_FRAME, Family, Layout, Read, has, source_of
from countersign.sources._flat import Row
from countersign.sources._mapping import Step, What
from countersign.sources._records import UTMP_BYTES
from countersign.sources._times import epoch

_LAYOUT = "h2xi32s4s32s256shhiii16s20x"
_ORDERS = (struct.Struct("<" + _LAYOUT), struct.Struct(">" + _LAYOUT))
_TYPES = (
    "EMPTY", "RUN_LVL", "BOOT_TIME", "NEW_TIME", "OLD_TIME", "INIT_PROCESS", "LOGIN_PROCESS", "USER_PROCESS", "DEAD_PROCESS",
    "ACCOUNTING",
)  # fmt: skip
_EARLIEST = 631_152_000
"""1990: Linux is younger."""
_LOOKED_AT = 20
_GETTY = "LOGIN"
_NO_RECORD = "384 bytes that are no record of the C library's"
_CUT_OFF = "a record that is cut off"


def row_of(raw: bytes) -> Row | None:
    """The fields of one record, None if it is sane in neither byte order."""
    return next((row for order in _ORDERS if (row := _row(order, raw)) is not None), None)


def _row(order: struct.Struct, raw: bytes) -> Row | None:
    kind, pid, line, id_, user, host, ended, code, session, second, part, address = order.unpack(raw)
    if not 0 <= kind < len(_TYPES) or pid < 0 or not 0 <= part < 1_000_000:
        return None
    if second < _EARLIEST and kind:
        return None
    words = [_text(word) for word in (line, id_, user, host)]
    if None in words:
        return None
    row: dict[str, Any] = dict(zip(("ut_line", "ut_id", "ut_user", "ut_host"), words, strict=True))
    refused = kind == 6 and row["ut_user"] not in {_GETTY, ""}
    return {
        "ut_type": _TYPES[kind],
        **row,
        "ut_pid": pid,
        "ut_session": session,
        "ut_addr": _address(address),
        "e_termination": ended,
        "e_exit": code,
        "ut_tv": str(second * 1_000_000 + part),
        "what": "REFUSED" if refused else _TYPES[kind],
    }


def _text(raw: bytes) -> str | None:
    """Text up to the first NUL; None for what no program writes there."""
    word = raw.partition(b"\0")[0]
    if word and min(word) < 32:
        return None
    return word.decode("utf-8", "replace")


@lru_cache(maxsize=4096)
def _address(raw: bytes) -> str | None:
    """IPv4 stands in the first four bytes, in network order whatever the machine's."""
    if not raw.strip(b"\0"):
        return None
    return str(IPv4Address(raw[:4])) if not raw[4:].strip(b"\0") else str(IPv6Address(raw))


def _read(records: Sequence[bytes], context: ParseContext) -> Iterator[Read]:
    del context
    for index, raw in enumerate(records):
        if not raw.strip(b"\0"):
            continue
        if len(raw) != UTMP_BYTES:
            yield index, raw, _CUT_OFF, NO_FRAME
            continue
        row = row_of(raw)
        yield index, raw, _NO_RECORD if row is None else row, NO_FRAME


def _rows(head: bytes) -> Sequence[Row]:
    """The first records, where nearly all of them are sane; none otherwise."""
    parts = [
        head[at : at + UTMP_BYTES] for at in range(0, min(len(head), _LOOKED_AT * UTMP_BYTES), UTMP_BYTES)
    ]
    whole = [part for part in parts if len(part) == UTMP_BYTES and part.strip(b"\0")]
    found = [row for part in whole if (row := row_of(part)) is not None]
    return found if whole and 4 * len(found) >= 3 * len(whole) else ()


def _session(line: Any, pid: Any) -> Sequence[object]:  # noqa: ANN401  # foreign
    """A terminal and the process that holds it: both records of one session have them."""
    return (f"{line}:{pid}" if said(line) and pid else None,)


def _end(address: Any, host: Any) -> Sequence[object]:  # noqa: ANN401  # foreign
    """The address, and the name where it is another: `:0` is a display, no name."""
    name = said(host)
    return address, None if name is None or name.startswith(":") or name == address else name


_PERSON: dict[str, Any] = {"user.name": "ut_user", "session.terminal": "ut_line", "process.pid": "ut_pid"}
_PLACE = Step(("ut_addr", "ut_host"), ("src_endpoint.ip", "src_endpoint.hostname"), _end)
_SESSION = Step(("ut_line", "ut_pid"), ("session.uid",), _session)

FAMILY = Family(
    name="linux.wtmp",
    title="wtmp, btmp, utmp",
    page="linux",
    product="utmp",
    vendor="Linux",
    match=has("ut_type", "ut_tv"),
    time=(epoch("ut_tv", "us"),),
    log="=wtmp",
    by=("what",),
    kinds={
        "USER_PROCESS": What(3002, 1, 1, columns=_PERSON, steps=(_PLACE, _SESSION)),
        "REFUSED": What(3002, 1, 2, columns=_PERSON, steps=(_PLACE,)),
        "RUN_LVL": What(columns={"message": "ut_user"}),  # `shutdown`, or a run level
        "DEAD_PROCESS": What(3002, 2, 1, columns=_PERSON, steps=(_PLACE, _SESSION)),
    },
    what=What(columns={"metadata.event_code": "ut_type"}),
)
SOURCE = source_of(FAMILY, Layout("utmp", _read, _rows))
