from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from countersign.app.trying import Trial, try_rule
from countersign.app.workspace import Workspace
from countersign.errors import UsageError
from detecting import lay, process, rule, rule_id

MANY = f"""
title: Many evil things
id: {rule_id(3)}
correlation: {{type: event_count, rules: [{rule_id(1)}], timespan: 1h, condition: {{gte: 2}}}}
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "rule.yml"
    path.write_text(rule(1, "evil"))
    return path


def trial(path: Path, file: Path, *records: int) -> Trial:
    (found,) = try_rule(None, str(path), file, records)
    return found


def test_a_log_as_collect_reads_it(path: Path, tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    other = {**process(9, "evil.exe"), "Channel": "Security", "EventID": 4624}
    records = [process(1, "good.exe"), process(2, "evil.exe -x"), other]
    log.write_bytes(b"".join(orjson.dumps(record) + b"\n" for record in records))
    found = trial(path, log)
    assert (found.records, found.concerned, found.fired) == (3, 2, (2,))
    assert [(one.record, one.explanation.held) for one in found.tried] == [(2, True), (1, False)]
    (one,) = trial(path, log, 1).tried
    condition = one.explanation.alternatives[0].condition
    assert condition is not None
    assert (condition.field, condition.held, condition.values) == ("commandline", False, ("good.exe",))
    (third,) = trial(path, log, 3).tried
    assert not any(part.taken for part in third.explanation.alternatives)


@pytest.mark.parametrize(
    "text",
    [
        '{"CommandLine": "evil.exe", "Image": "x"}',
        '[{"CommandLine": "evil.exe"}]',
        '{"CommandLine": "evil.exe"}\n\n',
        '{"EventID": 4688, "Channel": "Security", "CommandLine": "evil.exe"}',
    ],
)
def test_json_objects_by_the_names_of_the_rule(path: Path, tmp_path: Path, text: str) -> None:
    event = tmp_path / "event.json"
    event.write_text(text)
    assert trial(path, event).fired == (1,)


def test_nested_and_odd_json(path: Path, tmp_path: Path) -> None:
    path.write_text(rule(1, "evil").replace("CommandLine|contains", "process.args|contains"))
    event = tmp_path / "event.json"
    event.write_text('{"process": {"args": ["evil", 1], "pid": 4}, "nothing": null}')
    assert trial(path, event).fired == (1,)
    for bad in ("[1, 2]", "{", "", '{"a": }'):
        event.write_text(bad)
        with pytest.raises(UsageError, match="no record could be read"):
            trial(path, event)


def test_a_rule_of_the_workspace(tmp_path: Path) -> None:
    ward = Workspace.create(tmp_path / "ward")
    lay(ward, "one.yml", rule(1, "evil", title="Evil things"))
    lay(ward, "two.yml", rule(2, "odd"))
    event = tmp_path / "event.json"
    event.write_text('{"CommandLine": "evil.exe"}')
    for wanted in ("evil things", rule_id(1)):
        (found,) = try_rule(ward, wanted, event)
        assert found.fired == (1,)
    with pytest.raises(UsageError, match="2 rules"):
        try_rule(ward, rule_id(1)[:-3], event)
    with pytest.raises(UsageError, match="no rule here"):
        try_rule(ward, "nothing", event)
    lay(ward, "many.yml", MANY)
    with pytest.raises(UsageError, match=r"it is a correlation\n.*rules hunt"):
        try_rule(ward, "many evil things", event)


def test_what_cannot_be_tried_is_said(path: Path, tmp_path: Path) -> None:
    event = tmp_path / "event.json"
    event.write_text('{"CommandLine": "evil.exe"}')
    with pytest.raises(UsageError, match="no record 2"):
        trial(path, event, 2)
    with pytest.raises(UsageError, match="no workspace"):
        try_rule(None, "some title", event)
    path.write_text("title: [")
    with pytest.raises(UsageError, match="no rule that looks"):
        trial(path, event)
    path.write_text(
        rule(1, "evil").replace("product: windows, category: process_creation", "product: toaster")
    )
    with pytest.raises(UsageError, match="does not run"):
        trial(path, event)
