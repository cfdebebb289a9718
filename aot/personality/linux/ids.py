"""Linux calls on ids and times whose arguments no kind describes: capability sets, clock ticks.

From: include/uapi/linux/capability.h, kernel/capability.c, kernel/sys.c.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from typing import Any

from aot.personality.abi.errors import E, Errno
from aot.personality.abi.neutral_process import Capabilities, Spent
from aot.personality.abi.op import Op

Ops = Mapping[Op, Callable[..., Any]]
TICK_NS = 10_000_000  # USER_HZ is 100
VERSIONS = {0x1998_0330: 1, 0x2007_1026: 2, 0x2008_0522: 2}
"""_LINUX_CAPABILITY_VERSION_1, 2 and 3: how many structs of 32 bits a mask is spread over."""
PREFERRED = 0x2008_0522
_HEADER, _DATA = struct.Struct("<Ii"), struct.Struct("<III")


def _version(ctx: Any, header: int) -> tuple[int, int]:
    """Structs of data and the process a header asks for. Raises INVAL after telling the version to use."""
    version, pid = _HEADER.unpack(ctx.mem.read(header, _HEADER.size))
    if version not in VERSIONS:
        ctx.mem.write(header, PREFERRED.to_bytes(4, "little"))
        raise Errno(E.INVAL)
    return VERSIONS[version], pid


def capget(ctx: Any, ops: Ops, header: int, dataptr: int) -> None:
    """Capabilities of a process; without `dataptr` only the version is asked for."""
    try:
        count, pid = _version(ctx, header)
    except Errno as error:
        if error.code is E.INVAL and not dataptr:
            return
        raise
    caps: Capabilities = ops[Op.CAPGET](ctx, pid=pid)
    if dataptr:
        words = b"".join(_DATA.pack(*(m >> 32 * i & 0xFFFF_FFFF for m in caps)) for i in range(count))
        ctx.mem.write(dataptr, words)


def capset(ctx: Any, ops: Ops, header: int, data: int) -> None:
    """Give up capabilities."""
    count, pid = _version(ctx, header)
    masks = [0, 0, 0]
    for i in range(count):
        for j, word in enumerate(_DATA.unpack(ctx.mem.read(data + i * _DATA.size, _DATA.size))):
            masks[j] |= word << 32 * i
    ops[Op.CAPSET](ctx, pid=pid, caps=Capabilities(*masks))


def times(ctx: Any, ops: Ops, address: int) -> int:
    """Processor time in ticks into a struct tms; ticks since boot."""
    spent: Spent = ops[Op.TIMES](ctx)
    if address:
        ticks = (spent.own // TICK_NS, 0, spent.children // TICK_NS, 0)
        ctx.mem.write(address, b"".join(t.to_bytes(8, "little") for t in ticks))
    return spent.now // TICK_NS
