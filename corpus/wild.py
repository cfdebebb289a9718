"""Prints wild.h: every pointer argument of every row, with working values for the other arguments; and every
row without one.

The cases come from the rows of a personality, so a new row is covered without a word here; what a row needs
to get as far as its pointers (a directory, a symbolic link, a signal number) is in NEEDS.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum

from aot.personality.abi.call import Call, Level, parameter
from aot.personality.abi.kinds import (
    Array,
    In,
    InBytes,
    InInt,
    InOutInt,
    InOutStruct,
    InStruct,
    Kind,
    Length,
    Must,
    Out,
    OutBytes,
    OutData,
    Path,
    Pick,
    Records,
    Vector,
    inner,
)
from aot.personality.abi.layout import Layout
from aot.personality.abi.op import Op
from aot.personality.abi.system import System
from aot.record import dataclass

WORDS = 6


class Give(IntEnum):
    """What the program passes for an argument that is not the wild one."""

    VALUE = 0  # the number in the case
    FILE = 1  # descriptor of a regular file
    FOLDER = 2  # descriptor of a directory
    PATH = 3  # an existing file
    LINK = 4  # an existing symbolic link
    NEW = 5  # a name that does not exist
    HERE = 6  # the working directory
    BUFFER = 7  # a page of zeros
    IOV = 8  # one iovec over that page
    MIB = 9  # {CTL_HW, HW_PAGESIZE}
    ROOM = 10  # a size_t of 4


@dataclass(frozen=True, slots=True)
class Pointer:
    """How a pointer argument is used. `soft`: a partly accessible range may give a short count instead."""

    size: int
    out: bool
    optional: bool = False
    soft: bool = False


DESCRIPTORS = {"fd", "out_fd", "in_fd"}
FOLDERS = {"dirfd", "olddirfd", "newdirfd"}
CWD = -100
NEEDS: dict[tuple[Op, str], tuple[Give, int]] = {
    (Op.GETDENTS, "fd"): (Give.FOLDER, 0),
    (Op.READLINKAT, "path"): (Give.LINK, 0),
    (Op.LINKAT, "newpath"): (Give.NEW, 0),
    (Op.RENAMEAT, "newpath"): (Give.NEW, 0),
    (Op.SYMLINKAT, "path"): (Give.NEW, 0),
    (Op.SIGACTION, "signal"): (Give.VALUE, 14),
    (Op.MINCORE, "address"): (Give.BUFFER, 0),
    (Op.MINCORE, "size"): (Give.VALUE, 4096),
    (Op.UTIMENSAT, "path"): (Give.PATH, 0),
    (Op.COPY_RANGE, "count"): (Give.VALUE, 4),
    (Op.SENDFILE, "count"): (Give.VALUE, 4),
    (Op.CLOSE, "fd"): (Give.VALUE, 700),
    (Op.PARK, "address"): (Give.BUFFER, 0),
    (Op.PARK, "size"): (Give.VALUE, 4),
    (Op.PARK, "mask"): (Give.VALUE, 1),
}
"""(op, parameter) -> what it takes to reach the pointers behind it."""

NAMED: dict[tuple[str, str], tuple[Give, int]] = {
    **{(row, "fd"): (Give.FILE, 0) for row in ("fsetxattr", "fgetxattr", "flistxattr", "fremovexattr")},
    ("ppoll", "sigsetsize"): (Give.VALUE, 8),
    ("epoll_pwait", "sigsetsize"): (Give.VALUE, 8),
    ("epoll_pwait2", "sigsetsize"): (Give.VALUE, 8),
    ("freebsd12_closefrom", "lowfd"): (Give.VALUE, 700),
    ("close_range", "lowfd"): (Give.VALUE, 700),
    ("close_range", "highfd"): (Give.VALUE, 701),
    **{(row, "name"): (Give.MIB, 0) for row in ("__sysctl", "sysctl")},
    ("sysctlbyname", "namelen"): (Give.VALUE, 8),
    **{(row, "namelen"): (Give.VALUE, 2) for row in ("__sysctl", "sysctl")},
    **{(row, "oldlenp"): (Give.ROOM, 0) for row in ("__sysctl", "sysctl")},
    ("closefrom", "fd"): (Give.VALUE, 700),
    ("F_CLOSEM", "fd"): (Give.VALUE, 700),
    ("cpuset_getaffinity", "cpusetsize"): (Give.VALUE, 8),
    ("thr_new", "size"): (Give.VALUE, 104),
}
"""(row, argument) -> the same for arguments that feed no op."""

BEHIND: dict[tuple[str, str], Pointer] = {
    **{(row, "name"): Pointer(8, out=False) for row in ("__sysctl", "sysctl")},
    **{(row, "old"): Pointer(4, out=True, optional=True) for row in ("__sysctl", "sysctl")},
    **{(row, "oldlenp"): Pointer(8, out=True, optional=True) for row in ("__sysctl", "sysctl")},
    ("cpuset_getaffinity", "mask"): Pointer(8, out=True),
    ("thr_new", "param"): Pointer(104, out=False),
    ("getcontext", "ucp"): Pointer(784, out=True),
    ("_lwp_create", "ucp"): Pointer(784, out=False),
    ("___lwp_park60", "ts"): Pointer(16, out=False, optional=True),
    ("__thrsleep", "tp"): Pointer(16, out=False, optional=True),
    ("UMTX_OP_WAIT", "obj"): Pointer(8, out=False),
    ("UMTX_OP_WAIT_UINT", "obj"): Pointer(4, out=False),
    ("UMTX_OP_WAIT_UINT_PRIVATE", "obj"): Pointer(4, out=False),
    ("gettimeofday", "tp"): Pointer(16, out=True, optional=True),
    ("gettimeofday", "mach_absolute_time"): Pointer(8, out=True, optional=True),
    ("ulock_wait", "addr"): Pointer(4, out=False),
    ("ulock_wait2", "addr"): Pointer(4, out=False),
    ("sysctlbyname", "name"): Pointer(8, out=False),
    ("F_GETPATH", "arg"): Pointer(12, out=True),
    ("prctl", "name"): Pointer(16, out=True),
}
"""(row, argument) -> a pointer that the row takes as a plain address."""

BY_KEY = {
    Op.IPC_STAT, Op.IPC_SET, Op.IPC_REMOVE, Op.IPC_LIMITS, Op.SHM_GET, Op.SHM_ATTACH, Op.SHM_DETACH, Op.SEM_GET,
    Op.SEM_OPERATE, Op.SEM_READ, Op.SEM_WRITE, Op.MSG_GET, Op.MSG_SEND, Op.MSG_RECEIVE, Op.MQ_SEND, Op.MQ_RECEIVE,
    Op.MQ_ATTRIBUTES, Op.MQ_NOTIFY,
}  # fmt: skip
"""Ops on what processes name by keys: natively they would act on objects of the host."""

INERT = {
    **dict.fromkeys(BY_KEY, "linux/ipc.c makes the object first"),
    Op.GETGROUPS: "no group is stored",
    Op.SPLICE: "neither is a pipe",
    Op.GETXATTR: "the file has no attribute to store",
    Op.LISTXATTR: "the file has no attribute to store",
    Op.WAIT: "there is no child to be told of",
    Op.WAITID: "there is no child to be told of",
    Op.TIMER_SETTIME: "looked at for a timer that is there",
    Op.TIMER_GETTIME: "looked at for a timer that is there",
    Op.PIDFD_SIGNAL: "looked at for a descriptor of a process",
    Op.PROCESS_VM: "there is no other process whose memory could be had (linux/memory.c)",
    **dict.fromkeys(
        (Op.TIMERFD_SETTIME, Op.TIMERFD_GETTIME, Op.EPOLL_WAIT), "looked at for a descriptor of that kind"
    ),
    Op.SIGTIMEDWAIT: "a place for the signal is looked at when one came, and none comes",
}
"""Ops whose pointer is not used by this kernel."""

ELSEWHERE = {
    **dict.fromkeys(BY_KEY, "ipc"),
    Op.EXIT: "hello",
    Op.EXIT_THREAD: "would end the program",
    Op.SIGSUSPEND: "would never come back",
    Op.PAUSE: "would never come back",
    Op.SIGRETURN: "is for signal handlers",
    Op.SYNC: "would flush the host's disks",
    Op.SPAWN_THREAD: "would start a context at a made-up address",
}
"""Ops that the plain cases leave out, and where they are used instead or why not."""

WAITS = {Op.SIGTIMEDWAIT: "a null timeout is waited for ever"}
"""Ops that the wild cases leave out: a case that is right would never come back."""

ELSEWHERE_NAMED = {
    "rt_sigtimedwait": "would never come back",
    "sigtimedwait": "would never come back",
    "syncfs": "would flush the host's disks",
    "thr_exit": "would end the program",
    "_lwp_exit": "would end the program",
    "__threxit": "would end the program",
    "___lwp_park60": "would never come back",
    "sigsuspend": "would never come back",
    "bsdthread_terminate": "would end the program",
}

OWN_PROGRAM = {
    Op(number): "linux/sockets.c" for number in (*range(Op.SOCKET, Op.SOCK_OUTQ + 1), Op.INTERFACES)
}
"""Ops whose rows a program of their own makes: they want other descriptors than files and folders."""

OWN_PROGRAM_NAMED = {"inotify_add_watch": "linux/watches.c"}
"""The same by row."""

TAKES_NULL = {Op.SETITIMER}
"""Ops whose struct may be null in every system although nothing says so."""

LATE = {Op.COPY_RANGE}
"""Ops where real kernels find out after the work that a place for results cannot be written."""

NO_NULL = {Op.SCHED_GET, Op.SCHED_SET, Op.PARK_MANY}
"""Ops where a null pointer may be an invalid argument instead."""

TERMINALS = {
    Op.TTY_GETATTR, Op.TTY_SETATTR, Op.TTY_GETSIZE, Op.TTY_SETSIZE, Op.TTY_GETPGRP, Op.TTY_SETPGRP,
    Op.TTY_GETSID, Op.PTY_NUMBER, Op.PTY_LOCK,
}  # fmt: skip
"""Ops that may find out first that a file is no terminal."""


def pointer(row: Call, name: str, kind: Kind) -> Pointer | None:
    """What `kind` does behind its address, None for a kind that is no pointer."""
    match kind:
        case Path():
            return Pointer(64, out=False, optional=kind.optional)
        case InBytes() | OutBytes():
            return Pointer(64, out=isinstance(kind, OutBytes), soft=kind.partial)
        case Vector():
            return Pointer(16, out=False)
        case InStruct():
            assert isinstance(kind.layout, Layout)
            optional = kind.optional or row.op in TAKES_NULL
            return Pointer(kind.layout.size, out=False, optional=optional)
        case InInt():
            return Pointer(kind.bits // 8, out=False, optional=kind.optional)
        case InOutInt():
            return Pointer(kind.bits // 8, out=row.op not in LATE, optional=True)
        case InOutStruct():
            assert isinstance(kind.layout, Layout)
            return Pointer(kind.layout.size, out=False)
        case Array():
            assert isinstance(kind.layout, Layout)
            return Pointer(kind.layout.size, out=kind.write)
        case Records():
            return Pointer(64, out=True)
        case OutData():
            return Pointer(1, out=True, optional=kind.optional)
        case Out():
            size, optional = kind.probe or (1, False)
            return Pointer(size, out=True, optional=optional)
        case In() if hasattr(kind, "optional"):
            return Pointer(int(getattr(kind, "size", 8)), out=False, optional=bool(kind.optional))
    return BEHIND.get((row.name, name))


def working(row: Call, name: str, kind: Kind) -> tuple[Give, int]:
    """A value that lets the call get as far as its other arguments."""
    target = parameter(name, kind) or name
    kind = inner(kind)
    if (row.name, name) in NAMED:
        return NAMED[row.name, name]
    if row.op is not None and (row.op, target) in NEEDS:
        return NEEDS[row.op, target]
    found = pointer(row, name, kind)
    if found is not None and found.optional:
        return Give.VALUE, 0
    match kind:
        case Path():
            return Give.PATH, 0
        case Vector():
            return Give.IOV, 0
        case Length():
            return Give.VALUE, _length(row, name)
        case Pick():
            return Give.VALUE, kind.values[0][1]
        case Must():
            return Give.VALUE, kind.values[0]
    if found is not None:
        return Give.BUFFER, 0
    if target in DESCRIPTORS:
        return Give.FILE, 0
    return Give.VALUE, CWD if target in FOLDERS else 0


def _length(row: Call, name: str) -> int:
    """Bytes for a buffer, one element for an array."""
    kinds = (inner(kind) for kind in row.args.values())
    counted = any(isinstance(kind, Vector | Array) and kind.sibling == name for kind in kinds)
    return 1 if counted else 4096 if row.op is Op.GETCWD else 64


def cases(system: System, column: str) -> Iterator[str]:
    """One C initialiser per pointer argument of every served row of a column."""
    for number, row in sorted(system.by_number(column).items()):
        yield from _cases(row, number, column, None)


def _cases(row: Call, number: int, column: str, selected: tuple[str, int] | None) -> Iterator[str]:
    if row.by is not None:
        for value, sub in row.by[1].items():
            yield from _cases(sub, number, column, (row.by[0], value))
        return
    served = row.status.level in (Level.FULL, Level.PARTIAL)
    if not served or row.op in INERT or row.op in WAITS or row.style is not None:
        return
    if row.op in OWN_PROGRAM or row.name in OWN_PROGRAM_NAMED:
        return
    args = {name: kind.for_column(column) for name, kind in row.args.items()}
    given = [working(row, name, kind) for name, kind in args.items()]
    if selected is not None:
        given[list(args).index(selected[0])] = (Give.VALUE, selected[1])
    for at, (name, kind) in enumerate(args.items()):
        found = pointer(row, name, inner(kind))
        if found is None or at >= WORDS:
            continue
        yield _case(row, number, name, at, found, given, base=False)
        vector = inner(kind)
        if isinstance(vector, Vector):
            base = Pointer(64, out=vector.write, optional=False, soft=True)
            yield _case(row, number, f"{name}[0].iov_base", at, base, given, base=True)


def _case(
    row: Call, number: int, name: str, at: int, p: Pointer, given: list[tuple[Give, int]], *, base: bool
) -> str:
    also = "ENOTTY" if row.op in TERMINALS else "EINVAL" if row.op in NO_NULL else "EFAULT"
    classes = ", ".join(str(int(give)) for give, _ in given[:WORDS])
    values = ", ".join(f"{value}l" for _, value in given[:WORDS])
    flags = ", ".join(str(int(flag)) for flag in (p.out, p.optional, p.soft, base))
    return f'{{"{row.name} {name}", {number}, {at}, {p.size}, {flags}, {also}, {{{classes}}}, {{{values}}}}},'


def plain_cases(system: System, column: str) -> Iterator[str]:
    """One C initialiser per served row without a pointer argument."""
    for number, row in sorted(system.by_number(column).items()):
        yield from _plain(row, number, column, None)


def _plain(row: Call, number: int, column: str, selected: tuple[str, int] | None) -> Iterator[str]:
    if row.by is not None:
        for value, sub in row.by[1].items():
            yield from _plain(sub, number, column, (row.by[0], value))
        return
    if (
        row.status.level not in (Level.FULL, Level.PARTIAL)
        or row.op in ELSEWHERE
        or row.name in ELSEWHERE_NAMED
        or row.style is not None  # Mach traps have errors of their own: darwin/mach.c
    ):
        return
    args = {name: kind.for_column(column) for name, kind in row.args.items()}
    if any(pointer(row, name, inner(kind)) for name, kind in args.items()) and row.op not in INERT:
        return
    given = [working(row, name, kind) for name, kind in args.items()]
    if selected is not None:
        given[list(args).index(selected[0])] = (Give.VALUE, selected[1])
    nothing = Pointer(0, out=False)
    yield _case(row, number, "", 0, nothing, given, base=False)


def header(system: System) -> str:
    """wild.h for every column of a system, chosen by the compiler's architecture."""
    give = "\n".join(f"#define GIVE_{g.name} {g.value}" for g in Give)
    parts = [give]
    for column, archs in system.columns.items():
        condition = " || ".join(f"defined(__{arch}__)" for arch in archs)
        rows = "\n".join(cases(system, column))
        plain = "\n".join(plain_cases(system, column))
        parts += [f"#if {condition}", "static const struct wild_case CASES[] = {", rows, "};"]
        parts += ["static const struct wild_case PLAIN[] = {", plain, "};", "#endif"]
    return "\n".join((*parts, ""))
