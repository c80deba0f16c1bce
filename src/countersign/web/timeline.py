"""Visits as swim-lanes: hosts are lanes, hops are bars, findings are marks. Geometry only; a template draws it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from countersign.model.visible import visible
from countersign.model.visit import Finding, Hop, Visit
from countersign.web.lettering import pressed
from countersign.web.scale import Scale, Shade, Tick
from countersign.web.times import clock_text, day_text, moment
from countersign.web.words import PROTOCOLS, severity_rank

WIDTH = 1000
GUTTER = 150
"""Room for host names at the left."""
TOP = 30
BAR, ROW, ABOVE = 14, 19, 13
"""Heights of a bar, of a row of bars, and of the room above them, where marks stand."""
LEAST = 4.0
"""A hop of a second is still seen."""
MAX_LANES, MAX_ROWS, MAX_BARS, MAX_MARKS = 40, 4, 1500, 300
NAME_CHARACTERS = 20
LETTER = 6.6
"""Pixels of a letter of the label's size, a little more than it takes."""


@dataclass(frozen=True, slots=True)
class Lane:
    """A host's row or rows; `name` is cut to fit and pressed into `length` (0 where it has room), `full` is not."""

    y: float
    height: float
    name: str
    full: str
    length: int


@dataclass(frozen=True, slots=True)
class Bar:
    """A hop. `family` chooses the colour, `link` the line style; open ends are those no record tells."""

    x: float
    y: float
    width: float
    family: str
    link: str
    title: str
    label: str
    label_x: float
    anchor: str
    open_start: bool
    open_end: bool


@dataclass(frozen=True, slots=True)
class Connector:
    """From a hop to the hop it led to, as an SVG path."""

    path: str
    link: str


@dataclass(frozen=True, slots=True)
class Mark:
    """A finding at its time."""

    x: float
    y: float
    severity: str
    title: str


@dataclass(frozen=True, slots=True)
class Timeline:
    """A drawing. `note` says in words what was left out, `desc` what there is to see."""

    width: int
    height: float
    day: str
    title: str
    desc: str
    lanes: tuple[Lane, ...]
    ticks: tuple[Tick, ...]
    shades: tuple[Shade, ...]
    bars: tuple[Bar, ...]
    connectors: tuple[Connector, ...]
    marks: tuple[Mark, ...]
    note: str


@dataclass(frozen=True, slots=True)
class _Piece:
    """A hop with the times it is drawn at, which may have been filled in."""

    hop: Hop
    visit: Visit
    start: datetime
    end: datetime


def draw(
    visits: Sequence[Visit], findings: Iterable[Finding], zone: ZoneInfo, title: str, *, labels: bool
) -> Timeline | None:
    """The drawing of some visits; None where no hop has a time. `labels` names bars and joins them."""
    pieces = _pieces(visits)
    if not pieces:
        return None
    marked = [finding for finding in findings if finding.time is not None]
    moments = [moment for piece in pieces for moment in (piece.start, piece.end)]
    scale = Scale.around(min(moments), max(moments), GUTTER, WIDTH - GUTTER - 36, zone)
    hosts = list(dict.fromkeys(piece.hop.target for piece in pieces))
    shown = dict.fromkeys(hosts[:MAX_LANES])
    drawn = [piece for piece in pieces if piece.hop.target in shown][:MAX_BARS]
    rows = _rows(drawn, scale, labels=labels)
    lanes, tops, bottom = _lanes(shown, drawn, rows)
    bars = {
        (piece.visit.id, piece.hop.id): _bar(
            piece, scale, tops[piece.hop.target] + row * ROW, zone, labels=labels
        )
        for piece, row in zip(drawn, rows, strict=True)
    }
    marks = _marks(marked, scale, tops, visits)
    return Timeline(
        width=WIDTH,
        height=bottom + 8,
        day=_first_day(scale, zone),
        title=title,
        desc=_description(visits, hosts, marked, scale, zone),
        lanes=tuple(lanes),
        ticks=tuple(scale.ticks()),
        shades=tuple(scale.shades()),
        bars=tuple(bars.values()),
        connectors=_connectors(drawn, bars) if labels else (),
        marks=marks,
        note=_note(len(hosts) - len(shown), len(pieces) - len(drawn), len(marked) - len(marks)),
    )


def _pieces(visits: Sequence[Visit]) -> list[_Piece]:
    """Hops with times, in the order of their beginning; a missing end is the visit's."""
    out = []
    for visit in visits:
        known = [m for hop in visit.hops for m in (hop.start, hop.end) if m is not None]
        known += [m for m in (visit.start, visit.end) if m is not None]
        if not known:
            continue
        first, last = min(known), max(known)
        for hop in visit.hops:
            start = hop.start or first
            out.append(_Piece(hop, visit, start, max(start, hop.end or last)))
    return sorted(out, key=lambda piece: (piece.start, piece.visit.id, piece.hop.id))


def _rows(pieces: Sequence[_Piece], scale: Scale, *, labels: bool) -> list[int]:
    """Which row of its lane each hop takes: the first that is free at that time."""
    ends: dict[str, list[float]] = {}
    rows = []
    for piece in pieces:
        taken = ends.setdefault(piece.hop.target, [])
        left, width = _extent(piece, scale)
        right = left + width + (len(_label(piece.hop)) * LETTER + 8 if labels else 1)
        row = next((n for n, end in enumerate(taken) if end <= left), len(taken))
        if row == len(taken) and row < MAX_ROWS:
            taken.append(right)
        row = min(row, MAX_ROWS - 1)
        taken[row] = max(taken[row], right)
        rows.append(row)
    return rows


