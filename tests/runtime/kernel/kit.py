"""A process without a CPU: an address space, a kernel with deterministic clocks, and a way to make calls."""

from __future__ import annotations

import random
from array import array
from pathlib import Path
from typing import Any

import pytest

from aot.image.model import Arch
from aot.personality.abi.errors import E, Errno
from aot.personality.abi.system import System
from runtime.cpu.api import REGS
from runtime.dispatch import Dispatcher
from runtime.kernel.clock import FixedClocks
from runtime.kernel.context import Context, Credentials, Kernel, Process
from runtime.kernel.files import FileTable
from runtime.kernel.frames import Arena
from runtime.kernel.memory import AddressSpace, Heap
from runtime.kernel.namespace import Mount, Namespace
from runtime.kernel.node import Directory
from runtime.kernel.optable import KernelOps, standard_ops
from runtime.kernel.park import ParkSpace
from runtime.kernel.schemes.hostfs import host_root
from runtime.kernel.schemes.memfs import MemDirectory, Volume
from runtime.kernel.schemes.std import standard_files

DATA = 0x10_0000
"""Two mapped read-write pages, then one read-only page, then nothing."""
READ_ONLY = DATA + 0x2000
END = DATA + 0x3000
PAGE, R, W, X = 4096, 4, 2, 1
AT = 0x10_0000
"""Where tests of an empty address space map."""
OPS: KernelOps = standard_ops()


class Bases:
    """The part of a CPU that ops use: TLS bases."""

    def __init__(self) -> None:
        self.bases: dict[str, int] = {}

    def set_base(self, context: Any, which: str, value: int) -> None:
        self.bases[which] = value

    def get_base(self, context: Any, which: str) -> int:
        return self.bases.get(which, 0)

    def kick(self) -> None:
        """Nothing runs."""


def memory_root() -> MemDirectory:
    clocks = FixedClocks()
    return MemDirectory(Volume(clocks.monotonic_ns, 1))


def refused(call: object, *args: object) -> E:
    """The error a call raises."""
    assert callable(call)
    with pytest.raises(Errno) as caught:
        call(*args)
    return caught.value.code


class Kit:
    """One process of `system`; `root` is what it sees as /."""

    def __init__(self, system: System, arch: str = "x86_64", root: Directory | Path | None = None) -> None:
        self.arch = Arch(arch)
        self.mem = AddressSpace(Arena(), self.arch)
        self.mem.map(DATA, 0x2000, 6, fixed=True)
        self.mem.map(READ_ONLY, 0x1000, 4, fixed=True)
        tree = host_root(root) if isinstance(root, Path) else root or memory_root()
        self.names = Namespace(Mount((), tree))
        self.files = FileTable()
        for fd, file in enumerate(standard_files()):
            self.files.put(fd, file, cloexec=False)
        kernel = Kernel(FixedClocks(), ParkSpace(), random.Random(1), deterministic=True)
        self.process = Process(
            kernel, 1000, 999, self.mem, self.files, self.names, Credentials(0, 0, 0, 0), b"/bin/prog"
        )
        self.names.owner = self.process
        self.mem.heap = Heap(0x80_0000, 0x80_0000)
        column = next(c for c, archs in system.columns.items() if arch in archs)
        regs = memoryview(array("Q", [0] * len(REGS[self.arch])))
        cpu: Any = Bases()
        self.ctx = Context(self.process, self.mem, cpu, self.arch, 1000, system.personality, column, regs)
        self.process.contexts.append(self.ctx)
        self.system, self.column = system, column
        self.dispatcher = Dispatcher(system, column, self.arch, OPS)

    def call(self, name: str, *words: int) -> int:
        """Make a call by name; the result as a signed number."""
        row = next(c for c in self.system.calls if c.name == name and c.number(self.column) is not None)
        number = row.number(self.column)
        assert number is not None
        result, _ = self.dispatcher.personality_syscall(self.ctx, number, words)
        return result - (1 << 64) if result >> 63 else result

    def text(self, value: bytes, at: int = DATA + 0x800) -> int:
        """Put a string where calls can read it; its address."""
        self.mem.write(at, value + b"\0")
        return at
