"""Linux calls from register words to results and guest memory, without a CPU."""

from __future__ import annotations

import os
import struct
from pathlib import Path

import pytest

from aot.personality.linux.system import SYSTEM
from runtime.kernel.leave import Block, ExitContext, ExitProcess
from tests.runtime.kernel.kit import DATA, END, READ_ONLY, Kit, memory_root

CWD = -100
OUT, IN = DATA, DATA + 0x400
O_CREAT, O_RDWR, O_WRONLY, O_APPEND, O_EXCL = 0o100, 2, 1, 0o2000, 0o200
EBADF, ENOENT, EFAULT, EEXIST, ENOTDIR, EISDIR, EINVAL, ESPIPE = 9, 2, 14, 17, 20, 21, 22, 29
DIRECTORY = {"x86_64": 0o200000, "aarch64": 0o40000}


@pytest.fixture(params=["x86_64", "aarch64"])
def kit(request: pytest.FixtureRequest) -> Kit:
    return Kit(SYSTEM, request.param)


@pytest.fixture(params=["host", "memory"])
def kit_on(request: pytest.FixtureRequest, tmp_path: Path) -> Kit:
    """The same files on the host and in memory."""
    return Kit(SYSTEM, root=tmp_path if request.param == "host" else memory_root())


def openat(kit: Kit, path: bytes, flags: int = 0, mode: int = 0o644) -> int:
    return kit.call("openat", CWD, kit.text(path), flags, mode)


def write(kit: Kit, fd: int, data: bytes) -> int:
    kit.mem.write(IN, data)
    return kit.call("write", fd, IN, len(data))


def read(kit: Kit, fd: int, count: int = 64) -> bytes:
    got = kit.call("read", fd, OUT, count)
    assert got >= 0, got
    return kit.mem.read(OUT, got)


def stat(kit: Kit, path: bytes) -> dict[str, int]:
    assert kit.call("newfstatat", CWD, kit.text(path), OUT, 0x100) == 0
    dev, ino, nlink, mode, uid, gid, _, _, size = struct.unpack("<QQQIIIIQq", kit.mem.read(OUT, 56))
    return {"mode": mode, "size": size, "nlink": nlink, "ino": ino, "uid": uid, "gid": gid, "dev": dev}


def test_write_seek_read_and_append(kit_on: Kit) -> None:
    fd = openat(kit_on, b"f", O_CREAT | O_RDWR)
    assert fd == 3
    assert write(kit_on, fd, b"hello world") == 11
    assert kit_on.call("lseek", fd, 6, 0) == 6
    assert read(kit_on, fd) == b"world"
    assert read(kit_on, fd) == b""
    assert kit_on.call("pread64", fd, OUT, 4, 1) == 4
    assert kit_on.mem.read(OUT, 4) == b"ello"
    again = openat(kit_on, b"f", O_WRONLY | O_APPEND)
    assert write(kit_on, again, b"!") == 1
    assert kit_on.call("ftruncate", fd, 3) == 0
    assert stat(kit_on, b"f")["size"] == 3
    assert kit_on.call("close", fd) == 0
    assert kit_on.call("close", fd) == -EBADF


def test_a_descriptor_reads_and_writes_only_as_it_was_opened(kit_on: Kit) -> None:
    writer = openat(kit_on, b"f", O_CREAT | O_WRONLY)
    reader = openat(kit_on, b"f")
    assert kit_on.call("read", writer, OUT, 1) == -EBADF
    assert write(kit_on, reader, b"x") == -EBADF
    assert kit_on.call("read", 77, OUT, 1) == -EBADF


def test_opening_obeys_its_flags(kit_on: Kit) -> None:
    assert openat(kit_on, b"none") == -ENOENT
    assert openat(kit_on, b"f", O_CREAT | O_EXCL | O_WRONLY) == 3
    assert openat(kit_on, b"f", O_CREAT | O_EXCL | O_WRONLY) == -EEXIST
    assert openat(kit_on, b"f", DIRECTORY["x86_64"]) == -ENOTDIR
    assert openat(kit_on, b"f/x") == -ENOTDIR
    assert openat(kit_on, b".", O_WRONLY) == -EISDIR
    assert openat(kit_on, b"", 0) == -ENOENT


