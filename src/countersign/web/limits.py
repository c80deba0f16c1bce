"""How much a page shows: it stays readable, and of bounded size, whatever the number of visits."""

from __future__ import annotations

MAX_VISITS = 120
MAX_PROVIDERS = 40
MAX_HOPS = 60
MAX_ACTIONS = 60
MAX_ESTATE = 50
"""Findings outside of visits: a short list, for they are no provider's."""
MAX_FINDINGS = 200
MAX_EVIDENCE = 12
MAX_VERDICTS = 60
MAX_DEPTH = 8
MAX_HOSTS = 6
MAX_ALSO = 6
LONG = 600
"""Characters of a command line or sentence before it is cut; the whole record is in the archive."""
