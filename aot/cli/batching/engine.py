"""What a batch asks of whoever translates: tasks and answers, waiting for them, and when it may be interrupted."""

from __future__ import annotations

import contextlib
import math
import signal
import time
from collections.abc import Iterable, Iterator
from multiprocessing.connection import Connection, wait
from typing import Any, Protocol

from aot.record import dataclass

SIGNALS = (signal.SIGINT, signal.SIGTERM)
Answer = dict[str, Any]
"""What became of a task; `outcome` and `reason` at least, where an engine itself gives it."""


@dataclass(frozen=True, slots=True)
class Task:
    """What one worker does; `path` names it in answers."""

    path: str
    arguments: tuple[Any, ...]


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


class Waited(Protocol):
    """What `attend` needs to know of an engine."""

    @property
    def doors(self) -> list[Connection]:
        """What there is to wait for."""

    @property
    def due(self) -> float:
        """The moment (monotonic) at which something happens by itself."""


class Engine(Waited, Protocol):
    """Who translates: processes here, or a cluster."""

    @property
    def room(self) -> bool:
        """Whether another task may start."""

    @property
    def busy(self) -> bool:
        """Whether tasks are under way."""

    def start(self, task: Task) -> None:
        """Take a task. Raises SetupError."""

    def collect(self, ready: Iterable[object]) -> Iterator[tuple[Task, Answer]]:
        """(task, answer) of what is ready, given the doors that are."""

    def running(self) -> list[tuple[str, float]]:
        """(path, since when, monotonic) of the tasks under way."""

    def close(self) -> None:
        """End what still runs."""


def attend(pools: Iterable[Waited], longest_s: float = math.inf) -> list[object]:
    """Wait until there is something to collect, and let interruptions come meanwhile: the doors to collect from."""
    pools = tuple(pools)
    doors = [door for pool in pools for door in pool.doors]
    left = min(longest_s, *(pool.due - time.monotonic() for pool in pools))
    with disturbed():
        return list(wait(doors, None if math.isinf(left) else max(left, 0.0)))
