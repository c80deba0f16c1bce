"""Somebody on the way from one host to another."""

from __future__ import annotations

import random
from dataclasses import dataclass

from countersign.range.demo.estate import Account, Estate, Machine
from countersign.range.demo.footholds import Foothold
from countersign.range.demo.truth import TrueVisit


@dataclass(frozen=True, slots=True)
class Going:
    """In which visit, from where, to which machine, and as whom."""

    estate: Estate
    rng: random.Random
    visit: TrueVisit
    start: Foothold
    target: Machine
    account: Account
