"""Links in /proc, O_PATH descriptors, another root, handles and openat2 give no more than paths do."""

from __future__ import annotations

from pathlib import Path

import pytest

from aot.personality.abi.errors import E, Errno
from aot.personality.abi.neutral import At, Open
from aot.personality.abi.neutral_files import Resolve
from aot.personality.abi.op import Op
from aot.personality.linux.system import SYSTEM
from runtime.kernel.schemes.hostfs import host_root
from runtime.kernel.schemes.proc.root import ProcRoot
from tests.runtime.kernel.kit import OPS, Kit, memory_root

CWD = -100


@pytest.fixture
def kit(tmp_path: Path) -> Kit:
    """`inside` is the root; `secret` lies beside it; /ro is a second host directory, read-only."""
    (tmp_path / "secret").write_bytes(b"outside")
    inside = tmp_path / "inside"
    (inside / "d" / "e").mkdir(parents=True)
    (inside / "file").write_bytes(b"inside")
    (inside / "out").symlink_to(str(tmp_path))
    (tmp_path / "ro").mkdir()
    (tmp_path / "ro" / "file").write_bytes(b"kept")
    made = Kit(SYSTEM, root=inside)
    made.names.mount(b"/proc", ProcRoot(made.names))
    made.names.mount(b"/ro", host_root(tmp_path / "ro"), read_only=True)
    made.process.kernel.processes[made.process.pid] = made.process
    return made


def opened(kit: Kit, path: bytes, flags: Open = Open.READ, dirfd: int = CWD) -> int:
    fd: int = OPS[Op.OPENAT](kit.ctx, dirfd=dirfd, path=path, flags=flags, mode=0o600)
    return fd


def refused(kit: Kit, path: bytes, flags: Open = Open.READ, dirfd: int = CWD) -> E:
    with pytest.raises(Errno) as caught:
        opened(kit, path, flags, dirfd)
    return caught.value.code


@pytest.mark.parametrize(
    "path",
    [
        b"/proc/self/root/../secret", b"/proc/self/cwd/../secret", b"/proc/self/root/out/secret",
        b"/proc/self/fd/%d/../../secret", b"/proc/self/fd/%d/../out/secret", b"/proc/1000/task/1000/root/../secret",
    ],
)  # fmt: skip
def test_links_of_proc_stay_inside(kit: Kit, path: bytes) -> None:
    directory = opened(kit, b"/d")
    assert refused(kit, path % directory if b"%d" in path else path) in (E.NOENT, E.NOTDIR)


@pytest.mark.parametrize("flags", [Open.READ, Open.PATH, Open.PATH | Open.DIRECTORY])
def test_descriptors_of_directories_stay_inside(kit: Kit, flags: Open) -> None:
    directory = opened(kit, b"/d", flags)
    for path in (b"../../secret", b"../out/secret", b"/out/secret", b"../../inside/../secret"):
        assert refused(kit, path, dirfd=directory) is E.NOENT


@pytest.mark.parametrize("flags", [Open.READ, Open.PATH])
def test_a_read_only_mount_stays_so_through_descriptors(kit: Kit, tmp_path: Path, flags: Open) -> None:
    fd = opened(kit, b"/ro/file", flags)
    link = b"/proc/self/fd/%d" % fd
    assert refused(kit, link, Open.WRITE) is E.ROFS
    assert refused(kit, link, Open.READ | Open.WRITE | Open.TRUNCATE) is E.ROFS
    changes = (
        (Op.FCHMODAT, {"dirfd": CWD, "path": link, "mode": 0o777, "flags": At(0)}),
        (Op.FCHOWNAT, {"dirfd": CWD, "path": link, "uid": 1, "gid": 1, "flags": At(0)}),
        (Op.TRUNCATE, {"path": link, "length": 0}),
        (Op.SETXATTR, {"dirfd": CWD, "path": link, "flags": At(0), "name": b"user.x", "value": (), "how": 0}),
        (Op.REMOVEXATTR, {"dirfd": CWD, "path": link, "flags": At(0), "name": b"user.x"}),
    )
    for op, arguments in changes:
        with pytest.raises(Errno) as caught:
            OPS[op](kit.ctx, **arguments)
        assert caught.value.code is E.ROFS, op
    assert (tmp_path / "ro" / "file").read_bytes() == b"kept"


