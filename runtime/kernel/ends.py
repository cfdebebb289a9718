"""How processes end: what is freed, and who is told."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from aot.personality.abi.frame import SI_USER, SigInfo
from aot.personality.abi.neutral import SigAction
from aot.personality.abi.neutral_process import Trait
from aot.personality.abi.signals import Signal
from aot.record import dataclass, replace
from runtime.cpu.api import Cpu, Fault
from runtime.kernel.context import Context, Process
from runtime.kernel.faults import death_of
from runtime.kernel.ipc import ended
from runtime.kernel.kin import INIT, children, desert
from runtime.kernel.memory import AddressSpace
from runtime.kernel.robust import give_up
from runtime.kernel.signals import CLD_EXITED, CLD_KILLED, IGNORE, SA_NOCLDWAIT, send_process
from runtime.kernel.timers import forget_timers
from runtime.kernel.usage import last_of

if TYPE_CHECKING:
    from runtime.kernel.sched import Scheduler


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
    sched.held = [c for c in sched.held if c.process is not process]
    for item in sched.waiting.of(process):
        sched.waiting.drop(item.ctx)
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


def leave_files(process: Process) -> None:
    """A process has its descriptors no more; they are closed unless others have the same table."""
    process.files.sharers -= 1
    if not process.files.sharers:
        process.files.close_all()


def finish(sched: Scheduler, process: Process, end: End) -> None:
    """A process ended; the run does with its first."""
    if process is sched.process:
        sched.end = end
        return
    forget(sched, process)
    desert(process)
    signal = death_of(end.fault) if end.fault is not None else end.signal
    last = end.ctx or next(iter(process.contexts), None)
    for ctx in process.contexts:
        last_of(ctx)
        give_up(ctx)
    forget_timers(process, ended=True)
    process.status = signal or (end.status & 0xFF) << 8
    process.contexts.clear()
    leave_files(process)
    ended(process)
    sched.left_process(process)
    leave_space(process.mem, last.cpu if last is not None else None)
    _bereave(process)


def _bereave(process: Process) -> None:
    """Find children another parent; tell the own one, or nobody."""
    for child in children(process):
        _adopt(child, process)
    _report(process)


def how(process: Process) -> SigInfo:
    """What SIGCHLD says of a process that ended."""
    word = process.status or 0
    code, status = (CLD_KILLED, word & 0x7F) if word & 0x7F else (CLD_EXITED, word >> 8)
    return SigInfo(
        Signal.CHLD, code, pid=process.pid, uid=process.creds.uid, status=status, used_ns=process.life.past_ns
    )


def _report(process: Process) -> None:
    """Tell the parent of an end. Where nobody will wait for it, it is forgotten."""
    everybody, signal = process.kernel.processes, process.life.end_signal
    parent = everybody.get(process.ppid)
    action = parent.actions.get(Signal.CHLD, SigAction()) if parent is not None else SigAction(IGNORE)
    ignored = signal == Signal.CHLD and action.handler == IGNORE
    if parent is None or ignored or (signal == Signal.CHLD and action.flags & SA_NOCLDWAIT):
        del everybody[process.pid]
    if parent is not None and signal and not ignored:
        send_process(parent, signal, replace(how(process), signal=signal))


def _adopt(child: Process, process: Process) -> None:
    """A child's parent ended: the nearest ancestor that takes such children has it now, or nobody."""
    everybody = child.kernel.processes
    above = everybody.get(process.ppid)
    while above is not None and (above.status is not None or not above.life.traits.get(Trait.SUBREAPER)):
        above = everybody.get(above.ppid)
    child.ppid = above.pid if above is not None else INIT
    if child.status is not None:
        _report(child)
        return
    death = child.life.traits.get(Trait.DEATH_SIGNAL, 0)
    if death:
        send_process(child, death, SigInfo(death, SI_USER, pid=process.pid, uid=process.creds.uid))
