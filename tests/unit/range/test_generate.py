from __future__ import annotations

import hashlib
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest

from countersign.agreements import load_agreement
from countersign.app.range import shipped
from countersign.errors import InputError, UsageError
from countersign.range import RangeSpec, generate, load_spec
from countersign.range.attacks import load_scenario, overlay
from countersign.range.spec import DirtSpec, DomainSpec, GatewaySpec, LoadSpec, ProviderSpec, SiteSpec


def digest(root: Path) -> str:
    total = hashlib.sha256()
    for file in sorted(root.rglob("*")):
        if file.is_file():
            total.update(str(file.relative_to(root)).encode() + b"\0" + file.read_bytes())
    return total.hexdigest()


def test_same_seed_same_bytes(demo: Any, tmp_path: Path) -> None:
    generate(demo.spec, tmp_path / "again", seed=7)
    assert digest(tmp_path / "again") == digest(demo.root)


def test_other_seed_other_bytes(demo: Any, tmp_path: Path) -> None:
    generate(demo.spec, tmp_path / "other", seed=8)
    assert digest(tmp_path / "other") != digest(demo.root)


def test_one_activity_more_changes_no_other_visit(demo: Any, tmp_path: Path) -> None:
    without = demo.spec.model_copy(update={"intrusion": None})
    summary = generate(without, tmp_path / "quiet", seed=7)
    assert summary.malicious == 0
    quiet = [orjson.loads(line) for line in (tmp_path / "quiet/truth/visits.jsonl").read_bytes().splitlines()]
    ordinary = [visit for visit in demo.visits if not visit["malicious"]]
    times = [[(v["account"], v["start"], v["end"]) for v in visits] for visits in (quiet, ordinary)]
    assert times[0] == times[1]


def test_files_are_as_old_as_the_range(demo: Any) -> None:
    days = {
        datetime.fromtimestamp(file.stat().st_mtime, UTC).date()
        for file in demo.root.rglob("*")
        if file.is_file()
    }
    assert len(days) == 1
    assert date(2026, 3, 6) <= days.pop() <= date(2026, 3, 7)


def test_agreements_are_agreements(demo: Any) -> None:
    for name in ("northgate", "medisoft"):
        agreement = load_agreement(demo.root / "agreements" / f"{name}.yaml")
        assert agreement.provider.id == name
        assert {grant.name for grant in agreement.grants} >= {"dial in", "jump host"}


def test_size_and_shape(demo: Any) -> None:
    assert 15_000 < demo.summary.total < 30_000
    assert demo.summary.visits == {"medisoft": 6, "northgate": 15}
    assert demo.summary.malicious == 1
    assert {name.split("/")[0] for name in demo.summary.records} == {"windows", "zeek", "linux", "gateways"}


def test_folder_in_use_is_refused(tmp_path: Path, demo: Any) -> None:
    (tmp_path / "something").write_text("mine")
    with pytest.raises(UsageError, match="not an empty folder"):
        generate(demo.spec, tmp_path, seed=1)
    assert (tmp_path / "something").read_text() == "mine"


def test_spec_names_must_exist(tmp_path: Path) -> None:
    demo_text = (Path(__file__).parents[3] / "src/countersign/content/ranges/demo.yaml").read_text("utf-8")
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text(demo_text.replace("target: SQL01, by: rdp", "target: SQL99, by: rdp"), "utf-8")
    with pytest.raises(InputError, match="no host called 'SQL99'"):
        load_spec(wrong)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("a: [1, 2", "not valid YAML"),
        ("version: 3", "version"),
        ("- just\n- a list", "the range"),
        ("a: 1\na: 2\n", "not valid YAML"),
        ("x: !!python/object/apply:os.system ['true']", "not valid YAML"),
    ],
)
def test_bad_spec_is_one_error_with_a_remedy(tmp_path: Path, text: str, word: str) -> None:
    file = tmp_path / "bad.yaml"
    file.write_text(text, "utf-8")
    with pytest.raises(InputError, match=word) as caught:
        load_spec(file)
    assert caught.value.remedy
    assert str(file) in caught.value.diagnostics()


