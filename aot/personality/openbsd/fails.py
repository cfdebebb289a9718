"""How libc's functions say that they failed."""

from __future__ import annotations

from typing import Any

from aot.personality.abi.call import Fail

M64 = 0xFFFF_FFFF_FFFF_FFFF
ERRNO_AT = "errno"
"""Key of a context's data: address of the thread's errno."""


def _errno(ctx: Any, number: int) -> int:
    ctx.mem.write(ctx.data[ERRNO_AT], number.to_bytes(4, "little"))
    return M64


def _null(ctx: Any, number: int) -> int:
    _errno(ctx, number)
    return 0


ERRNO = Fail("-1, errno", _errno)
NULL = Fail("NULL, errno", _null)
NUMBER = Fail("errno number", lambda ctx, number: number)
