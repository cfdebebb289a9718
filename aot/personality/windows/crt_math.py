"""Mathematics of the C runtime of Windows."""

from __future__ import annotations

from aot.personality.abi.call import NOTHING, Call
from aot.personality.libc.mathematics import Mathematics
from aot.personality.windows.crt import c
from aot.personality.windows.fails import set_errno

RDX = 2  # where the second argument is

CALLS: tuple[Call, ...] = tuple(
    c(name, {}, via, ret=NOTHING) for name, via in Mathematics(set_errno, RDX).functions()
)
