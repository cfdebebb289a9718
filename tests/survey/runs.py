"""Programs on the host and as guests: the same words and status, and no trap that translation did not foresee."""

from __future__ import annotations

import hashlib
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from fnmatch import fnmatchcase
from pathlib import Path

from aot.cli.cache import fingerprint
from aot.record import asdict, dataclass
from tests.survey.sources import esbuild, go_programs
from tests.survey.store import FOLDER, Store

ROOT = Path(__file__).resolve().parents[2]
LISTED = tomllib.loads((Path(__file__).parent / "runs.toml").read_text())
ENV = {"PATH": "/usr/sbin:/usr/bin:/bin", "HOME": "/", "LC_ALL": "C.UTF-8", "TZ": "UTC"}
HOST_S, GUEST_S = 20, 300
STATS = "calls per class:\n"
UNKNOWN = re.compile(r"addresses the translator did not know: (\d+)")
GIVEN = {
    "a": "".join(f"{n * 7919 % 101} line\n" for n in range(40)),
    "b": "x\ty\nabc\n\nlast one is longer than the others",
    "c.bc": "scale=20\n4*a(1)\nquit\n",
    "t.ts": "let first: number = 1;\nexport function twice(value: number): number { return value * 2 + first }\n",
    "m.mk": "all: b\n\techo $<\n",
}


@dataclass(frozen=True, slots=True)
class Said:
    """What one run gave."""

    status: int  # -1: it did not end
    stdout: bytes
    stderr: bytes
    files: tuple[str, ...]  # in its directory


@dataclass(frozen=True, slots=True)
class Result:
    """One command both ways."""

    command: tuple[str, ...]
    differs: tuple[str, ...]  # what is not the same, with what each said
    host: int  # status
    guest: int
    unknown: int  # traps from addresses the translator did not know; -1: the guest did not tell

    @property
    def line(self) -> str:
        """The command as runs.toml's `expected` names it."""
        return " ".join(self.command)

    @property
    def reason(self) -> str:
        """Why it may differ; "" when it may not."""
        found = (why for pattern, why in LISTED["expected"].items() if fnmatchcase(self.line, pattern))
        return next(found, "")

    @property
    def good(self) -> bool:
        """Whether nothing is wrong."""
        return self.unknown == 0 and (not self.differs or bool(self.reason))


@dataclass(frozen=True, slots=True)
class Job:
    """One program on the host, and the same one, or the same for another system, as a guest."""

    command: tuple[str, ...]  # how the page names it
    host: str
    guest: str
    args: tuple[str, ...]
    argv0: str


def jobs() -> Iterator[Job]:
    """Every command of runs.toml whose program is installed, and what can be had of the guests."""
    listed = [(name, "--version") for name in LISTED["version"].split()]
    listed += [(name, "--help") for name in LISTED["help"].split()]
    for command in (*listed, *map(tuple, LISTED["commands"])):
        if found := shutil.which(command[0], path=ENV["PATH"]):
            program = str(Path(found).resolve())
            yield Job(command, program, program, command[1:], command[0])
    yield from _guests()


def _guests() -> Iterator[Job]:
    """Programs for every system; what the one for this machine says, all have to say."""
    arch = "arm64" if platform.machine() == "aarch64" else "amd64"
    named = {(s.name.partition("-")[0], s.name.partition("-")[2]): s.path for s in go_programs()}
    for source in esbuild():
        if source.path.stem == "esbuild":
            system, _, node = source.name.partition("/")[0].replace("win32", "windows").partition("-")
            named["esbuild", f"{system}-{node.replace('x64', 'amd64')}"] = source.path
    for entry in LISTED["guests"]:
        here = str(named[entry["program"], f"linux-{arch}"])
        for (program, target), path in named.items():
            if program == entry["program"]:
                args = tuple(entry["args"])
                yield Job((f"{program}-{target}", *args), here, str(path), args, program)


def compare(job: Job) -> Result:
    """Run `job` both ways, each in a fresh directory that the guest sees too."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=FOLDER, prefix="run-") as scratch:
        here = Path(scratch) / "here"
        host = _run([job.host, *job.args], here, HOST_S, argv0=job.argv0)
        guest = [sys.executable, "-m", "aot.cli", "run", "--root", "/", "--cwd", str(here), "--stats"]
        said = _run([*guest, "--argv0", job.argv0, job.guest, *job.args], here, GUEST_S)
    words, _, stats = said.stderr.decode(errors="surrogateescape").partition(STATS)
    found = UNKNOWN.search(stats)
    plain = Said(said.status, said.stdout, words.encode(errors="surrogateescape"), said.files)
    differs = tuple(_differing(host, plain))
    return Result(job.command, differs, host.status, plain.status, int(found[1]) if found else -1)


def _differing(host: Said, guest: Said) -> Iterator[str]:
    for name in ("status", "stdout", "stderr", "files"):
        theirs, ours = getattr(host, name), getattr(guest, name)
        if theirs != ours:
            yield f"{name}: {theirs!r:.300} on the host, {ours!r:.300} as a guest"


def run_all(parallel: int, keep: bool, tell: Callable[[str], None]) -> list[Result]:
    """Every command; results are kept by command and translator."""
    store = Store("runs", "" if keep else fingerprint())
    out: list[Result] = []
    with ThreadPoolExecutor(parallel) as pool:
        for result in pool.map(lambda job: _kept(store, job), [*jobs()]):
            out.append(result)
            if not result.good:
                tell(f"{result.line}: {result.unknown} unknown traps; {'; '.join(result.differs)}")
    return out


def _kept(store: Store, job: Job) -> Result:
    name = hashlib.sha256(repr(job.command).encode()).hexdigest()
    kept = store.get(name)
    if kept is None:
        kept = asdict(compare(job))
        store.put(name, kept)
    return Result(
        tuple(kept["command"]), tuple(kept["differs"]), kept["host"], kept["guest"], kept["unknown"]
    )


def _run(command: Sequence[str], here: Path, limit_s: int, argv0: str = "") -> Said:
    here.mkdir()
    for name, text in GIVEN.items():
        (here / name).write_text(text)
    env = ENV | {"PYTHONPATH": str(ROOT), "XDG_CACHE_HOME": str(FOLDER / "cache")}
    try:
        done = subprocess.run(
            [argv0 or command[0], *command[1:]], executable=command[0], cwd=here, stdin=subprocess.DEVNULL,
            capture_output=True, timeout=limit_s, check=False, env=env,
        )  # fmt: skip
        status, out, err = done.returncode, done.stdout, done.stderr
    except subprocess.TimeoutExpired as late:
        status, out, err = -1, late.stdout or b"", late.stderr or b""
    files = tuple(sorted(f"{p.relative_to(here)} {_size(p)}" for p in here.rglob("*")))
    shutil.rmtree(here)
    return Said(status, out, err, files)


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0
