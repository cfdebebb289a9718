"""The modes of the host's terminal around a run: a guest that is killed cannot put back what it changed."""

from __future__ import annotations

import os
import signal
import termios
from contextlib import suppress
from typing import Any


class TerminalModes:
    """Modes of the terminal among the standard streams, as they were when this was made."""

    def __init__(self) -> None:
        self.fd = next((fd for fd in range(3) if os.isatty(fd)), None)
        self.modes: list[Any] = []
        if self.fd is not None:
            with suppress(termios.error):
                self.modes = termios.tcgetattr(self.fd)

    def restore(self) -> None:
        """Put them back, also from the background."""
        if self.fd is None or not self.modes:
            return
        old = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGTTOU,))
        try:
            if termios.tcgetattr(self.fd) != self.modes:
                termios.tcsetattr(self.fd, termios.TCSADRAIN, self.modes)
        except termios.error:
            return  # the terminal is gone
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, old)
