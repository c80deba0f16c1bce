from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from countersign.app.hits import MAX_EVIDENCE, Homes, Place, grouped
from countersign.lake.tables import HITS_SCHEMA
from countersign.model.visit import Hop, Link, Reference, Visit

START = datetime(2026, 3, 2, tzinfo=UTC)


def hit(number: int, rule: str = "r", host: str = "HOST", *, dated: bool = True) -> dict[str, object]:
    return {
        "id": f"{number:032x}",
        "rule_id": rule,
        "event": f"e{number:05}",
        "segment": "s",
        "record": number,
        "time": START + timedelta(seconds=number // 2) if dated else None,
        "host": host,
        "account": None,
        "kind": "rule",
        "fields": None,
    }


def table(rows: list[dict[str, object]]) -> pa.Table:
    return pa.Table.from_pylist(rows, schema=HITS_SCHEMA)


def visit(*events: str) -> Visit:
    records = tuple(Reference(event, "s", 0) for event in events)
    hop = Hop("h", None, "a", "x", "y", "ssh", START, None, Link("entry", ""), (), (), records)
    return Visit("h", "p", "someone", "person", START, None, "h", (hop,))


def test_by_visit_else_by_rule_and_host_without_regard_to_case() -> None:
    rows = [hit(1), hit(2, host="host"), hit(3, host="OTHER"), hit(4, rule="q"), hit(5), hit(6, host="OTHER")]
    groups = grouped([table(rows)], Homes([visit("e00005", "e00006")]), {"s": 7})
    assert {place: group.count for place, group in groups.items()} == {
        Place("r", -1, "host"): 2,
        Place("r", -1, "other"): 1,
        Place("q", -1, "host"): 1,
        Place("r", 0, ""): 2,
    }
    assert groups[Place("q", -1, "host")].first[0].reference == Reference("e00004", "s", 4, 7)


@given(
    rows=st.lists(
        st.tuples(st.integers(0, 400), st.sampled_from("rq"), st.sampled_from("ab"), st.booleans()),
        max_size=300,
    ),
    cuts=st.lists(st.integers(0, 300), max_size=4),
    data=st.data(),
)
def test_order_and_batches_change_nothing(
    rows: list[tuple[int, str, str, bool]], cuts: list[int], data: st.DataObject
) -> None:
    hits = [
        hit(number, rule, host, dated=dated)
        for number, rule, host, dated in {row[:3]: row for row in rows}.values()
    ]
    shuffled = data.draw(st.permutations(hits))
    edges = [0, *sorted({min(cut, len(hits)) for cut in cuts}), len(hits)]
    parts = [table(shuffled[a:b]) for a, b in pairwise(edges)]
    homes = Homes([visit("e00001", "e00002", "e00003")])
    one, two = grouped([table(hits)], homes, {}), grouped(parts, homes, {})
    assert one.keys() == two.keys()
    for place, group in one.items():
        other = two[place]
        assert (group.count, group.last, group.first) == (other.count, other.last, other.first)
        assert len(group.first) == min(group.count, MAX_EVIDENCE)


def test_undated_hits_come_last() -> None:
    (group,) = grouped([table([hit(1, dated=False), hit(9)])], Homes([]), {}).values()
    assert [one.reference.event for one in group.first] == ["e00009", "e00001"]
    assert group.last == START + timedelta(seconds=4)
    (only,) = grouped([table([hit(1, dated=False)])], Homes([]), {}).values()
    assert only.last is None
