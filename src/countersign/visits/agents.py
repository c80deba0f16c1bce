"""What the agent of a remote-management tool starts runs as the system: it is of the tool's one session that is open on the host."""

from __future__ import annotations

from typing import Any

import ibis
import ibis.expr.types as ir

from countersign.visits.facts import leaf

PROGRAMS = {
    "kaseya": "agentmon.exe",
    "ninjaone": "ninjarmmagent.exe",
    "screenconnect": "screenconnect.clientservice.exe",
}
"""The program by which a tool runs what it was told to, by the session's protocol."""
MARK = "agent:"
"""Before the first label of a host: its processes that such a program started, and no others."""


def label_of(events: ir.Table) -> Any:  # noqa: ANN401  # an Ibis column has no public type
    """By what processes that ran as the system are asked for: the host's first label, casefolded, after `MARK` where an agent
    started them."""
    host = leaf(events, "device.hostname").fill_null("").lower().split(".")[0]
    parent = leaf(events, "process.parent_process.path").fill_null("").lower()
    started = ibis.or_(*(parent.endswith(f"\\{program}") for program in PROGRAMS.values()))
    return ibis.ifelse(started, ibis.literal(MARK) + host, host)
