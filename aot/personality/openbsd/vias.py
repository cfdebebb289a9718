"""OpenBSD calls that are no single op: signal masks as results, and the end of a thread."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aot.personality.abi.neutral import MaskHow
from aot.personality.abi.op import Op
from aot.personality.openbsd.flags import SIGNALS

Ops = Mapping[Op, Any]
SET = 0xFFFF_FFFF
"""Signals a sigset_t holds."""


def sigprocmask(ctx: Any, ops: Ops, how: MaskHow, mask: int) -> int:
    """The mask comes in a register and the old one is the result."""
    old: int = ops[Op.SIGPROCMASK](ctx, how=how, mask=SIGNALS.decode_mask(mask))
    return SIGNALS.encode_mask(old) & SET


def sigpending(ctx: Any, ops: Ops) -> int:
    """The pending signals are the result."""
    pending: int = ops[Op.SIGPENDING](ctx)
    return SIGNALS.encode_mask(pending) & SET


def sigsuspend(ctx: Any, ops: Ops, mask: int) -> int:
    """The mask comes in a register."""
    ops[Op.SIGSUSPEND](ctx, mask=SIGNALS.decode_mask(mask))
    return 0


def threxit(ctx: Any, ops: Ops, notdead: int) -> int:
    """Clear the word that keeps the stack alive, then end this context."""
    if notdead:
        ctx.mem.write(notdead, bytes(4))
    ops[Op.EXIT_THREAD](ctx, status=0)
    return 0
