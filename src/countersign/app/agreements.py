"""Agreement files of a workspace, as the commands need them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from countersign import agreements
from countersign.agreements import Agreement, Resolver
from countersign.app.workspace import Workspace
from countersign.errors import AgreementError, UsageError
from countersign.visits import Claimed


@dataclass(frozen=True, slots=True)
class Subjects:
    """Tells `visits` who is whose, from the agreements."""

    resolver: Resolver

    def who(self, name: str, domain: str, uid: str) -> Claimed | None:
        """The identity that an account belongs to."""
        match = self.resolver.who(name or None, domain or None, uid or None)
        return None if match is None else Claimed(match.provider, match.identity, match.kind)

    def origin(self, address: str) -> str | None:
        """The provider whose origin an address is."""
        return self.resolver.origin(address)


def load(workspace: Workspace) -> tuple[tuple[Agreement, ...], list[AgreementError]]:
    """The agreements in force (drafts are not), and what is wrong in the other files."""
    found, problems = agreements.load_agreements(workspace.agreements)
    return tuple(item for item in found if not item.draft), list(problems)


def check(paths: Iterable[Path]) -> tuple[list[str], list[AgreementError]]:
    """A line for each file that is in order, and the problems of the others."""
    good: list[str] = []
    problems: list[AgreementError] = []
    for path in paths:
        if not path.exists():
            raise UsageError(f"{path} does not exist")
        if path.is_dir():
            # files that are good by themselves may claim the same account or provider
            problems += agreements.load_agreements(path)[1]
        for file in sorted([*path.glob("*.yaml"), *path.glob("*.yml")]) if path.is_dir() else [path]:
            try:
                item = agreements.load_agreement(file)
            except AgreementError as error:
                if not path.is_dir():
                    problems.append(error)
                continue
            state = "a draft, nobody is held to it" if item.draft else "in force"
            people, clauses = len(item.identities), len(agreements.clauses(item))
            good.append(f"{file}: {item.provider.name}: {people} identities, {clauses} clauses, {state}")
    return good, problems


def schema_text() -> str:
    """JSON Schema of agreement files."""
    return agreements.schema_text()
