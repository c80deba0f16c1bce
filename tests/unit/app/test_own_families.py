from __future__ import annotations

import re
import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collecting import Ward
from countersign.app import rulelist
from countersign.app.own_families import OwnFamilies
from countersign.app.own_mapping import read_mapping
from countersign.app.own_test import MOMENT, try_mapping
from countersign.app.report import report_model
from countersign.app.sources import explain, listed
from countersign.cli.commands import program
from countersign.errors import InputError, UsageError
from countersign.model.batch import ParseContext
from countersign.sources._custom import custom_source
from detecting import hits, lay, reviewed

PAGE = (Path(__file__).parents[3] / "docs" / "custom-sources.md").read_text("utf-8")
MAPPING = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)[0]
LINES = re.findall(r"```\n(ts=.*?)```", PAGE, re.DOTALL)[0]
CSV = """
name: tickets
product: Desk
format: csv
match: {fields: [Ticket, Agent]}
time: {field: [Day, Hour], format: dmy, zone: Europe/Vienna}
what: change
columns:
  actor: Agent
  status_detail: [Note, Ticket]
  metadata.log_name: {value: desk}
"""
JSON = """
name: gate
product: Gate
format: json
match: {fields: [gate.id], equals: {ok: true}}
time: {field: at, format: epoch}
what: vpn open
status: success
columns: {user: who, source: "from"}
"""


@pytest.fixture
def doors(ward: Ward) -> Ward:
    folder = ward.workspace.root / "sources"
    folder.mkdir()
    (folder / "doors.yaml").write_text(MAPPING)
    return ward


def test_the_page_s_example_is_collected_as_its_own_family(doors: Ward, logs: Path) -> None:
    (logs / "doors.log").write_text(LINES + "app=doorkeeper nothing else\n")
    summary = doors.collect(logs)
    assert (summary.events, summary.rejected) == (2, 1)
    with doors.workspace.reading() as lake:
        rows = lake.table("events").to_pyarrow().sort_by("record").to_pylist()
    assert [row["source"] for row in rows] == ["custom.doors"] * 2
    assert rows[0]["time"].isoformat() == "2026-11-20T08:14:03+00:00"
    assert rows[0]["user"]["name"] == "jane"
    assert rows[0]["user"]["domain"] == "CLINIC"
    assert rows[0]["src_endpoint"]["ip"] == "198.51.100.20"
    assert [row["status_id"] for row in rows] == [1, 2]
    assert dict(rows[0]["unmapped"])["badge"] == "7731"
    assert rows[0]["keyed"]


