"""The stack, auxiliary vector and registers a FreeBSD program starts with.

From: sys/kern/imgact_elf.c (__elfN(freebsd_copyout_auxargs)), sys/kern/kern_exec.c (exec_copyout_strings),
sys/sys/elf_common.h, exec_setregs of sys/amd64/amd64/exec_machdep.c and sys/arm64/arm64/exec_machdep.c.
"""

from __future__ import annotations

import struct
from enum import IntEnum
from types import SimpleNamespace

from aot.personality.abi.start import StartFacts, StartSpace, StartState
from aot.personality.bsd.layouts import PS_STRINGS

OSRELDATE = 1401000
"""FreeBSD 14.1, what kern.osreldate and AT_OSRELDATE say."""


class At(IntEnum):
    """Entries of the auxiliary vector that we pass."""

    NULL = 0
    PHDR = 3
    PHENT = 4
    PHNUM = 5
    PAGESZ = 6
    BASE = 7
    FLAGS = 8
    ENTRY = 9
    EXECPATH = 15
    CANARY = 16
    CANARYLEN = 17
    OSRELDATE = 18
    NCPUS = 19
    PAGESIZES = 20
    PAGESIZESLEN = 21
    STACKPROT = 23
    HWCAP = 25
    HWCAP2 = 26
    ARGC = 28
    ARGV = 29
    ENVC = 30
    ENVV = 31
    PS_STRINGS = 32
    USRSTACKBASE = 35
    USRSTACKLIM = 36


CANARY_SIZE = 64


class _Stack:
    """Places things downwards from the top of the stack and remembers where."""

    def __init__(self, space: StartSpace, top: int) -> None:
        self._space, self.at = space, top

    def push(self, data: bytes, align: int = 1) -> int:
        self.at = self.at - len(data) & -align
        self._space.poke(self.at, data)
        return self.at


def start(space: StartSpace, facts: StartFacts) -> StartState:
    """Build the stack and name the registers of the first context."""
    stack = _Stack(space, facts.stack_top)
    ps_strings = stack.push(bytes(PS_STRINGS.size), 8)
    exec_path = stack.push(facts.exec_path + b"\0", 8)
    canary = stack.push((facts.random * CANARY_SIZE)[:CANARY_SIZE], 8)
    page_sizes = stack.push(struct.pack("<QQ", facts.page_size, 0), 8)
    argv = [stack.push(a + b"\0") for a in reversed(facts.argv)][::-1]
    env = [stack.push(e + b"\0") for e in reversed(facts.env)][::-1]
    auxv = {
        At.PHDR: facts.phdr[0],
        At.PHENT: facts.phdr[1],
        At.PHNUM: facts.phdr[2],
        At.PAGESZ: facts.page_size,
        At.FLAGS: 0,
        At.ENTRY: facts.entry,
        At.BASE: facts.interpreter_base,
        At.EXECPATH: exec_path,
        At.OSRELDATE: OSRELDATE,
        At.CANARY: canary,
        At.CANARYLEN: CANARY_SIZE,
        At.NCPUS: 1,
        At.PAGESIZES: page_sizes,
        At.PAGESIZESLEN: 16,
        At.STACKPROT: 3,
        At.HWCAP: 0,
        At.HWCAP2: 0,
        At.ARGC: len(argv),
        At.ENVC: len(env),
        At.PS_STRINGS: ps_strings,
        At.USRSTACKBASE: facts.stack_top,
        At.USRSTACKLIM: facts.stack_size,
    }
    words = 1 + len(argv) + 1 + len(env) + 1 + 2 * (len(auxv) + 3)
    base = stack.at - 8 * words & -16
    auxv[At.ARGV], auxv[At.ENVV] = base + 8, base + 8 * (2 + len(argv))
    vector = [word for key, value in auxv.items() for word in (int(key), value)]
    table = [len(argv), *argv, 0, *env, 0, *vector, At.NULL, 0]
    assert len(table) == words
    space.poke(base, struct.pack(f"<{words}Q", *table))
    where = SimpleNamespace(argv=base + 8, argc=len(argv), env=auxv[At.ENVV], envc=len(env))
    space.poke(ps_strings, PS_STRINGS.encode(where))
    return StartState(_registers(facts, base))


def _registers(facts: StartFacts, argc: int) -> dict[str, int]:
    """Both hand over the address of argc as first argument; amd64's stack is as after a call."""
    if facts.arch == "x86_64":
        return {"rdi": argc, "rsp": (argc - 8 & -16) + 8, "rip": facts.entry}
    return {"x0": argc, "sp": argc & -16, "x30": facts.entry, "pc": facts.entry}
