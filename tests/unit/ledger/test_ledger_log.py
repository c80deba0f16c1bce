"""The log: its layout, its growth, and what a crash or a forger leaves."""

from __future__ import annotations

import errno
import os
import shutil
import stat
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from countersign.errors import ArchiveError, UsageError, VerificationError
from countersign.ledger import Checkpoint, Log, Signer, _files, merkle, prove_growth, verify_consistency

ORIGIN = "example.com/ledger"


def leaf(index: int) -> bytes:
    return b"leaf %d" % index


def root_of(size: int) -> bytes:
    return merkle.root_of([merkle.leaf_hash(leaf(index)) for index in range(size)])


def files_of(log: Log) -> set[str]:
    names = {
        path.relative_to(log.root_path).as_posix() for path in log.root_path.rglob("*") if path.is_file()
    }
    return {name for name in names if name.startswith("tile/")}


@pytest.fixture
def log(tmp_path: Path) -> Log:
    return Log.create(tmp_path / "ledger", ORIGIN)


def grow(log: Log, size: int) -> None:
    log.append([leaf(index) for index in range(log.size, size)])


def test_an_empty_log(log: Log) -> None:
    assert log.head() == Checkpoint(ORIGIN, 0, merkle.EMPTY_ROOT)
    assert list(log.leaves()) == []
    assert log.append([]) == []
    assert files_of(log) == set()


def test_the_secret_key_is_its_owners(log: Log) -> None:
    assert stat.S_IMODE((log.root_path / "key").stat().st_mode) == 0o600
    assert log.signer().verifier == log.verifier


def test_a_key_kept_elsewhere(tmp_path: Path) -> None:
    key = tmp_path / "secret"
    made = Log.create(tmp_path / "ledger", ORIGIN, key=key)
    assert not (made.root_path / "key").exists()
    assert Log(made.root_path, key=key).append([b"leaf"]) == [0]
    with pytest.raises(VerificationError, match="missing"):
        Log(made.root_path).append([b"leaf"])


def test_a_log_is_made_once(log: Log) -> None:
    with pytest.raises(UsageError):
        Log.create(log.root_path, ORIGIN)


def test_making_a_log_goes_on_where_it_broke_off(log: Log) -> None:
    (log.root_path / "checkpoint").unlink()
    assert Log.create(log.root_path, ORIGIN).size == 0


@settings(max_examples=25)
@given(st.lists(st.integers(0, 300), max_size=5))
def test_batches_make_no_difference(tmp_path_factory: pytest.TempPathFactory, batches: list[int]) -> None:
    log = Log.create(tmp_path_factory.mktemp("log") / "ledger", ORIGIN)
    size = 0
    for count in batches:
        assert log.append([leaf(size + i) for i in range(count)]) == list(range(size, size + count))
        size += count
        # Another process sees the same.
        assert Log(log.root_path).head() == Checkpoint(ORIGIN, size, root_of(size))
    assert list(log.leaves()) == [leaf(index) for index in range(size)]


@pytest.mark.parametrize("size", [1, 255, 256, 257, 511, 512, 513])
def test_growing_by_one_from_a_fresh_start(log: Log, size: int) -> None:
    grow(log, size)
    again = Log(log.root_path)
    assert again.append([leaf(size)]) == [size]
    assert again.root() == root_of(size + 1)


def test_the_layout_of_70000_leaves(log: Log) -> None:
    # The example of c2sp.org/tlog-tiles.
    log.append([leaf(0)] * 60_000)
    log.append([leaf(0)] * 10_000)
    full = {f"tile/{level}/{index:03}" for level in (0, "entries") for index in range(273)}
    partial = {"tile/0/273.p/112", "tile/entries/273.p/112", "tile/1/001.p/17", "tile/2/000.p/1"}
    assert files_of(log) == full | {"tile/1/000"} | partial
    assert log.root() == merkle.root_of([merkle.leaf_hash(leaf(0))] * 70_000)
    assert (log.root_path / "tile/0/000").stat().st_size == 8192
    assert (log.root_path / "tile/1/001.p/17").stat().st_size == 17 * 32


