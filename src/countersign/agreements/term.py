"""What all terms of an agreement have in common: unknown keys are refused, and a term never changes."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, StringConstraints

from countersign.agreements.problem import echo, wrong


class Term(BaseModel):
    """Base of every term."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, str_strip_whitespace=True, hide_input_in_errors=True
    )


def _plain(text: str) -> str:
    if not text.isprintable():
        raise wrong(f"{echo(text)} has control characters or line ends", "write it as one line of plain text")
    return text


def _listed(value: Any) -> Any:  # noqa: ANN401  # what YAML holds, before it is checked
    return [value] if isinstance(value, str) else value


Line = Annotated[str, StringConstraints(min_length=1, max_length=200), AfterValidator(_plain)]
"""One line of text for people and patterns."""

Lines = Annotated[tuple[Line, ...], BeforeValidator(_listed, json_schema_input_type=Line | list[Line])]
"""A list of lines; a single one may stand without the list."""

Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$")]
"""A short name that becomes part of ids: small letters, digits, `-`, `_` and `.`."""
