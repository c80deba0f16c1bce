"""Intrusions through a provider, as scenario files of named steps, laid over an estate."""

from countersign.range.attacks.overlay import Laid, overlay
from countersign.range.attacks.scenario import Scenario, load_scenario

__all__ = ["Laid", "Scenario", "load_scenario", "overlay"]
