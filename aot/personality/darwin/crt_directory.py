"""Directories of libSystem. From: dirent.h of macOS 14."""

from __future__ import annotations

from typing import Any

from aot.personality.abi.call import NOTHING, Call
from aot.personality.abi.errors import E, Errno
from aot.personality.abi.kinds import S32, To
from aot.personality.abi.neutral import CWD, Open, Whence
from aot.personality.abi.op import Op
from aot.personality.darwin import layouts as la
from aot.personality.darwin.crt import TEXT, Ops, c, crt, keep, static, word
from aot.personality.darwin.fails import NULL, NUMBER
from aot.personality.darwin.kinds import RAW
from aot.personality.darwin.state import state
from aot.record import dataclass, field

DIRENT_SIZE = 1048  # sizeof(struct dirent)
ROOM = 8192


@dataclass(slots=True)
class Directory:
    """A DIR: its descriptor and the entries read ahead, encoded."""

    fd: int
    entries: list[bytes] = field(default_factory=list)


@dataclass(slots=True)
class _Catch:
    """Takes the entries of one reading as a Sink does, without guest memory."""

    entries: list[bytes] = field(default_factory=list)
    used: int = 0

    def add(self, value: Any) -> bool:
        raw = la.DIRENT.encode(value)
        if self.used + len(raw) > ROOM:
            return False
        self.used += len(raw)
        self.entries.append(raw)
        return True


def _directories(ctx: Any) -> dict[int, Directory]:
    found: dict[int, Directory] = state(ctx).parts.setdefault("directories", {})
    return found


def _find(ctx: Any, address: int) -> Directory:
    found = _directories(ctx).get(address)
    if found is None:
        ctx.mem.read(address, 8)
        raise Errno(E.BADF)
    return found


def open_fd(ctx: Any, ops: Ops, fd: int) -> int:
    """Fdopendir."""
    ops[Op.FCNTL_GETFD](ctx, fd=fd)
    address = keep(ctx, word(fd))
    _directories(ctx)[address] = Directory(fd)
    return address


def open_path(ctx: Any, ops: Ops, path: bytes) -> int:
    """Opendir."""
    flags = Open.READ | Open.DIRECTORY | Open.CLOEXEC
    return open_fd(ctx, ops, ops[Op.OPENAT](ctx, dirfd=CWD, path=path, flags=flags, mode=0))


def close(ctx: Any, ops: Ops, directory: int) -> int:
    """Closedir."""
    found = _find(ctx, directory)
    ops[Op.CLOSE](ctx, fd=found.fd)
    del _directories(ctx)[directory]
    crt(ctx).heap.free(ctx.mem, directory)
    return 0


def _next(ctx: Any, ops: Ops, directory: int) -> bytes:
    found = _find(ctx, directory)
    if not found.entries:
        catch = _Catch()
        ops[Op.GETDENTS](ctx, fd=found.fd, sink=catch)
        found.entries = catch.entries
    return found.entries.pop(0) if found.entries else b""


def read(ctx: Any, ops: Ops, directory: int) -> int:
    """Readdir: null at the end."""
    raw = _next(ctx, ops, directory)
    return static(ctx, f"dirent {directory}", raw.ljust(DIRENT_SIZE, b"\0")) if raw else 0


def read_into(ctx: Any, ops: Ops, directory: int, entry: int, out: int) -> int:
    """readdir_r."""
    ctx.mem.probe(out, 8, True)
    raw = _next(ctx, ops, directory)
    if raw:
        ctx.mem.write(entry, raw)
    ctx.mem.write(out, word(entry if raw else 0))
    return 0


def rewind(ctx: Any, ops: Ops, directory: int) -> int:
    """Rewinddir."""
    found = _find(ctx, directory)
    ops[Op.SEEK](ctx, fd=found.fd, offset=0, whence=Whence.SET)
    found.entries = []
    return 0


def number_of(ctx: Any, ops: Ops, directory: int) -> int:
    """Dirfd."""
    return _find(ctx, directory).fd


DIRECTORY = {"directory": To("directory", RAW)}

# fmt: off
CALLS: tuple[Call, ...] = (
    c("opendir", {"path": To("path", TEXT)}, open_path, fail=NULL, also=("opendir$INODE64",)),
    c("fdopendir", {"fd": S32}, open_fd, fail=NULL, also=("fdopendir$INODE64",)),
    c("closedir", DIRECTORY, close),
    c("readdir", DIRECTORY, read, fail=NULL, also=("readdir$INODE64",)),
    c("readdir_r", {**DIRECTORY, "entry": To("entry", RAW), "out": To("out", RAW)}, read_into, fail=NUMBER,
        also=("readdir_r$INODE64",)),
    c("rewinddir", DIRECTORY, rewind, ret=NOTHING, also=("rewinddir$INODE64",)),
    c("dirfd", DIRECTORY, number_of),
)
# fmt: on
