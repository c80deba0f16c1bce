"""Streams of Microsoft's diagnostic settings: sign-ins, audit, activity and hunting records, in one file or in several.

For an auditor an event hub or a storage account holds what the tenant and its subscriptions were told to send there, in the order of
its coming; what was not switched on is not in it. Each record becomes an event of the family that it is of, whichever it came with.

References: https://learn.microsoft.com/en-us/entra/identity/monitoring-health/concept-activity-log-schemas,
https://learn.microsoft.com/en-us/azure/azure-monitor/platform/stream-monitoring-data-event-hubs.
"""

from __future__ import annotations

from countersign.sources import azure_activity, defender, entra_audit, entra_signin
from countersign.sources._mixed import mixed_sources

SOURCES = mixed_sources((entra_signin.FAMILY, entra_audit.FAMILY, defender.FAMILY, azure_activity.FAMILY))