def test_workers_know_it_too(doors: Ward, logs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("countersign.app._pipeline.INLINE_BYTES", 0)
    (logs / "doors.log").write_text(LINES)
    assert doors.collect(logs).events == 2


def test_report_and_list_name_it_also_when_its_mapping_is_gone(doors: Ward, logs: Path) -> None:
    (logs / "doors.log").write_text(LINES)
    doors.collect(logs)
    (row,) = [row for row in listed(doors.workspace) if row.source.name == "custom.doors"]
    assert (row.status, row.records, row.source.title) == ("own", 2, "Door badges")
    (found,) = explain(doors.workspace, str(logs / "doors.log"))
    assert found.family is not None
    assert found.family.name == "custom.doors"
    (doors.workspace.root / "sources" / "doors.yaml").unlink()
    model = report_model(doors.workspace, None, None)
    assert [part.title for part in model.coverage.sources] == ["custom.doors"]


def test_csv_and_json(tmp_path: Path) -> None:
    (tmp_path / "tickets.yaml").write_text(CSV)
    (tmp_path / "tickets.sample").write_text(
        "Ticket;Agent;Day;Hour;Note\n17;jane@desk.example;21/11/2026;3:07 PM;\n"
    )
    found = try_mapping(tmp_path / "tickets.yaml")
    assert (found.events, found.undated, found.outcome) == (1, 0, "written")
    text = Path(found.expected).read_text()
    assert "2026-11-21T14:07:00" in text
    assert '"status_detail":"17"' in text
    (tmp_path / "gate.yaml").write_text(JSON)
    (tmp_path / "gate.sample").write_text(
        '[{"gate":{"id":1},"ok":true,"at":1763632800,"who":"tom","from":"203.0.113.9:1025"}]'
    )
    found = try_mapping(tmp_path / "gate.yaml")
    assert found.recognised
    assert found.filled["src_endpoint.port"] == 1


def test_the_test_keeps_and_compares(tmp_path: Path) -> None:
    mapping, sample = tmp_path / "doors.yaml", tmp_path / "doors.sample"
    mapping.write_text(MAPPING)
    sample.write_text(LINES)
    assert try_mapping(mapping).outcome == "written"
    assert try_mapping(mapping).outcome == "same"
    mapping.write_text(MAPPING.replace("status: failure", "status: success"))
    changed = try_mapping(mapping)
    assert changed.outcome == "differs"
    assert not changed.good
    assert any('"status_id":2' in line for line in changed.differences)
    assert CliRunner().invoke(program, ["source", "test", str(mapping)]).output.count("differs") == 1
    assert try_mapping(mapping, update=True).outcome == "written"
    assert CliRunner().invoke(program, ["source", "test", str(mapping)]).exit_code == 0
    with pytest.raises(UsageError, match="remedy"):
        try_mapping(mapping, tmp_path / "none")


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ("format: key=value", "format: xml", 4, "one of json, csv, key=value"),
        ("  zone: Europe/Vienna", "  zone: Mars/Base", 10, "IANA"),
        ("  user: holder", "  usr: holder", 13, "there is no column `usr`"),
        ("what: logon, status: success", "what: login, status: success", 18, "logon, logoff"),
        ("name: doors", "name: ../x", 1, "small letters"),
        ("product: Doorkeeper", "produkt: Doorkeeper", 1, "says no `product`"),
        ("title: Door badges", "title: Door badges\nfield: x", 3, "there is no `field`"),
        ("title: Door badges", "title: Door badges\ntitle: x", 3, "no YAML"),
        ("by: evt", "", 17, "needs `by`"),
    ],
)
def test_what_is_wrong_is_told_by_line_and_remedy(
    tmp_path: Path, old: str, new: str, line: int, said: str
) -> None:
    path = tmp_path / "doors.yaml"
    assert old in MAPPING
    path.write_text(MAPPING.replace(old, new, 1))
    with pytest.raises(InputError) as raised:
        read_mapping(path)
    assert said in raised.value.diagnostics()
    assert raised.value.line == line


def test_a_broken_mapping_stops_before_anything_is_read(doors: Ward, logs: Path) -> None:
    (doors.workspace.root / "sources" / "broken.yaml").write_text("name: [")
    (logs / "doors.log").write_text(LINES)
    with pytest.raises(InputError):
        doors.collect(logs)
    assert list(OwnFamilies.of(doors.workspace, strict=False).mappings) == ["custom.doors"]


PARTS = st.sampled_from(
    [
        "name: a\n", "product: P\n", "format: json\n", "match: {fields: [x]}\n", "time: {field: t}\n", "kinds: {1: {}}\n",
        "by: x\n", "columns: {user: a, src_endpoint.port: [b, c]}\n", "columns: {[a]: {value: 1}}\n", "time: [1]\n",
        "match: {equals: {a: &x [*x]}}\n", "key: 5\n", "time: {field: [t, u], format: dmy, zone: 5}\n", "kinds: {a: b}\n",
        "? {a: b}\n: c\n", "title: !!python/object:os.system x\n", "<<: {name: b}\n", "- a\n", "\x00", "what: 2026-01-01\n", "[" * 99,
        "match: {equals: {ok: true}}\n", "columns: {user: {value: a}}\n", "vendor:\n", "\t", "status: failure\n", "...\n---\n",
    ]
)  # fmt: skip


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(parts=st.lists(PARTS, min_size=1, max_size=8))
def test_whatever_stands_in_a_mapping_it_is_a_family_or_told(tmp_path: Path, parts: list[str]) -> None:
    good = ["name: a\n", "product: P\n", "format: json\n", "match: {fields: [x]}\n", "time: {field: t}\n"]
    taken = {part.partition(":")[0] for part in parts}
    path = tmp_path / "a.yaml"
    path.write_text("".join([*parts, *(part for part in good if part.partition(":")[0] not in taken)]))
    try:
        _, text = read_mapping(path)
    except InputError:
        return
    family = custom_source(text)
    context = ParseContext(segment="0" * 64, received=MOMENT, sealed=MOMENT)
    record = b'{"x":1,"t":"2026-01-01","a":[{}],"b":{"c":null},"ok":true}'
    parsed = family.parse([record, b"{", b"", b"[1]", b"\xff"], context)
    assert parsed.events.num_rows + parsed.rejected.num_rows + parsed.duplicates


