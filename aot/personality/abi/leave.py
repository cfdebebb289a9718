"""Why a handler stops in the middle of a call: the two reasons a row itself may give, and their base."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Leave(BaseException):
    """Raised by a handler to leave the engine (block, exit, exec, upcall ...).

    Not an error, hence not an Exception: no handler's clean-up may swallow it. After the kernel has
    done what was asked it calls `Cpu.complete` (the call has its result) or `Cpu.restart` (the call
    is made again), then resumes.
    """


class GuestFault(Leave):
    """A library call did what would fault in guest code (a wild pointer): the guest takes the fault."""

    def __init__(self, address: int, write: bool) -> None:
        super().__init__(address)
        self.address, self.write = address, write


class Upcall(Leave):
    """Call guest code from a handler: function(*args), then `then(context, result)`.

    `then` writes the call's result registers or raises another Leave (for instance the next Upcall).
    It returns the carry like a handler.
    """

    def __init__(self, address: int, args: tuple[int, ...], then: Callable[[Any, int], int]) -> None:
        super().__init__(address)
        self.address, self.args, self.then = address, args, then
