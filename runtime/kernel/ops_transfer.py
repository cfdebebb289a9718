"""Ops that move bytes between descriptors without the guest seeing them."""

from __future__ import annotations

import os

from aot.personality.abi.errors import E, Errno
from aot.personality.abi.kinds import Buffers, Cell
from aot.personality.abi.kinds_base import MAX_IO
from aot.personality.abi.neutral import FileType, Open, Whence
from aot.personality.abi.op import Op
from runtime.kernel import hostcalls
from runtime.kernel.context import Context
from runtime.kernel.host import failure
from runtime.kernel.leave import Block
from runtime.kernel.node import POLLIN, POLLOUT, File
from runtime.kernel.ops_file import for_reading, for_writing, write_some
from runtime.kernel.ops_limit import cut
from runtime.kernel.optable import op

CHUNK = 1 << 16
PIPE_BUF = 4096
MOVE, NONBLOCK, MORE, GIFT = 1, 2, 4, 8
SPLICE_FLAGS = MOVE | NONBLOCK | MORE | GIFT


def _kind(file: File) -> int:
    return file.stat().mode >> 12


def _move(ctx: Context, source: File, target: File, start: int, count: int) -> int:
    """Copy up to `count` bytes from `start` on; what was moved when the target can take no more."""
    moved, scratch = 0, memoryview(bytearray(min(count, CHUNK)))
    while moved < count:
        got = source.read_at((scratch[: min(count - moved, CHUNK)],), start + moved)
        if not got:
            break
        try:
            moved += write_some(ctx, target, (scratch[:got],))
        except (Block, Errno):
            if not moved:
                raise
            break
    return moved


@op(Op.SENDFILE)
def sendfile(ctx: Context, out_fd: int, in_fd: int, offset: Cell | None, count: int) -> int:
    """Copy from a seekable file to any descriptor; `offset` is used and moved instead of the position."""
    source, target = for_reading(ctx, in_fd), for_writing(ctx, out_fd)
    if not source.seekable:
        raise Errno(E.INVAL if offset is None else E.SPIPE)
    if target.flags & Open.APPEND:
        raise Errno(E.INVAL)
    start = source.seek(0, Whence.CUR) if offset is None else offset.value
    if start < 0:
        raise Errno(E.INVAL)
    moved = _move(ctx, source, target, start, min(count, MAX_IO))
    if offset is not None:
        offset.put(start + moved)
    elif moved:
        source.seek(start + moved, Whence.SET)
    return moved


@op(Op.COPY_RANGE)
def copy_range(
    ctx: Context, in_fd: int, in_offset: Cell | None, out_fd: int, out_offset: Cell | None, count: int
) -> int:
    """Copy between two regular files, up to a chunk."""
    files = ctx.process.files
    source, target = files.get(in_fd), files.get(out_fd)
    kinds = {_kind(source), _kind(target)}
    if FileType.DIR in kinds:
        raise Errno(E.ISDIR)
    if kinds != {FileType.REGULAR}:
        raise Errno(E.INVAL)
    if not source.can_read or not target.can_write or target.flags & Open.APPEND:
        raise Errno(E.BADF)
    start = source.seek(0, Whence.CUR) if in_offset is None else in_offset.value
    to = target.seek(0, Whence.CUR) if out_offset is None else out_offset.value
    if start < 0 or to < 0:
        raise Errno(E.INVAL)
    if _same(source, target) and start < to + count and to < start + count:
        raise Errno(E.INVAL)
    scratch = memoryview(bytearray(min(count, CHUNK)))
    got = source.read_at((scratch,), start)
    put = target.write_at(cut(ctx, target, (scratch[:got],), to), to) if got else 0
    for cell, file, at in ((in_offset, source, start), (out_offset, target, to)):
        if cell is not None:
            cell.put(at + put)
        elif put:
            file.seek(at + put, Whence.SET)
    return put


def _same(a: File, b: File) -> bool:
    one, other = a.stat(), b.stat()
    return (one.dev, one.ino) == (other.dev, other.ino)


def _pipe_room(file: File, events: int, *, nonblock: bool) -> None:
    """Wait until a pipe has bytes (or room). Raises AGAIN, Block."""
    assert file.host_fd is not None
    if file.ready(events):
        return
    if nonblock or file.flags & Open.NONBLOCK:
        raise Errno(E.AGAIN)
    raise Block(fds=((file.host_fd, events),), restarts=True)


