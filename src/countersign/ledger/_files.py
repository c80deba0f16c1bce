"""Files that are there whole or not at all, and reads that a hostile file cannot make endless."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path

from countersign.errors import ArchiveError

# Made in the root of an archive or log and linked from there; the number is the writer's process id.
TEMPORARY = re.compile(r"\.tmp\.([0-9]{1,10})\.[0-9a-f]{16}", re.ASCII)

# What link(2) says on file systems that have no hard links (FAT, some network shares).
_NO_LINKS = frozenset({errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK})


def read_bounded(path: Path, limit: int) -> bytes | None:
    """The bytes of a regular file of at most `limit` bytes; None where there is no such file.

    Raises ArchiveError for anything else: too long, not a regular file (a pipe would block for ever, a
    link may lead anywhere), not readable.
    """
    data = read_head(path, limit + 1)
    if data is not None and len(data) > limit:
        raise ArchiveError(f"{path}: longer than the {limit} bytes that may be here")
    return data


def read_head(path: Path, size: int) -> bytes | None:
    """As `read_bounded`, but at most the first `size` bytes of a file of any length."""
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    try:
        with open(os.open(path, flags), "rb") as file:  # noqa: PTH123 -- a descriptor, not a path
            state = os.fstat(file.fileno())
            if not stat.S_ISREG(state.st_mode):
                raise ArchiveError(f"{path}: not a regular file")
            return file.read(min(size, state.st_size + 1))  # a buffer of that size is made beforehand
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise ArchiveError(f"{path}: cannot be read: {error.strerror}") from error


def write_new(root: Path, path: Path, data: bytes) -> bool:
    """Write a file unless it is there already, then True; durable once this returns.

    Raises OSError (a full disk, no permission); then no part of the file is there.
    """
    with _temporary(root, data, 0o666) as temporary:
        try:
            os.link(temporary, path)
        except FileExistsError:
            return False
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            if path.exists():
                return False
            temporary.rename(path)
    sync_directory(path.parent)
    return True


def write_over(root: Path, path: Path, data: bytes, *, mode: int = 0o666) -> None:
    """Write a file in place of an older one; the caller syncs the directory when it must be durable.

    Raises OSError; then the older file, if any, is still there.
    """
    with _temporary(root, data, mode) as temporary:
        temporary.replace(path)


@contextlib.contextmanager
def _temporary(root: Path, data: bytes, mode: int) -> Iterator[Path]:
    path = root / f".tmp.{os.getpid()}.{secrets.token_hex(8)}"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    try:
        with open(os.open(path, flags, mode), "wb") as file:  # noqa: PTH123 -- a descriptor, not a path
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        yield path
    finally:
        path.unlink(missing_ok=True)


def make_directory(root: Path, path: Path) -> None:
    """Make `path` and what is missing between it and `root`, durably; `root` is there already."""
    if path == root or path.is_dir():
        return
    make_directory(root, path.parent)
    path.mkdir(exist_ok=True)
    sync_directory(path.parent)


def sync_directory(path: Path) -> None:
    """Make the names in a directory survive a power cut."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sweep(root: Path) -> int:
    """Remove temporary files whose writers have died, and say how many there were."""
    dead = [path for path in root.iterdir() if _is_dead(path.name)]
    for path in dead:
        path.unlink(missing_ok=True)
    return len(dead)


def _is_dead(name: str) -> bool:
    match = TEMPORARY.fullmatch(name)
    if match is None:
        return False
    try:
        os.kill(int(match[1]), 0)
    except PermissionError:
        return False  # somebody else's process, and alive
    except (ProcessLookupError, OverflowError):
        return True
    return False
