"""Ops on socket options."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aot.personality.abi.op import Op
from runtime.kernel.context import Context
from runtime.kernel.ops_socket import socket_of
from runtime.kernel.optable import op

if TYPE_CHECKING:
    from aot.personality.abi.neutral_sockopt import SockOpt


@op(Op.GETSOCKOPT)
def getsockopt(ctx: Context, fd: int, option: SockOpt) -> tuple[int, ...]:
    """The value of an option."""
    from runtime.kernel.schemes.socket_options import get  # noqa: PLC0415 - as all of sockets, when first used

    return get(socket_of(ctx, fd), option)


@op(Op.SETSOCKOPT)
def setsockopt(ctx: Context, fd: int, option: SockOpt, value: tuple[int, ...]) -> None:
    """Change an option."""
    from runtime.kernel.schemes.socket_options import set_to  # noqa: PLC0415 - as all of sockets

    set_to(ctx, socket_of(ctx, fd), option, value)
