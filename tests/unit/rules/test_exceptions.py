from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from countersign.rules import RuleSet, compile_rules
from countersign.rules.exceptions import (
    Exemption,
    filter_rules,
    held_back,
    load_exceptions,
    unknown_rules,
)

TODAY = date(2026, 11, 21)
SHORT = """\
except:
  rule: 5F1ABF38-0000-4000-8000-000000000001
  identity: CORP\\svc-backup
  host: [srv-backup*, dc1]
  until: 2027-03-31
  reason: nightly backup
  by: j.doe
"""
FILTER = """\
title: Backup agent
id: 6f3e2987-db24-4c78-a860-b4f4095a7095
logsource: {product: windows, category: process_creation}
filter:
  rules: [5f1abf38-0000-4000-8000-000000000001]
  selection: {Image|endswith: '\\\\backup.exe'}
  condition: not selection
countersign: {until: 2027-03-31, reason: backup, by: j.doe}
"""
Write = Callable[..., tuple[tuple[Exemption, ...], tuple[str, ...]]]


@pytest.fixture
def load(tmp_path: Path) -> Write:
    def write(*texts: str) -> tuple[tuple[Exemption, ...], tuple[str, ...]]:
        for number, text in enumerate(texts):
            (tmp_path / f"{number}.yaml").write_text(text, "utf-8")
        found, problems = load_exceptions([tmp_path])
        return found, tuple(f"{Path(one.path).name}:{one.line}: {one.reason}" for one in problems)

    return write


def hits(*rows: tuple[str, str, str | None, str | None]) -> pa.Table:
    names = ("rule_id", "event", "host", "account")
    return pa.table(
        {name: pa.array([row[place] for row in rows], pa.string()) for place, name in enumerate(names)}
    )


def test_the_short_form(load: Write) -> None:
    (one,), problems = load(SHORT)
    assert problems == ()
    assert one.rules == ("5f1abf38-0000-4000-8000-000000000001",)
    assert one.identities == ("CORP\\svc-backup",)
    assert one.hosts == ("srv-backup*", "dc1")
    assert (one.until, one.reason, one.by, one.line) == (date(2027, 3, 31), "nightly backup", "j.doe", 1)


def test_many_in_one_file_with_their_lines(load: Write) -> None:
    text = (
        "except:\n"
        "- {rule: a, until: 2027-01-01, reason: r, by: b}\n"
        "- {rule: b, reason: r, by: b}\n"
        "- {rule: [c, d], until: '2027-01-01', reason: r, by: b}\n"
        "---\n"
        "except: {rule: any, host: h, until: 2027-01-01, reason: r, by: b}\n"
    )
    found, problems = load(text)
    assert [(one.rules, one.line) for one in found] == [(("a",), 2), (("c", "d"), 4), ((), 6)]
    assert [one[:9] for one in problems] == ["0.yaml:3:"]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("until: 2027-03-31", "until: soon", "0.yaml:1: `until` is missing or no date"),
        ("  until: 2027-03-31\n", "", "`until` is missing or no date; write the last day it holds"),
        ("  reason: nightly backup\n", "", "`reason` is missing"),
        ("by: j.doe", "by: ''", "`by` is missing"),
        ("host:", "hosts:", "unknown key `hosts`; the keys are rule, identity, host"),
        ("CORP\\svc-backup", "'*'", "`identity: *` would mean all of them"),
        ("CORP\\svc-backup", "'*@*'", "`identity: *@*` would mean all of them"),
        ("[srv-backup*, dc1]", "5", "`host` is no text and no list of texts"),
        ("except:", "other: 1\nexcept:", "`other` means nothing beside `except`"),
        ("except:", "accept:", "is neither an exception nor a Sigma filter; write"),
        ("  rule: 5F1ABF38-0000-4000-8000-000000000001\n", "", "`rule` is missing"),
        (SHORT, "except: {rule: any, until: 2027-01-01, reason: r, by: b}\n", "would hold back everything"),
        (SHORT, "except: [x]\n", "is no exception"),
        (SHORT, "except: {a: 1, a: 2}\n", "stands twice"),
        (SHORT, "except: {rule: [x\n", "no YAML"),
        (SHORT, "except: " + "[" * 300 + "]" * 300, "nested more than 100 deep"),
    ],
)
def test_what_is_wrong_is_said_and_holds_nothing_back(load: Write, old: str, new: str, words: str) -> None:
    assert old in SHORT
    found, problems = load(SHORT.replace(old, new))
    assert any(words in one for one in problems), problems
    assert found == () or "beside" in words


def test_the_same_twice_is_said(load: Write) -> None:
    found, problems = load(SHORT, SHORT)
    assert len(found) == 1
    assert len(problems) == 1
    assert "says the same as" in problems[0]


def test_a_file_that_is_not_there() -> None:
    assert load_exceptions([Path("/no/such/folder")])[1][0].reason == "no such file or folder"


RULE = "5f1abf38-0000-4000-8000-000000000001"
ROWS = (
    (RULE, "e1", "SRV-BACKUP1", "corp.example\\SVC-BACKUP"),
    (RULE, "e2", "dc1.corp.example", "svc-backup@corp.example"),
    (RULE, "e3", "dc1", "svc-backup"),
    (RULE, "e4", "dc10", "CORP\\svc-backup"),
    (RULE, "e5", "dc1", None),
    ("other", "e6", "dc1", "CORP\\svc-backup"),
)


def test_what_is_held_back(load: Write) -> None:
    (one,), _ = load(SHORT)
    assert held_back(hits(*ROWS), [one], TODAY).to_pylist() == [one.id, one.id, None, None, None, None]


