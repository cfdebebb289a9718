"""The same guest programs natively, on qemu-user, on blink, on Qiling and here: what a user would notice.

    python -m benchmarks.beside [--md] [--quick] [--repeats N] [--no-qiling] [--arch x86_64|aarch64]

Every measurement is of a whole process in an order that takes turns. A time per call is the difference of a
long and a short run of the same loop, in CPU time, divided by the calls between them. Shown are medians, and
how far the measurements are apart.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from aot.record import dataclass
from aot.translate import translate_file
from benchmarks import guests, qiling_env
from benchmarks.report import columns

HERE = Path(__file__).parent
TIMEOUT_S = 600
REPEATS, QUICK = 5, 2
LONG = 3  # most repeats of what takes long
CALLS = {  # argument of the guest's loop -> (title, turns of a long run)
    "getpid": ("getpid", 1_000_000),
    "write": ("write of 64 bytes to /dev/null", 400_000),
    "put": ("pwrite of 64 bytes to a file", 200_000),
    "read": ("pread of 64 bytes of a file", 200_000),
    "file": ("open, fstat, read, close", 20_000),
    "clock": ("clock_gettime", 400_000),
}
SLOW = 40  # Qiling gets that many times fewer turns
BLINK = "https://github.com/jart/blink"


@dataclass(frozen=True, slots=True)
class Took:
    """One process: CPU and wall seconds, most memory in MiB."""

    cpu: float
    wall: float
    memory: float


@dataclass(frozen=True, slots=True)
class Side:
    """Somebody who can run guests: what stands in front of the program, and what it cannot do."""

    name: str
    before: tuple[str, ...]
    translated: bool = False
    turns: int = 1  # divides the turns of loops
    without: frozenset[str] = frozenset()  # programs it is not asked to run


CPU, WALL = ("cpu", "CPU s", ".2f"), ("wall", "wall s", ".2f")


@dataclass(frozen=True, slots=True)
class Program:
    """A program that is run as a whole, and what is shown of its runs: (field of Took, unit, format)."""

    title: str
    name: str
    args: tuple[str, ...] = ()
    shown: tuple[tuple[str, str, str], ...] = (CPU,)
    most: int = REPEATS


PROGRAMS = (
    Program(
        "hello",
        "hello",
        shown=(("cpu", "CPU s", ".3f"), ("wall", "wall s", ".3f"), ("memory", "most MiB", ".0f")),
    ),
    Program("sieve of 1e7", "compute", ("sieve", "0")),
    Program("sha256 of 64 MiB", "compute", ("sha256", "64")),
    Program("goroutines (Go)", "goroutines", shown=(CPU, WALL)),
    Program("go test strings", "strings.test", shown=(CPU, WALL), most=LONG),
)


def once(command: list[str], folder: Path) -> Took | None:
    """Run a command whose output nobody reads; None when it fails."""
    timed = [sys.executable, "-I", "-S", str(HERE / "timed.py"), *command]
    try:
        done = subprocess.run(
            timed,
            cwd=folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            timeout=TIMEOUT_S,
            check=True,
            env=environment(),
        )
    except (subprocess.TimeoutExpired, subprocess.CalledProcessError):
        return None
    cpu, wall, memory, status = done.stderr.split()[-4:]
    return Took(float(cpu), float(wall), int(memory) / 1024) if status == "0" else None


def environment() -> dict[str, str]:
    """Ours, importable from anywhere, with compiled modules kept as an installed package has them."""
    env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return env | {"PYTHONPATH": str(HERE.parent)}


def sides(arch: str, *, with_qiling: bool) -> tuple[list[Side], list[str]]:
    """Who takes part on this machine, and a line about everybody who does not."""
    found, missing = [], []
    if os.uname().machine == arch:
        found.append(Side("native", ()))
    qemu = shutil.which(f"qemu-{arch}") or shutil.which(f"qemu-{arch}-static")
    if qemu:
        found.append(Side("qemu-user", (qemu,)))
    else:
        missing.append("qemu-user: not installed (Debian: qemu-user)")
    tool = Path(sys.executable).with_name("helctic-aot")
    ours = (str(tool),) if tool.exists() else (sys.executable, "-m", "aot.cli")
    found.append(Side("helctic-aot", (*ours, "run"), translated=True))
    blink = shutil.which("blink")
    if blink and arch == "x86_64":
        found.append(Side("blink", (blink,)))
    elif arch == "x86_64":
        missing.append(f"blink: not installed; it is built from source, {BLINK}")
    if with_qiling:
        driver = (str(qiling_env.PYTHON), str(qiling_env.DRIVER), ".")
        found.append(Side("qiling", driver, turns=SLOW, without=frozenset({"goroutines", "strings.test"})))
    return found, missing


class Race:
    """The programs of one architecture in a folder, translated beside."""

    def __init__(self, arch: str, folder: Path, repeats: int) -> None:
        self.arch, self.folder, self.repeats = arch, folder, repeats
        (folder / "data").write_bytes(b"a small file\n" * 10)
        for name, made in guests.whole(arch).items():
            target = folder / name
            shutil.copy(made, target)
            target.chmod(0o755)
            (folder / f"{name}.elf").write_bytes(translate_file(target))

    def took(self, side: Side, program: str, *args: str) -> Took | None:
        """One run of a program."""
        if program in side.without:
            return None
        name = f"{program}.elf" if side.translated else program
        path = name if side.name == "qiling" else f"./{name}"
        return once([*side.before, path, *args], self.folder)

    def call(self, side: Side, which: str) -> float | None:
        """CPU microseconds of one turn of a loop."""
        few, many = 100, 100 + CALLS[which][1] // side.turns
        short, long = (self.took(side, "calls", which, str(n), "data") for n in (few, many))
        return (long.cpu - short.cpu) / (many - few) * 1e6 if short and long else None

    def calls(self, which: str, who: list[Side]) -> list[str]:
        """The line of one loop: everybody in turns."""
        found: dict[str, list[float]] = {side.name: [] for side in who}
        for _ in range(self.repeats):
            for side in who:
                value = self.call(side, which)
                if value is not None:
                    found[side.name].append(value)
        return [f"{CALLS[which][0]}, µs", *(cell(values, ".2f") for values in found.values())]

    def whole(self, program: Program, who: list[Side]) -> list[list[str]]:
        """The lines of one program: what all of its runs took."""
        found: dict[str, list[Took]] = {side.name: [] for side in who}
        for _ in range(min(self.repeats, program.most)):
            for side in who:
                took = self.took(side, program.name, *program.args)
                if took is not None:
                    found[side.name].append(took)
        return [
            [
                f"{program.title}, {unit}",
                *(cell([getattr(t, what) for t in all_], shown) for all_ in found.values()),
            ]
            for what, unit, shown in program.shown
        ]


def cell(values: list[float], shown: str) -> str:
    """Median and range; a dash when there is no value."""
    if not values:
        return "-"
    middle, low, high = (format(v, shown) for v in (statistics.median(values), min(values), max(values)))
    return f"{middle} ({low} to {high})"


def table(race: Race, who: list[Side]) -> list[list[str]]:
    """All lines."""
    rows = [race.calls(which, who) for which in CALLS]
    for program in PROGRAMS:
        rows += race.whole(program, who)
    return rows


def start_of_python(repeats: int, folder: Path) -> str:
    """The yardstick of start-up: what importing the engine's own package costs."""
    took = [once([sys.executable, "-c", "import unicorn"], folder) for _ in range(repeats)]
    cpu, wall = (cell([getattr(t, what) for t in took if t], ".3f") for what in ("cpu", "wall"))
    return f'python3 -c "import unicorn": CPU {cpu} s, wall {wall} s'


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.beside")
    parser.add_argument("--md", action="store_true", help="print Markdown")
    parser.add_argument("--quick", action="store_true", help="two repeats of everything")
    parser.add_argument("--repeats", type=int, default=REPEATS, help=f"of everything (default {REPEATS})")
    parser.add_argument("--no-qiling", action="store_true", help="leave Qiling out")
    parser.add_argument("--arch", choices=guests.ARCHS, action="append", help="these guests alone")
    options = parser.parse_args()
    if not options.no_qiling:
        qiling_env.install()
    repeats = QUICK if options.quick else options.repeats
    for arch in options.arch or guests.ARCHS:
        with tempfile.TemporaryDirectory() as folder:
            race = Race(arch, Path(folder), repeats)
            who, missing = sides(arch, with_qiling=not options.no_qiling)
            print(f"\n{arch} guests, median (least to most) of {repeats}:\n")
            titles = ["", *(side.name for side in who)]
            print("\n".join(columns(titles, table(race, who), md=options.md)))
            print("\n" + "\n\n".join([start_of_python(repeats, Path(folder)), *missing]))


if __name__ == "__main__":
    main()
