"""POSIX message queues: named queues behind descriptors. From: ipc/mqueue.c, mq_overview(7)."""

from __future__ import annotations

from aot.personality.abi.errors import E, Errno
from aot.personality.abi.frame import SigInfo
from aot.personality.abi.kinds import Buffers
from aot.personality.abi.neutral import Open, Stat, Time
from aot.personality.abi.neutral_memory import Letter, QueueShape
from aot.record import dataclass, field
from runtime.kernel.context import Process
from runtime.kernel.node import POLLIN, POLLOUT, File, Node, fill
from runtime.kernel.signals import send_process

SI_MESGQ = -3
_NEVER = Time(0, 0)
REGULAR = 0o100000
OVERHEAD = 96  # bytes counted for each message beside its text; From: ipc/mqueue.c mqueue_get_inode


@dataclass(slots=True, eq=False)
class Queue(Node):
    """One queue: messages by falling priority, in order of arrival within one."""

    shape: QueueShape
    mode: int
    uid: int
    gid: int
    letters: list[Letter] = field(default_factory=list)
    told: Process | None = None  # who asked to be told of a message on the empty queue
    signal: int = 0
    value: int = 0
    waiting: int = 0  # contexts that wait for a message
    opens: int = 0
    named: bool = True

    @property
    def charge(self) -> int:
        """Bytes that its owner's limit counts for it, full or not."""
        return self.shape.most * (self.shape.size + OVERHEAD) if self.named or self.opens else 0

    def stat(self) -> Stat:
        mode = REGULAR | self.mode
        return Stat(
            0, id(self) & 0x7FFF_FFFF, mode, 1, self.uid, self.gid, 0, 80, 4096, 0, _NEVER, _NEVER, _NEVER
        )

    def open(self, flags: Open) -> File:
        return QueueFile(self, flags)

    def put(self, letter: Letter, sender: Process) -> None:
        """Add a message, and tell who asked when it is the first and nobody waits for it."""
        at = next((i for i, other in enumerate(self.letters) if other.kind < letter.kind), len(self.letters))
        self.letters.insert(at, letter)
        if len(self.letters) == 1 and not self.waiting and self.told is not None:
            process, self.told = self.told, None
            if self.signal:
                info = SigInfo(self.signal, SI_MESGQ, pid=sender.pid, uid=sender.creds.uid, value=self.value)
                send_process(process, self.signal, info)


class QueueFile(File):
    """An open queue."""

    def __init__(self, queue: Queue, flags: Open) -> None:
        super().__init__(queue, flags)
        self.queue = queue
        queue.opens += 1

    def close(self) -> None:
        self.queue.opens -= 1

    def ready(self, events: int) -> int:
        found = POLLIN if self.queue.letters else 0
        found |= POLLOUT if len(self.queue.letters) < self.queue.shape.most else 0
        return events & found

    def read(self, buf: Buffers) -> int:
        q = self.queue
        size = sum(len(letter.text or b"") for letter in q.letters)
        pid = q.told.pid if q.told is not None else 0
        text = b"QSIZE:%-10d NOTIFY:%-5d SIGNO:%-5d NOTIFY_PID:%-6d\n" % (
            size,
            0,
            q.signal if pid else 0,
            pid,
        )
        if self.flags & Open.APPEND:
            return 0
        return fill(buf, text)

    def write(self, buf: Buffers) -> int:
        raise Errno(E.INVAL)