def test_the_layout_of_256_leaves(log: Log) -> None:
    grow(log, 256)
    assert files_of(log) == {"tile/0/000", "tile/entries/000", "tile/1/000.p/1"}


def test_a_range_of_leaves(log: Log) -> None:
    grow(log, 600)
    for start, end in [(0, 1), (255, 257), (256, 512), (599, 600), (10, 10), (0, 600), (598, 700)]:
        assert list(log.leaves(start, end)) == [leaf(index) for index in range(start, min(end, 600))]


@given(old=st.integers(0, 600))
def test_a_log_proves_that_it_only_grew(grown: Log, old: int) -> None:
    path = prove_growth(grown, old)
    verify_consistency(old, root_of(old), 600, root_of(600), path)


@pytest.fixture(scope="module")
def grown(tmp_path_factory: pytest.TempPathFactory) -> Log:
    log = Log.create(tmp_path_factory.mktemp("log") / "ledger", ORIGIN)
    grow(log, 600)
    return log


def test_a_size_it_never_had_is_not_proven(grown: Log) -> None:
    with pytest.raises(UsageError):
        prove_growth(grown, 601)


def test_greatest_leaf(log: Log) -> None:
    log.append([b"x" * 65_535, b""])
    assert list(log.leaves()) == [b"x" * 65_535, b""]
    with pytest.raises(RuntimeError):
        log.append([b"x" * 65_536])


@pytest.mark.parametrize("before", [0, 3, 250, 256, 300])
@pytest.mark.parametrize("count", [1, 10, 300])
def test_a_crash_at_any_step_of_an_append(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: int, count: int
) -> None:
    """Break an append off at its first, second ... write, each time from the same beginning."""
    start = Log.create(tmp_path / "start", ORIGIN)
    grow(start, before)
    real = _files.write_over
    steps = 0
    while True:
        root = tmp_path / f"crash{steps}"
        shutil.copytree(start.root_path, root)
        log, left = Log(root), [steps]

        def crash(*args: object, left: list[int] = left, **named: object) -> None:
            if left[0] == 0:
                raise OSError(errno.ENOSPC, "No space left on device")
            left[0] -= 1
            real(*args, **named)  # type: ignore[arg-type]  # handed through

        monkeypatch.setattr(_files, "write_over", crash)
        try:
            log.append([b"other"] * count)
        except OSError:
            finished = False
        else:
            finished = True
        monkeypatch.setattr(_files, "write_over", real)
        if finished:
            break
        for each in (log, Log(root)):
            assert each.head() == start.head()
            assert list(each.leaves()) == [leaf(index) for index in range(before)]
        grow(log if steps % 2 else Log(root), before + count)
        assert Log(root).root() == root_of(before + count)
        assert list(log.leaves()) == [leaf(index) for index in range(before + count)]
        steps += 1
    assert steps >= 3


