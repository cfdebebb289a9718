"""Linux calls on places and attributes of files, on whole disks, and on bytes moved between descriptors.

Columns: name, x86_64, aarch64, op, status, arguments, result.
Numbers: arch/x86/entry/syscalls/syscall_64.tbl and include/uapi/asm-generic/unistd.h.
"""

from __future__ import annotations

from collections.abc import Mapping

from aot.personality.abi.call import FULL, STORED, ZERO, Call, Ret, call, partial, sig, stub
from aot.personality.abi.errors import E
from aot.personality.abi.flags import FlagMap
from aot.personality.abi.kinds import (
    ADDRESS,
    FD,
    LENGTH,
    OFFSET,
    PATH,
    S32,
    SIZE,
    U32,
    Bits,
    InBytes,
    InOutInt,
    Kind,
    Length,
    OutData,
    OutStruct,
    Records,
    To,
    Unused,
    Vector,
)
from aot.personality.abi.neutral import CWD, At, Open
from aot.personality.abi.neutral_files import Allocate
from aot.personality.abi.op import Op
from aot.personality.linux import layouts_files as lf
from aot.personality.linux.columns import nr
from aot.personality.linux.flags import AT_STAT, OPEN, PIPE
from aot.personality.linux.vias_files import name_to_handle, open_by_handle, openat2, vmsplice

NONE, NOFOLLOW, EMPTY = At(0), At.NOFOLLOW, At.EMPTY_PATH
ALLOCATE = Bits(FlagMap("fallocate", (
    ("FALLOC_FL_KEEP_SIZE", 1, Allocate.KEEP_SIZE), ("FALLOC_FL_PUNCH_HOLE", 2, Allocate.PUNCH_HOLE),
    ("FALLOC_FL_COLLAPSE_RANGE", 8, Allocate.COLLAPSE), ("FALLOC_FL_ZERO_RANGE", 16, Allocate.ZERO),
    ("FALLOC_FL_INSERT_RANGE", 32, Allocate.INSERT), ("FALLOC_FL_UNSHARE_RANGE", 64, Allocate.UNSHARE),
), unknown=E.OPNOTSUPP, neutral=Allocate))  # fmt: skip
CLOSE_RANGE = Bits(FlagMap("close_range", (("CLOSE_RANGE_CLOEXEC", 4, 1),),
                           ignored=(("CLOSE_RANGE_UNSHARE", 2, "threads keep one table"),)))  # fmt: skip
HIGH = Unused("offsets are 64 bits wide")
IOV_OUT, IOV_IN = Vector("vlen", write=True), Vector("vlen", write=False)
CELL = InOutInt(64)
# fmt: off
SETTING = {"name": PATH, "value": InBytes("size"), "size": LENGTH, "flags": To("how", U32)}
GETTING = {"name": PATH, "value": OutData("size", short=E.RANGE, asks=True), "size": LENGTH}
LISTING = {"list": OutData("size", short=E.RANGE, asks=True), "size": LENGTH}
BY_PATH, BY_FD = {"pathname": To("path", PATH)}, {"fd": To("dirfd", FD)}


def _xattr(name: str, x86_64: int, aarch64: int, op: Op, more: Mapping[str, Kind], ret: Ret) -> tuple[Call, ...]:
    """The three ways of a call: by path, by path without following a link, by descriptor."""
    return (
        call(name, nr(x86_64, aarch64), op, FULL, sig(**BY_PATH, **more), ret, dirfd=CWD, flags=NONE),
        call("l" + name, nr(x86_64 + 1, aarch64 + 1), op, FULL, sig(**BY_PATH, **more), ret, dirfd=CWD,
             flags=NOFOLLOW),
        call("f" + name, nr(x86_64 + 2, aarch64 + 2), op, FULL, sig(**BY_FD, **more), ret, path=b"",
             flags=EMPTY),
    )


