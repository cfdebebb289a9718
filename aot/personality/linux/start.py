"""How a Linux program starts: argc, argv, environment and auxiliary vector at the stack pointer.

From: fs/binfmt_elf.c create_elf_tables, include/uapi/linux/auxvec.h.
"""

from __future__ import annotations

from aot.personality.abi.auxv import Entry, StackBuilder, build_stack
from aot.personality.abi.start import StartFacts, StartSpace, StartState
from aot.personality.linux.vdso import NAME, image

AT_PHDR, AT_PHENT, AT_PHNUM, AT_PAGESZ, AT_BASE, AT_FLAGS, AT_ENTRY = 3, 4, 5, 6, 7, 8, 9
AT_UID, AT_EUID, AT_GID, AT_EGID, AT_PLATFORM, AT_HWCAP, AT_CLKTCK = 11, 12, 13, 14, 15, 16, 17
AT_SECURE, AT_RANDOM, AT_HWCAP2, AT_EXECFN, AT_SYSINFO_EHDR, AT_MINSIGSTKSZ = 23, 25, 26, 31, 33, 51
AT_RSEQ_FEATURE_SIZE, AT_RSEQ_ALIGN = 27, 28
CLOCK_TICKS = 100
# What the CPU backend executes, as tests/runtime/cpu/test_features.py finds it. x86_64: the EDX word of CPUID leaf 1.
# aarch64: FP ASIMD AES PMULL SHA1 SHA2 CRC32 ATOMICS FPHP ASIMDHP ASIMDRDM JSCVT FCMA LRCPC DCPOP SHA3 SM3 SM4
# ASIMDDP SHA512 ASIMDFHM ILRCPC FLAGM SB; then DCPODP FLAGM2 FRINT. Without CPUID, because ID registers speak of
# more than there is, and without RNG, because a deterministic run has no such instruction.
HWCAP = {"x86_64": 0x078B_FBFD, "aarch64": 0x2CBF_F7FB}
HWCAP2 = {"x86_64": 2, "aarch64": 0x181}  # x86_64: FSGSBASE
MINSIGSTKSZ = {"x86_64": 2048, "aarch64": 5120}  # smallest alternate stack a signal frame fits


def vdso_at(space: StartSpace, arch: str) -> int:
    """Where the vDSO is in a new address space."""
    code = image(arch)
    at = space.map(len(code), prot=5, name=NAME)
    space.poke(at, code)
    return at


def start(space: StartSpace, facts: StartFacts) -> StartState:
    """Build the stack and the first registers."""
    vdso = vdso_at(space, facts.arch)

    def auxv(b: StackBuilder) -> list[Entry]:
        name, random = b.put(facts.exec_path + b"\0"), b.put(facts.random[:16], 16)
        platform = b.put(facts.arch.encode() + b"\0")
        table, size, count = facts.phdr
        return [
            (AT_SYSINFO_EHDR, vdso), (AT_MINSIGSTKSZ, MINSIGSTKSZ[facts.arch]),
            (AT_HWCAP, HWCAP[facts.arch]), (AT_PAGESZ, facts.page_size), (AT_CLKTCK, CLOCK_TICKS),
            (AT_PHDR, table), (AT_PHENT, size), (AT_PHNUM, count), (AT_BASE, facts.interpreter_base),
            (AT_FLAGS, 0), (AT_ENTRY, facts.entry), (AT_UID, facts.uid), (AT_EUID, facts.euid),
            (AT_GID, facts.gid), (AT_EGID, facts.egid), (AT_SECURE, 0), (AT_RANDOM, random),
            (AT_HWCAP2, HWCAP2[facts.arch]), (AT_RSEQ_FEATURE_SIZE, 28), (AT_RSEQ_ALIGN, 32), (AT_EXECFN, name),
            (AT_PLATFORM, platform),
        ]  # fmt: skip

    sp = build_stack(StackBuilder(space, facts.stack_top), facts.argv, facts.env, auxv)
    pc, stack = ("rip", "rsp") if facts.arch == "x86_64" else ("pc", "sp")
    return StartState(regs={stack: sp, pc: facts.interpreter_entry or facts.entry})
