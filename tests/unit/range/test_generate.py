from __future__ import annotations

import hashlib
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest

from countersign.agreements import load_agreement
from countersign.errors import InputError, UsageError
from countersign.range import generate, load_spec


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


def test_missing_spec_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        load_spec(tmp_path / "none.yaml")
