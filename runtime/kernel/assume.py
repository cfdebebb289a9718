"""Lets the host judge file operations by the ids of the guest process that asks.

A guest may change its ids only where this process is the host's root. Then files must be made by, and access be
judged for, the guest's ids: setfsuid(2) and setfsgid(2) do both for the calling thread, around each
operation, so that whatever is the runtime's own (its modules, its caches) stays reachable in between.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable
from functools import wraps
from types import FunctionType
from typing import Any, TypeVar

from runtime.kernel.context import Credentials

_LIBC = ctypes.CDLL(None, use_errno=True)
# setgroups(2) itself acts on one thread, the library's function on all
_SETGROUPS = {"x86_64": 116, "aarch64": 159}.get(os.uname().machine)
_Class = TypeVar("_Class", bound=type)
_caller: Credentials | None = None
_own = (os.geteuid(), os.getegid(), frozenset(os.getgroups()))


def act_for(creds: Credentials) -> None:
    """File operations from now on are those of a process with these ids."""
    global _caller  # noqa: PLW0603  the host's thread has these ids, and there is one
    same = (creds.fsuid, creds.fsgid, frozenset(creds.groups)) == _own
    _caller = None if same or _own[0] != 0 else creds


def owner_of_new(uid: int, gid: int) -> tuple[int, int]:
    """Who owns what is made now on a file system of `uid` and `gid`: a caller with ids of its own does."""
    return (uid, gid) if _caller is None else (_caller.fsuid, _caller.fsgid)


def _set_groups(groups: tuple[int, ...]) -> None:
    if _SETGROUPS is None:
        os.setgroups(groups)
        return
    ids = (ctypes.c_uint32 * max(len(groups), 1))(*groups)
    _LIBC.syscall(ctypes.c_long(_SETGROUPS), ctypes.c_long(len(groups)), ids)


def _guarded(method: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(method)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        global _caller  # noqa: PLW0603
        creds = _caller
        if creds is None:
            return method(*args, **kwargs)
        _caller = None  # methods that call one another change ids once
        _set_groups(creds.groups)
        _LIBC.setfsgid(creds.fsgid)
        _LIBC.setfsuid(creds.fsuid)  # root's rights over files leave with it, capabilities(7)
        try:
            return method(*args, **kwargs)
        finally:
            _LIBC.setfsuid(_own[0])
            _LIBC.setfsgid(_own[1])
            _set_groups(tuple(_own[2]))
            _caller = creds

    return guarded


def as_caller(cls: _Class) -> _Class:
    """Every operation of the class is the guest's: judged by its ids."""
    for name, method in list(vars(cls).items()):
        if isinstance(method, FunctionType) and not name.startswith("_"):
            setattr(cls, name, _guarded(method))
    return cls
