"""/proc: all of it is about the guest, nothing about the host. Processes come and go with the run's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from aot.personality.abi.errors import E, Errno
from aot.personality.abi.neutral import FileType
from runtime.kernel.node import Jump, Link, Node
from runtime.kernel.ops_process import command_of
from runtime.kernel.schemes.proc import memory, mounts, status
from runtime.kernel.schemes.proc.descriptors import FdDirectory, InfoDirectory
from runtime.kernel.schemes.proc.nodes import Facts, Fixed, Listing, TextNode
from runtime.kernel.schemes.proc.system import fill_net, fill_system

if TYPE_CHECKING:
    from runtime.kernel.context import Context, Process
    from runtime.kernel.namespace import Namespace

NAME_MAX = 15
SELF, THREAD_SELF, MOUNTS, NET = b"self", b"thread-self", b"mounts", b"net"
_TEXTS: dict[bytes, tuple[int, Callable[[Process, Context | None], bytes]]] = {
    b"auxv": (0o400, lambda p, c: memory.auxv(p)),
    b"cgroup": (0o444, lambda p, c: b"0::/\n"),
    b"cmdline": (0o444, lambda p, c: _joined(p, "argv")),
    b"cpuset": (0o444, lambda p, c: b"/\n"),
    b"environ": (0o400, lambda p, c: _joined(p, "env")),
    b"io": (0o400, lambda p, c: status.IO),
    b"limits": (0o444, lambda p, c: status.limits(p)),
    b"maps": (0o444, lambda p, c: memory.maps(p)),
    b"mountinfo": (0o444, lambda p, c: mounts.mountinfo(p)),
    b"mounts": (0o444, lambda p, c: mounts.mounts(p)),
    b"mountstats": (0o400, lambda p, c: mounts.mountstats(p)),
    b"oom_score": (0o444, lambda p, c: b"0\n"),
    b"personality": (0o400, lambda p, c: b"00000000\n"),
    b"schedstat": (0o444, lambda p, c: b"0 0 0\n"),
    b"sessionid": (0o444, lambda p, c: b"4294967295\n"),
    b"smaps": (0o444, lambda p, c: memory.smaps(p)),
    b"smaps_rollup": (0o444, lambda p, c: memory.rollup(p)),
    b"stack": (0o400, lambda p, c: b""),
    b"stat": (0o444, status.stat),
    b"statm": (0o444, lambda p, c: status.statm(p)),
    b"status": (0o444, status.status),
    b"syscall": (0o400, lambda p, c: b"running\n"),
    b"wchan": (0o444, lambda p, c: b"0"),
    b"uid_map": (0o644, lambda p, c: b"         0          0 4294967295\n"),
    b"gid_map": (0o644, lambda p, c: b"         0          0 4294967295\n"),
    b"setgroups": (0o644, lambda p, c: b"allow\n"),
}
"""Texts of /proc/<pid> and /proc/<pid>/task/<tid>: rights, and what they say of a process (of one context)."""
_WORDS = {b"oom_score_adj": b"0", b"oom_adj": b"0", b"loginuid": b"4294967295", b"coredump_filter": b"00000033",
          b"timerslack_ns": b"50000", b"autogroup": b"/autogroup-1 nice 0"}  # fmt: skip
"""Texts that a process may write: kept, and without effect."""


def _joined(process: Process, key: str) -> bytes:
    return b"".join(item + b"\0" for item in process.data.get(key, ()))


class ProcessDirectory(Listing):
    """/proc/<pid>, or with `ctx` /proc/<pid>/task/<tid>."""

    def __init__(self, names: Namespace, process: Process, ctx: Context | None = None) -> None:
        ino = process.pid * 1000 if ctx is None else ctx.tid * 1000 + 500
        super().__init__(Facts(ino, 0o555, process.creds.euid, process.creds.egid))
        self.shared, self.process, self.ctx = names, process, ctx

    def _facts(self, offset: int, mode: int) -> Facts:
        return Facts(self.facts.ino + offset, mode, self.facts.uid, self.facts.gid)

    def node(self, name: bytes) -> Node | None:
        process, ctx = self.process, self.ctx
        found = _TEXTS.get(name)
        if found is not None:
            mode, text = found
            return TextNode(self._facts(10 + list(_TEXTS).index(name), mode), lambda: text(process, ctx))
        match name:
            case b"fd":
                return FdDirectory(self._facts(200, 0o500), process)
            case b"fdinfo":
                return InfoDirectory(self._facts(300, 0o555), process)
            case b"mem":
                return memory.MemoryNode(self._facts(5, 0o600), process)
            case b"comm":
                return TextNode(self._facts(6, 0o644), lambda: command_of(process) + b"\n", self._rename)
            case b"net":
                net = Fixed(self._facts(400, 0o555))
                fill_net(net)
                return net
            case b"task" if ctx is None:
                return TaskDirectory(self._facts(450, 0o555), self.shared, process)
            case b"ns":
                return NamespacesDirectory(self._facts(470, 0o511))
        if name in _WORDS:
            return TextNode(
                self._facts(7, 0o644), lambda: self._word(name), lambda text: self._set_word(name, text)
            )
        return None

    def _word(self, name: bytes) -> bytes:
        words: dict[bytes, bytes] = self.process.data.get("proc words", {})
        return words.get(name, _WORDS[name]) + (b"" if name == b"loginuid" else b"\n")

    def _set_word(self, name: bytes, text: bytes) -> None:
        if not text.strip().lstrip(b"-").isdigit():
            raise Errno(E.INVAL)
        known: dict[bytes, bytes] = self.process.data.get("proc words", {})
        self.process.data["proc words"] = {**known, name: text.strip()}

    def _rename(self, text: bytes) -> None:
        self.process.data["comm"] = text.rstrip(b"\n")[:NAME_MAX]

    def target(self, name: bytes) -> Link | None:
        process, names = self.process, self.process.names
        match name:
            case b"exe":
                node = process.data.get("exec_node") or self.shared.exec_node
                return (
                    Jump(node, process.exec_path, read_only=True) if node is not None else process.exec_path
                )
            case b"cwd":
                return Jump(names.cwd.node, names.shown(names.cwd.text), names.cwd.mount.read_only, names.cwd)
            case b"root":
                top = names.top
                return Jump(top.node, b"/", top.mount.read_only, top)
        return None

    def names(self) -> Iterator[tuple[bytes, FileType]]:
        for name in (b"fd", b"fdinfo", b"net", b"ns", *((b"task",) if self.ctx is None else ())):
            yield name, FileType.DIR
        for name in (b"exe", b"cwd", b"root"):
            yield name, FileType.LINK
        for name in (*_TEXTS, *_WORDS, b"mem", b"comm"):
            yield name, FileType.REGULAR


class TaskDirectory(Listing):
    """/proc/<pid>/task: the process's contexts."""

    def __init__(self, facts: Facts, names: Namespace, process: Process) -> None:
        super().__init__(facts)
        self.shared, self.process = names, process

    def node(self, name: bytes) -> Node | None:
        for ctx in self.process.contexts:
            if name == b"%d" % ctx.tid:
                return ProcessDirectory(self.shared, self.process, ctx)
        return None

    def names(self) -> Iterator[tuple[bytes, FileType]]:
        for ctx in self.process.contexts:
            yield b"%d" % ctx.tid, FileType.DIR


