"""The shared object that Linux puts into every address space: functions that ask for time and processor.

Ours asks with ordinary traps, where KERNEL_CODE says; a run ahead of time puts bound crossings in their place. Its
layout is what readers of it need and no more: program headers, a dynamic section, symbols with their versions and a
hash table, no sections.

From: vdso(7), arch/x86/entry/vdso/vdso.lds.S, arch/arm64/kernel/vdso/vdso.lds.S, the System V ABI (DT_HASH), the
Linux Standard Base (symbol versions).
"""

from __future__ import annotations

import struct
from functools import cache

from aot.personality.abi.system import KernelCode
from aot.record import dataclass

BASE_VERSION, VERSION = 1, 2  # indices of symbol versions
WEAK, GLOBAL, FUNCTION = 0x20, 0x10, 2  # symbol bindings and their type
PT_LOAD, PT_DYNAMIC = 1, 2
DT_HASH, DT_STRTAB, DT_SYMTAB, DT_STRSZ, DT_SYMENT, DT_SONAME = 4, 5, 6, 10, 11, 14
DT_VERSYM, DT_VERDEF, DT_VERDEFNUM = 0x6FFF_FFF0, 0x6FFF_FFFC, 0x6FFF_FFFD
SONAME = "linux-vdso.so.1"
NAME = "[vdso]"  # of its mapping
SLOT = 48  # bytes of a function: what a bound crossing needs
HEADERS = 64 + 2 * 56  # bytes of the ELF header and two program headers
ABSOLUTE = 1  # a section index that is not "undefined"; there are no sections


@dataclass(frozen=True, slots=True)
class Shape:
    """What the object of one architecture has: its machine, version, and call numbers by function name."""

    machine: int
    version: str
    prefix: str
    calls: tuple[tuple[str, int], ...]
    aliases: bool  # the plain names are there as well, weak


SHAPES = {
    "x86_64": Shape(62, "LINUX_2.6", "__vdso_", (
        ("clock_gettime", 228), ("gettimeofday", 96), ("clock_getres", 229), ("time", 201), ("getcpu", 309),
    ), aliases=True),
    "aarch64": Shape(183, "LINUX_2.6.39", "__kernel_", (
        ("rt_sigreturn", 139), ("gettimeofday", 169), ("clock_gettime", 113), ("clock_getres", 114),
    ), aliases=False),
}  # fmt: skip


def _code(arch: str, number: int) -> bytes:
    """Make call `number` with the caller's arguments, and return."""
    if arch == "x86_64":  # mov eax, number; syscall; ret
        return b"\xb8" + struct.pack("<I", number) + b"\x0f\x05\xc3"
    return struct.pack("<III", 0xD280_0008 | number << 5, 0xD400_0001, 0xD65F_03C0)  # mov x8; svc #0; ret


KERNEL_CODE = {
    arch: KernelCode(NAME, tuple((HEADERS + SLOT * i, number) for i, (_, number) in enumerate(shape.calls)))
    for arch, shape in SHAPES.items()
}
"""Where the functions are, by architecture."""


def hash_of(name: bytes) -> int:
    """The System V ABI's hash of a symbol name."""
    value = 0
    for byte in name:
        value = (value << 4) + byte
        value = (value ^ (value & 0xF000_0000) >> 24) & 0x0FFF_FFFF
    return value


class _Strings:
    """A string table."""

    def __init__(self) -> None:
        self.bytes = b"\0"

    def add(self, text: str) -> int:
        """Offset of a string."""
        at = len(self.bytes)
        self.bytes += text.encode() + b"\0"
        return at


@cache
def image(arch: str) -> bytes:
    """The object of an architecture, as it lies in memory from its first byte; it fits one page."""
    shape, strings = SHAPES[arch], _Strings()
    count = len(shape.calls)
    names = [(shape.prefix + name, GLOBAL) for name, _ in shape.calls]
    names += [(name, WEAK) for name, _ in shape.calls] if shape.aliases else []
    functions = HEADERS
    code = b"".join(_code(arch, number).ljust(SLOT, b"\0") for _, number in shape.calls)
    symbols = bytes(24) + b"".join(
        struct.pack(
            "<IBBHQQ", strings.add(name), bind | FUNCTION, 0, ABSOLUTE, functions + SLOT * (i % count), SLOT
        )
        for i, (name, bind) in enumerate(names)
    )
    table = _hash_table([name.encode() for name, _ in names])
    numbers = struct.pack(f"<{len(names) + 1}H", 0, *[VERSION] * len(names))
    soname = strings.add(SONAME)
    versions = _version(BASE_VERSION, 1, SONAME, soname) + _version(
        VERSION, 0, shape.version, strings.add(shape.version)
    )
    found: list[int] = []
    body = code
    for part in (symbols, table, numbers, versions, strings.bytes):
        body = body.ljust(-(-len(body) // 8) * 8, b"\0")
        found.append(HEADERS + len(body))
        body += part
    body = body.ljust(-(-len(body) // 8) * 8, b"\0")
    words = (
        (DT_SONAME, soname), (DT_SYMTAB, found[0]), (DT_SYMENT, 24), (DT_HASH, found[1]), (DT_VERSYM, found[2]),
        (DT_VERDEF, found[3]), (DT_VERDEFNUM, 2), (DT_STRTAB, found[4]), (DT_STRSZ, len(strings.bytes)), (0, 0),
    )  # fmt: skip
    dynamic = HEADERS + len(body)
    body += b"".join(struct.pack("<QQ", *word) for word in words)
    return _headers(shape.machine, HEADERS + len(body), dynamic, 16 * len(words)) + body


def _headers(machine: int, size: int, dynamic: int, dynamic_size: int) -> bytes:
    """The ELF header and two program headers: everything, readable and executable; the dynamic section."""
    ident = b"\x7fELF\2\1\1".ljust(16, b"\0")
    head = struct.pack("<16sHHIQQQIHHHHHH", ident, 3, machine, 1, 0, 64, 0, 0, 64, 56, 2, 64, 0, 0)
    load = struct.pack("<IIQQQQQQ", PT_LOAD, 5, 0, 0, 0, size, size, 0x1000)
    return (
        head + load + struct.pack("<IIQQQQQQ", PT_DYNAMIC, 4, *[dynamic] * 3, dynamic_size, dynamic_size, 8)
    )


def _hash_table(names: list[bytes]) -> bytes:
    """DT_HASH with one bucket for every two symbols."""
    buckets, chains = [0] * (len(names) // 2 + 1), [0] * (len(names) + 1)
    for index, name in enumerate(names, 1):
        slot = hash_of(name) % len(buckets)
        chains[index], buckets[slot] = buckets[slot], index
    return struct.pack(f"<II{len(buckets)}I{len(chains)}I", len(buckets), len(chains), *buckets, *chains)


def _version(index: int, base: int, name: str, at: int) -> bytes:
    """One definition of a version with its one name; the base's is followed by another."""
    return struct.pack("<HHHHIIIII", 1, base, index, 1, hash_of(name.encode()), 20, 28 * base, at, 0)
