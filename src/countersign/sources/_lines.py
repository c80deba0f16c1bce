r"""Payloads of lines: `key=value`, CEF and LEEF, read into flat rows, with or without syslog around them.

`key=value` is as FortiGate and many others write it: values in double quotes, with backslash before a quote within. CEF
extensions have unquoted values with blanks, `\=`, `\\` and `\n`. LEEF 1 separates by tabs, LEEF 2 by what its header says.

References: ArcSight Common Event Format (CEF) version 27; IBM QRadar LEEF guide; Fortinet FortiOS Log Message Reference.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

LONGEST = 262_144
"""A longer line is not taken apart: no source named here writes more than 64 KiB in one."""
_PAIR = re.compile(r'([A-Za-z_][\w.\-/]{0,127})=(?:"([^"\\]*+(?:\\.[^"\\]*+)*+)"|([^\s"]*+))')
_QUOTED = re.compile(r'\\(["\\])')
_CEF = re.compile(r"CEF: ?[01]\|")
_LEEF = re.compile(r"LEEF: ?([12])\.\d\|")
_BAR = re.compile(r"(?<!\\)\|")
_CEF_PAIR = re.compile(r" ([A-Za-z0-9_][\w.\-\[\]]{0,127})=")
_CEF_KEY = re.compile(r"(?:^|(?<=\s))([A-Za-z0-9_][\w.\-\[\]]{0,127})=")
_OTHER_BLANK = re.compile(r"[^\S ]")
_OTHER_BLANKS = "\t\n\v\f\r\x1c\x1d\x1e\x1f"
"""Those of ASCII."""
_CEF_HEAD = ("vendor", "product", "version", "signature", "name", "severity")
_CEF_ROW = tuple(f"cef.{name}" for name in _CEF_HEAD)
_ESCAPE = re.compile(r"\\([\\=|nr])")
_ESCAPED = {"n": "\n", "r": "\r"}


def key_values(text: str) -> dict[str, Any]:
    """The pairs of a line, in order; the first of two with one name counts."""
    if len(text) > LONGEST:
        return {}
    found = _PAIR.findall(text)
    row: dict[str, Any] = {name: quoted or plain for name, quoted, plain in found}
    if len(row) == len(found) and "\\" not in text:
        return row
    row = {}
    for name, quoted, plain in found:
        row.setdefault(name, _QUOTED.sub(r"\1", quoted) if "\\" in quoted else quoted or plain)
    return row


def cef(text: str) -> dict[str, Any] | None:
    """A CEF message as a row: its header as `cef.vendor` and so on, its extension by its keys, labels put in place
    (`cs1Label=Policy cs1=Staff` is `Policy=Staff`, and `cs1` stays)."""
    start = _CEF.search(text)
    if start is None or len(text) > LONGEST:
        return None
    rest = text[start.end() :]
    parts = _BAR.split(rest, 6) if "\\|" in rest else rest.split("|", 6)
    if len(parts) < 6:
        return None
    row: dict[str, Any] = dict(zip(_CEF_ROW, map(_unescaped, parts), strict=False))
    _extension(parts[6] if len(parts) > 6 else "", row)
    for name in _labels(tuple(row)) if "Label=" in text else ():
        value = row.get(name.removesuffix("Label"))
        if value is not None and row[name]:
            row.setdefault(str(row[name]), value)
    return row


@lru_cache(maxsize=256)
def _labels(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name for name in names if name.endswith("Label"))


def _extension(text: str, row: dict[str, Any]) -> None:
    """The pairs of an extension: a key is what stands between a blank and an equals sign."""
    if _has_other_blanks(text):
        _by_keys(text, row)
        return
    parts = _CEF_PAIR.split(" " + text)
    names = parts[1::2]
    values = parts[2::2]
    if "  " in text or text.endswith(" ") or text.count("= ") != values[:-1].count(""):
        values = [value.strip() for value in values]
    if "\\" in text:
        values = [_unescaped(value) if "\\" in value else value for value in values]
    if len(set(names)) == len(names) and row.keys().isdisjoint(names):
        row.update(zip(names, values, strict=True))
        return
    for name, value in zip(names, values, strict=True):
        row.setdefault(name, value)


def _has_other_blanks(text: str) -> bool:
    if text.isascii():
        return not text.isprintable() and any([blank in text for blank in _OTHER_BLANKS])  # noqa: C419  # half the time of a generator
    return _OTHER_BLANK.search(text) is not None


def raw_cef(text: str) -> dict[str, Any] | None:
    r"""CEF of products that escape nothing, so that `Root\new` is no line end, and put values in double quotes: as `cef`, without
    what is empty, and without labels put in place."""
    start = _CEF.match(text)
    parts = text.split("|", 7) if start is not None and len(text) <= LONGEST else ()
    if len(parts) <= len(_CEF_HEAD):
        return None
    row: dict[str, Any] = dict(zip(_CEF_ROW, parts[1:], strict=False))
    name, held = "", ""
    pieces = parts[7].split("=") if len(parts) > 7 else [""]
    last = pieces.pop()
    for piece in pieces:
        value, blank, key = piece.rpartition(" ")
        if (blank or not name) and key.isalnum():
            value = (held + value).strip(' "')
            if value and name and name not in row:
                row[name] = value
            name, held = key, ""
        else:
            held += piece + "="
    value = (held + last).strip(' "')
    if value and name and name not in row:
        row[name] = value
    return row


def _by_keys(text: str, row: dict[str, Any]) -> None:
    """The same where there are blanks of other kinds."""
    name, start = "", 0
    for match in _CEF_KEY.finditer(text):
        if name:
            row.setdefault(name, _unescaped(text[start : match.start()].strip()))
        name, start = match[1], match.end()
    if name:
        row.setdefault(name, _unescaped(text[start:].strip()))


def leef(text: str) -> dict[str, Any] | None:
    """A LEEF message as a row: its header as `leef.vendor` and so on, its attributes by their keys."""
    start = _LEEF.search(text)
    if start is None or len(text) > LONGEST:
        return None
    second = start[1] == "2"
    parts = text[start.end() :].split("|", 5 if second else 4)
    if len(parts) < 5:
        return None
    names = ("vendor", "product", "version", "event")
    row: dict[str, Any] = {f"leef.{name}": value for name, value in zip(names, parts, strict=False)}
    for pair in parts[-1].split(_delimiter(parts[4]) if second and len(parts) == 6 else "\t"):
        name, equal, value = pair.partition("=")
        if equal and name.strip():
            row.setdefault(name.strip(), value.strip())
    return row


def _delimiter(said: str) -> str:
    """LEEF 2: a character, or its number in hexadecimal (`x09`, `0x5E`); a tab if it says nothing."""
    digits = said.lower().removeprefix("0x").removeprefix("x")
    if len(said) > 1:
        try:
            return chr(int(digits, 16))
        except (ValueError, OverflowError):
            return "\t"
    return said or "\t"


def _unescaped(text: str) -> str:
    return _ESCAPE.sub(lambda match: _ESCAPED.get(match[1], match[1]), text) if "\\" in text else text
