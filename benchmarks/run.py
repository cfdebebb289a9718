"""`make bench`: every way of making a call, in one run beside Qiling; prints one report.

    python -m benchmarks.run [--md] [--quick] [--repeats N] [--no-qiling]

A time per call is the difference of two runs of the same guest loop with different counts, in CPU time, the
least of several. What a user would notice, start-up and whole programs, is in benchmarks.beside.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

from aot.translate import translate_file
from benchmarks import guests, qiling_env
from benchmarks.report import Whole, markdown, plain

# Loop counts of a short and a long run; the difference is what is measured.
COUNTS = {
    "getpid": (1_000, 101_000), "unpark": (1_000, 51_000), "yield": (1_000, 51_000), "write": (1_000, 31_000),
    "file": (200, 3_200),
}  # fmt: skip
INLINE = ("getpid", "unpark", "yield")
COUNTS_QILING = {"getpid": (100, 2_100), "write": (100, 1_600), "file": (50, 450)}
CROSSINGS = (2_000, 202_000)
TIMEOUT_S = 300


def cpu_seconds(command: list[str]) -> float:
    """What one measured run says on the last line of standard error."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=True)
    seconds, status = done.stderr.split()[-2:]
    if status != "0":
        raise RuntimeError(f"{' '.join(command)}: status {status}")
    return float(seconds)


def per_call(command: Callable[[int], list[str]], counts: tuple[int, int], repeats: int) -> float:
    """Microseconds of one turn of the loop."""
    few, many = counts
    short = min(cpu_seconds(command(few)) for _ in range(repeats))
    long = min(cpu_seconds(command(many)) for _ in range(repeats))
    return (long - short) / (many - few) * 1e6


class Bench:
    """The guests, translated, in a root directory both sides see as /."""

    def __init__(self, root: Path, repeats: int, with_qiling: bool) -> None:
        self.root, self.repeats, self.with_qiling = root, repeats, with_qiling
        (root / "data").write_bytes(b"a small file\n" * 10)
        (root / "dev").mkdir()
        for arch in guests.ARCHS:
            for made in (guests.calls(arch), guests.table(arch), guests.hello(arch)):
                (root / made.name).write_bytes(made.read_bytes())
                (root / made.name).chmod(0o755)
                (root / f"{made.name}.elf").write_bytes(translate_file(made))

    def ours(self, mode: str, program: str, call: str, *, trivial: bool = False) -> float:
        """Our runtime in one mode."""
        handlers = "trivial" if trivial else "real"

        def command(count: int) -> list[str]:
            file, args = self.root / f"{program}.elf", [call, str(count), "/data"]
            return [sys.executable, "-m", "benchmarks.ours", mode, handlers, str(file), str(self.root), *args]

        return per_call(command, CROSSINGS if trivial else COUNTS[call], self.repeats)

    def crossings(self, arch: str) -> dict[str, float]:
        """Every way into the kernel and back with nothing done there, without the loop around it."""

        def empty(count: int, *how: str) -> list[str]:
            return [sys.executable, "-m", "benchmarks.empty_hook", arch, str(count), *how]

        def bare(count: int) -> list[str]:
            return empty(count, "bare")

        loop, table = f"calls-{arch}", f"table-{arch}"
        turn = self.ours("aot", loop, "loop", trivial=True)
        found = {
            "empty hook": per_call(empty, CROSSINGS, self.repeats),
            "the same, no arguments": per_call(bare, CROSSINGS, self.repeats),
            "inline": self.ours("aot", loop, "getpid", trivial=True),
            "bound": self.ours("bound", loop, "getpid", trivial=True),
            "table-bound": self.ours("bound", table, "getpid", trivial=True),
            "dynamic": self.ours("dynamic", loop, "getpid", trivial=True),
            "dynamic, plain reg_read": self.ours("plain", loop, "getpid", trivial=True),
        }
        return {way: max(cost - turn, 0.0) for way, cost in found.items()}

    def qiling(self, program: str, call: str) -> float | None:
        """Qiling on the untranslated program."""
        if not self.with_qiling or call not in COUNTS_QILING:
            return None

        def command(count: int) -> list[str]:
            driver = [str(qiling_env.PYTHON), str(qiling_env.DRIVER), str(self.root)]
            return [*driver, program, call, str(count), "/data"]

        return per_call(command, COUNTS_QILING[call], self.repeats)

    def whole(self, arch: str, call: str) -> Whole:
        """One line of the table of whole calls."""
        loop, table = f"calls-{arch}", f"table-{arch}"
        return Whole(
            arch=arch,
            call=call,
            inline=self.ours("aot", loop, call) if call in INLINE else None,
            bound=self.ours("bound", loop, call),
            table=self.ours("bound", table, call),
            dynamic=self.ours("dynamic", loop, call),
            plain=self.ours("plain", loop, call),
            qiling=self.qiling(loop, call),
        )


def machine() -> str:
    """One line about where this was measured."""
    model = platform.processor() or platform.machine()
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.split(":", 1)[1].strip()
            break
    load = os.getloadavg()[0]
    return (
        f"{model}, {os.cpu_count()} cores, load {load:.1f}; {platform.system()} {platform.machine()}, "
        f"Python {platform.python_version()}, unicorn {version('unicorn')}"
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        prog="make bench", description=__doc__.splitlines()[0] if __doc__ else ""
    )
    parser.add_argument("--md", action="store_true", help="print Markdown")
    parser.add_argument("--quick", action="store_true", help="one repeat of everything")
    parser.add_argument("--repeats", type=int, default=3, help="of everything (default 3)")
    parser.add_argument("--no-qiling", action="store_true", help="leave Qiling out")
    options = parser.parse_args()
    if not options.no_qiling:
        qiling_env.install()
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder), 1 if options.quick else options.repeats, not options.no_qiling)
        crossings = {arch: bench.crossings(arch) for arch in guests.ARCHS}
        wholes = [bench.whole(arch, call) for arch in guests.ARCHS for call in COUNTS]
    show = markdown if options.md else plain
    print("\n".join(show(machine(), crossings, wholes)))


if __name__ == "__main__":
    main()
