"""The CPU door: the little a backend and the kernel need to know of each other.

Register files are memoryviews of u64 in hardware encoding order, the same for every backend:

    x86_64   rax rcx rdx rbx rsp rbp rsi rdi r8..r15 rip          (17 words)
    aarch64  x0..x30 sp pc                                        (33 words)

Flags, FPU/SIMD state and segment/TLS bases belong to the context too but are reached through methods,
because the common call never needs them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import Enum, auto
from typing import TYPE_CHECKING, Any, Protocol

from aot.image.model import Arch
from aot.personality.abi.leave import Leave as Leave
from aot.record import dataclass, field

if TYPE_CHECKING:
    from runtime.cpu.routines import RoutineTable

X86_REGS = tuple("rax rcx rdx rbx rsp rbp rsi rdi r8 r9 r10 r11 r12 r13 r14 r15 rip".split())
A64_REGS = (*(f"x{i}" for i in range(31)), "sp", "pc")
REGS: dict[Arch, tuple[str, ...]] = {Arch.X86_64: X86_REGS, Arch.AARCH64: A64_REGS}
REG_INDEX: dict[Arch, dict[str, int]] = {
    arch: {name: i for i, name in enumerate(names)} for arch, names in REGS.items()
}


class FaultKind(Enum):
    """Why the guest cannot continue at its PC. `Fault.pc` is the faulting instruction unless said."""

    READ = auto()
    WRITE = auto()
    FETCH = auto()
    DIVIDE = auto()
    BREAKPOINT = auto()  # int3 (pc after it) / brk (pc at it)
    ILLEGAL = auto()  # ud2, udf, undefined encodings
    PRIVILEGED = auto()  # hlt, cli, in/out outside a gate ...
    ALIGNMENT = auto()
    SOFTWARE = auto()  # int n that no personality uses (number in `code`; pc after it)
    FPU = auto()


@dataclass(frozen=True, slots=True)
class Fault:
    """A hardware exception the guest caused; registers and PC of the context are those of that moment.

    For READ, WRITE and FETCH `address` could not be accessed and `code` says why: 0 nothing is mapped there,
    1 the rights forbid it, 2 beyond the end of the file (or out of memory). Otherwise `code` is the vector.
    """

    kind: FaultKind
    pc: int
    address: int = 0
    code: int = 0


@dataclass(frozen=True, slots=True)
class Kick:
    """`Cpu.kick` stopped the run; the context is complete and resumable."""


Handler = Callable[[Any], int]
"""A compiled call: takes the running context, writes result registers, returns 1 for a carry-style
failure and 0 otherwise."""


InPlace = dict[int, tuple[int, Handler]]
"""Traps that are bound where they stand: address -> the number they were crossed with last, and its handler."""


def _nowhere(context: Any) -> int:
    raise AssertionError("the handler of a trap that is not bound")


NOWHERE: tuple[int, Handler] = (-1, _nowhere)  # what InPlace has for other addresses: no number is negative


@dataclass(frozen=True, slots=True)
class Left:
    """A handler raised `Leave`: `cause` says what the kernel has to do before the context goes on.

    `again` is the interrupted crossing's handler with everything but the context bound: the kernel
    calls it to make the call again, then passes its carry to `Cpu.complete`.
    """

    cause: Leave
    again: Handler


Exit = Fault | Kick | Left


class RegisterState(Protocol):
    """The part of a kernel context that the backend owns while it runs."""

    regs: memoryview  # u64 words; live while the context runs, saved otherwise
    fpu: Any  # backend's opaque saved state (FPU/SIMD, flags, TLS bases); None until first run


@dataclass(slots=True)
class Doors:
    """Where crossings go. `sites` and `imports` are indexed by the site/import index of the manifest;
    the lists may be changed in place (a handler bound late, tracing turned on)."""

    sites: list[Handler] = field(default_factory=list)
    placed: dict[int, int] = field(
        default_factory=dict
    )  # exit in place of its trap -> index of the bound site
    table: Callable[[Any, int, int], int] | None = None  # (context, number, site index or pc) -> carry
    imports: list[Handler] = field(default_factory=list)
    trap: Callable[[Any, int, int], int] | None = (
        None  # untranslated trap: (context, pc of the trap, immediate)
    )
    in_place: InPlace = field(default_factory=dict)  # looked at before `trap`; changed while the guest runs
    number: int | None = None  # index of the register that holds the number; None: the trap itself has it
    returned: Handler | None = None  # RETURN gate: a guest callee called by the kernel came back
    page_fault: Callable[[int, int], bool] | None = (
        None  # (address, access 0 r / 1 w / 2 x): True = mapped now
    )
    skip: int = 0  # bytes behind a trap (or an exit in its place) that the guest's kernel steps over
    trap_carry: bool = False  # untranslated traps report failure in the carry flag
    interrupts: frozenset[int] = frozenset()  # x86 `int n` that are traps; n is the immediate
    routines: RoutineTable | None = None  # calls that machine code may answer
    # (address of descriptor words, how many, process id, context id) of a context, for them
    facts: Callable[[Any], tuple[int, int, int, int]] | None = None


class EventKind(Enum):
    """What happened to a range of guest addresses."""

    MAP = auto()
    PROTECT = auto()
    UNMAP = auto()
    CODE = auto()  # the bytes of executed pages changed


@dataclass(frozen=True, slots=True)
class RangeEvent:
    """An address-space change a backend must observe before guest code runs again."""

    kind: EventKind
    address: int
    size: int


class Cpu(Protocol):
    """One engine running contexts of one address space, one at a time."""

    arch: Arch
    doors: Doors
    areas: list[tuple[int, int]]

    def gate_code(self) -> tuple[bytes, dict[int, int]]:
        """x86_64: position-independent code of this backend's gates and {GateKind: offset in it}.
        aarch64: empty; see exit_words."""

    def exit_words(self) -> Mapping[int, int]:
        """aarch64: {GateKind: the instruction that replaces `udf #kind`}. x86_64: empty; see gate_code."""

    def set_areas(self, ranges: Sequence[tuple[int, int]]) -> None:
        """Address ranges that hold gates and stubs (a trap elsewhere is untranslated)."""

    def add_area(self, start: int, end: int) -> None:
        """One more range as in set_areas (stubs made at run time)."""

    def drop_area(self, start: int, end: int) -> None:
        """A range of `add_area` is no more."""

    def new_regs(self) -> memoryview:
        """A saved register file, all zero."""

    def resume(self, context: RegisterState) -> Exit:
        """Run `context` until it leaves, faults or is kicked. Exceptions of handlers come out as they are."""

    def kick(self) -> None:
        """Make the running (or next) resume return Kick. From any thread; never lost."""

    def complete(self, context: RegisterState, carry: int) -> None:
        """After Left: finish the interrupted crossing in the context (flags, PC past the call)."""

    def restart(self, context: RegisterState, pc: int) -> None:
        """After Left: the call will be made again; PC goes back to `pc`."""

    def step_out(self, context: RegisterState) -> None:
        """Run on to the end of the stub, where the PC is inside one."""

    def crossed(self, context: RegisterState, *, handling: bool = False) -> tuple[int | None, int]:
        """After Left (or in the handler, when `handling`): index of the site that was crossed where a gate
        knows it, and the address of the instruction that left."""

    def duplicate(self, context: RegisterState, child: RegisterState) -> None:
        """After Left: give `child` a copy of `context`'s whole state."""

    def get_flags(self, context: RegisterState) -> int: ...  # rflags / nzcv (bits 31:28)
    def set_flags(self, context: RegisterState, value: int) -> None: ...
    def get_base(
        self, context: RegisterState, which: str
    ) -> int: ...  # "fs" | "gs" | "tpidr_el0" | "tpidrro_el0"
    def set_base(self, context: RegisterState, which: str, value: int) -> None: ...
    def get_simd(self, context: RegisterState, index: int) -> int: ...  # 128-bit xmm / v register
    def set_simd(self, context: RegisterState, index: int, value: int) -> None: ...
    def get_fp(self, context: RegisterState) -> bytes: ...  # FXSAVE; v0..v31 fpsr fpcr
    def set_fp(self, context: RegisterState, image: bytes) -> None: ...

    def changed(self, event: RangeEvent) -> None:
        """The kernel changed the address space."""

    def close(self) -> None:
        """Free the engine."""
