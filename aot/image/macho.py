"""Mach-O files: names the kind of every Mach-O file; none of them is translated yet."""

from __future__ import annotations

import struct
from pathlib import Path

from aot.errors import ImageError
from aot.image.model import Image
from aot.image.source import read_source

THIN = {  # magic as stored -> (bits, byte order)
    b"\xcf\xfa\xed\xfe": (64, "<"), b"\xfe\xed\xfa\xcf": (64, ">"),
    b"\xce\xfa\xed\xfe": (32, "<"), b"\xfe\xed\xfa\xce": (32, ">"),
}  # fmt: skip
# Magic -> bytes of one entry (32-bit and 64-bit offsets).
FAT = {b"\xca\xfe\xba\xbe": 20, b"\xca\xfe\xba\xbf": 32}
FAT_LIMIT = 32  # architectures; a Java class file of the same magic has its version (>= 45) here

# From: mach/machine.h and mach-o/loader.h.
CPUS: dict[int, str] = {
    7: "i386", 0x01000007: "x86_64", 12: "arm", 0x0100000C: "arm64", 0x0200000C: "arm64_32",
    18: "powerpc", 0x01000012: "powerpc64",
}  # fmt: skip
ARM64, ARM64E_SUBTYPE = 0x0100000C, 2
FILE_TYPES: dict[int, str] = {
    1: "object file (.o)", 2: "executable", 3: "fixed VM library", 4: "core file",
    5: "preloaded executable", 6: "dynamic library (.dylib)", 7: "dynamic linker",
    8: "bundle", 9: "dynamic library stub", 10: "debug symbols (dSYM)", 11: "kernel extension",
    12: "file set (kernel collection)",
}  # fmt: skip


def matches(raw: bytes) -> bool:
    """True for thin and universal Mach-O files, not for Java classes, which share a magic."""
    if raw[:4] in THIN:
        return True
    return raw[:4] in FAT and 0 < int.from_bytes(raw[4:8], "big") <= FAT_LIMIT


def describe(raw: bytes) -> str:
    """What a Mach-O file is: kind and architectures."""
    if raw[:4] in FAT:
        step = FAT[raw[:4]]
        names = []
        for index in range(int.from_bytes(raw[4:8], "big")):
            row = raw[8 + step * index : 16 + step * index]
            if len(row) < 8:  # cputype and cpusubtype
                raise ImageError("truncated Mach-O: shorter than its table of architectures")
            names.append(_cpu(*struct.unpack(">II", row)))
        return f"a universal Mach-O ({', '.join(names)})"
    bits, order = THIN[raw[:4]]
    if len(raw) < 28:  # mach_header
        raise ImageError("truncated Mach-O: shorter than a Mach-O header")
    cpu, subtype, kind = struct.unpack_from(order + "III", raw, 4)
    what = FILE_TYPES.get(kind, f"file of type {kind}")
    wide = "" if bits == 64 else "32-bit "
    return f"a {wide}Mach-O {what} for {_cpu(cpu, subtype)}"


def _cpu(cpu: int, subtype: int) -> str:
    if cpu == ARM64 and subtype & 0xFFFFFF == ARM64E_SUBTYPE:
        return "arm64e"
    return CPUS.get(cpu, f"cpu {cpu:#x}")


def read(source: bytes | Path | str, *, analysis: bool = False) -> Image:
    """Always raises ImageError: executables are not yet translated, the rest is no executable."""
    del analysis
    raw = source if isinstance(source, bytes) else read_source(Path(source))
    what = describe(raw)
    if " executable for " in what and what.endswith((" x86_64", " arm64")):
        raise ImageError(f"{what}, which is not yet translated")
    if what.startswith("a universal"):
        raise ImageError(f"{what}, which is not yet translated; extract one architecture first")
    raise ImageError(f"{what}, which is not supported")