def _lanes(
    hosts: Iterable[str], pieces: Sequence[_Piece], rows: Sequence[int]
) -> tuple[list[Lane], dict[str, float], float]:
    heights: dict[str, int] = {}
    for piece, row in zip(pieces, rows, strict=True):
        heights[piece.hop.target] = max(heights.get(piece.hop.target, 0), row + 1)
    y = float(TOP)
    lanes, tops = [], {}
    for host in hosts:
        height = heights.get(host, 1) * ROW + ABOVE + 2
        name = visible(host, NAME_CHARACTERS)
        lanes.append(Lane(y, height, name, visible(host), pressed(name, GUTTER - 14)))
        tops[host] = y + ABOVE
        y += height
    return lanes, tops, y


def _extent(piece: _Piece, scale: Scale) -> tuple[float, float]:
    left, right = scale.x(piece.start), scale.x(piece.end)
    return left, round(max(LEAST, right - left), 1)


def _label(hop: Hop) -> str:
    return visible(hop.protocol, 12)


def _bar(piece: _Piece, scale: Scale, y: float, zone: ZoneInfo, *, labels: bool) -> Bar:
    hop = piece.hop
    left, width = _extent(piece, scale)
    label = _label(hop) if labels else ""
    inside = width > len(label) * LETTER + 8
    room_right = left + width + len(label) * LETTER + 8 < WIDTH
    label_x, anchor = (
        (left + 5, "in") if inside else (left + width + 4, "out") if room_right else (left - 4, "before")
    )
    begin = moment(hop.start, zone, unknown="begin not seen").text
    end = "end not seen" if hop.end is None else f"until {clock_text(hop.end, zone)}"
    return Bar(
        x=left,
        y=y,
        width=width,
        family=hop.protocol if hop.protocol in PROTOCOLS else "other",
        link=hop.link.kind,
        title=visible(f"{hop.protocol}: {hop.account}, {hop.source} to {hop.target}, {begin}, {end}", 400),
        label=label,
        label_x=round(label_x, 1),
        anchor=anchor,
        open_start=hop.start is None,
        open_end=hop.end is None,
    )


def _connectors(pieces: Sequence[_Piece], bars: dict[tuple[str, str], Bar]) -> tuple[Connector, ...]:
    out = []
    for piece in pieces:
        parent = bars.get((piece.visit.id, piece.hop.parent or ""))
        bar = bars[piece.visit.id, piece.hop.id]
        if parent is None or parent is bar:
            continue
        x = min(max(bar.x, parent.x), parent.x + parent.width)
        start = parent.y + BAR if bar.y > parent.y else parent.y
        end = bar.y + BAR / 2
        out.append(Connector(f"M{x:g} {start:g}V{end:g}H{bar.x:g}", piece.hop.link.kind))
    return tuple(out)


def _marks(
    findings: Sequence[Finding], scale: Scale, tops: dict[str, float], visits: Sequence[Visit]
) -> tuple[Mark, ...]:
    """The gravest findings, each in the lane of its host, or of its visit's entry."""
    entries = {
        visit.id: next((hop.target for hop in visit.hops if hop.id == visit.entry), "") for visit in visits
    }
    first = next(iter(tops.values()), float(TOP))
    gravest = sorted(findings, key=lambda f: (-severity_rank(f.severity), f.id))[:MAX_MARKS]
    out = []
    for finding in gravest:
        if finding.time is None:
            continue
        host = next((name for name in finding.hosts if name in tops), entries.get(finding.visit or "", ""))
        title = visible(f"{finding.severity}: {finding.title}", 300)
        out.append(Mark(scale.x(finding.time), tops.get(host, first) - ABOVE + 8, finding.severity, title))
    # the gravest is drawn last and lies on top
    return tuple(sorted(out, key=lambda mark: (severity_rank(mark.severity), mark.x)))


def _first_day(scale: Scale, zone: ZoneInfo) -> str:
    local = scale.start.astimezone(zone)
    return f"from {day_text(local)} {local.year}"


def _description(
    visits: Sequence[Visit],
    hosts: Sequence[str],
    findings: Sequence[Finding],
    scale: Scale,
    zone: ZoneInfo,
) -> str:
    count = f"{len(visits)} visit{'s' if len(visits) != 1 else ''}"
    begin, end = moment(scale.start, zone).text, moment(scale.end, zone).text
    return visible(
        f"{count} on {len(hosts)} host{'s' if len(hosts) != 1 else ''} between {begin} and {end}, "
        f"with {len(findings)} finding{'s' if len(findings) != 1 else ''} marked. "
        "The same is told in the text and tables below."
    )


def _note(lanes: int, bars: int, marks: int) -> str:
    left_out = [
        f"{count:,} {word}{'s' if count != 1 else ''}"
        for count, word in ((lanes, "host"), (bars, "hop"), (marks, "finding"))
        if count > 0
    ]
    return f"Not drawn, to keep this legible: {', '.join(left_out)}." if left_out else ""
