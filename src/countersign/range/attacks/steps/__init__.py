"""The steps that scenarios are made of. Each cites its ATT&CK technique and uses the same acts as ordinary work."""

from countersign.range.attacks.step import Step
from countersign.range.attacks.steps import clouds, hosts, time, ways_in, ways_on

STEPS: dict[str, Step] = {
    one.name: one for module in (ways_in, ways_on, hosts, clouds, time) for one in module.STEPS
}
"""By name, in the order of docs/range.md."""

__all__ = ["STEPS"]
