"""The hop graph: hosts as boxes from left to right as far as somebody went, hops as lines between them. Geometry only; a template
draws it.

A host stands in the column of its first hop's depth. Hops between the same two hosts share one line, which says the least sure of
their links and whether any changed the account.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from countersign.model.visible import counted, visible
from countersign.model.visit import Hop, Visit
from countersign.web.lettering import pressed
from countersign.web.story import TreeHop, in_order

BOX, HEIGHT, GAP, STEP = 140, 36, 22, 130
"""A box's width and height, the room between two of a column, and between two columns."""
MARGIN = 14
LETTER = 6.6
"""Pixels of a letter of a label."""
MAX_HOSTS, MAX_LINES = 40, 80
NAME_CHARACTERS, WAY_CHARACTERS = 19, 17
ORDER = ("proven", "entry", "inferred", "ambiguous")
"""Links, the surest first: a line says the least sure of those that share it."""


@dataclass(frozen=True, slots=True)
class Box:
    """A host, or the place that somebody came from; `outside` if nobody arrived there. `length` is what a long name is pressed into, else 0."""

    x: float
    y: float
    name: str
    full: str
    outside: bool
    length: int


@dataclass(frozen=True, slots=True)
class Line:
    """One or more hops from one box to another. `link` is the least sure of theirs, `switch` a changed account."""

    path: str
    link: str
    label: str
    x: float
    y: float
    title: str
    switch: bool


@dataclass(frozen=True, slots=True)
class Graph:
    """A drawing. `desc` says what there is to see, `note` what was left out."""

    width: float
    height: float
    title: str
    desc: str
    boxes: tuple[Box, ...]
    lines: tuple[Line, ...]
    note: str


def draw_graph(visit: Visit, title: str) -> Graph | None:
    """The graph of a visit; None where it went nowhere from its entry."""
    tree = in_order(visit)
    edges = _edges(tree)
    depths = _depths(tree)
    hosts = list(depths)[:MAX_HOSTS]
    if len(visit.hops) < 2 or len(hosts) < 2:
        return None
    boxes = _boxes(hosts, depths, {item.hop.target for item in tree})
    drawn = [(pair, hops) for pair, hops in edges.items() if pair[0] in boxes and pair[1] in boxes]
    lines = tuple(_line(boxes[a], boxes[b], hops) for (a, b), hops in drawn[:MAX_LINES])
    switches = sum(line.switch for line in lines)
    left_out = [
        counted(count, word)
        for count, word in ((len(depths) - len(hosts), "host"), (len(edges) - len(lines), "way"))
        if count > 0
    ]
    return Graph(
        width=max(box.x for box in boxes.values()) + BOX + MARGIN,
        height=max(box.y for box in boxes.values()) + HEIGHT + MARGIN,
        title=title,
        desc=f"{counted(len(boxes), 'place')} and {counted(len(lines), 'way')} between them, {switches:,} with other credentials. "
        "The table of hops below says the same.",
        boxes=tuple(boxes.values()),
        lines=lines,
        note=f"Not drawn, to keep this legible: {', '.join(left_out)}." if left_out else "",
    )


def _source(hop: Hop) -> str:
    return hop.source or hop.source_ip or "not known"


def _origin(item: TreeHop, hops: dict[str, Hop]) -> str:
    """The box that a hop left: where its parent arrived, for an address leased by a gateway is the gateway's."""
    parent = hops.get(item.hop.parent or "")
    return _source(item.hop) if parent is None else parent.target


def _edges(tree: Sequence[TreeHop]) -> dict[tuple[str, str], list[Hop]]:
    hops = {item.hop.id: item.hop for item in tree}
    out: dict[tuple[str, str], list[Hop]] = defaultdict(list)
    for item in tree:
        out[_origin(item, hops), item.hop.target].append(item.hop)
    return out


def _depths(tree: Sequence[TreeHop]) -> dict[str, int]:
    """Each place with its column, in the order in which somebody came there."""
    hops = {item.hop.id: item.hop for item in tree}
    out: dict[str, int] = {}
    for item in tree:
        near = out.setdefault(_origin(item, hops), item.depth)
        out.setdefault(item.hop.target, near + 1)
    return out


def _boxes(hosts: Sequence[str], depths: dict[str, int], arrived: set[str]) -> dict[str, Box]:
    rows: dict[int, int] = defaultdict(int)
    out: dict[str, Box] = {}
    for host in hosts:
        column = depths[host]
        x = MARGIN + column * (BOX + STEP)
        y = MARGIN + 14 + rows[column] * (HEIGHT + GAP)
        rows[column] += 1
        name = visible(host, NAME_CHARACTERS)
        out[host] = Box(x, y, name, visible(host, 200), host not in arrived, pressed(name, BOX - 12))
    return out


def _line(start: Box, end: Box, hops: Sequence[Hop]) -> Line:
    link = max((hop.link.kind for hop in hops), key=ORDER.index)
    ways = ", ".join(dict.fromkeys(hop.protocol for hop in hops))
    label = visible(ways, WAY_CHARACTERS) + (f" ×{len(hops)}" if len(hops) > 1 else "")
    switch = any(hop.credential_switch for hop in hops)
    path, x, y = _course(start, end, len(label) + 2 * switch)
    accounts = ", ".join(dict.fromkeys(hop.account for hop in hops))
    title = f"{ways} as {accounts}: {link}, {hops[0].link.reason}" + (
        " (other credentials)" if switch else ""
    )
    return Line(path, link, label, x, y, visible(title, 400), switch)


def _course(start: Box, end: Box, letters: int) -> tuple[str, float, float]:
    """A curve from box to box, and where its label stands: of those that fan out by the tip of its own, where they lie apart."""
    y1, y2 = start.y + HEIGHT / 2, end.y + HEIGHT / 2
    if end.x > start.x:
        x1, x2 = start.x + BOX, end.x - 6
        bend = (x2 - x1) / 2
        return (
            f"M{x1:g} {y1:g}C{x1 + bend:g} {y1:g} {x2 - bend:g} {y2:g} {x2:g} {y2:g}",
            end.x - STEP / 2 if y1 == y2 else max(end.x - STEP / 2, end.x - 16 - letters * LETTER / 2),
            y2 - 6,
        )
    if start is end:
        x = start.x + BOX
        return f"M{x:g} {y1 - 9:g}c34 -8 34 26 6 18", x + 34, y1 + 4
    # back, or within a column: around the right side
    x1, x2 = start.x + BOX, end.x + BOX + 6
    far = max(x1, x2) + 46
    return f"M{x1:g} {y1:g}C{far:g} {y1:g} {far:g} {y2:g} {x2:g} {y2:g}", far - 6, (y1 + y2) / 2 + 4
