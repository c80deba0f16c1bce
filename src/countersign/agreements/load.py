"""Agreement files into agreements, with everything wrong in a file told at once, by line and remedy."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from countersign.agreements.accounts import AccountPattern
from countersign.agreements.hosts import HostPattern
from countersign.agreements.problem import Problem, echo, meant
from countersign.agreements.references import dangling
from countersign.agreements.schedule import Schedule
from countersign.agreements.term import Term
from countersign.agreements.terms import (
    Agreement,
    Contract,
    Gateway,
    Grant,
    Identity,
    Limits,
    Never,
    Origin,
    Provider,
)
from countersign.agreements.tree import Tree, read_tree
from countersign.errors import AgreementError

LARGEST = 1 << 20
"""Bytes of an agreement file; a thousand identities take about 100 KiB."""

_TERMS: MappingProxyType[str, type[Term]] = MappingProxyType(
    {
        "provider": Provider,
        "contract": Contract,
        "identities": Identity,
        "origins": Origin,
        "gateways": Gateway,
        "grants": Grant,
        "when": Schedule,
        "never": Never,
        "limits": Limits,
    }
)


class AgreementFileError(AgreementError):
    """All that is wrong in one agreement file; path, line and remedy are those of the first."""

    def __init__(self, errors: tuple[AgreementError, ...]) -> None:
        first = errors[0]
        super().__init__(first.message, path=first.path, line=first.line, remedy=first.remedy)
        self.errors = errors

    def diagnostics(self) -> str:
        """Every error with its place and remedy, one after the other."""
        return "\n".join(error.diagnostics() for error in self.errors)


@dataclass(frozen=True, slots=True)
class Agreements:
    """The agreements in force, at most one a provider, in the order of provider ids."""

    items: tuple[Agreement, ...] = ()

    def of(self, provider: str) -> Agreement | None:
        """The agreement of a provider, by its id."""
        return next((item for item in self.items if item.provider.id == provider), None)

    def __iter__(self) -> Iterator[Agreement]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)


def load_agreement(path: Path) -> Agreement:
    """The agreement in a file.

    Raises:
        AgreementError: the file cannot be read, or something is wrong in it (then an `AgreementFileError`).

    """
    agreement, errors = read_agreement(_bytes(path), str(path))
    if agreement is None:
        raise AgreementFileError(errors)
    return agreement


def load_agreements(folder: Path) -> tuple[Agreements, list[AgreementError]]:
    """The agreements of a folder's `.yaml` and `.yml` files, and everything that is wrong in the others.

    Drafts are checked and left out. Of two files that claim the same provider, account or origin, the first by
    name stands.
    """
    good: list[tuple[str, Agreement, Tree]] = []
    errors: list[AgreementError] = []
    try:
        paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in {".yaml", ".yml"})
    except OSError as error:
        return Agreements(), [_unreadable(folder, error)]
    for path in paths:
        if path.name.startswith("."):
            continue
        try:
            agreement, tree, found = _read(_bytes(path), str(path))
        except AgreementError as error:
            errors.append(error)
            continue
        errors.extend(found)
        if agreement is None or agreement.draft:
            continue
        clashes = [
            _at(tree, str(path), problem)
            for other_path, other, _ in good
            for problem in claimed_twice(agreement, other, other_path)
        ]
        errors.extend(clashes)
        if not clashes:
            good.append((str(path), agreement, tree))
    return Agreements(tuple(sorted((item for _, item, _ in good), key=lambda item: item.provider.id))), errors


def read_agreement(data: bytes, path: str = "") -> tuple[Agreement | None, tuple[AgreementError, ...]]:
    """The agreement that the bytes are, or all that is wrong with them; `path` names them in errors."""
    try:
        agreement, _, errors = _read(data, path)
    except AgreementError as error:
        return None, (error,)
    return agreement, errors


def claimed_twice(agreement: Agreement, other: Agreement, where: str = "") -> list[Problem]:
    """What an agreement claims that another one has: provider id, accounts, origins. Places are of the first."""
    owner = f"{echo(other.provider.name)} ({where})" if where else echo(other.provider.name)
    problems = []
    if agreement.provider.id == other.provider.id:
        problems.append(
            Problem(
                ("provider", "id"),
                f"provider {echo(agreement.provider.id)} already has an agreement: {owner}",
                "give each provider one file and one id",
            )
        )
    theirs = [AccountPattern.parse(text) for identity in other.identities for text in identity.accounts]
    for index, identity in enumerate(agreement.identities):
        for position, text in enumerate(identity.accounts):
            mine = AccountPattern.parse(text)
            clash = next((pattern for pattern in theirs if pattern.meets(mine)), None)
            if clash is not None:
                problems.append(
                    Problem(
                        ("identities", index, "accounts", position),
                        f"{echo(text)} can mean the same account as {echo(clash.text)} of {owner}",
                        "narrow one of the two, so that each account belongs to one provider",
                    )
                )
    places = {_place_key(origin.address) for origin in other.origins}
    problems.extend(
        Problem(
            ("origins", index),
            f"{echo(origin.address)} is already an origin of {owner}",
            "keep it with the provider whose address it is",
        )
        for index, origin in enumerate(agreement.origins)
        if _place_key(origin.address) in places
    )
    return problems


def _place_key(text: str) -> str:
    pattern = HostPattern.parse(text)
    return str(pattern.network or pattern.name)


def _bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(LARGEST + 1)
    except OSError as error:
        raise _unreadable(path, error) from None


def _unreadable(path: Path, error: OSError) -> AgreementError:
    return AgreementError(
        f"this cannot be read: {error.strerror}", path=str(path), remedy="check the path and rights"
    )


def _read(data: bytes, path: str) -> tuple[Agreement | None, Tree, tuple[AgreementError, ...]]:
    if len(data) > LARGEST:
        raise AgreementError(
            f"the file is larger than {LARGEST >> 20} MiB", path=path, remedy="is it an agreement?"
        )
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise AgreementError(
            "this is not UTF-8", path=path, line=line, remedy="save the file as UTF-8"
        ) from None
    tree = read_tree(text, path)
    if not isinstance(tree.data, dict):
        raise AgreementError(
            "this is no agreement",
            path=path,
            line=1,
            remedy="start from the example that `countersign init` writes",
        )
    given = _without_nulls(tree.data)
    agreement = None
    problems: list[Problem] = []
    try:
        agreement = Agreement.model_validate(given)
    except ValidationError as error:
        problems = _problems(error, given)
    found = tree.problems + [(tree.line(problem.place) or 1, problem) for problem in problems]
    errors = tuple(_error(path, line, problem) for line, problem in sorted(found, key=lambda pair: pair[0]))
    return (None if errors else agreement), tree, errors


def _problems(error: ValidationError, given: object) -> list[Problem]:
    details = error.errors(include_url=False)
    refused = {tuple(detail["loc"][:-1]) for detail in details}
    # a list whose only item was refused is not, beyond that, empty
    details = [one for one in details if one["type"] != "too_short" or tuple(one["loc"]) not in refused]
    # names that point nowhere are asked of the file itself, where every place has its line
    problems = [problem for detail in details for problem in _told(detail)] + dangling(given)
    return problems or [
        problem for detail in details for problem in detail.get("ctx", {}).get("problems", ())
    ]


def _without_nulls(value: Any) -> Any:  # noqa: ANN401  # YAML of any shape
    """A key without a value is one that is not there (an editor leaves them behind)."""
    if isinstance(value, dict):
        return {key: _without_nulls(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_without_nulls(item) for item in value]
    return value


def _at(tree: Tree, path: str, problem: Problem) -> AgreementError:
    return _error(path, tree.line(problem.place), problem)


def _error(path: str, line: int | None, problem: Problem) -> AgreementError:
    return AgreementError(problem.message, path=path, line=line, remedy=problem.remedy)


def _told(detail: ErrorDetails) -> list[Problem]:
    """One of pydantic's errors in our words."""
    context = detail.get("ctx", {})
    place = tuple(detail["loc"])
    if detail["type"] == "agreement_places":
        return []
    if detail["type"] == "agreement":
        return [Problem(place, str(context["text"]), str(context["remedy"]))]
    name = next((part for part in reversed(place) if isinstance(part, str)), "")
    if detail["type"] == "extra_forbidden":
        return [Problem(place, f"{echo(name)} is no term here", meant(name, _terms_at(place)))]
    if detail["type"] == "missing":
        return [Problem(place, f"{echo(name)} is missing", f"add `{name}:`")]
    if detail["type"] == "literal_error":
        known = [word.strip("' ") for word in str(context["expected"]).replace(" or ", ", ").split(",")]
        return [
            Problem(
                place,
                f"{echo(detail['input'])} is no value for {echo(name)}",
                meant(str(detail["input"]), known),
            )
        ]
    return [
        Problem(
            place, f"{echo(name)}: {detail['msg'][:1].lower()}{detail['msg'][1:]}", _REMEDIES.get(name, "")
        )
    ]


_REMEDIES = MappingProxyType(
    {
        "id": "use small letters, digits and - only, such as acme-it",
        "groups": "write `name: [host, host]` for each group",
        "[key]": "name groups with letters, digits, - and _ only",
    }
)


def _terms_at(place: tuple[str | int, ...]) -> list[str]:
    """The terms that may stand where an unknown one was found."""
    parent = next((part for part in reversed(place[:-1]) if isinstance(part, str) and part in _TERMS), None)
    model: type[Term] = Agreement if parent is None else _TERMS[parent]
    return [info.alias or name for name, info in model.model_fields.items()]
