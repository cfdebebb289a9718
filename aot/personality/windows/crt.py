"""What the C runtime's rows share: its data in guest memory, streams, calling guest functions."""

from __future__ import annotations

import struct
from collections.abc import Callable, Generator, Mapping
from functools import partial, wraps
from typing import Any

from aot.personality.abi.call import VALUE, Call, Fail, Ret
from aot.personality.abi.errors import E, Errno
from aot.personality.abi.kinds import Kind, Path
from aot.personality.abi.leave import GuestFault, Upcall
from aot.personality.windows.fails import MINUS_ONE, errno_cell
from aot.personality.windows.files import Ops
from aot.personality.windows.heap import heap
from aot.personality.windows.state import M64, state
from aot.personality.windows.text import to_host
from aot.personality.windows.win32 import function
from aot.record import dataclass, field

Steps = Generator[tuple[int, tuple[int, ...]], int, int]
"""A library function that calls guest code: yields (function, arguments), gets each result."""

TEXT = Path(limit=1 << 24)
TEXT_OPT = Path(limit=1 << 24, optional=True)
FILE_SIZE = 0x58  # bytes of a FILE as programs see it; its contents are ours
UNBUFFERED, LINE, FULLY = 4, 0x40, 0
CHUNK = 4096


@dataclass(slots=True)
class Stream:
    """A FILE. `pending` waits to be written; `raw` was read, not yet consumed nor translated."""

    fd: int
    text: bool = True
    append: bool = False
    unbuffered: bool | None = None  # None: decided by what the descriptor is
    pending: bytearray = field(default_factory=bytearray)
    raw: bytearray = field(default_factory=bytearray)
    eof: bool = False
    error: bool = False
    resuming: bool = False  # the text of this call is in `pending` already, its write had to wait
    path: bytes = b""
    delete: bool = False


@dataclass(slots=True)
class Crt:
    """The runtime of one process."""

    base: int  # first FILE; the words of CELLS follow the three standard ones
    streams: dict[int, Stream]
    onexit: list[int] = field(default_factory=list)
    tables: dict[int, list[int]] = field(default_factory=dict)
    signals: dict[int, int] = field(default_factory=dict)
    seed: int = 1
    static: dict[str, int] = field(default_factory=dict)
    token: int = 0  # strtok's position

    def cell(self, name: str) -> int:
        """Address of one of the runtime's words."""
        return self.base + 3 * FILE_SIZE + 8 * CELLS.index(name)


CELLS = ("errno", "argc", "argv", "wargv", "environ", "wenviron", "commode", "fmode", "doserrno", "pgmptr",
         "timezone", "daylight", "tzname", "tzname1")  # fmt: skip


def crt(ctx: Any) -> Crt:
    """The process's C runtime, made when first needed."""
    parts = state(ctx).parts
    found: Crt | None = parts.get("crt")
    if found is None:
        base = ctx.mem.map(None, CHUNK, 6, name="[crt]")
        streams = {base + FILE_SIZE * fd: Stream(fd, unbuffered=True if fd == 2 else None) for fd in range(3)}
        found = parts["crt"] = Crt(base, streams)
        errno_cell(ctx, found.cell("errno"))
        for fd in range(3):
            ctx.mem.write(base + FILE_SIZE * fd, struct.pack("<QQ", 0, fd))
    return found


def keep(ctx: Any, data: bytes) -> int:
    """Address of a copy of `data` that stays."""
    address = heap(ctx).alloc(ctx.mem, max(1, len(data)))
    if data:
        ctx.mem.write(address, data)
    return address


def keep_vector(ctx: Any, strings: list[bytes]) -> int:
    """A null-terminated array of pointers to copies of `strings`."""
    return keep(ctx, struct.pack(f"<{len(strings) + 1}Q", *(keep(ctx, s) for s in strings), 0))


def static(ctx: Any, name: str, data: bytes) -> int:
    """Address of a buffer that the runtime owns under a name, with new contents."""
    known = crt(ctx).static
    if name not in known:
        known[name] = keep(ctx, data)
    else:
        ctx.mem.write(known[name], data)
    return known[name]


def narrow(text: str) -> bytes:
    """Text with its end, UTF-8."""
    return to_host(text) + b"\0"


def _resume(steps: Steps, ctx: Any, result: int) -> int:
    try:
        address, args = steps.send(result)
    except StopIteration as done:
        ctx.regs[0] = (done.value or 0) & M64
        return 0
    except Errno as e:
        if e.code is not E.FAULT:
            raise
        raise GuestFault(*ctx.mem.faulted) from None
    raise Upcall(address, args, partial(_resume, steps))


def calls_back(build: Callable[..., Steps]) -> Callable[..., int]:
    """Make a row's function of one that yields guest functions to call."""

    @wraps(build)
    def via(ctx: Any, ops: Ops, **arguments: Any) -> int:
        steps = build(ctx, ops, **arguments)
        try:
            address, args = next(steps)
        except StopIteration as done:
            return done.value or 0
        raise Upcall(address, args, partial(_resume, steps))

    return via


def c(
    name: str,
    args: Mapping[str, Kind],
    via: Callable[..., Any],
    note: str = "the C locale, UTF-8",
    *,
    fail: Fail = MINUS_ONE,
    ret: Ret = VALUE,
    also: tuple[str, ...] = (),
) -> Call:
    """A function of the C runtime."""
    return function("ucrtbase", name, args, via, note, fail=fail, ret=ret, also=also)


def constant(number: int) -> Callable[..., int]:
    """A function that always answers `number`."""

    def answer(ctx: Any, ops: Ops) -> int:
        return number

    return answer
