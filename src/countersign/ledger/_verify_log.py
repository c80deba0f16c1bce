"""Steps 1 to 3 of `verify`: the log by itself. Collects problems and hands on what leaves it could read."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

from countersign.errors import ArchiveError
from countersign.ledger import _files, _tiles, merkle
from countersign.ledger.log import Log
from countersign.ledger.note import Checkpoint, Verifier, split_note
from countersign.ledger.report import Problem

OnProblem = Callable[[Problem], None]

_OWN_FILES = frozenset({"checkpoint", "key", "key.pub", "lock"})


class LogCheck:
    """One pass over a log. `size` is the signed one, or what can be guessed where no signature holds."""

    def __init__(self, log: Log, report: OnProblem, trusted: Verifier | None) -> None:
        self._log = log
        self._report = report
        self._verifier: Verifier | None = None
        self.leftovers = 0
        self.head = self._verified_head(trusted)
        self.size = self.head.size if self.head else self._guess()

    def _verified_head(self, trusted: Verifier | None) -> Checkpoint | None:
        """Step 1."""
        verifier = trusted
        try:
            found = self._log.verifier
            if trusted is not None and found != trusted:
                self._add("the log's public key is not the one that is trusted")
            verifier = trusted or found
        except ArchiveError as error:
            self._add(f"public key: {error}")
        if verifier is None:
            return None
        self._verifier = verifier
        self._check_secret_key(verifier)
        try:
            return Checkpoint.from_note(self._log.checkpoint(), verifier)
        except ArchiveError as error:
            self._add(f"checkpoint: {error}")
        return None

    def _check_secret_key(self, verifier: Verifier) -> None:
        # An auditor's copy has no secret key, or he may not read it; one that is here must be the right one.
        if not os.access(self._log.key_path, os.R_OK):
            return
        try:
            if self._log.signer().verifier != verifier:
                self._add("the log's secret key is not that of its public key")
        except ArchiveError as error:
            self._add(f"secret key: {error}")

    def _guess(self) -> int:
        """The unsigned size, but no more than there are entries, so that a forged one costs nothing."""
        entries = 256 * sum(1 for _ in (self._log.root_path / "tile" / "entries").rglob("*"))
        try:
            claimed = Checkpoint.from_text(split_note(self._log.checkpoint())[0]).size
        except ArchiveError:
            claimed = entries
        size = min(claimed, entries)
        while size and not self._has_bundle(size):
            size -= 1
        return size

    def _has_bundle(self, size: int) -> bool:
        try:
            self._log.bundle((size - 1) // _tiles.WIDTH, (size - 1) % _tiles.WIDTH + 1)
        except ArchiveError:
            return False
        return True

    def leaves(self) -> Iterator[tuple[int, bytes]]:
        """Step 2: every leaf that can be read, with its index; at the end the root is known or not."""
        above: list[bytes] = []
        edge: list[bytes] = []
        for index in range(-(-self.size // _tiles.WIDTH)):
            width = min(_tiles.WIDTH, self.size - index * _tiles.WIDTH)
            leaves = self._bundle(index, width)
            yield from enumerate(leaves, index * _tiles.WIDTH)
            hashes = self._hashes(index, width, [merkle.leaf_hash(leaf) for leaf in leaves])
            if width < _tiles.WIDTH:
                edge = hashes
            else:
                above.append(merkle.root_of(hashes))
        self._check_root(self._climb(above, edge))

    def _bundle(self, index: int, width: int) -> list[bytes]:
        try:
            return self._log.bundle(index, width)
        except ArchiveError as error:
            first = index * _tiles.WIDTH
            self._add(f"leaves {first} to {first + width - 1} cannot be read: {error}")
            return []

    def _hashes(self, index: int, width: int, found: list[bytes]) -> list[bytes]:
        """The leaf hashes to go on with: the tile's, so that one changed leaf does not hide the others."""
        tile = self._tile(0, index, width)
        if not tile or not found:
            return tile or found
        for place, (ours, theirs) in enumerate(zip(found, tile, strict=True)):
            if ours != theirs:
                leaf = index * _tiles.WIDTH + place
                self._report(Problem(None, leaf, "the leaf is not the one that its tile holds the hash of"))
        return tile

    def _climb(self, hashes: list[bytes], edge: list[bytes]) -> bytes:
        """Recompute the levels of tiles above the leaves, hold them against the stored ones: the root."""
        below = [merkle.root_of(edge)] if edge else []
        level = 1
        while hashes:
            above: list[bytes] = []
            for index in range(-(-len(hashes) // _tiles.WIDTH)):
                found = hashes[index * _tiles.WIDTH : (index + 1) * _tiles.WIDTH]
                tile = self._tile(level, index, len(found))
                if tile and tile != found:
                    self._add(f"{_tiles.path_of(level, index, len(found))} is not over the tiles below it")
                if len(found) == _tiles.WIDTH:
                    above.append(merkle.root_of(found))
                else:
                    below = [merkle.root_of(found + below)]
            hashes, level = above, level + 1
        return below[0] if below else merkle.EMPTY_ROOT

    def _tile(self, level: int, index: int, width: int) -> list[bytes]:
        try:
            return _tiles.split_tile(self._log.read_tile(level, index, width))
        except ArchiveError as error:
            self._add(f"a tile cannot be read: {error}")
            return []

    def _check_root(self, root: bytes) -> None:
        if self.head and root != self.head.root:
            self._add(f"the root over the {self.size} leaves is not the signed one")

    def check_growth(self, earlier: bytes) -> None:
        """Step 3: an older signed head, kept elsewhere, is the beginning of this log."""
        if self.head is None or self._verifier is None:
            return  # step 1 has said so
        verifier = self._verifier
        try:
            old = Checkpoint.from_note(earlier, verifier)
            if old.size > self.size:
                self._add(f"the log was cut back: it had {old.size} leaves, and has {self.size}")
                return
            path = merkle.consistency_proof(old.size, self.size, self._log.nodes(self.size))
            merkle.verify_consistency(old.size, old.root, self.size, self.head.root, path)
        except ArchiveError as error:
            self._add(f"earlier checkpoint: {error}")

    def check_files(self) -> None:
        """The rest of step 2: nothing lies in the log's folder that no log puts there."""
        root = self._log.root_path
        needed = {_tiles.path_of(*tile) for tile in _tiles.tiles_of(self.size)}
        for path in sorted(path for path in root.rglob("*") if not path.is_dir() or path.is_symlink()):
            name = path.relative_to(root).as_posix()
            if name in needed or name in _OWN_FILES:
                continue
            if _tiles.PATH.fullmatch(name) or _files.TEMPORARY.fullmatch(name):
                self.leftovers += 1  # an interrupted writer's, beyond the head
            else:
                self._add(f"{name!r} is no file of a log")

    def _add(self, what: str) -> None:
        self._report(Problem(None, None, what))
