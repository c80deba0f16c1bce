from __future__ import annotations

import pytest

from countersign.cli.options import span
from countersign.errors import UsageError


def test_a_span_runs_forward() -> None:
    first, last = span("2026-03-01T00:00+00:00", "2026-03-02T00:00+00:00")
    assert first is not None
    assert last is not None
    assert (last - first).days == 1
    assert span(None, None) == (None, None)


@pytest.mark.parametrize("until", ["2026-03-02", "2025-01-01"])
def test_nothing_lies_between_times_that_are_no_span(until: str) -> None:
    with pytest.raises(UsageError, match="is not before"):
        span("2026-03-02", until)
