"""One run of the guest in a process of its own: traced, profiled or timed. The child's half is `main`."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from aot.errors import SetupError
from aot.record import dataclass, fields

TRACED, PROFILED, TIMED = "traced", "profiled", "timed"


class Late(SetupError):
    """A run did not end in its time."""


class Broken(SetupError):
    """A run ended without an answer: a defect of ours."""


@dataclass(frozen=True, slots=True)
class Job:
    """What every run of one comparison has in common."""

    image: Path  # the native ELF
    argv: tuple[str, ...]
    env: dict[str, str]
    root: str | None
    mounts: tuple[tuple[str, str, bool], ...]
    cwd: str | None
    folder: Path  # for what runs read and write: stdin, and a file a run for stdout, stderr, trace
    timeout_s: float
    limits: tuple[str, ...] = ()  # as --limit has them
    fresh: Path | None = None  # a directory that is made anew for every run, where the guest starts

    def path(self, run: str, stream: str) -> Path:
        """Where a stream of a run is kept."""
        return self.folder / f"{run}.{stream}"

    @property
    def stdin(self) -> Path:
        """What every guest reads."""
        return self.folder / "stdin"


Result = dict[str, Any]


def once(job: Job, run: str, kind: str, dispatch: str) -> Result:
    """Run the guest and answer what the child found. Raises Late, SetupError when there is no answer."""
    said, values = job.path(run, "stderr"), tuple(getattr(job, item.name) for item in fields(Job))
    return ask(main, (run, kind, dispatch, values), job.timeout_s, f"the {dispatch} run", said)


def ask(
    work: Callable[..., None], values: tuple[Any, ...], timeout_s: float, what: str, said: Path
) -> Result:
    """What `work(connection, *values)` sends from a fresh interpreter: nothing of ours is in its memory.

    Raises Late when nothing comes in time, Broken when it breaks down, SetupError for an error it tells; `said` is
    where it may have told why.
    """
    context = multiprocessing.get_context("spawn")
    receive, send = context.Pipe(duplex=False)
    child = context.Process(target=work, args=(send, *values), daemon=True)
    child.start()
    send.close()
    try:
        if not receive.poll(timeout_s):
            raise Late(f"{what} did not end within {timeout_s:g} s (--timeout)")
        found: Result = receive.recv()
        child.join(5)
    except EOFError:
        child.join(5)
        raise Broken(f"{what} failed: {_last_words(said, child.exitcode)}") from None
    finally:
        if child.is_alive():
            child.kill()
            child.join()
        receive.close()
    if "error" in found:
        raise SetupError(f"{what} failed: {found['error']}")
    return found


def _last_words(said: Path, status: int | None) -> str:
    if status is not None and status < 0:
        return f"killed by {signal.Signals(-status).name}"
    lines = said.read_text(errors="replace").split("\n") if said.exists() else []
    return next((line for line in reversed(lines) if line.strip()), f"status {status}")


def main(send: Connection, run: str, kind: str, dispatch: str, values: tuple[Any, ...]) -> None:
    """The child: take the streams, make the machine, run, tell, and leave as quickly as `run` does."""
    job = Job(*values)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    _take_streams(job, run)
    if job.fresh is not None:
        shutil.rmtree(job.fresh, ignore_errors=True)
        job.fresh.mkdir()
        os.chdir(job.fresh)
    from aot.errors import AotError

    try:
        send.send(_run(job, run, kind, dispatch))
    except AotError as error:
        send.send({"error": str(error)})
    sys.stderr.flush()
    os._exit(0)


def _take_streams(job: Job, run: str) -> None:
    for number, path, flags in (
        (0, job.stdin, os.O_RDONLY),
        (1, job.path(run, "stdout"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND),
        (2, job.path(run, "stderr"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND),
    ):
        handle = os.open(path, flags, 0o600)
        os.dup2(handle, number)
        os.close(handle)


def _run(job: Job, run: str, kind: str, dispatch: str) -> Result:
    import contextlib
    import gc

    gc.disable()  # as `run` does; `collect` turns it on when the guest starts
    from aot.cli.execute import collect
    from aot.cli.prepare import libraries_of
    from runtime import report
    from runtime.kernel.limits import Limits
    from runtime.machine import Machine, RunOptions

    with contextlib.ExitStack() as stack:
        options = RunOptions(
            argv=list(job.argv), env=job.env, dispatch=dispatch, deterministic=kind != TIMED,
            root=job.root, mounts=list(job.mounts), cwd=job.cwd, ready=collect,
            overlay=libraries_of(job.image), limits=Limits.parse(job.limits) if job.limits else None,
        )  # fmt: skip
        if kind == TRACED:
            path = job.path(run, "trace")
            options.trace = stack.enter_context(path.open("w", encoding="utf-8", errors="backslashreplace"))
        if kind == PROFILED:
            from runtime.profile import Profile

            options.profile = Profile()
        begin = time.perf_counter()
        machine = Machine(job.image.read_bytes(), options)
        loaded, cpu = time.perf_counter(), time.process_time()
        end = machine.run()
        wall, spent = time.perf_counter() - loaded, time.process_time() - cpu
        number = report.signal_of(end)
        found: Result = {
            "status": 128 + number if number else end.status & 0xFF,
            "end": report.describe(end).split("\n")[0] if number or end.reason else "",
            "wall_s": wall, "cpu_s": spent, "load_s": loaded - begin,
        }  # fmt: skip
        if kind == PROFILED:
            found |= _profiled(machine)
        return found


def _profiled(machine: Any) -> Result:
    """Counts and times by call, and what an empty crossing costs here and now."""
    from runtime.answers import class_of
    from runtime.calibrate import crossings
    from runtime.profile import overhead_ns

    profile = machine.options.profile
    row, door = next(iter(machine.system.calls)), machine.dispatcher.door
    lines = [
        (line.call, line.cls, line.count, line.median_ns(), line.mean_ns(), line.left)
        for line in profile.lines.values()
        if line.count
    ]
    clock = overhead_ns(row, door)
    answered = machine.dispatcher.routines.answered() if machine.dispatcher.routines else {}
    for (kind, call), (count, spent) in answered.items():
        each = spent / count + clock  # what `measure` takes off again
        lines.append((call, f"{class_of(kind)} routine", count, each, each, 0))
    return {
        "lines": lines,
        "inline": machine.inline_by_name(),
        "overhead_ns": clock,
        "crossings_s": crossings(machine.system, machine.manifest.column, machine.arch),
    }
