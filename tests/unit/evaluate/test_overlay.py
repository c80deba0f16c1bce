"""A campaign in a copy of its base's workspace: as if the base's files had been replaced and collected, and the base as it was."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import orjson
import pytest

from countersign.errors import InputError, UsageError, WorkspaceError
from countersign.evaluate import evaluate_visits, overlay, run
from countersign.evaluate.score import Score
from countersign.lake import Lake, WorkspaceLock
from countersign.range import RangeSpec, generate, load_spec
from countersign.range.attacks import load_scenario
from countersign.range.attacks import overlay as attack
from countersign.range.attacks.overlay import lay as replaced
from range_made import CONTENT


class Laid:
    """A base that is collected once, and a campaign that was evaluated over it."""

    def __init__(self, root: Path) -> None:
        spec = load_spec(CONTENT / "ranges" / "small.yaml")
        assert isinstance(spec, RangeSpec)
        spec = spec.model_copy(update={"hosts": 50, "days": 2})
        self.base, self.campaign, self.workspace = root / "base", root / "campaign", root / "workspace"
        generate(spec, self.base, 3)
        scenario = load_scenario(CONTENT / "scenarios" / "cloud-hopper.yaml")
        attack(spec, 3, scenario, self.campaign, care=1, base=self.base)
        run.collect(self.base, self.workspace)
        self.before = contents(self.workspace)
        self.kept = root / "kept"
        self.score: Score = evaluate_visits(
            self.campaign, self.workspace, visits_only=True, collected=True, keep=self.kept
        )


@pytest.fixture(scope="module")
def laid(tmp_path_factory: pytest.TempPathFactory) -> Laid:
    return Laid(tmp_path_factory.mktemp("overlay"))


def contents(root: Path) -> dict[str, str]:
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


def visits(workspace: Path) -> dict[str, Any]:
    """Each visit as it is kept, but for where in the ledger its records' segments stand, which tells who came first."""
    with Lake.open(workspace / "lake") as lake:
        rows = lake.read("visits", columns=["id", "body"]).to_pylist()
    return {row["id"]: without(orjson.loads(row["body"])) for row in rows}


def without(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: without(part) for name, part in value.items() if name not in {"leaf", "leaves"}}
    return [without(part) for part in value] if isinstance(value, list) else value


def test_the_visits_are_those_of_one_folder_with_the_files_replaced(laid: Laid, tmp_path: Path) -> None:
    whole, workspace = tmp_path / "whole", tmp_path / "workspace"
    replaced(laid.base, laid.campaign, whole)
    run.collect(whole, workspace)
    run._review(workspace, visits_only=True)
    expected = visits(workspace)
    assert len(expected) > 20
    assert visits(laid.kept) == expected


def test_every_record_of_the_truth_is_there_and_the_campaign_is_scored(laid: Laid) -> None:
    assert laid.score.records > 500
    # two records of equal bytes are one event, and keep one name
    assert laid.score.records - laid.score.records_found <= 1
    truth = overlay.campaign_in(laid.campaign, laid.campaign / "truth")
    assert truth is not None
    hops = overlay.truth_of(truth, "truth").hops
    lines = (laid.campaign / "truth" / "hops.jsonl").read_bytes().splitlines()
    assert lines
    assert {orjson.loads(line)["id"] for line in lines} <= set(hops)


def test_what_was_done_in_ordinary_hops_is_called_as_in_the_campaigns_files(laid: Laid) -> None:
    campaign = overlay.campaign_in(laid.campaign, laid.campaign / "truth")
    assert campaign is not None
    hops = overlay.truth_of(campaign, "truth").hops.values()
    done = [(hop, deed) for hop in hops for deed in hop.deeds]
    assert len(done) > 100
    assert [deed for hop, deed in done if not set(deed.keys) <= set(hop.keys)] == []
    assert laid.score.deeds["account"].in_hop == laid.score.deeds["account"].actions > 10


def test_only_the_campaigns_files_are_collected(laid: Laid) -> None:
    assert laid.score.campaign is not None
    files = [path for path in run_logs(laid.campaign) if path.is_file()]
    assert laid.score.campaign["files"] == len(files)
    assert laid.score.campaign["replaced_files"] <= len(files)
    assert 0 < laid.score.campaign["collected_records"] < laid.score.campaign["collected_bytes"]
    assert len(files) < len([path for path in run_logs(laid.base) if path.is_file()]) / 4


def run_logs(folder: Path) -> list[Path]:
    return [
        path for path in folder.rglob("*") if path.relative_to(folder).parts[0] not in {"truth", "agreements"}
    ]