def test_a_killed_writer_leaves_a_log(tmp_path: Path) -> None:
    """Kill a process that appends, again and again, and look at what is there."""
    log = Log.create(tmp_path / "ledger", ORIGIN)
    program = textwrap.dedent("""
        import sys
        from pathlib import Path
        from countersign.ledger import Log
        log = Log(Path(sys.argv[1]))
        print("ready", flush=True)
        while True:
            size = log.size
            log.append([b"leaf %d" % (size + i) for i in range(37)])
    """)
    for pause in (0.02, 0.05, 0.09):
        command = [sys.executable, "-c", program, str(log.root_path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            process.stdout.readline()
            try:
                process.wait(pause)
            except subprocess.TimeoutExpired:
                process.kill()
        size = log.size
        assert size % 37 == 0
        assert log.root() == root_of(size)
        assert list(log.leaves()) == [leaf(index) for index in range(size)]
    grow(log, log.size + 5)
    assert log.root() == root_of(log.size)


def test_two_writers_take_turns(log: Log) -> None:
    other = Log(log.root_path)
    for _ in range(4):
        log.append([leaf(log.size)])
        other.append([leaf(log.size)])
    assert log.root() == root_of(8)


def test_what_a_crash_left_is_cleaned_by_the_next_append(log: Log) -> None:
    grow(log, 300)
    (log.root_path / "tile/0/000.p").mkdir()
    for name in ("tile/0/000.p/9", "tile/0/001.p/99", ".tmp.2147483646.0123456789abcdef"):
        (log.root_path / name).write_bytes(b"?")
    Log(log.root_path).append([leaf(300)])
    assert files_of(log) == {
        "tile/0/000",
        "tile/0/001.p/45",
        "tile/1/000.p/1",
        "tile/entries/000",
        "tile/entries/001.p/45",
    }
    assert not list(log.root_path.glob(".tmp*"))


def test_a_reader_of_an_older_head_finds_its_tiles_in_wider_ones(log: Log) -> None:
    grow(log, 10)
    narrow = log.bundle(0, 10), log.read_tile(0, 0, 10)
    for size in (20, 300):
        grow(log, size)
        assert (log.bundle(0, 10), log.read_tile(0, 0, 10)) == narrow


def test_a_head_put_back_does_not_lose_tiles(log: Log) -> None:
    grow(log, 10)
    old = log.checkpoint()
    grow(log, 20)
    (log.root_path / "checkpoint").write_bytes(old)
    assert list(Log(log.root_path).leaves()) == [leaf(index) for index in range(10)]
    assert Log(log.root_path).append([leaf(10)]) == [10]
    assert log.root() == root_of(11)


@pytest.mark.parametrize("name", ["tile/0/001.p/44", "tile/1/000.p/1", "tile/entries/001.p/44"])
@pytest.mark.parametrize("how", ["flip", "cut", "longer", "delete"])
def test_nothing_is_appended_to_a_damaged_log(log: Log, name: str, how: str) -> None:
    grow(log, 300)
    path = log.root_path / name
    data = path.read_bytes()
    changed = {"flip": data[:-1] + bytes([data[-1] ^ 1]), "cut": data[:-1], "longer": data + b"!"}
    if how == "delete":
        path.unlink()
    else:
        path.write_bytes(changed[how])
    with pytest.raises(VerificationError):
        Log(log.root_path).append([b"leaf"])


def test_another_secret_key_does_not_sign(log: Log) -> None:
    other = Signer.generate(ORIGIN)
    (log.root_path / "key").write_text(other.to_text() + "\n")
    with pytest.raises(VerificationError, match="not the secret key"):
        log.append([b"leaf"])


@pytest.mark.parametrize("text", ["", "nonsense\n", "no newline", "\udcff\n"])
def test_a_damaged_public_key(log: Log, text: str) -> None:
    (log.root_path / "key.pub").write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(VerificationError):
        log.head()


def test_no_log_there(tmp_path: Path) -> None:
    nothing = Log(tmp_path / "nothing")
    with pytest.raises(ArchiveError):
        nothing.head()
    with pytest.raises(ArchiveError):
        nothing.append([b"leaf"])
    assert not (tmp_path / "nothing").exists()


def test_an_append_to_a_log_of_100000_leaves_touches_few_files(log: Log) -> None:
    log.append([b"leaf"] * 100_000)
    again = Log(log.root_path)
    before = {path: path.stat().st_mtime_ns for path in log.root_path.rglob("*") if path.is_file()}
    again.append([b"leaf"])
    changed = {
        path.name
        for path in log.root_path.rglob("*")
        if path.is_file() and before.get(path) != path.stat().st_mtime_ns
    }
    assert changed == {"checkpoint", "161"}  # 100,001 = 390 * 256 + 161


def test_unwritable_disk_is_the_systems_error(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space left"):
            log.append([b"leaf"])
    assert log.size == 0
    assert files_of(log) == set()
    assert log.append([leaf(0)]) == [0]
