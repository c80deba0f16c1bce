"""A workspace: the folder that holds one organisation's lake, archive, ledger, agreements and settings."""

from __future__ import annotations

import os
import re
import secrets
import tomllib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from countersign.errors import InputError, UsageError, WorkspaceError

if TYPE_CHECKING:
    from countersign.lake import Lake

FORMAT = 1
"""Version of the folder's layout. A change that old workspaces do not satisfy raises it and adds a migration."""
MIGRATIONS: Mapping[int, Callable[[Path], None]] = {}
"""Version -> the step that makes the next version of it, in place. Each step may be repeated after a crash."""

CONFIG = "countersign.toml"
CONFIG_BYTES = 1 << 20
PRIVATE = 0o700
FOLDERS = ("agreements", "archive", "ledger", "lake", "state", "state/pending", "state/spool")
MAX_WORKERS = 64

_TEMPLATE = """\
# The settings of this Countersign workspace. Everything but `format` may be left out.

# Version of the folder's layout. Countersign raises it by itself when it migrates the folder.
format = {format}

[collect]
# IANA time zone of clock texts that name none themselves (syslog, some exports), such as "Europe/Vienna".
zone = "UTC"

# Label of where the logs come from, such as a site. Two records of equal bytes with different origins are two
# events. `countersign collect --origin` overrides it.
origin = ""

# Processes that parse, beside the one that reads and seals. Each takes up to 200 MB of memory.
workers = 2

[report]
# What the report calls you; the folder's name if empty.
organisation = ""

# IANA time zone of the times in the report; this machine's if empty.
zone = ""

[enrichment]
# What is known of addresses and hosts, added where they are shown; nothing is asked over a network, nothing is stored
# in the lake. Files are looked for in this folder. Countries and autonomous systems: databases in MaxMind's format.
country = ""
asn = ""

# A CSV with the header address,host,name,groups: an address or network, or a host, what it is, its groups (a;b). A further
# column logs says none for what cannot log at all: that nothing is heard of it is no finding then, but a blind spot.
book = ""

[ledger]
# The key that signs this workspace's ledger. A ledger that another key signed does not verify.
key = "{key}"
"""

_SETTINGS: Mapping[str, Mapping[str, object]] = {
    "collect": {"zone": "UTC", "origin": "", "workers": 2},
    "report": {"organisation": "", "zone": ""},
    "enrichment": {"country": "", "asn": "", "book": ""},
    "ledger": {"key": ""},
}
"""Every setting by section, with what it is if left out."""


