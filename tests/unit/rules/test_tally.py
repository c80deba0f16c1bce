from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa

from countersign.rules import Noisy, RuleSet, Tally, compile_rules
from countersign.rules.tally import LEAST_EVENTS

RULE = "title: t\nlogsource: {{product: windows, category: process_creation}}\ndetection: {{s: {{Image|endswith: '{0}'}}, condition: s}}\n"


def test_a_rule_that_fires_on_nearly_everything_is_noticed(
    ruleset: Callable[..., RuleSet], events: Callable[..., pa.Table]
) -> None:
    rules = compile_rules(ruleset(RULE.format("x"), RULE.format("xx"), RULE.format("y")))
    table = events([{"Image": "xx" if number % 3 == 0 else "x"} for number in range(LEAST_EVENTS)])
    tally = Tally(len(rules.rules))
    rules.match(table.slice(0, 400), tally)
    assert tally.noisy() == ()
    rules.match(table.slice(400), tally)
    rules.match(events([{"Image": "x"}], log="System"), tally)
    assert tally.noisy() == (Noisy(0, LEAST_EVENTS, LEAST_EVENTS), Noisy(1, 334, LEAST_EVENTS))
    assert tally.events.tolist() == [LEAST_EVENTS] * 3