def test_a_file_of_one_mount_gets_no_name_on_another(kit: Kit, tmp_path: Path) -> None:
    fd = opened(kit, b"/ro/file")
    for path, flags in ((b"/proc/self/fd/%d" % fd, At.FOLLOW), (b"", At.EMPTY_PATH)):
        with pytest.raises(Errno) as caught:
            OPS[Op.LINKAT](kit.ctx, olddirfd=fd if not path else CWD, oldpath=path, newdirfd=CWD, newpath=b"/x",
                           flags=flags)  # fmt: skip
        assert caught.value.code is E.XDEV
    assert not (tmp_path / "inside" / "x").exists()


def test_another_root_holds(kit: Kit) -> None:
    outside = opened(kit, b"/", Open.PATH)
    OPS[Op.CHROOT](kit.ctx, path=b"/d")
    OPS[Op.CHDIR](kit.ctx, path=b"/")
    for path in (b"/file", b"../file", b"/../../file", b"e/../../file"):
        assert refused(kit, path) is E.NOENT
    assert OPS[Op.GETCWD](kit.ctx) == b"/"
    # as on Linux a descriptor from before leads out of the new root, but never out of the run's
    assert opened(kit, b"file", dirfd=outside) >= 0
    assert refused(kit, b"../secret", dirfd=outside) is E.NOENT


def test_handles_lead_nowhere_else(kit: Kit, tmp_path: Path) -> None:
    handle = OPS[Op.FILE_HANDLE](kit.ctx, dirfd=CWD, path=b"/ro/file", flags=At.NOFOLLOW)
    with pytest.raises(Errno) as caught:
        OPS[Op.OPEN_HANDLE](kit.ctx, fd=CWD, number=handle.number, flags=Open.WRITE)
    assert caught.value.code is E.ROFS
    (tmp_path / "ro" / "file").unlink()
    (tmp_path / "ro" / "file").symlink_to(tmp_path / "secret")
    for number in (handle.number, handle.number + 1, 1 << 63):
        with pytest.raises(Errno) as caught:
            OPS[Op.OPEN_HANDLE](kit.ctx, fd=CWD, number=number, flags=Open.READ)
        assert caught.value.code in (E.STALE, E.LOOP)


@pytest.mark.parametrize("rules", [Resolve.BENEATH, Resolve.IN_ROOT, Resolve.NO_XDEV, Resolve.NO_MAGICLINKS])
def test_openat2_adds_no_way_out(kit: Kit, rules: Resolve) -> None:
    directory = opened(kit, b"/d")
    for path in (b"../../secret", b"/out/secret", b"/proc/self/root/../secret", b"../out/../secret"):
        with pytest.raises(Errno) as caught:
            OPS[Op.OPENAT2](kit.ctx, dirfd=directory, path=path, flags=Open.READ, mode=0, resolve=rules)
        assert caught.value.code in (E.NOENT, E.XDEV, E.LOOP)


def test_only_processes_of_the_run_are_listed(kit: Kit) -> None:
    root = ProcRoot(kit.names)
    numbers = {name for name, _, _ in root.entries() if name.isdigit()}
    assert numbers == {b"1000"}
    for path in (b"/proc/1/environ", b"/proc/1/root", b"/proc/2/fd"):
        assert refused(kit, path) is E.NOENT


def test_memory_roots_have_no_way_out_either() -> None:
    kit = Kit(SYSTEM, root=memory_root())
    assert refused(kit, b"/../../etc/passwd") is E.NOENT
