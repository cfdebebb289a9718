"""How a guest asks its kernel and what that kernel leaves behind: one Gate row per personality and architecture."""

from __future__ import annotations

from enum import Enum, auto

from aot.record import dataclass


class ErrorStyle(Enum):
    """Where a failed call puts its error."""

    NEGATIVE = auto()  # -errno in the result register
    CARRY = auto()  # errno in the result register and carry set; success clears carry
    NTSTATUS = auto()  # a status word in the result register; success is 0
    PLAIN = auto()  # the value says it (kern_return_t, library functions)


class Second(Enum):
    """What happens to the second result register of a call that has one result."""

    NONE = auto()  # this system has no second result
    KEPT = auto()  # left as the guest had it
    ZERO = auto()  # written as zero
    CLEARED = auto()  # written as zero, by failures too


@dataclass(frozen=True, slots=True)
class Gate:
    """Register conventions of one trap door.

    Every register not named as result, second, zeroed or lost is preserved, and so are all flags
    except carry under ErrorStyle.CARRY.
    """

    trap: str  # "syscall" | "svc" | "int"
    number: str  # register that holds the number, or "imm" (SVC immediate)
    args: tuple[str, ...]
    stack: int | None  # bytes from SP to the first stack word of further arguments; None: no stack arguments
    result: str
    style: ErrorStyle
    second: str = ""
    second_policy: Second = Second.NONE
    zeroed: tuple[str, ...] = ()  # written as zero by every call
    lost: tuple[str, ...] = ()  # unspecified after a call (what `syscall` itself destroys)
    skip: int = 0  # bytes after the trap instruction that the kernel steps over (openbsd arm64: 8)
    immediates: tuple[int, ...] | None = None  # SVC immediates that are calls; None: all of them
    interrupt: int | None = None  # for trap "int": the vector
    variadic_stack: bool = False  # imports: arguments behind the named ones are on the stack (arm64 darwin)
