"""Builds the guest programs of the benchmarks with zig, into build/bench."""

from __future__ import annotations

from pathlib import Path

from corpus.build import run_zig

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
