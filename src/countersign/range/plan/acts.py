"""The acts of a visit: ways in, ways on, and work; each leaves what it really leaves in each log."""

from __future__ import annotations

from countersign.range.plan.clouds import Clouds
from countersign.range.plan.gates import Gates


class Acts(Gates, Clouds):
    """A scene with everything that people do."""
