"""The fields of one record of Linux audit, as the kernel, auditd or `ausearch -i` writes it."""

from __future__ import annotations

import re
from typing import Any

from countersign.sources._audit_values import SYSCALLS, TYPES, decoded_hex
from countersign.sources._flat import Row

_HEAD = re.compile(
    r"(?:node=(\S{1,255}) )?(?:type=([A-Z0-9_]{1,40}(?:\[\d{1,6}\])?) )?(?:msg=)?audit\(([^():]{1,40}(?::\d\d){0,2}[^():]{0,20}):(\d{1,20})\) ?: ?"
)
_RAW_PAIR = re.compile(r"""([A-Za-z][\w\[\]-]{0,60})=("[^"]*"?|'[^']*'?|[^\s'"]*)""")
_NAME = re.compile(r"[A-Za-z_][\w\[\]-]{0,60}$")
_UNTRUSTED = frozenset({"name", "cwd", "exe", "comm", "proctitle", "acct", "cmd", "data", "key", "path", "ocomm", "unit", "grp", "vm", "file", "dir"})  # fmt: skip
"""Fields that the kernel writes in quotes, or in hexadecimal where they hold a blank, a quote or what is not ASCII."""
_ARGUMENT = re.compile(r"a\d{1,6}(?:\[\d{1,6}\])?$")
OPENING = {"open": "a1", "openat": "a2"}
"""System calls that open a file, and the argument that has their flags."""
_WRITING = frozenset({"O_WRONLY", "O_RDWR", "O_CREAT", "O_TRUNC"})
_WRITING_DIGITS = frozenset("1235679abdefABDEF")
"""The last hexadecimal digit of flags of which bit 0 or 1 (O_WRONLY, O_RDWR) is set."""
_GS = "\x1d"


def row_of(text: str) -> Row | None:
    """The fields of one record, None if it is none."""
    if text[:1] == "[":  # how long the kernel runs
        text = text.partition("] ")[2]
    text = text.removeprefix("audit: ")
    head = _HEAD.match(text)
    if head is None:
        return None
    node, kind, stamp, serial = head.groups()
    kind = TYPES.get(kind, kind)
    rest = text[head.end() :]
    interpreted = not stamp[:10].isdecimal()
    row: dict[str, Any] = {"type": kind or ""} if kind else {}
    if node:
        row["node"] = node
    row["audit_time"], row["serial"] = stamp, serial
    raw, _, enriched = rest.partition(_GS)
    if interpreted:
        row |= _interpreted(raw)
    else:
        _take(row, raw, execve=kind == "EXECVE")
    for name, value in _RAW_PAIR.findall(enriched):
        row.setdefault(f"{name.lower()}_name" if name.lower() in row else name, value.strip('"'))
    _name_syscall(row, interpreted=interpreted)
    flags = row.get(OPENING.get(row.get("SYSCALL", ""), ""))
    if flags is not None:
        row["opened"] = "to write" if _writes(flags) else "to read"
    return row


def _writes(flags: str) -> bool:
    """Whether the flags of open(2), in hexadecimal or by name, ask for more than to read."""
    if flags.startswith("O_") or "|" in flags:
        return not _WRITING.isdisjoint(flags.split("|"))
    return flags[-1:] in _WRITING_DIGITS


def _take(row: dict[str, Any], text: str, *, execve: bool) -> None:
    for name, value in _RAW_PAIR.findall(text):
        first = value[:1]
        if first == "'" and name == "msg":
            _take(row, value.strip("'"), execve=False)
            continue
        if first in {'"', "'"}:
            plain = value.strip(first)
        elif name in _UNTRUSTED or (execve and _ARGUMENT.match(name)):
            plain = decoded_hex(value)
        else:
            plain = value
        # a record's own field keeps its name: a program may write any
        row[f"{name}_2" if name in row else name] = plain


def _interpreted(text: str) -> dict[str, str]:
    """What ausearch -i writes: values with blanks, without quotes."""
    row: dict[str, list[str]] = {}
    name, within = "", False  # within braces, whatever has an equals sign is of the value
    inner = text.replace("msg='", "").removesuffix("'")
    for word in inner.split(" "):
        before, equals, after = word.partition("=")
        if equals and not within and _NAME.match(before) and before not in row:
            name, row[before] = before, [after]
            within = after[:1] == "{" and "}" not in after
        elif name:
            row[name].append(word)
            within = within and "}" not in word
    return {name: " ".join(words).strip() for name, words in row.items()}


def _name_syscall(row: dict[str, Any], *, interpreted: bool) -> None:
    """`SYSCALL` is the name, as rules ask for it; field names differ in more than their case elsewhere, so the number goes."""
    number = row.get("syscall")
    if number is None:
        return
    name = number if interpreted else row.pop("syscall_name", None) or SYSCALLS.get((row.get("arch"), number))
    if name is not None:
        del row["syscall"]
        row["SYSCALL"] = name
        if not interpreted:
            row["syscall_number"] = number
