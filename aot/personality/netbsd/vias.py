"""NetBSD calls that are no single op."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aot.personality.abi.op import Op

Ops = Mapping[Op, Any]


def lwp_exit(ctx: Any, ops: Ops) -> int:
    """End this context."""
    ops[Op.EXIT_THREAD](ctx, status=0)
    return 0
