"""The append-only log of leaves with a signed head, laid out on disk as c2sp.org/tlog-tiles serves it.

    checkpoint                      the signed head
    tile/<level>/<N>[.p/<W>]        256 (or, at the right edge, W) hashes
    tile/entries/<N>[.p/<W>]        as many leaves
    key.pub                         the verifier key
    key                             the secret key, readable by its owner alone, unless kept elsewhere
    lock                            held while a process appends

An append writes tiles first and the head last, each file whole or not at all, so that a crash leaves
the old head with all it needs. What lies beyond the head's size is no part of the log, and is overwritten.
"""

from __future__ import annotations

import contextlib
import fcntl
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from countersign.errors import UsageError, VerificationError
from countersign.ledger import _files, _tiles, merkle
from countersign.ledger.note import MAX_NOTE, Checkpoint, Signer, Verifier

_MAX_KEY = 1024  # a name of at most 250 characters, and some 70 of key


class Log:
    """One log on disk. Nothing is read until it is asked for, and every head read is verified.

    Readers may be many; appending processes wait for each other. Whatever is missing or wrong raises
    VerificationError (or its base ArchiveError); a disk that cannot be written raises OSError, and then
    the log is what it was before.
    """

    def __init__(self, root: Path, *, key: Path | None = None) -> None:
        self.root_path = root
        self.key_path = key or root / "key"
        self._edge: _tiles.Edge | None = None

    @classmethod
    def create(cls, root: Path, origin: str, *, key: Path | None = None) -> Log:
        """Make an empty log with a new key.

        `origin` names it in every checkpoint and proof, as a URL without scheme (`example.com/ledger`);
        no spaces, no plus. Raises UsageError if there is a log already.
        """
        log = cls(root, key=key)
        if (root / "checkpoint").exists() or (root / "tile").exists():
            raise UsageError(f"{root}: there is a log already")
        signer = Signer.generate(origin)
        root.mkdir(parents=True, exist_ok=True)
        _files.write_over(log.key_path.parent, log.key_path, f"{signer.to_text()}\n".encode(), mode=0o600)
        _files.write_over(root, root / "key.pub", f"{signer.verifier.to_text()}\n".encode())
        _files.sync_directory(log.key_path.parent)
        log._write_head(signer, Checkpoint(origin, 0, merkle.EMPTY_ROOT))
        return log

    @property
    def missing(self) -> bool:
        """Whether nothing is left of it: neither its head nor a tile. A new log has its head."""
        return not ((self.root_path / "checkpoint").exists() or (self.root_path / "tile").exists())

    @property
    def verifier(self) -> Verifier:
        """The public key that stands beside the log; trust in it comes from elsewhere."""
        return Verifier.from_text(self._text_of(self.root_path / "key.pub"))

    def signer(self) -> Signer:
        """The secret key, which only appending needs."""
        return Signer.from_text(self._text_of(self.key_path))

    def head(self) -> Checkpoint:
        """The current head, its signature verified."""
        return Checkpoint.from_note(self.checkpoint(), self.verifier)

    def checkpoint(self) -> bytes:
        """The signed note as it lies there; give it to whoever should be able to catch a rewritten log."""
        note = _files.read_bounded(self.root_path / "checkpoint", MAX_NOTE)
        if note is None:
            raise VerificationError(f"{self.root_path}: the log has no checkpoint")
        return note

    @property
    def size(self) -> int:
        """How many leaves the signed head counts."""
        return self.head().size

    def root(self) -> bytes:
        """The root that the signed head states."""
        return self.head().root

    def append(self, leaves: Sequence[bytes]) -> list[int]:
        """Add leaves under one new head and give their indexes; durable once this returns."""
        if any(len(leaf) > _tiles.MAX_LEAF for leaf in leaves):
            raise RuntimeError(f"a leaf has at most {_tiles.MAX_LEAF} bytes")
        if not leaves:
            return []
        with self._appending():
            signer = self.signer()
            if signer.verifier != self.verifier:
                raise VerificationError(f"{self.key_path}: not the secret key of the log's public key")
            edge = self._edge_at(self.head())
            self._edge = None  # until all is written, the disk knows better
            first, outdated = edge.size, _partials_of(edge.size)
            self._write_tiles(edge.extend(leaves))
            self._write_head(signer, Checkpoint(signer.name, edge.size, edge.root()))
            self._remove(outdated - _partials_of(edge.size))
            self._edge = edge
        return list(range(first, first + len(leaves)))

    def leaves(self, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """Leaves `start` up to before `end`, as stored: not held against the tree, as `verify` does."""
        size = self.size
        end = size if end is None else min(end, size)
        for index in range(start // _tiles.WIDTH, -(-end // _tiles.WIDTH)):
            before = index * _tiles.WIDTH
            bundle = self.bundle(index, min(_tiles.WIDTH, size - before))
            yield from bundle[max(start - before, 0) : end - before]

    def nodes(self, size: int) -> merkle.Nodes:
        """Look-up of complete subtrees, for proofs against the head of this size."""
        return _tiles.nodes_of(size, self.read_tile)

    def bundle(self, index: int, width: int) -> list[bytes]:
        """The leaves of one entry bundle."""
        return _tiles.split_bundle(self.read_tile(_tiles.ENTRIES, index, width), width)

    def read_tile(self, level: int | str, index: int, width: int) -> bytes:
        """A tile or bundle of a given width.

        A writer may just have replaced it by a wider one, which begins alike and is taken instead.
        """
        for wider in self._widths(level, index, width):
            path = self.root_path / _tiles.path_of(level, index, wider)
            data = _files.read_bounded(path, _tiles.MAX_BUNDLE)
            if data is None:
                continue
            try:
                cut = _cut(data, level, width)
            except VerificationError as error:
                raise VerificationError(f"{path}: {error}") from error
            if wider == width and cut != data:
                raise VerificationError(f"{path}: longer than it should be")
            return cut
        raise VerificationError(f"{self.root_path / _tiles.path_of(level, index, width)} is missing")

    def _widths(self, level: int | str, index: int, width: int) -> Iterable[int]:
        yield width
        yield _tiles.WIDTH
        with contextlib.suppress(OSError):
            folder = (self.root_path / _tiles.path_of(level, index, 1)).parent
            names = [path.name for path in folder.iterdir()]
            yield from sorted(int(name) for name in names if name.isdecimal() and int(name) > width)

    def _edge_at(self, head: Checkpoint) -> _tiles.Edge:
        edge = self._edge
        if edge is None or edge.size != head.size:
            edge = _tiles.Edge.read(head.size, self.read_tile)
            self._clean(head.size)
        if edge.root() != head.root:
            raise VerificationError(f"{self.root_path}: the last tiles do not lead to the signed root")
        return edge

    def _text_of(self, path: Path) -> str:
        data = _files.read_bounded(path, _MAX_KEY)
        if data is None:
            raise VerificationError(f"{path} is missing")
        try:
            text = data.decode()
        except UnicodeDecodeError as error:
            raise VerificationError(f"{path}: not a key of a signed note") from error
        if not text.endswith("\n"):
            raise VerificationError(f"{path}: does not end in a newline")
        return text.removesuffix("\n")

    @contextlib.contextmanager
    def _appending(self) -> Iterator[None]:
        if not self.root_path.is_dir():
            raise VerificationError(f"{self.root_path}: there is no log here")
        with (self.root_path / "lock").open("ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _write_tiles(self, files: dict[str, bytes]) -> None:
        folders = set()
        for name, data in files.items():
            path = self.root_path / name
            _files.make_directory(self.root_path, path.parent)
            _files.write_over(self.root_path, path, data)
            folders.add(path.parent)
        for folder in folders:
            _files.sync_directory(folder)

    def _write_head(self, signer: Signer, head: Checkpoint) -> None:
        _files.write_over(self.root_path, self.root_path / "checkpoint", signer.sign(head.to_text()))
        _files.sync_directory(self.root_path)

    def _remove(self, names: Iterable[str]) -> None:
        for name in names:
            with contextlib.suppress(OSError):  # it costs space only, and the next process tries again
                path = self.root_path / name
                path.unlink()
                path.parent.rmdir()

    def _clean(self, size: int) -> None:
        """Remove what a crash left: temporary files, and partial tiles that this head does not need."""
        _files.sweep(self.root_path)
        needed = _partials_of(size)
        for folder in self.root_path.joinpath("tile").rglob("*.p"):
            found = {path.relative_to(self.root_path).as_posix() for path in folder.iterdir()}
            # A wider tile may be all there is of a narrower one, after a restore for instance.
            if found & needed or folder.with_suffix("").exists():
                self._remove(found - needed)


def _partials_of(size: int) -> set[str]:
    return {_tiles.path_of(*tile) for tile in _tiles.edge_of(size)}


def _cut(data: bytes, level: int | str, width: int) -> bytes:
    if level == _tiles.ENTRIES:
        return _tiles.join_bundle(_tiles.split_bundle(data, width))
    size = width * merkle.HASH_SIZE
    if len(data) < size:
        raise VerificationError(f"{len(data)} bytes instead of {size}")
    return data[:size]
