"""The start-up stack NetBSD and OpenBSD share: a System V block, the strings, struct ps_strings on top.

From: sys/kern/kern_exec.c and sys/kern/exec_elf.c of both.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import SimpleNamespace

from aot.personality.abi.auxv import Entry, StackBuilder, build_stack
from aot.personality.abi.start import StartFacts, StartSpace
from aot.personality.bsd.layouts import PS_STRINGS


def build(
    space: StartSpace, facts: StartFacts, auxv: Callable[[StackBuilder], Sequence[Entry]]
) -> tuple[int, int]:
    """Write the stack; the addresses of argc and of struct ps_strings."""
    builder = StackBuilder(space, facts.stack_top)
    strings = builder.put(bytes(PS_STRINGS.size), 16)
    argc = build_stack(builder, facts.argv, facts.env, auxv)
    count = len(facts.argv)
    where = SimpleNamespace(argv=argc + 8, argc=count, env=argc + 8 * (2 + count), envc=len(facts.env))
    space.poke(strings, PS_STRINGS.encode(where))
    return argc, strings
