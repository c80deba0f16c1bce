from __future__ import annotations

from pathlib import Path

import pytest

from countersign.app.range import attack
from countersign.errors import InputError, UsageError
from countersign.range import RangeSpec, load_spec
from countersign.range.attacks import load_scenario, overlay
from countersign.range.attacks.overlay import lay, planned
from countersign.range.attacks.steps import STEPS
from countersign.range.building import build_estate
from countersign.range.plan.everyday import Everyday
from countersign.range.plan.visits import Planner
from countersign.range.truth import TrueStep
from range_made import CONTENT, Made, digests, reference, small

SCENARIOS = sorted((CONTENT / "scenarios").glob("*.yaml"))


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return small(tmp_path_factory.mktemp("attacks") / "base")


OBJECTIVES = {
    "copy_out", "encrypt", "dcsync", "dump_directory", "read_mail", "mailbox_rule", "share_snapshot", "forward_port",
}  # fmt: skip
"""Steps that are no part of anybody's agreed work."""
LAID = ("cloud-hopper", "ransomware-crew", "remote-support-ransomware", "silk-typhoon", "cross-account-role")


def test_enough_ship() -> None:
    assert len(SCENARIOS) >= 12


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_what_ships_is_cited_and_named_as_its_file(path: Path) -> None:
    scenario = load_scenario(path)
    assert scenario.name == path.stem
    assert any(report.startswith("https://") for report in scenario.reports)
    assert scenario.objective


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_every_care_reaches_the_objective(path: Path) -> None:
    """Played without being written: what is done, and the records that this tells to each stream."""
    spec = load_spec(CONTENT / "ranges" / "small.yaml")
    assert isinstance(spec, RangeSpec)
    estate = build_estate(spec, 5)
    for care in range(4):
        more, _, _, _ = planned(estate, load_scenario(path), care, 0)
        planner = Planner(estate, Everyday(estate).layout)
        steps: list[TrueStep] = []
        records = 0
        for number in range(spec.days):
            told, visits = planner.day(estate.calendar.day(number), more.get(number))
            keys = {visit.key for visit in visits if visit.malicious}
            records += sum(r.ref is not None and r.ref.visit in keys for part in told.values() for r in part)
            steps += [step for visit in visits if visit.malicious for step in visit.steps if step.name]
        assert records >= 10, care
        # a log that is cleared afterwards is no aim
        assert {step.name for step in steps[-12:]} & OBJECTIVES, care
        assert {step.name for step in steps} <= set(STEPS)
        assert all(step.technique.startswith("T1") for step in steps)


def test_every_step_cites_its_techniques_and_is_documented() -> None:
    document = (CONTENT.parents[2] / "docs" / "range.md").read_text("utf-8")
    for name, step in STEPS.items():
        row = next(line for line in document.splitlines() if line.startswith(f"| `{name}`"))
        assert ", ".join(step.techniques) in row or name == "wait", name
        assert all(f"`{option}`" in row for option in step.options), name


@pytest.mark.parametrize(
    "path", [path for path in SCENARIOS if path.stem in LAID], ids=lambda path: path.stem
)
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
        ("[{do: login_support, to: servr}]", 6, "it may be jump, file"),
        ("\n  - {do: login_vpn}\n  - {do: install_remote_tool, tool: anydsk}", 8, "did you mean 'anydesk'"),
        (
            "\n  - {do: login_vpn}\n  - {do: rdp}\n  - {do: copy_out, megabytes: lots}",
            9,
            "whole number from 1 to 1,000,000",
        ),
        ("\n  - {do: login_vpn}\n  - {do: wait, minutes: -5}", 8, "a number from 0 to 14,400"),
        ("\n  - {do: login_vpn}\n  - {do: wait, minutes: true}", 8, "a number from 0"),
        ("\n  - {do: login_vpn}\n  - {do: psexec}", 8, "put rdp or login_bastion or login_support before it"),
        (
            "\n  - {do: login_vpn}\n  - {do: rdp}\n  - {do: return_after_cleanup}\n  - {do: dcsync}",
            10,
            "after the last way in",
        ),
        ("\n  - {do: login_partner}\n  - {do: rdp}", 8, "put login_vpn or return_after_cleanup"),
        ("\n  - {do: login_vpn}\n  - {do: read_mail}", 8, "put login_partner before it"),
        ("\n  - {do: login_partner}\n  - {do: stop_trail}", 8, "put assume_role before it"),
        ("\n  - login_vpn", 7, "steps.0: must be keys with values"),
        ("\n  - {do: login_vpn}\n  - {step: rdp}", 8, "write {do: rdp}, with"),
        ("\n  - {do: login_vpn}\n  - {do: rdp, to: [jump, file]}", 8, "steps.1.to: must be one text"),
        ("[{do: login_vpn}]\nobjectiv: y", 7, "did you mean 'objective'?"),
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


def test_a_campaign_is_not_written_over_another_nor_over_its_estate(base: Made, tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("mine", "utf-8")
    for output in (tmp_path, base.root, tmp_path / "kept"):
        with pytest.raises(UsageError, match="is not an empty folder"):
            attack(base.root, "cloud-hopper", output, 1, 0)
