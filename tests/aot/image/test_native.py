"""Native ELFs: read back as written, accepted by readelf and pyelftools, started by this kernel."""

from __future__ import annotations

import io
import itertools
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile

from aot.errors import ManifestError
from aot.image.formats import load_image
from aot.image.launcher.code import CODE
from aot.image.model import Arch, Prot, Segment
from aot.image.native import LOWEST, ZERO_LIMIT, emit, split_mappable
from aot.image.native_reader import is_native, read_native
from aot.manifest import VERSION, Manifest
from aot.record import replace
from tests.bad.build import elf

HOST = {"x86_64": Arch.X86_64, "aarch64": Arch.AARCH64, "arm64": Arch.AARCH64}.get(platform.machine())
NOT_FOUND = "helctic-aot not found: set PATH or HELCTIC_AOT\n"

PROGRAMS: dict[str, tuple[bool, tuple[Segment, ...]]] = {
    "static": (False, (
        Segment(0x400000, 0x1200, bytes(range(256)) * 18, Prot.R | Prot.X),
        Segment(0x402200, 0x9000, b"data" * 100, Prot.R | Prot.W),
        Segment(0x40C000, 0x1000, b"", Prot.R | Prot.W, ".bss"),
    )),
    "windows": (False, (
        Segment(0x140000000, 0x1000, b"MZ" * 512, Prot.R, "headers"),
        Segment(0x140001000, 0x3000, b"\xcc" * 0x2A00, Prot.R | Prot.X, ".text"),
        Segment(0x140004000, 0x2000, b"x", Prot.R, ".rdata"),
        Segment(0x13FFF0000, 0x2000, b"\x0f\x0b" * 4000, Prot.R | Prot.X, "helctic.stubs"),
    )),
    "pie": (True, (
        Segment(0, 0x1000, b"\x7fELF" + bytes(900), Prot.R),
        Segment(0x1000, 0x2000, b"\x90" * 0x1FFF, Prot.R | Prot.X),
        Segment(0x4010, 0x800, b"abc", Prot.R | Prot.W),
    )),
    "low": (False, (
        Segment(0x1000, 0x20000, bytes(range(256)) * 512, Prot.R | Prot.X),
        Segment(0x400000, 0x1000, b"x", Prot.R),
    )),
    "pagezero": (False, (
        Segment(0, 1 << 32, b"", Prot.NONE),
        Segment(1 << 32, 0x1000, b"t" * 4096, Prot.R | Prot.X),
        Segment((1 << 32) + 0x1000, 64 << 30, b"d" * 5000, Prot.R | Prot.W),
    )),
    "many": (False, tuple(
        Segment(0x140000000 + 0x10000 * i, 0x1000, bytes([i]) * 100, Prot.R, f".s{i}") for i in range(98)
    )),
    "top": (False, (Segment(0x7FFE_FFFF_F000, 0x1000, b"t", Prot.R),)),
}  # fmt: skip


def manifest(arch: Arch, pie: bool) -> Manifest:
    return Manifest(
        personality=2, column="19041", arch=arch.value, format="pe", source_sha256="00" * 32,
        entry=0x1234, pie=pie, area=0, area_size=0, counters=0,
    )  # fmt: skip


def build(name: str, arch: Arch = Arch.X86_64) -> bytes:
    pie, segments = PROGRAMS[name]
    return emit(manifest(arch, pie), segments, arch=arch, pie=pie, personality=2)


def write(path: Path, raw: bytes) -> None:
    path.write_bytes(raw)
    path.chmod(0o755)


def memory(segments: list[Segment] | tuple[Segment, ...]) -> dict[int, tuple[int, bytes]]:
    """Page address -> (rights, content), what an address space made of the segments holds."""
    pages: dict[int, tuple[int, bytes]] = {}
    for segment in segments:
        for at in range(segment.address, segment.address + min(segment.size, 1 << 20), 512):
            offset = at - segment.address
            data = segment.data[offset : offset + min(512, segment.size - offset)]
            pages[at] = (int(segment.prot), data.rstrip(b"\0"))
    return pages


@pytest.mark.parametrize("arch", list(Arch), ids=lambda a: a.value)
@pytest.mark.parametrize("name", PROGRAMS)
def test_read_back(name: str, arch: Arch, tmp_path: Path) -> None:
    raw = build(name, arch)
    assert raw == build(name, arch)
    write(tmp_path / "out", raw)
    assert is_native(tmp_path / "out")
    found, segments = read_native(tmp_path / "out")
    pie, original = PROGRAMS[name]
    low, high = found.launcher[0], sum(found.launcher)
    assert not any(hole.address < high and low < hole.address + hole.size for hole in found.reservations)
    empty = replace(found, reservations=(), launcher=(0, 0))
    assert empty == manifest(arch, pie)
    if name not in ("low", "pagezero"):
        assert memory(segments) == memory(original)
        assert sum(s.size for s in segments) == sum(s.size for s in original)
    else:
        assert sum(s.size for s in segments) == sum(s.size for s in original)
        assert found.reservations


