"""The stack, auxiliary vector and registers a NetBSD program starts with.

From: sys/kern/exec_elf.c (elf_copyargs), sys/sys/exec_elf.h, setregs of sys/arch/amd64/amd64/machdep.c and
sys/arch/aarch64/aarch64/aarch64_machdep.c, lib/csu/arch/*/crt0.S (where ps_strings is expected).
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum

from aot.personality.abi.auxv import Entry, StackBuilder
from aot.personality.abi.start import StartFacts, StartSpace, StartState
from aot.personality.bsd.start import build


class At(IntEnum):
    """Entries of the auxiliary vector that we pass."""

    PHDR = 3
    PHENT = 4
    PHNUM = 5
    PAGESZ = 6
    BASE = 7
    FLAGS = 8
    ENTRY = 9
    STACKBASE = 13
    EUID = 2000
    RUID = 2001
    EGID = 2002
    RGID = 2003
    SUN_EXECNAME = 2014


def start(space: StartSpace, facts: StartFacts) -> StartState:
    """Build the stack and name the registers of the first context."""

    def auxv(stack: StackBuilder) -> Sequence[Entry]:
        return (
            (At.PHDR, facts.phdr[0]), (At.PHENT, facts.phdr[1]), (At.PHNUM, facts.phdr[2]),
            (At.PAGESZ, facts.page_size), (At.BASE, facts.interpreter_base), (At.FLAGS, 0),
            (At.ENTRY, facts.entry), (At.EUID, facts.euid), (At.RUID, facts.uid), (At.EGID, facts.egid),
            (At.RGID, facts.gid), (At.STACKBASE, facts.stack_top),
            (At.SUN_EXECNAME, stack.put(facts.exec_path + b"\0", 8)),
        )  # fmt: skip

    argc, strings = build(space, facts, auxv)
    if facts.arch == "x86_64":
        return StartState({"rbx": strings, "rsp": argc, "rip": facts.entry})
    return StartState({"x2": strings, "sp": argc, "pc": facts.entry})
