"""Log families of a workspace's own: `sources/*.yaml`, each a mapping of one JSON, CSV or key=value log.

docs/custom-sources.md says what may stand in one. What is wrong in it is told with file, line and remedy, before anything
is read: a log whose description is broken must not be taken for another.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import orjson

from countersign.errors import InputError
from countersign.sources import Framing, Source, recognise, sources
from countersign.sources._custom import PREFIX, custom_source
from countersign.sources._records import text_head

if TYPE_CHECKING:
    from countersign.app.workspace import Workspace
    from countersign.rules import LogSources

FOLDER = "sources"


@dataclass(frozen=True, slots=True)
class OwnFamilies:
    """The families of a workspace, by name, with what describes each as checked JSON text."""

    mappings: Mapping[str, str]

    @classmethod
    def of(cls, workspace: Workspace, *, strict: bool = True) -> OwnFamilies:
        """Those of a workspace. Raises `InputError` for the first that is wrong; if not `strict` it is left out."""
        found: dict[str, str] = {}
        folder = workspace.root / FOLDER
        for path in sorted([*folder.glob("*.yaml"), *folder.glob("*.yml")]):
            if path.name.startswith("."):
                continue
            try:
                name, text = _unused(path, found)
            except InputError:
                if strict:
                    raise
                continue
            found[name] = text
        return cls(found)

    @property
    def families(self) -> tuple[Source, ...]:
        """They, in the order of their files."""
        return tuple(custom_source(text) for text in self.mappings.values())

    def logsources(self) -> LogSources | None:
        """Sigma's log sources with what these families say they are; None where they say nothing, and it is the shipped
        table."""
        said = {name: orjson.loads(text).get("sigma") for name, text in self.mappings.items()}
        if not any(said.values()):
            return None
        from countersign.rules import Claim, load_logsources, with_claims

        claims = [Claim(name, **one) for name, one in sorted(said.items()) if one]
        return with_claims(load_logsources(), claims)

    def recognise(self, head: bytes) -> Source | None:
        """The family of a file that starts with `head`; the workspace's own are asked first."""
        if self.mappings:
            text = text_head(head)
            for family in self.families:
                if family.detect(text):
                    return family
        return recognise(head)

    def mapping(self, name: str) -> str:
        """What describes a family, empty for those that are not the workspace's own."""
        return self.mappings.get(name, "")

    def title(self, name: str) -> str:
        """What a family is called, the name itself where its mapping is gone."""
        found = self.family(name)
        return name if found is None else found.title

    def framing(self, name: str) -> Framing:
        """How a family's bytes are framed; lines where its mapping is gone."""
        found = self.family(name)
        return "lines" if found is None else found.framing

    def family(self, name: str) -> Source | None:
        """A family by its name, None where its mapping is gone."""
        if name in self.mappings:
            return custom_source(self.mappings[name])
        return next((one for one in sources() if one.name == name), None)


def _unused(path: Path, found: Mapping[str, str]) -> tuple[str, str]:
    from countersign.app.own_mapping import (
        read_mapping,
    )  # YAML takes its time, and few workspaces have a mapping

    name, text = read_mapping(path)
    if name in found:
        message = f"another mapping is called {name.removeprefix(PREFIX)}"
        raise InputError(message, path=str(path), remedy="give it another name")
    return name, text