def test_directories_are_made_listed_and_removed(kit_on: Kit) -> None:
    assert kit_on.call("mkdirat", CWD, kit_on.text(b"d"), 0o755) == 0
    assert kit_on.call("mkdirat", CWD, kit_on.text(b"d"), 0o755) == -EEXIST
    for name in (b"d/one", b"d/two"):
        assert kit_on.call("close", openat(kit_on, name, O_CREAT | O_WRONLY)) == 0
    fd = openat(kit_on, b"d", DIRECTORY["x86_64"])
    used = kit_on.call("getdents64", fd, OUT, 512)
    raw, names, at = kit_on.mem.read(OUT, used), {}, 0
    while at < used:
        _, _, length, kind = struct.unpack_from("<QqHB", raw, at)
        names[raw[at + 19 : at + length].split(b"\0")[0]] = kind
        assert length % 8 == 0
        at += length
    assert names == {b".": 4, b"..": 4, b"one": 8, b"two": 8}
    assert kit_on.call("getdents64", fd, OUT, 512) == 0
    assert kit_on.call("unlinkat", CWD, kit_on.text(b"d"), 0x200) == -39  # ENOTEMPTY
    assert kit_on.call("unlinkat", CWD, kit_on.text(b"d"), 0) == -EISDIR
    for name in (b"d/one", b"d/two"):
        assert kit_on.call("unlinkat", CWD, kit_on.text(name), 0) == 0
    assert kit_on.call("unlinkat", CWD, kit_on.text(b"d"), 0x200) == 0


def test_a_listing_continues_where_the_buffer_ended(kit_on: Kit) -> None:
    for i in range(20):
        kit_on.call("close", openat(kit_on, b"file%02d" % i, O_CREAT | O_WRONLY))
    fd, names = openat(kit_on, b"."), []
    while used := kit_on.call("getdents64", fd, OUT, 64):
        raw, at = kit_on.mem.read(OUT, used), 0
        while at < used:
            length = struct.unpack_from("<H", raw, at + 16)[0]
            names.append(raw[at + 19 : at + length].split(b"\0")[0])
            at += length
    assert len(names) == len(set(names)) == 22
    assert kit_on.call("lseek", fd, 0, 0) == 0
    assert kit_on.call("getdents64", fd, OUT, 16) == -EINVAL


def test_names_links_and_modes(kit_on: Kit) -> None:
    write(kit_on, openat(kit_on, b"f", O_CREAT | O_WRONLY, 0o600), b"12345")
    kit_on.mem.write(IN + 0x100, b"link\0")
    assert kit_on.call("symlinkat", kit_on.text(b"f"), CWD, IN + 0x100) == 0
    assert kit_on.call("readlinkat", CWD, IN + 0x100, OUT, 64) == 1
    assert stat(kit_on, b"link")["mode"] >> 12 == 10
    assert kit_on.call("linkat", CWD, kit_on.text(b"f"), CWD, kit_on.text(b"g", IN + 0x200), 0) == 0
    assert stat(kit_on, b"g")["nlink"] == 2
    assert stat(kit_on, b"g")["ino"] == stat(kit_on, b"f")["ino"]
    assert kit_on.call("fchmodat", CWD, kit_on.text(b"g"), 0o4751) == 0
    assert stat(kit_on, b"f")["mode"] == 0o104751
    assert kit_on.call("renameat2", CWD, kit_on.text(b"f"), CWD, kit_on.text(b"g", IN + 0x200), 1) == -EEXIST
    assert kit_on.call("renameat", CWD, kit_on.text(b"link"), CWD, kit_on.text(b"h", IN + 0x200)) == 0
    assert openat(kit_on, b"link") == -ENOENT


def test_times_are_set_and_left_alone(kit_on: Kit) -> None:
    kit_on.call("close", openat(kit_on, b"f", O_CREAT | O_WRONLY))
    kit_on.mem.write(IN, struct.pack("<qqqq", 100, 5, 200, 6))
    assert kit_on.call("utimensat", CWD, kit_on.text(b"f"), IN, 0) == 0
    kit_on.mem.write(IN, struct.pack("<qqqq", 0, (1 << 30) - 2, 300, 7))
    assert kit_on.call("utimensat", CWD, kit_on.text(b"f"), IN, 0) == 0
    assert kit_on.call("newfstatat", CWD, kit_on.text(b"f"), OUT, 0) == 0
    assert struct.unpack("<qqqq", kit_on.mem.read(OUT + 72, 32)) == (100, 5, 300, 7)
    kit_on.mem.write(IN, struct.pack("<qqqq", 0, 1_000_000_000, 0, 0))
    assert kit_on.call("utimensat", CWD, kit_on.text(b"f"), IN, 0) == -EINVAL


