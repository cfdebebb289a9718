"""Pseudo-terminals: the host's own, so that the line discipline is a real one; who is told by its keys is ours.

Only pairs that a guest made are there. A pair belongs to no session of the host: signals of its keys, its hang-up
and its foreground group concern the guest's processes.
"""

from __future__ import annotations

import fcntl
import os
import select
import struct
import termios
from collections.abc import Iterator
from typing import TYPE_CHECKING

from aot.personality.abi.errors import E, Errno
from aot.personality.abi.kinds import Buffers
from aot.personality.abi.neutral import FileType, Open, Stat
from aot.personality.abi.signals import Signal
from aot.record import dataclass
from runtime.kernel.host import failure, ready
from runtime.kernel.kin import members, session_of
from runtime.kernel.node import File, Node
from runtime.kernel.schemes.hostfile import HostStream, neutral_stat
from runtime.kernel.schemes.proc.nodes import Facts, Listing
from runtime.kernel.signals import send_process

if TYPE_CHECKING:
    from runtime.kernel.context import Kernel
    from runtime.kernel.namespace import Namespace

PTMX = os.makedev(5, 2)
GETPTN, SPTLCK, GPTPEER = 0x80045430, 0x40045431, 0x5441  # include/uapi/asm-generic/ioctls.h
_KEYS = ((termios.VINTR, Signal.INT), (termios.VQUIT, Signal.QUIT), (termios.VSUSP, Signal.TSTP))
_WORD = struct.Struct("=i")


@dataclass(slots=True, eq=False)
class Terminal:
    """A pair: its number in this run, the session whose controlling terminal it is, the group that has it (0: none)."""

    kernel: Kernel
    number: int
    host: int = 0  # its number on the host
    session: int = 0
    foreground: int = 0

    def tell(self, signal: int) -> None:
        """Send a signal to the foreground group."""
        for process in members(self.kernel, self.foreground) if self.foreground else ():
            send_process(process, signal)

    def hang_up(self) -> None:
        """The master is gone: its session is told."""
        self.kernel.terminals.pop(self.number, None)
        leader = self.kernel.processes.get(self.session)
        if leader is not None:
            send_process(leader, Signal.HUP)
            send_process(leader, Signal.CONT)
        if self.foreground != self.session:
            self.tell(Signal.HUP)
        self.session = self.foreground = 0


class Pty(HostStream):
    """One open side of a pair."""

    def __init__(self, node: Node, flags: Open, fd: int, terminal: Terminal) -> None:
        super().__init__(node, flags, fd, polite=False)
        self.terminal = terminal

    def word(self, request: int, value: int = 0) -> int:
        """An ioctl of the host about an integer."""
        try:
            return int(_WORD.unpack(fcntl.ioctl(self.fd, request, _WORD.pack(value)))[0])
        except OSError as error:
            raise failure(error) from None


class Master(Pty):
    """The side that is the keyboard and the screen."""

    def __init__(self, node: Node, flags: Open, kernel: Kernel) -> None:
        try:
            fd = os.open("/dev/ptmx", os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            raise failure(error) from None
        number = next(n for n in range(len(kernel.terminals) + 1) if n not in kernel.terminals)
        super().__init__(node, flags, fd, Terminal(kernel, number))
        self.terminal.host = self.word(GETPTN)
        kernel.terminals[number] = self.terminal

    def write(self, buf: Buffers) -> int:
        keys = self._keys() if self.terminal.foreground else {}
        count = super().write(buf)
        if keys:
            typed = b"".join(bytes(piece) for piece in buf)[:count]
            found = {keys[c]: None for c in typed if c in keys}
            if found:
                self._settle()
            for signal in found:
                self.terminal.tell(signal)
        return count

    def _settle(self) -> None:
        """See to it that the host's line discipline has looked at what was typed, which it does later.

        Looking for input at the other side makes it do so at once. What it drops at such a key would
        otherwise be what the program says when it is told.
        """
        flags = os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC
        try:
            peer = fcntl.ioctl(self.fd, GPTPEER, flags)
        except OSError:  # locked, or gone
            return
        ready(peer, select.POLLIN)
        os.close(peer)

    def _keys(self) -> dict[int, Signal]:
        """Bytes that send signals now."""
        try:
            modes = termios.tcgetattr(self.fd)
        except termios.error:  # the other side is gone
            return {}
        if not modes[3] & termios.ISIG:
            return {}
        found = {modes[6][at]: signal for at, signal in _KEYS}
        return {c[0]: signal for c, signal in found.items() if isinstance(c, bytes) and c != b"\0"}

    def close(self) -> None:
        self.terminal.hang_up()
        super().close()


class Slave(Pty):
    """The side that programs take for a terminal."""


def open_slave(terminal: Terminal, node: Node, flags: Open) -> Slave:
    """Open the terminal side; it becomes the controlling terminal of a session that has none."""
    both = flags & Open.READ and flags & Open.WRITE
    access = os.O_RDWR if both else os.O_WRONLY if flags & Open.WRITE else os.O_RDONLY
    try:
        fd = os.open(f"/dev/pts/{terminal.host}", access | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise failure(error) from None
    file = Slave(node, flags, fd, terminal)
    running = terminal.kernel.running
    if running is not None and not flags & Open.NOCTTY and not terminal.session:
        session = session_of(running.process)
        taken = any(t.session == session for t in terminal.kernel.terminals.values())
        if session == running.process.pid and not taken and running.process.sid:
            terminal.session = terminal.foreground = session
    return file


class SlaveNode(Node):
    """The terminal side at rest."""

    def __init__(self, terminal: Terminal) -> None:
        self.terminal = terminal

    @property
    def path(self) -> str:
        """Where the host has it."""
        return f"/dev/pts/{self.terminal.host}"

    def stat(self) -> Stat:
        try:
            return neutral_stat(os.stat(self.path))
        except OSError as error:
            raise failure(error) from None

    def open(self, flags: Open) -> File:
        if flags & Open.DIRECTORY:
            raise Errno(E.NOTDIR)
        return open_slave(self.terminal, self, flags)

    def set_mode(self, mode: int) -> None:
        try:
            os.chmod(self.path, mode)
        except OSError as error:
            raise failure(error) from None

    def set_owner(self, uid: int, gid: int) -> None:
        try:
            os.chown(self.path, uid, gid)
        except OSError as error:
            raise failure(error) from None


class PtsDirectory(Listing):
    """/dev/pts: the pairs of this run."""

    def __init__(self, names: Namespace) -> None:
        super().__init__(Facts(2, 0o755))
        self.shared = names

    def _all(self) -> dict[int, Terminal]:
        owner = self.shared.owner
        return {} if owner is None else owner.kernel.terminals

    def node(self, name: bytes) -> Node | None:
        if not name.isdigit() or name != b"%d" % int(name):
            return None
        terminal = self._all().get(int(name))
        return None if terminal is None else SlaveNode(terminal)

    def names(self) -> Iterator[tuple[bytes, FileType]]:
        for number in sorted(self._all()):
            yield b"%d" % number, FileType.CHAR


def controlling(kernel: Kernel) -> Terminal | None:
    """The pair that is the controlling terminal of whoever runs."""
    if kernel.running is None:
        return None
    session = session_of(kernel.running.process)
    return next((t for t in kernel.terminals.values() if t.session == session), None)
