"""sysctl of the BSDs: how a node is found and answered; which nodes there are is each system's own table."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from typing import Any

from aot.personality.abi.errors import E, Errno
from aot.personality.abi.op import Op
from aot.record import dataclass

Ops = Mapping[Op, Any]
NAME2OID = (0, 3)
CTL_MAXNAME = 24


@dataclass(frozen=True, slots=True)
class Node:
    """One value: its name, its numeric name, and how it is answered."""

    name: str
    mib: tuple[int, ...]
    value: Callable[[Any, Ops], bytes]


def integer(value: int) -> Callable[[Any, Ops], bytes]:
    """An int."""
    return lambda ctx, ops: struct.pack("<i", value)


def long(value: int) -> Callable[[Any, Ops], bytes]:
    """A 64-bit number."""
    return lambda ctx, ops: struct.pack("<Q", value)


def text(value: str) -> Callable[[Any, Ops], bytes]:
    """A string."""
    return lambda ctx, ops: value.encode() + b"\0"


def cpus(ctx: Any, ops: Ops) -> bytes:
    """How many processors the guest may use."""
    bits: bytes = ops[Op.SCHED_AFFINITY](ctx, tid=0)
    return struct.pack("<i", int.from_bytes(bits, "little").bit_count())


def by_column(**values: str) -> Callable[[Any, Ops], bytes]:
    """A string that differs between architectures."""
    return lambda ctx, ops: values[ctx.column].encode() + b"\0"


def memory(ctx: Any, ops: Ops) -> bytes:
    """Bytes of memory."""
    return struct.pack("<Q", ops[Op.SYSINFO](ctx).totalram)


def host(ctx: Any, ops: Ops) -> bytes:
    """The name of the machine."""
    return b"helctic\0"


def random(ctx: Any, ops: Ops) -> bytes:
    """Random bytes."""
    raw = bytearray(256)
    ops[Op.RANDOM](ctx, buf=(memoryview(raw),))
    return bytes(raw)


def path(ctx: Any, ops: Ops) -> bytes:
    """The path of the program."""
    path: bytes = ctx.process.exec_path
    return path + b"\0"


class Nodes:
    """The values of one system, by numeric name and by name. Read only."""

    def __init__(self, nodes: tuple[Node, ...], random: tuple[int, ...], missing: E = E.NOENT) -> None:
        self._by_mib = {node.mib: node for node in nodes}
        self._by_name = {node.name: node for node in nodes}
        self._missing = missing
        self._random = random  # the node that gives as much as was asked for

    def _named(self, name: bytes) -> Node:
        node = self._by_name.get(name.rstrip(b"\0").decode("ascii", "replace"))
        if node is None:
            raise Errno(self._missing)
        return node

    def _find(self, mib: tuple[int, ...]) -> Node:
        """The node itself, or the one that takes the last component as its argument."""
        node = self._by_mib.get(mib) or (self._by_mib.get(mib[:-1]) if len(mib) == 4 else None)
        if node is None:
            raise Errno(self._missing)
        return node

    def _limited(self, node: Node, ctx: Any, ops: Ops, old: int, oldlenp: int) -> bytes:
        """The value; random bytes as many as there is room for."""
        value = node.value(ctx, ops)
        if node.mib == self._random and old and oldlenp:
            return value[: ctx.mem.load_u64(oldlenp)]
        return value

    def sysctl(
        self, ctx: Any, ops: Ops, name: int, namelen: int, old: int, oldlenp: int, new: int, newlen: int
    ) -> int:
        """By numeric name; {0, 3} turns a name into a numeric one where the system has that node."""
        if not 2 <= namelen <= CTL_MAXNAME:
            raise Errno(E.INVAL)
        mib = struct.unpack(f"<{namelen}I", ctx.mem.read(name, 4 * namelen))
        if mib == NAME2OID:
            node = self._named(ctx.mem.read(new, min(newlen, 1024)))
            return _answer(ctx, struct.pack(f"<{len(node.mib)}I", *node.mib), old, oldlenp)
        if new:
            raise Errno(E.PERM)
        return _answer(ctx, self._limited(self._find(mib), ctx, ops, old, oldlenp), old, oldlenp)

    def sysctlbyname(
        self, ctx: Any, ops: Ops, name: int, namelen: int, old: int, oldlenp: int, new: int, newlen: int
    ) -> int:
        """By name."""
        if namelen > 1024:
            raise Errno(E.NAMETOOLONG)
        node = self._named(ctx.mem.read(name, namelen))
        if new:
            raise Errno(E.PERM)
        return _answer(ctx, self._limited(node, ctx, ops, old, oldlenp), old, oldlenp)


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
