"""The largest size a process may give to a file."""

from __future__ import annotations

from aot.personality.abi.errors import E, Errno
from aot.personality.abi.kinds import Buffers
from aot.personality.abi.neutral import FileType, Open, Whence
from aot.personality.abi.signals import Signal
from runtime.kernel.context import Context
from runtime.kernel.node import File, total
from runtime.kernel.signals import send


def check_size(ctx: Context, file: File, size: int) -> None:
    """Raises FBIG (and sends XFSZ) when `size` is more than the process may make `file`."""
    limit = ctx.process.files.largest
    if limit is not None and size > limit and size > file.stat().size:
        send(ctx, Signal.XFSZ)
        raise Errno(E.FBIG)


def cut(ctx: Context, file: File, buf: Buffers, offset: int | None) -> Buffers:
    """What of `buf` may be written (at `offset`, or the position). Raises FBIG when nothing may be."""
    limit = ctx.process.files.largest
    if limit is None or not file.seekable or file.stat().mode >> 12 != FileType.REGULAR:
        return buf
    if offset is None:
        offset = file.stat().size if file.flags & Open.APPEND else file.seek(0, Whence.CUR)
    size = total(buf)
    if offset + size <= limit or not size:
        return buf
    if offset >= limit:
        send(ctx, Signal.XFSZ)
        raise Errno(E.FBIG)
    left, kept = limit - offset, []
    for piece in buf:
        kept.append(piece[:left])
        left -= len(kept[-1])
        if not left:
            break
    return tuple(kept)
