"""SigmaHQ's rules and its own regression captures, where they are at hand."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import orjson
import pyarrow as pa
import pytest
from evtx import PyEvtxParser

from countersign.model.batch import ParseContext
from countersign.rules import CompiledSet, compile_rules, load_rules
from countersign.sources import evtx, windows_json

NOW = datetime(2026, 11, 21, tzinfo=UTC)
CONTEXT = ParseContext("0" * 64, NOW, NOW)
NOT_MAIN = ("deprecated/", "unsupported/", "rules-placeholder/")


@pytest.fixture(scope="module")
def sigma(shared_data: Path) -> CompiledSet:
    return compile_rules(load_rules([shared_data / "sigma" / "sigma-rules.zip"]))


def evtx_events(data: bytes) -> pa.Table:
    records = [
        record["data"].encode()
        for record in PyEvtxParser(io.BytesIO(data)).records_json()
        if record is not None
    ]
    return evtx.parse(records, CONTEXT).events


def json_events(data: bytes) -> pa.Table:
    """The twins are JSON documents one after the other, written over many lines."""

    def documents() -> Iterator[object]:
        text = data.decode("utf-8-sig")
        at = 0
        while (at := next((i for i in range(at, len(text)) if text[i] in "[{"), len(text))) < len(text):
            value, at = json.JSONDecoder().raw_decode(text, at)
            yield from value if isinstance(value, list) else [value]

    return windows_json.parse([orjson.dumps(one) for one in documents()], CONTEXT).events


def test_nearly_every_rule_compiles(sigma: CompiledSet) -> None:
    main = [
        (rule, status)
        for rule, status in zip(sigma.rules, sigma.status, strict=True)
        if not rule.path.rpartition("!")[2].startswith(NOT_MAIN)
    ]
    refused = [(rule.path, status.reason) for rule, status in main if status.state == "unsupported"]
    assert len(main) == 3_757
    assert len(refused) <= 0.005 * len(main), refused
    assert all("placeholder" in reason for _, reason in refused), refused


def test_the_expected_rule_fires_on_each_regression_capture(sigma: CompiledSet, shared_data: Path) -> None:
    expected = {rule.id: number for number, rule in enumerate(sigma.rules)}
    captures: list[tuple[str, int, pa.Table]] = []
    with zipfile.ZipFile(shared_data / "sigma" / "sigma-regression.zip") as archive:
        for name in archive.namelist():
            rule = expected.get(Path(name).stem)
            if name.endswith(".evtx"):
                captures.append((name, -1 if rule is None else rule, evtx_events(archive.read(name))))
            elif name.endswith(".json"):
                captures.append((name, -1 if rule is None else rule, json_events(archive.read(name))))
    assert len(captures) == 404
    hits = sigma.match(pa.concat_tables([table for _, _, table in captures], promote_options="default"))
    fired: dict[int, set[int]] = {}
    for hit in hits.to_pylist():
        fired.setdefault(hit["rule"], set()).add(hit["row"])
    silent, start = [], 0
    for name, rule, table in captures:
        if not fired.get(rule, set()) & set(range(start, start + table.num_rows)):
            silent.append(name)
        start += table.num_rows
    assert silent == []