def test_changing_directory_moves_relative_paths(kit_on: Kit) -> None:
    kit_on.call("mkdirat", CWD, kit_on.text(b"d"), 0o755)
    assert kit_on.call("chdir", kit_on.text(b"d")) == 0
    kit_on.call("close", openat(kit_on, b"f", O_CREAT | O_WRONLY))
    assert kit_on.call("getcwd", OUT, 64) == 3
    assert kit_on.mem.read(OUT, 3) == b"/d\0"
    assert kit_on.call("getcwd", OUT, 2) == -34
    assert kit_on.call("chdir", kit_on.text(b"f")) == -ENOTDIR
    assert kit_on.call("chdir", kit_on.text(b"../..")) == 0
    assert stat(kit_on, b"/d/f")["size"] == 0


def test_the_umask_takes_bits_away(kit_on: Kit) -> None:
    assert kit_on.call("umask", 0o077) == 0o022
    kit_on.call("close", openat(kit_on, b"f", O_CREAT | O_WRONLY, 0o777))
    assert stat(kit_on, b"f")["mode"] & 0o777 == 0o700


def test_vectors_and_sendfile_move_the_same_bytes(kit_on: Kit) -> None:
    fd = openat(kit_on, b"f", O_CREAT | O_RDWR)
    kit_on.mem.write(IN, b"abcdef")
    kit_on.mem.write(OUT, struct.pack("<QQQQ", IN, 3, IN + 3, 3))
    assert kit_on.call("writev", fd, OUT, 2) == 6
    other = openat(kit_on, b"g", O_CREAT | O_RDWR)
    kit_on.mem.write(OUT, struct.pack("<q", 2))
    assert kit_on.call("sendfile", other, fd, OUT, 100) == 4
    assert struct.unpack("<q", kit_on.mem.read(OUT, 8)) == (6,)
    assert kit_on.call("lseek", other, 0, 0) == 0
    assert read(kit_on, other) == b"cdef"


def test_a_pipe_carries_bytes_and_waits(kit: Kit) -> None:
    assert kit.call("pipe2", OUT, 0o4000) == 0
    r, w = struct.unpack("<ii", kit.mem.read(OUT, 8))
    assert kit.call("read", r, OUT, 8) == -11
    assert write(kit, w, b"ping") == 4
    assert kit.call("ioctl", r, 0x541B, OUT) == 0
    assert struct.unpack("<i", kit.mem.read(OUT, 4)) == (4,)
    assert kit.call("lseek", r, 0, 0) == -ESPIPE
    assert read(kit, r) == b"ping"
    assert kit.call("fcntl", r, 4, 0) == 0  # F_SETFL: blocking from now on
    with pytest.raises(Block) as blocked:
        kit.call("read", r, OUT, 8)
    assert blocked.value.fds
    assert kit.call("close", w) == 0
    assert kit.call("read", r, OUT, 8) == 0


def test_dup_shares_the_position_and_flags_are_per_descriptor(kit_on: Kit) -> None:
    fd = openat(kit_on, b"f", O_CREAT | O_RDWR)
    write(kit_on, fd, b"abc")
    copy = kit_on.call("fcntl", fd, 1030, 10)
    assert copy == 10
    assert kit_on.call("lseek", copy, 0, 1) == 3
    assert (kit_on.call("fcntl", fd, 1), kit_on.call("fcntl", copy, 1)) == (0, 1)
    assert kit_on.call("dup3", fd, fd, 0) == -EINVAL
    assert kit_on.call("dup3", fd, 20, 0) == 20
    assert kit_on.call("fcntl", fd, 3) & 3 == O_RDWR
    assert kit_on.call("fcntl", fd, 99) == -EINVAL
    assert kit_on.call("ioctl", fd, 0x5401, OUT) == -25


def test_open_flags_differ_between_columns() -> None:
    for arch, flag in DIRECTORY.items():
        kit = Kit(SYSTEM, arch)
        kit.call("close", openat(kit, b"f", O_CREAT | O_WRONLY))
        assert openat(kit, b"f", flag) == -ENOTDIR
        other = next(f for a, f in DIRECTORY.items() if a != arch)
        assert openat(kit, b"f", other) >= 0


