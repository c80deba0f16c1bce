"""The simulator: estates, their providers, ordinary work and intrusions, in real log formats with the truth.

It imports nothing of Countersign but `errors`, so that it cannot share a mistake with what it tests.
"""

from countersign.range.demo import RangeSpec, Summary, generate, load_spec

__all__ = ["RangeSpec", "Summary", "generate", "load_spec"]
