"""Darwin's columns, and how a call's class is part of its number.

From: osfmk/mach/i386/syscall_sw.h (SYSCALL_CLASS_*), osfmk/arm64/sleh.c (handle_svc).
"""

from __future__ import annotations

from typing import Any

from aot.personality.abi.call import VALUE, Call, Ret, Status
from aot.personality.abi.kinds import FD, Args, Kind, To
from aot.personality.abi.op import Op
from aot.personality.bsd.master import AARCH64, COLUMNS, X86_64, Master
from aot.personality.darwin.fails import SYSTEM_CALL
from aot.personality.darwin.kinds import DIRFD
from aot.personality.darwin.names import BSD

__all__ = ["AARCH64", "COLUMNS", "MASTER", "X86_64", "bsd", "mach", "machdep"]


CLASS_MACH, CLASS_BSD, CLASS_MACHDEP = 1 << 24, 2 << 24, 3 << 24
PLATFORM = 0x8000_0000


def bsd(number: int) -> dict[str, int | None]:
    """A BSD call."""
    return {X86_64: CLASS_BSD | number, AARCH64: number}


def mach(number: int) -> dict[str, int | None]:
    """A Mach trap: on arm64 its number is negative, and 32 bits of it count."""
    return {X86_64: CLASS_MACH | number, AARCH64: -number & 0xFFFF_FFFF}


def machdep(number: int) -> dict[str, int | None]:
    """A machine-dependent call of x86_64."""
    return {X86_64: CLASS_MACHDEP | number}


class DarwinMaster(Master):
    """Rows of the BSD class: a row serves the trap and the function of libSystem with its name."""

    def nr(self, name: str) -> dict[str, int | None]:
        """The number of a BSD call in both columns. Raises KeyError when there is none."""
        return bsd(self._numbers[name])

    def row(
        self,
        name: str,
        op: Op | None,
        status: Status,
        args: Args | None = None,
        ret: Ret = VALUE,
        **more: Any,
    ) -> Call | None:
        """A row under Darwin's name and number, with the names libSystem gives it."""
        if name in UNLIKE:
            return None
        args = {argument: _dirfd(kind) for argument, kind in (args or {}).items()}
        more = {"symbols": symbols(name), "fail": SYSTEM_CALL, "named": NAMED.get(name), **more}
        return super().row(name, op, status, args, ret, **more)


def symbols(name: str) -> tuple[str, ...]:
    """The names of libSystem for a system call: plain, without cancellation points, with 64-bit inodes."""
    wide = (f"_{name}64",) if name in SPELLED else ()
    own = ("___getdirentries64",) if name == "getdirentries" else ()
    return (*own, *(f"_{name}{suffix}" for suffix in ("", "$NOCANCEL", "$INODE64", "$UNIX2003")), *wide)


def _dirfd(kind: Kind) -> Kind:
    if isinstance(kind, To) and kind.param in ("dirfd", "olddirfd", "newdirfd") and kind.kind == FD:
        return To(kind.param, DIRFD)
    return kind


SPELLED = {
    "stat": "stat64", "lstat": "lstat64", "fstat": "fstat64", "fstatat": "fstatat64",
    "statfs": "statfs64", "fstatfs": "fstatfs64", "getdirentries": "getdirentries64",
}  # fmt: skip
"""Calls that Darwin has twice; the first one is from before 64-bit inode numbers."""
UNLIKE = frozenset({"exit", "sigaction", "sigsuspend", "gettimeofday", "sysctl", "__sysctlbyname", "futimes"})
"""Calls whose arguments differ from the other BSDs': Darwin's own rows have them."""
NAMED = {"open": 2, "openat": 3, "ioctl": 2, "fcntl": 2}
"""Arguments that are not variadic in libSystem's prototypes."""
MASTER = DarwinMaster(BSD, SPELLED)
