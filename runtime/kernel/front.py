"""Who is in front of a terminal: background groups are stopped where they read it or change it (setpgid(2), tty(4))."""

from __future__ import annotations

from aot.personality.abi.errors import E, Errno
from aot.personality.abi.frame import SI_KERNEL, SigInfo
from aot.personality.abi.signals import Signal
from runtime.kernel.context import Context, Kernel
from runtime.kernel.kin import group_of, members, orphaned, session_of
from runtime.kernel.leave import Block
from runtime.kernel.signals import IGNORE, bit_of, handler_of, send_process


def host_session(kernel: Kernel) -> tuple[int, int]:
    """The session and the foreground group of the host's own terminal: those of the run's first process."""
    first = next(iter(kernel.processes.values()))
    return session_of(first), kernel.foreground or group_of(first)


def come_to_front(ctx: Context, session: int, foreground: int, signal: int) -> None:
    """The caller reads (TTIN), writes or changes (TTOU) a terminal: only the foreground group simply may.

    Others of its session are sent `signal` and wait. Who blocks or ignores it, or is orphaned, gets IO when it
    reads, and may change the terminal.
    """
    process = ctx.process
    group = group_of(process)
    if session_of(process) != session or not foreground or group == foreground:
        return
    ignored = handler_of(process, signal) == IGNORE or bool(ctx.sigmask & bit_of(signal))
    if ignored and signal == Signal.TTOU:
        return
    if ignored or orphaned(process.kernel, group):
        raise Errno(E.IO)
    for member in members(process.kernel, group):
        send_process(member, signal, SigInfo(signal, SI_KERNEL))
    raise Block(ready=lambda: True, restarts=True)
