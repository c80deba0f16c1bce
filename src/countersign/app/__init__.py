"""Wiring and use cases: the one composition root."""
