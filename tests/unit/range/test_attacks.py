from __future__ import annotations

import math
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from countersign.errors import InputError
from countersign.range.attacks import load_scenario, overlay
from countersign.range.attacks.overlay import lay
from countersign.range.attacks.steps import STEPS
from range_made import CONTENT, Made, digests, reference, small

SCENARIOS = sorted((CONTENT / "scenarios").glob("*.yaml"))


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return small(tmp_path_factory.mktemp("attacks") / "base")


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_what_ships_is_cited_and_named_as_its_file(path: Path) -> None:
    scenario = load_scenario(path)
    assert scenario.name == path.stem
    assert scenario.reports
    assert scenario.objective


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
@pytest.mark.parametrize("care", [0, 3])
def test_a_campaign_changes_few_files_and_its_truth_is_in_them(
    base: Made, tmp_path: Path, path: Path, care: int
) -> None:
    scenario = load_scenario(path)
    laid = overlay(base.spec, base.seed, scenario, tmp_path / "laid", care=care, base=base.root)
    whole = tmp_path / "whole"
    lay(base.root, tmp_path / "laid", whole)
    before, after = digests(base.root), digests(whole)
    logs = {name for name in before | after if not name.startswith(("truth", "agreements"))}
    assert {name for name in logs if before.get(name) != after.get(name)} == set(laid.files)
    assert len(laid.files) < len(logs) / 4
    made = Made.__new__(Made)
    made.root = whole
    visits = made.truth()
    assert len(visits) == laid.visits
    for visit in visits:
        assert visit["malicious"]
        assert visit["care"] == care
        assert all(reference(record) in made.references for hop in visit["hops"] for record in hop["records"])
        ids = [hop["id"] for hop in visit["hops"]]
        assert len(set(ids)) == len(ids)
        assert sum(hop["parent"] is None for hop in visit["hops"]) == 1
    steps = sorted((step for step in made.truth("steps") if step["step"]), key=lambda step: step["time"])
    assert {step["step"] for step in steps} <= set(STEPS)
    assert all(step["technique"].startswith("T1") for step in steps)
    # every campaign reaches what it is for
    assert steps[-1]["step"] in {name["do"] for name in scenario.steps[-3:]}


def test_the_same_campaign_is_the_same_and_another_number_is_another(base: Made, tmp_path: Path) -> None:
    scenario = load_scenario(CONTENT / "scenarios" / "cloud-hopper.yaml")
    for name, number in (("one", 0), ("again", 0), ("two", 1)):
        overlay(base.spec, base.seed, scenario, tmp_path / name, care=2, number=number)
    assert digests(tmp_path / "one") == digests(tmp_path / "again")
    assert digests(tmp_path / "one") != digests(tmp_path / "two")


@pytest.mark.parametrize(
    ("steps", "line", "words"),
    [
        ("[{do: login_vnp}]", 6, "did you mean 'login_vpn'"),
        ("\n  - {do: login_vpn}\n  - {do: copy_out, megabyte: 3}", 8, "did you mean 'megabytes'"),
        ("[{do: rdp}]", 6, "begin with one of login_vpn"),
        ("[]", 6, "at least 1 item"),
    ],
)
def test_a_wrong_scenario_is_one_error_with_a_suggestion(
    tmp_path: Path, steps: str, line: int, words: str
) -> None:
    file = tmp_path / "wrong.yaml"
    file.write_text(f"version: 1\nname: x\ntitle: x\nreports: [x]\nobjective: x\nsteps: {steps}\n", "utf-8")
    with pytest.raises(InputError) as caught:
        load_scenario(file)
    assert words in caught.value.diagnostics()
    assert caught.value.line == line


def surface(made: Made, visits: list[dict[str, Any]]) -> list[Counter[str]]:
    """What each hop shows without names, times and addresses: protocols, event ids, sets of fields, programs."""
    rows = {f"{r['computer']}/{r['channel']}/{r['record']}": r for r in made.windows}
    out = []
    for visit in visits:
        for hop in visit["hops"]:
            found: Counter[str] = Counter([f"protocol {hop['protocol']}"])
            for record in hop["records"]:
                row = rows.get(reference(record))
                if row is None:
                    found[record["log"] + record.get("path", "")] += 1
                    continue
                data = row["data"]
                found[f"event {row['event']}"] += 1
                if row["shape"] != "flat":
                    names = sorted(name for name in data if name != "#attributes")
                    found[f"fields {row['event']} {names}"] += 1
                image = data.get("NewProcessName") or data.get("Image") or ""
                if image:
                    found["program " + image.rsplit("\\", 1)[-1].lower()] += 1
            out.append(found)
    return out


@pytest.fixture(scope="session")
def campaigns(base: Made, tmp_path_factory: pytest.TempPathFactory) -> list[tuple[int, Made]]:
    out = []
    for care in (1, 3):
        for number, path in enumerate(
            path for path in SCENARIOS if "cloud-" in path.stem or path.stem in {"insider", "ransomware-crew"}
        ):
            folder = tmp_path_factory.mktemp("campaign")
            overlay(base.spec, base.seed, load_scenario(path), folder / "laid", care=care, number=number)
            made = Made.__new__(Made)
            made.root = folder / "laid"
            out.append((care, made))
    return out


def test_from_care_on_an_attack_shows_nothing_that_ordinary_work_does_not(
    base: Made, campaigns: list[tuple[int, Made]], tmp_path: Path
) -> None:
    ordinary: set[str] = set()
    for seed in (5, 11):
        made = base if seed == base.seed else small(tmp_path / "other", seed=seed, days=5)
        for hop in surface(made, [*made.truth(), *made.truth("staff")]):
            ordinary |= set(hop)
    for care, made in campaigns:
        for hop in surface(made, made.truth()):
            assert set(hop) <= ordinary, (care, set(hop) - ordinary)


def test_a_classifier_on_surface_fields_of_another_seed_stays_near_chance(
    base: Made, campaigns: list[tuple[int, Made]], tmp_path: Path
) -> None:
    """Naive Bayes over what hops show; its area under the curve for care 3."""
    other = small(tmp_path / "other", seed=21)
    path = CONTENT / "scenarios" / "cloud-hopper.yaml"
    bad_hops: list[Counter[str]] = []
    for number in range(4):
        folder = tmp_path / f"attack-{number}"
        overlay(other.spec, other.seed, load_scenario(path), folder, care=3, number=number)
        made = Made.__new__(Made)
        made.root = folder
        bad_hops += surface(made, made.truth())
    good_hops = surface(other, [*other.truth(), *other.truth("staff")])
    good, bad = Counter(k for hop in good_hops for k in hop), Counter(k for hop in bad_hops for k in hop)

    def score(hop: Counter[str]) -> float:
        return sum(
            math.log((bad[k] + 1) / (len(bad_hops) + 2)) - math.log((good[k] + 1) / (len(good_hops) + 2))
            for k in hop
        )

    bad_scores = [score(hop) for care, made in campaigns if care == 3 for hop in surface(made, made.truth())]
    good_scores = [score(hop) for hop in surface(base, base.truth())]
    pairs = [(b > g) + 0.5 * (b == g) for b in bad_scores for g in good_scores]
    area = sum(pairs) / len(pairs)
    assert 0.2 < area < 0.8, area
