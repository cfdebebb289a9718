"""A naive rewriter: what it takes to break each program of this folder. A toy, in one place on purpose."""

from __future__ import annotations

import struct
from enum import Enum

from aot.analyze.decode import Decoder
from aot.image.elf_headers import PT_LOAD, read_headers
from aot.image.model import Arch
from aot.rewrite.assemble import assemble

MARK, ROOM = b"naive stubs here", 4096  # where its stubs go
BASE = 1000  # what Naive.NUMBER takes off


class Naive(Enum):
    """What it does wrong."""

    JUMP = "a match becomes a long jump over its neighbours, which are copied as they are"
    CALL = "a call instead of a jump: the return address goes to the stack, or to the link register"
    BEFORE = "the instruction before the match goes along, without a look at what it is"
    EARLY = "and runs when the stub has already taken its scratch register"
    FLAGS = "the stub looks at the result"
    VECTOR = "the stub uses a vector register"
    FLOAT = "the stub resets the floating-point state"
    CONTROL = "the stub resets the floating-point control"
    SCRATCH = "the stub uses a register that the call keeps"
    SPILL = "the stub keeps a register below the stack pointer"
    NUMBER = "calls are renumbered at the matches alone"
    CLOCK = "the clock is moved at the matches alone"


# what the stub does around the trap: before, behind
_AROUND = {
    Arch.X86_64: {
        Naive.FLAGS: ("", "test rax, rax"), Naive.VECTOR: ("pxor xmm0, xmm0", ""), Naive.FLOAT: ("fninit", ""),
        Naive.CONTROL: ("mov dword ptr [rsp - 64], 0x1f80; ldmxcsr [rsp - 64]", ""), Naive.SCRATCH: ("mov r10, rcx", ""),
        Naive.SPILL: ("mov [rsp - 8], rdx", ""), Naive.NUMBER: (f"sub eax, {BASE}", ""),
        Naive.CLOCK: ("", "mov rcx, [rsi]; lea rcx, [rcx + 3600]; mov [rsi], rcx"), Naive.EARLY: ("mov ecx, 1", ""),
    },
    Arch.AARCH64: {
        Naive.FLAGS: ("", "cmp x0, #0"), Naive.VECTOR: ("movi v0.16b, #0", ""), Naive.FLOAT: ("msr fpsr, xzr", ""),
        Naive.CONTROL: ("msr fpcr, xzr", ""), Naive.SCRATCH: ("mov x16, x8", ""), Naive.SPILL: ("stur x8, [sp, #-8]", ""),
        Naive.NUMBER: (f"sub x8, x8, #{BASE}", ""), Naive.CLOCK: ("", "ldr x2, [x1]; add x2, x2, #3600; str x2, [x1]"),
    },
}  # fmt: skip


def rewrite(raw: bytes, arch: Arch, naive: Naive) -> bytes:
    """An ELF file of this folder, every byte match of a trap in its code replaced; what is in its room is code too."""
    trap = assemble(arch, "syscall" if arch is Arch.X86_64 else "svc #0")
    room = raw.index(MARK) + len(MARK)
    used = len(raw[room : room + ROOM].rstrip(b"\xcc\0"))
    free = room + -(-used // 8) * 8
    toy, at = _Toy(raw, arch, naive), -1
    end = free
    while (at := raw.find(trap, at + 1)) >= 0:
        if at < end or at > room + ROOM:
            free += toy.replace(at, len(trap), free)
    return bytes(toy.out)


class _Toy:
    """One rewriting under way. Places are file offsets."""

    def __init__(self, raw: bytes, arch: Arch, naive: Naive) -> None:
        self.raw, self.arch, self.naive = raw, arch, naive
        self.out = bytearray(raw)
        self.loads = [p for p in read_headers(raw).phdrs if p.type == PT_LOAD]
        self.decoder = Decoder(arch)

    def replace(self, at: int, size: int, stub: int) -> int:
        """Jump from the match at `at` to a stub at `stub`; answers how much room that took."""
        start, end = self._window(at, size)
        ahead, behind = _AROUND[self.arch].get(self.naive, ("", ""))
        code = assemble(self.arch, ahead) if ahead else b""
        code += self.raw[start : at + size] + (assemble(self.arch, behind) if behind else b"")
        code += self.raw[at + size : end]
        code += self._return() if self.naive is Naive.CALL else self._jump(stub + len(code), end)
        patch = self._jump(start, stub, call=self.naive is Naive.CALL)
        if self.arch is Arch.X86_64:
            patch = patch.ljust(end - start, b"\x90")
        self.out[start : start + len(patch)] = patch
        self.out[stub : stub + len(code)] = code
        return -(-len(code) // 8) * 8

    def _window(self, at: int, size: int) -> tuple[int, int]:
        if self.naive in (Naive.BEFORE, Naive.EARLY):
            load = next(p for p in self.loads if p.offset <= at < p.offset + p.filesz)
            insns = self.decoder.sweep(self.raw[load.offset : at], load.offset)
            return insns[-1][0], at + size
        end, least = at + size, 5 if self.arch is Arch.X86_64 else 16 if self.naive is Naive.JUMP else 4
        while end - at < least:
            found = self.decoder.sweep(self.raw[end : end + 15], end)
            end += found[0][1] if found else 1
        return at, end

    def _return(self) -> bytes:
        return assemble(self.arch, "ret")

    def _jump(self, source: int, goal: int, *, call: bool = False) -> bytes:
        distance = self._address(goal) - self._address(source)
        if self.arch is Arch.X86_64:
            return (b"\xe8" if call else b"\xe9") + struct.pack("<I", distance - 5 & 0xFFFFFFFF)
        if self.naive is Naive.JUMP:
            return assemble(self.arch, "ldr x16, #8; br x16") + struct.pack("<Q", self._address(goal))
        return struct.pack("<I", (0x94000000 if call else 0x14000000) | distance >> 2 & 0x3FFFFFF)

    def _address(self, offset: int) -> int:
        load = next(p for p in self.loads if p.offset <= offset < p.offset + p.filesz)
        return offset - load.offset + load.address
