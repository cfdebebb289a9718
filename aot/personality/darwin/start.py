"""The stack, thread data, commpage and registers a Darwin program starts with; what dyld does for it as well.

From: bsd/kern/kern_exec.c (exec_copyout_strings, exec_add_apple_strings), osfmk/i386/cpu_capabilities.h and
osfmk/arm/cpu_capabilities.h of XNU; the thread-local variables of mach-o/loader.h.
"""

from __future__ import annotations

import struct

from aot.personality.abi.layout import align_up
from aot.personality.abi.start import StartFacts, StartSpace, StartState
from aot.personality.darwin import objects as ob
from aot.personality.darwin import runes
from aot.personality.darwin.state import ERRNO
from aot.personality.darwin.vias import TASK_PORT, THREAD_PORT
from aot.record import dataclass

M64 = 0xFFFF_FFFF_FFFF_FFFF
FILE_SIZE = 0x98  # sizeof(FILE); its contents are ours
FILES = "files"  # key of a process's data: address of the three standard FILEs
TLS_FACTS = "tls"  # keys of a process's data: template, filled, size, align as numbers
THREAD_END = "thread end"  # the same: code that a thread's function returns to
TSD, KEYS, TLV_KEY = 0x200, 768, 256  # thread-specific data behind struct pthread; the first key given out
THREAD_SIZE = 0x4000
COMMPAGE = {"x86_64": 0x7FFF_FFE0_0000, "aarch64": 0xF_FFFF_C000}
COMMPAGE_RO = 0xF_FFFF_4000  # arm64
DESCRIPTOR = struct.Struct("<QQQ")  # of a thread-local variable: thunk, key, offset

# rax = gs:[key * 8] + offset of the descriptor at rdi; the same with x0 and tpidrro_el0
TLV_CODE = {
    "x86_64": bytes.fromhex("488b4708 65488b04c500000000 48034710 c3"),
    "aarch64": bytes.fromhex("100440f9 71d03bd5 317a70f8 100840f9 2002108b c0035fd6"),
}
# function(result): the address of the function follows
EXIT_CODE = {
    "x86_64": (bytes.fromhex("4889c7 48b8"), bytes.fromhex("ffd0 0f0b")),
    "aarch64": (bytes.fromhex("90000058 00023fd6 00000000 00000000"), b""),
}


@dataclass(slots=True)
class _Stack:
    """Places things downwards from the top of the stack and remembers where."""

    space: StartSpace
    at: int

    def push(self, data: bytes) -> int:
        self.at -= len(data)
        self.space.poke(self.at, data)
        return self.at


def _apple(facts: StartFacts) -> list[bytes]:
    """What the kernel tells dyld and libSystem in strings."""
    words = struct.unpack("<6Q", facts.random[:48].ljust(48, b"\x5a"))
    low = facts.stack_top - facts.stack_size
    return [
        b"executable_path=" + facts.exec_path,
        b"",
        b"ptr_munge=%#x" % words[0],
        b"stack_guard=%#x" % (words[1] & ~0xFF),
        b"malloc_entropy=%#x,%#x" % (words[2], words[3]),
        b"main_stack=%#x,%#x,%#x,%#x" % (facts.stack_top, facts.stack_size, low, facts.stack_size),
        b"th_port=%#x" % THREAD_PORT,
    ]


def _vectors(space: StartSpace, facts: StartFacts) -> tuple[int, int, int, int]:
    """(address of argc, argv, envp, apple)."""
    stack = _Stack(space, facts.stack_top)
    groups = []
    for strings in (_apple(facts), facts.env, facts.argv):
        groups.append([stack.push(s + b"\0") for s in reversed(strings)][::-1])
    apple, env, argv = groups
    table = [len(argv), *argv, 0, *env, 0, *apple, 0]
    base = stack.at - 8 * len(table) & -16
    space.poke(base, struct.pack(f"<{len(table)}Q", *table))
    return base, base + 8, base + 8 * (2 + len(argv)), base + 8 * (3 + len(argv) + len(env))


def _commpage(space: StartSpace, facts: StartFacts) -> None:
    arm = facts.arch == "aarch64"
    base, shift = COMMPAGE[facts.arch], facts.page_size.bit_length() - 1
    space.map(facts.page_size, at=base, prot=4, name="[commpage]")
    space.poke(base, b"commpage 64-bit\0")
    space.poke(base + 0x1E, struct.pack("<H", 3 if arm else 14))
    space.poke(base + 0x22, b"\1")
    space.poke(base + 0x26, struct.pack("<H", 64))
    space.poke(base + 0x34, b"\1\1\1")
    space.poke(base + 0x38, struct.pack("<Q", 1 << 32))
    if arm:
        space.poke(base + 0x24, bytes((shift, shift)))
        space.poke(base + 0x37, bytes((shift,)))
        space.map(facts.page_size, at=COMMPAGE_RO, prot=4, name="[commpage]")
        space.poke(COMMPAGE_RO + 0x24, bytes((shift, shift)))
        space.poke(COMMPAGE_RO + 0x37, bytes((shift,)))
    else:
        space.poke(base + 0x4D, bytes((shift, shift)))


