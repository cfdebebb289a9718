"""How processes end: what is freed, and who is told."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from aot.personality.abi.frame import SigInfo
from aot.personality.abi.signals import Signal
from aot.record import dataclass
from runtime.cpu.api import Cpu, Fault
from runtime.kernel.context import Context, Process
from runtime.kernel.faults import SIGNAL_OF
from runtime.kernel.memory import AddressSpace
from runtime.kernel.signals import IGNORE, send_process

if TYPE_CHECKING:
    from runtime.kernel.sched import Scheduler

CLD_EXITED, CLD_KILLED, SA_NOCLDWAIT = 1, 2, 2


@dataclass(slots=True)
class End:
    """How a process ended: its exit status, or the fault or signal that killed it.

    `reason` is a line for a person when it was something else (a call nobody serves).
    """

    status: int = 0
    reason: str = ""
    signal: int = 0
    fault: Fault | None = None
    ctx: Context | None = None


def forget(sched: Scheduler, process: Process) -> None:
    """No context of a process runs or waits any more."""
    sched.ready = deque(c for c in sched.ready if c.process is not process)
    for item in [w for w in sched.waiting if w.ctx.process is process]:
        sched.waiting.remove(item)
        if item.block.cancel is not None:
            item.block.cancel()


def leave_space(space: AddressSpace, cpu: Cpu | None) -> bool:
    """One process less has this address space, with its engine; the last frees both and True is returned."""
    space.users -= 1
    if space.users:
        return False
    if cpu is not None:
        cpu.close()
    space.close()
    return True


def finish(sched: Scheduler, process: Process, end: End) -> None:
    """A process ended; the run does with its first."""
    if process is sched.process:
        sched.end = end
        return
    forget(sched, process)
    signal = SIGNAL_OF[end.fault.kind] if end.fault is not None else end.signal
    process.status = signal or (end.status & 0xFF) << 8
    last = end.ctx or next(iter(process.contexts), None)
    process.contexts.clear()
    process.files.close_all()
    sched.left_process(process)
    leave_space(process.mem, last.cpu if last is not None else None)
    _bereave(process, signal)


def _bereave(process: Process, signal: int) -> None:
    """Tell the parent, or nobody."""
    everybody = process.kernel.processes
    for child in [p for p in everybody.values() if p.ppid == process.pid]:
        child.ppid = 1
        if child.status is not None:
            del everybody[child.pid]
    parent = everybody.get(process.ppid)
    action = parent.actions.get(Signal.CHLD) if parent is not None else None
    if parent is None or (action is not None and (action.handler == IGNORE or action.flags & SA_NOCLDWAIT)):
        del everybody[process.pid]
    if parent is not None and parent.status is None:
        code, status = (CLD_KILLED, signal) if signal else (CLD_EXITED, (process.status or 0) >> 8)
        info = SigInfo(Signal.CHLD, code, pid=process.pid, uid=process.creds.uid, status=status)
        send_process(parent, Signal.CHLD, info)
