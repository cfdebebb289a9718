"""Builds programs that stand on a C library or another language's runtime, statically, with whatever is here.

    from corpus.hosted import BUILDS, make
    path = make("library", "glibc", "x86_64")

zig brings musl for both architectures; gcc, g++ and rustc are used where they are installed. Sources are in
corpus/src/hosted and corpus/src/rust, results are kept in corpus/build/hosted.
"""

from __future__ import annotations

import hashlib
import platform
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

from aot.record import dataclass
from corpus.build import OUT, SRC, TIMEOUT_S, BuildError, zig, zig_version

TARGET = OUT / "hosted"
FLAGS = ("-O1", "-w", "-static", "-pthread")


@dataclass(frozen=True, slots=True)
class Build:
    """One way to build one program: source below src/, the kind of toolchain, architectures, exit status."""

    program: str
    source: str
    kind: str
    archs: tuple[str, ...]
    status: int


BOTH, HERE = ("x86_64", "aarch64"), ("x86_64",)
BUILDS = (
    Build("library", "hosted/library.c", "musl", BOTH, 6),
    Build("library", "hosted/library.c", "glibc", HERE, 6),
    Build("threads", "hosted/threads.c", "musl", BOTH, 0),
    Build("threads", "hosted/threads.c", "glibc", HERE, 0),
    Build("modern", "hosted/modern.cpp", "musl", BOTH, 12),
    Build("modern", "hosted/modern.cpp", "glibc", HERE, 12),
    Build("modern", "hosted/modern.zig", "zig", BOTH, 21),
    Build("bare", "rust/bare.rs", "no_std", BOTH, 18),
    Build("library", "rust/library.rs", "rust", BOTH, 17),
)


def make(program: str, kind: str, arch: str) -> Path:
    """Path of a program; built again only when its source or the compiler changed. Raises BuildError."""
    (build,) = (b for b in BUILDS if (b.program, b.kind) == (program, kind) and arch in b.archs)
    source = SRC / build.source
    command, version = _command(build, arch, source)
    key = hashlib.sha256(source.read_bytes() + repr((command, version)).encode()).hexdigest()[:16]
    out = TARGET / f"{program}-{kind}-{arch}-{key}"
    if not out.exists():
        TARGET.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=TARGET) as work:
            made = Path(work) / "program"
            option = f"-femit-bin={made}" if kind == "zig" else f"-o{made}"
            _run([*command, option], work)
            made.replace(out)
    return out


def _command(build: Build, arch: str, source: Path) -> tuple[list[str], str]:
    """The compiler's command but for its output, and what the compiler calls itself."""
    match build.kind:
        case "musl":
            front = "c++" if source.suffix == ".cpp" else "cc"
            cpp = ("-std=c++17",) if front == "c++" else ()
            return [*zig(), front, "-target", f"{arch}-linux-musl", *FLAGS, *cpp, str(source)], zig_version()
        case "zig":
            options = ("-O", "ReleaseSafe", "-target", f"{arch}-linux-musl")
            return [*zig(), "build-exe", *options, str(source)], zig_version()
        case "glibc":
            compiler = "g++" if source.suffix == ".cpp" else "gcc"
            _needs(arch == platform.machine(), f"no {compiler} for {arch} here")
            cpp = ("-std=c++17",) if compiler == "g++" else ()
            return [compiler, *FLAGS, *cpp, str(source), "-lm"], _version(compiler, "-dumpfullversion")
        case _:
            return _rust(build.kind, arch, source)


def _rust(kind: str, arch: str, source: Path) -> tuple[list[str], str]:
    version = _version("rustc", "-vV")
    libraries = Path(_version("rustc", "--print", "sysroot")) / "lib" / "rustlib"
    for system in ("musl", "gnu"):
        target = f"{arch}-unknown-linux-{system}"
        if (libraries / target).is_dir() and (system == "musl" or arch == platform.machine()):
            break
    else:
        raise BuildError(f"rustc has no library for {arch}: rustup target add {arch}-unknown-linux-musl")
    options = ["-O", "--target", target, "-C", "target-feature=+crt-static", "-A", "warnings"]
    if kind == "no_std":
        arguments = ("-nostartfiles", "-nostdlib", "-static")
        options = ["-O", "--target", target, "-C", "panic=abort", "-C", "relocation-model=static"]
        options += [word for argument in arguments for word in ("-C", f"link-arg={argument}")]
    return ["rustc", *options, str(source)], version


@cache
def _version(*command: str) -> str:
    _needs(shutil.which(command[0]) is not None, f"{command[0]} is not installed")
    return _run(list(command)).strip()


def _needs(met: bool, otherwise: str) -> None:
    if not met:
        raise BuildError(otherwise)


def _run(command: list[str], cwd: str | None = None) -> str:
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    if done.returncode:
        raise BuildError(f"{' '.join(command)}\n{done.stderr}")
    return done.stdout
