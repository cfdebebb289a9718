"""Read-only mounts refuse every changing call; a host that swaps directories for links opens no way out."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from aot.personality.linux.system import SYSTEM
from runtime.kernel.schemes.hostfs import host_root
from tests.runtime.kernel.kit import DATA, Kit, memory_root

CWD = -100 & (1 << 64) - 1
ROOM = DATA + 0x100
FILE, NEW, DIR, LINK, OUT = (DATA + 0x400 + 0x40 * i for i in range(5))
PATHS = {FILE: b"/ro/file", NEW: b"/ro/new", DIR: b"/ro/d", LINK: b"/ro/link", OUT: b"/rw/new"}

CHANGES = (
    ("open", FILE, 1), ("open", FILE, 2), ("open", FILE, 0o1000), ("open", NEW, 0o101, 0o666),
    ("openat", CWD, LINK, 2), ("creat", FILE, 0o666), ("creat", NEW, 0o666), ("truncate", FILE, 0),
    ("mkdir", NEW, 0o777), ("rmdir", DIR), ("unlink", FILE), ("unlink", LINK), ("unlinkat", CWD, DIR, 0x200),
    ("rename", FILE, NEW), ("rename", FILE, OUT), ("rename", OUT, NEW), ("rename", DIR, NEW),
    ("renameat2", CWD, FILE, CWD, NEW, 1), ("link", FILE, NEW), ("link", FILE, OUT), ("link", OUT, NEW),
    ("symlink", FILE, NEW), ("mknod", NEW, 0o100666, 0), ("mknod", NEW, 0o10666, 0), ("chmod", FILE, 0o777),
    ("fchmodat", CWD, FILE, 0o777), ("chown", FILE, 1, 1), ("lchown", LINK, 1, 1),
    ("fchownat", CWD, DIR, 1, 1, 0), ("utimensat", CWD, FILE, 0, 0), ("utimensat", CWD, LINK, 0, 0x100),
    ("utimes", FILE, 0), ("utime", DIR, 0),
)  # fmt: skip
BY_FD = (
    ("write", ROOM, 4), ("pwrite64", ROOM, 4, 0), ("ftruncate", 0), ("fallocate", 0, 0, 100), ("fchmod", 0o777),
    ("fchown", 1, 1), ("utimensat", 0, 0, 0), ("fchmodat", FILE, 0o777, 0),
)  # fmt: skip


def facts(folder: Path) -> list[tuple[object, ...]]:
    """Everything about a tree but access times."""
    found: list[tuple[object, ...]] = []
    for path in [folder, *sorted(folder.rglob("*"))]:
        st = path.lstat()
        data = path.read_bytes() if path.is_file() and not path.is_symlink() else b""
        found.append(
            (path, st.st_mode, st.st_uid, st.st_nlink, st.st_size, st.st_mtime_ns, st.st_ctime_ns, data)
        )
    return found


@pytest.fixture
def kit(tmp_path: Path) -> Kit:
    for name in ("ro", "rw"):
        (tmp_path / name / "d").mkdir(parents=True)
        (tmp_path / name / "file").write_bytes(b"precious")
    (tmp_path / "ro" / "link").symlink_to("file")
    (tmp_path / "rw" / "new").write_bytes(b"other")
    root = memory_root()
    for part in (b"ro", b"rw"):
        root.mkdir(part, 0o755)
    kit = Kit(SYSTEM, root=root)
    kit.names.mount(b"/ro", host_root(tmp_path / "ro"), read_only=True)
    kit.names.mount(b"/rw", host_root(tmp_path / "rw"))
    for at, path in PATHS.items():
        kit.text(path, at)
    return kit


def test_read_only_mounts_refuse_every_call(kit: Kit, tmp_path: Path) -> None:
    before = facts(tmp_path)
    for name, *words in CHANGES:
        assert kit.call(name, *words) < 0, (name, words)
        assert facts(tmp_path) == before, (name, words)


def test_descriptors_of_read_only_mounts_change_nothing(kit: Kit, tmp_path: Path) -> None:
    before = facts(tmp_path)
    for flags in (0, 0o10000000):  # reading, O_PATH
        fd = kit.call("open", FILE, flags)
        assert fd >= 0
        for path in (b"/proc/self/fd/%d", b"/dev/fd/%d"):
            assert kit.call("open", kit.text(path % fd), 2) < 0
        for name, *words in BY_FD:
            assert kit.call(name, fd, *words) < 0, (name, words)
        shared = kit.call("mmap", 0, 4096, 3, 1, fd, 0)
        assert shared < 0
        mapped = kit.call("mmap", 0, 4096, 1, 1, fd, 0)
        if mapped > 0:
            assert kit.call("mprotect", mapped, 4096, 3) < 0
        assert facts(tmp_path) == before


LOOKS = ("stat", "readlink", "access", "chdir", "truncate", "chmod", "unlink", "rmdir", "mkdir")


def test_directories_swapped_for_links_while_calls_run(kit: Kit, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    (outside / "d").mkdir(parents=True)
    (outside / "secret").write_bytes(b"SECRET")
    before, stop = facts(outside), threading.Event()
    real, spare, link = (tmp_path / "rw" / n for n in ("swap", "spare", "lure"))
    real.mkdir()
    link.symlink_to(outside)

    def swap() -> None:
        while not stop.is_set():
            os.rename(real, spare)
            os.rename(link, real)
            os.rename(real, link)
            os.rename(spare, real)

    thread = threading.Thread(target=swap)
    thread.start()
    inside = kit.text(b"/rw/swap/secret", FILE)
    kit.text(b"/rw/swap/d", DIR)
    kit.text(b"/rw/swap/x/../../swap/secret", NEW)
    try:
        for turn in range(300):
            for path in (inside, NEW):
                fd = kit.call("open", path, 0)
                if fd >= 0:  # what the guest made there itself
                    assert kit.mem.read(ROOM, max(kit.call("read", fd, ROOM, 64), 0)) != b"SECRET"
                    kit.call("close", fd)
                for name in LOOKS:
                    where = DIR if name in ("rmdir", "mkdir", "chdir") and turn % 2 else path
                    kit.call(name, where, ROOM if name in ("stat", "readlink") else 0, 64)
                kit.call("rename", OUT, path)
                kit.call("unlink", path)
                kit.call("rename", path, OUT)
                kit.call("symlink", OUT, path)
                kit.call("unlink", path)
                kit.call("rmdir", path)
    finally:
        stop.set()
        thread.join()
    assert facts(outside) == before