def test_mapping_protecting_and_unmapping(kit: Kit) -> None:
    private_anonymous, fixed, noreplace = 0x22, 0x10, 0x100000
    at = kit.call("mmap", 0, 0x3000, 3, private_anonymous, -1, 0)
    assert at > 0 and at % 4096 == 0
    kit.mem.write(at + 0x1000, b"x")
    assert kit.call("mprotect", at, 0x1000, 1) == 0
    assert kit.call("read", 0, at, 1) == -EFAULT
    assert kit.call("mmap", at, 0x1000, 3, private_anonymous | noreplace, -1, 0) == -EEXIST
    assert kit.call("mmap", at + 1, 0x1000, 3, private_anonymous | fixed, -1, 0) == -EINVAL
    assert kit.call("mmap", 0, 0, 3, private_anonymous, -1, 0) == -EINVAL
    assert kit.call("mmap", 0, 0x1000, 3, 0x20, -1, 0) == -EINVAL
    assert kit.call("madvise", at + 0x1000, 0x1000, 4) == 0
    assert kit.mem.read(at + 0x1000, 1) == b"\0"
    assert kit.call("munmap", at, 0x3000) == 0
    assert kit.call("munmap", at, 0x3000) == 0
    assert kit.call("madvise", at, 0x1000, 4) == -12
    assert kit.call("mprotect", at, 0x1000, 1) == -12


def test_files_map_privately_and_shared(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"a" * 5000)
    kit = Kit(SYSTEM, root=tmp_path)
    fd = openat(kit, b"f", O_RDWR)
    private, shared = (kit.call("mmap", 0, 5000, 3, kind, fd, 0) for kind in (2, 1))
    kit.mem.write(private, b"P")
    kit.mem.write(shared + 4096, b"S")
    assert (tmp_path / "f").read_bytes()[0:1] == b"a"
    assert (tmp_path / "f").read_bytes()[4096:4097] == b"S"
    assert kit.call("mmap", 0, 4096, 3, 2, fd, 1) == -EINVAL
    assert kit.call("mmap", 0, 4096, 3, 2, 99, 0) == -EBADF


def test_the_break_grows_and_shrinks(kit: Kit) -> None:
    start = kit.call("brk", 0)
    assert start == 0x80_0000
    assert kit.call("brk", start + 0x2345) == start + 0x2345
    kit.mem.write(start + 0x2000, b"x")
    assert kit.call("brk", start + 0x1000) == start + 0x1000
    assert kit.call("read", 0, start + 0x2000, 1) == -EFAULT
    assert kit.call("brk", 1 << 60) == start + 0x1000


def test_remapping_keeps_the_contents(kit: Kit) -> None:
    at = kit.call("mmap", 0x4000_0000, 0x2000, 3, 0x22, -1, 0)
    kit.mem.write(at, b"keep")
    assert kit.call("mmap", at + 0x2000, 0x1000, 3, 0x32, -1, 0) == at + 0x2000
    assert kit.call("mremap", at, 0x2000, 0x8000, 0, 0) == -12
    moved = kit.call("mremap", at, 0x2000, 0x8000, 1, 0)
    assert moved > 0 and moved != at
    assert kit.mem.read(moved, 4) == b"keep"
    assert kit.call("mremap", moved, 0x8000, 0x1000, 0, 0) == moved
    assert kit.call("mremap", at, 0x1000, 0x2000, 1, 0) == -EFAULT


def test_a_buffer_that_ends_in_the_void_gets_its_prefix(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"0123456789")
    kit = Kit(SYSTEM, root=tmp_path)
    fd = openat(kit, b"f")
    assert kit.call("read", fd, READ_ONLY - 4, 10) == 4
    assert kit.call("lseek", fd, 0, 1) == 4
    assert kit.call("read", fd, READ_ONLY, 10) == -EFAULT
    assert kit.call("read", fd, 0, 10) == -EFAULT
    assert kit.call("lseek", fd, 0, 1) == 4
    out = openat(kit, b"g", O_CREAT | O_WRONLY)
    assert kit.call("write", out, END - 2, 10) == 2
    assert kit.call("write", out, END, 10) == -EFAULT


def test_results_that_cannot_be_stored_have_no_side_effect(kit: Kit) -> None:
    assert kit.call("pipe2", END, 0) == -EFAULT
    assert kit.call("pipe2", READ_ONLY, 0) == -EFAULT
    assert sorted(kit.files.open) == [0, 1, 2]
    assert kit.call("rt_sigaction", 10, 0, END, 8) == -EFAULT


