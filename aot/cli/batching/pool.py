"""A pool of processes, one for each file: one that crashes or hangs costs its file and nothing else.

concurrent.futures ends the whole pool when a worker dies and cannot end one that hangs, so this stands on
multiprocessing itself: a fork server that has imported the translator already makes a clean process for each
file in a few milliseconds.
"""

from __future__ import annotations

import contextlib
import math
import multiprocessing
import os
import signal
import time
from collections.abc import Iterable, Iterator
from multiprocessing.connection import Connection
from multiprocessing.forkserver import ensure_running
from multiprocessing.process import BaseProcess

from aot.cli.batching.child import Work, live
from aot.cli.batching.engine import Answer, Task, attend
from aot.errors import SetupError
from aot.record import dataclass

PRELOAD = ["aot.cli.batching.warm"]
GRACE_S = 5.0  # a worker whose batch is gone ends itself this long after its time
SLOW_S = 5.0  # a worker that takes longer gives its place to another
SLOW_NICE = 5  # and gets a quarter of the processor where it competes


@dataclass(slots=True)
class Running:
    """A worker."""

    task: Task
    process: BaseProcess
    door: Connection
    first: float
    begin: float  # of its time
    waiting: bool = False  # for `proceed`
    weighed: bool = False  # whether it may be slow has been asked
    slow: bool = False


class Pool:
    """Runs `work(*task.arguments)` for tasks, `jobs` at a time, each within its limits.

    Work that is a generator tells its results as it goes: each is an answer of its own, the last one is what it
    returns, and it goes on when `proceed` says so. Its time begins anew then.

    A worker that is slow gives its place to another one and goes on beside it with less of the processor, so
    that a few files that take for ever do not hold up the others; as many as `jobs` may.
    """

    def __init__(self, work: Work, jobs: int, timeout_s: float, memory: int = 0) -> None:
        self._work, self._jobs, self._timeout_s, self._memory = work, jobs, timeout_s, memory
        self._slow_s = min(SLOW_S, timeout_s / 2)
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(PRELOAD)
        self._running: dict[Connection, Running] = {}

    def run(self, tasks: Iterable[Task]) -> Iterator[tuple[Task, Answer]]:
        """(task, answer) as they come in. Workers left over are ended."""
        left = iter(tasks)
        try:
            more = True
            while more or self._running:
                while more and self.room:
                    task = next(left, None)
                    more = task is not None
                    if task is not None:
                        self.start(task)
                ready = attend((self,)) if self._running else []
                for found, answer in self.collect(ready):
                    yield found, answer
                    self.proceed(found)
        finally:
            self.close()

    @property
    def room(self) -> bool:
        """Whether another task may start."""
        slow = sum(worker.slow for worker in self._running.values())
        return len(self._running) - slow < self._jobs

    @property
    def busy(self) -> bool:
        """Whether tasks are under way."""
        return bool(self._running)

    @property
    def doors(self) -> list[Connection]:
        """What there is to wait for."""
        return list(self._running)

    @property
    def due(self) -> float:
        """The moment (monotonic) at which something happens by itself."""
        return min(
            (w.begin + (self._timeout_s if w.weighed else self._slow_s) for w in self._busy()),
            default=math.inf,
        )

    def running(self) -> list[tuple[str, float]]:
        """(path, since when) of the tasks under way."""
        return [(worker.task.path, worker.first) for worker in self._running.values()]

    def start(self, task: Task) -> None:
        """Give a task to a new process. Raises SetupError."""
        before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
        ensure_running()
        signal.pthread_sigmask(signal.SIG_SETMASK, before)  # the first time it unblocks what we block
        ours, theirs = self._context.Pipe()
        arguments = (theirs, self._work, task.arguments, self._timeout_s + GRACE_S, self._memory)
        process = self._context.Process(target=live, args=arguments, daemon=True)
        try:
            process.start()
        except (OSError, EOFError) as error:
            raise SetupError(
                f"no process for a file can be started: {error or 'the fork server ended'}"
            ) from None
        theirs.close()
        now = time.monotonic()
        self._running[ours] = Running(task, process, ours, now, now)

    def proceed(self, task: Task) -> None:
        """Let the generator of a task go on, if it waits."""
        for worker in self._running.values():
            if worker.task is task and worker.waiting:
                worker.begin, worker.waiting = time.monotonic(), False
                with contextlib.suppress(OSError):  # it has died since: `collect` will meet that
                    worker.door.send(True)

    def collect(self, ready: Iterable[object]) -> Iterator[tuple[Task, Answer]]:
        """(task, answer) of workers that are `ready`, and of those whose time is over."""
        for door in ready:
            worker = self._running.get(door)  # type: ignore[call-overload]
            if worker is None:
                continue
            try:
                worker.waiting, answer = worker.door.recv()
            except (EOFError, OSError):
                worker.process.join(GRACE_S)
                worker.waiting, answer = False, _failed(worker, _last_words(worker.process.exitcode))
            if not worker.waiting:
                self._end(worker)
            yield worker.task, answer
        now = time.monotonic()
        for worker in self._busy():
            if now - worker.begin >= self._timeout_s:
                self._end(worker)
                yield worker.task, _failed(worker, f"not done after {self._timeout_s:g} s (--timeout)")
            elif now - worker.begin >= self._slow_s and not worker.weighed:
                self._give_way(worker)

    def close(self) -> None:
        """End what still runs."""
        for left in list(self._running.values()):
            self._end(left)

    def _busy(self) -> list[Running]:
        return [worker for worker in self._running.values() if not worker.waiting]

    def _give_way(self, worker: Running) -> None:
        worker.weighed = True
        if sum(other.slow for other in self._running.values()) < self._jobs:
            worker.slow = True
            with contextlib.suppress(OSError):  # it has just ended
                os.setpriority(os.PRIO_PROCESS, worker.process.pid or 0, SLOW_NICE)

    def _end(self, worker: Running) -> None:
        del self._running[worker.door]
        worker.door.close()
        if worker.process.is_alive():
            worker.process.kill()
        worker.process.join()


def _failed(worker: Running, reason: str) -> Answer:
    spent = round(time.monotonic() - worker.first, 4)
    return {"outcome": "failed", "reason": reason, "seconds": spent}


def _last_words(status: int | None) -> str:
    if status is not None and status < 0:
        return f"the translator was killed by {signal.Signals(-status).name}"
    return f"the translator ended with status {status}"
