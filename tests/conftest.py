"""Fixtures that every test may use."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, is_hypothesis_test, settings

from remembered_sql import remembered_sql

# `house` draws the same examples on every run: what lands does not land by luck. `search` (make fuzz) draws others each
# time and ten times as many, keeps what failed in .hypothesis, and prints what to decorate the test with to see it again.
settings.register_profile(
    "house",
    max_examples=60,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile(
    "search",
    max_examples=60,
    deadline=None,
    derandomize=False,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
PROFILE = os.environ.get("HYPOTHESIS_PROFILE", "house")
settings.load_profile(PROFILE)
SEARCH_TIMES = 10


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Searching multiplies what each test asks for; a test that names its own number would not follow a profile's."""
    if PROFILE != "search":
        return
    tests = {item.function for item in items if isinstance(item, pytest.Function)}
    for test in filter(is_hypothesis_test, tests):
        own = getattr(test, "_hypothesis_internal_use_settings", settings.default)
        more = settings(own, max_examples=own.max_examples * SEARCH_TIMES)
        test._hypothesis_internal_use_settings = more


SHARED = Path(__file__).parents[2] / "shared" / "data"


def pytest_collection_finish() -> None:
    """What is there when tests begin stays until they end: looking through it for garbage took a tenth of their time."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def _sql_is_written_once() -> Iterator[None]:
    with remembered_sql():
        yield


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real logs of others, kept outside the repository; tests that need them skip where they are not."""
    if not SHARED.is_dir():
        pytest.skip("needs ../shared/data (real logs), which is not here")
    return SHARED
