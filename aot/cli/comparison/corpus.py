"""Compares every program of a tree, each in processes of its own: none of them stops the others."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from enum import Enum
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from aot.cli.comparison.cases import Case
from aot.cli.comparison.check import same_start
from aot.cli.comparison.measure import compare
from aot.cli.comparison.model import AOT, DYNAMIC, MODES, Check, Comparison
from aot.cli.comparison.once import TRACED, Broken, Job, Late, ask, once
from aot.errors import AotError, NotProgram
from aot.record import asdict, dataclass


class Outcome(Enum):
    """What became of a case."""

    EQUAL = "equal"
    DIFFERENT = "different"
    UNEXPECTED = "not as expected"  # the same both ways, but not what the description says
    LATE = "did not end"  # in its time; equal as far as it was compared
    FAILED = "failed"  # a run broke down: a defect of ours
    REFUSED = "refused"  # it cannot be translated, or not run here
    SKIPPED = "skipped"
    OTHER = "no program"


BAD = (Outcome.DIFFERENT, Outcome.UNEXPECTED, Outcome.FAILED)


@dataclass(frozen=True, slots=True)
class Result:
    """One case, compared. `found` is there when all runs ended."""

    case: Case
    outcome: Outcome
    reason: str = ""
    found: Comparison | None = None

    def as_json(self) -> dict[str, Any]:
        """Everything about it."""
        told: dict[str, Any] = {
            "outcome": self.outcome.value,
            "reason": self.reason,
            "case": asdict(self.case),
        }
        if self.found is not None:
            told |= self.found.as_json()
        return told


@dataclass(frozen=True, slots=True)
class Plan:
    """What all cases have in common."""

    folder: Path
    runs: int
    profiles: int
    timeout_s: float
    root: str | None
    mounts: tuple[tuple[str, str, bool], ...]
    env: dict[str, str]
    limits: tuple[str, ...]


def compare_all(cases: list[Case], plan: Plan, jobs: int) -> Iterator[Result]:
    """The results in the order of the cases, `jobs` of them made at a time."""
    pool = ThreadPoolExecutor(jobs)
    try:
        yield from pool.map(lambda case: one(case, plan), cases)
    finally:
        pool.shutdown(cancel_futures=True)


def one(case: Case, plan: Plan) -> Result:
    """Compare one case."""
    if case.skip:
        return Result(case, Outcome.SKIPPED, case.skip)
    with tempfile.TemporaryDirectory(prefix="helctic-aot-") as name:
        folder = Path(name)
        job = _job(case, plan, folder)
        try:
            refused = _translate(plan.folder / case.file, job, plan.timeout_s)
        except (Late, Broken) as error:
            return Result(case, Outcome.FAILED, str(error))
        if refused:
            return Result(case, *refused)
        try:
            found = compare(job, case.file, plan.runs, lambda _: None, plan.profiles)
        except Late as error:
            return _late(case, job, str(error))
        except Broken as error:
            return Result(case, Outcome.FAILED, str(error))
        except AotError as error:
            return Result(case, Outcome.REFUSED, str(error))
        return _judged(case, found, job.path(f"{TRACED}-{AOT}", "stdout").read_bytes())


def _job(case: Case, plan: Plan, folder: Path) -> Job:
    (folder / "stdin").write_bytes(case.stdin.encode("utf-8", "surrogateescape"))
    tree = os.path.abspath(plan.folder)
    return Job(
        image=folder / "image.elf",
        argv=(f"{tree}/{case.file}", *case.args),
        env=plan.env | dict(item.split("=", 1) for item in case.env),
        root=plan.root,
        mounts=(*plan.mounts, (tree, tree, True)),
        cwd=None,
        folder=folder,
        timeout_s=case.timeout_s or plan.timeout_s,
        limits=plan.limits,
        fresh=folder / "here",
    )


def _translate(source: Path, job: Job, timeout_s: float) -> tuple[Outcome, str] | None:
    """Make the job's image from `source`, or say why there is none. Raises Late, Broken."""
    values = str(source), str(job.image), str(job.path("translation", "stderr"))
    what = "the translation"
    found = ask(_translation, values, timeout_s, what, job.path("translation", "stderr"))
    return (Outcome(found["outcome"]), found["reason"]) if found else None


def _translation(send: Connection, source: str, image: str, said: str) -> None:
    """The child's half: nothing when the image is there, else an outcome and its reason."""
    os.dup2(os.open(said, os.O_WRONLY | os.O_CREAT, 0o600), 2)
    from aot.cli.prepare import native_bytes, read_file
    from aot.image import kinds
    from aot.image.formats import FORMATS

    found: dict[str, Any] = {}
    try:
        raw = read_file(source)
        if any(reader.matches(raw) for reader in FORMATS):
            Path(image).write_bytes(native_bytes(source, None, None))
        else:
            found = {"outcome": Outcome.OTHER.value, "reason": kinds.describe(raw)}
    except NotProgram as error:
        found = {"outcome": Outcome.OTHER.value, "reason": str(error)}
    except AotError as error:
        found = {"outcome": Outcome.REFUSED.value, "reason": str(error)}
    send.send(found)
    sys.stderr.flush()
    os._exit(0)


def _late(case: Case, job: Job, reason: str) -> Result:
    """A run was ended: what both ways had done by then must begin the same."""
    if not job.path(f"{TRACED}-{DYNAMIC}", "trace").exists():
        try:
            once(job, f"{TRACED}-{DYNAMIC}", TRACED, DYNAMIC)
        except Late:
            pass  # as expected
        except AotError as error:
            return Result(case, Outcome.FAILED, str(error))
    for stream in ("trace", "stdout", "stderr"):
        aot, dynamic = (job.path(f"{TRACED}-{mode}", stream) for mode in MODES)
        if aot.exists() and dynamic.exists():  # a run may have been ended before it began
            check = same_start(stream, aot, dynamic)
            if not check.equal:
                return Result(case, Outcome.DIFFERENT, told(check))
    return Result(case, Outcome.LATE, reason)


def _judged(case: Case, found: Comparison, output: bytes) -> Result:
    """The outcome of a comparison that is complete."""
    if not found.equal:
        return Result(case, Outcome.DIFFERENT, "; ".join(told(c) for c in found.checks if not c.equal), found)
    missed = []
    if case.status not in (None, found.status):
        missed.append(f"exit status {found.status}, expected {case.status}")
    if case.stdout is not None and output != case.stdout.encode("utf-8", "surrogateescape"):
        missed.append("another standard output than expected")
    return Result(case, Outcome.UNEXPECTED if missed else Outcome.EQUAL, "; ".join(missed), found)


def told(check: Check) -> str:
    """A difference in one line."""
    where = f" at {check.at}" if check.at else ""
    return f"{check.what}{where}: {check.aot} / {check.dynamic}"
