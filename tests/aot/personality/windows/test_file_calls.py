"""Windows calls about files, made as a guest makes them."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from aot.personality.windows.state import get_last_error
from tests.aot.personality.windows.lab import Lab
from tests.runtime.kernel.kit import DATA

GENERIC_READ, GENERIC_WRITE = 0x8000_0000, 0x4000_0000
ARCHS = pytest.mark.parametrize("arch", ["x86_64", "aarch64"])


def create(lab: Lab, name: str, disposition: int, access: int = GENERIC_READ | GENERIC_WRITE) -> int:
    return lab.use("CreateFileW", lab.wide(name, DATA + 0x800), access, 0, 0, disposition, 0, 0)


@ARCHS
def test_files_through_kernel32(arch: str, tmp_path: Path) -> None:
    lab = Lab(arch, tmp_path)
    file = create(lab, "x.txt", 2)
    assert file % 4 == 0
    assert get_last_error(lab.ctx) == 0
    lab.mem.write(DATA, b"hello\r\n")
    assert lab.use("WriteFile", file, DATA, 7, DATA + 0x100, 0) == 1
    assert lab.mem.load_u32(DATA + 0x100) == 7
    assert lab.use("GetFileSizeEx", file, DATA + 0x108) == 1
    assert lab.mem.load_u64(DATA + 0x108) == 7
    assert lab.use("SetFilePointer", file, -2 & 0xFFFFFFFF, 0, 2) == 5
    assert lab.use("ReadFile", file, DATA + 0x200, 10, DATA + 0x100, 0) == 1
    assert lab.mem.read(DATA + 0x200, lab.mem.load_u32(DATA + 0x100)) == b"\r\n"
    assert lab.use("GetFileType", file) == 1
    assert lab.use("CloseHandle", file) == 1
    assert (tmp_path / "x.txt").read_bytes() == b"hello\r\n"
    create(lab, "X.TXT", 2)
    assert get_last_error(lab.ctx) == 183  # was there, in another case
    assert [p.name for p in tmp_path.iterdir()] == ["x.txt"]


@pytest.mark.parametrize(
    ("name", "disposition", "error"),
    [("no", 3, 2), ("no\\x", 3, 3), ("there", 1, 80), ("folder", 3, 5), ("a|b", 3, 123), ("D:\\x", 3, 3)],
)
def test_failures_of_create_file(name: str, disposition: int, error: int, tmp_path: Path) -> None:
    (tmp_path / "there").touch()
    (tmp_path / "folder").mkdir()
    lab = Lab(root=tmp_path)
    assert create(lab, name, disposition) == (1 << 64) - 1
    assert get_last_error(lab.ctx) == error


def test_directories_and_searches(tmp_path: Path) -> None:
    lab = Lab(root=tmp_path)
    assert lab.use("CreateDirectoryW", lab.wide("sub", DATA + 0x800), 0) == 1
    assert lab.use("CreateDirectoryW", DATA + 0x800, 0) == 0
    assert get_last_error(lab.ctx) == 183
    for name in ("b.txt", "A.TXT", "c.bin"):
        (tmp_path / "sub" / name).write_bytes(b"12345")
    handle = lab.use("FindFirstFileW", lab.wide("sub\\*.txt", DATA + 0x800), DATA)
    found = []
    while True:
        found.append(lab.mem.read(DATA + 44, 520).decode("utf-16-le").split("\0")[0])
        assert lab.mem.load_u32(DATA + 32) == 5
        if not lab.use("FindNextFileW", handle, DATA):
            break
    assert (found, get_last_error(lab.ctx)) == (["A.TXT", "b.txt"], 18)
    assert lab.use("FindClose", handle) == 1
    assert lab.use("RemoveDirectoryW", lab.wide("sub", DATA + 0x800)) == 0
    assert get_last_error(lab.ctx) == 145
    assert lab.use("SetCurrentDirectoryW", lab.wide("SUB", DATA + 0x800)) == 1
    assert lab.use("GetCurrentDirectoryW", 100, DATA) == 6
    assert lab.mem.read(DATA, 14) == "C:\\sub\0".encode("utf-16-le")
    assert lab.use("GetCurrentDirectoryA", 3, DATA) == 7
    assert create(lab, "b.txt", 3) != (1 << 64) - 1


def test_a_file_deleted_on_close_stays_until_then(tmp_path: Path) -> None:
    (tmp_path / "x").touch()
    lab = Lab(root=tmp_path)
    file = lab.use("CreateFileA", lab.text(b"x"), GENERIC_READ, 0, 0, 3, 0x0400_0000, 0)
    assert (tmp_path / "x").exists()
    lab.use("CloseHandle", file)
    assert not (tmp_path / "x").exists()


def test_rename_by_handle(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"a")
    (tmp_path / "b").write_bytes(b"b")
    lab = Lab(root=tmp_path)
    file = create(lab, "a", 3)
    name = "\\??\\C:\\b".encode("utf-16-le")
    for replace, status in ((0, 0xC0000035), (1, 0)):
        lab.mem.write(DATA, struct.pack("<B7xQI", replace, 0, len(name)) + name)
        assert lab.trap("NtSetInformationFile", file, DATA + 0x200, DATA, 20 + len(name), 10) == status
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == {"b": b"a"}
