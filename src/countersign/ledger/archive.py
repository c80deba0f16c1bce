"""Sealed segments: raw bytes kept as they came, each in one compressed file named by its SHA-256.

The file of a segment is `<root>/<first two hex digits>/<digest>.zst`, and holds

1. a zstd skippable frame (RFC 8878 section 3.1.2, magic number 0x184D2A50) with the text
   `countersign/salt/1` and a newline, then 32 random bytes: the salt key of the segment's records;
2. one zstd frame with content size and checksum.

`zstd -d` gives the raw bytes back without this program. When the file is erased the salt key goes with
it, so that the ledger's digest of the records tells nothing more about them.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import zstandard

from countersign.errors import ArchiveError
from countersign.ledger import _files

# A line of 50 MB is in the product's limits, and a segment holds whole lines; 128 MiB leaves room.
MAX_RAW = 128 << 20
# zstd grows bytes it cannot compress by 1/256 and a few (ZSTD_compressBound); a 64th is ample.
MAX_STORED = MAX_RAW + (MAX_RAW >> 6)
SALT_SIZE = 32
CODEC = "zstd"

_LEVEL = 1  # on EVTX 3, zstd's default, takes a fifth longer for 5 %, and 4 to 9 take 2 to 6 times as long
_SKIPPABLE = 0x184D2A50
_TAG = b"countersign/salt/1\n"
_HEAD = struct.pack("<II", _SKIPPABLE, len(_TAG) + SALT_SIZE) + _TAG
_HEAD_SIZE = len(_HEAD) + SALT_SIZE
_EMPTY_FRAME = 32  # the frame of no bytes takes 13
_DIGEST = re.compile(r"[0-9a-f]{64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Sealed:
    """What a segment's leaf says of it: digests in hex, sizes in bytes.

    `stored_digest` and `stored_size` are of the file, so that even a changed byte which zstd would not
    mind is found. `new` is False if the segment was in the archive before.
    """

    digest: str
    size: int
    stored_digest: str
    stored_size: int
    new: bool


@dataclass(frozen=True, slots=True)
class Opened:
    """A segment read back, its raw bytes checked against their digest."""

    raw: bytes
    salt: bytes
    stored_digest: str
    stored_size: int


class Archive:
    """The sealed segments under one folder, which is made by the first `put`.

    Several processes may read and write at once. Reading never writes.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._swept = False

    def put(self, raw: bytes, digest: str | None = None) -> Sealed:
        """Seal bytes; once this returns they survive a power cut. `digest` is their SHA-256 in hex, where the caller has
        worked it out already: a wrong one would make a segment that never verifies.

        Raises ArchiveError if the bytes are too many, or if a file of that name is there and is not this
        segment (it is evidence, and left as it is). Raises OSError if it cannot be written, such as on a
        full disk; then nothing is left behind.
        """
        if len(raw) > MAX_RAW:
            raise ArchiveError(f"a segment of {len(raw)} bytes: at most {MAX_RAW} can be sealed")
        digest = digest or hashlib.sha256(raw).hexdigest()
        path = self._path(digest)
        self._prepare(path.parent)
        stored = None if path.exists() else _encode(raw)
        if stored is None or not _files.write_new(self.root, path, stored):
            opened = self.open(digest)
            return Sealed(digest, len(raw), opened.stored_digest, opened.stored_size, new=False)
        return Sealed(digest, len(raw), hashlib.sha256(stored).hexdigest(), len(stored), new=True)

    def get(self, digest: str) -> bytes:
        """The raw bytes of a segment; ArchiveError if they are missing, damaged or others."""
        return self.open(digest).raw

    def unpacked(self, digest: str) -> tuple[bytes, bytes]:
        """Raw bytes and salt key of a segment that this run sealed or opened: held against zstd's checksum, and not
        against the digest once more. Errors as in `get`."""
        stored = _files.read_bounded(self._path(digest), MAX_STORED)
        if stored is None:
            raise ArchiveError(f"segment {digest} is missing from the archive")
        try:
            return _decode(stored)
        except ValueError as error:
            raise ArchiveError(f"segment {digest} is damaged: {error}") from error

    def open(self, digest: str) -> Opened:
        """A segment with its salt key and the digest of its file, in one read; errors as in `get`."""
        path = self._path(digest)
        stored = _files.read_bounded(path, MAX_STORED)
        if stored is None:
            raise ArchiveError(f"segment {digest} is missing from the archive")
        try:
            raw, salt = _decode(stored)
        except ValueError as error:
            raise ArchiveError(f"segment {digest} is damaged: {error}") from error
        if hashlib.sha256(raw).hexdigest() != digest:
            raise ArchiveError(f"segment {digest} is damaged: its bytes have another digest")
        return Opened(raw, salt, hashlib.sha256(stored).hexdigest(), len(stored))

    def stored_digest(self, digest: str) -> str:
        """SHA-256, in hex, of a segment's file as it is, damaged or not; ArchiveError if missing."""
        stored = _files.read_bounded(self._path(digest), MAX_STORED)
        if stored is None:
            raise ArchiveError(f"segment {digest} is missing from the archive")
        return hashlib.sha256(stored).hexdigest()

    def salt(self, digest: str) -> bytes:
        """The salt key of a segment's records, read without the rest of the file."""
        head = _files.read_head(self._path(digest), _HEAD_SIZE)
        if head is None:
            raise ArchiveError(f"segment {digest} is missing from the archive")
        try:
            return _salt_of(head)
        except ValueError as error:
            raise ArchiveError(f"segment {digest} is damaged: {error}") from error

    def stored_size(self, digest: str) -> int:
        """Size in bytes of a segment's file; ArchiveError if it is missing."""
        try:
            return self._path(digest).stat().st_size
        except OSError as error:
            raise ArchiveError(f"segment {digest} cannot be read: {error.strerror}") from error

    def __contains__(self, digest: str) -> bool:
        return self._path(digest).exists()

    def digests(self) -> Iterator[str]:
        """The segments that are there by name, in the order of their digests; nothing is read."""
        return (path.stem for path in self._walk() if self._is_segment(path))

    def strangers(self) -> Iterator[Path]:
        """Files in the archive's folder that are no segments by name; a writer's temporary ones apart."""
        for path in self._walk():
            temporary = path.parent == self.root and _files.TEMPORARY.fullmatch(path.name)
            if not self._is_segment(path) and not temporary:
                yield path

    def _walk(self) -> Iterator[Path]:
        for folder, folders, names in os.walk(self.root):
            folders.sort()
            links = [name for name in folders if Path(folder, name).is_symlink()]
            yield from (Path(folder, name) for name in sorted(names + links))

    def _is_segment(self, path: Path) -> bool:
        return _DIGEST.fullmatch(path.stem) is not None and path == self._path(path.stem)

    def _path(self, digest: str) -> Path:
        if not _DIGEST.fullmatch(digest):
            raise ArchiveError(f"{digest[:80]!r} is no SHA-256 digest in lower-case hex")
        return self.root / digest[:2] / f"{digest}.zst"

    def _prepare(self, folder: Path) -> None:
        if not self._swept:
            self.root.mkdir(parents=True, exist_ok=True)
            _files.sweep(self.root)
            self._swept = True
        _files.make_directory(self.root, folder)


