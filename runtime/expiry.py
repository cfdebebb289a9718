"""Ends a run when its time is over: a thread that looks at the clock and stops whatever runs."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from runtime.kernel.limits import Limits

LEAST_S = 0.01


class Expiry:
    """Between `start` and `stop`: calls `over` with a line for a person once a limit of time is reached."""

    def __init__(self, limits: Limits, over: Callable[[str], None]) -> None:
        self._limits, self._over = limits, over
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="expiry", daemon=True)

    def start(self) -> None:
        """Begin to count."""
        self._began, self._used = time.monotonic(), time.process_time()
        self._thread.start()

    def _left(self) -> tuple[float, str]:
        """Seconds until the next limit, and what is said then."""
        wall, cpu = self._limits.time, self._limits.cpu
        found = []
        if wall is not None:
            left = wall - (time.monotonic() - self._began)
            found.append((left, f"the guest ran longer than --limit time={wall:g}"))
        if cpu is not None:
            left = cpu - (time.process_time() - self._used)
            found.append((left, f"the guest computed longer than --limit cpu={cpu:g}"))
        return min(found)

    def _watch(self) -> None:
        while True:
            left, words = self._left()
            if left <= 0:
                self._over(words)
                return
            if self._done.wait(max(left, LEAST_S)):
                return

    def stop(self) -> None:
        """The run is over by itself."""
        self._done.set()
        self._thread.join()
