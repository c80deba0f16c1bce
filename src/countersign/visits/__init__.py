"""Hops, links, trees and corroboration: the events table in, visits out."""

from __future__ import annotations

from countersign.visits.asking import Days, Memory
from countersign.visits.facts import LEAVES
from countersign.visits.outside import Outside, outside
from countersign.visits.sign_in_details import ASKED, details_of, with_details
from countersign.visits.stitch import stitch
from countersign.visits.subjects import Claimed, Subjects
from countersign.visits.views import Views, views

__all__ = [
    "ASKED",
    "LEAVES",
    "Claimed",
    "Days",
    "Memory",
    "Outside",
    "Subjects",
    "Views",
    "details_of",
    "outside",
    "stitch",
    "views",
    "with_details",
]