def test_the_bases_workspace_is_as_it_was(laid: Laid) -> None:
    assert contents(laid.workspace) == laid.before


def test_what_cannot_be_laid_is_said(laid: Laid, tmp_path: Path) -> None:
    campaign = overlay.campaign_in(laid.campaign, laid.campaign / "truth")
    assert campaign is not None
    with pytest.raises(UsageError, match="is not an empty folder"):
        overlay.lay(campaign, laid.workspace, laid.kept)
    empty = tmp_path / "empty"
    run._run("init", str(empty))
    with pytest.raises(UsageError, match=r"has nothing of .*, which the campaign replaces"):
        overlay.lay(campaign, empty, tmp_path / "copy")
    with WorkspaceLock(empty), pytest.raises(WorkspaceError, match="is in use"):
        overlay.lay(campaign, empty, tmp_path / "other")
    with pytest.raises(UsageError, match="no range is there"):
        overlay.campaign_in(laid.campaign, laid.campaign / "truth", tmp_path)
    with pytest.raises(UsageError, match="another range"):
        overlay.campaign_in(laid.campaign, laid.campaign / "truth", laid.campaign)
    with pytest.raises(UsageError, match="is no campaign"):
        evaluate_visits(laid.base, base=laid.base)


def test_a_file_system_without_links_gets_copies(
    laid: Laid, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_self: Path, _target: Path) -> None:
        raise OSError

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    overlay.copied(laid.workspace, tmp_path / "copy")
    copy = contents(tmp_path / "copy")
    assert copy
    assert copy.items() <= laid.before.items()


def told(folder: Path, name: str, *rows: object) -> None:
    (folder / "truth").mkdir(parents=True, exist_ok=True)
    (folder / "truth" / name).write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in rows))


def replacing(root: Path) -> overlay.Campaign:
    """A base of one hop with a record on a host whose log the campaign writes anew."""
    record = {"log": "windows", "computer": "APP01", "channel": "Security", "record": 7}
    names = {
        "protocol": "rdp",
        "account": "ann",
        "source": "10.0.0.1",
        "target": "app01",
        "start": "2026-03-02",
    }
    hop = {"id": "h1", "parent": None, "records": [record], **names}
    told(root / "base", "visits.jsonl", {"id": "v1", "provider": "acme", "person": "Ann", "hops": [hop]})
    told(root / "base", "staff.jsonl")
    told(root / "base", "range.json", {"seed": 1, "spec": {}})
    told(root / "campaign", "visits.jsonl")
    told(root / "campaign", "staff.jsonl")
    told(
        root / "campaign",
        "moved.jsonl",
        {"hop": "h1", "records": [{**record, "record": 8}], "lost": [], "actions": []},
    )
    made = {"seed": 1, "spec": {}, "campaign": "c", "base": "../base", "files": [], "computers": ["app01"]}
    told(root / "campaign", "range.json", made)
    found = overlay.campaign_in(root / "campaign", root / "campaign" / "truth")
    assert found is not None
    return found


def test_a_record_has_the_name_that_it_has_in_the_file_that_was_replaced(tmp_path: Path) -> None:
    hop = overlay.truth_of(replacing(tmp_path), "truth").hops["h1"]
    assert hop.keys == (("windows", "app01", "Security", "8"),)


@pytest.mark.parametrize("left", [None, b"", b'{"hop": "h1", "rec'], ids=["none", "empty", "cut"])
def test_a_campaign_that_does_not_tell_of_all_that_it_replaces_hides_no_hop(
    tmp_path: Path, left: bytes | None
) -> None:
    """Its hops would be lost whole, and in no figure."""
    campaign, moved = replacing(tmp_path), tmp_path / "campaign" / "truth" / "moved.jsonl"
    if left is None:
        moved.unlink()
    else:
        moved.write_bytes(left)
    with pytest.raises(InputError, match=r"moved\.jsonl"):
        overlay.truth_of(campaign, "truth")


@pytest.mark.parametrize(
    "left", [None, b"", b'{"seed": 1, "camp', b"[]"], ids=["none", "empty", "cut", "list"]
)
def test_a_range_that_was_not_written_to_its_end_is_not_scored(tmp_path: Path, left: bytes | None) -> None:
    """A campaign that does not say so would be taken for a range of its few files."""
    replacing(tmp_path)
    made = tmp_path / "campaign" / "truth" / "range.json"
    if left is None:
        made.unlink()
    else:
        made.write_bytes(left)
    with pytest.raises(InputError, match=r"range\.json"):
        evaluate_visits(tmp_path / "campaign")
