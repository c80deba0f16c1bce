"""How a family says what its fields mean: paths to columns, kinds of events, keys. Declared once, run for many records.

A `What` is one kind of event: its OCSF class, activity and status, and the columns that it fills beyond those that all
records of the family fill. Steps run in order, the kind's own first; the first that gives a value for a column wins.

References: OCSF 1.6.0, https://schema.ocsf.io/1.6.0/classes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from countersign.model.columns import Kind, Values, kinds_of, text_of
from countersign.sources import _convert
from countersign.sources._convert import Convert

Path = str | tuple[str, ...]
"""A path, or several of which the first with a usable value counts."""


@dataclass(frozen=True, slots=True)
class Via:
    """Values at `paths` through a converter; with several, each is tried until one gives a value."""

    convert: Convert
    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Step:
    """Several columns from the values at several paths: `convert` takes one value for each path and gives as many as
    there are columns. Lists are given as JSON text, or `whole` as they are."""

    paths: tuple[str, ...]
    columns: tuple[str, ...]
    convert: Callable[..., Sequence[object]]
    whole: bool = False


From = str | tuple[str, ...] | Via
"""What a column comes from: a path, several of which the first with a value counts, or those through a converter."""


@dataclass(frozen=True, slots=True, eq=False)
class What:
    """One kind of event. `status` gives `status_id`, `constants` are set as they are."""

    class_uid: int = 0
    activity_id: int = 0
    status: int | Via | None = None
    columns: Mapping[str, From] = field(default_factory=dict)
    steps: tuple[Step, ...] = ()
    constants: Mapping[str, object] = field(default_factory=dict)


def via(convert: Convert, *paths: str) -> Via:
    """A converter of one's own."""
    return Via(convert, paths)


def enum(path: Path, table: Mapping[str, object], otherwise: object = None) -> Via:
    """By a table; keys are compared without regard to case. A missing value gives nothing, an unknown `otherwise`."""
    return Via(_convert.chosen(dict(table), otherwise), (path,) if isinstance(path, str) else path)


def lowered(*paths: str) -> Via:
    """Text in lower case."""
    return Via(_convert.lower, paths)


def scaled(factor: int, *paths: str) -> Via:
    """A number times `factor`: `scaled(1000, "duration")` makes milliseconds of seconds."""
    return Via(_convert.scaled(factor), paths)


def present(path: str, there: int = 2, missing: int = 1) -> Via:
    """One value where the field says anything, another where it does not: an error code means failure."""

    def convert(value: Any) -> int:  # noqa: ANN401  # foreign
        return missing if _convert.said(value) is None else there

    return Via(convert, (path, _ALWAYS))


def endpoint(side: str, path: str, port: str = "") -> Step:
    """`side`.ip, .port and .hostname from `1.2.3.4`, `1.2.3.4:5`, `[::1]:5` or a name; the port may stand apart."""

    def convert(value: Any, apart: Any = None) -> Sequence[object]:  # noqa: ANN401  # foreign
        address, number, name = _convert.split_endpoint(value)
        return address, _convert.number_of_port(apart) if number is None else number, name

    return Step(
        (path, port) if port else (path,), (f"{side}.ip", f"{side}.port", f"{side}.hostname"), convert
    )


def account(who: str, path: str) -> Step:
    r"""`who`.name, .domain and .email_addr from `DOMAIN\name`, `name@domain` or a bare name."""
    return Step((path,), (f"{who}.name", f"{who}.domain", f"{who}.email_addr"), _convert.split_account)


_ALWAYS = ""
"""A path that every record has, with nothing there."""


Get = Callable[[str], Values | None]
"""The values at a path, as many as there are records; None where no record has one."""
_One = tuple[str, tuple[str, ...], Convert]
"""A column, the paths that it may come from, and how."""


class Compiled:
    """A `What` over what its family says of all its records."""

    def __init__(self, base: What, own: What) -> None:
        status = base.status if own.status is None else own.status
        constants = {
            **base.constants,
            "class_uid": own.class_uid or base.class_uid,
            "activity_id": own.activity_id or base.activity_id,
            **own.constants,
        }
        self._runs: list[_One | Step] = []
        if isinstance(status, int):
            constants["status_id"] = status
        elif status is not None:
            self._runs.append(_compiled("status_id", status))
        for part in (own, base):
            self._runs += [_compiled(column, source) for column, source in part.columns.items()]
            self._runs += part.steps
        self.kind = Kind(columns=constants)
        self._constants = frozenset(constants)

    def derive(self, get: Get, count: int) -> dict[str, Values]:
        """The columns of `count` records whose values `get` knows."""
        found: dict[str, Values] = {}
        for run in self._runs:
            if isinstance(run, Step):
                _step(found, run, get, count)
            else:
                _one_column(found, run, get, count)
        for column in self._constants & found.keys():
            del found[column]
        return found


