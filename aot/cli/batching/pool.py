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
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection, wait
from multiprocessing.forkserver import ensure_running
from multiprocessing.process import BaseProcess
from typing import Any

from aot.errors import SetupError
from aot.record import dataclass

SIGNALS = (signal.SIGINT, signal.SIGTERM)
Work = Callable[..., dict[str, Any]]
PRELOAD = ["aot.cli.batching.warm"]
GRACE_S = 5.0  # a worker whose batch is gone ends itself this long after its time


@dataclass(frozen=True, slots=True)
class Task:
    """What one worker does; `path` names it in answers."""

    path: str
    arguments: tuple[Any, ...]


@dataclass(slots=True)
class Running:
    """A worker."""

    task: Task
    process: BaseProcess
    receive: Connection
    begin: float


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Let interruptions wait, so that none falls between an output and its journal line."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextlib.contextmanager
def disturbed() -> Iterator[None]:
    """Let those that wait come through."""
    before = signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class Pool:
    """Runs `work(*task.arguments)` for tasks, `jobs` at a time, each for at most `timeout_s`."""

    def __init__(self, work: Work, jobs: int, timeout_s: float) -> None:
        self._work, self._jobs, self._timeout_s = work, jobs, timeout_s
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(PRELOAD)
        self._running: dict[Connection, Running] = {}

    def run(self, tasks: Iterator[Task]) -> Iterator[tuple[Task, dict[str, Any]]]:
        """(task, answer) as they come in; every answer has an outcome. Workers left over are ended."""
        try:
            more = True
            while more or self._running:
                while more and len(self._running) < self._jobs:
                    task = next(tasks, None)
                    more = task is not None
                    if task is not None:
                        self._start(task)
                yield from self._finished()
        finally:
            for left in list(self._running.values()):
                self._end(left)

    def _start(self, task: Task) -> None:
        before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
        ensure_running()
        signal.pthread_sigmask(signal.SIG_SETMASK, before)  # the first time it unblocks what we block
        receive, send = self._context.Pipe(duplex=False)
        arguments = (send, self._work, task.arguments, self._timeout_s + GRACE_S)
        process = self._context.Process(target=_child, args=arguments, daemon=True)
        try:
            process.start()
        except (OSError, EOFError) as error:
            raise SetupError(
                f"no process for a file can be started: {error or 'the fork server ended'}"
            ) from None
        send.close()
        self._running[receive] = Running(task, process, receive, time.monotonic())

    def _finished(self) -> Iterator[tuple[Task, dict[str, Any]]]:
        if not self._running:
            return
        first = min(worker.begin for worker in self._running.values()) + self._timeout_s
        with disturbed():
            ready = wait(list(self._running), max(first - time.monotonic(), 0.0))
        for connection in ready:
            worker = self._running[connection]  # type: ignore[index]
            try:
                answer = worker.receive.recv()
            except EOFError:
                worker.process.join(GRACE_S)
                answer = _failed(worker, _last_words(worker.process.exitcode))
            self._end(worker)
            yield worker.task, answer
        now = time.monotonic()
        for worker in [w for w in self._running.values() if now - w.begin >= self._timeout_s]:
            self._end(worker)
            yield worker.task, _failed(worker, f"not done after {self._timeout_s:g} s (--timeout)")

    def _end(self, worker: Running) -> None:
        del self._running[worker.receive]
        worker.receive.close()
        if worker.process.is_alive():
            worker.process.kill()
        worker.process.join()


def _failed(worker: Running, reason: str) -> dict[str, Any]:
    spent = round(time.monotonic() - worker.begin, 4)
    return {"outcome": "failed", "reason": reason, "seconds": spent}


def _last_words(status: int | None) -> str:
    if status is not None and status < 0:
        return f"the translator was killed by {signal.Signals(-status).name}"
    return f"the translator ended with status {status}"


def _child(send: Connection, work: Work, arguments: tuple[Any, ...], longest_s: float) -> None:
    """The worker's life. It ends by itself when nobody is left to end it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the batch decides
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(math.ceil(longest_s))
    silent = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):  # what native libraries print would run through the progress bar
        os.dup2(silent, stream)
    send.send(work(*arguments))
    send.close()
