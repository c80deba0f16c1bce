"""The rules that come with Countersign."""

from __future__ import annotations

from importlib import resources

from countersign.rules.rule import RuleSet


def own_rules() -> RuleSet:
    """Our own pack, from `content/rules`."""
    from countersign.rules.load import load_rules  # pySigma is slow to import, and a cached set needs none

    with resources.as_file(resources.files("countersign").joinpath("content", "rules")) as folder:
        return load_rules([folder])
