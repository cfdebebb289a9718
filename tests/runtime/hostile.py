"""Builds programs that do what no program should: made-up calls, made-up code, from raw bytes and a seed."""

from __future__ import annotations

import random
import struct
from collections.abc import Sequence

from aot.personality.abi.op import Op
from aot.personality.abi.personality import Personality
from aot.personality.registry import system_of
from tests.bad.build import elf

TEXT, DATA = 0x400000, 0x600000
ROOM = 0x4000  # bytes of scratch before the table of calls
OSABI = {"linux": 3, "freebsd": 9, "netbsd": 2, "openbsd": 12, "native": 0x48}
ENDS = (Op.EXIT, Op.EXIT_THREAD, Op.KILL, Op.TKILL, Op.SPAWN_THREAD)
MADE = ("exit", "clone", "thr_new", "_lwp_create", "__tfork", "sigreturn", "setcontext", "fork", "exec")
MACHINE = {"x86_64": 62, "aarch64": 183}
EXIT = {"x86_64": 231, "aarch64": 94}  # of linux; 1 elsewhere

# rbx/x19 walks the table up to rbp/x20: number and six arguments a call, all loaded anew
LOADS = {
    "x86_64": bytes.fromhex("488b03488b7b08488b7310488b53184c8b53204c8b43284c8b4b30"),
    "aarch64": bytes.fromhex("680240a9610a41a9631242a9651a40f9"),
}
TRAP = {"x86_64": b"\x0f\x05", "aarch64": bytes.fromhex("010000d4")}
NEXT = {"x86_64": bytes.fromhex("4883c338"), "aarch64": bytes.fromhex("73e20091")}
BACK = {"x86_64": bytes.fromhex("4839eb72da"), "aarch64": bytes.fromhex("7f0214eb23ffff54")}

PATHS = (
    b"", b".", b"..", b"/", b"a", b"a/b", b"../../../etc/shadow", b"/proc/self/fd/0", b"/proc/self/fd/3",
    b"/proc/self/exe", b"/proc/self/root/etc", b"/proc/self/cwd", b"/proc/self/maps", b"/dev/zero",
    b"/dev/null", b"/dev/urandom", b"/dev/full", b"/dev/tty", b"/dev", b"/tmp", b"/tmp/x", b"/tmp/d",
    b"/tmp/d/e", b"/tmp/link", b"link", b"loop", b"x" * 255, b"x" * 256, b"/" * 200, b"a/" * 100 + b"b",
    b"\xff\xfe\x80", b"a\nb\x1b", b"fifo", b"/etc/passwd", b"/tmp/../tmp/x", b"./a", b"d/", b"a/",
)  # fmt: skip
NUMBERS = (
    0, 1, 2, 3, 4, 5, 6, 7, 8, 16, 24, 255, 256, 0x1000, 0x2000, 0x10000, 0x7FFFF000, 0x7FFFFFFF,
    0x80000000, 0xFFFFFFFF, 1 << 32, 1 << 40, 1 << 47, (1 << 63) - 1, 1 << 63, (1 << 64) - 1,
    (1 << 64) - 2, (1 << 64) - 100, (1 << 64) - 4096, 0o100, 0o101, 0o102, 0o1101, 0o200000, 0x22, 0x32,
    0x21, 0x11, 0x1002, 0x4000, 0x1001,
)  # fmt: skip
ADDRESSES = (
    0, 1, 0xFFF, 0x10000, TEXT, TEXT + 0x800, TEXT - 8, DATA, DATA + 0x1000, DATA + 1,
    0x7FFF_FFFF_E000, (1 << 47) - 1, (1 << 47) - 4096, 1 << 47, 1 << 48, 0xFFFF_8000_0000_0000,
    0xFFFF_FFFF_FF60_0000, (1 << 64) - 1, (1 << 64) - 8, 0xAB << 56 | DATA, 0x3FF000, 0x401000, 0x2400000,
)  # fmt: skip


