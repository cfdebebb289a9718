"""How a native row is written."""

from __future__ import annotations

from typing import Any

from aot.personality.abi.call import FULL, VALUE, Call, Ret, absent, call
from aot.personality.abi.kinds import Args
from aot.personality.abi.op import Op

COLUMN = "native"


def row(op: Op, args: Args | None = None, ret: Ret = VALUE, **fixed: Any) -> Call:
    """A native row: named and numbered after its op."""
    return call(op.name.lower(), {COLUMN: int(op)}, op, FULL, args, ret, **fixed)


def gap(op: Op, note: str) -> Call:
    """An op that has its number but no implementation yet."""
    return absent(op.name.lower(), {COLUMN: int(op)}, note)
