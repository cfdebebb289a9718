"""Contexts (threads) and processes of the guest: values the ops work on."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from aot.image.model import Arch
from aot.personality.abi.frame import SigInfo
from aot.personality.abi.neutral import SigAction, SigStack
from aot.personality.abi.personality import Personality
from aot.record import dataclass, field
from runtime.kernel.locks import LockTable

if TYPE_CHECKING:
    from runtime.cpu.api import Cpu
    from runtime.kernel.clock import Clocks
    from runtime.kernel.entropy import Entropy
    from runtime.kernel.files import FileTable
    from runtime.kernel.memory import AddressSpace
    from runtime.kernel.namespace import Namespace
    from runtime.kernel.park import ParkSpace
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
    foreground: int = 0  # process group that has the terminal; 0: the first one's
    timers: list[Timer] = field(default_factory=list)  # the armed ones
    locks: LockTable = field(default_factory=LockTable)


@dataclass(slots=True)
class Credentials:
    """User and group ids as the guest sees them."""

    uid: int
    euid: int
    gid: int
    egid: int
    groups: tuple[int, ...] = ()


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
    awaited: int = 0  # signals that a call is waiting for
    kept_mask: int | None = None  # what a wait with another mask puts back
    altstack: SigStack = field(default_factory=SigStack)
    clear_tid: int = 0
    upcalls: list[Any] = field(default_factory=list)
    calls: deque[str] = field(default_factory=lambda: deque(maxlen=8))  # last calls, for fault reports
    wait: Any = None  # state of an op that blocked and will be called again (deadline, park ticket)
    data: dict[str, int] = field(default_factory=dict)  # the personality's own context facts (teb, ...)
