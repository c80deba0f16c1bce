"""The archive: what is put comes back, whole or not at all, and nothing else does."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from countersign.errors import ArchiveError
from countersign.ledger import MAX_RAW, Archive
from countersign.ledger import archive as module

DEAD = 2**31 - 2  # above every system's greatest process id
NO_SUCH = "0" * 64


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return Archive(tmp_path / "archive")


def file_of(archive: Archive, digest: str) -> Path:
    return archive.root / digest[:2] / f"{digest}.zst"


@given(raw=st.binary(max_size=3000) | st.binary(max_size=9).map(lambda part: part * 999))
def test_what_is_put_comes_back(tmp_path_factory: pytest.TempPathFactory, raw: bytes) -> None:
    archive = Archive(tmp_path_factory.mktemp("archive"))
    sealed = archive.put(raw)
    stored = file_of(archive, sealed.digest).read_bytes()
    assert (sealed.digest, sealed.size) == (hashlib.sha256(raw).hexdigest(), len(raw))
    assert (sealed.stored_digest, sealed.stored_size) == (hashlib.sha256(stored).hexdigest(), len(stored))
    assert archive.get(sealed.digest) == raw
    assert archive.salt(sealed.digest) == archive.open(sealed.digest).salt
    assert archive.unpacked(sealed.digest) == (raw, archive.salt(sealed.digest))
    assert archive.stored_size(sealed.digest) == len(stored)
    assert list(archive.digests()) == [sealed.digest]


def test_what_is_missing_or_torn_is_not_unpacked(archive: Archive) -> None:
    sealed = archive.put(b"bytes")
    file = file_of(archive, sealed.digest)
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(ArchiveError, match="damaged"):
        archive.unpacked(sealed.digest)
    with pytest.raises(ArchiveError, match="missing"):
        archive.unpacked(NO_SUCH)


def test_the_same_bytes_are_sealed_once(archive: Archive) -> None:
    first, second = archive.put(b"bytes"), archive.put(b"bytes")
    assert (first.new, second.new) == (True, False)
    assert first.stored_digest == second.stored_digest


def test_salts_are_random(tmp_path: Path) -> None:
    one, two = Archive(tmp_path / "1"), Archive(tmp_path / "2")
    digest = one.put(b"bytes").digest
    two.put(b"bytes")
    assert len(one.salt(digest)) == 32
    assert one.salt(digest) != two.salt(digest)


def test_writers_at_once_agree_on_one_file(archive: Archive) -> None:
    with ThreadPoolExecutor(8) as pool:
        sealed = list(pool.map(lambda _: Archive(archive.root).put(b"bytes" * 1000), range(24)))
    assert len({each.stored_digest for each in sealed}) == 1
    assert sum(each.new for each in sealed) == 1


@pytest.mark.skipif(shutil.which("zstd") is None, reason="needs the zstd program")
def test_zstd_itself_reads_the_files(archive: Archive) -> None:
    sealed = archive.put(b"some line\n" * 500)
    command = ["zstd", "-dc", str(file_of(archive, sealed.digest))]
    assert subprocess.run(command, check=True, capture_output=True).stdout == b"some line\n" * 500


def test_a_missing_segment(archive: Archive) -> None:
    for look in (archive.get, archive.salt, archive.stored_size):
        with pytest.raises(ArchiveError):
            look(NO_SUCH)
    assert NO_SUCH not in archive


@pytest.mark.parametrize("digest", ["", "../../etc/passwd", "A" * 64, NO_SUCH + "\n", "0" * 63])
def test_what_is_no_digest_leads_nowhere(archive: Archive, digest: str) -> None:
    with pytest.raises(ArchiveError, match="no SHA-256"):
        archive.get(digest)


def test_a_damaged_file_is_neither_read_nor_replaced(archive: Archive) -> None:
    sealed = archive.put(b"bytes")
    path = file_of(archive, sealed.digest)
    damaged = path.read_bytes()[:-1] + b"?"
    path.write_bytes(damaged)
    with pytest.raises(ArchiveError, match=sealed.digest):
        archive.get(sealed.digest)
    with pytest.raises(ArchiveError, match=sealed.digest):
        archive.put(b"bytes")
    assert path.read_bytes() == damaged


@pytest.mark.parametrize("raw", [b"", b"bytes"])
def test_a_file_cut_short_anywhere(archive: Archive, raw: bytes) -> None:
    digest = archive.put(raw).digest
    path = file_of(archive, digest)
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(ArchiveError):
            archive.get(digest)
    path.write_bytes(whole + b"\0")
    with pytest.raises(ArchiveError):
        archive.get(digest)


def test_other_bytes_under_a_name(archive: Archive) -> None:
    one, two = archive.put(b"one").digest, archive.put(b"two").digest
    file_of(archive, one).write_bytes(file_of(archive, two).read_bytes())
    with pytest.raises(ArchiveError, match="another digest"):
        archive.get(one)


@pytest.mark.parametrize("sized", [True, False])
def test_a_bomb_is_not_unpacked(archive: Archive, monkeypatch: pytest.MonkeyPatch, sized: bool) -> None:
    digest = archive.put(b"bytes").digest
    path = file_of(archive, digest)
    head = path.read_bytes()[: module._HEAD_SIZE]
    bomb = zstandard.ZstdCompressor(write_content_size=sized).compressobj(size=2000 if sized else -1)
    path.write_bytes(head + bomb.compress(bytes(2000)) + bomb.flush())
    monkeypatch.setattr(module, "MAX_RAW", 1000)
    with pytest.raises(ArchiveError, match="limit"):
        archive.get(digest)


def test_a_segment_has_a_greatest_size(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    assert MAX_RAW == 128 * 1024 * 1024
    monkeypatch.setattr(module, "MAX_RAW", 10)
    with pytest.raises(ArchiveError):
        archive.put(bytes(11))


@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.symlink_to("/dev/zero"), os.mkdir])
def test_a_name_may_be_a_trap(archive: Archive, make: Any) -> None:
    digest = archive.put(b"bytes").digest
    path = file_of(archive, digest)
    path.unlink()
    make(path)
    for look in (archive.get, archive.salt):
        with pytest.raises(ArchiveError):
            look(digest)


@pytest.mark.parametrize("call", ["fsync", "link"])
def test_a_full_disk_leaves_nothing(archive: Archive, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    archive.put(b"before")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, call, full)
        with pytest.raises(OSError, match="No space left"):
            archive.put(b"after")
    assert [path for path in archive.root.rglob("*") if path.is_file()] == [
        file_of(archive, hashlib.sha256(b"before").hexdigest())
    ]
    assert archive.put(b"after").new


def test_a_disk_without_hard_links(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "link", refuse)
    sealed = archive.put(b"bytes")
    assert sealed.new
    assert archive.get(sealed.digest) == b"bytes"
    assert not archive.put(b"bytes").new


def test_what_a_killed_writer_left_is_swept(archive: Archive) -> None:
    archive.root.mkdir()
    dead = archive.root / f".tmp.{DEAD}.0123456789abcdef"
    alive = archive.root / f".tmp.{os.getpid()}.0123456789abcdef"
    dead.write_bytes(b"half")
    alive.write_bytes(b"half")
    assert list(archive.strangers()) == []
    assert dead.exists()
    archive.put(b"bytes")
    assert not dead.exists()
    assert alive.exists()


def test_strangers(archive: Archive) -> None:
    digest = archive.put(b"bytes").digest
    names = ["note.txt", "ab/note.txt", f"00/{'1' * 64}.zst", f"{digest[:2]}/{digest}.gz"]
    for name in names:
        path = archive.root / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"?")
    (archive.root / "elsewhere").symlink_to("/etc")
    found = {path.relative_to(archive.root).as_posix() for path in archive.strangers()}
    assert found == {*names, "elsewhere"}
    assert list(archive.digests()) == [digest]


def test_an_archive_that_is_not_there_is_empty(archive: Archive) -> None:
    assert list(archive.digests()) == []
    assert not archive.root.exists()
