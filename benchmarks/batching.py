"""Batches of real programs: files per second by processes and by workers of a cluster, and what killing them does.

    python -m benchmarks.batching [--corpus DIR] [--files N] [--jobs N...] [--workers N...] [--repeats N] [--md]
    python -m benchmarks.batching --kills 10

A rate is of what a batch takes beyond an empty one of the same kind, so that starting Python or a cluster is not
part of it; that is a column of its own. CPU is what the workers used for a file, which other load changes least.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from aot.cli.batching.store import FOLDER, JOURNAL
from aot.record import dataclass
from benchmarks.beside import cell, environment
from benchmarks.report import columns

CORPUS, FILES = Path("/usr/bin"), 200
ELF = b"\x7fELF"


@dataclass(frozen=True, slots=True)
class Way:
    """How a batch is made: a title and the options."""

    title: str
    options: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Took:
    """One batch: seconds in all, translated files, CPU seconds of their workers."""

    seconds: float
    files: int
    cpu: float


def sample(corpus: Path, files: int, folder: Path) -> int:
    """Copy distinct executables, evenly chosen by name, into `folder`; bytes of them all."""
    found = {}
    for path in sorted(corpus.iterdir()):
        if path.is_file() and not path.is_symlink():
            raw = path.read_bytes()
            if raw.startswith(ELF):
                found.setdefault(hashlib.sha256(raw).digest(), path)
    chosen = list(found.values())
    step = max(len(chosen) / files, 1.0)
    chosen = [chosen[int(i * step)] for i in range(min(files, len(chosen)))]
    for path in chosen:
        shutil.copy(path, folder / path.name)
    return sum(path.stat().st_size for path in chosen)


def command(way: Way, source: Path, out: Path) -> list[str]:
    return [sys.executable, "-m", "aot.cli", "batch", "-q", *way.options, str(source), str(out)]


def once(way: Way, source: Path, scratch: Path) -> Took:
    """One batch into an empty tree."""
    out = scratch / "out"
    shutil.rmtree(out, ignore_errors=True)
    begin = time.monotonic()
    subprocess.run(command(way, source, out), env=environment(), check=False, stdout=subprocess.DEVNULL)
    seconds = time.monotonic() - begin
    told: dict[str, Any] = json.loads((out / "batch.json").read_text())
    done = [entry for entry in told["files"] if entry["outcome"] == "translated"]
    return Took(seconds, len(done), sum(entry["cpu_s"] for entry in done))


def measure(ways: list[Way], source: Path, scratch: Path, repeats: int) -> list[list[str]]:
    """A line a way, in turns; ratios are to the first way."""
    empty = scratch / "empty"
    empty.mkdir()
    starts: dict[Way, list[float]] = {way: [] for way in ways}
    took: dict[Way, list[Took]] = {way: [] for way in ways}
    for _ in range(repeats):
        for way in ways:
            starts[way].append(once(way, empty, scratch).seconds)
            took[way].append(once(way, source, scratch))
    rates = {way: _rates(took[way], statistics.median(starts[way])) for way in ways}
    first = statistics.median(rates[ways[0]])
    return [
        [
            way.title, cell(rates[way], ".1f"), f"{statistics.median(rates[way]) / first:.2f}x",
            cell([1e3 * t.cpu / t.files for t in took[way]], ".0f"), cell([t.seconds for t in took[way]], ".1f"),
            cell(starts[way], ".1f"),
        ]
        for way in ways
    ]  # fmt: skip


def _rates(took: list[Took], start: float) -> list[float]:
    return [t.files / (t.seconds - start) for t in took]


def tree(out: Path) -> dict[str, str]:
    """The results by path, as hashes."""
    return {
        str(path.relative_to(out)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in out.rglob("*.elf")
        if FOLDER not in path.parts
    }


def kill(way: Way, source: Path, scratch: Path, kills: int, seed: int) -> Iterator[str]:
    """Kill a batch at random moments, let it end, compare with one that was left alone."""
    begin = time.monotonic()
    alone = once(way, source, scratch)
    wanted = tree(scratch / "out")
    yield f"undisturbed: {alone.files} files in {time.monotonic() - begin:.1f} s; seed {seed}"
    out, moments = scratch / "killed", random.Random(seed)
    for number in range(kills):
        wait_s = moments.uniform(0, 2 * alone.seconds / kills)
        running = subprocess.Popen(
            command(way, source, out), env=environment(), start_new_session=True, stdout=subprocess.DEVNULL
        )
        time.sleep(wait_s)
        os.killpg(running.pid, signal.SIGKILL)
        running.wait()
        journal = out / FOLDER / JOURNAL
        known = journal.read_text().count('"output_sha256"') if journal.exists() else 0
        yield f"kill {number + 1} after {wait_s:.2f} s: {known} results in the journal, {len(tree(out))} in the tree"
    subprocess.run(command(way, source, out), env=environment(), check=False, stdout=subprocess.DEVNULL)
    yield "the trees are identical" if tree(out) == wanted else "THE TREES DIFFER"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.batching")
    parser.add_argument("--corpus", type=Path, default=CORPUS, help=f"executables (default {CORPUS})")
    parser.add_argument("--files", type=int, default=FILES, help=f"of them (default {FILES})")
    parser.add_argument("--jobs", type=int, nargs="*", default=[1, 2], help="processes (default 1 2)")
    parser.add_argument(
        "--workers", type=int, nargs="*", default=[1, 2, 4], help="of a Dask cluster (default 1 2 4)"
    )
    parser.add_argument("--repeats", type=int, default=3, help="of everything (default 3)")
    parser.add_argument(
        "--kills", type=int, default=0, help="instead: kill a batch so often, and let it go on"
    )
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32), help="of the moments")
    parser.add_argument("--md", action="store_true", help="print Markdown")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        source = scratch / "source"
        source.mkdir()
        size = sample(options.corpus, options.files, source)
        number = len(list(source.iterdir()))
        print(
            f"{number} executables of {options.corpus}, {size / 1e6:.0f} MB; load {os.getloadavg()[0]:.1f}\n"
        )
        if options.kills:
            for line in kill(Way("", ("-j", "2")), source, scratch, options.kills, options.seed):
                print(line, flush=True)
            return
        ways = [Way(f"{n} process{'es' if n > 1 else ''}", ("-j", str(n))) for n in options.jobs]
        ways += [
            Way(f"Dask, {n} worker{'s' if n > 1 else ''}", ("--engine", "dask", "-j", str(n)))
            for n in options.workers
        ]
        titles = ("", "files/s", "ratio", "CPU ms of a file", "seconds in all", "of them to start")
        rows = measure(ways, source, scratch, options.repeats)
        print("\n".join(columns(titles, rows, md=options.md)))


if __name__ == "__main__":
    main()
