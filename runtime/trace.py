"""The trace: one strace-like line per completed call, written from the row itself.

[1000] openat(dirfd=AT_FDCWD, path="x", flags=O_RDONLY, mode=0) = 3
[1000] read(fd=9, buf=0x7ffe0000, count=16) = -1 EBADF (bad file descriptor)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from aot.personality.abi.call import Call
from aot.personality.abi.compile import Door, Handler
from aot.personality.abi.errors import E, Errno
from aot.personality.abi.gate import ErrorStyle
from aot.personality.abi.kinds import (
    SHOWN,
    InBytes,
    Int,
    Kind,
    Length,
    OutBytes,
    OutInt,
    Unused,
    inner,
    quoted,
)
from aot.personality.abi.system import System
from aot.record import replace
from runtime.cpu.api import Leave
from runtime.kernel.context import Context
from runtime.kernel.leave import Block, ExitContext, ExitProcess, Upcall

Write = Callable[[str], object]


class Tracer:
    """Wraps handlers so that every completed call writes its line; use `wrap` as Dispatcher's wrap."""

    def __init__(self, system: System, column: str, write: Write) -> None:
        self._system, self._column, self._write = system, column, write
        self._meaning = _meanings(system)

    def wrap(self, handler: Handler, row: Call, door: Door) -> Handler:
        """`handler` with its line written after it."""
        describe = describer(row, self._column, door)

        def traced(ctx: Context) -> int:
            shown = describe(ctx)
            try:
                carry = handler(ctx)
            except (ExitContext, ExitProcess) as end:
                self._line(ctx, row, shown(None), f"? (exits {end.status})")
                raise
            except Block:
                raise  # the call will be made again; its line is written when it completes
            except Upcall as upcall:
                self._line(ctx, row, shown(None), f"? (calls {upcall.address:#x})")
                raise
            except Leave as leave:
                self._line(ctx, row, shown(None), f"? ({type(leave).__name__})")
                raise
            self._done(ctx, row, door, shown, carry)
            return carry

        return traced

    def _done(
        self, ctx: Context, row: Call, door: Door, shown: Callable[[int | None], str], carry: int
    ) -> None:
        if row.ret.void:
            self._line(ctx, row, shown(None), "void")
            return
        word: int = ctx.regs[door.index[door.gate.result]]
        number = _error_number(door.gate.style, word, carry)
        if number is None:
            value = word - (1 << 64) if word >> 63 else word
            text = hex(word) if word > 0xFFFF_FFFF and not word >> 63 else str(value)
            if row.ret.second:
                text += f" (second {ctx.regs[door.index[door.gate.second]]})" if door.gate.second else ""
            self._line(ctx, row, shown(word), text)
            return
        name = self._system.error_names.get(number, hex(number))
        meaning = self._meaning.get(number)
        lead = "-1 " if door.gate.style is not ErrorStyle.NTSTATUS else ""
        self._line(ctx, row, shown(None), f"{lead}{name}" + (f" ({meaning})" if meaning else ""))

    def _line(self, ctx: Context, row: Call, arguments: str, result: str) -> None:
        self._write(f"[{ctx.tid}] {row.name}({arguments}) = {result}\n")


def _meanings(system: System) -> dict[int, str]:
    """Words for a number: those of the error the system names it after, else of the first that has it."""
    out: dict[int, str] = {}
    for code in E:
        number = system.errors.get(code)
        if number is None:
            continue
        if system.error_names.get(number) == f"E{code.name}":
            out[number] = code.value
        out.setdefault(number, code.value)
    return out


def _error_number(style: ErrorStyle, word: int, carry: int) -> int | None:
    """The ABI's error number when the call failed, else None."""
    if style is ErrorStyle.NEGATIVE:
        return (1 << 64) - word if word >= (1 << 64) - 4095 else None
    if style is ErrorStyle.CARRY:
        return word if carry else None
    if style is ErrorStyle.NTSTATUS:
        low = word & 0xFFFF_FFFF
        return low if low >> 30 == 3 else None
    return None


def describer(row: Call, column: str, door: Door) -> Callable[[Context], Callable[[int | None], str]]:
    """A function that reads the argument words now and returns one that formats them afterwards."""
    if row.by is not None:
        argument, rows = row.by
        subs = {v: describer(replace(sub, named=row.named), column, door) for v, sub in rows.items()}
        names = list(row.args or next(iter(rows.values())).args)
        word_of = word_getter(door, names.index(argument))
        plain = _plain(row.args or next(iter(rows.values())).args, column, door, row.named)

        def select(ctx: Context) -> Callable[[int | None], str]:
            return subs.get(word_of(ctx) & 0xFFFF_FFFF, plain)(ctx)

        return select
    return _plain(row.args, column, door, row.named)


def _plain(
    args: Mapping[str, Kind], column: str, door: Door, named: int | None
) -> Callable[[Context], Callable[[int | None], str]]:
    kinds = [(name, inner(kind.for_column(column))) for name, kind in args.items()]
    getters = [word_getter(door, i, named) for i in range(len(kinds))]
    position = {name: i for i, (name, _) in enumerate(kinds)}
    masks = [_mask(kind) for _, kind in kinds]

    def describe(ctx: Context) -> Callable[[int | None], str]:
        words = [get(ctx) & mask for get, mask in zip(getters, masks, strict=True)]
        before = [_before(kind, words, i, position, ctx) for i, (_, kind) in enumerate(kinds)]

        def shown(result: int | None) -> str:
            parts = []
            for i, (name, kind) in enumerate(kinds):
                parts.append(f"{name}={_after(kind, words[i], before[i], result, ctx)}")
            return ", ".join(parts)

        return shown

    return describe


def word_getter(door: Door, position: int, named: int | None = None) -> Callable[[Any], int]:
    """What reads the word of the argument at `position` from a context."""
    place = door.place(position, named)
    if isinstance(place, str):
        index = door.index[place]
        return lambda ctx: int(ctx.regs[index])
    sp, offset = door.index[door.sp], place

    def from_stack(ctx: Any) -> int:
        try:
            return int(ctx.mem.load_u64(ctx.regs[sp] + offset))
        except Errno:
            return 0

    return from_stack


def _mask(kind: Kind) -> int:
    """The bits of an argument word that count: what lies above a narrow integer means nothing."""
    return (1 << kind.bits) - 1 if isinstance(kind, Int | Length) else (1 << 64) - 1


def _before(kind: Kind, words: list[int], i: int, position: Mapping[str, int], ctx: Context) -> str:
    if isinstance(kind, InBytes):
        return kind.show_with(words[i], words[position[kind.length]], ctx.mem)
    if isinstance(kind, Unused):
        return hex(words[i]) if words[i] > 9 else str(words[i])
    return kind.show(words[i], ctx.mem)


def _after(kind: Kind, word: int, before: str, result: int | None, ctx: Context) -> str:
    """What an argument that the kernel filled shows once the call succeeded."""
    if result is None or not word:
        return before
    try:
        if isinstance(kind, OutBytes) and result < 1 << 62:
            raw = ctx.mem.read(word, min(result, SHOWN))
            return quoted(raw) + ("..." if result > SHOWN else "")
        if isinstance(kind, OutInt):
            return f"[{int.from_bytes(ctx.mem.read(word, kind.bits // 8), 'little')}]"
    except Errno:
        return before
    return before
