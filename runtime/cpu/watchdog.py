"""The preemption timer: a thread that kicks a CPU at a fixed period while it is armed."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import threading


class Watchdog:
    """Calls `kick` every `period_s` seconds between `start` and `stop`. 5 ms is the least that is cheap.

    The thread is made once and sleeps while the timer is paused, so arming costs an event.
    """

    def __init__(self, kick: Callable[[], None], period_s: float = 0.005) -> None:
        self._kick, self.period_s = kick, period_s
        self._armed: threading.Event
        self._done: threading.Event
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to kick, or go on after a pause."""
        if self._thread is None:
            import threading  # noqa: PLC0415 - 1 ms of every start, for guests that have a second context

            self._armed, self._done = threading.Event(), threading.Event()
            self._thread = threading.Thread(target=self._run, name="watchdog", daemon=True)
            self._thread.start()
        self._armed.set()

    def pause(self) -> None:
        """Stop kicking; one kick may still come."""
        if self._thread is not None:
            self._armed.clear()

    def _run(self) -> None:
        while True:
            self._armed.wait()
            if self._done.wait(self.period_s):
                return
            if self._armed.is_set():
                self._kick()

    def stop(self) -> None:
        """No kick comes after this returns."""
        if self._thread is not None:
            self._done.set()
            self._armed.set()
            self._thread.join()
            self._thread = None
