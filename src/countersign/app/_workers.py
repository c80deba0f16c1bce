"""The processes that parse."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from multiprocessing import forkserver
from multiprocessing.context import BaseContext

from countersign.app import _parsing
from countersign.sources import modules


def processes(count: int) -> ProcessPoolExecutor:
    """So many workers."""
    return ProcessPoolExecutor(count, mp_context=ready(), initializer=_parsing.start_worker)


def ready() -> BaseContext:
    """Workers come from a process that imported once what they need; where there are no such, each imports."""
    if "forkserver" in multiprocessing.get_all_start_methods():
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload([_parsing.__name__, "countersign.lake.spill", "evtx", *modules()])
        with suppress(OSError):  # no room for a socket, or a temporary folder with too long a name
            forkserver.ensure_running()
            return context
    return multiprocessing.get_context("spawn")
