"""Leaves of the ledger: small statements that carry digests of evidence, and never the evidence.

A leaf is one JSON object in its canonical bytes (`canonical_bytes`): keys sorted by code point, no white
space, UTF-8 without escapes that are not needed, no fractional numbers. Bytes that are not canonical are
no statement, so that a leaf has one reading and re-serialising gives the same bytes. `v` is the version of
the type; fields that this program does not know are kept in `extra`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal, NoReturn, TypeAlias

from countersign.errors import VerificationError

# C2SP tlog-tiles writes an entry's length in 16 bits.
MAX_STATEMENT = (1 << 16) - 1
MAX_NAME = 300
VERSION = 1

Extra: TypeAlias = Mapping[str, object]

_DIGEST = re.compile(r"[0-9a-f]{64}", re.ASCII)
_TOKEN = re.compile(r"[!-~]{1,100}", re.ASCII)  # printable ASCII without spaces
_MAX_NUMBER = (1 << 63) - 1  # what every JSON reader with 64-bit integers can hold


@dataclass(frozen=True, slots=True)
class Parser:
    """Who turned bytes into records: a name and the version that decides what it makes of them."""

    name: str
    version: str


@dataclass(frozen=True, slots=True)
class SegmentStatement:
    """Type `segment`: these raw bytes were sealed, before anything was understood of them.

    `digest` and `size` are of the raw bytes, `stored_digest` and `stored_size` of the archive's file,
    `codec` says how one becomes the other, `framing` (`lines`, `evtx`) how records are found in it;
    `sealed` is an aware time, kept in UTC to the microsecond. Raises ValueError for values of no sense.
    """

    digest: str
    size: int
    stored_digest: str
    stored_size: int
    codec: str
    framing: str
    sealed: datetime
    extra: Extra = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        _check_digests(self.digest, self.stored_digest)
        _check_numbers(self.size, self.stored_size)
        _check_tokens(self.codec, self.framing)
        if self.sealed.tzinfo is None:
            raise ValueError("a sealing time needs a time zone")

    def to_bytes(self) -> bytes:
        """The leaf."""
        known = {
            "codec": self.codec,
            "digest": self.digest,
            "framing": self.framing,
            "sealed": _from_time(self.sealed),
            "size": self.size,
            "stored_digest": self.stored_digest,
            "stored_size": self.stored_size,
        }
        return _leaf("segment", known, self.extra)


@dataclass(frozen=True, slots=True)
class RecordsStatement:
    """Type `records`: this parser found so many records in a segment, with this root over them.

    `over` says what was hashed: the records' own `bytes`, or the parser's `rendering` of each, which only
    the same version is sure to give again. `root` is `records_root` in hex. Raises ValueError for values
    of no sense.
    """

    segment: str
    framing: str
    parser: Parser
    over: Literal["bytes", "rendering"]
    count: int
    root: str
    extra: Extra = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        _check_digests(self.segment, self.root)
        _check_numbers(self.count)
        _check_tokens(self.framing, self.parser.name, self.parser.version)
        if self.over not in {"bytes", "rendering"}:
            raise ValueError(f"records are hashed over 'bytes' or 'rendering', not {self.over!r}")

    def to_bytes(self) -> bytes:
        """The leaf."""
        known = {
            "count": self.count,
            "framing": self.framing,
            "over": self.over,
            "parser": self.parser.name,
            "parser_version": self.parser.version,
            "root": self.root,
            "segment": self.segment,
        }
        return _leaf("records", known, self.extra)


@dataclass(frozen=True, slots=True)
class ImportStatement:
    """Type `import`: from then on this was looked for in the events.

    `what` is `rules` or `indicators`, `name` the import's; `digest` is of what it holds (of rules: of their lock, which
    has the digest of each file), `count` how many. `sealed` is an aware time, kept in UTC to the microsecond. Raises
    ValueError for values of no sense.
    """

    what: str
    name: str
    digest: str
    count: int
    sealed: datetime
    extra: Extra = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        _check_digests(self.digest)
        _check_numbers(self.count)
        _check_tokens(self.what)
        if not 0 < len(self.name) <= MAX_NAME:
            raise ValueError(f"the name of an import has 1 to {MAX_NAME} characters")
        if self.sealed.tzinfo is None:
            raise ValueError("a sealing time needs a time zone")

    def to_bytes(self) -> bytes:
        """The leaf."""
        known: dict[str, object] = {
            "count": self.count,
            "digest": self.digest,
            "name": self.name,
            "sealed": _from_time(self.sealed),
            "what": self.what,
        }
        return _leaf("import", known, self.extra)


@dataclass(frozen=True, slots=True)
class OtherStatement:
    """A statement of a type or version that this program does not know, kept as it is."""

    type: str
    version: int
    fields: Extra = field(hash=False)

    def to_bytes(self) -> bytes:
        """The leaf."""
        return canonical_bytes(self.fields)


Statement: TypeAlias = SegmentStatement | RecordsStatement | ImportStatement | OtherStatement


def parse_statement(leaf: bytes) -> Statement:
    """Read a leaf; VerificationError, and nothing else, if it is none."""
    try:
        return _parse(leaf)
    except (ValueError, RecursionError) as error:
        what = str(error)[:200]  # it may quote the leaf
        raise VerificationError(f"not a statement of this ledger: {what}") from error


def canonical_bytes(value: Mapping[str, object]) -> bytes:
    """The one way in which a statement is written; ValueError if it cannot be."""
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    ).encode()


def _parse(leaf: bytes) -> Statement:
    if len(leaf) > MAX_STATEMENT:
        raise ValueError(f"longer than {MAX_STATEMENT} bytes")
    value = json.loads(leaf.decode(), parse_float=_refuse, parse_constant=_refuse)
    if not isinstance(value, dict):
        raise ValueError("not an object")  # noqa: TRY004 -- bad input, not a wrong call
    if canonical_bytes(value) != leaf:
        raise ValueError("not in canonical form")
    kind, version = _text(value, "type"), _number(value, "v")
    parse = _KNOWN.get(kind) if version == VERSION else None
    if parse is None:
        return OtherStatement(kind, version, value)
    return parse({name: field for name, field in value.items() if name not in {"type", "v"}})


def _parse_segment(fields: dict[str, object]) -> SegmentStatement:
    return SegmentStatement(
        digest=_text(fields, "digest", take=True),
        size=_number(fields, "size", take=True),
        stored_digest=_text(fields, "stored_digest", take=True),
        stored_size=_number(fields, "stored_size", take=True),
        codec=_text(fields, "codec", take=True),
        framing=_text(fields, "framing", take=True),
        sealed=_to_time(_text(fields, "sealed", take=True)),
        extra=fields,
    )


def _parse_records(fields: dict[str, object]) -> RecordsStatement:
    over = _text(fields, "over", take=True)
    return RecordsStatement(
        segment=_text(fields, "segment", take=True),
        framing=_text(fields, "framing", take=True),
        parser=Parser(_text(fields, "parser", take=True), _text(fields, "parser_version", take=True)),
        over="rendering" if over == "rendering" else _bytes_or_fail(over),
        count=_number(fields, "count", take=True),
        root=_text(fields, "root", take=True),
        extra=fields,
    )


def _parse_import(fields: dict[str, object]) -> ImportStatement:
    return ImportStatement(
        what=_text(fields, "what", take=True),
        name=_text(fields, "name", take=True),
        digest=_text(fields, "digest", take=True),
        count=_number(fields, "count", take=True),
        sealed=_to_time(_text(fields, "sealed", take=True)),
        extra=fields,
    )


_KNOWN: dict[str, Callable[[dict[str, object]], Statement]] = {
    "segment": _parse_segment,
    "records": _parse_records,
    "import": _parse_import,
}


def _bytes_or_fail(over: str) -> Literal["bytes"]:
    if over != "bytes":
        raise ValueError(f"records are hashed over 'bytes' or 'rendering', not {over[:40]!r}")
    return "bytes"


def _leaf(kind: str, known: dict[str, object], extra: Extra) -> bytes:
    known |= {"type": kind, "v": VERSION}
    clash = known.keys() & extra.keys()
    if clash:
        raise RuntimeError(f"extra fields may not replace {sorted(clash)}")
    leaf = canonical_bytes({**known, **extra})
    if len(leaf) > MAX_STATEMENT:
        raise RuntimeError(f"a statement has at most {MAX_STATEMENT} bytes, not {len(leaf)}")
    return leaf


def _text(fields: dict[str, object], name: str, *, take: bool = False) -> str:
    value = fields.pop(name, None) if take else fields.get(name)
    if not isinstance(value, str):
        raise ValueError(f"{name!r} should be text")  # noqa: TRY004 -- bad input, not a wrong call
    return value


def _number(fields: dict[str, object], name: str, *, take: bool = False) -> int:
    value = fields.pop(name, None) if take else fields.get(name)
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError(f"{name!r} should be a whole number")  # noqa: TRY004 -- bad input, not a wrong call
    return value


def _from_time(time: datetime) -> str:
    return time.astimezone(UTC).isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"


def _to_time(text: str) -> datetime:
    time = datetime.fromisoformat(text) if text.endswith("Z") else None
    if time is None or _from_time(time) != text:
        raise ValueError("'sealed' should be a time as 2026-01-31T23:59:59.000000Z")
    return time


def _check_digests(*values: str) -> None:
    if not all(_DIGEST.fullmatch(value) for value in values):
        raise ValueError("a digest is 64 lower-case hex digits")


def _check_tokens(*values: str) -> None:
    if not all(_TOKEN.fullmatch(value) for value in values):
        raise ValueError("a name is 1 to 100 printable ASCII characters without a space")


def _check_numbers(*values: int) -> None:
    if not all(0 <= value <= _MAX_NUMBER for value in values):
        raise ValueError("a size or count is a whole number from 0 to 2^63 - 1")


def _refuse(_: str) -> NoReturn:
    raise ValueError("fractional numbers have no canonical form")