def _one_column(found: dict[str, Values], run: _One, get: Get, count: int) -> None:
    column, paths, convert = run
    for path in paths:
        values = (None,) * count if path == _ALWAYS else get(path)
        if path == _ALWAYS and column not in found:
            found[column] = (convert(None),) * count
        elif values is not None:
            _fill(found, column, _converted(convert, values))
        if column in found and None not in found[column]:
            return


def _step(found: dict[str, Values], step: Step, get: Get, count: int) -> None:
    columns = [get(path) for path in step.paths]
    if columns[0] is None:
        return
    given = [(None,) * count if values is None else values for values in columns]
    for column, values in zip(step.columns, _stepped(step, given), strict=True):
        if values is not None:
            _fill(found, column, values)


def _compiled(column: str, source: From) -> _One:
    if isinstance(source, Via):
        return column, source.paths, source.convert
    return column, (source,) if isinstance(source, str) else source, _convert.default(column)


def _fill(found: dict[str, Values], column: str, values: Values) -> None:
    known = found.get(column)
    if known is None:
        if values.count(None) < len(values):
            found[column] = values
    elif None in known:
        found[column] = [b if a is None else a for a, b in zip(known, values, strict=True)]


def _converted(convert: Convert, values: Values) -> Values:
    """Each value through `convert`. Texts repeat themselves: each distinct one is converted once."""
    texts = kinds_of(values) <= _TEXT
    if texts and convert is _convert.said and _convert.UNSAID.isdisjoint(values):
        return values
    try:
        if not texts:
            return list(map(convert, values))
        known = {value: convert(value) for value in set(values)}
        return list(map(known.__getitem__, values))
    except Exception:  # noqa: BLE001  # one hostile value must not take the others' with it
        return [_single(convert, value) for value in values]


_TEXT = frozenset({str, type(None)})


def _single(convert: Convert, value: Any) -> object:  # noqa: ANN401  # foreign
    try:
        return convert(text_of(value) if isinstance(value, (dict, list)) else value)
    except (TypeError, ValueError, OverflowError, LookupError, AttributeError, RecursionError):
        return None


def _stepped(step: Step, given: Sequence[Values]) -> Sequence[Values | None]:
    """Values for each column, None for one that has none. Rows repeat themselves: each distinct one is converted once."""
    rows = given[0] if len(given) == 1 else list(zip(*given, strict=True))
    try:
        if not all(kinds_of(values) <= _TEXT for values in given):  # 1 and True are one key
            return list(zip(*[step.convert(*row) for row in zip(*given, strict=True)], strict=True))
        if len(given) == 1:
            distinct = {value: step.convert(value) for value in set(rows)}
        else:
            distinct = {row: step.convert(*row) for row in set(rows)}
        return [_placed(column, distinct, rows) for column in zip(*distinct.values(), strict=True)]
    except Exception:  # noqa: BLE001  # one hostile row must not take the others' with it
        return list(zip(*[_row(step, row) for row in zip(*given, strict=True)], strict=True))


def _placed(column: Sequence[object], distinct: Mapping[Any, object], rows: Values) -> Values | None:
    """What each row has of a column, which has a value for each of the distinct rows."""
    if column.count(None) == len(column):
        return None
    return list(map(dict(zip(distinct, column, strict=True)).__getitem__, rows))


def _whole(step: Step, values: Sequence[Any]) -> Sequence[object]:
    try:
        return step.convert(*values)
    except (TypeError, ValueError, OverflowError, LookupError, AttributeError, RecursionError):
        return (None,) * len(step.columns)


def _row(step: Step, values: Sequence[Any]) -> Sequence[object]:
    try:
        return step.convert(*[text_of(v) if isinstance(v, (dict, list)) else v for v in values])
    except (TypeError, ValueError, OverflowError, LookupError, AttributeError, RecursionError):
        return (None,) * len(step.columns)
