"""futex(2) of NetBSD and OpenBSD as park and unpark. From: sys/kern/sys_futex.c of both."""

from __future__ import annotations

from aot.personality.abi.call import FULL, ZERO, Call, call, sig
from aot.personality.abi.kinds import ADDRESS, S32, U32, To, Unused
from aot.personality.abi.neutral import Clock
from aot.personality.abi.op import Op
from aot.personality.bsd.kinds import TIME_IN_OPT

PRIVATE = 0x80
ALL = 0xFFFF_FFFF
_WHERE = {"uaddr": To("address", ADDRESS), "op": Unused("selector")}


def futex(wait: int, wake: int) -> dict[int, Call]:
    """The rows by operation, each also in its process-private form."""
    out: dict[int, Call] = {}
    for flag, suffix in ((0, ""), (PRIVATE, "_PRIVATE")):
        out[wait | flag] = call(
            f"FUTEX_WAIT{suffix}", None, Op.PARK, FULL,
            sig(**_WHERE, val=To("expected", U32), timeout=To("timeout", TIME_IN_OPT)), ZERO,
            size=4, mask=ALL, absolute=False, clock=int(Clock.MONOTONIC),
        )  # fmt: skip
        out[wake | flag] = call(
            f"FUTEX_WAKE{suffix}", None, Op.UNPARK, FULL, sig(**_WHERE, val=To("count", S32)), mask=ALL
        )
    return out
