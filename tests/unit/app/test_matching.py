from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from countersign.app import _events, _reviewed, matching
from countersign.app.results import Results
from countersign.app.review import review
from countersign.app.ruleset import prepare
from countersign.app.workspace import Workspace
from countersign.lake import Lake
from detecting import found, hits, lay, process, rule, rule_id, take

LINES = ["evil.exe -a", "good.exe -b", "evil.exe -c", "odd.exe evil"]


@pytest.fixture(autouse=True)
def no_visits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody comes in these logs; to find that out anew takes a second each time."""
    monkeypatch.setattr("countersign.app.review.visits_of", lambda *_: ())
    monkeypatch.setattr("countersign.app.review.coverage", lambda _: None)


@pytest.fixture
def ward(tmp_path: Path) -> Workspace:
    workspace = Workspace.create(tmp_path / "ward")
    take(workspace, "a.jsonl", [process(number, line) for number, line in enumerate(LINES)])
    return workspace


def count(ward: Workspace, number: int) -> int:
    return sum(row[1] == rule_id(number) for row in hits(ward))


def test_a_new_rule_is_run_over_the_history_by_itself(ward: Workspace) -> None:
    review(ward)
    assert hits(ward) == []
    lay(ward, "one.yml", rule(1, "evil"))
    result = review(ward)
    assert count(ward, 1) == 3
    assert [finding.rule_id for finding in result.new_findings] == [rule_id(1)]


def test_a_changed_rule_forgets_what_it_had_found(ward: Workspace) -> None:
    lay(ward, "one.yml", rule(1, "evil"))
    lay(ward, "two.yml", rule(2, "-b"))
    review(ward)
    lay(ward, "one.yml", rule(1, "odd"))
    review(ward)
    assert (count(ward, 1), count(ward, 2)) == (1, 1)


def test_a_removed_rule_leaves_no_hit_and_no_finding(ward: Workspace) -> None:
    path = lay(ward, "one.yml", rule(1, "evil"))
    review(ward)
    path.unlink()
    review(ward)
    assert hits(ward) == []
    assert found(ward) == {}


def test_only_new_segments_and_new_rules_are_matched(
    ward: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    lay(ward, "one.yml", rule(1, "evil"))
    review(ward)
    looked: list[tuple[tuple[str, ...], int]] = []
    original = matching.Detectors.hits

    def spying(self: matching.Detectors, part: _events.Part) -> object:
        ids = tuple(one.id for one in self.rules.rules if one.id.startswith("00000000"))
        looked.append((ids, part.batch.num_rows))
        return original(self, part)

    monkeypatch.setattr(matching.Detectors, "hits", spying)
    review(ward)
    assert looked == []
    lay(ward, "two.yml", rule(2, "good"))
    review(ward)
    assert looked == [((rule_id(2),), 4)]
    looked.clear()
    take(ward, "b.jsonl", [process(10, "evil.exe -d")])
    review(ward)
    assert looked == [((rule_id(1), rule_id(2)), 1)]


def test_a_new_title_does_not_match_again_but_is_told(ward: Workspace) -> None:
    lay(ward, "one.yml", rule(1, "evil"))
    review(ward)
    lay(ward, "one.yml", rule(1, "evil", title="Another name"))
    review(ward)
    ((_, body),) = found(ward).items()
    assert body["title"] == "Another name"


class Killed(BaseException):
    """What a kill -9 is to the code under test: nothing after it runs."""


def test_killed_at_any_write_the_next_review_does_the_rest(
    ward: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Die before the n-th durable step, for every n; the next review must end as if nothing had happened."""
    lay(ward, "one.yml", rule(1, "evil"))
    lay(ward, "two.yml", rule(2, "-b"))
    review(ward)
    lay(ward, "one.yml", rule(1, "odd"))  # changed
    (ward.root / "rules" / "two.yml").unlink()  # gone
    lay(ward, "three.yml", rule(3, "exe"))  # new
    take(ward, "b.jsonl", [process(2000, "evil.exe odd"), process(20, "good.exe x")])
    monkeypatch.setattr("countersign.app._events.CHUNK_ROWS", 1)
    steps = [0]
    limit = [0]

    def counted(original: Callable[..., Any]) -> Callable[..., Any]:
        def step(*args: Any, **options: Any) -> Any:
            steps[0] += 1
            if steps[0] == limit[0]:
                raise Killed
            return original(*args, **options)

        return step

    untouched = tmp_path / "untouched"
    shutil.copytree(ward.root, untouched)
    review(ward)
    wanted, bodies = hits(ward), sorted(body["id"] for body in Results.open(ward).findings())
    assert len(wanted) == 2 + 6
    ready = prepare(ward)  # the same rules in every copy: compiling them is not what is tested
    with monkeypatch.context() as patch:
        patch.setattr("countersign.app.review.prepare", lambda _: ready)
        for name in ("replace", "remove"):
            patch.setattr(Lake, name, counted(getattr(Lake, name)))
        patch.setattr(_reviewed, "_store", counted(_reviewed._store))
        for number in range(1, 100):
            place = tmp_path / f"run{number}"
            shutil.copytree(untouched, place)
            again = Workspace.open(place)
            steps[0], limit[0] = 0, number
            try:
                review(again)
                break
            except Killed:
                limit[0] = 0
                review(again)
            assert hits(again) == wanted, number
            assert sorted(body["id"] for body in Results.open(again).findings()) == bodies
            assert review(again).new_findings == ()
        assert number > 8