def _encode(raw: bytes) -> bytes:
    compressor = zstandard.ZstdCompressor(level=_LEVEL, write_checksum=True, write_content_size=True)
    return b"".join((_HEAD, secrets.token_bytes(SALT_SIZE), compressor.compress(raw)))


def _decode(stored: bytes) -> tuple[bytes, bytes]:
    """Raw bytes and salt key; ValueError if the file has not exactly our two frames."""
    salt = _salt_of(stored)
    frame = memoryview(stored)[_HEAD_SIZE:]
    try:
        size = zstandard.get_frame_parameters(frame).content_size
        # Checked before anything is unpacked: the declared size is what the library will allocate.
        if size > MAX_RAW:  # 'unknown' is the greatest number of all
            raise ValueError("it declares no size, or one over the limit")
        if size == 0:
            return _decode_empty(frame), salt
        return zstandard.ZstdDecompressor().decompress(frame, allow_extra_data=False), salt
    except zstandard.ZstdError as error:
        raise ValueError(f"zstd: {error}") from error


def _decode_empty(frame: memoryview) -> bytes:
    # Asked for no bytes, the library's one-shot call returns without looking at the rest of the frame; its
    # streaming call looks, but knows no bound, so that a long frame must not get there.
    if len(frame) > _EMPTY_FRAME:
        raise ValueError("it declares no bytes, and is too long for that")
    reader = zstandard.ZstdDecompressor().decompressobj()
    if reader.decompress(frame) or not reader.eof or reader.unused_data:
        raise ValueError("it declares no bytes, and is not the frame of none")
    return b""


def _salt_of(stored: bytes) -> bytes:
    if not stored.startswith(_HEAD) or len(stored) < _HEAD_SIZE:
        raise ValueError("it does not start with a salt frame")
    return stored[len(_HEAD) : _HEAD_SIZE]
