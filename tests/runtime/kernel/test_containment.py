"""Paths never leave a mount: `..`, links, absolute paths, /proc, renames on the host."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import pytest

from aot.personality.abi.errors import E, Errno
from aot.personality.abi.neutral import At, Open
from aot.personality.abi.op import Op
from aot.personality.linux.system import SYSTEM
from runtime.kernel.namespace import Namespace
from runtime.kernel.node import File
from runtime.kernel.schemes.hostfile import StreamNode
from runtime.kernel.schemes.hostfs import host_root
from runtime.kernel.schemes.memfs import MemDirectory
from tests.runtime.kernel.kit import OPS, Kit, memory_root

SECRET = b"outside"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """inside/ is what the guest gets; secret lies beside it."""
    (tmp_path / "secret").write_bytes(SECRET)
    inside = tmp_path / "inside"
    (inside / "d" / "e").mkdir(parents=True)
    (inside / "file").write_bytes(b"inside")
    (inside / "d" / "up").symlink_to("../file")
    (inside / "d" / "escape").symlink_to("../../secret")
    (inside / "d" / "absolute").symlink_to(str(tmp_path / "secret"))
    (inside / "d" / "rooted").symlink_to("/file")
    (inside / "d" / "dirlink").symlink_to("e")
    (inside / "d" / "outdir").symlink_to(str(tmp_path))
    (inside / "loop").symlink_to("loop")
    return inside


def read(kit: Kit, path: bytes) -> bytes:
    file = kit.names.open(kit.names.cwd, path, Open.READ, 0)
    buffer = bytearray(64)
    count = file.read((memoryview(buffer),))
    file.close()
    return bytes(buffer[:count])


@pytest.mark.parametrize(
    "path",
    [
        b"../secret", b"/../secret", b"d/../../secret", b"/d/e/../../../secret", b"d/escape", b"/d/absolute",
        b"d/outdir/secret", b"d/./../../../secret", b"//..//secret", b"d/dirlink/../../../secret",
    ],
)  # fmt: skip
def test_no_path_reads_outside(tree: Path, path: bytes) -> None:
    kit = Kit(SYSTEM, root=tree)
    with pytest.raises(Errno) as caught:
        read(kit, path)
    assert caught.value.code is E.NOENT


@pytest.mark.parametrize(
    "path", [b"file", b"/file", b"d/up", b"d/rooted", b"d/dirlink/../up", b"d//e/../../file"]
)
def test_links_and_dots_inside_resolve(tree: Path, path: bytes) -> None:
    assert read(Kit(SYSTEM, root=tree), path) == b"inside"


def test_a_link_to_itself_ends(tree: Path) -> None:
    with pytest.raises(Errno) as caught:
        read(Kit(SYSTEM, root=tree), b"loop")
    assert caught.value.code is E.LOOP


@pytest.mark.parametrize("path", [b"../new", b"d/outdir/new", b"/../../new"])
def test_nothing_is_made_outside(tree: Path, path: bytes) -> None:
    kit = Kit(SYSTEM, root=tree)
    for action in (Op.MKDIRAT, Op.OPENAT):
        flags = {} if action is Op.MKDIRAT else {"flags": Open.WRITE | Open.CREATE}
        with suppress(Errno):
            OPS[action](kit.ctx, dirfd=-100, path=path, mode=0o777, **flags)
    assert not (tree.parent / "new").exists()
    assert (tree.parent / "secret").read_bytes() == SECRET


def test_unlink_and_rename_stay_inside(tree: Path) -> None:
    kit = Kit(SYSTEM, root=tree)
    for path in (b"../secret", b"d/escape/../../secret", b"d/outdir/secret"):
        with pytest.raises(Errno):
            OPS[Op.UNLINKAT](kit.ctx, dirfd=-100, path=path, flags=At(0))
        with pytest.raises(Errno):
            OPS[Op.RENAMEAT](kit.ctx, olddirfd=-100, oldpath=path, newdirfd=-100, newpath=b"got")
    OPS[Op.UNLINKAT](kit.ctx, dirfd=-100, path=b"d/escape", flags=At(0))  # the link itself
    assert (tree.parent / "secret").read_bytes() == SECRET


def test_a_directory_moved_out_on_the_host_leads_nowhere_new(tree: Path) -> None:
    kit = Kit(SYSTEM, root=tree)
    spot = kit.names.directory(kit.names.top, b"/d/e")
    (tree / "d" / "e").rename(tree.parent / "moved")
    with pytest.raises(Errno):
        kit.names.open(spot, b"../secret", Open.READ, 0)


def test_descriptors_of_proc_are_the_guests(tree: Path) -> None:
    from runtime.kernel.schemes.proc.root import ProcRoot

    kit = Kit(SYSTEM, root=tree)
    kit.names.mount(b"/proc", ProcRoot(kit.names), read_only=True)
    secret = os.open(tree.parent / "secret", os.O_RDONLY)
    try:
        with pytest.raises(Errno) as caught:
            read(kit, b"/proc/self/fd/%d" % secret)
        assert caught.value.code is E.NOENT
        for path in (b"/proc/1/root/etc/passwd", b"/proc/self/root/../secret", b"/proc/self/cwd/../secret"):
            with pytest.raises(Errno):
                read(kit, path)
        assert read(kit, b"/proc/self/cwd/file") == b"inside"
    finally:
        os.close(secret)


def test_a_write_open_through_proc_gives_what_the_mount_gives(tree: Path) -> None:
    """As on Linux a file opened for reading may be opened again for writing, where its mount allows that."""
    from runtime.kernel.schemes.proc.root import ProcRoot

    kit = Kit(SYSTEM, root=tree)
    kit.names.mount(b"/proc", ProcRoot(kit.names), read_only=True)
    fd = OPS[Op.OPENAT](kit.ctx, dirfd=-100, path=b"file", flags=Open.READ, mode=0)
    kit.names.open(kit.names.cwd, b"/proc/self/fd/%d" % fd, Open.WRITE, 0).close()
    kit.names.mount(b"/", host_root(tree), read_only=True)
    fd = OPS[Op.OPENAT](kit.ctx, dirfd=-100, path=b"file", flags=Open.READ, mode=0)
    with pytest.raises(Errno) as caught:
        kit.names.open(kit.names.cwd, b"/proc/self/fd/%d" % fd, Open.WRITE, 0)
    assert caught.value.code is E.ROFS


def test_a_standard_stream_is_never_opened_for_more(tree: Path) -> None:
    from runtime.kernel.schemes.std import StdFile

    host = os.open(tree / "file", os.O_RDONLY)
    given = StdFile(StreamNode(host), Open.READ, host)
    assert given.reopen(Open.READ) is given
    with pytest.raises(Errno) as caught:
        given.reopen(Open.READ | Open.WRITE)
    assert caught.value.code is E.ACCES
    os.close(host)


@pytest.fixture
def mounted(tree: Path) -> Namespace:
    """tree is mounted read-only at /ro of an empty root, and /ro/d/m holds a memory directory."""
    root = memory_root()
    root.mkdir(b"ro", 0o755)
    kit = Kit(SYSTEM, root=root)
    kit.names.mount(b"/ro", host_root(tree), read_only=True)
    inner = memory_root()
    inner.open_at(b"deep", Open.WRITE | Open.CREATE, 0o644).close()
    kit.names.mount(b"/ro/d/m", inner)
    return kit.names


def open_in(names: Namespace, path: bytes, flags: Open) -> File:
    return names.open(names.cwd, path, flags, 0o644)


def test_a_read_only_mount_refuses_every_change(mounted: Namespace) -> None:
    for path, flags, code in (
        (b"/ro/file", Open.WRITE, E.ROFS),
        (b"/ro/new", Open.WRITE | Open.CREATE, E.ROFS),
        (b"/ro/file", Open.READ | Open.TRUNCATE, E.ROFS),
        (b"/ro/file", Open.WRITE | Open.CREATE | Open.EXCLUSIVE, E.EXIST),
        (b"/ro/absent", Open.READ, E.NOENT),
    ):
        with pytest.raises(Errno) as caught:
            open_in(mounted, path, flags)
        assert caught.value.code is code, path
    open_in(mounted, b"/ro/file", Open.READ | Open.CREATE).close()


def test_a_mount_covers_what_lies_below_and_dots_come_back(mounted: Namespace) -> None:
    open_in(mounted, b"/ro/d/m/deep", Open.READ).close()
    open_in(mounted, b"/ro/d/m/../up", Open.READ).close()
    spot = mounted.directory(mounted.top, b"/ro/d/m/..")
    assert spot.text == b"/ro/d"
    assert isinstance(mounted.directory(mounted.top, b"/").node, MemDirectory)
    with pytest.raises(Errno):
        open_in(mounted, b"/ro/d/m/../../../../secret", Open.READ)
