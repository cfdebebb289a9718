"""What the darwin rows keep of a process and a thread beyond the kernel's own: errno, memory of libSystem."""

from __future__ import annotations

from typing import Any

from aot.record import dataclass, field

ERRNO = "errno"  # key of a context's data: address of the thread's errno


@dataclass(slots=True)
class State:
    """One process. Parts are made by the modules that use them and kept here by name."""

    parts: dict[str, Any] = field(default_factory=dict)


def state(ctx: Any) -> State:
    """The process's own facts."""
    data: dict[str, Any] = ctx.process.data
    found: State | None = data.get("darwin")
    if found is None:
        found = data["darwin"] = State()
    return found


def errno_at(ctx: Any) -> int:
    """Address of the calling thread's errno."""
    address: int = ctx.data[ERRNO]
    return address


def set_errno(ctx: Any, number: int) -> None:
    """Store the calling thread's errno."""
    ctx.mem.write(errno_at(ctx), number.to_bytes(4, "little"))
