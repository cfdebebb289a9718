"""Which files the survey looks at, by group; whatever is missing here is fetched or built once."""

from __future__ import annotations

import base64
import gzip
import os
import struct
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Iterator
from importlib.resources import files
from pathlib import Path

from aot.image.macho import CPUS, FAT_LIMIT
from aot.record import dataclass
from corpus.build import BuildError, build, programs
from corpus.foreign import DEBS, GO_PROGRAMS, ForeignError, deb, go, go_compiler, npm, wheel
from tests.survey.store import FOLDER

MAGICS = (b"\x7fELF", b"MZ", b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe", b"\xce\xfa\xed\xfe")
HOST = ("/usr/bin", "/usr/sbin", f"/usr/lib/{sysconfig.get_config_var('MULTIARCH')}")
GO_SYSTEMS = ("linux", "freebsd", "netbsd", "openbsd", "darwin", "windows")
GO_ARCHS = ("amd64", "arm64")
PACKED = {".gz": gzip.decompress, ".base64": base64.b64decode}
NODE = {"amd64": "x64", "arm64": "arm64"}
NODE_SYSTEMS = ("win32", "darwin", "linux", "freebsd", "netbsd", "openbsd")
PLATFORMS = (
    "win_amd64",
    "win_arm64",
    "macosx_11_0_arm64",
    "macosx_10_12_x86_64",
    "manylinux_2_28_aarch64",
    "musllinux_1_2_x86_64",
)
WHEELS = ("ninja", "ruff", "uv", "numpy", "cffi", "lxml")
DEBIAN_ARM64 = (
    "libc6", "libstdc++6", "libgcc-s1", "libssl3", "musl", "coreutils", "dash", "findutils", "git", "grep", "sed",
    "openssl", "perl-base", "python3.11-minimal", "sqlite3", "libsqlite3-0", "zlib1g", "libpcre2-8-0", "strace",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Source:
    """One file of the survey."""

    group: str
    name: str  # unique in its group and the same on every machine
    path: Path


def executables(folder: Path) -> Iterator[Path]:
    """Files below `folder` that begin as an executable of any format does; no links."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink() and os.access(path, os.R_OK):
            with path.open("rb") as file:
                if file.read(4).startswith(MAGICS):
                    yield path


def _tree(group: str, root: Path, prefix: str = "") -> Iterator[Source]:
    for path in executables(root):
        name = f"{prefix}{path.relative_to(root)}"
        yield Source(group, name, path)
        for arch, part in slices(path.read_bytes()):
            yield Source(group, f"{name} ({arch})", _made(f"{name}-{arch}", part))


def slices(raw: bytes) -> Iterator[tuple[str, bytes]]:
    """(architecture, bytes) of the parts of a universal Mach-O file."""
    if raw[:4] == b"\xca\xfe\xba\xbe":
        count = int.from_bytes(raw[4:8], "big")
        for row in range(count if count < FAT_LIMIT else 0):  # a Java class file has its version here
            cpu, _, offset, size, _ = struct.unpack_from(">IIIII", raw, 8 + 20 * row)
            yield CPUS.get(cpu, f"cpu {cpu:#x}"), raw[offset : offset + size]


def _made(name: str, content: bytes) -> Path:
    """A file of the survey that lies inside another one."""
    path = FOLDER / "made" / name.replace("/", "_")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def host() -> Iterator[Source]:
    """Programs and libraries of this machine."""
    for folder in HOST:
        yield from _tree("host", Path(folder), f"{folder}/")


def go_programs() -> Iterator[Source]:
    """Go programs for six systems."""
    for program in GO_PROGRAMS:
        for system in GO_SYSTEMS:
            for arch in GO_ARCHS:
                yield Source("go", f"{program}-{system}-{arch}", go(program, system, arch))


def zig_programs() -> Iterator[Source]:
    """Our own programs, built by zig for every system."""
    for program in programs():
        for target in program.targets():
            yield Source("zig", f"{program.name}-{target}", build(program.name, target))


def esbuild() -> Iterator[Source]:
    """One production Go program, twelve targets."""
    for system in NODE_SYSTEMS:
        for arch in GO_ARCHS:
            tree = npm(f"@esbuild/{system}-{NODE[arch]}")
            yield from _tree("esbuild", tree, f"{system}-{NODE[arch]}/")


def wheels() -> Iterator[Source]:
    """Programs and extension modules from PyPI, for other systems."""
    for package in WHEELS:
        for platform in PLATFORMS:
            try:
                tree = wheel(package, platform)
            except ForeignError as error:
                print(error, file=sys.stderr)
                continue
            yield from _tree("wheels", tree, f"{tree.name}/")


def go_testdata() -> Iterator[Source]:
    """The odd files that Go tests its own readers with."""
    root = subprocess.run(
        [go_compiler(), "env", "GOROOT"], capture_output=True, text=True, check=True
    ).stdout.strip()
    for kind in ("elf", "pe", "macho"):
        folder = Path(root, "src", "debug", kind, "testdata")
        for path in sorted(folder.iterdir()):
            if path.suffix in PACKED:
                path = _made(path.stem, PACKED[path.suffix](path.read_bytes()))  # noqa: PLW2901 - what it holds
            if path.is_file():
                yield Source("go testdata", f"{kind}/{path.name}", path)


def launchers() -> Iterator[Source]:
    """Programs by MSVC that Python packages carry."""
    for package in ("setuptools", "pip._vendor.distlib"):
        for path in sorted(Path(str(files(package))).glob("*.exe")):
            yield Source("launchers", f"{package}/{path.name}", path)


def debian_arm64() -> Iterator[Source]:
    """Packages of the other architecture."""
    for package, arch in (*DEBS, *((package, "arm64") for package in DEBIAN_ARM64)):
        yield from _tree("debian arm64", deb(package, arch), f"{package}-{arch}/")


GROUPS: dict[str, Callable[[], Iterator[Source]]] = {
    "host": host, "go": go_programs, "zig": zig_programs, "esbuild": esbuild, "wheels": wheels,
    "testdata": go_testdata, "launchers": launchers, "arm64": debian_arm64,
}  # fmt: skip


def gather(groups: tuple[str, ...]) -> Iterator[Source]:
    """Every file of these groups; a group that cannot be had here is told and left out."""
    for group in groups:
        try:
            yield from GROUPS[group]()
        except (ForeignError, BuildError) as error:
            print(f"{group}: {error}", file=sys.stderr)
