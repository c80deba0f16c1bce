"""Ledgers to test on."""

from __future__ import annotations

from pathlib import Path

import pytest

from ledger_estate import Estate


@pytest.fixture
def estate(tmp_path: Path) -> Estate:
    return Estate(tmp_path)


@pytest.fixture(scope="module")
def sealed_estate(tmp_path_factory: pytest.TempPathFactory) -> Estate:
    """Three segments and more than one tile of leaves; tests put back what they change."""
    made = Estate(tmp_path_factory.mktemp("estate"))
    raws = [b"one\ntwo\nthree\n", b"", b"".join(b"logon %d of somebody\n" % i for i in range(300))]
    for raw in raws:
        made.seal(raw)
        made.first_checkpoint = made.log.checkpoint()
    made.log.append([made.leaves_of(raws[0])[1]] * 300)
    assert made.verify().problems == ()
    return made