def test_signals_keep_what_they_are_told(kit: Kit) -> None:
    kit.mem.write(IN, struct.pack("<QQQQ", 0x1234, 0x1400_0000, 0x5678, 0xFF))
    assert kit.call("rt_sigaction", 10, IN, 0, 8) == 0
    assert kit.call("rt_sigaction", 10, 0, OUT, 8) == 0
    assert kit.mem.read(OUT, 32) == kit.mem.read(IN, 32)
    assert kit.call("rt_sigaction", 10, 0, OUT, 4) == -EINVAL
    assert kit.call("rt_sigaction", 9, IN, 0, 8) == -EINVAL
    assert kit.call("sigaltstack", 0, OUT) == 0
    assert struct.unpack("<QiIQ", kit.mem.read(OUT, 24)) == (0, 2, 0, 0)


def test_select_and_poll_say_what_is_ready(kit: Kit) -> None:
    assert kit.call("pipe2", OUT, 0) == 0
    r, w = struct.unpack("<ii", kit.mem.read(OUT, 8))
    kit.mem.write(OUT, struct.pack("<ihHihH", r, 1, 0, w, 4, 0))
    kit.mem.write(IN, struct.pack("<qq", 0, 0))
    assert kit.call("ppoll", OUT, 2, IN, 0, 8) == 1
    assert struct.unpack("<ihHihH", kit.mem.read(OUT, 16)) == (r, 1, 0, w, 4, 4)
    write(kit, w, b"x")
    kit.mem.write(IN + 0x100, struct.pack("<qq", 0, 0))
    kit.mem.write(OUT, struct.pack("<Q", 1 << r | 1 << w))
    kit.mem.write(OUT + 128, struct.pack("<Q", 1 << w))
    assert kit.call("pselect6", 8, OUT, OUT + 128, 0, IN + 0x100, 0) == 2
    assert struct.unpack("<Q", kit.mem.read(OUT, 8)) == (1 << r,)
    kit.mem.write(OUT, struct.pack("<Q", 1 << 40))
    assert kit.call("pselect6", 64, OUT, 0, 0, IN + 0x100, 0) == -EBADF


def test_exit_takes_the_low_byte(kit: Kit) -> None:
    with pytest.raises(ExitProcess) as ended:
        kit.call("exit_group", 0x1FF)
    assert ended.value.status == 0xFF
    with pytest.raises(ExitContext):
        kit.call("exit", 3)


def test_unknown_numbers_and_gaps_answer_enosys(kit: Kit) -> None:
    assert kit.call("kexec_load", 0, 0, 0) == -38
    assert kit.call("clone", 0x2000_0000) == -1  # no namespaces
    assert kit.dispatcher.personality_syscall(kit.ctx, 5000, ()) == ((1 << 64) - 38, 0)
    assert kit.dispatcher.unknown[5000] == 1


def test_ids_and_names_are_the_guests(kit: Kit) -> None:
    assert (kit.call("getpid"), kit.call("gettid"), kit.call("getppid")) == (1000, 1000, 999)
    assert kit.call("uname", OUT) == 0
    assert kit.mem.read(OUT, 6) == b"Linux\0"
    assert kit.mem.read(OUT + 4 * 65, 8).split(b"\0")[0] == kit.arch.value.encode()
    assert kit.call("setuid", 0) == 0
    assert kit.call("setuid", 5) == 0
    assert kit.call("setuid", 0) == -1
    assert kit.call("getuid") == 5


def test_device_files_behave(tmp_path: Path) -> None:
    import random

    from runtime.kernel.schemes.dev import DevDirectory

    kit = Kit(SYSTEM, root=tmp_path)
    kit.names.mount(b"/dev", DevDirectory(random.Random(1)))
    zero, full = openat(kit, b"/dev/zero"), openat(kit, b"/dev/full", O_WRONLY)
    null, source = openat(kit, b"/dev/null", O_RDWR), openat(kit, b"/dev/urandom")
    kit.mem.write(OUT, b"\xff" * 8)
    assert read(kit, zero, 8) == bytes(8)
    assert write(kit, full, b"x") == -28
    assert (write(kit, null, b"x"), read(kit, null)) == (1, b"")
    assert len(set(read(kit, source, 32))) > 4
    assert stat(kit, b"/dev/null")["mode"] == 0o020666
    assert not os.listdir(tmp_path)
