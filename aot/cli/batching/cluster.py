"""Translates on a Dask cluster. Files and results travel with their tasks: workers need neither sources nor OUT.

Dask gives the tasks of a lost worker to others. On its worker every task runs in a guarded process, so that a
hostile file costs its own task only.
"""

from __future__ import annotations

import contextlib
import itertools
import logging
import math
import multiprocessing
import threading
import time
import uuid
import warnings
from collections.abc import Iterable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from aot.cli.batching.engine import Answer, Task
from aot.cli.batching.guard import digest, guarded
from aot.cli.batching.model import Limits
from aot.cli.files import EXECUTABLE, write_whole
from aot.errors import AotError, ImageError, SetupError
from aot.image.source import read_source

try:
    import distributed
    from distributed.client import ClosedClientError
except ImportError:
    raise SetupError("for --engine dask, pip install 'helctic-aot[dask]'") from None

GONE = (OSError, TimeoutError, distributed.CancelledError, ClosedClientError)
"""What the client raises when there is no cluster any more."""
CONNECT_S = 10.0
WORKERS_S = 60.0  # until the first worker is there
CLOSE_S = 5.0
COUNTED_S = 2.0  # the threads of the cluster are counted that often
ALONE_S = 60.0  # without any worker before we give up
CHATTY = ("distributed", "distributed.client", "tornado", "tornado.application", "asyncio")
AHEAD = 2  # tasks for each thread: one runs while the next one travels


class Cluster:
    """An engine (see pool.Engine). Raises SetupError when there is no cluster, or no worker in it."""

    def __init__(self, scheduler: str | None, jobs: int, limits: Limits) -> None:
        self._limits = limits
        self._tasks: dict[str, tuple[Task, float, Any]] = {}  # with its beginning and its future
        self._ready, self._tell = multiprocessing.Pipe(duplex=False)
        self._telling = threading.Lock()  # futures call back from threads of the client
        self._names = (f"helctic-aot-{uuid.uuid4().hex}-{number}" for number in itertools.count())
        self._threads, self._counted, self._seen = 0, -math.inf, time.monotonic()
        self._local: Any = None
        for name in CHATTY:  # what matters becomes an error of ours
            logging.getLogger(name).setLevel(logging.CRITICAL + 1)
        warnings.filterwarnings("ignore", message="Sending large graph")
        try:
            if scheduler is None:
                self._local = distributed.LocalCluster(
                    n_workers=jobs,
                    threads_per_worker=1,
                    dashboard_address=":0",
                    silence_logs=logging.CRITICAL + 1,
                )
            self._client = distributed.Client(
                scheduler or self._local, timeout=CONNECT_S, set_as_default=False
            )
            self._client.wait_for_workers(1, timeout=WORKERS_S)
        except (OSError, ValueError, TimeoutError) as error:
            said = str(error).partition("\n")[0] or "it does not answer"
            raise SetupError(f"{scheduler or 'a cluster on this machine'}: {said}") from None

    @property
    def room(self) -> bool:
        """Whether another task may be sent. Raises SetupError when the cluster is gone."""
        now = time.monotonic()
        if now - self._counted >= COUNTED_S:
            self._counted = now
            self._count(now)
        return len(self._tasks) < AHEAD * self._threads

    def _count(self, now: float) -> None:
        if self._client.status not in ("running", "connecting"):
            raise _lost("the scheduler is gone")
        try:
            self._threads = sum(self._client.nthreads().values())
        except GONE:
            self._threads = 0
        if self._threads:
            self._seen = now
        elif now - self._seen > ALONE_S:
            raise _lost("no worker is left")

    @property
    def busy(self) -> bool:
        """Whether tasks are under way."""
        return bool(self._tasks)

    @property
    def doors(self) -> list[Connection]:
        """What there is to wait for."""
        return [self._ready]

    @property
    def due(self) -> float:
        """Nothing happens by itself."""
        return math.inf

    def running(self) -> list[tuple[str, float]]:
        """(path, since when) of the tasks under way."""
        return [(task.path, begin) for task, begin, _ in self._tasks.values()]

    def start(self, task: Task) -> None:
        """Send a task and its file. Raises SetupError when the cluster does not take it."""
        source, _, choice = task.arguments
        name = next(self._names)
        try:
            raw = read_source(source)
        except ImageError as error:  # it is gone since it was found
            self._tasks[name] = task, time.monotonic(), {"outcome": "failed", "reason": str(error)}
            self._told(name)
            return
        try:
            future = self._client.submit(
                guarded, raw, tuple(choice), tuple(self._limits), digest(), key=name, pure=False
            )
        except GONE:
            raise _lost("the cluster is gone") from None
        self._tasks[name] = task, time.monotonic(), future
        future.add_done_callback(lambda _: self._told(name))

    def collect(self, ready: Iterable[object]) -> Iterator[tuple[Task, Answer]]:
        """(task, answer) of what has come back, its output in its file. Raises SetupError."""
        while self._ready in ready and self._ready.poll():
            task, begin, future = self._tasks.pop(self._ready.recv())
            answer = future if isinstance(future, dict) else self._answer(task, future)
            yield task, {"seconds": round(time.monotonic() - begin, 4)} | answer

    def _answer(self, task: Task, future: Any) -> Answer:
        try:
            answer, output = future.result(timeout=CONNECT_S)
        except distributed.KilledWorker:
            return {"outcome": "failed", "reason": "every worker that took it was lost"}
        except AotError as error:  # the worker cannot translate anything
            raise SetupError(str(error)) from None
        except ImportError as error:
            raise SetupError(f"workers need helctic-aot installed: {error}") from None
        except GONE:
            raise _lost("the cluster is gone") from None
        if output:
            write_whole(Path(task.arguments[1]), output, EXECUTABLE)
        found: Answer = answer
        return found

    def _told(self, name: str) -> None:
        with self._telling, contextlib.suppress(OSError):  # closed already
            self._tell.send(name)

    def close(self) -> None:
        """Let the cluster forget what is left, and end the one we made."""
        self._tasks.clear()  # futures nobody holds are forgotten by the scheduler
        with contextlib.suppress(*GONE):
            self._client.close(timeout=CLOSE_S)
        if self._local is not None:
            self._local.close(timeout=CLOSE_S)


def _lost(what: str) -> SetupError:
    return SetupError(f"{what}; what was done is kept, run again to go on")
