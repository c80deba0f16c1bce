"""Fixtures that every test may use."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "house", max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("house")

SHARED = Path(__file__).parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real logs of others, kept outside the repository; tests that need them skip where they are not."""
    if not SHARED.is_dir():
        pytest.skip("needs ../shared/data (real logs), which is not here")
    return SHARED
