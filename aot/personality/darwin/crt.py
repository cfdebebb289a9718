"""What libSystem's C runtime rows share: its data, streams, calling guest functions, declaring a row."""

from __future__ import annotations

import struct
from collections.abc import Callable, Generator, Mapping
from functools import partial as bind
from functools import wraps
from typing import Any

from aot.personality.abi.call import VALUE, Call, Fail, Ret, call, partial, sig
from aot.personality.abi.errors import E, Errno
from aot.personality.abi.kinds import Kind, Path
from aot.personality.abi.leave import GuestFault, Upcall
from aot.personality.abi.op import Op
from aot.personality.darwin.fails import MINUS_ONE
from aot.personality.darwin.start import FILE_SIZE, FILES
from aot.personality.darwin.state import state
from aot.personality.libc.heap import Heap
from aot.personality.libc.stream import NONE, Stream
from aot.record import dataclass, field

Ops = Mapping[Op, Any]
Steps = Generator[tuple[int, tuple[int, ...]], int, int]
"""A library function that calls guest code: yields (function, arguments), gets each result."""

M64 = 0xFFFF_FFFF_FFFF_FFFF
TEXT = Path(limit=1 << 24)
TEXT_OPT = Path(limit=1 << 24, optional=True)
NOTE = "the C locale, UTF-8"


@dataclass(slots=True)
class Crt:
    """The runtime of one process."""

    streams: dict[int, Stream]
    at_exit: list[tuple[int, tuple[int, ...]]] = field(default_factory=list)
    heap: Heap = field(default_factory=Heap)
    static: dict[str, int] = field(default_factory=dict)
    environ: dict[bytes, int] = field(default_factory=dict)  # what setenv made: name -> "NAME=value"
    keys: dict[int, int] = field(default_factory=dict)  # of pthread_key_create: key -> destructor
    once: set[int] = field(default_factory=set)
    seed: int = 1


def crt(ctx: Any) -> Crt:
    """The process's C runtime, made when first needed."""
    parts = state(ctx).parts
    found: Crt | None = parts.get("crt")
    if found is None:
        base = ctx.process.data[FILES]
        streams = {base + FILE_SIZE * fd: Stream(fd, buffered=NONE if fd == 2 else None) for fd in range(3)}
        found = parts["crt"] = Crt(streams)
    return found


def standard(ctx: Any, fd: int) -> Stream:
    """Stdin, stdout or stderr."""
    return crt(ctx).streams[ctx.process.data[FILES] + FILE_SIZE * fd]


def stream_at(ctx: Any, address: int) -> Stream:
    """The stream behind a FILE pointer. Raises BADF for what is none."""
    found = crt(ctx).streams.get(address)
    if found is None:
        ctx.mem.read(address, 8)  # a wild pointer faults
        raise Errno(E.BADF)
    return found


def keep(ctx: Any, data: bytes) -> int:
    """Address of a copy of `data` that stays."""
    address = crt(ctx).heap.alloc(ctx.mem, max(1, len(data)))
    if data:
        ctx.mem.write(address, data)
    return address


def static(ctx: Any, name: str, data: bytes) -> int:
    """Address of a buffer that the runtime owns under a name, with new contents."""
    known = crt(ctx).static
    if name not in known:
        known[name] = keep(ctx, data)
    else:
        ctx.mem.write(known[name], data)
    return known[name]


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
    raise Upcall(address, args, bind(_resume, steps))


def calls_back(build: Callable[..., Steps]) -> Callable[..., int]:
    """Make a row's function of one that yields guest functions to call."""

    @wraps(build)
    def via(ctx: Any, ops: Ops, **arguments: Any) -> int:
        steps = build(ctx, ops, **arguments)
        try:
            address, args = next(steps)
        except StopIteration as done:
            return done.value or 0
        raise Upcall(address, args, bind(_resume, steps))

    return via


def c(
    name: str,
    args: Mapping[str, Kind],
    via: Callable[..., Any],
    note: str = NOTE,
    *,
    fail: Fail = MINUS_ONE,
    ret: Ret = VALUE,
    also: tuple[str, ...] = (),
) -> Call:
    """A function of libSystem that is no system call; `also` are further names, as C spells them."""
    names = tuple(f"_{n}" for n in (name, *also))
    return call(name, None, None, partial(note), sig(**args), ret, symbols=names, via=via, fail=fail)


def constant(number: int) -> Callable[..., int]:
    """A function that always answers `number`."""

    def answer(ctx: Any, ops: Ops, **_: Any) -> int:
        return number

    return answer


def word(value: int) -> bytes:
    """A 64-bit word."""
    return struct.pack("<Q", value & M64)