ATTRIBUTES = (
    *_xattr("setxattr", 188, 5, Op.SETXATTR, SETTING, ZERO),
    *_xattr("getxattr", 191, 8, Op.GETXATTR, GETTING, STORED),
    *_xattr("listxattr", 194, 11, Op.LISTXATTR, LISTING, STORED),
    *_xattr("removexattr", 197, 14, Op.REMOVEXATTR, {"name": PATH}, ZERO),
)
PLACES = (
    call("openat2", nr(437, 437), None, FULL,
         sig(dfd=To("dirfd", FD), filename=To("path_at", ADDRESS), how=ADDRESS, usize=To("size", SIZE)), via=openat2),
    call("close_range", nr(436, 436), Op.CLOSE_RANGE, partial("CLOSE_RANGE_UNSHARE leaves the table shared"),
         sig(fd=To("first", U32), max_fd=To("last", U32), flags=To("cloexec", CLOSE_RANGE)), ZERO),
    call("statx", nr(332, 291), Op.STATX, FULL,
         sig(dfd=To("dirfd", FD), path=PATH, flags=AT_STAT, mask=U32, buffer=OutStruct(lf.STATX)), ZERO),
    call("chroot", nr(161, 51), Op.CHROOT, FULL, sig(filename=To("path", PATH)), ZERO),
    call("getdents", nr(78, None), Op.GETDENTS, FULL,
         sig(fd=FD, dirent=To("sink", Records(lf.DIRENT, "count")), count=Length(32)), Ret("r.used")),
)
_NAMES = {"olddfd": To("olddirfd", FD), "oldname": To("oldpath", PATH), "newdfd": To("newdirfd", FD),
          "newname": To("newpath", PATH)}
