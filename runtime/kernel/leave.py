"""Why a handler leaves the engine: what the scheduler has to do before the context goes on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aot.personality.abi.errors import E, Errno
from aot.personality.abi.leave import GuestFault as GuestFault
from aot.personality.abi.leave import Leave
from aot.personality.abi.leave import Upcall as Upcall
from aot.personality.abi.neutral_process import PLAIN, Copying


class Block(Leave):
    """The op must wait. `ready` is polled by the scheduler and the call is made again when it is true.

    `fds` are host descriptors (fd, poll events) whose readiness may end the wait, `deadline_ns` is a
    time on the monotonic clock that ends it; an op that was woken looks at the state itself again.
    A signal with a handler ends an `interruptible` wait: the call is made again after the handler when it
    `restarts` and the action asks for it (or `always`), else it fails with INTR. `cancel` is called when the call
    is given up.
    """

    interrupting = False  # the scheduler makes a call only to end it: what would wait fails instead

    def __init__(
        self,
        *,
        fds: tuple[tuple[int, int], ...] = (),
        deadline_ns: int | None = None,
        ready: Callable[[], bool] | None = None,
        interruptible: bool = True,
        restarts: bool = False,
        cancel: Callable[[], object] | None = None,
        told: bool = False,
        always: bool = False,
    ) -> None:
        if interruptible and Block.interrupting:
            raise Errno(E.INTR)
        super().__init__()
        self.fds, self.deadline_ns = fds, deadline_ns
        self.ready, self.interruptible = ready, interruptible
        self.restarts, self.cancel, self.told, self.always = restarts, cancel, told, always


class ExitContext(Leave):
    """The calling context ends; the process ends with its last one."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class ExitProcess(Leave):
    """The whole process ends with `status` (0..255 after the personality's own masking)."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class Killed(Leave):
    """A signal's default action ends the process; `signal` is the host's (Linux) number."""

    def __init__(self, signal: int) -> None:
        super().__init__(signal)
        self.signal = signal


class Stopped(Leave):
    """A signal's default action stops the process until another lets it go on."""

    def __init__(self, signal: int) -> None:
        super().__init__(signal)
        self.signal = signal


class Reschedule(Leave):
    """The call is complete (registers already written); let another context run."""


class NewState(Leave):
    """The handler replaced the whole register state (sigreturn, NtContinue): resume as it stands."""


class SigReturn(Leave):
    """A signal handler came back: the frame on its stack says how the context goes on."""


class Fork(Leave):
    """Make a copy of the process in which the same call returns 0. See Spawn for the words.

    With `share` the new process has the caller's address space itself; with `wait` the caller goes on when the
    new process has a program of its own or has ended. `copying` says what else is shared.
    """

    def __init__(
        self,
        *,
        stack: int = 0,
        tls: int | None = None,
        parent_tid: int = 0,
        child_tid: int = 0,
        clear_tid: int = 0,
        share: bool = False,
        wait: bool = False,
        copying: Copying = PLAIN,
    ) -> None:
        super().__init__()
        self.stack, self.tls, self.share, self.wait = stack, tls, share, wait
        self.copying = copying
        self.parent_tid, self.child_tid, self.clear_tid = parent_tid, child_tid, clear_tid


class Exec(Leave):
    """Go on in this process with another program, which is loaded already."""

    def __init__(self, start: Callable[[Any], Any]) -> None:
        super().__init__()
        self.start = start  # (the calling context) -> the new program's first context


class Unserved(Leave):
    """The guest called an imported function that no row serves: the run ends, naming both."""

    def __init__(self, library: str, name: str) -> None:
        super().__init__(f"the program called {library}!{name}, which is not served")
        self.library, self.name = library, name


class Invented(Leave):
    """A gate was entered with an index, number or return that nobody gave out: an illegal instruction."""


class Spawn(Leave):
    """Start another context of the process: a copy of the caller in which the same call returns 0.

    `stack` is its stack pointer (0: the caller's), `tls` the base its first TLS register gets (None: the
    caller's). With `entry` it starts there with `argument` instead of returning from the call. The words at
    `parent_tid` and `child_tid` receive its id, `tid_bytes` wide; `clear_tid` is cleared and woken when it ends. Its id
    is `tid`, or any.
    """

    def __init__(
        self,
        *,
        stack: int = 0,
        tls: int | None = None,
        entry: int | None = None,
        argument: int = 0,
        parent_tid: int = 0,
        child_tid: int = 0,
        clear_tid: int = 0,
        tid_bytes: int = 4,
        tid: int = 0,
    ) -> None:
        super().__init__()
        self.stack, self.tls, self.entry, self.argument = stack, tls, entry, argument
        self.parent_tid, self.child_tid, self.clear_tid = parent_tid, child_tid, clear_tid
        self.tid_bytes, self.tid = tid_bytes, tid
