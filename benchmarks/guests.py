"""Builds the guest programs of the benchmarks with zig, into build/bench."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from corpus.build import run_zig
from corpus.foreign import OUT as GO_OUT
from corpus.foreign import go_compiler

HERE = Path(__file__).parent
OUT = HERE.parent / "build" / "bench"
ARCHS = ("x86_64", "aarch64")
BARE = ("-O2", "-s", "-static", "-nostdlib", "-fno-stack-protector", "-fno-sanitize=all")


def _build(source: str, arch: str, name: str, *flags: str) -> Path:
    out = OUT / name
    origin = HERE / "guest" / source
    if not out.exists() or out.stat().st_mtime < origin.stat().st_mtime:
        OUT.mkdir(parents=True, exist_ok=True)
        run_zig("cc", "-target", f"{arch}-linux-musl", *flags, str(origin), "-o", str(out))
    return out


def calls(arch: str) -> Path:
    """The loops, every trap with its number right before it."""
    return _build("calls.c", arch, f"calls-{arch}", *BARE)


def table(arch: str) -> Path:
    """The same loops through one `syscall()` wrapper."""
    return _build("calls.c", arch, f"table-{arch}", *BARE, "-DTABLE")


def hello(arch: str) -> Path:
    """A static program with a C library."""
    return _build("hello.c", arch, f"hello-{arch}", "-O2", "-s", "-static")


def compute(arch: str) -> Path:
    """A sieve and a hash, with a C library."""
    return _build("compute.c", arch, f"compute-{arch}", "-O2", "-s", "-static")


def _go(arch: str, name: str, *command: str, system: str = "linux") -> Path:
    out = OUT / f"{name}-{arch}"
    if not out.exists():
        OUT.mkdir(parents=True, exist_ok=True)
        goarch = {"x86_64": "amd64", "aarch64": "arm64"}[arch]
        env = {"CGO_ENABLED": "0", "GOOS": system, "GOARCH": goarch, "GOTOOLCHAIN": "local"}
        env |= {"GOCACHE": str(GO_OUT / "gocache"), "GOFLAGS": "-trimpath"}
        full = [go_compiler(), command[0], "-o", str(out), *command[1:]]
        subprocess.run(full, env=os.environ | env, cwd=HERE / "guest", check=True)
    return out


def goroutines(arch: str) -> Path:
    """A Go program that keeps its scheduler busy."""
    return _go(arch, "goroutines", "build", "goroutines.go")


def checker(system: str, arch: str) -> Path:
    """A Go program of some 12 MB, for any system Go has: a type checker behind an HTTP server."""
    return _go(arch, f"checker-{system}", "build", "checker.go", system=system)


def go_test(arch: str, package: str) -> Path:
    """Go's own tests of one of its packages."""
    return _go(arch, f"{package}.test", "test", "-c", "-vet=off", package)


def whole(arch: str) -> dict[str, Path]:
    """Every program that benchmarks.beside runs."""
    return {
        "calls": calls(arch),
        "hello": hello(arch),
        "compute": compute(arch),
        "goroutines": goroutines(arch),
        "strings.test": go_test(arch, "strings"),
    }
