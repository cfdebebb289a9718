"""Contexts (threads) and processes of the guest: values the ops work on."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from aot.image.model import Arch
from aot.personality.abi.frame import SigInfo
from aot.personality.abi.neutral import SigAction, SigStack
from aot.personality.abi.neutral_process import Capabilities, Schedule
from aot.personality.abi.personality import Personality
from aot.record import dataclass, field, replace
from runtime.kernel.locks import LockTable

if TYPE_CHECKING:
    from runtime.cpu.api import Cpu
    from runtime.kernel.clock import Clocks
    from runtime.kernel.entropy import Entropy
    from runtime.kernel.files import FileTable
    from runtime.kernel.memory import AddressSpace
    from runtime.kernel.namespace import Namespace
    from runtime.kernel.park import ParkSpace
    from runtime.kernel.places import Place
    from runtime.kernel.restartable import Area
    from runtime.kernel.schemes.pty import Terminal
    from runtime.kernel.timers import Timer


@dataclass(slots=True)
class Kernel:
    """What all processes of one run share."""

    clocks: Clocks
    park: ParkSpace
    random: Entropy
    deterministic: bool = False
    uid: int = 0
    gid: int = 0
    # (process, bytes of an executable, its path, argv, env) -> what Exec wants; raises Errno
    load: (
        Callable[[Process, bytes, bytes, tuple[bytes, ...], tuple[bytes, ...]], Callable[[Any], Any]] | None
    ) = None
    processes: dict[int, Process] = field(default_factory=dict)
    next_id: int = 1000
    limits: Any = None  # runtime.kernel.limits.Limits, where the run has any
    net: Any = None  # runtime.kernel.net.Net: sockets by name, files in messages
    foreground: int = 0  # process group that has the terminal; 0: the first one's
    timers: list[Timer] = field(default_factory=list)  # the armed ones
    ipc: Any = None  # what processes name by keys, see ipc.py
    timer_set: Callable[[], None] | None = None  # told of each timer armed while a context runs
    heirs: dict[Any, list[Any]] = field(default_factory=dict)  # who waits for locks that are handed over
    alerted: list[Context] = field(default_factory=list)  # have signals to look at
    arrivals: int = 0  # signals sent so far
    running: Context | None = None  # in its engine now
    current: Context | None = None  # whose call is being made
    charged: Context | None = None  # whose processor time passes, since `since_ns` of the thread's clock
    since_ns: int = 0
    # what the guest reads without a call has to follow a change while a context runs
    identify: Callable[[Context], None] | None = None

    def show(self, ctx: Context) -> None:
        """What a running context reads without a call changed."""
        if self.identify is not None:
            self.identify(ctx)

    def new_id(self) -> int:
        """A number no process, context, group or session has."""
        taken = {n for p in self.processes.values() for n in (p.pid, p.pgid, p.sid, p.ppid)}
        while self.next_id in taken:
            self.next_id += 1
        self.next_id += 1
        return self.next_id - 1

    locks: LockTable = field(default_factory=LockTable)
    terminals: dict[int, Terminal] = field(default_factory=dict)  # pseudo-terminals by number
    handles: list[tuple[Place, int, int]] = field(default_factory=list)  # files that were given a number
    fifos: dict[tuple[int, int], Any] = field(default_factory=dict)  # (device, inode) -> ends; see fifo.py


@dataclass(slots=True)
class Credentials:
    """User and group ids as the guest sees them."""

    uid: int
    euid: int
    gid: int
    egid: int
    groups: tuple[int, ...] = ()
    suid: int = -1  # saved and file ids; -1: as the effective ones
    sgid: int = -1
    fsuid: int = -1
    fsgid: int = -1
    caps: Capabilities | None = None  # None: as the user's

    def __post_init__(self) -> None:
        self.suid, self.fsuid = (self.euid if n == -1 else n for n in (self.suid, self.fsuid))
        self.sgid, self.fsgid = (self.egid if n == -1 else n for n in (self.sgid, self.fsgid))

    def copy(self) -> Credentials:
        """The credentials of a copy of the process."""
        return replace(self)


@dataclass(slots=True)
class Life:
    """What others know of a process: its parent, whoever measures it, and those that come after it.

    `news` is a stop or continuation nobody has waited for yet, as code and status of SIGCHLD. Times are
    nanoseconds on a processor: of contexts that have ended, and of children that were waited for.
    """

    news: tuple[int, int] | None = None
    end_signal: int = 17  # what the parent is sent at the end; CHLD
    executed: bool = False  # runs another program than its parent made it with
    past_ns: int = 0
    children_ns: int = 0
    traits: dict[Any, int] = field(default_factory=dict)

    def of_child(self) -> Life:
        """What a copy of the process begins with."""
        kept = {t: v for t, v in self.traits.items() if t.inherited}
        return Life(traits=kept)


@dataclass(slots=True)
class Process:
    """One guest process."""

    kernel: Kernel
    pid: int
    ppid: int
    mem: AddressSpace
    files: FileTable
    names: Namespace
    creds: Credentials
    exec_path: bytes
    pgid: int = 0  # 0: its own id
    sid: int = 0  # 0: its own id
    stopped: int = 0  # the signal that stopped it
    life: Life = field(default_factory=Life)
    umask: int = 0o022
    actions: dict[int, SigAction] = field(default_factory=dict)
    pending: int = 0  # signals for whichever context takes them
    infos: dict[int, list[SigInfo]] = field(default_factory=dict)
    contexts: list[Context] = field(default_factory=list)
    status: int | None = None
    program: Any = None  # what runs in it, where that is not the run's own program
    signals: Any = None  # its Deliverer, likewise
    library: Any = None  # its convention of guest functions (Gate)
    return_stub: int = 0
    data: dict[str, Any] = field(default_factory=dict)  # the personality's own process facts (PEB, heaps)


@dataclass(slots=True, eq=False)
class Context:
    """One thread of a process: owns its registers, FPU/SIMD state and TLS bases."""

    process: Process
    mem: AddressSpace
    cpu: Cpu
    arch: Arch
    tid: int
    personality: Personality
    column: str
    regs: memoryview
    fpu: Any = None
    sigmask: int = 0
    pending: int = 0
    infos: dict[int, list[SigInfo]] = field(default_factory=dict)
    alert: bool = False  # has to look at its signals
    awaited: int = 0  # signals that a call is waiting for
    kept_mask: int | None = None  # what a wait with another mask puts back
    altstack: SigStack = field(default_factory=SigStack)
    clear_tid: int = 0
    restartable: Area | None = None  # where it says which sequence it is in, see restartable.py
    used_ns: int = 0  # on a processor so far
    robust: tuple[int, int] = (0, 0)  # head and size of its list of locks to give up when it ends
    schedule: Schedule = Schedule()
    upcalls: list[Any] = field(default_factory=list)
    calls: deque[str] = field(default_factory=lambda: deque(maxlen=8))  # last calls, for fault reports
    wait: Any = None  # state of an op that blocked and will be called again (deadline, park ticket)
    data: dict[str, int] = field(default_factory=dict)  # the personality's own context facts (teb, ...)
