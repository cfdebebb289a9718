"""Calls on memory nodes, of which there is one: policies are checked, kept and told again, and place nothing.

Columns of the rows: name, x86_64, aarch64, status, arguments. From: mm/mempolicy.c, mm/migrate.c,
include/uapi/linux/mempolicy.h, get_mempolicy(2), move_pages(2).
"""

from __future__ import annotations

import struct
from typing import Any

from aot.personality.abi.call import ZERO, Call, call, partial, sig
from aot.personality.abi.errors import E, Errno
from aot.personality.abi.kinds import ADDRESS, S32, SIZE, U32, U64
from aot.personality.abi.op import Op
from aot.personality.linux.columns import nr

DEFAULT, PREFERRED, BIND, INTERLEAVE, LOCAL, PREFERRED_MANY = range(6)
STATIC_NODES, RELATIVE_NODES, BALANCING = 1 << 15, 1 << 14, 1 << 13
MODE_FLAGS = STATIC_NODES | RELATIVE_NODES | BALANCING
NODE, ADDR, ALLOWED = 1, 2, 4  # flags of get_mempolicy
STRICT, MOVE, MOVE_ALL = 1, 2, 4  # of mbind and move_pages
NODES = 1  # mask of the nodes there are
MOST_NODES = 1024  # bits a mask may have
PAGE = 4096


