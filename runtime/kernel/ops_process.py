"""Ops on the calling process and context: ids, limits, usage, ending."""

from __future__ import annotations

import os

from aot.image.model import Arch
from aot.personality.abi.errors import E, Errno
from aot.personality.abi.neutral import Clock, Resource, Rlimit, Rusage, Time, Who, time_ns
from aot.personality.abi.op import Op
from aot.record import dataclass
from runtime.kernel.context import Context, Process
from runtime.kernel.kin import group_of
from runtime.kernel.leave import Block, ExitContext, ExitProcess, Spawn
from runtime.kernel.ops_park import key_of
from runtime.kernel.optable import op
from runtime.kernel.park import ALL

STACK = 8 << 20
MAX_CONTEXTS = 1024
LIMITS = {
    Resource.STACK: Rlimit(STACK, None),
    Resource.NOFILE: Rlimit(1024, 1 << 20),
    Resource.CORE: Rlimit(0, None),
    Resource.NPROC: Rlimit(1024, 1024),
    Resource.MEMLOCK: Rlimit(8 << 20, 8 << 20),
    Resource.SIGPENDING: Rlimit(1024, 1024),
    Resource.MSGQUEUE: Rlimit(819200, 819200),
    Resource.NICE: Rlimit(0, 0),
    Resource.RTPRIO: Rlimit(0, 0),
}
"""Limits a process starts with; resources not named are unlimited."""
_UNLIMITED = Rlimit(None, None)


@op(Op.EXIT)
def exit_process(ctx: Context, status: int) -> None:
    """End the process."""
    raise ExitProcess(status)


@op(Op.EXIT_THREAD)
def exit_thread(ctx: Context, status: int) -> None:
    """End the context: clear the word it was asked to clear and wake who waits for that."""
    if ctx.clear_tid and len(ctx.process.contexts) > 1:
        try:
            ctx.mem.write(ctx.clear_tid, bytes(4))
            ctx.process.kernel.park.wake(key_of(ctx, ctx.clear_tid), 1, ALL)
        except Errno:
            pass  # kernels ignore a word that cannot be written
    raise ExitContext(status)


@dataclass(frozen=True, slots=True)
class Spawned:
    """In `Context.wait`: the call that spawned is being finished and answers `result`."""

    result: int


@op(Op.SPAWN_THREAD)
def spawn_thread(
    ctx: Context,
    stack: int,
    tls: int | None,
    entry: int | None,
    argument: int,
    parent_tid: int,
    child_tid: int,
    clear_tid: int,
    tid_bytes: int,
) -> int:
    """Start another context: its id in the caller, 0 in the new one. See leave.Spawn."""
    state = ctx.wait
    if isinstance(state, Spawned):
        ctx.wait = None
        return state.result
    if len(ctx.process.contexts) >= MAX_CONTEXTS:
        raise Errno(E.AGAIN)
    for address in (parent_tid, child_tid):
        if address:
            ctx.mem.probe(address, tid_bytes, True)
    raise Spawn(
        stack=stack,
        tls=tls,
        entry=entry,
        argument=argument,
        parent_tid=parent_tid,
        child_tid=child_tid,
        clear_tid=clear_tid,
        tid_bytes=tid_bytes,
    )


@op(Op.GETPID)
def getpid(ctx: Context) -> int:
    """Process id."""
    return ctx.process.pid


@op(Op.GETTID)
def gettid(ctx: Context) -> int:
    """Context id."""
    return ctx.tid


@op(Op.GETPPID)
def getppid(ctx: Context) -> int:
    """Parent's process id."""
    return ctx.process.ppid


@op(Op.GETUID)
def getuid(ctx: Context) -> int:
    """Real user id."""
    return ctx.process.creds.uid


@op(Op.GETEUID)
def geteuid(ctx: Context) -> int:
    """Effective user id."""
    return ctx.process.creds.euid


@op(Op.GETGID)
def getgid(ctx: Context) -> int:
    """Real group id."""
    return ctx.process.creds.gid


