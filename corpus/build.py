"""Builds the corpus programs with zig: one function, cached by what went into the program.

    from corpus.build import build
    path = build("hello", "freebsd-x86_64")

Run as a module it builds everything and prints the paths: python -m corpus.build [NAME...]
"""

from __future__ import annotations

import hashlib
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from aot.manifest import OSABI
from corpus import headers

HERE = Path(__file__).resolve().parent
SRC = HERE / "src"
OUT = HERE / "build"
TIMEOUT_S = 600


class BuildError(Exception):
    """A program could not be built: no compiler, no such program, or the compiler's own words."""


@dataclass(frozen=True, slots=True)
class Program:
    """One line of MANIFEST.toml: what to build and what running it must give."""

    name: str
    systems: tuple[str, ...]
    archs: tuple[str, ...]
    sources: tuple[str, ...]  # under src/; {os} and {arch} are filled in
    stdin: str
    args: tuple[str, ...]
    env: tuple[str, ...]
    stdout: str | None  # None: see `lines`
    lines: tuple[str, ...]  # lines that standard output must hold, in this order
    status: int
    flags: tuple[str, ...]  # further flags of the compiler
    link: tuple[str, ...]  # further flags of the linker, windows: of the compiler as linker
    host: bool  # a Linux program whose result on the host is the same
    conformance: bool  # runs in both dispatch modes with equal traces
    nt_build: str | None  # windows: the column its traps are numbered by

    def targets(self) -> tuple[str, ...]:
        return tuple(f"{os}-{arch}" for os in self.systems for arch in self.archs)


TRIPLES = {
    "native": "{arch}-freestanding",
    "linux": "{arch}-linux-musl",
    "freebsd": "{arch}-freebsd",
    "netbsd": "{arch}-netbsd",
    "openbsd": "{arch}-openbsd",
    "windows": "{arch}-windows-gnu",
    "darwin": "{arch}-macos",
}
COMMON = (
    "-c", "-O2", "-g0", "-std=gnu11", "-ffreestanding", "-fno-builtin", "-fno-stack-protector",
    "-fno-sanitize=all", "-fno-vectorize", "-fno-slp-vectorize", "-fno-asynchronous-unwind-tables",
    "-Wall", "-Wextra", "-Wno-unused-function", "-Werror",
)  # fmt: skip
# PE code is always position independent
FIXED = {
    "openbsd": ("-fpie", "-fno-emulated-tls"), "windows": (), "darwin": ("-Wno-deprecated-declarations",),
}  # fmt: skip
LINK = {"openbsd": ("-pie", "--no-dynamic-linker")}  # the system gives others no auxiliary vector
ENTRY = ("-Wl,-e,mainCRTStartup", "-Wl,--subsystem,console")  # windows: what the linker cannot guess
PER_ARCH = {"x86_64": ("-mcpu=x86_64",), "aarch64": ("-mcpu=generic",)}


@cache
def programs() -> tuple[Program, ...]:
    """Every program of MANIFEST.toml."""
    with (HERE / "MANIFEST.toml").open("rb") as f:
        return tuple(_program(entry) for entry in tomllib.load(f)["program"])


def _program(entry: dict[str, object]) -> Program:
    def strings(key: str, default: tuple[str, ...] = ()) -> tuple[str, ...]:
        value = entry.get(key, default)
        assert isinstance(value, list | tuple), f"{key} of {entry['name']} must be a list"
        return tuple(str(v) for v in value)

    name = str(entry["name"])
    stdout, status = entry.get("stdout"), entry.get("status", 42)
    assert isinstance(status, int), f"status of {name} must be a number"
    return Program(
        name=name,
        systems=strings("os"),
        archs=strings("arch", ("x86_64", "aarch64")),
        sources=strings("sources", (f"unix/{name}.c",)),
        stdin=str(entry.get("stdin", "")),
        args=strings("args"),
        env=strings("env"),
        stdout=None if stdout is None else str(stdout),
        lines=strings("lines"),
        status=status,
        flags=strings("flags"),
        link=strings("link"),
        host=bool(entry.get("host", False)),
        conformance=bool(entry.get("conformance", True)),
        nt_build=str(entry["nt_build"]) if "nt_build" in entry else None,
    )


def program(name: str, target: str) -> Program:
    """The manifest's entry for `name` on `target` ("freebsd-x86_64"). Raises BuildError."""
    for p in programs():
        if p.name == name and target in p.targets():
            return p
    raise BuildError(f"MANIFEST.toml has no program {name!r} for {target!r}")


