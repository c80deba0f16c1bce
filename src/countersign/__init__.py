"""Countersign reconstructs the visits of an organisation's providers from its own logs."""

__version__ = "0.1.0"