def now() -> datetime:
    """The present, aware and in UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Settings:
    """What `countersign.toml` says: `zone` is an IANA name, `origin` the default label, `workers` processes;
    `organisation` and `report_zone` are the report's, `ledger_key` the ledger's verifier key, empty if not stated.
    `country`, `asn` and `book` are files of what is known of addresses, empty if there is none."""

    zone: str = "UTC"
    origin: str = ""
    workers: int = 2
    organisation: str = ""
    report_zone: str = ""
    ledger_key: str = ""
    country: str = ""
    asn: str = ""
    book: str = ""


@dataclass(frozen=True, slots=True)
class Workspace:
    """An existing workspace of this program's format."""

    root: Path
    settings: Settings

    @classmethod
    def create(cls, root: Path) -> Workspace:
        """Make a workspace in `root`, which may be missing, empty or hold other things.

        Raises `UsageError` where there is one already or `root` cannot be a folder. An interrupted call leaves no
        `countersign.toml`, and can be repeated.
        """
        if (root / CONFIG).exists():
            raise UsageError(f"{root} is a workspace already")
        try:
            _make(root)
        except OSError as error:
            raise UsageError(f"{root}: no workspace can be made here: {error.strerror}") from error
        return cls.open(root)

    @classmethod
    def open(cls, root: Path) -> Workspace:
        """The workspace in `root`, migrated if it is an older one.

        Raises `WorkspaceError` where there is none, one of a newer format, or an older one that another process
        writes just now; `InputError` for its settings.
        """
        config = _read(root)
        if _format_of(config, root / CONFIG) < FORMAT:
            migrate(root)
            config = _read(root)
        return cls(root, _settings(config, root / CONFIG))

    @classmethod
    def find(cls, start: Path | None = None) -> Workspace:
        """The workspace in `start`; if that is None, in the working folder or the nearest folder above it."""
        if start is not None:
            return cls.open(start)
        here = Path.cwd()
        for folder in (here, *here.parents):
            if (folder / CONFIG).is_file():
                return cls.open(folder)
        raise WorkspaceError(
            f"there is no workspace in {here} or above it\n  remedy: make one with `countersign init DIR`, or name "
            "one with `countersign -C DIR`"
        )

    @contextmanager
    def writing(self, clock: Callable[[], datetime] = now) -> Iterator[Lake]:
        """The lake with the right to write it, which one process at a time has.

        Raises `WorkspaceError` while another has it, `StoreError` where the lake cannot be opened.
        """
        from countersign.lake import Lake, WorkspaceLock

        with WorkspaceLock(self.root) as lock, Lake.open(self.lake, lock=lock, clock=clock) as lake:
            yield lake

    @contextmanager
    def reading(self) -> Iterator[Lake]:
        """The lake to be read, also while another process writes it."""
        from countersign.lake import Lake

        with Lake.open(self.lake) as lake:
            yield lake

    @property
    def agreements(self) -> Path:
        """The folder of agreement files."""
        return self.root / "agreements"

    @property
    def archive(self) -> Path:
        """The folder of sealed segments."""
        return self.root / "archive"

    @property
    def ledger(self) -> Path:
        """The folder of the log of leaves."""
        return self.root / "ledger"

    @property
    def lake(self) -> Path:
        """The folder of the tables."""
        return self.root / "lake"

    @property
    def pending(self) -> Path:
        """The folder of notes on what is sealed but not yet in the lake."""
        return self.root / "state" / "pending"

    @property
    def spool(self) -> Path:
        """The folder of nameless temporary copies."""
        return self.root / "state" / "spool"


def migrate(root: Path, steps: Mapping[int, Callable[[Path], None]] | None = None) -> None:
    """Bring a workspace of an older format to `FORMAT`, one step a version, noting each step when it is done.

    Nobody else writes meanwhile. Raises `WorkspaceError` while another process does, or for a format without a step.
    """
    from countersign.lake import WorkspaceLock

    steps = MIGRATIONS if steps is None else steps
    with WorkspaceLock(root):
        # another process may have migrated it since it was found to be old
        for number in range(_format_of(_read(root), root / CONFIG), FORMAT):
            if number not in steps:
                raise WorkspaceError(
                    f"{root} has format {number}, which this version of Countersign cannot migrate"
                )
            steps[number](root)
            text = (root / CONFIG).read_text("utf-8")
            text = re.sub(r"(?m)^format[ \t]*=[ \t]*[0-9]+", f"format = {number + 1}", text, count=1)
            _write(root / CONFIG, text)


def _make(root: Path) -> None:
    from countersign.lake import Lake
    from countersign.ledger import Log

    new = not root.exists()
    root.mkdir(parents=True, exist_ok=True)
    if new:
        root.chmod(PRIVATE)
    for name in FOLDERS:
        (root / name).mkdir(exist_ok=True, mode=PRIVATE)
    _starters(root / "agreements")
    if not (root / "ledger" / "checkpoint").exists():
        Log.create(root / "ledger", f"countersign.local/{secrets.token_hex(8)}")
    key = Log(root / "ledger").verifier.to_text()
    with Lake.create(root / "lake"):
        pass
    _write(root / CONFIG, _TEMPLATE.format(format=FORMAT, key=key))


