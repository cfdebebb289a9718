"""How a native program starts: argc, argv, environment and auxiliary vector at the stack pointer."""

from __future__ import annotations

from aot.personality.abi.auxv import Entry, StackBuilder, build_stack
from aot.personality.abi.start import StartFacts, StartSpace, StartState

AT_PHDR, AT_PHENT, AT_PHNUM, AT_PAGESZ, AT_BASE, AT_ENTRY, AT_RANDOM, AT_EXECFN = 3, 4, 5, 6, 7, 9, 25, 31


def start(space: StartSpace, facts: StartFacts) -> StartState:
    """Build the stack and the first registers."""

    def auxv(b: StackBuilder) -> list[Entry]:
        name, random = b.put(facts.exec_path + b"\0"), b.put(facts.random[:16], 16)
        table, size, count = facts.phdr
        return [
            (AT_PHDR, table), (AT_PHENT, size), (AT_PHNUM, count), (AT_PAGESZ, facts.page_size),
            (AT_BASE, facts.interpreter_base), (AT_ENTRY, facts.entry), (AT_RANDOM, random),
            (AT_EXECFN, name),
        ]  # fmt: skip

    sp = build_stack(StackBuilder(space, facts.stack_top), facts.argv, facts.env, auxv)
    pc, stack = ("rip", "rsp") if facts.arch == "x86_64" else ("pc", "sp")
    return StartState(regs={stack: sp, pc: facts.entry})
