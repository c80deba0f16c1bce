"""Hops, links, trees and corroboration: the events table in, visits out."""

from __future__ import annotations

from countersign.visits.stitch import stitch
from countersign.visits.subjects import Claimed, Subjects

__all__ = ["Claimed", "Subjects", "stitch"]
