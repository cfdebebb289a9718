"""Ops on processes and signals as files, and on what processes share."""

from __future__ import annotations

from collections.abc import Callable

from aot.personality.abi.errors import E, Errno
from aot.personality.abi.frame import SI_TKILL, SigInfo
from aot.personality.abi.neutral import Open
from aot.personality.abi.neutral_process import Share, Unshare
from aot.personality.abi.op import Op
from aot.record import replace
from runtime.kernel.context import Context, Process
from runtime.kernel.kin import find_process
from runtime.kernel.ops_signal import may_send
from runtime.kernel.optable import op
from runtime.kernel.schemes.process import PidFile, SignalFile
from runtime.kernel.semaphores import undoes
from runtime.kernel.signals import UNBLOCKABLE, check, send_process, sent_by


def _pidfile(ctx: Context, fd: int) -> PidFile:
    file = ctx.process.files.get(fd)
    if not isinstance(file, PidFile):
        raise Errno(E.BADF)
    return file


def _named(ctx: Context, fd: int) -> Process:
    """The process a descriptor means: one of PIDFD_OPEN, or a process's directory in /proc. Raises BADF, SRCH."""
    file = ctx.process.files.get(fd)
    above, _, name = file.path.rpartition(b"/")
    if isinstance(file, PidFile) or above != b"/proc" or not name.isdigit():
        return _pidfile(ctx, fd).alive()
    process = ctx.process.kernel.processes.get(int(name))
    if process is None:
        raise Errno(E.SRCH)
    return process


@op(Op.PIDFD_OPEN)
def pidfd_open(ctx: Context, pid: int, flags: Open) -> int:
    """A descriptor that means a process for ever, close-on-exec always. Raises INVAL, SRCH."""
    if pid <= 0:
        raise Errno(E.INVAL)
    process = ctx.process.kernel.processes.get(pid)
    if process is None:
        raise Errno(E.INVAL if find_process(ctx.process.kernel, pid) else E.SRCH)
    return ctx.process.files.add(PidFile(process, flags & Open.NONBLOCK), cloexec=True)


@op(Op.PIDFD_SIGNAL)
def pidfd_signal(ctx: Context, fd: int, signal: int, info: SigInfo | None) -> None:
    """Send a signal through a descriptor, with `info` if there is one."""
    check(signal)
    target = _named(ctx, fd)
    if info is None:
        info = sent_by(ctx, signal)
    elif info.signal != signal:
        raise Errno(E.INVAL)
    elif (info.code >= 0 or info.code == SI_TKILL) and target is not ctx.process:
        raise Errno(E.PERM)
    if not may_send(ctx, target, signal):
        raise Errno(E.PERM)
    if signal:
        send_process(target, signal, replace(info, signal=signal), own=target is ctx.process)


@op(Op.PIDFD_GETFD)
def pidfd_getfd(ctx: Context, fd: int, target: int) -> int:
    """A copy of another process's descriptor, close-on-exec. Raises PERM for a process of somebody else."""
    process = _pidfile(ctx, fd).alive()
    own, other = ctx.process.creds, process.creds
    if own.euid and (own.uid, own.gid) != (other.uid, other.gid):
        raise Errno(E.PERM)
    if process.status is not None:
        raise Errno(E.SRCH)
    return ctx.process.files.add(process.files.get(target), cloexec=True)


@op(Op.SIGNALFD)
def signalfd(ctx: Context, fd: int, mask: int, flags: Open, encode: Callable[[SigInfo], bytes]) -> int:
    """A file of the signals in `mask` (-1), or another mask for one; `encode` makes the records that are read."""
    mask &= ~UNBLOCKABLE
    if fd != -1:
        file = ctx.process.files.get(fd)
        if not isinstance(file, SignalFile):
            raise Errno(E.INVAL)
        file.mask = mask
        return fd
    file = SignalFile(ctx.process.kernel, mask, flags, encode)
    return ctx.process.files.add(file, cloexec=bool(flags & Open.CLOEXEC))


@op(Op.KCMP)
def kcmp(ctx: Context, pid1: int, pid2: int, what: Share, first: int, second: int) -> int:
    """Whether two processes share something: 0 the same, 1 less, 2 greater in an order without meaning."""
    kernel = ctx.process.kernel
    found = [find_process(kernel, pid) for pid in (pid1, pid2)]
    pair = [p for p in found if p is not None]
    if len(pair) < 2:
        raise Errno(E.SRCH)
    keys = [_identity(p, what, fd) for p, fd in zip(pair, (first, second), strict=True)]
    return 0 if keys[0] == keys[1] else 1 + ((pair[0].pid, first) > (pair[1].pid, second))


def _identity(process: Process, what: Share, fd: int) -> int:
    if what is Share.FILE:
        return id(process.files.get(fd))
    if what is Share.IO:
        return 0  # nobody has one
    if what is Share.SYSVSEM:
        return id(process) if undoes(process) else 0
    shared = {
        Share.VM: process.mem, Share.FILES: process.files, Share.FS: process.names,
        Share.SIGHAND: process.actions,
    }  # fmt: skip
    return id(shared.get(what, process))


@op(Op.UNSHARE)
def unshare(ctx: Context, what: Unshare) -> None:
    """Stop sharing things with other processes.

    Raises PERM for a namespace of its own, INVAL for memory or handlers in a process with several contexts.
    """
    process = ctx.process
    if what & Unshare.ALONE and len(process.contexts) > 1:
        raise Errno(E.INVAL)
    if what & Unshare.NAMESPACE:
        raise Errno(E.PERM)
    if what & Unshare.FILES and process.files.sharers > 1:
        process.files.sharers -= 1
        process.files = process.files.copy()
        ctx.cpu.kick()  # machine code goes by the descriptors it was told of when the run began
    if what & Unshare.NAMES:
        own = replace(process.names)
        own.cwd, own.owner = process.names.cwd, process
        process.names = own
