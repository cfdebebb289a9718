"""What a call is about: the paths and the socket addresses that the kernel's ops are given, as text.

A path is where it leads in the guest's tree, links followed as the op follows them; a process's own directory in
/proc is /proc/self. An address is HOST:PORT,
[HOST]:PORT for IPv6, unix:PATH, unix:@NAME, or netlink:.
"""

from __future__ import annotations

import ipaddress
import os
import posixpath
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from aot.personality.abi.errors import Errno
from aot.personality.abi.kinds_socket import Message
from aot.personality.abi.neutral import CWD, At, Open
from aot.personality.abi.neutral_files import Resolve
from aot.personality.abi.neutral_socket import ForeignName, InetName, NetlinkName, SocketName, UnixName
from aot.personality.abi.op import Op
from aot.record import dataclass
from runtime.kernel.context import Context
from runtime.kernel.ops_path import base_of, place_of

PATHS: tuple[tuple[str, str], ...] = (("path", "dirfd"), ("oldpath", "olddirfd"), ("newpath", "newdirfd"))
"""Op parameters that are paths, each with that of the directory it starts in."""
AT_PATHS = frozenset((
    Op.OPENAT, Op.OPENAT2, Op.STATAT, Op.STATX, Op.READLINKAT, Op.UNLINKAT, Op.MKDIRAT, Op.RENAMEAT, Op.EXCHANGE,
    Op.FACCESSAT, Op.CHDIR, Op.CHROOT, Op.TRUNCATE, Op.LINKAT, Op.SYMLINKAT, Op.FCHMODAT, Op.FCHOWNAT,
    Op.UTIMENSAT, Op.STATFS, Op.EXECVE, Op.MKNODAT, Op.GETXATTR, Op.SETXATTR, Op.LISTXATTR, Op.REMOVEXATTR,
    Op.INOTIFY_ADD, Op.FILE_HANDLE,
))  # fmt: skip
AT_NAMES = frozenset((Op.BIND, Op.CONNECT, Op.SENDTO, Op.SENDMSG))
ITSELF = frozenset((
    Op.READLINKAT, Op.UNLINKAT, Op.MKDIRAT, Op.RENAMEAT, Op.EXCHANGE, Op.SYMLINKAT, Op.MKNODAT,
))  # fmt: skip
"""Ops that mean a link itself, never what it leads to."""
MAKES = frozenset((Op.MKDIRAT, Op.RENAMEAT, Op.LINKAT, Op.SYMLINKAT, Op.MKNODAT, Op.BIND))


@dataclass(frozen=True, slots=True)
class Target:
    """A path or an address; `made` when the call gives a new name to something."""

    text: str
    path: bool
    made: bool = False


def targets(ctx: Context, op: Op, given: dict[str, Any]) -> Iterator[Target]:
    """The targets of an op that is called with the parameters `given`."""
    if op in AT_NAMES:
        name = given["message"].name if isinstance(given.get("message"), Message) else given.get("name")
        if name is not None:
            yield Target(address(ctx, name), path=False, made=op in MAKES)
        return
    made = op in MAKES or _creates(given)
    for path, directory in PATHS:
        if isinstance(given.get(path), bytes):
            named = given[path]
            if given.get("resolve", Resolve(0)) & Resolve.IN_ROOT:
                named = named.lstrip(b"/") or b"."
            text = where(ctx, given.get(directory, CWD), named, follow=_follows(op, given))
            if text:
                yield Target(text, path=True, made=made and path != "oldpath")


def _creates(given: dict[str, Any]) -> bool:
    flags = given.get("flags")
    return isinstance(flags, Open) and bool(flags & Open.CREATE)


def _follows(op: Op, given: dict[str, Any]) -> bool:
    """Whether an op that is given a link means what it leads to."""
    if op in ITSELF:
        return False
    flags = given.get("flags")
    if isinstance(flags, Open):
        return not flags & Open.NOFOLLOW and not (flags & Open.CREATE and flags & Open.EXCLUSIVE)
    if isinstance(flags, At):
        return bool(flags & At.FOLLOW) if op is Op.LINKAT else not flags & At.NOFOLLOW
    return op is not Op.LINKAT


def where(ctx: Context, dirfd: int, path: bytes, *, follow: bool) -> str:
    """The absolute path a path leads to; what it says where it leads nowhere. Empty for a descriptor alone."""
    if not path:
        place = None if dirfd == CWD else ctx.process.files.get(dirfd).place
        return "" if place is None else os.fsdecode(place.text)
    try:
        found = place_of(ctx, dirfd, path, follow=follow).text
    except Errno:
        try:
            base = base_of(ctx, dirfd, path).text
        except Errno:
            base = b"/"
        found = posixpath.normpath(posixpath.join(b"/", base, path))
    own = b"/proc/%d/" % ctx.process.pid
    return os.fsdecode(b"/proc/self/" + found[len(own) :] if found.startswith(own) else found)


def address(ctx: Context, name: SocketName) -> str:
    """A socket's name as text."""
    match name:
        case InetName():
            host = ipaddress.ip_address(name.host)
            return f"[{host}]:{name.port}" if host.version == 6 else f"{host}:{name.port}"
        case UnixName() if name.path[:1] == b"\0":
            return "unix:@" + os.fsdecode(name.path[1:])
        case UnixName():
            return "unix:" + (where(ctx, CWD, name.path, follow=True) if name.path else "")
        case NetlinkName():
            return "netlink:"
        case ForeignName():
            return f"{name.family.name.lower()}:"


def path_matches(pattern: str, path: str) -> bool:
    """Whether a path is the one named, or below the directory named with a slash at its end; * stands for any
    name."""
    if "*" in pattern:
        return _starred(pattern).fullmatch(path) is not None
    if pattern.endswith("/"):
        return path.startswith(pattern) or path == pattern[:-1] or path == pattern
    return path == pattern


@lru_cache(maxsize=1024)
def _starred(pattern: str) -> re.Pattern[str]:
    """What matches a pattern with stars, each of which stays within one name."""
    body = "[^/]*".join(map(re.escape, pattern.rstrip("/").split("*")))
    return re.compile(f"{body}(/.*)?" if pattern.endswith("/") else body, re.DOTALL)


def address_matches(pattern: str, text: str) -> bool:
    """Whether an address is the one of a pattern: HOST:PORT, where HOST may be a network (10.0.0.0/8) or *,
    and PORT *; unix:PATH, unix:DIRECTORY/, unix:@NAME; netlink:."""
    if text.startswith("unix:/") and pattern.startswith("unix:/"):
        return path_matches(pattern[5:], text[5:])
    host, colon, port = pattern.rpartition(":")
    found, _, at = text.rpartition(":")
    if not colon or port not in ("*", at) or not at.isdigit():
        return pattern == text
    host, found = host.strip("[]"), found.strip("[]")
    if host == "*":
        return True
    return ipaddress.ip_address(found) in ipaddress.ip_network(host.replace("]/", "/"), strict=False)
