"""Ops on the calling process and context: ids, limits, usage, ending."""

from __future__ import annotations

from aot.image.model import Arch
from aot.personality.abi.errors import E, Errno
from aot.personality.abi.neutral import Clock, Resource, Rlimit, Rusage, Who, time_ns
from aot.personality.abi.neutral_process import Spent
from aot.personality.abi.op import Op
from aot.record import dataclass
from runtime.kernel.context import Context, Process
from runtime.kernel.kin import alone, find_process
from runtime.kernel.leave import Block, ExitContext, ExitProcess, Spawn
from runtime.kernel.limits import room_for_context
from runtime.kernel.ops_ids import capable
from runtime.kernel.ops_time import now_of
from runtime.kernel.optable import op
from runtime.kernel.park import ALL
from runtime.kernel.robust import give_up, key_of
from runtime.kernel.usage import context_ns, process_ns

STACK = 8 << 20
MAX_CONTEXTS = 8192
SYS_RESOURCE = 24
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
    """End the context: give up its locks, clear the word it was asked to clear and wake who waits for that."""
    give_up(ctx)
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
    new_tid: int = 0,
) -> int:
    """Start another context: its id in the caller, 0 in the new one. See leave.Spawn."""
    state = ctx.wait
    if isinstance(state, Spawned):
        ctx.wait = None
        return state.result
    if len(ctx.process.contexts) >= MAX_CONTEXTS:
        raise Errno(E.AGAIN)
    if new_tid and find_process(ctx.process.kernel, new_tid) is not None:
        raise Errno(E.EXIST)
    if ctx.process.kernel.limits is not None:
        room_for_context(ctx)
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
        tid=new_tid,
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


@op(Op.UMASK)
def umask(ctx: Context, mask: int) -> int:
    """Set the file mode mask; the old one."""
    old, ctx.process.umask = ctx.process.umask, mask & 0o777
    return old


def rlimit_of(process: Process, resource: Resource) -> Rlimit:
    """A resource limit of a process."""
    limits: dict[Resource, Rlimit] = process.data.get("limits", LIMITS)
    return limits.get(resource, _UNLIMITED)


def limit_of(process: Process, resource: Resource) -> int | None:
    """What a process may have of a resource now; None: as much as there is."""
    return rlimit_of(process, resource).current


@op(Op.GETRLIMIT)
def getrlimit(ctx: Context, resource: Resource) -> Rlimit:
    """A resource limit."""
    return rlimit_of(ctx.process, resource)


@op(Op.SETRLIMIT)
def setrlimit(ctx: Context, resource: Resource, limit: Rlimit | None, pid: int = 0) -> Rlimit:
    """Change a resource limit of a process (0: the own); the old one. Those of files are enforced.

    Raises SRCH, and PERM for a process of another user.
    """
    process = ctx.process if pid in (0, ctx.tid) else find_process(ctx.process.kernel, pid)
    if process is None:
        raise Errno(E.SRCH)
    privileged = capable(ctx, SYS_RESOURCE)
    own, other = ctx.process.creds, process.creds
    same = {own.uid} == {other.uid, other.euid, other.suid} and {own.gid} == {
        other.gid,
        other.egid,
        other.sgid,
    }
    if process is not ctx.process and not privileged and not same:
        raise Errno(E.PERM)
    old = rlimit_of(process, resource)
    if limit is not None:
        _check_limit(old, limit, privileged=privileged)
        # a new dictionary: a forked process keeps the old one
        process.data["limits"] = {**process.data.get("limits", LIMITS), resource: limit}
        if resource is Resource.NOFILE:
            files = process.files
            files.limit = files.most if limit.current is None else min(limit.current, files.most)
        elif resource is Resource.FSIZE:
            process.files.restrict(limit.current)
    return old


def _check_limit(old: Rlimit, new: Rlimit, *, privileged: bool) -> None:
    if new.maximum is not None and (new.current is None or new.current > new.maximum):
        raise Errno(E.INVAL)
    raised = old.maximum is not None and (new.maximum is None or new.maximum > old.maximum)
    if raised and not privileged:
        raise Errno(E.PERM)


@op(Op.GETRUSAGE)
def getrusage(ctx: Context, who: Who) -> Rusage:
    """Processor time used; all of it counts as the program's own."""
    zero = time_ns(0)
    if who is Who.CHILDREN:
        return Rusage(time_ns(ctx.process.life.children_ns), zero)
    return Rusage(time_ns(process_ns(ctx.process) if who is Who.SELF else context_ns(ctx)), zero)


@op(Op.TIMES)
def times(ctx: Context) -> Spent:
    """Processor time of the process and of the children it has waited for, and real time since some instant, ns."""
    process = ctx.process
    return Spent(process_ns(process), process.life.children_ns, now_of(ctx, Clock.BOOT))


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
    if not alone(ctx):
        ctx.wait = "yielded"
        raise Block(ready=lambda: True, interruptible=False)
