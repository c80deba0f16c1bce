"""Inputs: whatever lies under a path comes out as a stream or as a reason."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import socket
import struct
import tarfile
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from countersign.app import _streams
from countersign.app.inputs import Input, Skipped, open_inputs, survey
from countersign.errors import UsageError

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
TEXT = b"".join(b"line %d of a log\n" % number for number in range(5000))


def read(*paths: Path | str, stdin: bytes = b"", exclude: Path | None = None) -> dict[str, tuple[bytes, str]]:
    """Path below the first folder -> (content, damage), or (b"", status: reason)."""
    out: dict[str, tuple[bytes, str]] = {}
    spool = Path(os.environ.get("TMPDIR", "/tmp"))  # noqa: S108 -- nameless files only
    for item in open_inputs(paths, spool=spool, now=NOW, exclude=exclude, stdin=io.BytesIO(stdin)):
        name = item.path.split("/t/")[-1]
        while name in out:
            name += "+"
        if isinstance(item, Skipped):
            out[name] = (b"", f"{item.status}: {item.reason}")
        else:
            out[name] = (_drain(item), item.stream.damage)
    return out


def _drain(item: Input) -> bytes:
    parts = []
    while data := item.stream.read(70_000):
        parts.append(data)
    return b"".join(parts)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "t"
    path.mkdir()
    return path


def zipped(*members: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as file:
        for name, data in members:
            file.writestr(zipfile.ZipInfo(name, (2026, 1, 2, 3, 4, 6)), data, compress_type=method)
    return buffer.getvalue()


def tarred(*members: tuple[str, bytes], format_: int = tarfile.PAX_FORMAT) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=format_) as file:
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            info.mtime = 1_700_000_000
            file.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def test_folders_are_read_in_the_order_of_names(folder: Path) -> None:
    for name in ("b.log", "a/z.log", "a.log", "a/y.log"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(name.encode())
    assert list(read(folder)) == ["a/y.log", "a/z.log", "a.log", "b.log"]
    assert survey([folder]) == sum(len(name) for name in ("b.log", "a/z.log", "a.log", "a/y.log"))


@pytest.mark.parametrize(
    "packed",
    [
        gzip.compress(TEXT),
        gzip.compress(TEXT[:100]) + gzip.compress(TEXT[100:]),
        gzip.compress(TEXT) + b"\0" * 600,
        bz2.compress(TEXT),
        lzma.compress(TEXT),
        zstandard.compress(TEXT),
        gzip.compress(bz2.compress(TEXT)),
    ],
    ids=["gzip", "two members", "padded", "bzip2", "xz", "zstd", "twice"],
)
def test_compressed_by_content_whatever_the_name(folder: Path, packed: bytes) -> None:
    (folder / "picture.jpg").write_bytes(packed)
    assert read(folder) == {"picture.jpg": (TEXT, "")}


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2])
def test_zip_members(folder: Path, method: int) -> None:
    (folder / "a").write_bytes(zipped(("x/b.log", TEXT), ("c.log", b"c"), ("d/", b""), method=method))
    assert read(folder) == {"a!x/b.log": (TEXT, ""), "a!c.log": (b"c", "")}


@pytest.mark.parametrize("format_", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
@pytest.mark.parametrize("pack", [bytes, gzip.compress, bz2.compress, lzma.compress])
def test_tar_members(folder: Path, format_: int, pack: object) -> None:
    assert callable(pack)
    name = "a-long-folder-name/" * 6 + "b.log" if format_ != tarfile.USTAR_FORMAT else "x/b.log"
    (folder / "a").write_bytes(pack(tarred((name, TEXT), ("c.log", b"c"), format_=format_)))
    assert read(folder) == {f"a!{name}": (TEXT, ""), "a!c.log": (b"c", "")}


def test_archives_in_archives_to_a_depth_of_three(folder: Path) -> None:
    deep = zipped(("4.log", b"four"))
    for level in (3, 2, 1):
        deep = zipped((f"{level}.log", b"here"), (f"{level}.zip", deep))
    (folder / "a").write_bytes(tarred(("in.zip", deep)))
    found = read(folder)
    assert found["a!in.zip!1.zip!2.log"] == (b"here", "")
    assert found["a!in.zip!1.zip!2.zip"][1].startswith("unreadable: is packed deeper")
    assert len(found) == 3


def test_times_come_from_the_member(folder: Path) -> None:
    (folder / "a").write_bytes(zipped(("m", b"m")))
    (folder / "b").write_bytes(tarred(("m", b"m")))
    (folder / "c").write_bytes(b"m")
    os.utime(folder / "c", (1_600_000_000, 1_600_000_000))
    times = [
        item.modified for item in open_inputs([folder], spool=folder, now=NOW) if isinstance(item, Input)
    ]
    assert times == [
        datetime(2026, 1, 2, 3, 4, 6, tzinfo=UTC),
        datetime.fromtimestamp(1_700_000_000, UTC),
        datetime.fromtimestamp(1_600_000_000, UTC),
    ]


def test_standard_input_may_be_packed(folder: Path) -> None:
    del folder
    assert read("-", stdin=TEXT) == {"-": (TEXT, "")}
    assert read("-", stdin=gzip.compress(TEXT)) == {"-": (TEXT, "")}
    assert read("-", stdin=zipped(("b", TEXT))) == {"-!b": (TEXT, "")}
    assert read("-")["-"] == (b"", "empty: holds no bytes")


def test_damaged_gzip_keeps_what_stands_before(folder: Path) -> None:
    whole = gzip.compress(TEXT)
    (folder / "cut").write_bytes(whole[:-100])
    (folder / "crc").write_bytes(whole[:-8] + b"\0" * 8)
    (folder / "mid").write_bytes(whole[:4000] + b"\xff" * 40 + whole[4040:])
    (folder / "tail").write_bytes(whole + b"no gzip")
    found = read(folder)
    assert found["cut"][0] == TEXT[: len(found["cut"][0])]
    assert len(found["cut"][0]) > len(TEXT) * 0.9
    assert found["cut"][1] == "ends in the middle of its gzip data"
    assert found["crc"] == (TEXT, "its gzip data are damaged")
    assert found["mid"][0][:5000] == TEXT[:5000]
    assert found["mid"][1] == "its gzip data are damaged"
    assert found["tail"] == (TEXT, "is followed by bytes that are no gzip data")


def test_zip_cut_off_is_read_member_by_member(folder: Path) -> None:
    whole = zipped(("one", TEXT), ("two", TEXT[::-1]), ("three", TEXT))
    (folder / "a").write_bytes(whole[: whole.find(b"three") - 200])
    found = read(folder)
    assert found["a"][1].startswith("damaged: is no whole zip")
    assert found["a!one"] == (TEXT, "")
    assert found["a!two"][0] == TEXT[::-1][: len(found["a!two"][0])]
    assert found["a!two"][1] == "ends where its zip is cut off"
    assert len(found) == 3


def test_streamed_zip_cut_off_is_read_too(folder: Path) -> None:
    class Pipe(io.RawIOBase):
        def __init__(self) -> None:
            self.data = bytearray()

        def writable(self) -> bool:
            return True

        def write(self, data: object) -> int:
            self.data += bytes(data)  # type: ignore[call-overload]  # any buffer
            return len(bytes(data))  # type: ignore[call-overload]  # any buffer

    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("one", TEXT)
        file.writestr("two", TEXT[:99])
    (folder / "a").write_bytes(bytes(pipe.data).split(b"PK\x01\x02")[0])
    found = read(folder)
    assert found["a!one"] == (TEXT, "")
    assert found["a!two"] == (TEXT[:99], "")


def test_wrong_checksum_and_encryption_in_a_zip(folder: Path) -> None:
    data = bytearray(zipped(("one", TEXT), method=zipfile.ZIP_STORED))
    data[100] ^= 1
    (folder / "a").write_bytes(data)
    secret = bytearray(zipped(("one", TEXT)))
    for magic, flag in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        secret[secret.find(magic) + flag] |= 1
    (folder / "b").write_bytes(secret)
    found = read(folder)
    assert len(found["a!one"][0]) == len(TEXT)
    assert found["a!one"][1] == "does not have the length and checksum that its zip says"
    assert found["b!one"][1].startswith("unreadable: is encrypted")


def test_names_in_archives_write_nothing(folder: Path) -> None:
    names = ("../../escape", "/etc/escape", "a\x1b[2Jb", "x" * 9000)
    (folder / "a.zip").write_bytes(zipped(*((name, b"zip") for name in names)))
    (folder / "a.tar").write_bytes(tarred(*((name, b"tar") for name in names)))
    before = sorted(folder.parent.rglob("*"))
    found = read(folder)
    assert sorted(folder.parent.rglob("*")) == before
    assert [content for content, _ in found.values()] == [b"tar"] * 4 + [b"zip"] * 4
    assert max(map(len, found)) < 5000


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress, zstandard.compress])
def test_bombs_stop(folder: Path, monkeypatch: pytest.MonkeyPatch, pack: object) -> None:
    assert callable(pack)
    monkeypatch.setattr(_streams, "BOMB_GRACE", 1 << 20)
    monkeypatch.setattr(_streams, "READ_BYTES", 1 << 16)
    bomb = b"\n" * (24 << 20)
    (folder / "a").write_bytes(pack(bomb))
    (folder / "b").write_bytes(tarred(("x", pack(bomb)), ("y", b"never seen")))
    found = read(folder)
    assert len(found["a"][0]) < 8 << 20
    assert found["a"][1] == "unfolds to more than 200 times its size, the rest was not read"
    assert found["b"][1] == "damaged: unfolds to more than 200 times its size, the rest was not read"


def test_zip_whose_members_overlap_stops(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_streams, "BOMB_GRACE", 1 << 20)
    data = zipped(*((f"{number:03}", b"") for number in range(300)), ("kernel", b"\n" * (1 << 20)))
    kernel = data.rfind(b"PK\x03\x04")
    start = data.find(b"PK\x01\x02")
    last = data.rfind(b"PK\x01\x02")
    entry = data[last : last + 46]
    fields = entry[10:28]  # method, time, checksum and sizes
    rows = bytearray(data)
    at = start
    while at < last:
        rows[at + 10 : at + 28] = fields
        rows[at + 42 : at + 46] = struct.pack("<I", kernel)
        at = rows.find(b"PK\x01\x02", at + 4)
    (folder / "a").write_bytes(rows)
    found = read(folder)
    assert sum(len(content) for content, _ in found.values()) < 40 << 20
    assert any("200 times its size" in reason for _, reason in found.values())


def test_a_tar_that_states_an_endless_name(folder: Path) -> None:
    data = bytearray(tarred(("x" * 200, b"content"), format_=tarfile.GNU_FORMAT))
    data[124:136] = b"\x80" + (1 << 60).to_bytes(11, "big")
    header = bytes(data[:148]) + b" " * 8 + bytes(data[156:512])
    data[148:156] = b"%06o\0 " % sum(header)
    (folder / "a").write_bytes(data)
    assert read(folder) == {"a": (b"", "damaged: has a name longer than 1 MiB")}


def test_what_is_no_file(folder: Path) -> None:
    (folder / "empty").touch()
    (folder / "link").symlink_to("/etc/hostname")
    (folder / "folder").symlink_to("/etc")
    os.mkfifo(folder / "pipe")
    with socket.socket(socket.AF_UNIX) as listener:
        here = Path.cwd()
        os.chdir(folder)
        try:
            listener.bind("socket")
        finally:
            os.chdir(here)
    found = {name: reason for name, (_, reason) in read(folder).items()}
    assert found == {
        "empty": "empty: holds no bytes",
        "folder": "unreadable: is a symbolic link: name its target to read it",
        "link": "unreadable: is a symbolic link: name its target to read it",
        "pipe": "unreadable: is a device, a socket or a pipe, not a file",
        "socket": "unreadable: no such device or address",
    }


def test_a_named_link_is_followed_and_a_named_pipe_is_read(folder: Path) -> None:
    (folder / "a").write_bytes(TEXT)
    (folder / "link").symlink_to("a")
    assert read(folder / "link") == {"link": (TEXT, "")}
    outlet, inlet = os.pipe()
    with os.fdopen(inlet, "wb") as file:
        file.write(TEXT[:9000])
    assert read(f"/dev/fd/{outlet}") == {f"/dev/fd/{outlet}": (TEXT[:9000], "")}
    os.close(outlet)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_no_permission(folder: Path) -> None:
    (folder / "a").write_bytes(TEXT)
    (folder / "a").chmod(0)
    assert read(folder) == {"a": (b"", "unreadable: permission denied")}


def test_a_file_that_vanishes_is_listed(folder: Path) -> None:
    for name in "abc":
        (folder / name).write_bytes(TEXT)
    items = open_inputs([folder], spool=folder, now=NOW)
    next(items)
    (folder / "b").unlink()
    gone = next(items)
    assert isinstance(gone, Skipped)
    assert gone.reason == "no such file or directory"
    assert isinstance(next(items), Input)


def test_a_file_is_read_to_the_size_it_had(folder: Path) -> None:
    (folder / "a").write_bytes(TEXT)
    (folder / "b").write_bytes(TEXT)
    items = open_inputs([folder], spool=folder, now=NOW)
    grown, shrunk = next(items), None
    assert isinstance(grown, Input)
    with (folder / "a").open("ab") as file:
        file.write(b"more")
    assert _drain(grown) == TEXT
    shrunk = next(items)
    assert isinstance(shrunk, Input)
    os.truncate(folder / "b", 1000)
    _drain(shrunk)
    assert shrunk.stream.damage == "became shorter while it was read"


def test_missing_paths_are_refused_before_anything_is_read(folder: Path) -> None:
    (folder / "a").write_bytes(TEXT)
    with pytest.raises(UsageError, match=r"no such file or folder: .*/t/b"):
        next(open_inputs([folder / "a", folder / "b"], spool=folder, now=NOW))


def test_the_workspace_is_passed_over(folder: Path) -> None:
    (folder / "w").mkdir()
    (folder / "w" / "a").write_bytes(TEXT)
    (folder / "b").write_bytes(TEXT)
    assert list(read(folder, exclude=folder / "w")) == ["b"]


def test_names_that_are_no_utf8(folder: Path) -> None:
    Path(os.fsdecode(os.fsencode(folder) + b"/\xff\xfe")).write_bytes(b"x")
    assert read(folder) == {"\\xff\\xfe": (b"x", "")}


@given(st.binary(max_size=2000), st.integers(0, 5), st.binary(max_size=30), st.integers(0, 3000))
def test_whatever_the_bytes_nothing_is_raised(
    tmp_path_factory: pytest.TempPathFactory, noise: bytes, kind: int, patch: bytes, at: int
) -> None:
    makers = (
        lambda data: data,
        gzip.compress,
        lambda data: zipped(("a", data), ("b", gzip.compress(data))),
        lambda data: tarred(("a", data), ("b" * 150, data)),
        bz2.compress,
        lambda data: zipped(("a", tarred(("b", data)))),
    )
    data = bytearray(makers[kind](noise + TEXT[:500]))
    data[at : at + len(patch)] = patch
    path = tmp_path_factory.mktemp("fuzz") / "t"
    path.mkdir()
    (path / "x").write_bytes(data)
    assert read(path)
