"""How calls that are no plain traps say that they failed."""

from __future__ import annotations

from typing import Any

from aot.personality.abi.call import Fail
from aot.personality.abi.errors import E
from aot.personality.abi.leave import GuestFault
from aot.personality.darwin.errors import EXACT, FAILURE, KERN
from aot.personality.darwin.state import set_errno

M64 = 0xFFFF_FFFF_FFFF_FFFF
_FAULT = EXACT[E.FAULT]


def _call(ctx: Any, number: int) -> int:
    set_errno(ctx, number)
    return M64


def _kern(ctx: Any, number: int) -> int:
    return KERN.get(number, FAILURE)


def _fault(ctx: Any, number: int) -> None:
    """A library function that touches a wild pointer faults like any guest code."""
    if number == _FAULT:
        raise GuestFault(*ctx.mem.faulted)


def _library(name: str, value: int) -> Fail:
    def encode(ctx: Any, number: int) -> int:
        _fault(ctx, number)
        set_errno(ctx, number)
        return value

    return Fail(name, encode)


def _number(ctx: Any, number: int) -> int:
    _fault(ctx, number)
    return number


SYSTEM_CALL = Fail("-1, errno", _call)
KERN_RETURN = Fail("kern_return_t", _kern)
MINUS_ONE = _library("-1", M64)
EOF = _library("EOF", 0xFFFF_FFFF)
NULL = _library("NULL", 0)
NUMBER = Fail("errno number", _number)
KERNEL_NUMBER = Fail("errno number", lambda ctx, number: number)