@pytest.mark.parametrize("name", PROGRAMS)
def test_layout(name: str) -> None:
    raw = build(name)
    oracle = ELFFile(io.BytesIO(raw))
    assert raw[7] == 0x48
    loads = list(oracle.iter_segments("PT_LOAD"))
    addresses = [s["p_vaddr"] for s in loads]
    assert addresses == sorted(addresses)
    for low, high in itertools.pairwise(loads):
        assert low["p_vaddr"] + low["p_memsz"] <= high["p_vaddr"]
    for load in loads:
        assert (load["p_vaddr"] - load["p_offset"]) % 4096 == 0
        assert load["p_flags"] & 3 != 3, "nothing is writable and executable"
        assert PROGRAMS[name][0] or load["p_vaddr"] >= LOWEST
        assert load["p_memsz"] - load["p_filesz"] <= ZERO_LIMIT + 4096
    (note,) = next(oracle.iter_segments("PT_NOTE")).iter_notes()
    assert (note["n_name"], note["n_descdata"]) == ("Helctic", bytes((VERSION, 0, 0, 0, 2, 0, 0, 0)))
    launcher = oracle.get_section_by_name(".helctic.launcher")
    assert launcher.data() == CODE[Arch.X86_64]
    assert oracle["e_entry"] == launcher["sh_addr"]
    assert oracle.get_section_by_name(".helctic.manifest").data()[:1] == b"{"
    stack = next(oracle.iter_segments("PT_GNU_STACK"))
    assert stack["p_flags"] == 6


@pytest.mark.parametrize("name", PROGRAMS)
def test_readelf_prints_no_warning(name: str, tmp_path: Path) -> None:
    tool = shutil.which("readelf")
    if tool is None:
        pytest.skip("readelf is in the package binutils")
    (tmp_path / "out").write_bytes(build(name))
    command = [tool, "-a", "-W", str(tmp_path / "out")]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    assert result.stderr == ""
    assert not [line for line in result.stdout.splitlines() if "arning" in line or "rror" in line]


def start(path: Path, *args: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a file as an ordinary user, because root may map what others may not."""
    user: dict[str, int] = {"user": 65534, "group": 65534} if os.getuid() == 0 else {}
    return subprocess.run(
        [str(path), *args], env=env, capture_output=True, text=True, timeout=30, check=False,
        extra_groups=[] if user else None, **user,
    )  # type: ignore[call-overload, no-any-return]  # fmt: skip


@pytest.fixture
def open_path(tmp_path: Path) -> Path:
    """A directory that an ordinary user can reach."""
    place = tmp_path
    while place != place.parent and place.stat().st_uid == os.getuid() and place.name != "tmp":
        place.chmod(0o755)
        place = place.parent
    return tmp_path


@pytest.mark.skipif(HOST is None or sys.platform != "linux", reason="needs Linux on x86_64 or aarch64")
@pytest.mark.parametrize("name", PROGRAMS)
def test_starts_on_this_kernel(name: str, open_path: Path) -> None:
    assert HOST is not None
    write(open_path / "out", build(name, HOST))
    result = start(open_path / "out", "x", env={"PATH": "/nonexistent"})
    assert (result.returncode, result.stderr, result.stdout) == (127, NOT_FOUND, "")


@pytest.mark.skipif(HOST is None or sys.platform != "linux", reason="needs Linux on x86_64 or aarch64")
def test_runs_the_tool_from_path(open_path: Path) -> None:
    assert HOST is not None
    write(open_path / "out", build("static", HOST))
    tool = open_path / "bin" / "helctic-aot"
    tool.parent.mkdir(mode=0o755)
    tool.write_text('#!/bin/sh\nfor a in "$@"; do echo "[$a]"; done\nexit 42\n')
    tool.chmod(0o755)
    shell = ["/bin/sh", "-c", 'cd "$0" && exec ./out "two words" ""', str(open_path)]
    result = start(Path(shell[0]), *shell[1:], env={"PATH": f"/nonexistent:{tool.parent}:/bin"})
    expected = ["run", "--argv0", "./out", str((open_path / "out").resolve()), "two words", ""]
    assert result.stdout.splitlines() == [f"[{a}]" for a in expected]
    assert result.returncode == 42


def test_native_reservations_say_what_linux_cannot_map() -> None:
    loadable, reserved = split_mappable(PROGRAMS["pagezero"][1], pie=False)
    data = (1 << 32) + 0x1000
    assert [(s.address, s.size) for s in loadable] == [(1 << 32, 0x1000), (data, 0x2000)]
    assert [(r.address, r.size, r.prot) for r in reserved] == [
        (0, 1 << 32, 0), (data + 0x2000, (64 << 30) - 0x2000, 6),
    ]  # fmt: skip
    loadable, reserved = split_mappable(PROGRAMS["low"][1], pie=False)
    assert (loadable[0].address, loadable[0].end) == (LOWEST, 0x21000)
    assert bytes.fromhex(reserved[0].data) == PROGRAMS["low"][1][0].data[: LOWEST - 0x1000]
    assert split_mappable(PROGRAMS["pie"][1], pie=True) == (PROGRAMS["pie"][1], ())


def test_whole_system_program_round_trip() -> None:
    image = load_image(Path(sys.executable).resolve())
    raw = emit(manifest(image.arch, image.pie), image.segments, arch=image.arch, pie=image.pie, personality=1)
    _, segments = read_native(raw)
    assert memory(segments) == memory(image.segments)


def test_damaged_files_are_manifest_errors() -> None:
    raw = build("static")
    with pytest.raises(ManifestError, match="no Helctic note"):
        read_native(elf())
    with pytest.raises(ManifestError, match="no Helctic note"):
        read_native(b"")
    for size in range(0, len(raw), 97):
        with pytest.raises(ManifestError):
            read_native(raw[:size])
    other = bytearray(raw)
    at = raw.index(b"Helctic\0") + 8
    other[at] = 99
    with pytest.raises(ManifestError, match="version 99"):
        read_native(bytes(other))


def test_reading_imports_no_analysis_library() -> None:
    script = (
        "import sys, aot.image.native_reader;"
        "print([m for m in ('lief', 'capstone', 'keystone', 'elftools', 'unicorn') if m in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert result.stdout == "[]\n"
