"""What all streams share: the day's tables, what befalls a record on its way, and files that grow day by day."""

from __future__ import annotations

import heapq
import zlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from countersign.range.calendar import HOUR, MINUTE, Day
from countersign.range.draws import U64, Names, mix, mixed, share
from countersign.range.estate import Account, Estate, Host
from countersign.range.plan.kinds import TAP, TOOL, USER
from countersign.range.plan.tables import Layout, Records, Rows
from countersign.range.writers.windows import escaped

KEPT, LOST, LATE, TWICE = range(4)
"""What befalls a record between its recorder and the collection."""
WARDS = 5
"""One of so many workstations of a hospital stands in a ward."""
BUFFER = 4 * 1024 * 1024
LEVEL = 1
"""Of compression: ours is the writing side, and nobody keeps these files for long."""
LATE_LEAST, LATE_MORE = 2 * MINUTE, 3 * HOUR


@dataclass(frozen=True, slots=True)
class Ref:
    """Whose record it is: a visit's key, the hop's number in it, and the step's (-1 for none)."""

    visit: int
    hop: int
    step: int


@dataclass(slots=True)
class Record:
    """A record of a visit before it is written; `number` is its own 64 bits, `body` what its stream makes of it."""

    time: int
    number: int
    body: object
    ref: Ref | None

    def __lt__(self, other: Record) -> bool:
        return (self.time, self.number) < (other.time, other.number)


class Sink(Protocol):
    """Where streams tell which record of a visit was written how."""

    def note(self, ref: Ref, survived: bool, reference: Mapping[str, object]) -> None:
        """One record of a visit."""


@dataclass(slots=True)
class Today:
    """A day's table as plain lists, for quick access by row."""

    day: Day
    records: Records
    fate: NDArray[np.int8]
    kind: list[int]
    source: list[int]
    target: list[int]
    who: list[int]
    length: list[int]
    seed: list[int]
    addresses: list[bytes]
    """Each host's address on this day."""
    outside: list[bytes]
    """The same as other sites see it."""


def fates(seed: U64, kind: NDArray[np.int8], estate: Estate) -> NDArray[np.int8]:
    """What befalls each record, by its row's number and its kind."""
    dirt = estate.spec.dirt
    roll = share(mixed(seed ^ mixed(kind.astype(np.uint64))))
    late = roll < dirt.lost + dirt.late
    return np.select(
        [roll < dirt.lost, late, roll < dirt.lost + dirt.late + dirt.doubled], [LOST, LATE, TWICE], KEPT
    ).astype(np.int8)


def fate_of(number: int, estate: Estate) -> int:
    """What befalls one record."""
    dirt, roll = estate.spec.dirt, mix(number ^ 0x66617465) / 2**64
    if roll < dirt.lost:
        return LOST
    if roll < dirt.lost + dirt.late:
        return LATE
    return TWICE if roll < dirt.lost + dirt.late + dirt.doubled else KEPT


def today(estate: Estate, day: Day, rows: Rows, records: Records) -> Today:
    """The day's table ready for writing."""
    own = estate.addresses(day.number)
    return Today(
        day=day,
        records=records,
        fate=fates(rows.seed[records.row], records.kind, estate),
        kind=rows.kind.tolist(),
        source=rows.source.tolist(),
        target=rows.target.tolist(),
        who=rows.who.tolist(),
        length=rows.length.tolist(),
        seed=rows.seed.tolist(),
        addresses=[address.encode() for address in own],
        outside=[
            (host.seen if host.seen != host.ip else address).encode()
            for host, address in zip(estate.hosts, own, strict=True)
        ],
    )


@dataclass(frozen=True, slots=True)
class Who:
    """An account's names as JSON has them."""

    sid: bytes
    name: bytes
    netbios: bytes
    realm: bytes


def who(account: Account) -> Who:
    """An account ready for templates."""
    return Who(*(escaped(text) for text in (account.sid, account.name, account.netbios, account.realm)))


