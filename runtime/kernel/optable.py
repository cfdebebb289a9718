"""The kernel-ops table: which function implements each op, installed once, reserved slots at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from typing import Any, TypeVar

from aot.personality.abi.errors import E, Errno
from aot.personality.abi.op import RESERVED, Op

OpFunction = Callable[..., Any]
Fn = TypeVar("Fn", bound=OpFunction)

OPS: dict[Op, OpFunction] = {}
"""Op -> its one implementation, filled by the decorator below."""

MODULES = (
    "ops_file", "ops_path", "ops_open", "ops_change", "ops_sync", "ops_transfer", "ops_xattr", "ops_fd",
    "ops_tty", "ops_memory", "ops_remap", "ops_advice", "ops_across", "ops_ipc", "ops_mq", "restartable",
    "ops_process", "ops_signal", "ops_time", "ops_lock", "ops_fcntl", "ops_notify",
    "ops_pty", "ops_handle", "ops_terminal",
    "ops_poll", "ops_park", "ops_system", "ops_event", "ops_socket", "ops_message", "ops_sockopt",
    "ops_child", "ops_exec",
)  # fmt: skip
"""Files that implement ops."""
LATE: dict[str, tuple[Op, ...]] = {
    "ops_wait": (Op.WAIT, Op.WAITID),
    "ops_session": (Op.GETPGID, Op.GETSID, Op.SETPGID, Op.SETSID),
    "ops_ids": (
        Op.SET_UIDS, Op.SET_GIDS, Op.GETRESUID, Op.GETRESGID, Op.SET_FSUID, Op.SET_FSGID, Op.SETGROUPS,
        Op.CAPGET, Op.CAPSET,
    ),
    "ops_pidfd": (Op.PIDFD_OPEN, Op.PIDFD_SIGNAL, Op.PIDFD_GETFD, Op.KCMP, Op.UNSHARE, Op.SIGNALFD),
    "ops_sched": (
        Op.SCHED_GET, Op.SCHED_SET, Op.SCHED_AFFINITY, Op.SCHED_SETAFFINITY, Op.SCHED_INTERVAL, Op.SCHED_RANGE,
        Op.GETPRIORITY, Op.SETPRIORITY, Op.IOPRIO_GET, Op.IOPRIO_SET,
    ),
    "ops_trait": (Op.TRAIT_GET, Op.TRAIT_SET, Op.PERSONA),
    "ops_itimer": (
        Op.ALARM, Op.SETITIMER, Op.GETITIMER, Op.TIMER_CREATE, Op.TIMER_SETTIME, Op.TIMER_GETTIME,
        Op.TIMER_OVERRUN, Op.TIMER_DELETE,
    ),
    "ops_futex": (Op.ROBUST_SET, Op.ROBUST_GET, Op.UNPARK_OP, Op.PARK_MANY, Op.PI_LOCK, Op.PI_UNLOCK),
}  # fmt: skip
"""Files whose ops most programs never use: they are read when one of them is bound."""
_FILE_OF = {code: name for name, codes in LATE.items() for code in codes}


class OpTableError(Exception):
    """The table of ops contradicts itself or was installed twice."""


def op(code: Op) -> Callable[[Fn], Fn]:
    """Bind a function as the one implementation of a native op."""

    def bind(fn: Fn) -> Fn:
        if code in OPS:
            raise OpTableError(f"{code.name} bound twice: {OPS[code].__name__} and {fn.__name__}")
        OPS[code] = fn
        return fn

    return bind


def no_such_op(ctx: Any, **_: Any) -> Any:
    """What an empty slot answers."""
    raise Errno(E.NOSYS)


class KernelOps(Mapping[Op, OpFunction]):
    """Ops in table order; slots without an op, and those reserved for growth, answer ENOSYS."""

    def __init__(self, functions: Mapping[Op, OpFunction]) -> None:
        if any(code >= RESERVED for code in functions):
            raise OpTableError(f"ops end at {RESERVED}")
        self.slots: list[OpFunction] = [no_such_op] * RESERVED
        for code, fn in functions.items():
            self.slots[code] = fn
        self._functions = dict(functions)

    def __getitem__(self, code: Op) -> OpFunction:
        if code not in self._functions and code in _FILE_OF:
            import_module(f"runtime.kernel.{_FILE_OF[code]}")
            fn = self.slots[code] = self._functions[code] = OPS[code]
            return fn
        return self._functions[code]

    def __iter__(self) -> Iterator[Op]:
        return iter(sorted({*self._functions, *_FILE_OF}))

    def __len__(self) -> int:
        return len({*self._functions, *_FILE_OF})


def standard_ops() -> KernelOps:
    """Every op this kernel implements."""
    for name in MODULES:
        import_module(f"runtime.kernel.{name}")
    return KernelOps(OPS)


class Interface:
    """The kernel interface of one run: empty until `personality_init`."""

    def __init__(self) -> None:
        self.ops: Mapping[Op, OpFunction] = {}

    def personality_init(self, ops: KernelOps) -> None:
        """Install the table. Raises OpTableError the second time."""
        if self.ops:
            raise OpTableError("the kernel interface is installed already")
        self.ops = ops
