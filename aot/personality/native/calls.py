"""Native calls: one row per op, number = op value, arguments in the op's order.

Columns: op, arguments, result. The parameter names and kinds here are the signatures of the kernel ops;
tests compare both. Pointers come with their length right behind them.
"""

from __future__ import annotations

from aot.personality.abi.call import NOTHING, STORED, ZERO, Call, Ret, sig
from aot.personality.abi.kinds import (
    ADDRESS,
    FD,
    LENGTH,
    MODE,
    OFFSET,
    PATH,
    S32,
    SIZE,
    U32,
    U64,
    Array,
    InBytes,
    InInt,
    InOutInt,
    Int,
    Items,
    OutBytes,
    OutData,
    OutInt,
    OutInts,
    OutStruct,
    Path,
    Records,
    Strings,
)
from aot.personality.abi.op import Op
from aot.personality.native import calls_process, calls_socket
from aot.personality.native import layouts as la
from aot.personality.native.calls_files import CALLS as FILE_CALLS
from aot.personality.native.calls_memory import CALLS as MEMORY_CALLS
from aot.personality.native.flags import (
    ALLOCATE,
    AT,
    BASE,
    BOOL,
    CLOCK,
    LOCK,
    MASK_HOW,
    OPEN,
    OPEN_MAP,
    RESOURCE,
    WHENCE,
    WHO,
)
from aot.personality.native.rows import COLUMN, row

BUF_OUT = {"buf": OutBytes("size", partial=True), "size": LENGTH}
BUF_IN = {"buf": InBytes("size", partial=True), "size": LENGTH}
MASK_OPT = InInt(64, optional=True)
PATH_OPT = Path(optional=True)
STATUS = Int(8, signed=False)


