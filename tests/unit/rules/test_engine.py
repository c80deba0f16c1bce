from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pytest

import countersign.rules as package
from countersign.rules import CompiledSet, Fired, RuleSet, compile_rules, engine

BOTH = "a: {Image|endswith: '\\cmd.exe'}\nb: {CommandLine|contains: whoami}\nf: {User: x}\ncondition: a and b and not f"


def test_4688_is_process_creation_too(
    compiled: Callable[..., CompiledSet], events: Callable[..., pa.Table]
) -> None:
    made = compiled(BOTH)
    row = {"NewProcessName": "C:\\cmd.exe", "CommandLine": "cmd /c whoami", "SubjectUserName": "y"}
    assert made.match(events([row], log="security", event="4688"))["row"].to_pylist() == [0]
    assert made.match(events([{**row, "SubjectUserName": "X"}], log="Security", event="4688")).num_rows == 0
    assert made.match(events([row], log="Security", event="4689")).num_rows == 0
    assert made.match(events([row], source="syslog", log="Security", event="4688")).num_rows == 0


def test_hits_do_not_depend_on_batches(
    compiled: Callable[..., CompiledSet], events: Callable[..., pa.Table], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = compiled("a: {CommandLine|contains: '7'}\ncondition: a")
    table = events([{"CommandLine": str(i)} for i in range(100)])
    whole = made.match(table)
    monkeypatch.setattr(engine, "BATCH_ROWS", 7)
    assert made.match(table).equals(whole)
    assert made.match(pa.concat_tables([table.slice(0, 33), table.slice(33)])).equals(whole)
    assert made.match(table.to_batches()[0]).equals(whole)
    assert whole.schema == engine.HITS


def test_nothing_in_nothing_out(
    compiled: Callable[..., CompiledSet], events: Callable[..., pa.Table]
) -> None:
    made = compiled(BOTH)
    assert made.match(events([{"Image": "x"}]).slice(0, 0)).num_rows == 0
    assert made.match(pa.table({"time": pa.array([1])})).num_rows == 0
    assert compile_rules(RuleSet((), (), {}, ())).match(events([{"Image": "x"}])).num_rows == 0


def test_needed_columns(compiled: Callable[..., CompiledSet]) -> None:
    needed = compiled(
        "a: {Image: x, Oddity: y, User|fieldref: ParentUser}\ncondition: a", "{product: windows}"
    ).needed_columns()
    assert needed == {"source", "metadata", "src_image", "src_user", "src_parentuser", "unmapped"}


def test_keywords_need_all_text(compiled: Callable[..., CompiledSet]) -> None:
    assert {"message", "src_payload"} <= compiled("k: [x]\ncondition: k").needed_columns()


def test_explain_names_what_fired(
    compiled: Callable[..., CompiledSet], events: Callable[..., pa.Table]
) -> None:
    made = compiled(BOTH)
    table = events([{"Image": "x"}, {"Image": "C:\\CMD.exe", "CommandLine": "whoami /all"}])
    assert made.explain(0, table, 0) == ()
    assert made.explain(0, table, 1) == (
        Fired("image", "C:\\CMD.exe", "matches *\\cmd.exe"),
        Fired("commandline", "whoami /all", "matches *whoami*"),
    )


@pytest.mark.parametrize(
    ("item", "words"),
    [
        ("Oddity: null", "is absent"),
        ("Image|fieldref: CommandLine", "equals commandline"),
        ("Image|cidr: 10.0.0.0/8", "is in 10.0.0.0/8"),
        ("Image|gt: 5", "is above 5"),
        ("User: 5", "is 5"),
        ("Image|re: '^1'", "has the expression ^1"),
        ("Image|cased|contains: '0'", "matches *0* (cased)"),
    ],
)
def test_explain_has_words_for_each_kind(
    compiled: Callable[..., CompiledSet], events: Callable[..., pa.Table], item: str, words: str
) -> None:
    value = "10" if "gt" in item else "10.0.0.1"
    made = compiled(f"s: {{{item}}}\ncondition: s")
    fired = made.explain(0, events([{"Image": value, "CommandLine": value, "User": "5"}]), 0)
    assert [one.test for one in fired] == [words]


def test_explain_of_a_keyword(compiled: Callable[..., CompiledSet], events: Callable[..., pa.Table]) -> None:
    made = compiled("k: [needle]\ncondition: k")
    assert made.explain(0, events([{"Image": "a Needle b"}]), 0) == (
        Fired("", "a Needle b", "matches *needle*"),
    )


def test_the_door() -> None:
    assert package.__all__ == sorted(
        package.__all__, key=lambda name: (not name.isupper(), name[0].islower(), name)
    )
    assert all(hasattr(package, name) for name in package.__all__)


def test_only_some_rules(ruleset: Callable[..., RuleSet], events: Callable[..., pa.Table]) -> None:
    rule = "title: {0}\nid: {0}\nlogsource: {{product: windows}}\ndetection: {{s: {{Image: {0}, Other: y}}, condition: s}}\n"
    whole = compile_rules(ruleset(*[rule.format(name) for name in "abc"]))
    some = whole.only({"b", "c", "unknown"})
    table = events([{"Image": name, "Other": "y"} for name in "abc"])
    assert [one.id for one in some.rules] == ["b", "c"]
    assert some.match(table).to_pylist() == [{"rule": 0, "row": 1}, {"rule": 1, "row": 2}]
    assert some.fingerprints == {name: whole.fingerprints[name] for name in "bc"}
    assert whole.only(()).match(table).num_rows == 0
    assert "src_image" in some.needed_columns()
    assert "src_image" not in whole.only(()).needed_columns()


def test_values_by_the_names_of_the_rule(
    compiled: Callable[..., CompiledSet], events: Callable[..., pa.Table]
) -> None:
    made = compiled("a: {Image: x}\ncondition: a")
    sysmon = events([{"Image": "one"}, {"Image": "two", "User": "u"}])
    security = events([{"NewProcessName": "three", "SubjectUserName": "v"}], log="Security", event="4688")
    table = pa.concat_tables([sysmon, security], promote_options="default")
    found = made.values(table, [2, 1, 0], ["Image", "User", "Nothing"], rule=0)
    assert found.to_pydict() == {
        "Image": ["three", "two", "one"],
        "User": ["v", "u", None],
        "Nothing": [None, None, None],
    }
    assert made.values(table, np.array([2]), ["Image"]).to_pydict() == {"Image": [None]}
    assert made.values(table, [], ["Image"]).to_pydict() == {"Image": []}
