"""Whatever the order of rule changes, collections and reviews, what is kept and found in the end is what one review of
everything gives, with the same ids."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any
from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st

from countersign.app import _reviewed
from countersign.app.results import Results
from countersign.app.review import review
from countersign.app.workspace import Workspace
from countersign.lake import Lake
from detecting import hits, lay, process, rule, take

WORDS = ("alpha", "beta", "gamma")
CORRELATION = """\
title: Both
id: 00000000-0000-4000-8000-000000000099
status: test
correlation:
  type: temporal
  rules: [00000000-0000-4000-8000-000000000001, 00000000-0000-4000-8000-000000000002]
  group-by: [User]
  timespan: 30m
  generate: true
level: high
"""
EXCEPTION = """\
except: {rule: Rule 1, host: SRV1, until: 2999-01-01, reason: known, by: me}
"""
RECORDS = [
    process(
        number,
        f"{WORDS[number % 3]}.exe {WORDS[number // 3 % 3]}",
        host=f"SRV{number % 2 + 1}",
        minute=number * 400,
    )
    for number in range(12)
]
STEP = st.one_of(
    st.tuples(st.just("rule"), st.integers(1, 3), st.sampled_from(WORDS)),
    st.tuples(st.just("drop"), st.integers(1, 3), st.just("")),
    st.tuples(st.just("collect"), st.integers(0, 11), st.just("")),
    st.tuples(st.just("correlate"), st.booleans(), st.just("")),
    st.tuples(st.just("except"), st.booleans(), st.just("")),
    st.tuples(st.just("review"), st.just(0), st.just("")),
    st.tuples(st.just("die"), st.integers(1, 6), st.just("")),
)


class Killed(BaseException):
    """Nothing after it runs."""


def die(ward: Workspace, step: int) -> None:
    """A review that ends before its n-th durable step."""
    left = [step]

    def counted(original: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*args: Any, **options: Any) -> Any:
            left[0] -= 1
            if left[0] == 0:
                raise Killed
            return original(*args, **options)

        return wrapped

    with (
        patch.object(Lake, "replace", counted(Lake.replace)),
        patch.object(Lake, "remove", counted(Lake.remove)),
        patch.object(_reviewed, "_store", counted(_reviewed._store)),
        suppress(Killed),
    ):
        review(ward)


def outcome(ward: Workspace) -> tuple[object, object]:
    bodies = Results.open(ward).findings()
    return hits(ward), sorted(
        (body["id"], body["count"], [one["event"] for one in body["evidence"]], body["matched"])
        for body in bodies
    )


def change(ward: Workspace, laid: dict[str, str], what: str, number: int, word: str) -> None:
    """Lay a file into the workspace, or take it away."""
    path = {"correlate": "rules/both.yml", "except": "exceptions/one.yaml"}.get(what, f"rules/{number}.yml")
    laid.pop(path, None)
    (ward.root / path).unlink(missing_ok=True)
    if what == "rule":
        laid[path] = rule(number, word)
    elif what != "drop" and number:
        laid[path] = CORRELATION if what == "correlate" else EXCEPTION
    spread(ward, laid)


def spread(ward: Workspace, laid: dict[str, str]) -> None:
    for path, text in laid.items():
        folder, _, name = path.partition("/")
        lay(ward, name, text, folder)


@settings(max_examples=12)
@given(steps=st.lists(STEP, max_size=12))
def test_any_order_gives_what_one_review_of_everything_gives(steps: list[tuple[str, int, str]]) -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        patch("countersign.app.review.visits_of", lambda *_: ()),
        patch("countersign.app.review.coverage", lambda _: None),
        patch("countersign.app._events.CHUNK_ROWS", 1),
    ):
        ward = Workspace.create(Path(folder) / "ward")
        taken: list[int] = []
        laid: dict[str, str] = {}
        for turn, (what, number, word) in enumerate(steps):
            if what == "collect":
                taken.append(number)
                take(ward, f"{turn}.jsonl", [RECORDS[number]])
            elif what == "die":
                die(ward, number)
            elif what == "review":
                review(ward)
            else:
                change(ward, laid, what, number, word)
        review(ward)
        once = Workspace.create(Path(folder) / "once" / "ward")
        spread(once, laid)
        if taken:
            take(once, "all.jsonl", [RECORDS[number] for number in dict.fromkeys(taken)])
        review(once)
        assert outcome(ward) == outcome(once)
