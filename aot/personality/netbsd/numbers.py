"""NetBSD's columns and numbers; from the names of names.py."""

from __future__ import annotations

from aot.personality.bsd.master import AARCH64, COLUMNS, X86_64, Master
from aot.personality.netbsd.names import NAMES

__all__ = ["AARCH64", "COLUMNS", "MASTER", "SPELLED", "X86_64", "nr"]

SPELLED: dict[str, str] = {
    "stat": "__stat50", "lstat": "__lstat50", "fstat": "__fstat50", "getdents": "__getdents30",
    "utimes": "__utimes50", "futimes": "__futimes50", "ppoll": "__pollts50", "wait4": "__wait450",
    "getrusage": "__getrusage50", "sysctl": "__sysctl",
    "sigprocmask": "__sigprocmask14", "sigpending": "__sigpending14", "sigsuspend": "__sigsuspend14",
    "sigaltstack": "__sigaltstack14", "clock_gettime": "__clock_gettime50",
    "clock_getres": "__clock_getres50", "gettimeofday": "__gettimeofday50", "nanosleep": "__nanosleep50",
    "setitimer": "__setitimer50", "getitimer": "__getitimer50", "msync": "__msync13",
}  # fmt: skip
"""The current form of a call, where a change of its arguments gave it a new name."""
MASTER = Master(NAMES, SPELLED)
nr = MASTER.nr
