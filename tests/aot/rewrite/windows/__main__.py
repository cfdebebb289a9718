"""Runs random windows until enough cases were compared: python -m tests.aot.rewrite.windows [--cases N] ..."""

from __future__ import annotations

import argparse
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed

from aot.image.model import Arch
from aot.record import replace
from tests.aot.rewrite.windows.cases import Tally, told
from tests.aot.rewrite.windows.compare import CASES, WINDOWS, run_batch, smallest
from tests.aot.rewrite.windows.harvest import pieces

SHOWN = 2  # failures of MATERIAL batches that are made small and printed
MATERIAL = 64  # batches that share one harvest


def main() -> int:
    """0 when every case ended alike."""
    parser = argparse.ArgumentParser(prog="make fuzz", description=__doc__)
    parser.add_argument(
        "--cases", type=int, default=1_000_000, help="how many, of both architectures (1,000,000)"
    )
    parser.add_argument(
        "--seed", type=int, default=random.SystemRandom().randrange(1 << 32), help="of the first batch"
    )
    parser.add_argument(
        "--jobs", type=int, default=len(os.sched_getaffinity(0)), help="processes (all processors)"
    )
    parser.add_argument("--arch", choices=[arch.value for arch in Arch], help="one architecture only")
    given = parser.parse_args()
    archs = [Arch(given.arch)] if given.arch else list(Arch)
    print(f"seed {given.seed}, {given.cases} cases, {given.jobs} processes", flush=True)
    begun, cases, counts, failures = time.monotonic(), 0, Counter[str](), 0
    with ProcessPoolExecutor(given.jobs) as pool:
        for future in as_completed(
            pool.submit(_texts, *work) for work in _work(archs, given.seed, given.cases)
        ):
            some, counted, texts = future.result()
            cases, counts, failures = cases + some, counts + counted, failures + len(texts)
            print(*texts[:SHOWN], sep="\n\n")
            rate = cases / (time.monotonic() - begun)
            print(f"{cases} cases, {failures} failures, {rate:.0f}/s", flush=True)
    for what, count in sorted(counts.items()):
        print(f"  {what:16} {count}")
    return bool(failures)


def _texts(arch: Arch, seed: int, batches: int) -> tuple[int, Counter[str], list[str]]:
    """What run_some found, in a form that goes from one process to another."""
    tally, texts = run_some(arch, seed, batches), list[str]()
    for failure in tally.failures:
        small = replace(failure, case=smallest(failure.case)) if len(texts) < SHOWN else failure
        texts.append(f"{told(failure)}\nmade small:\n{told(small)}")
    return tally.cases, tally.counts, texts


def _work(archs: list[Arch], seed: int, cases: int) -> Iterator[tuple[Arch, int, int]]:
    batches = -(-cases // (WINDOWS * CASES))
    for at in range(0, batches, MATERIAL):
        yield archs[at // MATERIAL % len(archs)], seed + at, min(MATERIAL, batches - at)


def run_some(arch: Arch, seed: int, batches: int) -> Tally:
    """The cases of some batches in a row, with one harvest."""
    tally, runs = Tally(), pieces(arch, seed)
    for at in range(batches):
        tally.add(run_batch(arch, seed + at, runs))
    return tally


if __name__ == "__main__":
    sys.exit(main())
