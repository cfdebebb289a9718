"""The other side of a pool: what happens in a worker's process, and the limits it gives itself."""

from __future__ import annotations

import math
import os
import resource
import signal
from collections.abc import Callable, Generator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from aot.cli.batching.engine import Answer

Work = Callable[..., Any]


def live(door: Connection, work: Work, arguments: tuple[Any, ...], longest_s: float, memory: int) -> None:
    """All that a worker does. It ends by itself when nobody is left to end it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the batch decides
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(math.ceil(longest_s))
    silent = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):  # what native libraries print would run through the progress bar
        os.dup2(silent, stream)
    bound(memory)
    answer = work(*arguments)
    if isinstance(answer, Generator):
        answer = _told(door, answer, math.ceil(longest_s))
    door.send((False, answer))
    door.close()


def _told(door: Connection, answers: Generator[Answer, None, Answer], longest_s: int) -> Answer:
    """Tell the answers of a generator, each when it is wanted; the last one."""
    while True:
        try:
            answer = next(answers)
        except StopIteration as end:
            last: Answer = end.value
            return last
        signal.alarm(0)
        door.send((True, answer))
        door.recv()  # EOFError, and with it our end, when the batch is gone
        signal.alarm(longest_s)


def bound(memory: int) -> None:
    """Let this process have `memory` bytes of address space more than it has (0: no limit), and leave no core."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if not memory:
        return
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[0])
    except OSError:  # a host without /proc: the limit is of the whole process
        pages = 0
    most = pages * resource.getpagesize() + memory
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    if hard == resource.RLIM_INFINITY or most < hard:
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
