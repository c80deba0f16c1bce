from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

import report_samples as samples
from countersign.model.report import OUTSIDE
from countersign.model.visit import Action, Also, Finding, Link, Revision, Verdict, Visit
from countersign.web import (
    Coverage,
    HostCoverage,
    ProviderPart,
    RejectedCount,
    ReportModel,
    SourceCoverage,
    UnreadFile,
    render_report,
)
from report_checking import check, read


def test_page_is_whole_closed_and_points_nowhere_outside() -> None:
    html = render_report(samples.model())
    reader = check(html)
    assert html.startswith("<!DOCTYPE html>")
    policy = next(attrs for tag, attrs in reader.tags if attrs.get("http-equiv"))
    assert "default-src 'none'" in str(policy["content"])
    assert "script" not in str(policy["content"])
    assert ("html", {"lang": "en"}) in reader.tags
    assert html.count("http://") == html.count('xmlns="http://www.w3.org/2000/svg"')
    assert "https://" not in html


def test_hostile_text_is_shown_and_does_nothing() -> None:
    html = render_report(samples.model())
    assert "<script" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    text = read(html).text
    assert r"\x1b[31mred" in text
    assert r"\u202etxt.exe" in text
    assert r"\ud800" in text
    assert "{{ 7*7 }}" in text


def test_verdicts_links_and_findings_have_words_and_signs() -> None:
    text = read(render_report(samples.model())).text
    for words in (
        "✗ broken",
        "✓ kept",
        "? not observed",
        "━ proven",
        "╌ inferred",
        "┈ ambiguous",
        "▸ entry",
        "◆◆ critical",
        "◆ high",
        "◆ needs a person",
        "Would decide it: the gateway's AAA log",
    ):
        assert words in text, words


def test_the_summary_says_what_needs_a_person() -> None:
    text = read(render_report(samples.model())).text
    assert "10 visits by 2 providers." in text
    assert "1 visit needs a person to look (3 findings)." in text
    quiet = read(render_report(samples.model(with_intrusion=False))).text
    assert "Nothing here needs a person today." in quiet
    model = samples.model()
    outside = replace(
        model, findings=tuple(replace(one, visit=None, provider="") for one in model.findings[:1])
    )
    assert "1 finding outside of visits needs a person to look." in read(render_report(outside)).text


def test_the_story_of_the_intrusion() -> None:
    text = read(render_report(samples.model())).text
    assert (
        "Chidi Okafor of Northgate Managed Services came from 198.51.100.77 on Thu 5 Mar 2026 at 23:12:40 "
        r"(UTC+00:00), by VPN through asa01, as MERIDIAN\ng.okafor, without a second factor." in text
    )
    assert (
        r"From JUMP01 to FILE01 by file share (SMB) at 23:22:40, as MERIDIAN\da.wilkins, an account other than "
        "the one before, for 14 minutes." in text
    )
    assert "no record says when it ended" in text
    assert "3 broken (origins, hours, never.log-cleared)" in text


def test_evidence_is_named_down_to_the_leaf() -> None:
    model = samples.model()
    html = render_report(model)
    first = next(f for f in model.findings if f.severity == "critical").evidence[0]
    assert first.event in html
    assert first.segment in html
    text = read(html).text
    assert "T1560.001, T1048" in text
    assert "TA18-276A/EFF-02" in text
    assert "none yet" in text
    assert "8 more: countersign finding" in text


def test_coverage_names_blind_spots() -> None:
    text = read(render_report(samples.model())).text
    for words in (
        "No logons are logged on PRINT01",
        "No processes are logged on APP01",
        "the line is not JSON",
        "not a log that is known",
        "not known",
        "9,120",
        "412 leaves",
        "No agreement was given for this provider",
    ):
        assert words in text, words


def test_drawings_are_described() -> None:
    reader = read(render_report(samples.model()))
    drawings = [attrs for tag, attrs in reader.tags if tag == "svg" and attrs.get("role") == "img"]
    assert len(drawings) == 22  # swim-lanes of two providers and ten visits, the graphs of these
    assert all(attrs.get("aria-labelledby") for attrs in drawings)
    assert sum(tag == "desc" for tag, _ in reader.tags) == len(drawings)
    assert all("scope" in attrs for tag, attrs in reader.tags if tag == "th")
    assert sum(tag == "caption" for tag, _ in reader.tags) == sum(tag == "table" for tag, _ in reader.tags)


def test_times_are_in_the_zone_with_their_offset() -> None:
    model = replace(samples.model(), zone="Asia/Kolkata")
    html = render_report(model)
    text = read(html).text
    assert "Fri 6 Mar 2026, 04:42:40 UTC+05:30" in text
    assert 'datetime="2026-03-05T23:12:40Z"' in html


def test_no_visits_at_all() -> None:
    empty = ReportModel("Nobody Ltd", samples.MONDAY, "UTC", None, None, (), (), ())
    text = check(render_report(empty)).text
    assert "No visit of a provider was seen in this period." in text
    assert "No logs were looked at." in text
    assert "the first record to the last record" in text


def test_two_thousand_visits_stay_quick_and_small() -> None:
    model = samples.model(2000)
    begin = time.perf_counter()
    html = render_report(model)
    assert time.perf_counter() - begin < 10
    assert len(html) < 4_000_000
    text = check(html).text
    assert "2,001 visits by 2 providers." in text
    assert "are counted above and not told one by one" in text
    assert "Chidi Okafor" in text  # the visit with findings is told whatever its date