class Common:
    """What streams look up, made once in a process."""

    def __init__(self, estate: Estate, layout: Layout, root: Path, sink: Sink) -> None:
        self.estate = estate
        self.layout = layout
        self.root = root
        self.sink = sink
        self.names = Names()
        self.hosts: list[Host] = estate.hosts
        self.machine = [who(host.account) for host in estate.hosts]
        self.user = [who(host.user or host.account) for host in estate.hosts]
        desks = estate.by_role["workstation"]
        self.taps = [self.user[index] for index in desks[: max(1, len(desks) // WARDS)]]
        """Whose badges are held to the wards' readers: anybody's at any of them."""
        self.tool = [who(_tool_account(host)) for host in estate.hosts]
        self.administrators = [who(person.account) for person in estate.administrators]
        self.site = [host.site for host in estate.hosts]
        self.fqdn = [host.fqdn.encode() for host in estate.hosts]

    def account(self, today: Today, row: int) -> Who:
        """Whose account a row uses."""
        kind, source = today.who[row], today.source[row]
        if today.kind[row] == TAP:
            return self.taps[today.seed[row] % len(self.taps)]
        if kind == USER:
            return self.user[source]
        return self.tool[source] if kind == TOOL else self.machine[source]

    def address(self, today: Today, source: int, target: int) -> bytes:
        """A host's address as another sees it today."""
        return today.addresses[source] if self.site[source] == self.site[target] else today.outside[source]


def _tool_account(host: Host) -> Account:
    old = host.account
    return Account(f"svc-{host.role}", old.domain, old.netbios, old.realm, old.sid + "1")


class Growing:
    """A file that grows a day at a time; with compression each day is a member of its own (RFC 1952, 2.2)."""

    def __init__(self, path: Path, *, compressed: bool) -> None:
        self.path = path.with_name(path.name + ".gz") if compressed else path
        self._compressed = compressed

    def append(self, chunks: list[bytes]) -> None:
        """Adds whole lines."""
        if not chunks:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        data = b"".join(chunks)
        if self._compressed:
            packer = zlib.compressobj(LEVEL, zlib.DEFLATED, 31)
            data = packer.compress(data) + packer.flush()
        with self.path.open("ab") as file:
            file.write(data)


Writer = Callable[[list[bytes]], None]


@dataclass(slots=True)
class Way:
    """The way of a stream's records into its file: some are lost, late or come twice."""

    write: Writer
    count: int = 0
    _out: list[bytes] = field(default_factory=list)
    _held: list[tuple[int, int, bytes]] = field(default_factory=list)
    _size: int = 0

    def put(self, line: bytes, fate: int, moment: int, number: int) -> None:
        """A record, in the order of time."""
        held = self._held
        while held and held[0][0] <= moment:
            self._add(heapq.heappop(held)[2])
        if fate == KEPT:
            self._add(line)
        elif fate != LOST:
            roll = mix(number) / 2**64
            delay = LATE_LEAST + int(LATE_MORE * roll**3) if fate == LATE else int(roll * MINUTE)
            heapq.heappush(held, (moment + delay, number, line))
            if fate == TWICE:
                self._add(line)

    def _add(self, line: bytes) -> None:
        self.count += 1
        self._out.append(line)
        self._size += len(line)
        if self._size > BUFFER:
            self.flush()

    def flush(self) -> None:
        """Writes what is there; late records go on waiting."""
        self.write(self._out)
        self._out, self._size = [], 0

    def settle(self) -> None:
        """Lets all late records arrive, and writes."""
        while self._held:
            self._add(heapq.heappop(self._held)[2])
        self.flush()


class Kept(ABC):
    """A stream whose records go their way into one file after another."""

    def __init__(self, common: Common, stream: int, file: Path) -> None:
        self.common, self.stream = common, stream
        self._file = Growing(file, compressed=False)
        self._way = Way(self._append)

    @property
    def count(self) -> int:
        """How many records it has written."""
        return self._way.count

    def _append(self, chunks: list[bytes]) -> None:
        self._file.append(chunks)

    def close(self) -> None:
        """Nothing more comes."""
        self._way.settle()

    @abstractmethod
    def visited(self, record: Record) -> None:
        """Writes a visit's record."""


def in_turn(
    today: Today, stream: int, visits: Sequence[Record], visited: Callable[[Record], None]
) -> Iterator[tuple[int, int, int, int]]:
    """A stream's everyday records by time (when, kind, row, fate), with `visited` called for those of visits between."""
    part = today.records.of(stream)
    table = today.records
    waiting = sorted(visits, reverse=True)
    for one in zip(
        table.time[part].tolist(), table.kind[part].tolist(), table.row[part].tolist(), today.fate[part].tolist(),
        strict=True,
    ):  # fmt: skip
        while waiting and waiting[-1].time <= one[0]:
            visited(waiting.pop())
        yield one
    while waiting:
        visited(waiting.pop())


FIRST_PORT = 49_152
"""RFC 6335, section 6: the first of the dynamic ports, which Windows takes for its own."""


def port_of(number: int) -> int:
    """The source port of a connection."""
    return FIRST_PORT + (number >> 13 & 0x3FFF)


SINCE_BOOT = 1 << 16
"""Numbers of processes below this are those that run since the host started: their own process ids."""
UP = 40 * 86_400_000_000
"""For how long the longest-running host was up when the range began."""
KERNEL = 4
"""The process that Windows calls System, which SMB's connections are made by."""


def pid_of(number: int) -> int:
    """A process id: a multiple of four."""
    if number < SINCE_BOOT:
        return number
    return 1000 + (number >> 27 & 0x1FFF) * 4


def booted(base: int, start: int) -> int:
    """When a host started, before the range did; `base` is the host's."""
    return start - mix(base + 78) % UP


def shell_at_desk(base: int, day: int) -> int:
    """The number of the shell of whoever sits at a host on a day; `base` is the host's."""
    return mix(base + 7919 * (day + 1))


SITES = tuple(
    (f"{name}.example".encode(), f"192.0.2.{number + 20}".encode())
    for number, name in enumerate(
        [
            "www.nhs",
            "www.news",
            "mail.partner",
            "calendar.office",
            "updates.vendor",
            "cdn.static",
            "www.travel",
            "maps.city",
            "login.cloud",
            "files.share",
            "api.weather",
            "www.wiki",
            "video.stream",
            "ads.track",
            "fonts.type",
            "shop.market",
            "forum.help",
            "docs.suite",
            "chat.team",
            "status.page",
        ]
    )
)
"""Where staff look on the web; addresses of RFC 5737."""


def site_of(number: int) -> tuple[bytes, bytes]:
    """The web site of a page: a few are most of it."""
    return SITES[(number >> 31 & 0xFF) * (number >> 40 & 0xFF) * len(SITES) >> 16]
