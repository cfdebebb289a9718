"""The sysctl nodes a FreeBSD program asks at start. From: sys/sys/sysctl.h, sys/kern/kern_mib.c."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from typing import Any

from aot.personality.abi.errors import E, Errno
from aot.personality.abi.op import Op
from aot.personality.freebsd.start import OSRELDATE
from aot.record import dataclass

Ops = Mapping[Op, Any]
RELEASE = "14.1-RELEASE"
VERSION = f"FreeBSD {RELEASE}"
DYNAMIC = 0x7FFF_0000
"""Second component of nodes that real kernels number at boot."""
NAME2OID = (0, 3)
CTL_MAXNAME = 24


@dataclass(frozen=True, slots=True)
class Node:
    """One value: its name, its numeric name, and how it is answered."""

    name: str
    mib: tuple[int, ...]
    value: Callable[[Any, Ops], bytes]


def _int(value: int) -> Callable[[Any, Ops], bytes]:
    return lambda ctx, ops: struct.pack("<i", value)


def _long(value: int) -> Callable[[Any, Ops], bytes]:
    return lambda ctx, ops: struct.pack("<Q", value)


def _text(value: str) -> Callable[[Any, Ops], bytes]:
    return lambda ctx, ops: value.encode() + b"\0"


def _cpus(ctx: Any, ops: Ops) -> bytes:
    bits: bytes = ops[Op.SCHED_AFFINITY](ctx, tid=0)
    return struct.pack("<i", int.from_bytes(bits, "little").bit_count())


def _machine(ctx: Any, ops: Ops) -> bytes:
    return b"amd64\0" if ctx.column == "x86_64" else b"arm64\0"


def _machine_arch(ctx: Any, ops: Ops) -> bytes:
    return b"amd64\0" if ctx.column == "x86_64" else b"aarch64\0"


def _memory(ctx: Any, ops: Ops) -> bytes:
    return struct.pack("<Q", ops[Op.SYSINFO](ctx).totalram)


def _host(ctx: Any, ops: Ops) -> bytes:
    return b"helctic\0"


def _random(ctx: Any, ops: Ops) -> bytes:
    raw = bytearray(256)
    ops[Op.RANDOM](ctx, buf=(memoryview(raw),))
    return bytes(raw)


def _path(ctx: Any, ops: Ops) -> bytes:
    path: bytes = ctx.process.exec_path
    return path + b"\0"


NODES = (
    Node("kern.ostype", (1, 1), _text("FreeBSD")),
    Node("kern.osrelease", (1, 2), _text(RELEASE)),
    Node("kern.osrevision", (1, 3), _int(199506)),
    Node("kern.version", (1, 4), _text(VERSION)),
    Node("kern.argmax", (1, 8), _int(524288)),
    Node("kern.hostname", (1, 10), _host),
    Node("kern.ngroups", (1, 18), _int(1023)),
    Node("kern.osreldate", (1, 24), _int(OSRELDATE)),
    Node("kern.iov_max", (1, 35), _int(1024)),
    Node("kern.arandom", (1, 37), _random),
    Node("kern.proc.pathname", (1, 14, 12), _path),
    Node("kern.smp.maxcpus", (1, DYNAMIC, 1), _int(64)),
    Node("kern.smp.cpus", (1, DYNAMIC, 2), _cpus),
    Node("vm.overcommit", (2, DYNAMIC, 1), _int(0)),
    Node("hw.machine", (6, 1), _machine),
    Node("hw.ncpu", (6, 3), _cpus),
    Node("hw.byteorder", (6, 4), _int(1234)),
    Node("hw.physmem", (6, 5), _memory),
    Node("hw.pagesize", (6, 7), _int(4096)),
    Node("hw.machine_arch", (6, 11), _machine_arch),
    Node("hw.pagesizes", (6, DYNAMIC, 1), _long(4096)),
)
BY_MIB = {node.mib: node for node in NODES}
BY_NAME = {node.name: node for node in NODES}


def _find(mib: tuple[int, ...]) -> Node:
    """The node itself, or the one that takes the last component as its argument."""
    node = BY_MIB.get(mib) or (BY_MIB.get(mib[:-1]) if len(mib) == 4 else None)
    if node is None:
        raise Errno(E.NOENT)
    return node


def _oid(ctx: Any, new: int, newlen: int) -> bytes:
    node = BY_NAME.get(ctx.mem.read(new, min(newlen, 1024)).rstrip(b"\0").decode("ascii", "replace"))
    if node is None:
        raise Errno(E.NOENT)
    return struct.pack(f"<{len(node.mib)}I", *node.mib)


def _answer(ctx: Any, value: bytes, old: int, oldlenp: int) -> int:
    """Store a value under the rules of sysctl(3): null only measures, a short buffer is ENOMEM."""
    if not oldlenp:
        return 0
    room = ctx.mem.load_u64(oldlenp)
    if old:
        stored = value[:room]
        ctx.mem.write(old, stored)
        ctx.mem.write(oldlenp, len(stored).to_bytes(8, "little"))
        if len(stored) < len(value):
            raise Errno(E.NOMEM)
    else:
        ctx.mem.write(oldlenp, len(value).to_bytes(8, "little"))
    return 0


def sysctl(ctx: Any, ops: Ops, name: int, namelen: int, old: int, oldlenp: int, new: int, newlen: int) -> int:
    """__sysctl: by numeric name; {0, 3} turns a name into a numeric one."""
    if not 2 <= namelen <= CTL_MAXNAME:
        raise Errno(E.INVAL)
    mib = struct.unpack(f"<{namelen}I", ctx.mem.read(name, 4 * namelen))
    if mib == NAME2OID:
        return _answer(ctx, _oid(ctx, new, newlen), old, oldlenp)
    if new:
        raise Errno(E.PERM)
    return _answer(ctx, _limited(_find(mib), ctx, ops, old, oldlenp), old, oldlenp)


def sysctlbyname(
    ctx: Any, ops: Ops, name: int, namelen: int, old: int, oldlenp: int, new: int, newlen: int
) -> int:
    """__sysctlbyname: by name."""
    if namelen > 1024:
        raise Errno(E.NAMETOOLONG)
    node = BY_NAME.get(ctx.mem.read(name, namelen).rstrip(b"\0").decode("ascii", "replace"))
    if node is None:
        raise Errno(E.NOENT)
    if new:
        raise Errno(E.PERM)
    return _answer(ctx, _limited(node, ctx, ops, old, oldlenp), old, oldlenp)


def _limited(node: Node, ctx: Any, ops: Ops, old: int, oldlenp: int) -> bytes:
    """The value; kern.arandom gives as much as was asked for."""
    value = node.value(ctx, ops)
    if node.mib == (1, 37) and old and oldlenp:
        return value[: ctx.mem.load_u64(oldlenp)]
    return value
