"""What a program does at its start to need less time and memory.

Pandas is kept out: it is installed because Ibis asks for it, and nobody here uses it. pyarrow and DuckDB import it as soon as
they see it, to find out whether a value is one of its kind. That takes one to three seconds in each process, more than
most commands.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType


class _NoPandas(MetaPathFinder):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Says that there is no pandas; leaves every other name to the next finder."""
        del path, target
        if fullname == "pandas" or fullname.startswith("pandas."):
            raise ModuleNotFoundError("pandas is kept out of this process", name=fullname)
        return None


def without_pandas() -> None:
    """From now on this process finds no pandas. For programs, at their start; never for a library's import."""
    if not any(isinstance(finder, _NoPandas) for finder in sys.meta_path):
        sys.meta_path.insert(0, _NoPandas())


def lean() -> None:
    """No pandas, and Arrow takes memory from the C library, unless the user says otherwise. For programs, before anything
    imports Arrow; the processes that they start are told by the environment.

    The allocator that Arrow would use keeps what is freed for later: collecting and matching half a million events took
    150 MB more with it, and was no quicker.
    """
    without_pandas()
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
