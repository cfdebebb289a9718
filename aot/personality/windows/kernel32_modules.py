"""kernel32: loaded libraries and their functions. From: libloaderapi.h of mingw-w64."""

from __future__ import annotations

import struct
from typing import Any

from aot.personality.abi.call import Call
from aot.personality.abi.kinds import HEX32, U32, To, Unused
from aot.personality.windows import modules, vm
from aot.personality.windows.files import Ops
from aot.personality.windows.kernel32_memory import (
    INSUFFICIENT,
    MOD_NOT_FOUND,
    PROC_NOT_FOUND,
)
from aot.personality.windows.kinds import OUT_WORD, POINTER, RAW
from aot.personality.windows.layouts import LDR_DATA, LDR_ENTRY, PEB
from aot.personality.windows.state import image_path, peb, set_last_error, state
from aot.personality.windows.text import from_wide
from aot.personality.windows.win32 import both, encode, k32, refuse, text_at


def loaded(ctx: Any) -> dict[str, int]:
    """Loaded modules by lower-case file name, read from the loader's own list; the program first."""
    parts = state(ctx).parts
    if "modules" not in parts:
        mem = ctx.mem
        head = mem.load_u64(peb(ctx) + PEB["Ldr"]) + LDR_DATA["InLoadOrderModuleList"]
        out, at = {}, mem.load_u64(head)
        while at != head:
            size, address = struct.unpack("<H6xQ", mem.read(at + LDR_ENTRY["BaseDllName"], 16))
            out[from_wide(mem.read(address, size)).lower()] = mem.load_u64(at + LDR_ENTRY["DllBase"])
            at = mem.load_u64(at)
        parts["modules"] = out
    found: dict[str, int] = parts["modules"]
    return found


def find_module(ctx: Any, name: str) -> int:
    """Base of a library by name, 0 when there is none."""
    known = loaded(ctx)
    file = modules.file_name(name)
    if file in known:
        return known[file]
    target = modules.module_of(file)
    return known.get(target, 0) if target else 0


def module_handle(ctx: Any, ops: Ops, name: int, *, wide: bool) -> int:
    """GetModuleHandle; null is the program."""
    if not name:
        return int(ctx.data["image_base"])
    return find_module(ctx, text_at(ctx, name, wide=wide)) or refuse(ctx, MOD_NOT_FOUND)


def module_handle_ex(ctx: Any, ops: Ops, flags: int, name: int, out: int, *, wide: bool) -> int:
    """GetModuleHandleEx."""
    if flags & 4:
        base = vm.image_of(ctx, name)
    else:
        base = find_module(ctx, text_at(ctx, name, wide=wide)) if name else ctx.data["image_base"]
    ctx.mem.write(out, struct.pack("<Q", base))
    return 1 if base else refuse(ctx, MOD_NOT_FOUND)


def load_library(ctx: Any, ops: Ops, name: int, *, wide: bool) -> int:
    """LoadLibrary: a library that has rows is there already, any other is not found."""
    return find_module(ctx, text_at(ctx, name, wide=wide)) or refuse(ctx, MOD_NOT_FOUND)


def load_library_ex(ctx: Any, ops: Ops, name: int, flags: int, *, wide: bool) -> int:
    """LoadLibraryEx."""
    return load_library(ctx, ops, name, wide=wide)


def module_name_of(ctx: Any, base: int) -> str | None:
    """File name of a loaded module."""
    return next((name for name, at in loaded(ctx).items() if at == base), None)


def proc_address(ctx: Any, ops: Ops, module: int, name: int) -> int:
    """GetProcAddress: the address of the row's function, made when first asked for."""
    library = module_name_of(ctx, module or ctx.data["image_base"])
    if library is None:
        return refuse(ctx, MOD_NOT_FOUND)
    text = f"#{name}" if name < 0x1_0000 else ctx.mem.cstr(name, 512).decode("latin-1")
    address: int = ctx.process.data["imports"].address_of(library, text)
    return address or refuse(ctx, PROC_NOT_FOUND)


def module_file_name(ctx: Any, ops: Ops, module: int, out: int, room: int, *, wide: bool) -> int:
    """GetModuleFileName; a short buffer gets what fits."""
    name = module_name_of(ctx, module or ctx.data["image_base"])
    if name is None:
        return refuse(ctx, MOD_NOT_FOUND)
    own = not module or module == ctx.data["image_base"]
    path = image_path(ctx) if own else f"C:\\Windows\\system32\\{name}"
    unit = 2 if wide else 1
    raw = encode(path, wide=wide)
    if len(raw) // unit < room:
        ctx.mem.write(out, raw + bytes(unit))
        set_last_error(ctx, 0)
        return len(raw) // unit
    if room:
        ctx.mem.write(out, raw[: (room - 1) * unit] + bytes(unit))
    return refuse(ctx, INSUFFICIENT, room)


def system_directory(ctx: Any, ops: Ops, out: int, room: int, *, wide: bool) -> int:
    """GetSystemDirectory."""
    raw = encode("C:\\Windows\\system32", wide=wide)
    unit = 2 if wide else 1
    if len(raw) // unit + 1 > room:
        return len(raw) // unit + 1
    ctx.mem.write(out, raw + bytes(unit))
    return len(raw) // unit


NAME = {"lpName": To("name", POINTER)}

# fmt: off
CALLS: tuple[Call, ...] = (
    *both("GetModuleHandle", NAME, module_handle),
    *both("GetModuleHandleEx", {"dwFlags": To("flags", HEX32), **NAME, "phModule": To("out", OUT_WORD)},
        module_handle_ex),
    *both("LoadLibrary", NAME, load_library),
    *both("LoadLibraryEx", {**NAME, "hFile": Unused("reserved"), "dwFlags": To("flags", HEX32)},
        load_library_ex),
    k32("GetProcAddress", {"hModule": To("module", RAW), "lpProcName": To("name", POINTER)}, proc_address),
    *both("GetModuleFileName", {"hModule": To("module", RAW), "lpFilename": To("out", POINTER),
        "nSize": To("room", U32)}, module_file_name),
    *both("GetSystemDirectory", {"lpBuffer": To("out", POINTER), "uSize": To("room", U32)},
        system_directory),
)
# fmt: on