def image(arch: str, system: str, code: bytes, data: bytes, *, prot: int = 5) -> bytes:
    """An ELF with `code` at its entry and `data` at DATA, the page behind which is not mapped."""
    head = 64 + 56 * 2
    start = -(-head // 16) * 16
    body = bytes(start - head) + code
    at = -(-(head + len(body)) // 4096) * 4096
    body = body.ljust(at - head, b"\0") + data
    loads = ((1, prot, 0, TEXT, at, at, 4096), (1, 6, at, DATA, len(data), len(data), 4096))
    raw = bytearray(elf(machine=MACHINE[arch], osabi=OSABI[system], entry=TEXT + start, phdrs=loads))
    del raw[head:]
    return bytes(raw) + body


def word(value: int) -> bytes:
    return struct.pack("<Q", value & (1 << 64) - 1)


def numbers_of(system: str, arch: str) -> list[int]:
    """Every number a system's tables serve, but those that end the process or multiply it."""
    tables = system_of(Personality[system.upper()])
    column = next(c for c, archs in tables.columns.items() if arch in archs)
    rows = tables.by_number(column)
    return sorted(
        n for n, row in rows.items() if row.op not in ENDS and not any(word in row.name for word in MADE)
    )


class Guest:
    """One seeded program that makes `count` made-up calls."""

    def __init__(self, seed: int, arch: str, system: str, count: int) -> None:
        self.pick = random.Random(seed)
        self.arch, self.system = arch, system
        self.numbers = numbers_of(system, arch)
        self.strings: list[int] = []
        self.scratch = self._scratch()
        size = ROOM + 56 * count
        self.end = DATA + -(-size // 4096) * 4096  # first byte that is not mapped
        self.calls = [self._call() for _ in range(count)]

    def _scratch(self) -> bytes:
        """Paths, then bytes that structs are read from."""
        raw = bytearray()
        for path in PATHS:
            self.strings.append(DATA + len(raw))
            raw += path + b"\0"
        raw += bytes(-len(raw) % 64)
        while len(raw) < ROOM:
            raw += word(self._word())
        return bytes(raw[:ROOM])

    def _word(self) -> int:
        kind = self.pick.random()
        if kind < 0.35:
            return self.pick.choice(NUMBERS)
        if kind < 0.5:
            return self.pick.randrange(12)
        if kind < 0.65:
            return self.pick.choice(ADDRESSES)
        if kind < 0.95:
            return DATA + self.pick.randrange(ROOM)
        return self.pick.getrandbits(64)

    def _argument(self) -> int:
        kind = self.pick.random()
        if kind < 0.3:
            return self.pick.choice(NUMBERS)
        if kind < 0.45:
            return self.pick.randrange(9)
        if kind < 0.6:
            return self.pick.choice(self.strings)
        if kind < 0.75:
            return DATA + 8 * self.pick.randrange(ROOM // 8)
        if kind < 0.8:
            return self.end - self.pick.choice((1, 2, 7, 8, 16, 64, 144))
        if kind < 0.92:
            return self.pick.choice(ADDRESSES)
        return self.pick.getrandbits(self.pick.choice((8, 16, 31, 32, 47, 64)))

    def _call(self) -> tuple[int, ...]:
        number = self.pick.choice(self.numbers)
        if self.pick.random() < 0.02:
            number = self.pick.choice((self.pick.randrange(600), self.pick.getrandbits(64)))
        return (number, *(self._argument() for _ in range(6)))

    def table(self) -> bytes:
        """The calls as the guest reads them."""
        return b"".join(word(w) for call in self.calls for w in call)

    def _walk(self) -> bytes:
        """Point rbx at the table and rbp behind it (x19, x20)."""
        first, last = DATA + ROOM, DATA + ROOM + 56 * len(self.calls)
        if self.arch == "x86_64":
            return b"\xbb" + struct.pack("<I", first) + b"\xbd" + struct.pack("<I", last)
        return b"".join(move(19, first) + move(20, last) for _ in (0,))

    def _exit(self) -> bytes:
        ends = {"linux": EXIT[self.arch], "native": int(Op.EXIT)}
        number = ends.get(self.system, 1)
        return constant(self.arch, number) + argument(self.arch, 42) + self._trap(number)

    def _trap(self, number: int | None = None) -> bytes:
        """A call; netbsd on aarch64 says its number in the trap, or in x17."""
        if self.system == "netbsd" and self.arch == "aarch64":
            mov, at = (b"", number) if number is not None else (bytes.fromhex("f10308aa"), 0)
            return mov + struct.pack("<I", 0xD4000001 | at << 5)
        if self.system == "openbsd" and self.arch == "aarch64":
            return TRAP[self.arch] + bytes.fromhex("9f3703d5 df3f03d5")  # dsb nsh; isb: it resumes behind
        return TRAP[self.arch]

    def looped(self) -> bytes:
        """One trap whose number comes from memory."""
        arch = self.arch
        trap, back = self._trap(), BACK[arch]
        if len(trap) > 4:  # so many instructions more to go back over
            more = (len(trap) // 4 - 1) << 5
            back = back[:4] + struct.pack("<I", int.from_bytes(back[4:], "little") - more)
        code = self._walk() + LOADS[arch] + trap + NEXT[arch] + back + self._exit()
        return image(arch, self.system, code, self.scratch + self.table())

    def straight(self) -> bytes:
        """A trap for every call, whose number is a constant before it."""
        arch, code = self.arch, bytearray(self._walk())
        for call in self.calls:
            number = call[0] & 0xFFFF
            code += LOADS[arch] + constant(arch, number) + self._trap(number) + NEXT[arch]
        return image(arch, self.system, bytes(code) + self._exit(), self.scratch + self.table())


def move(register: int, value: int) -> bytes:
    """aarch64: movz and movk of a 32-bit value."""
    low, high = 0xD2800000 | (value & 0xFFFF) << 5 | register, 0xF2A00000 | (value >> 16) << 5 | register
    return struct.pack("<II", low, high)


def constant(arch: str, number: int) -> bytes:
    """Load the number register."""
    if arch == "x86_64":
        return b"\xb8" + struct.pack("<I", number)
    return struct.pack("<I", 0xD2800000 | (number & 0xFFFF) << 5 | 8)


def argument(arch: str, value: int) -> bytes:
    """Load the first argument register."""
    if arch == "x86_64":
        return b"\xbf" + struct.pack("<I", value)
    return struct.pack("<I", 0xD2800000 | value << 5)


def noise(seed: int, arch: str, system: str, size: int = 2048) -> bytes:
    """Random bytes as code, some of them valid beginnings and traps, in memory it may write itself."""
    pick = random.Random(seed)
    parts: list[bytes] = []
    while sum(map(len, parts)) < size:
        kind = pick.random()
        if kind < 0.15:
            parts.append(TRAP[arch])
        elif kind < 0.3 and arch == "x86_64":
            parts.append(pick.choice(SNIPPETS))
        else:
            parts.append(pick.randbytes(4))
    return image(arch, system, b"".join(parts), pick.randbytes(ROOM), prot=pick.choice((5, 7)))


SNIPPETS: Sequence[bytes] = tuple(
    bytes.fromhex(text)
    for text in (
        "cc", "f4", "cd80", "cd2e", "0f0b", "0f34", "e420", "e620", "0f30", "0f01f8", "0fa2", "9b", "d9d0",
        "488b0425000060000000", "4889042500004000", "bc00000000", "bcf0ff6000", "c3", "ff2425000060000000",
        "48c7c0ffffffff", "41bbffffff7f", "9d", "cf", "f3aa", "48cf", "0fae00", "c5f877", "62f17c48",
        "b80b000000bf00004000be00100000",
    )
)  # fmt: skip
