"""PE images: the launchers every virtual environment holds, against objdump, and files of our own."""

from __future__ import annotations

import itertools
import re
import shutil
import struct
import subprocess
from pathlib import Path

import pytest
import setuptools

from aot.image.formats import load_image, read_image
from aot.image.model import Arch, Format, ImportKind, Prot
from aot.image.pdata import arm64_ranges, x64_ranges
from tests.bad.build import pe

LAUNCHERS = Path(setuptools.__file__).parent
DATA = 0x2000  # RVA of .data in a built file
VA = 0x140000000 + DATA


def launcher(name: str) -> Path:
    path = LAUNCHERS / name
    if not path.exists():
        pytest.skip(f"this setuptools has no {name}; install setuptools from PyPI")
    return path


def objdump(path: Path) -> str:
    tool = shutil.which("objdump")
    if tool is None:
        pytest.skip("objdump is in the package binutils")
    result = subprocess.run([tool, "-p", str(path)], capture_output=True, text=True, check=False)
    if result.returncode:
        pytest.skip("this objdump does not read PE")
    return result.stdout


def test_imports_and_functions_are_objdumps() -> None:
    path = launcher("cli-64.exe")
    image, text = load_image(path), objdump(path)
    names = re.findall(r"^\t[0-9a-f]+\t +\d+ +(\w+)$", text, re.M)
    assert [i.name for i in image.imports] == names
    first = int(re.findall(r"^ [0-9a-f]{8}\t(?:[0-9a-f]{8} ){4}([0-9a-f]{8})$", text, re.M)[0], 16)
    slots = [image.image_base + first + 8 * i for i in range(len(names))]
    assert [i.slot for i in image.imports] == slots
    assert {(i.library, i.kind) for i in image.imports} == {("KERNEL32.dll", ImportKind.IAT)}
    rows = re.findall(r"^ [0-9a-f]{16}:\t([0-9a-f]{16}) ([0-9a-f]{16}) [0-9a-f]{16}", text, re.M)
    pdata = [(f.start, f.end) for f in image.functions if f.source == "pdata"]
    assert pdata == [(int(a, 16), int(b, 16)) for a, b in rows]


def test_arm64_launcher() -> None:
    image = load_image(launcher("cli-arm64.exe"))
    assert (image.format, image.arch, image.subsystem) == (Format.PE, Arch.AARCH64, 3)
    functions = [f for f in image.functions if f.source == "pdata"]
    assert len(functions) > 300
    # Ranges that .pdata packs or keeps in .xdata neither overlap nor leave .text.
    for low, high in itertools.pairwise(functions):
        assert low.start < low.end <= high.start
    assert any(f.start <= image.entry < f.end for f in functions)


def test_headers_are_loaded_and_sections_keep_their_rights() -> None:
    path = launcher("cli-64.exe")
    image, raw = load_image(path), path.read_bytes()
    headers = image.segments[0]
    assert (headers.address, headers.prot, headers.size % 4096) == (image.image_base, Prot.R, 0)
    assert image.read(image.image_base, 0x400) == raw[:0x400]
    rights = {s.name: s.prot for s in image.segments}
    assert rights[".text"] == Prot.R | Prot.X
    assert rights[".rdata"] == Prot.R
    assert rights[".data"] == Prot.R | Prot.W
    assert (image.stack_reserve, image.heap_reserve) == (1 << 20, 1 << 20)


def test_delay_imports_and_ordinals() -> None:
    at = DATA
    table = struct.pack("<IIIIIIII", 1, at + 0x40, at + 0x120, at + 0x60, at + 0x80, 0, 0, 0) + bytes(32)
    data = table + b"late.dll\0".ljust(0x20, b"\0")
    data += struct.pack("<QQQQ", VA + 1, VA + 2, 0, 0)  # the slots at 0x60, bound by a helper
    data += struct.pack("<QQQQ", at + 0xA0, 1 << 63 | 7, 0, 0)  # names at 0x80
    data += struct.pack("<H", 0) + b"Later\0"
    image = read_image(pe(directories={13: (at, 64)}, data=data))
    found = [(i.library, i.name, i.slot, i.kind) for i in image.imports]
    assert found == [
        ("late.dll", "Later", VA + 0x60, ImportKind.DELAY),
        ("late.dll", "#7", VA + 0x68, ImportKind.DELAY),
    ]


def test_imports_by_ordinal() -> None:
    at = DATA
    table = struct.pack("<IIIII", at + 0x60, 0, 0, at + 0x30, at + 0x80) + bytes(20)
    data = table.ljust(0x30, b"\0") + b"ws2_32.dll\0".ljust(0x30, b"\0")
    thunks = struct.pack("<QQQQ", 1 << 63 | 115, at + 0xA0, 0, 0)
    data += thunks + thunks + struct.pack("<H", 0) + b"send\0"
    image = read_image(pe(directories={1: (at, 40)}, data=data))
    assert [(i.library, i.name, i.slot) for i in image.imports] == [
        ("ws2_32.dll", "#115", VA + 0x80),
        ("ws2_32.dll", "send", VA + 0x88),
    ]
    assert image.needed == ("ws2_32.dll",)


def test_tls() -> None:
    row = struct.pack("<QQQQII", VA + 0x40, VA + 0x48, VA + 0x60, VA + 0x70, 24, 5 << 20)
    data = row.ljust(0x40, b"\0") + b"template".ljust(0x30, b"\0")
    data += struct.pack("<QQ", 0x140001000, 0)
    tls = read_image(pe(directories={9: (DATA, 40)}, data=data)).tls
    assert tls is not None
    assert (tls.address, tls.data, tls.size, tls.align) == (VA + 0x40, b"template", 32, 16)
    assert (tls.index_slot, tls.callbacks) == (VA + 0x60, (0x140001000,))


def test_pdata_forms() -> None:
    assert list(x64_ranges(struct.pack("<IIIIII", 16, 48, 9, 0, 0, 0))) == [(16, 48)]
    packed = struct.pack("<II", 0x1000, 1 | 5 << 2)  # function, five instructions
    fragment = struct.pack("<II", 0x1014, 2 | 3 << 2)
    full = struct.pack("<II", 0x2000, 0x5000)  # length in .xdata
    reserved = struct.pack("<II", 0x3000, 3)
    words = {0x5000: 7 | 1 << 20}
    found = list(arm64_ranges(packed + fragment + full + reserved, words.__getitem__))
    assert found == [(0x1000, 0x1014), (0x1014, 0x1020), (0x2000, 0x201C)]
