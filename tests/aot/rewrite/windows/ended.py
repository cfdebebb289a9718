"""How a case ended: the registers that are compared, and what the kernel was asked."""

from __future__ import annotations

from aot.image.model import Arch
from aot.record import dataclass, field

SLOT = 16  # bytes of a register in a state
_X86_NAMES = "rax rcx rdx rbx rsp rbp rsi rdi r8 r9 r10 r11 r12 r13 r14 r15 rip eflags".split()
_X86_MORE = [*(f"xmm{i}" for i in range(16)), "fpcw", "fpsw", "fptag", "mxcsr", *(f"fp{i}" for i in range(8))]
_A64_NAMES = [*(f"x{i}" for i in range(31)), "sp", "pc", "nzcv"]
_A64_MORE = [*(f"q{i}" for i in range(32)), "fpcr", "fpsr"]


def registers(arch: Arch) -> tuple[list[str], list[str]]:
    """(what a crossing is compared by, what only the end is)."""
    return (_X86_NAMES, _X86_MORE) if arch is Arch.X86_64 else (_A64_NAMES, _A64_MORE)


@dataclass(frozen=True, slots=True)
class Crossing:
    """One arrival in the kernel: from which trap, asking what, with which registers and memory."""

    site: int
    number: int
    state: bytes
    memory: int  # checksum


@dataclass(slots=True)
class Ended:
    """How one case ended."""

    status: int  # the engine's
    state: bytes
    memory: bytes
    crossings: list[Crossing] = field(default_factory=list)
    vector: int = -1  # of an exception
    cut: bool = False  # too many crossings
    broken: str = ""  # what the stub did that it must not do

    def register(self, arch: Arch, name: str) -> int:
        """A register of the final state."""
        at = registers(arch)[0].index(name) * SLOT
        return int.from_bytes(self.state[at : at + 8], "little")
