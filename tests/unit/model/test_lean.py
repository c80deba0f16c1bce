from __future__ import annotations

import os
import subprocess
import sys

import pytest

SCRIPT = """
from countersign.model.lean import lean
lean()
import pyarrow
pyarrow.array([1])
import sys
print(pyarrow.default_memory_pool().backend_name, "pandas" in sys.modules)
"""


@pytest.mark.parametrize(("said", "kept"), [(None, "system"), ("mimalloc", "mimalloc")])
def test_a_lean_program_takes_memory_from_the_c_library_unless_told_otherwise(
    said: str | None, kept: str
) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "ARROW_DEFAULT_MEMORY_POOL"}
    if said is not None:
        environment["ARROW_DEFAULT_MEMORY_POOL"] = said
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True, env=environment
    )
    assert done.stdout.split() == [kept, "False"]
