"""Page and template into HTML.

Every value that a template puts out passes `visible`, then Jinja2's escaping: nothing that came from a log
reaches the page as markup, control character or bidirectional override.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from countersign.model.report import ReportModel
from countersign.model.visible import visible
from countersign.web import graph, limits
from countersign.web.page import make_page
from countersign.web.words import LINKS, PROTOCOLS, VERDICTS


def _shown(value: object) -> object:
    """Jinja2's `finalize`: called on each value put out, before it is escaped."""
    if value is None:
        return ""
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _commas(texts: Iterable[str]) -> str:
    """Jinja2's own `join` would return markup, which `_shown` lets pass."""
    return ", ".join(str(text) for text in texts)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("countersign.web", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["grouped"] = lambda number: f"{number:,}"
    environment.filters["commas"] = _commas
    environment.globals.update(
        LINKS=LINKS, VERDICTS=VERDICTS, PROTOCOLS=PROTOCOLS, LIMITS=limits, GRAPH=graph
    )
    return environment


def render_report(model: ReportModel) -> str:
    """One self-contained HTML page, UTF-8, without scripts or any address outside itself.

    Raises `ZoneInfoNotFoundError` only for a zone that the caller did not check.
    """
    return _environment().get_template("report.html.j2").render(page=make_page(model))
