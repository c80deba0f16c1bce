"""The demo's estate: every host, person and job of it named by hand, five days, one intrusion.

Small on purpose, so that a person can look through all of it; estates of any size come from `countersign.range`.
"""

from countersign.range.demo.generate import Summary, generate
from countersign.range.demo.spec import RangeSpec, load_spec

__all__ = ["RangeSpec", "Summary", "generate", "load_spec"]
