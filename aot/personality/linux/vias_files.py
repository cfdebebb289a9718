"""Linux file calls whose arguments no kind describes: openat2's growing struct, a direction that the file decides."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from aot.personality.abi.errors import E, Errno
from aot.personality.abi.kinds import Vector
from aot.personality.abi.neutral import Open
from aot.personality.abi.neutral_files import Resolve
from aot.personality.abi.op import Op
from aot.personality.linux.flags import OPEN_MAPS

Ops = Mapping[Op, Callable[..., Any]]
HOW_SIZE, PAGE = 24, 4096
RESOLVE = (
    (0x01, Resolve.NO_XDEV), (0x02, Resolve.NO_MAGICLINKS), (0x04, Resolve.NO_SYMLINKS),
    (0x08, Resolve.BENEATH), (0x10, Resolve.IN_ROOT), (0x20, Resolve.CACHED),
)  # fmt: skip
SPLICE_FLAGS = 15


def openat2(ctx: Any, ops: Ops, dirfd: int, path_at: int, how: int, size: int) -> int:
    """openat with a struct that later kernels may lengthen: what we do not know has to be zero."""
    if size < HOW_SIZE:
        raise Errno(E.INVAL)
    if size > PAGE:
        raise Errno(E.TOOBIG)
    raw: bytes = ctx.mem.read(how, size)
    if any(raw[HOW_SIZE:]):
        raise Errno(E.TOOBIG)
    flags, mode, resolve = (int.from_bytes(raw[at : at + 8], "little") for at in (0, 8, 16))
    if flags >> 32 or resolve & ~0x3F:
        raise Errno(E.INVAL)
    open_map = OPEN_MAPS.of(ctx.column)
    decoded: Open = open_map.decode(flags)
    if open_map.encode(decoded) & flags & ~3 != flags & ~3:
        raise Errno(E.INVAL)
    if mode & ~0o7777 or (mode and not decoded & (Open.CREATE | Open.TMPFILE)):
        raise Errno(E.INVAL)
    rules = Resolve(0)
    for bit, flag in RESOLVE:
        if resolve & bit:
            rules |= flag
    path: bytes = ctx.mem.cstr(path_at, PAGE)
    fd: int = ops[Op.OPENAT2](ctx, dirfd=dirfd, path=path, flags=decoded, mode=mode, resolve=rules)
    return fd


def vmsplice(ctx: Any, ops: Ops, fd: int, vector: int, count: int, flags: int) -> int:
    """Between memory and a pipe: into it, or out of it when the descriptor is the end that is read."""
    if flags & ~SPLICE_FLAGS:
        raise Errno(E.INVAL)
    reads = not ops[Op.FCNTL_GETFL](ctx, fd=fd) & Open.WRITE
    ops[Op.PIPE_GETSIZE](ctx, fd=fd)  # BADF for what is no pipe, as Linux says
    buf = Vector("count", write=reads).load(vector, count, ctx.mem)
    if not buf:
        return 0
    moved: int = ops[Op.READ if reads else Op.WRITE](ctx, fd=fd, buf=buf)
    return moved
