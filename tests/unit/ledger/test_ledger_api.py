"""The room's door: what it exports, and what it knows nothing of."""

from __future__ import annotations

import subprocess
import sys

from countersign import ledger


def test_the_public_names() -> None:
    assert ledger.__all__ == sorted(
        ledger.__all__, key=lambda name: (not name.isupper(), not name[0].isupper(), name)
    )
    assert all(hasattr(ledger, name) for name in ledger.__all__)
    assert len(ledger.__all__) == 29


def test_it_is_fit_for_use_on_its_own() -> None:
    program = (
        "import sys, countersign.ledger\n"
        "print(*sorted(name for name in sys.modules if name.startswith('countersign.')))\n"
        "print(*[name for name in ('pyarrow', 'duckdb', 'ibis', 'sigma', 'cryptography') if name in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    ours, heavy = run.stdout.split("\n")[:2]
    assert all(name.startswith(("countersign.ledger", "countersign.errors")) for name in ours.split())
    assert heavy == ""
