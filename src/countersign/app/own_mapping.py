"""One mapping file of a workspace's own log family, read and held to what it may say.

docs/custom-sources.md describes it.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from countersign.app.workspace import is_zone
from countersign.errors import InputError
from countersign.model import schema
from countersign.sources._custom import PREFIX, STATUSES, STEPS, TIME_FORMATS, WHATS

LARGEST = 1 << 20
DEEPEST = 200
"""Brackets and indentation of a mapping file; one nests four deep."""
FORMATS = ("json", "csv", "key=value")
_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
_KEYS = {
    "name": "text", "title": "text", "product": "text", "vendor": "text", "log": "text", "format": "text", "match": "map",
    "time": "map", "what": "text", "status": "text", "by": "text", "kinds": "map", "columns": "map", "key": "list",
    "sigma": "map",
}  # fmt: skip
_SIGMA = {"product": "text", "category": "text", "service": "text", "fields": "map"}
_NEEDED = ("name", "product", "format", "match", "time")


def read_mapping(path: Path) -> tuple[str, str]:
    """The family's name and its mapping as JSON text. Raises `InputError` with the line of what is wrong."""
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
        text = data.decode("utf-8-sig")
    except OSError as error:
        raise InputError(f"cannot be read: {(error.strerror or '').lower()}", path=str(path)) from error
    except UnicodeDecodeError as error:
        raise InputError("is not UTF-8 text", path=str(path), remedy="save it as UTF-8") from error
    deepest = max((len(line) - len(line.lstrip(" -")) for line in text.splitlines()), default=0)
    if len(data) > LARGEST or deepest + text.count("[") + text.count("{") > DEEPEST:
        raise InputError("is too large or nested too deep", path=str(path), remedy="a mapping is a page long")
    try:
        with warnings.catch_warnings(
            action="ignore"
        ):  # an anchor that stands twice is no concern of the user's
            body = YAML(typ="rt", pure=True).load(text)
    except MarkedYAMLError as error:
        line = None if error.problem_mark is None else error.problem_mark.line + 1
        raise InputError(
            f"no YAML: {error.problem}",
            path=str(path),
            line=line,
            remedy="docs/custom-sources.md has an example",
        ) from error
    except (YAMLError, ValueError, RecursionError) as error:
        raise InputError("no YAML", path=str(path), remedy="docs/custom-sources.md has an example") from error
    checked = _Check(str(path)).mapping(body)
    return PREFIX + checked["name"], orjson.dumps(checked, option=orjson.OPT_SORT_KEYS).decode()


def _word(value: object) -> str:
    """A value as a log writes it: YAML reads `true` and `1` as what they mean."""
    return str(value).lower() if isinstance(value, bool) else str(value)


