"""The stack, auxiliary vector and registers an OpenBSD program starts with.

From: sys/kern/exec_elf.c (exec_elf_fixup), sys/sys/exec_elf.h, setregs of sys/arch/amd64/amd64/machdep.c and
sys/arch/arm64/arm64/machdep.c. Only position-independent programs get an auxiliary vector; a static one
relocates itself with the AUX_base it finds there.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum

from aot.personality.abi.auxv import Entry, StackBuilder
from aot.personality.abi.start import StartFacts, StartSpace, StartState
from aot.personality.bsd.start import build


class Aux(IntEnum):
    """Entries of the auxiliary vector that we pass."""

    phdr = 3
    phent = 4
    phnum = 5
    pagesz = 6
    base = 7
    flags = 8
    entry = 9
    hwcap = 25
    hwcap2 = 26
    openbsd_timekeep = 4000


def start(space: StartSpace, facts: StartFacts) -> StartState:
    """Build the stack and name the registers of the first context."""

    def auxv(stack: StackBuilder) -> Sequence[Entry]:
        if not facts.bias:
            return ()
        features = ((Aux.hwcap, 0), (Aux.hwcap2, 0)) if facts.arch == "aarch64" else ()
        return (
            (Aux.phdr, facts.phdr[0]), (Aux.phent, facts.phdr[1]), (Aux.phnum, facts.phdr[2]),
            (Aux.pagesz, facts.page_size), (Aux.base, facts.interpreter_base or facts.bias), (Aux.flags, 0),
            (Aux.entry, facts.entry), *features,
            (Aux.openbsd_timekeep, 0),  # no page to read clocks from: libc makes the call
        )  # fmt: skip

    argc, _ = build(space, facts, auxv)
    if facts.arch == "x86_64":
        return StartState({"rsp": argc, "rip": facts.entry})
    return StartState({"sp": argc, "x30": facts.entry, "pc": facts.entry})
