"""Signals that reach this process while a guest runs: they are the guest's.

The interpreter runs its own handlers only between bytecodes, and a guest that computes executes none. A thread
therefore reads the descriptor that the interpreter writes signal numbers to, and kicks the CPU.
"""

from __future__ import annotations

import _thread
import os
import select
import signal
from collections import deque
from collections.abc import Callable
from contextlib import suppress

from aot.personality.abi.frame import SI_USER, SigInfo
from runtime.kernel.context import Process
from runtime.kernel.kin import group_of, members
from runtime.kernel.signals import send_process

FORWARDED = tuple(
    signal.Signals[f"SIG{name}"]
    for name in ("HUP", "INT", "QUIT", "USR1", "USR2", "ALRM", "TERM", "CONT", "WINCH", "TSTP")
)
TERMINAL = (signal.SIGINT, signal.SIGQUIT, signal.SIGWINCH, signal.SIGTSTP)
"""What a terminal sends to every process of its foreground group."""
STOP = 0  # a byte no signal has
CONT_MS = 500


class HostSignals:
    """Between `start` and `stop` the signals in FORWARDED go to the guest; others act as they did.

    `take` sends what arrived since; `bell` is readable while there is something.
    """

    def __init__(self, process: Process, kick: Callable[[], None]) -> None:
        self.process, self.kick = process, kick
        self.arrived: deque[int] = deque()
        self.bell = -1
        self._old: dict[int, object] = {}
        self._ends = (-1, -1)
        self._old_wakeup = -1
        self._ended = _thread.allocate_lock()

    def start(self) -> bool:
        """Begin; False (and nothing changed) outside the main thread, where signals cannot be caught."""
        self._ends = os.pipe2(os.O_CLOEXEC)
        os.set_blocking(self._ends[1], False)
        try:
            self._old_wakeup = signal.set_wakeup_fd(self._ends[1], warn_on_full_buffer=False)
        except ValueError:
            for fd in self._ends:
                os.close(fd)
            return False
        self.bell = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        for number in FORWARDED:
            old = signal.getsignal(number)
            if old is not signal.SIG_IGN and old is not None:
                self._old[number] = old
                signal.signal(number, _noted)
        self._ended.acquire()
        _thread.start_new_thread(self._listen, ())
        return True

    def _listen(self) -> None:
        try:
            while True:
                for number in os.read(self._ends[0], 64):
                    if number == STOP:
                        return
                    self.arrived.append(number)
                self.kick()
                os.eventfd_write(self.bell, 1)
        finally:
            self._ended.release()

    def take(self) -> None:
        """Send what arrived to the guest; where the guest is stopped, stop as well."""
        if self.process.stopped:
            self._stop_too()
        if not self.arrived:
            return
        with suppress(BlockingIOError):  # the thread is about to ring
            os.eventfd_read(self.bell)
        while self.arrived:
            number = self.arrived.popleft()
            for process in self._meant(number):
                send_process(process, number, SigInfo(number, SI_USER))

    def _meant(self, number: int) -> list[Process]:
        """Who gets a signal: what a terminal sends goes to its foreground group, the rest to the first process.

        A shell outside lets a whole job go on.
        """
        kernel, own = self.process.kernel, group_of(self.process)
        front = kernel.foreground or own
        if number in TERMINAL:
            return members(kernel, front)
        if number == signal.SIGCONT:
            return [*members(kernel, own), *(members(kernel, front) if front != own else ())]
        return [self.process]

    def _stop_too(self) -> None:
        """The first process is stopped, and nobody in the guest can let it go on: whoever started the run has to.

        That is so when everybody is stopped, or when its group has the terminal, which a shell outside wants.
        """
        kernel, own = self.process.kernel, group_of(self.process)
        living = [p for p in kernel.processes.values() if p.status is None]
        mine = (kernel.foreground or own) == own and any(os.isatty(fd) for fd in range(3))
        if not self.arrived and (mine or all(p.stopped for p in living)):
            os.kill(os.getpid(), signal.SIGSTOP)
            if self.bell >= 0:  # CONT is on its way through the thread
                poll = select.poll()
                poll.register(self.bell, select.POLLIN)
                poll.poll(CONT_MS)

    def stop(self) -> None:
        """Put everything back as it was."""
        if self.bell < 0:
            return
        signal.set_wakeup_fd(self._old_wakeup)
        for number, old in self._old.items():
            signal.signal(number, old)  # type: ignore[arg-type]
        os.write(self._ends[1], bytes([STOP]))
        self._ended.acquire()
        for fd in (*self._ends, self.bell):
            os.close(fd)


def _noted(number: int, frame: object) -> None:
    """The number is in the pipe already."""
