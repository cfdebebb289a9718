"""How library functions say that they failed: the value they return and where the reason goes."""

from __future__ import annotations

from typing import Any

from aot.personality.abi.call import Fail
from aot.personality.abi.errors import E
from aot.personality.abi.leave import GuestFault
from aot.personality.windows.errors import ERRORS, errno_of, win32_of
from aot.personality.windows.state import M64, set_last_error, set_last_status, state

_FAULT = ERRORS[E.FAULT]
ERRNO_PART = "errno"  # State.parts: address of the C runtime's errno
ERRNO_EARLY = "errno early"  # its value while there is no address


def _fault(ctx: Any, status: int) -> None:
    """A library function that touches a wild pointer faults like any guest code."""
    if status == _FAULT:
        address, write = ctx.mem.faulted
        raise GuestFault(address, write)


def _win32(name: str, value: int) -> Fail:
    def encode(ctx: Any, status: int) -> int:
        _fault(ctx, status)
        set_last_status(ctx, status)
        set_last_error(ctx, win32_of(status))
        return value

    return Fail(name, encode)


def _errno(name: str, value: int) -> Fail:
    def encode(ctx: Any, status: int) -> int:
        _fault(ctx, status)
        set_errno(ctx, errno_of(status))
        return value

    return Fail(name, encode)


def errno_cell(ctx: Any, address: int) -> None:
    """Say where the C runtime's errno lies; what was set before moves there."""
    parts = state(ctx).parts
    ctx.mem.write(address, parts.get(ERRNO_EARLY, 0).to_bytes(4, "little"))
    parts[ERRNO_PART] = address


def set_errno(ctx: Any, number: int) -> None:
    """Store the C runtime's errno."""
    parts = state(ctx).parts
    if ERRNO_PART in parts:
        ctx.mem.write(parts[ERRNO_PART], (number & 0xFFFF_FFFF).to_bytes(4, "little"))
    else:
        parts[ERRNO_EARLY] = number


def _status(ctx: Any, status: int) -> int:
    _fault(ctx, status)
    return status


FALSE = _win32("FALSE", 0)
NULL = _win32("NULL", 0)
INVALID_HANDLE = _win32("INVALID_HANDLE_VALUE", M64)
DWORD_MAX = _win32("0xFFFFFFFF", 0xFFFF_FFFF)
MINUS_ONE = _errno("-1", M64)
NULL_ERRNO = _errno("NULL", 0)
EOF = _errno("EOF", 0xFFFF_FFFF)


def _number(ctx: Any, status: int) -> int:
    _fault(ctx, status)
    set_errno(ctx, errno_of(status))
    return errno_of(status)


ERRNO = Fail("errno", _number)
STATUS = Fail("NTSTATUS", _status)
