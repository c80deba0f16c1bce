from __future__ import annotations

from collections.abc import Callable

import orjson
import pyarrow as pa

from countersign.rules import CompiledSet, Fired, Part, RuleSet, compile_rules

DETECTION = """\
sel: {Image|endswith: '\\cmd.exe', CommandLine|contains: [whoami, net user]}
filter: {User: root}
gone: {ParentImage: null}
words: ['needle*']
condition: sel and not filter and (gone or words)
"""


def parts(part: Part) -> dict[str, Part]:
    """The tests of a tree by their words."""
    if part.kind == "test":
        return {part.test: part}
    return {words: one for inner in part.parts for words, one in parts(inner).items()}


def test_every_part_says_whether_it_held_and_what_it_saw(
    compiled: Callable[..., CompiledSet], events: Callable[..., pa.Table]
) -> None:
    made = compiled(DETECTION)
    table = events([{"Image": "C:\\CMD.exe", "CommandLine": "whoami", "User": "root"}])
    trace = made.trace(0, table, 0)
    assert not trace.held
    sysmon, security = trace.alternatives
    assert sysmon.where == "source windows, log microsoft-windows-sysmon/operational, event 1"
    assert (sysmon.taken, security.taken, security.condition) == (True, False, None)
    assert sysmon.condition is not None
    found = parts(sysmon.condition)
    assert {words: (one.held, one.field, one.values) for words, one in found.items()} == {
        "matches *\\cmd.exe": (True, "image", ("C:\\CMD.exe",)),
        "matches *whoami*": (True, "commandline", ("whoami",)),
        "matches *net user*": (False, "commandline", ("whoami",)),
        "matches root": (True, "user", ("root",)),
        "is absent": (True, "parentimage", ()),
        "matches *needle*": (False, "", ()),
    }
    (turned,) = [one for one in sysmon.condition.parts if one.kind == "not"]
    assert not turned.held
    assert made.explain(0, table, 0) == ()


def test_a_hit_names_what_fired(
    compiled: Callable[..., CompiledSet], events: Callable[..., pa.Table]
) -> None:
    made = compiled(DETECTION)
    table = events(
        [{}, {"Image": "x\\cmd.exe", "CommandLine": "a NET USER b", "ParentImage": "y", "Odd": "1 Needle"}]
    )
    assert made.trace(0, table, 1).held
    assert made.explain(0, table, 1) == (
        Fired("image", "x\\cmd.exe", "matches *\\cmd.exe"),
        Fired("commandline", "a NET USER b", "matches *net user*"),
        Fired("", "1 Needle", "matches *needle*"),
    )


def test_names_are_those_of_the_log(
    compiled: Callable[..., CompiledSet], events: Callable[..., pa.Table]
) -> None:
    made = compiled("s: {Image: x}\ncondition: s")
    table = events([{"NewProcessName": "X"}], log="Security", event="4688")
    assert made.explain(0, table, 0) == (Fired("newprocessname", "X", "matches x"),)


def test_it_is_plain_data(compiled: Callable[..., CompiledSet], events: Callable[..., pa.Table]) -> None:
    made = compiled(DETECTION)
    data = orjson.loads(orjson.dumps(made.trace(0, events([{"User": "root"}]), 0).data()))
    assert data["held"] is False
    assert data["alternatives"][0]["condition"]["kind"] == "and"


def test_a_record_of_another_log_and_a_rule_that_does_not_run(
    compiled: Callable[..., CompiledSet], events: Callable[..., pa.Table]
) -> None:
    other = compiled(DETECTION).trace(0, events([{"User": "root"}], log="System"), 0)
    assert [one.taken for one in other.alternatives] == [False, False]
    broken = compiled("s: {A: x}\ncondition: t")
    assert broken.trace(0, events([{}]), 0).alternatives == ()


def test_placeholders_are_in_their_place(
    ruleset: Callable[..., RuleSet], events: Callable[..., pa.Table]
) -> None:
    rules = ruleset(
        "title: t\nlogsource: {product: windows, category: process_creation}\n"
        "detection: {s: {A|expand: '%l%'}, condition: s}\n"
    )
    made = compile_rules(rules, placeholders={"l": ("x", "y*")})
    fired = made.explain(0, events([{"A": "yes"}]), 0)
    assert fired == (Fired("a", "yes", "matches y*"),)


def test_words_for_what_looks_alike(
    compiled: Callable[..., CompiledSet], events: Callable[..., pa.Table]
) -> None:
    made = compiled("s: {A: 'a\\*b?'}\nt: {B: ''}\nu: {C|re: 'x$'}\nv: {D|hour|gte: 8}\ncondition: 1 of them")
    row = {"A": "a*bc", "B": "", "C": "x\n", "D": "2026-01-01T09:00:00Z"}
    assert [one.test for one in made.explain(0, events([row]), 0)] == [
        "matches a\\*b?",
        "is empty",
        "has the expression x$",
        "has hour at least 8",
    ]