RENAMES = {
    0: call("renameat2", None, Op.RENAMEAT, FULL, sig(**_NAMES, flags=Unused("0")), ZERO, replace=True),
    1: call("renameat2", None, Op.RENAMEAT, FULL, sig(**_NAMES, flags=Unused("RENAME_NOREPLACE")), ZERO,
            replace=False),
    2: call("renameat2", None, Op.EXCHANGE, FULL, sig(**_NAMES, flags=Unused("RENAME_EXCHANGE")), ZERO),
}
HANDLES = (
    call("name_to_handle_at", nr(303, 264), None, FULL,
         sig(dfd=To("dirfd", FD), name=To("path", PATH), handle=ADDRESS, mnt_id=To("mount", ADDRESS), flag=To("flags",
             U32)), ZERO, via=name_to_handle),
    call("open_by_handle_at", nr(304, 265), None, FULL,
         sig(mountdirfd=To("mount_fd", FD), handle=ADDRESS, flags=OPEN), via=open_by_handle),
)
CHANGING = (
    call("renameat2", nr(316, 276), None, partial("no RENAME_WHITEOUT"), by=("flags", RENAMES)),
    call("fallocate", nr(285, 47), Op.FALLOCATE, FULL,
         sig(fd=FD, mode=ALLOCATE, offset=OFFSET, len=To("length", OFFSET)), ZERO),
)
TRANSFERS = (
    call("preadv2", nr(327, 286), Op.PREAD_WITH, FULL,
         sig(fd=FD, vec=To("buf", IOV_OUT), vlen=LENGTH, pos_l=To("offset", OFFSET), pos_h=HIGH, flags=U32)),
    call("pwritev2", nr(328, 287), Op.PWRITE_WITH, FULL,
         sig(fd=FD, vec=To("buf", IOV_IN), vlen=LENGTH, pos_l=To("offset", OFFSET), pos_h=HIGH, flags=U32)),
    call("splice", nr(275, 76), Op.SPLICE, FULL,
         sig(fd_in=To("in_fd", FD), off_in=To("in_offset", CELL), fd_out=To("out_fd", FD),
             off_out=To("out_offset", CELL), len=To("count", SIZE), flags=U32)),
    call("tee", nr(276, 77), Op.TEE, FULL,
         sig(fdin=To("in_fd", FD), fdout=To("out_fd", FD), len=To("count", SIZE), flags=U32)),
    call("vmsplice", nr(278, 75), None, FULL,
         sig(fd=FD, iov=To("vector", ADDRESS), nr_segs=To("count", SIZE), flags=U32), via=vmsplice),
)
DISK = (
    call("syncfs", nr(306, 267), Op.SYNCFS, FULL, sig(fd=FD), ZERO),
    call("sync_file_range", nr(277, 84), Op.SYNC_RANGE, FULL,
         sig(fd=FD, offset=OFFSET, nbytes=To("length", OFFSET), flags=U32), ZERO),
    call("fadvise64", nr(221, 223), Op.FADVISE, FULL,
         sig(fd=FD, offset=OFFSET, len=To("length", OFFSET), advice=S32), ZERO),
    call("readahead", nr(187, 213), Op.FADVISE, FULL,
         sig(fd=FD, offset=OFFSET, count=To("length", OFFSET)), ZERO, advice=-1),
)
WATCHES = (
    call("inotify_init", nr(253, None), Op.INOTIFY_CREATE, FULL, None, flags=Open(0)),
    call("inotify_init1", nr(294, 26), Op.INOTIFY_CREATE, FULL, sig(flags=PIPE)),
    call("inotify_add_watch", nr(254, 27), Op.INOTIFY_ADD, FULL, sig(fd=FD, pathname=To("path", PATH), mask=U32)),
    call("inotify_rm_watch", nr(255, 28), Op.INOTIFY_REMOVE, FULL, sig(fd=FD, wd=To("watch", S32)), ZERO),
)
MOUNTS = tuple(
    stub(name, nr(x86_64, aarch64), E.PERM, note)
    for name, x86_64, aarch64, note in (
        ("mount", 165, 40, "mounts are given when the run starts"),
        ("umount2", 166, 39, "mounts are given when the run starts"),
        ("pivot_root", 155, 41, "mounts are given when the run starts"),
        ("open_tree", 428, 428, "mounts are given when the run starts"),
        ("move_mount", 429, 429, "mounts are given when the run starts"),
        ("fsopen", 430, 430, "mounts are given when the run starts"),
        ("fsconfig", 431, 431, "mounts are given when the run starts"),
        ("fsmount", 432, 432, "mounts are given when the run starts"),
        ("fspick", 433, 433, "mounts are given when the run starts"),
        ("mount_setattr", 442, 442, "mounts are given when the run starts"),
        ("swapon", 167, 224, "the host's memory is the host's business"),
        ("swapoff", 168, 225, "the host's memory is the host's business"),
        ("acct", 163, 89, "no accounting"),
    )
)
REFUSED = (
    stub("quotactl", nr(179, 60), E.NOSYS, "no quotas, as in a kernel without them"),
    stub("quotactl_fd", nr(443, 443), E.NOSYS, "no quotas, as in a kernel without them"),
    stub("ustat", nr(136, None), E.NOSYS, "statfs replaced it"),
    stub("sysfs", nr(139, None), E.NOSYS, "/proc/filesystems replaced it"),
    stub("fanotify_init", nr(300, 262), E.NOSYS, "inotify is there"),
    stub("fanotify_mark", nr(301, 263), E.NOSYS, "inotify is there"),
    stub("io_uring_setup", nr(425, 425), E.NOSYS, "callers fall back to epoll and plain calls"),
    stub("io_uring_enter", nr(426, 426), E.NOSYS, "callers fall back to epoll and plain calls"),
    stub("io_uring_register", nr(427, 427), E.NOSYS, "callers fall back to epoll and plain calls"),
)
# fmt: on

CALLS: tuple[Call, ...] = (
    *ATTRIBUTES, *PLACES, *HANDLES, *CHANGING, *TRANSFERS, *DISK, *WATCHES, *MOUNTS, *REFUSED,
)  # fmt: skip