@cache
def zig() -> tuple[str, ...]:
    """The command that runs zig. Raises BuildError when there is none."""
    if given := os.environ.get("HELCTIC_ZIG"):
        return tuple(shlex.split(given))
    if find_spec("ziglang"):
        return (sys.executable, "-m", "ziglang")
    if found := shutil.which("zig"):
        return (found,)
    raise BuildError("the corpus is built with zig: pip install 'helctic-aot[corpus]'")


@cache
def zig_version() -> str:
    """What zig calls itself; part of every cache key."""
    return run_zig("version").decode().strip()


def run_zig(*args: str) -> bytes:
    """Standard output of zig with `args`. Raises BuildError with what it complained about."""
    try:
        done = subprocess.run([*zig(), *args], capture_output=True, timeout=TIMEOUT_S, check=False)
    except OSError as e:
        raise BuildError(f"cannot run {zig()[0]}: {e.strerror}") from None
    if done.returncode:
        raise BuildError(f"zig {' '.join(args)}\n{done.stderr.decode(errors='replace')}")
    return done.stdout


def build(name: str, target: str) -> Path:
    """Path of program `name` built for `target`; built again only when its sources or zig changed."""
    p = program(name, target)
    os_name, arch = target.split("-")
    sources = [SRC / s.format(os=os_name, arch=arch) for s in p.sources]
    generated = headers.for_system(os_name)
    key = hashlib.sha256(zig_version().encode() + repr((p.flags, p.link, COMMON, LINK, FIXED)).encode())
    for path in (Path(__file__), *_inputs(os_name), *sources):
        key.update(path.read_bytes())
    for text in generated.values():
        key.update(text.encode())
    out = OUT / target / f"{name}-{key.hexdigest()[:16]}{'.exe' if os_name == 'windows' else ''}"
    if not out.exists():
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=out.parent) as temporary:
            made = _compile(p, os_name, arch, sources, generated, Path(temporary))
            made.replace(out)
    return out


def _inputs(os_name: str) -> list[Path]:
    """Headers a program of this system may include."""
    return sorted(p for folder in ("unix", os_name) for p in (SRC / folder).glob("*.h"))


def _compile(
    p: Program, os_name: str, arch: str, sources: list[Path], generated: dict[str, str], work: Path
) -> Path:
    triple = TRIPLES[os_name].format(arch=arch)
    for file, text in generated.items():
        (work / file).write_text(text)
    include = ("-I", str(SRC / os_name), "-I", str(SRC / "unix"), "-I", str(work))
    flags = (*PER_ARCH[arch], *COMMON, *FIXED.get(os_name, ("-fno-pic",)), *p.flags)
    objects = []
    for i, source in enumerate(sources):
        objects.append(str(work / f"{i}.o"))
        run_zig("cc", "-target", triple, *flags, *include, str(source), "-o", objects[-1])
    out = work / "out"
    if os_name == "darwin":
        run_zig("cc", "-target", triple, "-nostdlib", *objects, "-lSystem", *p.link, "-o", str(out))
        return out
    if os_name == "windows":
        out = work / "out.exe"
        run_zig("cc", "-target", triple, "-nostdlib", "-s", *ENTRY, *objects, *p.link, "-o", str(out))
        return out
    if "-lc" in p.link:  # against the system's own libraries, as zig describes them
        run_zig("cc", "-target", triple, *objects, *p.link, "-o", str(out))
        return out
    page = ("-z", "max-page-size=4096") if arch == "x86_64" else ()
    how = LINK.get(os_name, ())
    run_zig("ld.lld", "-static", *how, "--build-id=none", *page, *p.link, *objects, "-o", str(out))
    if os_name == "native":
        _mark_native(out)
    out.chmod(0o755)
    return out


def _mark_native(path: Path) -> None:
    """No linker knows our EI_OSABI."""
    with path.open("r+b") as f:
        f.seek(7)
        f.write(bytes([OSABI]))


def main() -> None:
    """Build what the command line names, or everything."""
    wanted = set(sys.argv[1:])
    for p in programs():
        if not wanted or p.name in wanted:
            for target in p.targets():
                print(build(p.name, target))


if __name__ == "__main__":
    try:
        main()
    except BuildError as e:
        sys.exit(str(e))