class _Check:
    """Holds one file to what a mapping may say."""

    def __init__(self, path: str) -> None:
        self._path = path

    def _wrong(self, holder: Any, key: Any, message: str, remedy: str) -> InputError:  # noqa: ANN401  # YAML
        line = None
        if isinstance(holder, (CommentedMap, CommentedSeq)):
            try:
                place = holder.lc.key(key) if isinstance(holder, CommentedMap) else holder.lc.item(key)
                line = place[0] + 1
            except (KeyError, IndexError, TypeError, AttributeError):
                line = (holder.lc.line or 0) + 1
        return InputError(message, path=self._path, line=line, remedy=remedy)

    def mapping(self, body: Any) -> dict[str, Any]:  # noqa: ANN401  # YAML
        if not isinstance(body, CommentedMap):
            raise self._wrong(body, None, "is no mapping", "docs/custom-sources.md has an example")
        for name in _NEEDED:
            if body.get(name) in (None, ""):
                raise self._wrong(body, None, f"says no `{name}`", f"add `{name}:`")
        self._keys(body, _KEYS)
        out: dict[str, Any] = {
            name: body[name] for name in ("title", "product", "vendor", "by") if name in body
        }
        out["name"] = body["name"]
        if not _NAME.fullmatch(body["name"]):
            raise self._wrong(
                body, "name", "the name is not like `door_badges`", "use small letters, digits and _"
            )
        if "log" in body:
            out["log"] = "=" + body["log"]
        out["format"] = self._one_of(body, "format", FORMATS)
        out["match"] = self._match(body["match"])
        out["time"] = self._time(body["time"])
        out |= self._what(body)
        out["key"] = self._texts(body, "key") if "key" in body else []
        if "kinds" in body:
            out["kinds"] = self._kinds(body)
        if "sigma" in body:
            out["sigma"] = self._sigma(body["sigma"])
        return out

    def _sigma(self, body: CommentedMap) -> dict[str, Any]:
        self._keys(body, _SIGMA)
        out: dict[str, Any] = {name: body[name] for name in _SIGMA if name in body and name != "fields"}
        if not any(out.values()):
            raise self._wrong(
                body, None, "`sigma` names no log source", "add `product:`, `category:` or `service:`"
            )
        if "fields" in body:
            fields = body["fields"]
            wrong = next(
                (
                    name
                    for name, value in fields.items()
                    if not isinstance(value, str) or not isinstance(name, str)
                ),
                None,
            )
            if wrong is not None:
                raise self._wrong(
                    fields, wrong, "a Sigma field is written as a field of this log", "write `c-uri: url`"
                )
            if not (out.get("category") or out.get("service")):
                raise self._wrong(
                    body, "fields", "`fields` needs a `category` or a `service`", "name one, as the rules do"
                )
            out["fields"] = dict(fields)
        return out

    def _keys(self, body: CommentedMap, known: Mapping[str, str]) -> None:
        for name, value in body.items():
            kind = known.get(name) if isinstance(name, str) else None
            if kind is None:
                raise self._wrong(
                    body, name, f"there is no `{name}` in a mapping", f"one of {', '.join(known)}"
                )
            if kind == "text" and not isinstance(value, str):
                raise self._wrong(body, name, f"`{name}` should be a text", "put it in quotes")
            if kind == "map" and not isinstance(value, CommentedMap):
                raise self._wrong(
                    body,
                    name,
                    f"`{name}` should hold names and values",
                    f"write `{name}:` and below it `name: value`",
                )

    def _one_of(self, body: CommentedMap, name: str, known: Any) -> str:  # noqa: ANN401  # any collection
        value = body[name]
        if not isinstance(value, str) or value not in known:
            raise self._wrong(body, name, f"`{name}` is none that is known", f"one of {', '.join(known)}")
        return value

    def _texts(self, body: CommentedMap, name: str) -> list[str]:
        value = body[name]
        found = [value] if isinstance(value, str) else value
        if not isinstance(found, list) or not found or not all(isinstance(one, str) and one for one in found):
            raise self._wrong(
                body, name, f"`{name}` should be a field's name, or several", f"write `{name}: [a, b]`"
            )
        return list(found)

    def _match(self, body: CommentedMap) -> dict[str, Any]:
        self._keys(body, {"fields": "list", "equals": "map"})
        out: dict[str, Any] = {}
        if "fields" in body:
            out["fields"] = self._texts(body, "fields")
        if "equals" in body:
            out["equals"] = {str(name): _word(value) for name, value in body["equals"].items()}
        if not any(out.values()):
            raise self._wrong(
                body, None, "`match` matches everything", "name `fields:` that only this log has"
            )
        return out

    def _time(self, body: CommentedMap) -> dict[str, Any]:
        self._keys(body, {"field": "list", "format": "text", "zone": "text"})
        if "field" not in body:
            raise self._wrong(body, None, "`time` names no `field`", "add `field:`")
        out: dict[str, Any] = {"field": self._texts(body, "field")}
        out["format"] = self._one_of(body, "format", TIME_FORMATS) if "format" in body else "iso"
        if out["format"] in {"iso", "epoch"} and len(out["field"]) > 1:
            raise self._wrong(
                body, "field", "this format stands in one field", "use `format: dmy`, `mdy` or `ymd`"
            )
        if "zone" in body:
            if not is_zone(body["zone"]):
                raise self._wrong(body, "zone", "`zone` is no IANA time zone", "such as Europe/Vienna or UTC")
            out["zone"] = body["zone"]
        return out

    def _kinds(self, body: CommentedMap) -> dict[str, Any]:
        if "by" not in body:
            raise self._wrong(
                body, "kinds", "`kinds` needs `by`", "add `by:` with the field that tells kinds apart"
            )
        out = {}
        for value, kind in body["kinds"].items():
            if not isinstance(kind, CommentedMap):
                raise self._wrong(
                    body["kinds"], value, "a kind holds `what`, `status` or `columns`", "indent them below it"
                )
            self._keys(kind, {"what": "text", "status": "text", "columns": "map"})
            out[_word(value)] = self._what(kind)
        return out

    def _what(self, body: CommentedMap) -> dict[str, Any]:
        out: dict[str, Any] = {}
        if "what" in body:
            out["what"] = self._one_of(body, "what", WHATS)
        if "status" in body:
            out["status"] = self._one_of(body, "status", STATUSES)
        if "columns" in body:
            out["columns"] = self._columns(body["columns"])
        return out

    def _columns(self, body: CommentedMap) -> dict[str, Any]:
        out: dict[str, Any] = {}
        for column, value in body.items():
            if column not in STEPS and column not in schema.OCSF_COLUMNS:
                raise self._wrong(
                    body,
                    column,
                    f"there is no column `{column}`",
                    f"one of docs/schema.md, or {', '.join(STEPS)}",
                )
            if isinstance(value, CommentedMap):
                constant = value.get("value")
                if set(value) != {"value"} or not isinstance(constant, str) or column in STEPS:
                    raise self._wrong(
                        body, column, "a constant is `{value: text}`", "only a text column can have one"
                    )
                if str(schema.OCSF_COLUMNS[column]) != "string":
                    raise self._wrong(body, column, f"`{column}` holds no text", "name a field instead")
                out[column] = {"value": constant}
            else:
                out[column] = self._texts(body, column)
        return out