def _starters(folder: Path) -> None:
    from countersign.agreements import starter_files

    for name, text in starter_files().items():
        if not (folder / name).exists():
            (folder / name).write_text(text, encoding="utf-8")


def _write(path: Path, text: str) -> None:
    """Write a small file whole or not at all."""
    temporary = path.with_name(f".{path.name}.new")
    with temporary.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def _read(root: Path) -> dict[str, object]:
    path = root / CONFIG
    try:
        with path.open("rb") as file:
            text = file.read(CONFIG_BYTES).decode("utf-8")
    except (FileNotFoundError, NotADirectoryError) as error:
        raise WorkspaceError(
            f"{root} is no workspace\n  remedy: make one with `countersign init {root}`"
        ) from error
    except OSError as error:
        raise WorkspaceError(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InputError("is not UTF-8 text", path=str(path), remedy="save it as UTF-8") from error
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        where = re.search(r"at line (\d+)", str(error))
        raise InputError(
            str(error),
            path=str(path),
            line=int(where[1]) if where else None,
            remedy="settings are written as `name = value`, texts in quotes (https://toml.io)",
        ) from error


def _format_of(config: Mapping[str, object], path: Path) -> int:
    version = config.get("format")
    if not isinstance(version, int) or isinstance(version, bool) or version < 0:
        raise InputError(
            "says no `format`", path=str(path), remedy=f"add the line `format = {FORMAT}` at its top"
        )
    if version > FORMAT:
        raise WorkspaceError(
            f"{path.parent} has format {version}; this version of Countersign knows formats up to {FORMAT}\n"
            "  remedy: use a newer version of Countersign, the workspace was left as it is"
        )
    return version


def _settings(config: Mapping[str, object], path: Path) -> Settings:
    for name in config.keys() - {"format", *_SETTINGS}:
        raise _wrong(path, name, f"there is no setting `{name}`")
    found: dict[str, dict[str, object]] = {}
    for section, known in _SETTINGS.items():
        stated = config.get(section, {})
        if not isinstance(stated, Mapping):
            raise _wrong(path, section, f"should be a section [{section}]")
        for name in stated.keys() - known.keys():
            raise _wrong(path, name, f"there is no setting `{name}` in [{section}]")
        found[section] = {**known, **stated}
    collect, report = found["collect"], found["report"]
    workers = collect["workers"]
    if not isinstance(workers, int) or isinstance(workers, bool) or not 1 <= workers <= MAX_WORKERS:
        raise _wrong(path, "workers", f"should be a number from 1 to {MAX_WORKERS}")
    return Settings(
        zone=_zone(path, collect["zone"]),
        origin=_line(path, "origin", collect["origin"]),
        workers=workers,
        organisation=_line(path, "organisation", report["organisation"]),
        report_zone=_zone(path, report["zone"]) if report["zone"] != "" else "",
        ledger_key=_line(path, "key", found["ledger"]["key"]),
        **{name: _line(path, name, value) for name, value in found["enrichment"].items()},
    )


def _line(path: Path, name: str, value: object) -> str:
    if not isinstance(value, str):
        raise _wrong(path, name, "should be a text in quotes")
    return value


def _zone(path: Path, value: object) -> str:
    if not isinstance(value, str) or not is_zone(value):
        raise _wrong(path, "zone", 'should be an IANA time zone such as "Europe/Vienna"')
    return value


def is_zone(name: str) -> bool:
    """Whether `name` is an IANA time zone known here."""
    try:
        ZoneInfo(name)
    except (ValueError, OSError):  # not found is a KeyError's child, and a folder's name an OSError
        return False
    except KeyError:
        return False
    return True


def _wrong(path: Path, name: str, message: str) -> InputError:
    lines = path.read_text("utf-8").splitlines()
    pattern = re.compile(rf"\s*\[?\s*{re.escape(name)}\b")
    line = next((number for number, text in enumerate(lines, 1) if pattern.match(text)), None)
    return InputError(message, path=str(path), line=line, remedy="mend or remove this line")
