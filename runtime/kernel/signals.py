"""Signals: dispositions, masks, pending sets and default actions. Numbers and masks are neutral."""

from __future__ import annotations

from enum import Enum

from aot.personality.abi.errors import E, Errno
from aot.personality.abi.signals import LAST, Signal
from runtime.kernel.context import Context, Process
from runtime.kernel.leave import Killed

DEFAULT, IGNORE = 0, 1
"""Handlers that are no address."""
UNBLOCKABLE = 1 << (Signal.KILL - 1) | 1 << (Signal.STOP - 1)


class Action(Enum):
    """What a signal does when nobody handles it."""

    KILL = "ends the process"
    NOTHING = "is ignored"
    STOP = "stops the process"


_IGNORED = (Signal.CHLD, Signal.CONT, Signal.URG, Signal.WINCH, Signal.INFO)
_STOPS = (Signal.STOP, Signal.TSTP, Signal.TTIN, Signal.TTOU)


def default_action(signal: int) -> Action:
    """The action of a signal without a handler."""
    if signal in _IGNORED:
        return Action.NOTHING
    return Action.STOP if signal in _STOPS else Action.KILL


def check(signal: int) -> None:
    """Raises INVAL for a number that is no signal; 0 asks whether a target exists."""
    if not 0 <= signal <= LAST:
        raise Errno(E.INVAL)


def send(ctx: Context, signal: int) -> None:
    """A signal arrives at a context. Raises Killed when its default action ends the process.

    A handled or blocked signal becomes pending; the personality's delivery takes it from there.
    """
    if signal == 0:
        return
    bit = 1 << (signal - 1)
    handler = _handler(ctx.process, signal)
    if ctx.sigmask & bit & ~UNBLOCKABLE:
        ctx.pending |= bit
    elif handler == DEFAULT:
        if default_action(signal) is Action.KILL:
            raise Killed(signal)
    elif handler != IGNORE:
        ctx.pending |= bit


def _handler(process: Process, signal: int) -> int:
    action = process.actions.get(signal)
    return DEFAULT if action is None else action.handler


def deliverable(ctx: Context) -> int | None:
    """The lowest pending signal that is not blocked and has a handler; None when there is none."""
    ready = ctx.pending & ~ctx.sigmask
    return None if not ready else (ready & -ready).bit_length()


def unblocked(ctx: Context) -> None:
    """The mask changed: pending signals without a handler act now. May raise Killed."""
    ready = ctx.pending & ~ctx.sigmask
    while ready:
        signal = (ready & -ready).bit_length()
        ready &= ready - 1
        if _handler(ctx.process, signal) in (DEFAULT, IGNORE):
            ctx.pending &= ~(1 << (signal - 1))
            send(ctx, signal)