def test_a_matching_that_stopped_goes_on_after_the_days_that_are_done(
    ward: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    take(
        ward,
        "b.jsonl",
        [process(2000 + day * 1440, "evil.exe x", minute=2000 + day * 1440) for day in range(4)],
    )
    review(ward)
    lay(ward, "one.yml", rule(1, "evil"))
    monkeypatch.setattr("countersign.app._events.CHUNK_ROWS", 1)
    original = _reviewed.remember_progress
    done: list[int] = []

    def remember(workspace: Workspace, progress: _reviewed.Progress) -> None:
        original(workspace, progress)
        done.append(len(progress.days))
        if len(progress.days) == 2:
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(matching, "remember_progress", remember)
        with pytest.raises(Killed):
            review(ward)
    done.clear()
    with monkeypatch.context() as patch:
        patch.setattr(matching, "remember_progress", lambda _, progress: done.append(len(progress.days)))
        review(ward)
    assert done[0] == 3
    assert count(ward, 1) == 3 + 4


def test_hits_know_host_account_and_kind(ward: Workspace) -> None:
    lay(ward, "one.yml", rule(1, "-b"))
    review(ward)
    ((kind, _, _, _, host, account),) = hits(ward)
    assert (kind, host) == ("rule", "SRV1")
    assert account.casefold().endswith("anna")


def test_a_finding_outside_visits_is_one_for_a_rule_and_host_and_says_what_held(ward: Workspace) -> None:
    take(ward, "b.jsonl", [process(5000, "evil.exe -z", minute=5000), process(9, "evil.exe", host="SRV2")])
    lay(ward, "one.yml", rule(1, "evil"))
    review(ward)
    bodies = found(ward)
    assert {hosts for _, hosts in bodies} == {"SRV1", "SRV2"}
    body = bodies[rule_id(1), "SRV1"]
    assert (body["scope"], body["count"], body["visit"], body["provider"]) == ("estate", 4, None, "")
    assert body["time"] == "2026-03-02T00:00:00Z"
    assert body["end"] == "2026-03-05T11:20:00Z"
    assert body["matched"] == [{"field": "CommandLine", "value": "evil.exe -a", "test": "matches *evil*"}]
    assert "evil.exe -a" in body["why"]
    assert len(body["rule_sha256"]) == 64


def test_an_old_state_has_everything_matched_anew(ward: Workspace) -> None:
    lay(ward, "one.yml", rule(1, "evil"))
    review(ward)
    (ward.root / "state" / "reviewed.json").write_text('{"rules": "abc", "agreements": "", "segments": []}')
    before = hits(ward)
    review(ward, now=datetime(2026, 4, 1, tzinfo=UTC))
    assert hits(ward) == before
