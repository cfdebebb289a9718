"""What analysis finds: sites with the evidence for each, ready for a tactic to read."""

from __future__ import annotations

from enum import Enum

from aot.record import dataclass


class Trap(Enum):
    """The instruction a program asks with."""

    SYSCALL = "syscall"  # 0f 05
    INT = "int"  # cd ib (int 0x80, int 0x2e)
    SYSENTER = "sysenter"
    SVC = "svc"


@dataclass(frozen=True, slots=True)
class Known:
    """The number register holds `value`: all 64 bits, unsigned, so a 32-bit -1 is 0xffffffff.

    `load` is the (address, size) of the instruction that sets it, when that instruction is in `before`,
    sets nothing else, and nothing from there to the site reads the register.
    """

    value: int
    load: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class OneOf:
    """The call number is one of `values` (every path agrees on a constant)."""

    values: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Dynamic:
    """The function of the site does not decide the number; `why` names what does (parameter, memory, ...)."""

    why: str


Number = Known | OneOf | Dynamic


@dataclass(frozen=True, slots=True)
class Link:
    """One instruction of a proof, as a person reads it."""

    address: int
    text: str


@dataclass(frozen=True, slots=True)
class CallPath:
    """One way in which a number gets to where it is asked with.

    `proof` is in the order of execution: what decides the number (or where the trail ends), then each call
    and jump that carries it on. A path whose number is unknown says why; it may stand for many.
    """

    number: int | None
    proof: tuple[Link, ...]
    caller: int  # start of the function where the number is decided, 0 when that is nowhere in the image
    why: str = ""  # "" when the number is known


@dataclass(frozen=True, slots=True)
class Insn:
    """One decoded instruction, as much of it as rewriting needs."""

    address: int
    size: int
    raw: bytes
    mnemonic: str
    operands: str


@dataclass(frozen=True, slots=True)
class FoundSite:
    """One trap instruction proved to be at an instruction boundary of reachable code."""

    address: int
    size: int
    trap: Trap
    immediate: int  # svc / int immediate, else 0
    number: Number
    function: int  # start address of the function the boundary was swept from
    evidence: str  # e.g. "symbol:write+0x12", "pdata", "eh_frame"
    before: tuple[Insn, ...] = ()  # before it in its block, nearest last; only the first may be a target
    after: tuple[Insn, ...] = ()  # instructions after it until a branch, target or end of function
    paths: tuple[CallPath, ...] = ()  # every way the number gets here, by number; unknown ones last

    @property
    def numbers(self) -> tuple[int, ...]:
        """Every number the site is known to ask with, ascending: all there are when it is `complete`."""
        match self.number:
            case Known(value):
                return (value,)
            case OneOf(values):
                return values
            case Dynamic():
                return tuple(sorted({path.number for path in self.paths if path.number is not None}))

    @property
    def complete(self) -> bool:
        """Whether `numbers` are all there are: nobody whom the image does not show can get here."""
        if not isinstance(self.number, Dynamic):
            return True
        return bool(self.paths) and all(path.number is not None for path in self.paths)


@dataclass(frozen=True, slots=True)
class Refused:
    """A byte match that is not a site, or a site that cannot be used; `why` is for the report."""

    address: int
    why: str


@dataclass(frozen=True, slots=True)
class Analysis:
    """Result of analysing one image."""

    sites: tuple[FoundSite, ...]
    refused: tuple[Refused, ...]
    branch_targets: frozenset[int]  # of every function that holds a candidate
