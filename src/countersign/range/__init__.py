"""The simulator: an estate, its providers, ordinary work and an intrusion, in real log formats with the truth.

It imports nothing of Countersign but `errors`, so that it cannot share a mistake with what it tests.
"""

from countersign.range.generate import Summary, generate
from countersign.range.spec import RangeSpec, load_spec

__all__ = ["RangeSpec", "Summary", "generate", "load_spec"]
