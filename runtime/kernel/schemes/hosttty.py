"""The terminal of the host: its line discipline is the host's, who may read it is the guest's job control."""

from __future__ import annotations

import termios

from aot.personality.abi.kinds import Buffers
from aot.personality.abi.neutral import Open
from aot.personality.abi.signals import Signal
from runtime.kernel.context import Kernel
from runtime.kernel.front import come_to_front, host_session
from runtime.kernel.kin import group_of
from runtime.kernel.node import Node
from runtime.kernel.schemes.hostfile import HostStream


class HostTerminal(HostStream):
    """An open file on it: read by the foreground group alone."""

    def __init__(self, node: Node, flags: Open, fd: int, kernel: Kernel | None, *, polite: bool) -> None:
        super().__init__(node, flags, fd, polite=polite)
        self.kernel = kernel

    def read(self, buf: Buffers) -> int:
        """As any stream, from the foreground."""
        self._in_front(Signal.TTIN)
        return super().read(buf)

    def write(self, buf: Buffers) -> int:
        """As any stream; from the background unless the terminal says otherwise (TOSTOP)."""
        self._in_front(Signal.TTOU)
        return super().write(buf)

    def _in_front(self, signal: Signal) -> None:
        """The caller must be in front; see front.come_to_front."""
        kernel = self.kernel
        ctx = kernel.current if kernel is not None else None
        if kernel is None or ctx is None:
            return
        session, foreground = host_session(kernel)
        if group_of(ctx.process) == foreground:
            return
        if signal == Signal.TTIN or termios.tcgetattr(self.fd)[3] & termios.TOSTOP:
            come_to_front(ctx, session, foreground, signal)