class NamespacesDirectory(Listing):
    """/proc/<pid>/ns: one namespace of each kind, the same for all."""

    KINDS = (b"cgroup", b"ipc", b"mnt", b"net", b"pid", b"time", b"user", b"uts")

    def target(self, name: bytes) -> Link | None:
        return b"%s:[%d]" % (name, 4026531830 + self.KINDS.index(name)) if name in self.KINDS else None

    def names(self) -> Iterator[tuple[bytes, FileType]]:
        for name in self.KINDS:
            yield name, FileType.LINK


class ProcRoot(Fixed):
    """/proc. `names` is the namespace whose owner is the process that runs."""

    def __init__(self, names: Namespace) -> None:
        super().__init__(Facts(1, 0o555))
        self.shared = names
        fill_system(self, self.owner)
        self.add("locks", self._locks)
        self.links[SELF] = lambda: b"%d" % self.owner().pid
        self.links[THREAD_SELF] = self._thread
        self.links[MOUNTS] = lambda: b"self/mounts"
        self.links[NET] = lambda: b"self/net"

    def owner(self) -> Process:
        """The process that looks. Raises NOENT before there is one."""
        if self.shared.owner is None:
            raise Errno(E.NOENT)
        return self.shared.owner

    def _thread(self) -> bytes:
        process = self.owner()
        running = process.kernel.running
        tid = running.tid if running is not None and running.process is process else process.pid
        return b"%d/task/%d" % (process.pid, tid)

    def _locks(self) -> bytes:
        table = self.owner().kernel.locks
        lines: list[bytes] = []
        for key, locks in table.files.items():
            for held in locks.held:
                kind = b"OFDLCK" if held.pid == -1 else b"FLOCK " if key[0] == "whole" else b"POSIX "
                ino = key[-1]
                lines.append(
                    b"%d: %s ADVISORY  %s %d 00:00:%d %d EOF\n"
                    % (len(lines) + 1, kind, b"WRITE" if held.kind else b"READ ", held.pid,
                       ino if isinstance(ino, int) else 0, held.start)
                )  # fmt: skip
        return b"".join(lines)

    def node(self, name: bytes) -> Node | None:
        if name.isdigit() and len(name) < 10:
            process = self._process(int(name))
            return None if process is None else ProcessDirectory(self.shared, process)
        return super().node(name)

    def _process(self, number: int) -> Process | None:
        """A process by its id, or by the id of one of its contexts (which is found but not listed)."""
        owner = self.owner()
        processes = owner.kernel.processes
        if number in processes:
            return processes[number]
        for process in processes.values():
            if any(c.tid == number for c in process.contexts):
                return process
        return owner if number == owner.pid else None

    def names(self) -> Iterator[tuple[bytes, FileType]]:
        yield from super().names()
        for pid in sorted({*self.owner().kernel.processes, self.owner().pid}):
            yield b"%d" % pid, FileType.DIR
