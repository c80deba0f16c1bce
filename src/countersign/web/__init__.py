"""The report: one self-contained page for the people who own the contract."""

from countersign.model.report import (
    Coverage,
    HostCoverage,
    ProviderPart,
    RejectedCount,
    ReportModel,
    SourceCoverage,
    UnreadFile,
)
from countersign.web.render import render_report

__all__ = [
    "Coverage",
    "HostCoverage",
    "ProviderPart",
    "RejectedCount",
    "ReportModel",
    "SourceCoverage",
    "UnreadFile",
    "render_report",
]