def _nodes(ctx: Any, mask: int, most: int) -> int:
    """A mask of nodes: `most` counts one bit more than there are. Raises INVAL for nodes there are not."""
    bits = most - 1 if most else 0
    if not mask or bits <= 0:
        return 0
    if bits > PAGE * 8:
        raise Errno(E.INVAL)
    found = int.from_bytes(ctx.mem.read(mask, (bits + 63) // 64 * 8), "little") & (1 << bits) - 1
    if found >> MOST_NODES:
        raise Errno(E.INVAL)
    return found


def _policy(mode: int, nodes: int) -> tuple[int, int]:
    """A checked policy."""
    kind = mode & ~MODE_FLAGS
    if kind > PREFERRED_MANY or (mode & STATIC_NODES and mode & RELATIVE_NODES):
        raise Errno(E.INVAL)
    if mode & BALANCING and kind != BIND:
        raise Errno(E.INVAL)
    if kind in (DEFAULT, LOCAL):
        if nodes or (kind == DEFAULT and mode & MODE_FLAGS):
            raise Errno(E.INVAL)
    elif not nodes & NODES and (nodes or kind != PREFERRED):
        raise Errno(E.INVAL)
    return mode, nodes & NODES


def set_mempolicy(ctx: Any, ops: Any, mode: int, nmask: int, maxnode: int) -> None:
    """The policy of what the process maps."""
    ctx.process.data["policy"] = _policy(mode, _nodes(ctx, nmask, maxnode))


def get_mempolicy(ctx: Any, ops: Any, policy: int, nmask: int, maxnode: int, addr: int, flags: int) -> None:
    """The policy of the process or of an address, or the nodes there are."""
    if flags & ~(NODE | ADDR | ALLOWED) or (nmask and maxnode < 1):
        raise Errno(E.INVAL)
    mode, nodes = ctx.process.data.get("policy", (DEFAULT, 0))
    if flags & ALLOWED:
        if flags & (NODE | ADDR):
            raise Errno(E.INVAL)
        mode, nodes = 0, NODES
    elif flags & ADDR:
        region = ctx.mem.region_at(addr)
        if region is None:
            raise Errno(E.FAULT)
        mode, nodes = ctx.process.data.get("bound", {}).get(region.start, (mode, nodes))
        mode = 0 if flags & NODE else mode
    elif addr:
        raise Errno(E.INVAL)
    elif flags & NODE:
        if mode & ~MODE_FLAGS != INTERLEAVE:
            raise Errno(E.INVAL)
        mode = 0
    if policy:
        ctx.mem.write(policy, struct.pack("<i", mode))
    if nmask:
        ctx.mem.write(nmask, nodes.to_bytes((min(maxnode, MOST_NODES) + 63) // 64 * 8, "little"))


def mbind(ctx: Any, ops: Any, start: int, len: int, mode: int, nmask: int, maxnode: int, flags: int) -> None:
    """The policy of a range."""
    if flags & ~(STRICT | MOVE | MOVE_ALL) or start % PAGE:
        raise Errno(E.INVAL)
    if flags & MOVE_ALL and ctx.process.creds.euid:
        raise Errno(E.PERM)
    policy = _policy(mode, _nodes(ctx, nmask, maxnode))
    end = start + -(-len // PAGE) * PAGE
    if end > ctx.mem.limit:
        raise Errno(E.INVAL)
    if end == start:
        return
    if not ctx.mem.layout.covered(start, end):
        raise Errno(E.FAULT)
    bound = ctx.process.data.setdefault("bound", {})
    for region in ctx.mem.layout.within(start, end):
        bound[region.start] = policy


def move_pages(
    ctx: Any, ops: Any, pid: int, count: int, pages: int, nodes: int, status: int, flags: int
) -> None:
    """Where pages are, or should be: all are on node 0 that are anywhere."""
    if flags & ~(MOVE | MOVE_ALL):
        raise Errno(E.INVAL)
    if flags & MOVE_ALL and ctx.process.creds.euid:
        raise Errno(E.PERM)
    process = ctx.process if not pid else ctx.process.kernel.processes.get(pid)
    if process is None:
        raise Errno(E.SRCH)
    if count > 1 << 20:
        raise Errno(E.TOOBIG)
    addresses = struct.unpack(f"<{count}Q", ctx.mem.read(pages, 8 * count))
    wanted = struct.unpack(f"<{count}i", ctx.mem.read(nodes, 4 * count)) if nodes else ()
    if any(node < 0 or node >= MOST_NODES for node in wanted) or any(wanted):
        raise Errno(E.NODEV)
    found = [_where(ctx, ops, process, address) for address in addresses]
    ctx.mem.write(status, struct.pack(f"<{count}i", *found))


def _where(ctx: Any, ops: Any, process: Any, address: int) -> int:
    """The node of a page, or -EFAULT where nothing is mapped, -ENOENT where nothing is yet."""
    if process.mem.region_at(address) is None:
        return -14
    if process is ctx.process:
        return 0 if ops[Op.MINCORE](ctx, address=address & -PAGE, size=PAGE)[0] else -2
    return 0 if process.mem.table.get(address & -PAGE) else -2


def migrate_pages(ctx: Any, ops: Any, pid: int, maxnode: int, old_nodes: int, new_nodes: int) -> int:
    """Move a process's pages between nodes: none has anywhere to go."""
    _nodes(ctx, old_nodes, maxnode)
    wanted = _nodes(ctx, new_nodes, maxnode)
    if pid and pid not in ctx.process.kernel.processes:
        raise Errno(E.SRCH)
    if not wanted & NODES:
        raise Errno(E.INVAL)
    return 0


ONE = partial("there is one node, so nothing is placed by it")
CALLS: tuple[Call, ...] = (
    call("set_mempolicy", nr(238, 237), None, ONE, sig(mode=U32, nmask=ADDRESS, maxnode=U64), ZERO, via=set_mempolicy),
    call("get_mempolicy", nr(239, 236), None, ONE,
         sig(policy=ADDRESS, nmask=ADDRESS, maxnode=U64, addr=ADDRESS, flags=U64), ZERO, via=get_mempolicy),
    call("mbind", nr(237, 235), None, ONE,
         sig(start=ADDRESS, len=SIZE, mode=U64, nmask=ADDRESS, maxnode=U64, flags=U32), ZERO, via=mbind),
    call("move_pages", nr(279, 239), None, ONE,
         sig(pid=S32, count=U64, pages=ADDRESS, nodes=ADDRESS, status=ADDRESS, flags=S32), ZERO, via=move_pages),
    call("migrate_pages", nr(256, 238), None, ONE,
         sig(pid=S32, maxnode=U64, old_nodes=ADDRESS, new_nodes=ADDRESS), via=migrate_pages),
)  # fmt: skip
