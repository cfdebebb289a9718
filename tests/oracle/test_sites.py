"""Sites against objdump: equal, except addresses in exceptions.toml that a second oracle confirms."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from aot.analyze.model import Dynamic, Known, OneOf
from aot.analyze.sites import analyze
from aot.image.formats import load_image
from aot.image.model import Arch, Format, Image
from aot.personality.abi.gate import ErrorStyle, Gate
from corpus.foreign import ForeignError, deb, go
from tests.oracle.objdump import Listing, disassemble, missing
from tests.oracle.second import ORACLES

EXCEPTIONS: list[dict[str, Any]] = tomllib.loads((Path(__file__).parent / "exceptions.toml").read_text())[
    "file"
]


def gate_of(image: Image) -> Gate:
    """The door of the file's system: only what finding sites needs."""
    number = "rax"
    if image.arch is Arch.AARCH64:
        number = "imm" if image.format is Format.PE else "x8"
    trap = "syscall" if image.arch is Arch.X86_64 else "svc"
    result = "rax" if image.arch is Arch.X86_64 else "x0"
    return Gate(trap, number, (), None, result, ErrorStyle.NEGATIVE)


def library(name: str) -> Path:
    """A shared library of this machine."""
    ldconfig = shutil.which("ldconfig", path="/sbin:/usr/sbin:/usr/bin:/bin")
    if ldconfig is None:
        missing("ldconfig", "the files of this machine are only known on a Linux system")
    listing = subprocess.run([ldconfig, "-p"], capture_output=True, text=True, check=True).stdout
    for line in listing.splitlines():
        if line.strip().startswith(f"{name} ") and any(a in line for a in ("x86-64", "AArch64")):
            return Path(line.rpartition("=> ")[2]).resolve()
    return missing(name, "apt-get install libc6 libssl3")


def program(name: str) -> Path:
    found = shutil.which(name)
    return Path(found).resolve() if found else missing(name, f"apt-get install {name}")


def foreign(make: Callable[[], Path]) -> Path:
    try:
        return make()
    except ForeignError as error:
        missing("a foreign program", str(error))


def launcher(name: str) -> Path:
    path = Path(str(files("pip._vendor.distlib") / name))
    return path if path.is_file() else missing(name, "pip install pip (from PyPI, not the system's)")


# name -> how to get it, and the least number of sites it is known to hold
FILES: dict[str, tuple[Callable[[], Path], int]] = {
    "busybox-amd64": (lambda: foreign(lambda: deb("busybox-static", "amd64")) / "bin/busybox", 200),
    "busybox-arm64": (lambda: foreign(lambda: deb("busybox-static", "arm64")) / "bin/busybox", 200),
    "libc": (lambda: library("libc.so.6"), 300),
    "libm": (lambda: library("libm.so.6"), 0),
    "libcrypto": (lambda: library("libcrypto.so.3"), 0),
    "bash": (lambda: program("bash"), 0),
    "python": (lambda: Path(sys.executable).resolve(), 0),
    "go-linux-amd64": (lambda: foreign(lambda: go("hello", "linux", "amd64")), 30),
    "go-linux-arm64": (lambda: foreign(lambda: go("hello", "linux", "arm64")), 30),
    "go-freebsd-amd64": (lambda: foreign(lambda: go("hello", "freebsd", "amd64")), 25),
    "go-freebsd-arm64": (lambda: foreign(lambda: go("hello", "freebsd", "arm64")), 25),
    "go-windows-amd64": (lambda: foreign(lambda: go("hello", "windows", "amd64")), 0),
    "go-windows-arm64": (lambda: foreign(lambda: go("hello", "windows", "arm64")), 0),
    "msvc-amd64": (lambda: launcher("t64.exe"), 0),
    "msvc-arm64": (lambda: launcher("t64-arm.exe"), 0),
}


def listed(image: Image, listing: Listing, address: int) -> dict[str, Any] | None:
    """The exception entry for `address`; an empty one when this build of the file is not listed."""
    known = next((file for file in EXCEPTIONS if file["sha256"] == image.sha256), None)
    if known is None:
        return {}
    lines = [listing.before(address), *listing.around(address, 1)]
    text = "\n".join(" ".join(part for part in line[1:] if part) for line in lines)
    for entry in known["exception"]:
        if entry.get("address") == address or entry.get("pattern", "\0") in text:
            return dict(entry)
    return None


@pytest.mark.parametrize("name", FILES)
def test_sites_equal_objdump(name: str) -> None:
    path, least = FILES[name][0](), FILES[name][1]
    image = load_image(path, analysis=True)
    listing = disassemble(path, image.arch)
    ours = {site.address for site in analyze(image, gate_of(image)).sites}
    assert not {hex(address) for address in ours - listing.traps}
    assert len(ours) >= least
    for address in sorted(listing.traps - ours):
        entry = listed(image, listing, address)
        assert entry is not None, f"{address:#x} is a trap for objdump and not in exceptions.toml"
        asked = [entry["confirmed"]] if entry else list(ORACLES)
        assert any(ORACLES[oracle](path, listing, address) for oracle in asked), hex(address)


@pytest.mark.parametrize("name", ["busybox-amd64", "busybox-arm64"])
def test_second_oracles_do_not_wave_true_sites_through(name: str) -> None:
    path = FILES[name][0]()
    image = load_image(path, analysis=True)
    listing = disassemble(path, image.arch)
    for site in analyze(image, gate_of(image)).sites[::12]:
        assert not any(oracle(path, listing, site.address) for oracle in ORACLES.values())


@pytest.mark.parametrize("name", ["busybox-amd64", "busybox-arm64", "go-linux-amd64"])
def test_windows_hold_no_target_objdump_knows(name: str) -> None:
    path = FILES[name][0]()
    image = load_image(path, analysis=True)
    listing = disassemble(path, image.arch)
    for site in analyze(image, gate_of(image)).sites:
        inner = [insn.address for insn in site.before[1:]] + ([site.address] if site.before else [])
        inner += [insn.address for insn in site.after]
        assert not listing.branch_targets & set(inner), hex(site.address)
        for insn in (*site.before, *site.after):
            assert image.read(insn.address, insn.size) == insn.raw


@pytest.mark.parametrize("name", ["busybox-amd64", "busybox-arm64", "libc"])
def test_nearly_every_number_is_known(name: str) -> None:
    image = load_image(FILES[name][0](), analysis=True)
    sites = analyze(image, gate_of(image)).sites
    known = [site for site in sites if isinstance(site.number, Known | OneOf)]
    assert len(known) >= 0.95 * len(sites)


@pytest.mark.parametrize("system", ["linux", "freebsd"])
def test_go_wrappers_know_what_their_callers_pass(system: str) -> None:
    """Every Go program writes, maps memory and exits; some of it through wrappers."""
    for arch in ("amd64", "arm64"):
        image = load_image(FILES[f"go-{system}-{arch}"][0](), analysis=True)
        sites = analyze(image, gate_of(image)).sites
        wrappers = [site for site in sites if isinstance(site.number, Dynamic)]
        assert 1 <= len(wrappers) <= 4
        assert all("parameter" in str(site.number) for site in wrappers)
        assert sum(len(site.numbers) for site in wrappers) >= 5