@op(Op.GETEGID)
def getegid(ctx: Context) -> int:
    """Effective group id."""
    return ctx.process.creds.egid


@op(Op.GETGROUPS)
def getgroups(ctx: Context) -> tuple[int, ...]:
    """Supplementary groups."""
    return ctx.process.creds.groups


def _check_ids(wanted: tuple[int, ...], have: tuple[int, ...]) -> None:
    """A process may only become what it is. Raises PERM."""
    if any(w not in (-1, *have) for w in wanted):
        raise Errno(E.PERM)


@op(Op.SET_UIDS)
def set_uids(ctx: Context, real: int, effective: int, saved: int) -> None:
    """Set user ids (-1 keeps one) to ids the process has."""
    creds = ctx.process.creds
    _check_ids((real, effective, saved), (creds.uid, creds.euid))
    creds.uid = creds.uid if real == -1 else real
    creds.euid = creds.euid if effective == -1 else effective


@op(Op.SET_GIDS)
def set_gids(ctx: Context, real: int, effective: int, saved: int) -> None:
    """Set group ids (-1 keeps one) to ids the process has."""
    creds = ctx.process.creds
    _check_ids((real, effective, saved), (creds.gid, creds.egid))
    creds.gid = creds.gid if real == -1 else real
    creds.egid = creds.egid if effective == -1 else effective


def _self(ctx: Context, pid: int) -> None:
    """Raises SRCH when `pid` is neither 0 nor the caller."""
    if pid not in (0, ctx.process.pid, ctx.tid):
        raise Errno(E.SRCH)


def _own_or_child(ctx: Context, pid: int) -> Process:
    if pid in (0, ctx.process.pid, ctx.tid):
        return ctx.process
    other = ctx.process.kernel.processes.get(pid)
    if other is None or other.ppid != ctx.process.pid:
        raise Errno(E.SRCH)
    return other


@op(Op.GETPGID)
def getpgid(ctx: Context, pid: int) -> int:
    """Process group; a run begins with one."""
    return group_of(_own_or_child(ctx, pid))


@op(Op.SETPGID)
def setpgid(ctx: Context, pid: int, pgid: int) -> None:
    """Put a process or child into a group of the run, or one of its own."""
    target = _own_or_child(ctx, pid)
    groups = {group_of(p) for p in ctx.process.kernel.processes.values()}
    if pgid not in (0, target.pid) and pgid not in groups:
        raise Errno(E.PERM)
    target.pgid = pgid or target.pid


@op(Op.GETSID)
def getsid(ctx: Context, pid: int) -> int:
    """Session: every run is its own."""
    _self(ctx, pid)
    return ctx.process.pid


@op(Op.UMASK)
def umask(ctx: Context, mask: int) -> int:
    """Set the file mode mask; the old one."""
    old, ctx.process.umask = ctx.process.umask, mask & 0o777
    return old


def _limits(ctx: Context) -> dict[Resource, Rlimit]:
    limits: dict[Resource, Rlimit] = ctx.process.data.setdefault("limits", dict(LIMITS))
    return limits


def limit_of(process: Process, resource: Resource) -> int | None:
    """What a process may have of a resource now; None: as much as there is."""
    limits: dict[Resource, Rlimit] = process.data.get("limits", LIMITS)
    return limits.get(resource, _UNLIMITED).current


@op(Op.GETRLIMIT)
def getrlimit(ctx: Context, resource: Resource) -> Rlimit:
    """A resource limit."""
    return _limits(ctx).get(resource, _UNLIMITED)


@op(Op.SETRLIMIT)
def setrlimit(ctx: Context, resource: Resource, limit: Rlimit | None, pid: int = 0) -> Rlimit:
    """Change a resource limit; the old one. Only the number of descriptors is enforced."""
    _self(ctx, pid)
    old = getrlimit(ctx, resource)
    if limit is not None:
        _check_limit(old, limit)
        ctx.process.data["limits"] = _limits(ctx) | {resource: limit}  # a forked process keeps the old ones
        if resource is Resource.NOFILE:
            files = ctx.process.files
            files.limit = files.most if limit.current is None else min(limit.current, files.most)
        elif resource is Resource.FSIZE:
            ctx.process.files.restrict(limit.current)
    return old


