"""Neutral values of processes: how they are made, known, waited for, scheduled and timed."""

from __future__ import annotations

from enum import Enum, IntEnum, IntFlag, auto
from typing import NamedTuple

from aot.personality.abi.neutral import Clock, Rusage, Time
from aot.record import dataclass


class Trait(Enum):
    """A property that a process has until somebody changes it; `inherited` by its copies."""

    SUBREAPER = "children of descendants that end become its children", 0, False
    DEATH_SIGNAL = "signal it is sent when its parent ends", 0, False
    DUMPABLE = "may be looked into by its user's other processes", 1, True
    KEEP_CAPS = "keeps capabilities when it becomes another user", 0, True
    NO_NEW_PRIVS = "gains nothing by running a program", 0, True
    TIMER_SLACK = "nanoseconds its waits may be late", 50_000, True
    NO_HUGE_PAGES = "gets no large pages", 0, True
    SECURE_BITS = "what user id 0 means", 0, True
    MCE_KILL = "when a memory error ends it", 2, True

    def __init__(self, meaning: str, default: int, inherited: bool) -> None:
        self.meaning, self.default, self.inherited = meaning, default, inherited


class WaitFor(IntFlag):
    """What a wait for children is for."""

    NOHANG = auto()
    EXITED = auto()
    STOPPED = auto()
    CONTINUED = auto()
    KEEP = auto()  # look only
    CLONES = auto()  # children whose end is not told by CHLD
    ANY_KIND = auto()  # these and others
    OWN = auto()  # of the calling context only; contexts of a process share their children here


class Which(IntEnum):
    """Whom a wait or signal is about."""

    ALL = 0
    PID = 1
    GROUP = 2
    DESCRIPTOR = 3
    SIGNED = 4  # a process; with 0 the own group, -1 anybody, -n group n


class IdRule(IntEnum):
    """How many ids a call that sets some is about."""

    THREE = 0  # real, effective and saved
    TWO = 1  # real and effective; the saved one follows
    ONE = 2  # the effective one; for the privileged all three


class Unshare(IntFlag):
    """What a process stops sharing with others."""

    FILES = auto()
    NAMES = auto()
    ALONE = auto()  # memory, handlers: what contexts share
    NAMESPACE = auto()


class Share(IntEnum):
    """What processes may have in common."""

    FILE = 0
    VM = 1
    FILES = 2
    FS = 3
    SIGHAND = 4
    IO = 5
    SYSVSEM = 6


class Notice(IntEnum):
    """Who hears of a timer."""

    SIGNAL = 0
    NONE = 1
    CONTEXT = 4


@dataclass(frozen=True, slots=True)
class Schedule:
    """How a context wants to be scheduled: policy (numbers of Linux), static priority, nice value and the
    processors it may use as a mask; runtime, deadline and period of the deadline policy in ns."""

    policy: int = 0
    priority: int = 0
    nice: int = 0
    mask: int = 0  # 0: all
    reset_on_fork: bool = False
    runtime: int = 0
    deadline: int = 0
    period: int = 0
    io: int = 0  # class << 13 | level of input and output


class Capabilities(NamedTuple):
    """Masks of capabilities, numbered as by Linux."""

    effective: int
    permitted: int
    inheritable: int


class Ids(NamedTuple):
    """Real, effective and saved id."""

    real: int
    effective: int
    saved: int


@dataclass(frozen=True, slots=True)
class Copying:
    """What a new process shares with its maker, and how it is known.

    `files`, `names` (directories), `handlers`: it has the maker's own; `reset`: it handles no signal; `sibling`: its
    parent is the maker's; `end_signal` (0: none) tells the parent of its end; `tid` is its id (0: any); the
    descriptor of the new process is stored at `pidfd`.
    """

    files: bool = False
    names: bool = False
    handlers: bool = False
    reset: bool = False
    sibling: bool = False
    end_signal: int = 17
    tid: int = 0
    pidfd: int = 0


PLAIN = Copying()
"""As fork makes a process."""


class Spent(NamedTuple):
    """Processor time of a process and of its children, and the time now, ns."""

    own: int
    children: int
    now: int


class Held(NamedTuple):
    """A context's list of locks: address of its head, and the head's size."""

    head: int
    size: int


class Child(NamedTuple):
    """What became of a child: its id (0: nothing yet) and user, SIGCHLD's code and status, the wait status
    word of Linux, what it used."""

    pid: int = 0
    uid: int = 0
    code: int = 0
    status: int = 0
    word: int | None = None
    usage: Rusage | None = None

    @property
    def signal(self) -> int:
        """What a siginfo of it says; 0 when nothing happened."""
        return int(self.pid and 17)


class CpuClock(NamedTuple):
    """The processor time of a process, or of one context."""

    id: int
    context: bool


AnyClock = Clock | CpuClock


@dataclass(frozen=True, slots=True)
class TimerEvent:
    """What a timer does when it expires: a signal with a word, for the process or one context."""

    notice: Notice
    signal: int
    value: int
    tid: int = 0


@dataclass(frozen=True, slots=True)
class ClockState:
    """How a clock is kept right, in the words of adjtimex(2): `modes` asks for changes."""

    modes: int = 0
    status: int = 0x40
    maxerror: int = 16_000_000
    esterror: int = 16_000_000
    constant: int = 2
    tolerance: int = 32_768_000
    tick: int = 10_000
    time: Time = Time(0, 0)


class Place(NamedTuple):
    """A user address and the word of `size` bytes a wait at it wants there; only 4 are served."""

    address: int
    expected: int
    size: int = 4