DOCUMENT = (Path(__file__).parents[3] / "docs" / "range.md").read_text("utf-8")
EXAMPLE, SCENARIO = (part.split("```")[0] for part in DOCUMENT.split("```yaml\n")[1:3])


def test_the_document_lists_every_key() -> None:
    keys = {
        key
        for part in (RangeSpec, DomainSpec, SiteSpec, GatewaySpec, ProviderSpec, DirtSpec, LoadSpec)
        for key in part.model_fields
    }
    assert not [key for key in sorted(keys) if f"`{key}`" not in DOCUMENT]


def test_the_documents_examples_are_a_range_and_an_intrusion(tmp_path: Path) -> None:
    (tmp_path / "stmary.yaml").write_text(EXAMPLE, "utf-8")
    (tmp_path / "night.yaml").write_text(SCENARIO, "utf-8")
    spec = load_spec(tmp_path / "stmary.yaml")
    assert isinstance(spec, RangeSpec)
    summary = generate(spec, tmp_path / "stmary", seed=1)
    assert summary.visits["acme"] >= 3
    laid = overlay(
        spec, 1, load_scenario(tmp_path / "night.yaml"), tmp_path / "campaign", base=tmp_path / "stmary"
    )
    assert laid.provider == "acme"
    assert laid.visits == 1


@pytest.mark.parametrize(
    ("was", "now", "words"),
    [
        ("hosts: 60", "host: 60", "host: there is no such key\n  remedy: did you mean 'hosts'?"),
        ("hosts: 60", "hosts: many", "hosts: must be a whole number"),
        ("hosts: 60", "hosts: 12", "hosts: must be at least 50"),
        ("2026-03-02", "2026-13-45", "holds a day that there is not: month must be in 1..12"),
        ("2026-03-02", "soon", "start: must be a day such as 2026-03-02"),
        ("08:00-17:00", "8-17", "providers.0.hours: must be hours such as 08:00-18:00"),
        ("10.99.1.0/24", "10.99.1.1/24", "gateways.0.pool: must be an IPv4 network such as"),
        ("kind: openvpn", "kind: openvnp", "'anyconnect', 'openvpn' or 'fortigate' (openvpn?)"),
        ("ways: {vpn", "ways: {vnp", "providers.0.ways.vnp: must be 'vpn'"),
        ("sites:", "sites: 3\nholidays:", "sites: must be a list"),
        ("title: ACME Managed Services, ", "", "providers.0.title: is missing"),
        ("hosts: 60", "days: 60", 'is not valid YAML: found duplicate key "days"'),
    ],
)
def test_a_mistake_is_told_with_its_place_in_words(tmp_path: Path, was: str, now: str, words: str) -> None:
    file = tmp_path / "wrong.yaml"
    file.write_text(EXAMPLE.replace(was, now, 1), "utf-8")
    with pytest.raises(InputError) as caught:
        load_spec(file)
    assert words in caught.value.diagnostics()
    assert caught.value.line == EXAMPLE[: EXAMPLE.index(was)].count("\n") + 1


def test_a_key_that_is_missing_is_told_by_its_name(tmp_path: Path) -> None:
    file = tmp_path / "wrong.yaml"
    file.write_text(EXAMPLE.replace("hosts: 60\n", ""), "utf-8")
    with pytest.raises(InputError, match="hosts: is missing"):
        load_spec(file)


def test_a_range_that_ships_is_not_looked_for_in_a_folder() -> None:
    with pytest.raises(InputError, match="is no file") as caught:
        shipped("ranges", "ranges/small.yaml")
    assert caught.value.remedy == "one that ships is called by its name: small"


def test_missing_spec_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        load_spec(tmp_path / "none.yaml")