@op(Op.SPLICE)
def splice(
    ctx: Context,
    in_fd: int,
    in_offset: Cell | None,
    out_fd: int,
    out_offset: Cell | None,
    count: int,
    flags: int,
) -> int:
    """Move bytes between a pipe and another descriptor; how many were."""
    if flags & ~SPLICE_FLAGS:
        raise Errno(E.INVAL)
    if not count:
        return 0
    source, target = for_reading(ctx, in_fd), for_writing(ctx, out_fd)
    pipes = [_kind(f) == FileType.FIFO for f in (source, target)]
    for is_pipe, offset, file in ((pipes[0], in_offset, source), (pipes[1], out_offset, target)):
        if offset is not None and (is_pipe or not file.seekable):
            raise Errno(E.SPIPE)
    if not any(pipes) or (all(pipes) and _same(source, target)) or target.flags & Open.APPEND:
        raise Errno(E.INVAL)
    nonblock = bool(flags & NONBLOCK)
    if pipes[0]:
        _pipe_room(source, POLLIN, nonblock=nonblock)
    if pipes[1]:
        _pipe_room(target, POLLOUT, nonblock=nonblock)
    if source.host_fd is not None and target.host_fd is not None:
        return _host_splice(source, in_offset, target, out_offset, min(count, MAX_IO))
    return _copied(ctx, source, in_offset, target, out_offset, min(count, PIPE_BUF))


def _host_splice(
    source: File, in_offset: Cell | None, target: File, out_offset: Cell | None, count: int
) -> int:
    """The host moves them."""
    offsets = [None if cell is None else cell.value for cell in (in_offset, out_offset)]
    if any(at is not None and at < 0 for at in offsets):
        raise Errno(E.INVAL)
    assert source.host_fd is not None
    assert target.host_fd is not None
    try:
        moved = os.splice(
            source.host_fd,
            target.host_fd,
            count,
            offset_src=offsets[0],
            offset_dst=offsets[1],
            flags=NONBLOCK,
        )
    except BlockingIOError:
        wanted = ((source.host_fd, POLLIN), (target.host_fd, POLLOUT))
        if (source.flags | target.flags) & Open.NONBLOCK:
            raise Errno(E.AGAIN) from None
        raise Block(fds=wanted[:1] if not source.ready(POLLIN) else wanted[1:], restarts=True) from None
    except OSError as error:
        raise failure(error) from None
    for cell in (in_offset, out_offset):
        if cell is not None:
            cell.put(cell.value + moved)
    return moved


def _copied(
    ctx: Context, source: File, in_offset: Cell | None, target: File, out_offset: Cell | None, count: int
) -> int:
    """For files the host does not have: through a buffer that any pipe takes whole."""
    scratch = memoryview(bytearray(count))
    got = source.read((scratch,)) if in_offset is None else source.read_at((scratch,), in_offset.value)
    piece: Buffers = (scratch[:got],)
    put = write_some(ctx, target, piece) if out_offset is None else target.write_at(piece, out_offset.value)
    for cell in (in_offset, out_offset):
        if cell is not None:
            cell.put(cell.value + put)
    return put


@op(Op.TEE)
def tee(ctx: Context, in_fd: int, out_fd: int, count: int, flags: int) -> int:
    """Copy what is in a pipe into another one without taking it out; how many bytes."""
    if flags & ~SPLICE_FLAGS:
        raise Errno(E.INVAL)
    if not count:
        return 0
    source, target = for_reading(ctx, in_fd), for_writing(ctx, out_fd)
    if any(_kind(f) != FileType.FIFO for f in (source, target)) or _same(source, target):
        raise Errno(E.INVAL)
    nonblock = bool(flags & NONBLOCK)
    _pipe_room(source, POLLIN, nonblock=nonblock)
    _pipe_room(target, POLLOUT, nonblock=nonblock)
    assert source.host_fd is not None
    assert target.host_fd is not None
    try:
        return hostcalls.tee(source.host_fd, target.host_fd, min(count, MAX_IO), NONBLOCK)
    except OSError as error:
        raise failure(error) from None
