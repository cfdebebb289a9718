"""Linux file calls whose arguments no kind describes: openat2's growing struct, a direction that the file decides."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from typing import Any

from aot.personality.abi.errors import E, Errno
from aot.personality.abi.kinds import Vector
from aot.personality.abi.neutral import At, Open, Termios
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
AT_SYMLINK_FOLLOW, AT_EMPTY_PATH = 0x400, 0x1000
HANDLE, MAX_HANDLE = 8, 128


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


_TERMIO = struct.Struct("<HHHHB8sx")  # struct termio of include/uapi/asm-generic/termios.h


def get_termio(ctx: Any, ops: Ops, fd: int, at: int) -> None:
    """The old form of terminal modes: the low half of each word, eight characters."""
    modes: Termios = ops[Op.TTY_GETATTR](ctx, fd=fd)
    words = (w & 0xFFFF for w in (modes.iflag, modes.oflag, modes.cflag, modes.lflag))
    ctx.mem.write(at, _TERMIO.pack(*words, modes.line, modes.cc[:8]))


def set_termio(ctx: Any, ops: Ops, fd: int, at: int, when: int) -> None:
    """Change what the old form can say and leave the rest."""
    old: Termios = ops[Op.TTY_GETATTR](ctx, fd=fd)
    *low, line, cc = _TERMIO.unpack(ctx.mem.read(at, _TERMIO.size))
    iflag, oflag, cflag, lflag = [
        high & ~0xFFFF | half
        for high, half in zip((old.iflag, old.oflag, old.cflag, old.lflag), low, strict=True)
    ]
    ops[Op.TTY_SETATTR](
        ctx, fd=fd, when=when, modes=Termios(iflag, oflag, cflag, lflag, line, cc + old.cc[8:])
    )


def name_to_handle(ctx: Any, ops: Ops, dirfd: int, path: bytes, handle: int, mount: int, flags: int) -> None:
    """A number that stands for a file, in a struct file_handle that has room for it."""
    if flags & ~(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH):
        raise Errno(E.INVAL)
    room = int.from_bytes(ctx.mem.read(handle, 4), "little")
    ctx.mem.probe(handle, 8, True)
    if room > MAX_HANDLE:
        raise Errno(E.INVAL)
    at = (At(0) if flags & AT_SYMLINK_FOLLOW else At.NOFOLLOW) | (
        At.EMPTY_PATH if flags & AT_EMPTY_PATH else At(0)
    )
    number, mounted = ops[Op.FILE_HANDLE](ctx, dirfd=dirfd, path=path, flags=at)
    ctx.mem.write(handle, HANDLE.to_bytes(4, "little"))
    ctx.mem.write(mount, mounted.to_bytes(4, "little"))
    if room < HANDLE:
        raise Errno(E.OVERFLOW)
    ctx.mem.write(handle + 4, (1).to_bytes(4, "little") + number.to_bytes(HANDLE, "little"))


def open_by_handle(ctx: Any, ops: Ops, mount_fd: int, handle: int, flags: Open) -> int:
    """Open what a handle stands for."""
    size = int.from_bytes(ctx.mem.read(handle, 4), "little")
    if not 0 < size <= MAX_HANDLE:
        raise Errno(E.INVAL)
    raw: bytes = ctx.mem.read(handle + 8, size)
    if size != HANDLE:
        raise Errno(E.STALE)
    fd: int = ops[Op.OPEN_HANDLE](ctx, fd=mount_fd, number=int.from_bytes(raw, "little"), flags=flags)
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
