"""The guest's default world: which mounts, devices and small files a run starts with."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from typing import Any

from aot.errors import SetupError
from aot.personality.abi.errors import E, Errno
from aot.personality.abi.neutral import Clock
from aot.record import dataclass
from runtime.kernel.clock import Clocks
from runtime.kernel.namespace import Mount, Namespace
from runtime.kernel.node import Directory, Node
from runtime.kernel.schemes.dev import DevDirectory
from runtime.kernel.schemes.hostfs import host_file, host_root
from runtime.kernel.schemes.memfs import MemDirectory, MemFile, Volume
from runtime.kernel.schemes.memnodes import CAPACITY
from runtime.kernel.schemes.proc.root import ProcRoot
from runtime.kernel.schemes.proc.sys import SysRoot
from runtime.kernel.schemes.pty import PtsDirectory

ROOT_DEV, TMP_DEV, SHM_DEV = 8, 9, 11


@dataclass(frozen=True, slots=True)
class MountSpec:
    """`GUEST=HOST[:ro]`."""

    guest: str
    host: str
    read_only: bool = False

    @classmethod
    def parse(cls, text: str) -> MountSpec:
        """A spec from its command-line form. Raises SetupError."""
        guest, found, host = text.partition("=")
        read_only = host.endswith(":ro")
        host = host.removesuffix(":ro")
        if not found or not guest.startswith("/") or not host:
            raise SetupError(f"--mount wants GUEST=HOST[:ro] with an absolute GUEST, not {text!r}")
        return cls(guest, host, read_only)


def build_world(
    *,
    clocks: Clocks,
    random: Any,
    uid: int,
    gid: int,
    root: str | None = None,
    mounts: tuple[MountSpec, ...] = (),
    cwd: str | None = None,
    program: str | None = None,
    memory: int | None = None,
) -> Namespace:
    """The namespace of a new run. `root` is a host directory that becomes /; without it / is empty but
    for the mounts and the host's current directory at its own path. `program` is the host path of what runs:
    it is there under that path too, so that it can execute itself. The guest starts in `cwd`, else in the
    host's current directory where its tree has that, else in /. Each file system in memory may hold `memory` bytes.

    Raises SetupError for a host path that cannot be opened.
    """

    def now() -> int:
        return clocks.now_ns(Clock.REALTIME)

    most = CAPACITY if memory is None else min(memory, CAPACITY)
    volume = Volume(now, ROOT_DEV, 0, 0, capacity=most)
    top: Directory = MemDirectory(volume) if root is None else _directory(root)
    names = Namespace(Mount((), top))
    here = os.getcwd()
    if root is None or os.path.realpath(root) != "/":  # whoever is shown the whole host gets its /tmp, too
        tmp = MemDirectory(Volume(now, TMP_DEV, uid, gid, capacity=most), mode=0o1777)
        _attach(names, b"/tmp", tmp, read_only=False)
    _attach(names, b"/dev", DevDirectory(random, names), read_only=False)
    _attach(names, b"/dev/pts", PtsDirectory(names), read_only=False)
    shared = MemDirectory(Volume(now, SHM_DEV, uid, gid, capacity=most), mode=0o1777)
    _attach(names, b"/dev/shm", shared, read_only=False)
    _attach(names, b"/proc", ProcRoot(names), read_only=False)
    _attach(names, b"/sys", SysRoot(names), read_only=True)
    if root is None:
        _small_files(top, volume, uid, gid)
        if here != "/":
            _attach(names, os.fsencode(here), _directory("."), read_only=False)
            _show_facts(names, here)
    for spec in mounts:
        _mount(names, spec)
    if program is not None:
        names.exec_node = _node(program)
        _show_program(names, program, names.exec_node)
    _enter(names, cwd if cwd is not None else here if root is None else _beneath(names, root, here))
    if root is None:
        names.root = names.mounts[()] = Mount((), top, read_only=True)
        names.cwd = names.top if not names.cwd.path else names.cwd
    return names


def _beneath(names: Namespace, root: str, here: str) -> str:
    """Where the guest finds the host directory `here` when / is `root`; / when it lies elsewhere.

    A current directory that the private /tmp would hide is shown, as it is without `root`.
    """
    top = os.path.realpath(root)
    if os.path.commonpath((here, top)) != top:
        return "/"
    path = os.path.normpath(os.path.join("/", os.path.relpath(here, top)))
    with suppress(Errno):
        found = names.directory(names.top, os.fsencode(path)).node.stat()
        host = os.stat(here)
        if (found.dev, found.ino) == (host.st_dev, host.st_ino):
            return path
    _attach(names, os.fsencode(path), _directory(here), read_only=False)
    return path


def _show_program(names: Namespace, program: str, node: Node) -> None:
    """Put the running program at its own path, unless the guest has something there or a host directory above."""
    path = os.fsencode(os.path.abspath(program))
    with suppress(Errno):
        names.find(names.top, path, follow=True).stat()
        return
    *above, name = (part for part in path.split(b"/") if part)
    parent = _synthetic(names, tuple(above))
    if parent is not None:
        parent.children[name] = node


def _node(path: str) -> Node:
    try:
        return host_file(path)
    except OSError as error:
        raise SetupError(f"{path}: {error.strerror}") from None


def _directory(path: str) -> Directory:
    try:
        return host_root(path)
    except OSError as error:
        raise SetupError(f"{path}: {error.strerror}") from None


def _mount(names: Namespace, spec: MountSpec) -> None:
    try:
        is_dir = stat.S_ISDIR(os.stat(spec.host).st_mode)
    except OSError as error:
        raise SetupError(f"{spec.host}: {error.strerror}") from None
    if is_dir:
        _attach(names, spec.guest.encode(), _directory(spec.host), read_only=spec.read_only)
        return
    above, _, name = spec.guest.rstrip("/").rpartition("/")
    parent = _synthetic(names, tuple(n for n in above.encode().split(b"/") if n))
    if parent is None:
        raise SetupError(f"{spec.guest}: a single file can only be mounted where no host directory is")
    parent.children[name.encode()] = _node(spec.host)


def _attach(names: Namespace, path: bytes, root: Directory, *, read_only: bool) -> None:
    """Mount a directory, making the synthetic directories that lead to it."""
    parts = tuple(n for n in path.split(b"/") if n)
    if parts:
        _synthetic(names, parts)
    names.mount(path, root, read_only=read_only)


def _synthetic(names: Namespace, parts: tuple[bytes, ...]) -> MemDirectory | None:
    """The memory directory at `parts`, made as needed; None when there is a directory of another kind.

    Where a host directory has no such name, a memory directory is mounted there.
    """
    here = names.root.root
    for depth, part in enumerate(parts):
        mount = names.mounts.get(parts[: depth + 1])
        if mount is not None:
            here = mount.root
            continue
        if not isinstance(here, MemDirectory):
            try:
                here = here.descend(part)
                continue
            except Errno as error:
                if error.code is not E.NOENT:
                    return None
            here = MemDirectory(Volume(lambda: 0, ROOT_DEV, 0, 0))
            names.mount(b"/" + b"/".join(parts[: depth + 1]), here)
            continue
        child = here.children.get(part)
        if child is None:
            child = here.children[part] = MemDirectory(here.volume)
            here.nlink += 1
        if not isinstance(child, MemDirectory):
            return None
        here = child
    return here if isinstance(here, MemDirectory) else None


def _show_facts(names: Namespace, here: str) -> None:
    """Directories above the current one are empty, but look as on the host (`ls -la` lists `..`)."""
    path = here
    while path != "/":
        path = os.path.dirname(path)
        parts = tuple(n for n in os.fsencode(path).split(b"/") if n)
        mount = names.mounts.get(parts)
        node = mount.root if mount is not None else _synthetic(names, parts)
        if isinstance(node, MemDirectory):
            with suppress(SetupError):  # a directory the user may not pass keeps made-up facts
                node.facts = _directory(path)


def _small_files(top: Directory, volume: Volume, uid: int, gid: int) -> None:
    """/etc/passwd and /etc/group with root and the user, so that owners have names; /etc/hosts with this machine."""
    assert isinstance(top, MemDirectory)
    users = {0: "root"} | ({uid: "user"} if uid else {})
    groups = {0: "root"} | ({gid: "user"} if gid else {})
    passwd = "".join(f"{name}:x:{n}:{gid if n else 0}::/:/bin/sh\n" for n, name in users.items())
    group = "".join(f"{name}:x:{n}:\n" for n, name in groups.items())
    etc = MemDirectory(volume)
    etc.children[b"passwd"] = MemFile(volume, 0o644, passwd.encode())
    etc.children[b"group"] = MemFile(volume, 0o644, group.encode())
    etc.children[b"hosts"] = MemFile(volume, 0o644, b"127.0.0.1\tlocalhost\n::1\tlocalhost\n")
    top.children[b"etc"] = etc


def _enter(names: Namespace, cwd: str) -> None:

    try:
        names.cwd = names.directory(names.top, os.fsencode(cwd))
    except Errno as error:
        raise SetupError(f"--cwd {cwd}: {error.code.value} in the guest's tree") from None