def test_until_is_the_last_day_in_utc(load: Write) -> None:
    (one,), _ = load(SHORT)
    west = timezone(timedelta(hours=-8))
    for as_of, held in [
        (datetime(2027, 3, 31, 23, 59, tzinfo=UTC), one.id),
        (datetime(2027, 4, 1, tzinfo=UTC), None),
        (datetime(2027, 3, 31, 17, 0, tzinfo=west), None),
        (date(2027, 3, 31), one.id),
        (date(2027, 4, 1), None),
    ]:
        assert held_back(hits(ROWS[0]), [one], as_of).to_pylist() == [held]


def test_rules_by_title_and_name(load: Write, ruleset: Callable[..., RuleSet]) -> None:
    rules = ruleset(
        "title: Odd Copy\nid: 5f1abf38-0000-4000-8000-000000000001\nlogsource: {product: windows}\n"
        "detection: {s: {A: x}, condition: s}\n"
    ).rules
    (one,), _ = load("except: {rule: odd copy, until: 2027-01-01, reason: r, by: b}\n")
    assert held_back(hits(ROWS[0]), [one], TODAY, rules).to_pylist() == [one.id]
    assert held_back(hits(ROWS[0]), [one], TODAY).to_pylist() == [None]
    assert unknown_rules([one], rules) == ()
    assert "no rule here has the id, name or title `nobody`" in (
        unknown_rules([replace(one, rules=("nobody",))], rules)[0].reason
    )


def test_a_sigma_filter_holds_back_the_events_it_means(load: Write, events: Callable[..., pa.Table]) -> None:
    (one,), problems = load(FILTER)
    assert problems == ()
    assert (one.title, one.until, one.reason) == ("Backup agent", date(2027, 3, 31), "backup")
    made = compile_rules(filter_rules([one]))
    assert [rule.id for rule in made.rules] == [one.id]
    found = made.match(events([{"Image": "c:\\BACKUP.exe"}, {"Image": "c:\\x.exe"}, {}]))
    assert found["row"].to_pylist() == [0]
    stored = hits(
        (RULE, "e0", "h", None),
        (RULE, "e1", "h", None),
        ("other", "e0", "h", None),
        (one.id, "e0", "h", None),
    )
    assert held_back(stored, [one], TODAY).to_pylist() == [one.id, None, None, one.id]
    expired = replace(one, until=date(2020, 1, 1))
    assert held_back(stored, [expired], TODAY).to_pylist() == [None, None, None, one.id]


def test_a_filter_for_any_rule(load: Write) -> None:
    (one,), _ = load(FILTER.replace("[5f1abf38-0000-4000-8000-000000000001]", "any"))
    stored = hits((RULE, "e0", "h", None), ("other", "e0", "h", None), (one.id, "e0", "h", None))
    assert held_back(stored, [one], TODAY).to_pylist() == [one.id] * 3


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("condition: not selection", "condition: selection", "write `condition: not selection`"),
        ("condition: not selection", "condition: not nothing", "'nothing'"),
        ("  condition: not selection\n", "", "`filter` has no `condition`"),
        ("  rules: [5f1abf38-0000-4000-8000-000000000001]\n", "", "`filter` has no `rules`"),
        ("until: 2027-03-31, ", "", "`until` is missing"),
        ("Image|endswith", "Image|re", "invalid"),
        ("logsource: {product: windows, category: process_creation}\n", "", "logsource"),
    ],
)
def test_a_filter_that_is_wrong_is_said(load: Write, old: str, new: str, words: str) -> None:
    found, problems = load(
        FILTER.replace(old, new).replace("'\\\\backup", "'(\\\\backup" if "re" in new[-3:] else "'\\\\backup")
    )
    assert found == ()
    assert any(words in one for one in problems), problems


def test_a_filter_that_needs_a_list_is_kept(load: Write) -> None:
    (one,), problems = load(FILTER.replace("Image|endswith: '\\\\backup.exe'", "Image|expand: '%agents%'"))
    assert problems == ()
    assert compile_rules(filter_rules([one])).status[0].reason.startswith("needs the list agents")
    assert compile_rules(filter_rules([one]), placeholders={"agents": ("x",)}).status[0].state == "active"


IDS = st.sampled_from(["a", "b", "c"])
TEXTS = st.sampled_from(["h1", "h2", "CORP\\x", "y@corp.example"])
HITS = st.lists(
    st.tuples(IDS, st.sampled_from(["e1", "e2", "e3"]), st.none() | TEXTS, st.none() | TEXTS), max_size=12
)
EXEMPTIONS = st.lists(
    st.builds(
        Exemption,
        id=st.integers(0, 99).map(lambda n: f"exception:{n:02}"),
        rules=st.lists(IDS, max_size=2).map(tuple),
        identities=st.lists(st.sampled_from(["x", "corp\\*", "*@corp"]), max_size=1).map(tuple),
        hosts=st.lists(st.sampled_from(["h*", "h1"]), max_size=1).map(tuple),
        until=st.sampled_from([TODAY, TODAY - timedelta(days=1)]),
        reason=st.just("r"),
        by=st.just("b"),
        path=st.just(""),
        line=st.just(1),
    ),
    unique_by=lambda one: one.id,
    max_size=5,
)


@given(rows=HITS, exemptions=EXEMPTIONS, data=st.data())
def test_order_of_hits_and_exceptions_does_not_matter(
    rows: list[tuple[str, str, str | None, str | None]], exemptions: list[Any], data: st.DataObject
) -> None:
    whole = held_back(hits(*rows), exemptions, TODAY).to_pylist()
    order = data.draw(st.permutations(range(len(rows))))
    shuffled = data.draw(st.permutations(exemptions))
    again = held_back(hits(*[rows[place] for place in order]), shuffled, TODAY).to_pylist()
    assert [whole[place] for place in order] == again
