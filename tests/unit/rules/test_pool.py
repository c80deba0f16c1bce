from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa

from countersign.rules import RuleSet, compile_rules

HEAD = "title: t\nlogsource: {product: windows, "


def test_an_atom_of_several_log_sources_fires_in_each(
    ruleset: Callable[..., RuleSet], events: Callable[..., pa.Table]
) -> None:
    wanted = "detection: {s: {Image|endswith: '.exe'}, condition: s}\n"
    made = compile_rules(
        ruleset(
            HEAD + "category: process_creation}\n" + wanted,
            HEAD + "category: image_load}\n" + wanted,
            HEAD + "service: system}\n" + wanted.replace(".exe", "a.exe"),
        )
    )
    started, loaded = events([{"Image": "a.exe"}, {"Image": "b"}]), events([{"Image": "b.exe"}], event="7")
    system = events([{"Image": "a.exe"}, {"Image": "b.exe"}], log="System")
    assert made.match(started).to_pylist() == [{"rule": 0, "row": 0}]
    together = pa.concat_tables([loaded, system, started], promote_options="default")  # new log sources join
    assert made.match(together).to_pylist() == [
        {"rule": 0, "row": 3},
        {"rule": 1, "row": 0},
        {"rule": 2, "row": 1},
    ]
    assert made.match(loaded).to_pylist() == [{"rule": 1, "row": 0}]


def test_what_is_asked_last_is_asked_in_its_own_rows(
    ruleset: Callable[..., RuleSet], events: Callable[..., pa.Table]
) -> None:
    loose = "detection: {s: {User|re: '^.$'}, t: {Image: x}, condition: CONDITION}\n"
    made = compile_rules(
        ruleset(
            HEAD + "category: process_creation}\n" + loose.replace("CONDITION", "s"),
            HEAD + "category: image_load}\n" + loose.replace("CONDITION", "s and t"),
        )
    )
    rows = [{"User": "u", "Image": "x"}, {"User": "uu", "Image": "x"}, {"User": "v", "Image": "y"}]
    table = pa.concat_tables([events(rows), events(rows, event="7")])
    assert made.match(table).to_pylist() == [
        {"rule": 0, "row": 0},
        {"rule": 0, "row": 2},
        {"rule": 1, "row": 3},
    ]