def test_a_great_visit_is_bounded() -> None:
    visit, findings = samples.intrusion()
    start = samples.MONDAY
    deeds = tuple(
        Action(start + timedelta(seconds=n), "process", "x" * 5000, samples.reference("deed", n))
        for n in range(3000)
    )
    hops = tuple(
        replace(
            visit.hops[1],
            id=f"{n:032x}",
            parent=f"{n - 1:032x}",
            actions=deeds if n == 5 else (),
            target=f"H{n}",
        )
        for n in range(900)
    )
    great = replace(visit, hops=(visit.hops[0], *hops), verdicts=visit.verdicts * 500)
    html = render_report(replace(samples.model(3), visits=(great,), findings=findings * 200))
    assert len(html) < 3_000_000
    text = check(html).text
    assert "further hops are not shown" in text
    assert "Not drawn, to keep this legible" in text
    assert "2,940 more are not shown" in text


def test_many_providers_are_listed_not_told() -> None:
    visits = [samples.ordinary(n, samples.MONDAY + timedelta(hours=n), f"p{n}") for n in range(300)]
    model = replace(samples.model(), visits=tuple(visits), findings=(), providers=())
    html = render_report(model)
    assert len(html) < 4_000_000
    assert "300 visits by 300 providers." in check(html).text


def test_a_visit_without_any_time_is_told() -> None:
    visit, _ = samples.intrusion()
    hops = tuple(replace(hop, start=None, end=None, actions=()) for hop in visit.hops)
    timeless = replace(visit, start=None, end=None, hops=hops)
    model = replace(samples.model(), visits=(timeless,), findings=())
    text = check(render_report(model)).text
    assert "No record of this visit has a time, so it cannot be drawn." in text
    assert "begin not seen" in text


def test_a_circle_of_hops_ends() -> None:
    visit, _ = samples.intrusion()
    one, two = visit.hops[1], visit.hops[2]
    circle = replace(visit, entry="gone", hops=(replace(one, parent=two.id), replace(two, parent=one.id)))
    text = check(render_report(replace(samples.model(), visits=(circle,), findings=()))).text
    assert "JUMP01 → FILE01" in text


def test_what_reviews_revised_is_told_in_the_zone_and_does_nothing() -> None:
    visit, _ = samples.intrusion()
    model = replace(samples.model(), visits=(visit,), findings=())
    assert "Revised since it was first told" not in check(render_report(model)).text
    at = datetime(2026, 7, 1, 12, tzinfo=UTC)
    revised = replace(visit, revisions=(Revision(at, "link", visit.id, "was ambiguous; is proven <b>"),))
    text = check(render_report(replace(model, visits=(revised,)))).text
    assert "Revised since it was first told" in text
    assert "13:00:00 UTC+01:00" in text
    assert "link: was ambiguous; is proven <b>" in text


nasty = st.text(
    st.one_of(
        st.characters(),
        st.sampled_from(list("<>&\"'`=/\\{}%#\x00\x1b\x07\x9b\u202e\u2066\u2028\ud800\udfff\n\t")),
    ),
    max_size=60,
)
moments = st.datetimes(datetime(2000, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001  # given below


@settings(max_examples=60)
@given(text=nasty, other=nasty, start=moments, zone=st.sampled_from(["UTC", "Europe/London", "Pacific/Apia"]))
def test_whatever_a_log_holds_the_page_stays_a_page(
    text: str, other: str, start: datetime, zone: str
) -> None:
    reference = samples.reference("x")
    hop = replace(
        samples.ordinary(1, start).hops[0],
        id=text,
        account=other,
        source=text,
        target=other,
        protocol=text,
        link=Link("inferred", other),
        seen_by=(text,),
        expected_by=(other,),
        actions=(Action(start, other, text, reference),),
    )
    verdict = Verdict(text, "broken", other, (reference,), text)
    visit = Visit(text, other, text, "person", start, None, text, (hop,), (verdict,), (other,))
    finding = Finding(
        other,
        start,
        text,
        "high",
        other,
        2004,
        text,
        other,
        text,
        (other, text),
        (text,),
        (other,),
        text,
        (reference,),
    )
    model = ReportModel(
        organisation=text,
        generated=start,
        zone=zone,
        since=start,
        until=None,
        providers=(ProviderPart(other, text, text),),
        visits=(visit,),
        findings=(finding, replace(finding, visit=None)),
        coverage=Coverage(
            (SourceCoverage(text, other, 1, 1, start, None),),
            (RejectedCount(text, other, 1),),
            (UnreadFile(text, other),),
            (HostCoverage(text, logons=True, processes=False),),
        ),
        evidence=text,
        version=other,
    )
    clean = replace(model, organisation="o")
    shape = [tag for tag, _ in check(render_report(model)).tags]
    assert shape == [tag for tag, _ in check(render_report(clean)).tags]


def test_each_finding_of_the_estate_says_why_and_who_else_tells_of_it() -> None:
    _, (first, *_) = samples.intrusion()
    loose = replace(
        first,
        provider="",
        visit=None,
        why=f"{OUTSIDE}, on FILE01: Finds <odd> names. [Image: x.exe]",
        also=(Also("a" * 32, "other", "rule", "Another rule", "low"),),
    )
    text = read(render_report(replace(samples.model(with_intrusion=False), findings=(loose,)))).text
    assert "Finds <odd> names. [Image: x.exe] Also: Another rule (low)." in text
    assert OUTSIDE not in text, "the part of the estate has said so once"


def test_what_a_provider_is_held_to() -> None:
    parts = (
        ProviderPart("northgate", "Northgate", "northgate"),
        ProviderPart("medisoft", "Medisoft", "medisoft", "CT-2026/14"),
        ProviderPart("third", "Third"),
    )
    html = render_report(replace(samples.model(), providers=parts))
    assert "Held to its agreement." in html
    assert "Held to its agreement (CT-2026/14)." in html
    assert "No agreement was given for this provider" in html
