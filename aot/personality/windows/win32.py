"""What rows of the Win32 libraries share: declaring one, text in both widths, paths, the last error."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial as bind
from typing import Any

from aot.personality.abi.call import VALUE, Call, Fail, Ret, call, partial, sig
from aot.personality.abi.errors import E, Errno
from aot.personality.abi.kinds import Kind
from aot.personality.windows import files, paths
from aot.personality.windows.fails import FALSE
from aot.personality.windows.kinds import wide_at
from aot.personality.windows.state import parameter_string, set_last_error
from aot.personality.windows.text import from_host, from_wide, to_host

Ops = files.Ops
FULL_NOTE = "what the arguments marked unused say"


def function(
    library: str,
    name: str,
    args: Mapping[str, Kind],
    via: Callable[..., Any],
    note: str = FULL_NOTE,
    *,
    fail: Fail = FALSE,
    ret: Ret = VALUE,
    also: tuple[str, ...] = (),
) -> Call:
    """A row reached by import only. `also` are further names of the same function."""
    symbols = tuple(f"{library}!{n}" for n in (name, *also))
    return call(name, None, None, partial(note), sig(**args), ret, symbols=symbols, via=via, fail=fail)


def current_directory(ctx: Any) -> str:
    """The process's current directory as a DOS path."""
    address, size = parameter_string(ctx, "CurrentDirectory")
    return from_wide(ctx.mem.read(address, size)) if size else "C:\\"


def guest_path(ctx: Any, path: str) -> bytes:
    """The guest path of a Win32 path. Raises Errno."""
    if not path:
        raise Errno(E.NOT_FOUND_PATH)
    return paths.to_guest(paths.nt_path(paths.full_path(path, current_directory(ctx))))


def text_at(ctx: Any, address: int, *, wide: bool) -> str:
    """A NUL-terminated string of either width; narrow text is UTF-8."""
    if wide:
        return wide_at(address, ctx.mem)
    return from_host(ctx.mem.cstr(address, 1 << 16))


def encode(text: str, *, wide: bool) -> bytes:
    """Text for the guest without its end."""
    return text.encode("utf-16-le", "surrogatepass") if wide else to_host(text)


def put_text(ctx: Any, address: int, room: int, text: str, *, wide: bool) -> int:
    """Store text with its end when it fits in `room` characters: its characters, or the room needed."""
    raw = encode(text, wide=wide)
    unit = 2 if wide else 1
    count = len(raw) // unit
    if count + 1 > room or not address:
        return count + 1
    ctx.mem.write(address, raw + bytes(unit))
    return count


def refuse(ctx: Any, error: int, value: int = 0) -> int:
    """Fail with a Win32 error that no status stands for."""
    set_last_error(ctx, error)
    return value


def k32(
    name: str,
    args: Mapping[str, Kind],
    via: Callable[..., Any],
    fail: Fail = FALSE,
    also: tuple[str, ...] = (),
    *,
    ret: Ret = VALUE,
) -> Call:
    """A kernel32 function."""
    return function("kernel32", name, args, via, fail=fail, also=also, ret=ret)


def both(
    name: str, args: Mapping[str, Kind], via: Callable[..., Any], fail: Fail = FALSE
) -> tuple[Call, Call]:
    """The wide and the narrow form of a function."""
    wide_form = k32(f"{name}W", args, bind(via, wide=True), fail)
    return wide_form, k32(f"{name}A", args, bind(via, wide=False), fail)


def value(number: int) -> Callable[..., int]:
    """A function that always answers `number`."""

    def constant(ctx: Any, ops: Ops) -> int:
        return number

    return constant