def _check_limit(old: Rlimit, new: Rlimit) -> None:
    if new.maximum is not None and (new.current is None or new.current > new.maximum):
        raise Errno(E.INVAL)
    if old.maximum is not None and (new.maximum is None or new.maximum > old.maximum):
        raise Errno(E.PERM)


@op(Op.GETRUSAGE)
def getrusage(ctx: Context, who: Who) -> Rusage:
    """Processor time used."""
    zero = Time(0, 0)
    if who is Who.CHILDREN:
        return Rusage(zero, zero)
    used = ctx.process.kernel.clocks.now_ns(Clock.PROCESS if who is Who.SELF else Clock.THREAD)
    return Rusage(time_ns(used), zero)


@op(Op.GETPRIORITY)
def getpriority(ctx: Context, pid: int) -> int:
    """Nice value."""
    _self(ctx, pid)
    return 0


@op(Op.SCHED_AFFINITY)
def sched_affinity(ctx: Context, tid: int) -> bytes:
    """Processors a context may run on, as a bit mask: as many as the host's process has, numbered from 0.

    They take turns on one engine; a program that counts them behaves as on the host all the same. A
    deterministic run has one.
    """
    if tid and all(tid != c.tid for c in (ctx, *ctx.process.contexts)):
        raise Errno(E.SRCH)
    count = 1 if ctx.process.kernel.deterministic else len(os.sched_getaffinity(0))
    return ((1 << count) - 1).to_bytes(-(-count // 64) * 8, "little")


@op(Op.GETCPU)
def getcpu(ctx: Context) -> int:
    """Processor the context runs on."""
    return 0


@op(Op.SET_TID_ADDRESS)
def set_tid_address(ctx: Context, address: int) -> int:
    """Word to clear and wake when the context ends; the context's id."""
    ctx.clear_tid = address
    return ctx.tid


TLS_BASES = {Arch.X86_64: ("fs", "gs"), Arch.AARCH64: ("tpidr_el0",)}


def _check_base(ctx: Context, base: str) -> None:
    if base not in TLS_BASES[ctx.arch]:
        raise Errno(E.INVAL)


@op(Op.SET_TLS)
def set_tls(ctx: Context, base: str, address: int) -> None:
    """Set a TLS base register."""
    _check_base(ctx, base)
    if address >= ctx.mem.limit:
        raise Errno(E.PERM)
    ctx.cpu.set_base(ctx, base, address)


@op(Op.GET_TLS)
def get_tls(ctx: Context, base: str) -> int:
    """A TLS base register."""
    _check_base(ctx, base)
    return ctx.cpu.get_base(ctx, base)


@op(Op.SET_NAME)
def set_name(ctx: Context, name: bytes) -> None:
    """Name the context (15 bytes)."""
    ctx.process.data["comm" if ctx.tid == ctx.process.pid else f"name {ctx.tid}"] = name[:15]


@op(Op.GET_NAME)
def get_name(ctx: Context) -> bytes:
    """Name of the context; one that was not named has the process's."""
    name: bytes | None = ctx.process.data.get(f"name {ctx.tid}")
    return command_of(ctx.process) if name is None else name


def command_of(process: Process) -> bytes:
    """The process's own name: set by itself, else the last part of what was executed (15 bytes)."""
    program = process.exec_path.rpartition(b"/")[2][:15]
    name: bytes = process.data.get("comm", program)
    return name


@op(Op.YIELD)
def sched_yield(ctx: Context) -> None:
    """Let another context run, if there is one."""
    if ctx.wait is not None:
        ctx.wait = None
        return
    if len(ctx.process.contexts) > 1:
        ctx.wait = "yielded"
        raise Block(ready=lambda: True)
