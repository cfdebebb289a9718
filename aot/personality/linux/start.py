"""How a Linux program starts: argc, argv, environment and auxiliary vector at the stack pointer.

From: fs/binfmt_elf.c create_elf_tables, include/uapi/linux/auxvec.h.
"""

from __future__ import annotations

from aot.personality.abi.auxv import Entry, StackBuilder, build_stack
from aot.personality.abi.start import StartFacts, StartSpace, StartState

AT_PHDR, AT_PHENT, AT_PHNUM, AT_PAGESZ, AT_BASE, AT_FLAGS, AT_ENTRY = 3, 4, 5, 6, 7, 8, 9
AT_UID, AT_EUID, AT_GID, AT_EGID, AT_PLATFORM, AT_HWCAP, AT_CLKTCK = 11, 12, 13, 14, 15, 16, 17
AT_SECURE, AT_RANDOM, AT_HWCAP2, AT_EXECFN, AT_MINSIGSTKSZ = 23, 25, 26, 31, 51
CLOCK_TICKS = 100
# What the CPU backend can execute. x86_64: the EDX word of CPUID leaf 1. aarch64: HWCAP_FP,
# ASIMD, AES, PMULL, SHA1, SHA2, CRC32, ATOMICS; without HWCAP_CPUID, because ID registers are not emulated.
HWCAP = {"x86_64": 0x078B_FBFD, "aarch64": 0x1FB}
MINSIGSTKSZ = {"x86_64": 2048, "aarch64": 5120}  # smallest alternate stack a signal frame fits


def start(space: StartSpace, facts: StartFacts) -> StartState:
    """Build the stack and the first registers. There is no vDSO: AT_SYSINFO_EHDR is absent."""

    def auxv(b: StackBuilder) -> list[Entry]:
        name, random = b.put(facts.exec_path + b"\0"), b.put(facts.random[:16], 16)
        platform = b.put(facts.arch.encode() + b"\0")
        table, size, count = facts.phdr
        return [
            (AT_HWCAP, HWCAP[facts.arch]), (AT_PAGESZ, facts.page_size),
            (AT_CLKTCK, CLOCK_TICKS),
            (AT_PHDR, table), (AT_PHENT, size), (AT_PHNUM, count), (AT_BASE, facts.interpreter_base),
            (AT_FLAGS, 0), (AT_ENTRY, facts.entry), (AT_UID, facts.uid), (AT_EUID, facts.euid),
            (AT_GID, facts.gid), (AT_EGID, facts.egid), (AT_SECURE, 0), (AT_RANDOM, random),
            (AT_HWCAP2, 0), (AT_EXECFN, name), (AT_PLATFORM, platform),
            (AT_MINSIGSTKSZ, MINSIGSTKSZ[facts.arch]),
        ]  # fmt: skip

    sp = build_stack(StackBuilder(space, facts.stack_top), facts.argv, facts.env, auxv)
    pc, stack = ("rip", "rsp") if facts.arch == "x86_64" else ("pc", "sp")
    return StartState(regs={stack: sp, pc: facts.interpreter_entry or facts.entry})
