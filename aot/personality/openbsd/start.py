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
from aot.personality.openbsd.fails import ERRNO_AT
from aot.personality.openbsd.threads import block_size, place


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
        if not facts.bias and not facts.interpreter:
            return ()
        base = facts.interpreter_base if facts.interpreter else facts.bias
        features = ((Aux.hwcap, 0), (Aux.hwcap2, 0)) if facts.arch == "aarch64" else ()
        return (
            (Aux.phdr, facts.phdr[0]), (Aux.phent, facts.phdr[1]), (Aux.phnum, facts.phdr[2]),
            (Aux.pagesz, facts.page_size), (Aux.base, base), (Aux.flags, 0),
            (Aux.entry, facts.entry), *features,
            (Aux.openbsd_timekeep, 0),  # no page to read clocks from: libc makes the call
        )  # fmt: skip

    argc, _ = build(space, facts, auxv)
    bases, data = _linked(space, facts) if facts.interpreter else ({}, {})
    if facts.arch == "x86_64":
        return StartState({"rsp": argc, "rip": facts.entry}, bases, data=data)
    return StartState({"sp": argc, "x30": facts.entry, "pc": facts.entry}, bases, data=data)


def _linked(space: StartSpace, facts: StartFacts) -> tuple[dict[str, int], dict[str, int]]:
    """What ld.so and libc would have made by now: the first thread's block, and what new ones need."""
    template, filled, size, align = facts.tls or (0, 0, 0, 16)
    base = space.map(block_size(size, align), name="[thread]")
    pointer, at, errno = place(facts.arch, base, size, align)
    space.poke(at, space.peek(template, filled) if filled else b"")
    data = {
        ERRNO_AT: errno, "tls template": template, "tls filled": filled, "tls size": size, "tls align": align,
    }  # fmt: skip
    if facts.arch == "x86_64":
        space.poke(pointer, pointer.to_bytes(8, "little"))
        return {"fs": pointer}, data
    return {"tpidr_el0": pointer}, data
