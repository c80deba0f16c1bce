"""Hops, links, trees and corroboration: the events table in, visits out."""

from __future__ import annotations

from countersign.visits.outside import Outside, outside
from countersign.visits.sign_in_details import with_details
from countersign.visits.stitch import stitch
from countersign.visits.subjects import Claimed, Subjects
from countersign.visits.views import Views, views

__all__ = ["Claimed", "Outside", "Subjects", "Views", "outside", "stitch", "views", "with_details"]