def _tlv_block(space: StartSpace, facts: StartFacts) -> int:
    """This thread's copy of the thread-local variables."""
    if facts.tls is None or not facts.tls[2]:
        return 0
    template, filled, size, align = facts.tls
    unit = max(align, 16)
    block = align_up(space.map(size + unit, name="[tlv]"), unit)
    if filled:
        space.poke(block, space.peek(template, filled))
    return block


def _thread(space: StartSpace, facts: StartFacts) -> int:
    """The first thread's data: struct pthread, then its keys; the address of the keys."""
    at = space.map(THREAD_SIZE, name="[thread]")
    keys = at + TSD
    space.poke(keys, struct.pack("<QQ", at, at + 0x100))  # itself, errno
    space.poke(keys + 8 * TLV_KEY, struct.pack("<Q", _tlv_block(space, facts)))
    return keys


def _code(space: StartSpace, facts: StartFacts) -> tuple[int, int, int]:
    """(code that finds a thread-local variable, code that main returns to, that a thread returns to)."""
    at = space.map(0x1000, prot=5, name="[dyld]")
    space.poke(at, TLV_CODE[facts.arch])
    before, behind = EXIT_CODE[facts.arch]
    for offset, name in ((0x100, "_exit"), (0x140, "_pthread_exit")):
        target = facts.resolve("libSystem.B.dylib", name) if facts.main else 0
        space.poke(at + offset, before + struct.pack("<Q", target) + behind)
    return at, at + 0x100, at + 0x140


def _objects(space: StartSpace, facts: StartFacts, env: int) -> int:
    """Fill the imported objects of libSystem; the address of the three standard FILEs."""
    files = space.map(0x1000, name="[files]")
    values = {
        ob.STDIN: files, ob.STDOUT: files + FILE_SIZE, ob.STDERR: files + 2 * FILE_SIZE,
        ob.GUARD: int.from_bytes(facts.random[8:16], "little") & ~0xFF,
        ob.ENVIRON: env, ob.TASK: TASK_PORT, ob.PAGE_SIZE: facts.page_size, ob.PAGE_MASK: facts.page_size - 1,
        ob.PAGE_SHIFT: facts.page_size.bit_length() - 1, ob.KERNEL_PAGE_SIZE: facts.page_size,
    }  # fmt: skip
    if ob.RUNES in facts.objects:
        space.poke(facts.objects[ob.RUNES], runes.table())
    for name, value in values.items():
        if name in facts.objects:
            space.poke(facts.objects[name], struct.pack("<Q", value))
    return files


def start(space: StartSpace, facts: StartFacts) -> StartState:
    """Build the stack, do what dyld would, and name the registers of the first context."""
    argc, argv, env, apple = _vectors(space, facts)
    _commpage(space, facts)
    keys = _thread(space, facts)
    find, leave, end = _code(space, facts)
    first, last = facts.tls_descriptors
    for at in range(first, last - DESCRIPTOR.size + 1, DESCRIPTOR.size):
        space.poke(at, struct.pack("<QQ", find, TLV_KEY))
    files = _objects(space, facts, env)
    words = (len(facts.argv), argv, env, apple)
    data = {
        ERRNO: keys - TSD + 0x100,
        FILES: files,
        "argc": argc,
        "environ": env,
        "keys": keys,
        THREAD_END: end,
    }
    data |= {f"{TLS_FACTS} {i}": value for i, value in enumerate(facts.tls or (0, 0, 0, 1))}
    before = tuple((function, words) for function in facts.initialisers)
    if facts.arch == "aarch64":
        regs = {"sp": argc, "pc": facts.entry}
        if facts.main:
            regs |= dict(zip(("x0", "x1", "x2", "x3"), words, strict=True)) | {"x30": leave}
        return StartState(regs, {"tpidrro_el0": keys}, before, data)
    regs = {"rsp": argc, "rip": facts.entry}
    if facts.main:
        regs = dict(zip(("rdi", "rsi", "rdx", "rcx"), words, strict=True))
        space.poke(argc - 8, struct.pack("<Q", leave))
        regs |= {"rsp": argc - 8, "rip": facts.entry}
    return StartState(regs, {"gs": keys}, before, data)
