"""Wild pointers in every pointer argument of every row: an error or a result, never a Python exception."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from aot.personality.abi import kinds as k
from aot.personality.abi.call import Call, Level
from aot.personality.abi.errors import E
from aot.personality.abi.personality import Personality
from aot.personality.registry import system_of
from runtime.cpu.api import Leave
from tests.runtime.kernel.kit import DATA, END, READ_ONLY, Kit

READ = (k.Path, k.InBytes, k.Vector, k.InStruct, k.InInt, k.Array)
WRITTEN = (k.OutBytes, k.OutStruct, k.OutInt, k.Records, k.InOutInt)
POINTERS = (*READ, *WRITTEN, k.OutData, k.OutInts)
NEVER = {"unmapped": 0x50_0000_0000, "wrapping": (1 << 64) - 1, "kernel": 0xFFFF_8000_0000_0000, "one": 1}
"""Addresses at which nothing can be."""
SOMETIMES = {"null": 0, "read-only": READ_ONLY, "last byte": END - 1}
"""Addresses that some arguments may have."""
SYSTEMS = (Personality.NATIVE, Personality.LINUX, Personality.FREEBSD)


def rows(kit: Kit) -> Iterator[tuple[Call, Call, int | None]]:
    """(row, the row or sub-row that is called, selector value)."""
    for row in kit.system.calls:
        if row.number(kit.column) is not None:
            yield from [(row, sub, v) for v, sub in row.by[1].items()] if row.by else [(row, row, None)]


def words(row: Call, sub: Call, value: int | None, wild: str, address: int) -> tuple[int, ...]:
    """Argument words: sane ones, but for one pointer."""
    out = []
    for name, kind in sub.args.items():
        inner = k.inner(kind)
        if name == wild:
            out.append(address)
        elif isinstance(inner, POINTERS) or inner == k.ADDRESS:
            out.append(DATA)
        elif isinstance(inner, k.Must):
            out.append(inner.values[0])
        elif isinstance(inner, k.Length) or inner == k.SIZE:
            out.append(16)
        else:
            out.append(1 if name in ("fd", "fildes") else 0)
    if value is not None:
        assert row.by is not None
        names = list(row.args or sub.args)
        at = names.index(row.by[0])
        out += [0] * (at + 1 - len(out))
        out[at] = value
    return tuple(out)


def answer(kit: Kit, row: Call, arguments: tuple[int, ...]) -> int | None:
    """Result word of a call, None when it leaves the engine."""
    kit.mem.write(DATA, bytes(0x1000))
    kit.ctx.wait = None
    number = row.number(kit.column)
    assert number is not None
    try:
        result, carry = kit.dispatcher.personality_syscall(kit.ctx, number, arguments)
    except Leave:
        return None
    return -result if carry else result - (1 << 64) if result >> 63 else result


@pytest.mark.parametrize("arch", ["x86_64", "aarch64"])
@pytest.mark.parametrize("personality", SYSTEMS, ids=lambda p: str(p.name.lower()))
def test_wild_pointers_are_refused(personality: Personality, arch: str) -> None:
    kit = Kit(system_of(personality), arch)
    fault, accepted, tried = kit.system.errors[E.FAULT], [], 0
    for row, sub, value in rows(kit):
        if sub.status.level not in (Level.FULL, Level.PARTIAL):
            continue
        for name, kind in sub.args.items():
            inner = k.inner(kind)
            if not isinstance(inner, POINTERS):
                continue
            for label, address in (NEVER | SOMETIMES).items():
                result = answer(kit, row, words(row, sub, value, name, address))
                tried += 1
                # what is read or probed before the op runs has to answer EFAULT, whatever else is wrong but the
                # descriptor, which kernels look at first
                refused = (-fault, -kit.system.errors[E.BADF])
                if label in NEVER and isinstance(inner, (*READ, *WRITTEN)) and result not in refused:
                    accepted.append((row.name, name, label, result))
    assert tried > 300
    assert accepted == []
