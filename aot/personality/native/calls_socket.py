"""Native calls on sockets, as calls.py has the others."""

from __future__ import annotations

from aot.personality.abi.call import Call, absent
from aot.personality.abi.op import Op

COLUMN = "native"
GAPS = tuple(Op(number) for number in range(Op.SOCKET, Op.SOCK_OUTQ + 1))

CALLS: tuple[Call, ...] = tuple(absent(op.name.lower(), {COLUMN: int(op)}, "not built") for op in GAPS)
