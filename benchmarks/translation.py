"""Translating a file against disassembling it: the same files, in turns, on one core.

    python -m benchmarks.translation [--md] [--quick] [--repeats N] [FILE...]

A translation is a whole process with no cache: start, reading, analysis, patching, writing. So is each of the
disassemblers, whose output goes to /dev/null. Times are medians of CPU time, memory is the most a process held
(resident, shared pages of libraries included).
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from aot.record import dataclass
from benchmarks import guests
from benchmarks.beside import Took, once
from benchmarks.report import columns
from benchmarks.run import machine
from corpus.foreign import ForeignError, deb

REPEATS, QUICK = 7, 3
LIBRARIES = Path("/usr/lib/x86_64-linux-gnu")
GO = (("linux", "x86_64"), ("linux", "aarch64"), ("windows", "x86_64"), ("darwin", "aarch64"))
MIB = 1 << 20
NONE = "-"


@dataclass(frozen=True, slots=True)
class Subject:
    """A file, and the command that translates it into `out`."""

    title: str
    path: Path
    command: tuple[str, ...]


def subject(path: Path, title: str = "") -> Subject:
    """`path` by the way its kind takes: a shared object's, or a program's."""
    library = ".so" in path.suffixes
    command = ("-m", "benchmarks.library") if library else ("-m", "aot.cli", "translate")
    return Subject(title or path.name, path, (sys.executable, *command, str(path.resolve()), "out"))


def subjects() -> Iterator[Subject]:
    """What is there to be translated on this machine."""
    for system, arch in GO:
        yield subject(guests.checker(system, arch), f"Go program, {system}/{arch}")
    for name in ("libc.so.6", "libcrypto.so.3"):
        if (LIBRARIES / name).exists():
            yield subject(LIBRARIES / name)
    if Path("/usr/bin/python3").exists():
        yield subject(Path("/usr/bin/python3").resolve(), "Debian's python3")
    try:
        yield subject(deb("busybox-static", "amd64") / "bin/busybox", "busybox, static")
    except ForeignError as missing:
        print(f"busybox: {missing}", file=sys.stderr)
    yield subject(guests.hello("x86_64"), "hello, static")


def disassemblers() -> dict[str, str]:
    """Name -> path of those that are installed."""
    newest = sorted(Path("/usr/bin").glob("llvm-objdump-*"), key=lambda path: int(path.name.split("-")[-1]))
    llvm = shutil.which("llvm-objdump") or (str(newest[-1]) if newest else None)
    if llvm is None:
        print("llvm-objdump: not installed (Debian: llvm)", file=sys.stderr)
    found = {"llvm-objdump": llvm, "GNU objdump": shutil.which("objdump")}
    return {name: path for name, path in found.items() if path}


def measured(it: Subject, tools: dict[str, str], repeats: int, folder: Path) -> dict[str, list[Took]]:
    """What every side took, side by side `repeats` times; no entry for one that failed."""
    commands = {name: [path, "-d", str(it.path.resolve())] for name, path in tools.items()}
    commands["here"] = list(it.command)
    out: dict[str, list[Took]] = {name: [] for name in commands}
    for _ in range(repeats):
        for name, command in commands.items():
            (folder / "out").unlink(missing_ok=True)
            took = once(command, folder)
            if took is not None and (name != "here" or (folder / "out").exists()):
                out[name].append(took)
    return {name: took for name, took in out.items() if len(took) == repeats}


def row(it: Subject, found: dict[str, list[Took]]) -> list[str]:
    """One line of the table."""

    def middle(name: str, what: str) -> float | None:
        values = [getattr(took, what) for took in found.get(name, ())]
        return statistics.median(values) if values else None

    def shown(value: float | None, form: str) -> str:
        return NONE if value is None else format(value, form)

    size = it.path.stat().st_size / MIB
    ours, llvm = middle("here", "cpu"), middle("llvm-objdump", "cpu")
    memory = middle("here", "memory")
    return [
        it.title, f"{size:.1f}",
        shown(llvm, ".2f"), shown(middle("GNU objdump", "cpu"), ".2f"), shown(ours, ".2f"),
        shown(ours / llvm if ours and llvm else None, ".2f"),
        shown(middle("llvm-objdump", "wall"), ".2f"), shown(middle("here", "wall"), ".2f"),
        shown(middle("llvm-objdump", "memory"), ".0f"), shown(memory, ".0f"),
        shown(memory / size if memory else None, ".1f"),
    ]  # fmt: skip


TITLES = (
    "", "MiB", "llvm-objdump, CPU s", "GNU objdump", "here", "here / llvm",
    "llvm, wall s", "here", "llvm, most MiB", "here", "x file",
)  # fmt: skip


def floor(folder: Path, repeats: int) -> str:
    """What an interpreter that does nothing takes, and one that has loaded the translator."""
    parts = []
    for title, code in (
        ("an empty Python process", "pass"),
        ("with the translator loaded", "import aot.translate"),
    ):
        took = [t for _ in range(repeats) if (t := once([sys.executable, "-c", code], folder))]
        if took:
            cpu, memory = (statistics.median(getattr(t, what) for t in took) for what in ("cpu", "memory"))
            parts.append(f"{title}: CPU {cpu:.3f} s, {memory:.0f} MiB")
    return "; ".join(parts)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.translation")
    parser.add_argument("--md", action="store_true", help="print Markdown")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK} repeats")
    parser.add_argument("--repeats", type=int, default=REPEATS, help=f"of everything (default {REPEATS})")
    parser.add_argument("--no-qiling", action="store_true", help=argparse.SUPPRESS)  # make bench has one ARGS
    parser.add_argument("files", nargs="*", type=Path, help="these instead of the usual ones")
    options = parser.parse_args()
    repeats = QUICK if options.quick else options.repeats
    chosen = [subject(path) for path in options.files] or list(subjects())
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    tools = disassemblers()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows = [row(it, measured(it, tools, repeats, folder)) for it in chosen]
        print(f"\nTranslating against disassembling, medians of {repeats} on one core of {machine()}:\n")
        print("\n".join(columns(TITLES, rows, md=options.md)))
        print(f"\n{floor(folder, repeats)}")


if __name__ == "__main__":
    main()