RULE = """
title: Tool from a free host name
id: 5b6c9a0e-9c2f-4f43-9d41-1d2f3a4b5c6d
logsource: {category: proxy}
detection:
  selection: {c-uri|contains: hopto.org, cs-method: GET}
  condition: selection
level: high
"""
PROXY = """
name: proxy
product: Gate
format: key=value
match: {fields: [url, method]}
time: {field: at}
sigma:
  category: proxy
  fields: {c-uri: url, cs-method: method}
"""


def test_sigma_rules_run_on_what_a_mapping_says_it_is(ward: Ward, logs: Path, shared_data: Path) -> None:
    name = "rules/web/proxy_generic/proxy_download_susp_dyndns.yml"
    with zipfile.ZipFile(shared_data / "sigma" / "sigma-rules.zip") as rules:
        real = rules.read(name).decode()
    lay(ward.workspace, "own.yml", RULE)
    lay(ward.workspace, "dyndns.yml", real)
    (ward.workspace.root / "sources").mkdir()
    mapping = ward.workspace.root / "sources" / "proxy.yaml"
    mapping.write_text(PROXY.replace("sigma:", "vendor: x\n#").partition("#")[0])
    (logs / "p.log").write_text(
        "at=2026-11-20T10:00:00Z method=GET url=http://evil.hopto.org/a/tool.exe who=jane\n"
        "at=2026-11-20T10:00:01Z method=GET url=http://example.com/ who=jane\n"
    )
    ward.collect(logs)
    reviewed(ward.workspace)
    assert hits(ward.workspace) == []
    states = {rule.title: rule.state for rule in rulelist.listed(ward.workspace)}
    assert states["Tool from a free host name"] == "waiting"
    mapping.write_text(
        PROXY.replace("cs-method: method", "cs-method: method, c-uri-extension: ext, cs-host: host")
    )
    reviewed(ward.workspace)
    states = {rule.title: rule.state for rule in rulelist.listed(ward.workspace)}
    assert states["Tool from a free host name"] == "active"
    with ward.workspace.reading() as lake:
        urls = {
            row["id"]: dict(row["unmapped"]).get("url") or row.get("src_url")
            for row in lake.read("events").to_pylist()
        }
    assert "hopto.org" in " ".join(str(urls[hit[2]]) for hit in hits(ward.workspace))


@pytest.mark.parametrize(
    ("sigma", "said"),
    [
        ("{}", "names no log source"),
        ("{categorie: proxy}", "there is no `categorie`"),
        ("{product: x, fields: {a: b}}", "needs a `category` or a `service`"),
        ("{category: x, fields: {a: [b]}}", "written as a field"),
        ("{category: [x]}", "should be a text"),
    ],
)
def test_a_wrong_log_source_is_told(tmp_path: Path, sigma: str, said: str) -> None:
    path = tmp_path / "proxy.yaml"
    path.write_text(PROXY.partition("sigma:")[0] + f"sigma: {sigma}\n")
    with pytest.raises(InputError) as raised:
        read_mapping(path)
    assert said in raised.value.diagnostics()