# fmt: off
PROCESS = (
    row(Op.EXIT,            sig(status=STATUS)),
    row(Op.EXIT_THREAD,     sig(status=STATUS)),
    row(Op.GETPID),
    row(Op.GETTID),
    row(Op.GETPPID),
    row(Op.GETUID),
    row(Op.GETEUID),
    row(Op.GETGID),
    row(Op.GETEGID),
    row(Op.GETGROUPS,       sig(groups=OutInts(32, "count"), count=LENGTH), STORED),
    row(Op.UMASK,           sig(mask=MODE)),
    row(Op.GETRLIMIT,       sig(resource=RESOURCE, limit=OutStruct(la.RLIMIT)), ZERO),
    row(Op.SETRLIMIT,       sig(resource=RESOURCE, limit=la.IN_RLIMIT, old=la.OUT_RLIMIT_OPT), ZERO),
    row(Op.GETRUSAGE,       sig(who=WHO, usage=OutStruct(la.RUSAGE)), ZERO),
    row(Op.SET_TID_ADDRESS, sig(address=ADDRESS)),
    row(Op.SET_TLS,         sig(base=BASE, address=ADDRESS), ZERO),
    row(Op.GET_TLS,         sig(base=BASE, address=OutInt(64)), ZERO),
    row(Op.SET_NAME,        sig(name=Path(16)), ZERO),
    row(Op.GET_NAME,        sig(name=OutData("size", end=b"\0"), size=LENGTH), ZERO),
    row(Op.GETCPU),
    row(Op.YIELD,           None, ZERO),
    row(Op.FORK),
    row(Op.EXECVE,          sig(dirfd=FD, path=PATH, argv=Strings(), env=Strings(), flags=AT), ZERO),
    row(Op.SPAWN_THREAD,    sig(stack=ADDRESS, tls=ADDRESS, entry=ADDRESS, argument=U64, clear_tid=ADDRESS),
        parent_tid=0, child_tid=0, tid_bytes=4),
    row(Op.UNAME,           sig(name=OutStruct(la.UTSNAME)), ZERO,
        sysname="Helctic", release="1.0", version="1", machines={"x86_64": "x86_64", "aarch64": "aarch64"}),
    row(Op.SYSINFO,         sig(info=OutStruct(la.SYSINFO)), ZERO),
    row(Op.RANDOM,          sig(**BUF_OUT)),
)
FILES = (
    row(Op.READ,            sig(fd=FD, **BUF_OUT)),
    row(Op.WRITE,           sig(fd=FD, **BUF_IN)),
    row(Op.PREAD,           sig(fd=FD, **BUF_OUT, offset=OFFSET)),
    row(Op.PWRITE,          sig(fd=FD, **BUF_IN, offset=OFFSET)),
    row(Op.OPENAT,          sig(dirfd=FD, path=PATH, flags=OPEN, mode=MODE)),
    row(Op.CLOSE,           sig(fd=FD), ZERO),
    row(Op.SEEK,            sig(fd=FD, offset=OFFSET, whence=WHENCE)),
    row(Op.FSTAT,           sig(fd=FD, stat=la.OUT_STAT), ZERO),
    row(Op.STATAT,          sig(dirfd=FD, path=PATH, flags=AT, stat=la.OUT_STAT), ZERO),
    row(Op.GETDENTS,        sig(fd=FD, sink=Records(la.DIRENT, "size"), size=LENGTH), Ret("r.used")),
    row(Op.READLINKAT,      sig(dirfd=FD, path=PATH, target=OutData("size"), size=LENGTH), STORED),
    row(Op.UNLINKAT,        sig(dirfd=FD, path=PATH, flags=AT), ZERO),
    row(Op.MKDIRAT,         sig(dirfd=FD, path=PATH, mode=MODE), ZERO),
    row(Op.MKNODAT,         sig(dirfd=FD, path=PATH, mode=MODE, dev=U64), ZERO),
    row(Op.RENAMEAT,        sig(olddirfd=FD, oldpath=PATH, newdirfd=FD, newpath=PATH, replace=BOOL), ZERO),
    row(Op.LINKAT,          sig(olddirfd=FD, oldpath=PATH, newdirfd=FD, newpath=PATH, flags=AT), ZERO),
    row(Op.SYMLINKAT,       sig(target=PATH, dirfd=FD, path=PATH), ZERO),
    row(Op.FACCESSAT,       sig(dirfd=FD, path=PATH, access=U32, flags=AT), ZERO),
    row(Op.FCHMODAT,        sig(dirfd=FD, path=PATH, mode=MODE, flags=AT), ZERO),
    row(Op.FCHMOD,          sig(fd=FD, mode=MODE), ZERO),
    row(Op.FCHOWNAT,        sig(dirfd=FD, path=PATH, uid=S32, gid=S32, flags=AT), ZERO),
    row(Op.FCHOWN,          sig(fd=FD, uid=S32, gid=S32), ZERO),
    row(Op.UTIMENSAT,       sig(dirfd=FD, path=PATH_OPT, times=la.IN_TIMES_OPT, flags=AT), ZERO),
    row(Op.CHDIR,           sig(path=PATH), ZERO),
    row(Op.FCHDIR,          sig(fd=FD), ZERO),
    row(Op.GETCWD,          sig(path=OutData("size", end=b"\0"), size=LENGTH), STORED),
    row(Op.TRUNCATE,        sig(path=PATH, length=OFFSET), ZERO),
    row(Op.STATFS,          sig(path=PATH, stat=OutStruct(la.STATFS)), ZERO),
    row(Op.FSTATFS,         sig(fd=FD, stat=OutStruct(la.STATFS)), ZERO),
    row(Op.SYNC,            None, ZERO),
)
DESCRIPTORS = (
    row(Op.PIPE,            sig(ends=OutStruct(la.ENDS), flags=OPEN), ZERO),
    row(Op.DUP,             sig(fd=FD, lowest=S32, cloexec=BOOL)),
    row(Op.DUP_TO,          sig(fd=FD, newfd=FD, cloexec=BOOL, distinct=BOOL)),
    row(Op.FTRUNCATE,       sig(fd=FD, length=OFFSET), ZERO),
    row(Op.FALLOCATE,       sig(fd=FD, offset=OFFSET, length=OFFSET, mode=ALLOCATE), ZERO),
    row(Op.FSYNC,           sig(fd=FD, data_only=BOOL), ZERO),
    row(Op.FCNTL_GETFD,     sig(fd=FD)),
    row(Op.FCNTL_SETFD,     sig(fd=FD, cloexec=BOOL), ZERO),
    row(Op.FCNTL_GETFL,     sig(fd=FD), Ret("r", flags=OPEN_MAP)),
    row(Op.FCNTL_SETFL,     sig(fd=FD, flags=OPEN), ZERO),
    row(Op.FLOCK,           sig(fd=FD, operation=LOCK), ZERO),
    row(Op.FIONREAD,        sig(fd=FD, count=OutInt(32)), ZERO),
    row(Op.TTY_GETATTR,     sig(fd=FD, modes=OutStruct(la.TERMIOS)), ZERO),
    row(Op.TTY_SETATTR,     sig(fd=FD, when=U32, modes=la.IN_TERMIOS), ZERO),
    row(Op.TTY_GETSIZE,     sig(fd=FD, size=OutStruct(la.WINSIZE)), ZERO),
    row(Op.TTY_SETSIZE,     sig(fd=FD, size=la.IN_WINSIZE), ZERO),
    row(Op.TTY_GETPGRP,     sig(fd=FD, pgrp=OutInt(32)), ZERO),
    row(Op.TTY_SETPGRP,     sig(fd=FD, pgrp=S32), ZERO),
    row(Op.SENDFILE,        sig(out_fd=FD, in_fd=FD, offset=InOutInt(64), count=SIZE)),
    row(Op.COPY_RANGE,      sig(in_fd=FD, in_offset=InOutInt(64), out_fd=FD, out_offset=InOutInt(64),
                                count=SIZE)),
    row(Op.POLL,            sig(fds=Array(la.POLLFD, la.POLLFD_MAKE, "count", write=True), count=LENGTH,
                                timeout=la.IN_TIME_OPT, sigmask=MASK_OPT)),
    row(Op.MEMFD,           sig(name=PATH, flags=OPEN)),
)
TIME = (
    row(Op.CLOCK_GETTIME,   sig(clock=CLOCK, time=la.OUT_TIME), ZERO),
    row(Op.CLOCK_GETRES,    sig(clock=CLOCK, time=la.OUT_TIME_OPT), ZERO),
    row(Op.CLOCK_SETTIME,   sig(clock=CLOCK, time=la.IN_TIME), ZERO),
    row(Op.NANOSLEEP,       sig(clock=CLOCK, time=la.IN_TIME, absolute=BOOL), ZERO),
)
SIGNALS = (
    row(Op.SIGACTION,       sig(signal=S32, action=la.IN_SIGACTION,
                                old=OutStruct(la.SIGACTION, optional=True)), ZERO),
    row(Op.SIGPROCMASK,     sig(how=MASK_HOW, mask=MASK_OPT, old=OutInt(64, optional=True)), ZERO),
    row(Op.SIGALTSTACK,     sig(stack=la.IN_SIGSTACK, old=OutStruct(la.SIGSTACK, optional=True)), ZERO),
    row(Op.SIGPENDING,      sig(mask=OutInt(64)), ZERO),
    row(Op.SIGSUSPEND,      sig(mask=U64), ZERO),
    row(Op.SIGTIMEDWAIT,    sig(mask=U64, timeout=la.IN_TIME_OPT), Ret("r.signal")),
    row(Op.KILL,            sig(pid=S32, signal=S32), ZERO),
    row(Op.TKILL,           sig(tid=S32, signal=S32, pid=S32), ZERO),
    row(Op.SIGRETURN,       None, NOTHING),
    row(Op.PAUSE,           None, ZERO),
    row(Op.SIGQUEUE,        sig(pid=S32, signal=S32, info=la.IN_SIGINFO), ZERO, tid=None),
)
EVENTS = (
    row(Op.EVENTFD,         sig(count=U32, flags=OPEN)),
    row(Op.TIMERFD_CREATE,  sig(clock=CLOCK, flags=OPEN)),
    row(Op.TIMERFD_SETTIME, sig(fd=FD, absolute=BOOL, value=la.IN_ITIMER, old=OutStruct(la.ITIMER, optional=True)),
        ZERO),
    row(Op.TIMERFD_GETTIME, sig(fd=FD, value=OutStruct(la.ITIMER)), ZERO),
    row(Op.EPOLL_CREATE,    sig(flags=OPEN)),
    row(Op.EPOLL_CTL,       sig(fd=FD, action=U32, target=FD, event=la.IN_EPOLL), ZERO),
    row(Op.EPOLL_WAIT,      sig(fd=FD, events=Items(la.EPOLL_EVENT, "count"), count=S32,
                                timeout=la.IN_TIME_OPT, mask=MASK_OPT)),
)
PARK = (
    row(Op.PARK,            sig(address=ADDRESS, expected=U64, size=U32, mask=U32, timeout=la.IN_TIME_OPT,
                                absolute=BOOL), ZERO, clock=1),
    row(Op.UNPARK,          sig(address=ADDRESS, count=S32, mask=U32)),
    row(Op.REQUEUE,         sig(address=ADDRESS, wake=S32, target=ADDRESS, move=S32), expected=None),
)
# fmt: on

CALLS: tuple[Call, ...] = tuple(
    sorted(
        (
            *PROCESS,
            *FILES,
            *DESCRIPTORS,
            *MEMORY_CALLS,
            *TIME,
            *SIGNALS,
            *EVENTS,
            *PARK,
            *FILE_CALLS,
            *calls_process.CALLS,
            *calls_socket.CALLS,
        ),
        key=lambda c: c.numbers[COLUMN],
    )
)
