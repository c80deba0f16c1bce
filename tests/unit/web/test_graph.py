"""The hop graph of a visit."""

from __future__ import annotations

from dataclasses import replace

import pytest

from countersign.model.visit import Hop, Visit
from countersign.web import render_report
from countersign.web.graph import BOX, MAX_HOSTS, Graph, draw_graph
from countersign.web.timeline import GUTTER
from report_samples import AMBIGUOUS, HOSTILE, INFERRED, MONDAY, hop, intrusion, model, ordinary


def graph(visit: Visit) -> Graph:
    drawn = draw_graph(visit, "Where somebody went")
    assert drawn is not None
    return drawn


def further(visit: Visit, *hops: Hop) -> Visit:
    return replace(visit, hops=(*visit.hops, *hops))


def test_places_stand_from_left_to_right_as_far_as_somebody_went() -> None:
    drawn = graph(ordinary(2, MONDAY))
    boxes = [(box.name, box.outside) for box in sorted(drawn.boxes, key=lambda box: box.x)]
    assert boxes == [("203.0.113.19", True), ("asa01", False), ("JUMP01", False), ("lnx01", False)]
    assert [line.link for line in drawn.lines] == ["entry", "proven", "inferred"]
    assert [line.label for line in drawn.lines] == ["vpn", "rdp", "ssh"]


def test_hops_between_two_hosts_share_a_line_that_says_the_least_sure_and_the_switch() -> None:
    line = graph(intrusion()[0]).lines[-1]
    assert (line.label, line.link, line.switch) == ("smb, wmi ×3", "ambiguous", True)
    assert "other credentials" in line.title


def test_two_hosts_of_one_column_do_not_lie_on_each_other_and_a_way_back_is_drawn() -> None:
    visit = ordinary(2, MONDAY)
    jump = visit.hops[1]
    beside = hop(900, jump.id, ("rdp", "a", "JUMP01", "SQL09"), MONDAY, 5, INFERRED)
    back = hop(901, beside.id, ("rdp", "a", "SQL09", "JUMP01"), MONDAY, 5, AMBIGUOUS)
    itself = hop(902, beside.id, ("explicit", "b", "SQL09", "SQL09"), MONDAY, 5, INFERRED)
    drawn = graph(further(visit, beside, back, itself))
    places = {box.name: (box.x, box.y) for box in drawn.boxes}
    assert places["SQL09"][0] == places["lnx01"][0]
    assert abs(places["SQL09"][1] - places["lnx01"][1]) >= 36
    assert len({line.path for line in drawn.lines}) == len(drawn.lines) == 6
    assert all(box.x >= 0 and box.x + BOX <= drawn.width for box in drawn.boxes)


def test_a_long_name_is_pressed_into_its_box_and_lane() -> None:
    visit = ordinary(2, MONDAY)
    hops = (*visit.hops[:2], replace(visit.hops[2], target="FILE01-" + "A" * 150))
    drawn = graph(replace(visit, hops=hops))
    assert [box.length for box in drawn.boxes] == [0, 0, 0, BOX - 12]
    page = render_report(replace(model(0, with_intrusion=False), visits=(replace(visit, hops=hops),)))
    assert f'textLength="{BOX - 12}" lengthAdjust="spacingAndGlyphs">FILE01-AAA' in page
    assert f'textLength="{GUTTER - 14}" lengthAdjust="spacingAndGlyphs">FILE01-AAA' in page


def test_labels_of_lines_that_fan_out_stand_at_their_tips_and_no_line_is_drawn_over_them() -> None:
    visit = ordinary(2, MONDAY)
    fan = [
        hop(900 + n, visit.hops[1].id, ("ssh", "a", "JUMP01", f"H{n}"), MONDAY, 5, INFERRED) for n in range(3)
    ]
    drawn = graph(further(visit, *fan))
    for box, line in zip(drawn.boxes[-3:], drawn.lines[-3:], strict=True):
        assert box.x - 40 < line.x < box.x - 20
        assert box.y < line.y < box.y + 18
    page = render_report(replace(model(0, with_intrusion=False), visits=(further(visit, *fan),)))
    picture = page[page.index("draw graph") :]
    picture = picture[: picture.index("</svg>")]
    assert picture.rindex('<path class="join') < picture.index('<text class="edge')


def test_a_visit_of_one_hop_needs_no_graph() -> None:
    visit = ordinary(2, MONDAY)
    assert draw_graph(replace(visit, hops=visit.hops[:1]), "x") is None


def test_a_thousand_hosts_stay_one_drawing_that_says_what_it_left_out() -> None:
    visit = ordinary(2, MONDAY)
    jump = visit.hops[1]
    many = [
        hop(1000 + n, jump.id, ("smb", "a", "JUMP01", f"H{n:04}"), MONDAY, 5, INFERRED) for n in range(1000)
    ]
    drawn = graph(further(visit, *many))
    assert len(drawn.boxes) == MAX_HOSTS
    assert "964 hosts" in drawn.note


@pytest.mark.parametrize("text", [HOSTILE, "</svg><script>alert(1)</script>", '" onload="x'])
def test_what_an_attacker_names_a_host_stays_text(text: str) -> None:
    visit = ordinary(2, MONDAY)
    hops = tuple(replace(one, target=f"{text}{n}", account=text) for n, one in enumerate(visit.hops))
    page = render_report(replace(model(0, with_intrusion=False), visits=(replace(visit, hops=hops),)))
    assert "<script>alert" not in page
    assert 'onload="x' not in page
    assert "draw graph" in page


def test_a_clock_that_was_off_is_told_beside_the_time() -> None:
    visit = ordinary(2, MONDAY)
    hops = (*visit.hops[:2], replace(visit.hops[2], clock_ahead=-298.4))
    page = render_report(replace(model(0, with_intrusion=False), visits=(replace(visit, hops=hops),)))
    assert "as its clock said, which was 298 s behind" in page
