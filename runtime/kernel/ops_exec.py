"""The op that replaces a process's program."""

from __future__ import annotations

from collections.abc import Callable

from aot.personality.abi.errors import E, Errno
from aot.personality.abi.neutral import CWD, At, FileType, Open
from aot.personality.abi.op import Op
from runtime.kernel.context import Context
from runtime.kernel.leave import Exec
from runtime.kernel.node import File, Node
from runtime.kernel.ops_path import base_of
from runtime.kernel.optable import op

CHUNK, LARGEST = 1 << 20, 1 << 30
SCRIPTS = 4  # most interpreters in a row
LINE = 256  # bytes of a script's first line that count
NO_FLAGS = At(0)


@op(Op.EXECVE)
def execve(
    ctx: Context,
    dirfd: int,
    path: bytes,
    argv: tuple[bytes, ...],
    env: tuple[bytes, ...],
    flags: At = NO_FLAGS,
) -> None:
    """Run another program in this process; comes back only when it cannot.

    With EMPTY_PATH and no path that is the file `dirfd` itself.
    """
    load = ctx.process.kernel.load
    if load is None:
        raise Errno(E.NOSYS)
    comm = path.rpartition(b"/")[2][:15]  # what was asked for: neither a link's target nor an interpreter
    for _ in range(SCRIPTS):
        if not path and not flags & At.EMPTY_PATH:
            raise Errno(E.NOENT)
        if path:
            raw, name, node = _contents(ctx, dirfd, path, follow=not flags & At.NOFOLLOW)
        else:
            raw, name, node = _opened(ctx, dirfd)
            path = b"/dev/fd/%d" % dirfd
        if not raw.startswith(b"#!"):
            raise Exec(_beginning(load(ctx.process, raw, name, argv, env), node, comm))
        words = raw[2:LINE].split(b"\n", 1)[0].strip().split(None, 1)
        if not words:
            raise Errno(E.NOEXEC)
        argv = (*words, path, *argv[1:])
        path, flags, dirfd = words[0], NO_FLAGS, CWD
    raise Errno(E.LOOP)


def _beginning(start: Callable[[Context], Context], node: Node, comm: bytes) -> Callable[[Context], Context]:
    """`start`, after which the process knows the file it runs and its own name."""

    def begin(ctx: Context) -> Context:
        new = start(ctx)
        new.process.data["exec_node"] = node
        new.process.data["comm"] = comm
        return new

    return begin


def _check(ctx: Context, node: Node) -> bool:
    """Whether a file is the running program. Raises ACCES for one that is no executable file."""
    if node is ctx.process.data.get("exec_node", ctx.process.names.exec_node):
        return True
    mode = node.stat().mode
    if mode >> 12 != FileType.REGULAR or not mode & 0o111:
        raise Errno(E.ACCES)
    return False


def _opened(ctx: Context, fd: int) -> tuple[bytes, bytes, Node]:
    """The same of an open file."""
    file = ctx.process.files.get(fd)
    _check(ctx, file.node)
    again = file.node.open(Open.READ)
    try:
        return _read(again), file.path, file.node
    finally:
        again.close()


def _contents(ctx: Context, dirfd: int, path: bytes, *, follow: bool) -> tuple[bytes, bytes, Node]:
    """All bytes of an executable file, its absolute path, and the file itself."""
    names = ctx.process.names
    place = names.find(base_of(ctx, dirfd, path), path, follow=follow)
    node = place.node()
    running = _check(ctx, node)
    file = node.open(Open.READ)
    try:
        return _read(file), ctx.process.exec_path if running else place.text, node
    finally:
        file.close()


def _read(file: File) -> bytes:
    parts = bytearray()
    buf = memoryview(bytearray(CHUNK))
    while got := file.read((buf,)):
        parts += buf[:got]
        if len(parts) > LARGEST:
            raise Errno(E.NOMEM)
    return bytes(parts)
