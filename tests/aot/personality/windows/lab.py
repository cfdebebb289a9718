"""A started Windows process without a CPU: TEB, PEB and parameters in memory, rows called by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from aot.personality.abi.compile import M64, Handler
from aot.personality.abi.start import StartFacts, StartState
from aot.personality.windows.start import start
from aot.personality.windows.system import SYSTEM
from runtime.cpu.api import REG_INDEX
from runtime.kernel.memory import AddressSpace
from tests.runtime.kernel.kit import Kit

UNDECLARED = {
    "TEB": {
        "CurrentLocale",
        "LastStatusValue",
        "StaticUnicodeString",
        "StaticUnicodeBuffer",
        "DeallocationStack",
    },
    "LDR_ENTRY": {"Flags", "LoadCount"},
    "SHARED": {"ActiveProcessorCount"},
}
"""Fields of which neither mingw-w64's headers nor zig's library know; Wine's headers do."""
IMAGE = 0x1_4000_0000
IMAGE_END = IMAGE + 0x4000
STACK_TOP = 0x7FFF_0000_0000
STACK_SIZE = 0x10_0000
SP = STACK_TOP - 0x1000
FOUND = 0x1234_5678_0000


class Space:
    """StartSpace over a real address space."""

    def __init__(self, mem: AddressSpace) -> None:
        self.mem = mem

    def map(self, size: int, *, at: int | None = None, prot: int = 6, name: str = "") -> int:
        return self.mem.map(at, size, prot, fixed=at is not None, name=name)

    def poke(self, address: int, data: bytes) -> None:
        self.mem.poke(address, data)

    def peek(self, address: int, size: int) -> bytes:
        return self.mem.peek(address, size)


class Imports:
    """Run-time imports: ZwClose exists."""

    def address_of(self, library: str, name: str) -> int:
        return FOUND if name == "ZwClose" else 0


def facts(arch: str = "x86_64", **changes: Any) -> StartFacts:
    values: dict[str, Any] = {
        "arch": arch,
        "column": "wine",
        "argv": (b"prog", b"two words", b'say "hi"'),
        "env": (b"PATH=/bin", b"alpha=1", b"Beta=2"),
        "exec_path": b"/bin/prog.exe",
        "entry": IMAGE + 0x1000,
        "bias": 0,
        "phdr": (0, 0, 0),
        "image_base": IMAGE,
        "image_end": IMAGE_END,
        "interpreter_base": 0,
        "stack_top": STACK_TOP,
        "stack_size": STACK_SIZE,
        "page_size": 4096,
        "random": bytes(16),
        "pid": 1000,
        "tid": 1000,
        "uid": 0,
        "euid": 0,
        "gid": 0,
        "egid": 0,
        "realtime_ns": 1_700_000_000_123_456_789,
        "monotonic_ns": 5_000_000_000,
        "return_stub": 0xBEEF0000,
        "cwd": b"/",
    }
    return StartFacts(**(values | changes))


class Lab(Kit):
    """A process whose start code has run."""

    state: StartState

    def __init__(self, arch: str = "x86_64", root: Path | None = None, **changes: Any) -> None:
        super().__init__(SYSTEM, arch, root)
        self.column = "wine"
        self.mem.map(IMAGE, IMAGE_END - IMAGE, 5, fixed=True, name="[image]")
        self.mem.map(STACK_TOP - STACK_SIZE, STACK_SIZE, 6, fixed=True, name="[stack]")
        self.state = start(Space(self.mem), facts(arch, **changes))
        self.ctx.data.update(self.state.data)
        self.process.data["imports"] = Imports()
        self.index = REG_INDEX[self.arch]
        self.vectors: dict[int, int] = {}
        cpu: Any = self.ctx.cpu
        cpu.get_simd = lambda ctx, index: self.vectors.get(index, 0)
        cpu.set_simd = lambda ctx, index, value: self.vectors.__setitem__(index, value)

    def _words(self, words: tuple[int, ...], registers: tuple[str, ...], stack: int) -> None:
        sp = self.index["rsp" if self.arch.value == "x86_64" else "sp"]
        self.ctx.regs[sp] = SP
        for i, word in enumerate(words):
            if i < len(registers):
                self.ctx.regs[self.index[registers[i]]] = word & M64
            else:
                self.mem.store_u64(SP + stack + 8 * (i - len(registers)), word)

    def _run(self, handler: Handler) -> int:
        handler(self.ctx)
        return int(self.ctx.regs[0])

    def trap(self, name: str, *words: int) -> int:
        """Make a service call; its status."""
        gate = SYSTEM.gates[self.arch.value]
        self._words(words, gate.args, gate.stack or 0)
        number = next(c for c in SYSTEM.calls if c.name == name).numbers["wine"]
        return self._run(self.dispatcher.by_number(number))

    def use(self, name: str, *words: int, library: str = "kernel32.dll") -> int:
        """Call an imported function; its result register."""
        gate = SYSTEM.libraries[self.arch.value]
        self._words(words, gate.args, gate.stack or 0)
        return self._run(self.dispatcher.by_import(library, name))

    def wide(self, text: str, at: int) -> int:
        """Put a UTF-16 string; its address."""
        self.mem.write(at, text.encode("utf-16-le") + b"\0\0")
        return at

    def attributes(self, name: str, at: int) -> int:
        """Put OBJECT_ATTRIBUTES for a name; their address."""
        raw = name.encode("utf-16-le")
        self.mem.write(
            at + 0x40, len(raw).to_bytes(2, "little") * 2 + bytes(4) + (at + 0x60).to_bytes(8, "little")
        )
        self.mem.write(at + 0x60, raw)
        head = (48).to_bytes(8, "little") + bytes(8) + (at + 0x40).to_bytes(8, "little")
        self.mem.write(at, head + bytes(24))
        return at
