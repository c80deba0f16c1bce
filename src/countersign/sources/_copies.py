"""Forms of one log of which one tells less: the same request has an event in each, and the poorer one gives way.

Forms that tell the same have one `identity`, and so one id. A poorer one has an identity of its own, or the copy that comes first would
hide the others.
"""

from __future__ import annotations

RICHER: dict[str, tuple[str, ...]] = {"entra.signin_csv": ("entra.signin", "entra.signin_workspace")}
"""By the poorer form those that tell more. What they tell of is named by `api.request.uid`."""
