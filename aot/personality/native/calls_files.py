"""Native calls on files beyond reading, writing and naming: locks, status words, attributes."""

from __future__ import annotations

from aot.personality.abi.call import STORED, ZERO, sig
from aot.personality.abi.errors import E
from aot.personality.abi.kinds import (
    FD,
    LENGTH,
    MODE,
    OFFSET,
    PATH,
    S32,
    SIZE,
    U32,
    U64,
    InBytes,
    InOutInt,
    OutBytes,
    OutData,
    OutInt,
    OutStruct,
)
from aot.personality.abi.op import Op
from aot.personality.native import layouts_files as la
from aot.personality.native.flags import AT, BOOL, OPEN, RESOLVE
from aot.personality.native.rows import row

# fmt: off
BUF_OUT = {"buf": OutBytes("size", partial=True), "size": LENGTH}
BUF_IN = {"buf": InBytes("size", partial=True), "size": LENGTH}
WHERE = {"dirfd": FD, "path": PATH, "flags": AT}
VALUE_OUT = OutData("size", short=E.RANGE, asks=True)
ATTRIBUTES = (
    row(Op.GETXATTR,        sig(**WHERE, name=PATH, value=VALUE_OUT, size=LENGTH), STORED),
    row(Op.SETXATTR,        sig(**WHERE, name=PATH, value=InBytes("size"), size=LENGTH), ZERO, how=0),
    row(Op.LISTXATTR,       sig(**WHERE, names=VALUE_OUT, size=LENGTH), STORED),
    row(Op.REMOVEXATTR,     sig(**WHERE, name=PATH), ZERO),
)
TRANSFERS = (
    row(Op.PREAD_WITH,      sig(fd=FD, **BUF_OUT, offset=OFFSET, flags=U32)),
    row(Op.PWRITE_WITH,     sig(fd=FD, **BUF_IN, offset=OFFSET, flags=U32)),
    row(Op.SPLICE,          sig(in_fd=FD, in_offset=InOutInt(64), out_fd=FD, out_offset=InOutInt(64),
                                count=SIZE, flags=U32)),
    row(Op.TEE,             sig(in_fd=FD, out_fd=FD, count=SIZE, flags=U32)),
)
PLACES = (
    row(Op.OPENAT2,         sig(dirfd=FD, path=PATH, flags=OPEN, mode=MODE, resolve=RESOLVE)),
    row(Op.STATX,           sig(**WHERE, mask=U32, facts=OutStruct(la.FACTS)), ZERO),
    row(Op.EXCHANGE,        sig(olddirfd=FD, oldpath=PATH, newdirfd=FD, newpath=PATH), ZERO),
    row(Op.CHROOT,          sig(path=PATH), ZERO),
    row(Op.CLOSE_RANGE,     sig(first=U32, last=U32, cloexec=BOOL), ZERO),
)
HANDLES = (
    row(Op.FILE_HANDLE,     sig(**WHERE, number=OutInt(64, "number"), mount=OutInt(32, "mount")), ZERO),
    row(Op.OPEN_HANDLE,     sig(fd=FD, number=U64, flags=OPEN)),
)
DISK = (
    row(Op.SYNCFS,          sig(fd=FD), ZERO),
    row(Op.SYNC_RANGE,      sig(fd=FD, offset=OFFSET, length=OFFSET, flags=U32), ZERO),
    row(Op.FADVISE,         sig(fd=FD, offset=OFFSET, length=OFFSET, advice=S32), ZERO),
)
LOCKS = (
    row(Op.RECORD_LOCK,     sig(fd=FD, lock=la.IN_RECORD_LOCK, wait=BOOL, by_file=BOOL), ZERO),
    row(Op.RECORD_TEST,     sig(fd=FD, lock=la.RECORD_LOCK_CELL, by_file=BOOL), ZERO),
)
CONTROLS = (
    row(Op.FD_SETOWNER,     sig(fd=FD, owner=la.IN_OWNER), ZERO),
    row(Op.FD_GETOWNER,     sig(fd=FD, owner=OutStruct(la.OWNER)), ZERO),
    row(Op.FD_SETSIGNAL,    sig(fd=FD, signal=S32), ZERO),
    row(Op.FD_GETSIGNAL,    sig(fd=FD)),
    row(Op.SET_NONBLOCK,    sig(fd=FD, on=U32), ZERO),
    row(Op.SET_ASYNC,       sig(fd=FD, on=U32), ZERO),
    row(Op.PIPE_SETSIZE,    sig(fd=FD, size=U32)),
    row(Op.PIPE_GETSIZE,    sig(fd=FD)),
    row(Op.SEALS_ADD,       sig(fd=FD, seals=U32), ZERO),
    row(Op.SEALS_GET,       sig(fd=FD)),
    row(Op.RW_HINT_GET,     sig(fd=FD)),
    row(Op.RW_HINT_SET,     sig(fd=FD, hint=U64), ZERO),
    row(Op.FLAGS_GET,       sig(fd=FD)),
    row(Op.FLAGS_SET,       sig(fd=FD, flags=U32), ZERO),
)
WATCHES = (
    row(Op.INOTIFY_CREATE,  sig(flags=OPEN)),
    row(Op.INOTIFY_ADD,     sig(fd=FD, path=PATH, mask=U32)),
    row(Op.INOTIFY_REMOVE,  sig(fd=FD, watch=S32), ZERO),
)
TERMINALS = (
    row(Op.TTY_GETSID,      sig(fd=FD)),
    row(Op.TTY_CONTROL,     sig(fd=FD, steal=S32), ZERO),
    row(Op.TTY_GIVE_UP,     sig(fd=FD), ZERO),
    row(Op.TTY_FLUSH,       sig(fd=FD, queue=S32), ZERO),
    row(Op.TTY_BREAK,       sig(fd=FD, drain=S32), ZERO),
    row(Op.TTY_FLOW,        sig(fd=FD, action=S32), ZERO),
    row(Op.PTY_NUMBER,      sig(fd=FD)),
    row(Op.PTY_LOCK,        sig(fd=FD, locked=U32), ZERO),
    row(Op.PTY_PEER,        sig(fd=FD, flags=OPEN)),
)
# fmt: on

CALLS = (*LOCKS, *CONTROLS, *ATTRIBUTES, *TRANSFERS, *PLACES, *HANDLES, *DISK, *WATCHES, *TERMINALS)
