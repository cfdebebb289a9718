"""kernel32: virtual memory, heaps, modules, text conversion. From: memoryapi.h, heapapi.h of mingw-w64."""

from __future__ import annotations

import struct
from functools import partial as bind
from typing import Any

from aot.personality.abi.call import Call
from aot.personality.abi.errors import E, Errno
from aot.personality.abi.kinds import HEX32, S32, U32, To, Unused
from aot.personality.abi.op import Op
from aot.personality.windows import fails, modules, vm
from aot.personality.windows import layouts as la
from aot.personality.windows.files import Ops
from aot.personality.windows.heap import heap, zero
from aot.personality.windows.kernel32_process import both, k32, value
from aot.personality.windows.kinds import RAW, UNICODE
from aot.personality.windows.layouts import LDR_DATA, LDR_ENTRY, PEB
from aot.personality.windows.paths import from_guest
from aot.personality.windows.state import peb, set_last_error, state
from aot.personality.windows.text import from_wide, wide
from aot.personality.windows.win32 import encode, function, refuse, text_at

MOD_NOT_FOUND, PROC_NOT_FOUND, INSUFFICIENT, BAD_PARAMETER, NO_UNICODE = 126, 127, 122, 87, 1113
ZERO_MEMORY, IN_PLACE = 0x08, 0x10
UTF8, ACP, OEM = 65001, 0, 1
ERROR_NOT_ENOUGH_MEMORY = 8
SIZE_MAX = (1 << 64) - 1


def virtual_alloc(ctx: Any, ops: Ops, address: int, size: int, kind: int, protect: int) -> int:
    """VirtualAlloc."""
    return vm.allocate(ctx, address, size, kind, protect)[0]


def virtual_free(ctx: Any, ops: Ops, address: int, size: int, kind: int) -> int:
    """VirtualFree: a release names no size."""
    if kind == vm.RELEASE and size:
        raise Errno(E.INVAL)
    vm.free(ctx, address, size, kind)
    return 1


def virtual_protect(ctx: Any, ops: Ops, address: int, size: int, wanted: int, old: int) -> int:
    """VirtualProtect."""
    if not old:
        return refuse(ctx, 998)
    ctx.mem.probe(old, 4, True)
    ctx.mem.write(old, struct.pack("<I", vm.protect(ctx, address, size, wanted)[2]))
    return 1


def virtual_query(ctx: Any, ops: Ops, address: int, out: int, length: int) -> int:
    """VirtualQuery."""
    if length < 48:
        return refuse(ctx, 24)
    ctx.mem.write(out, la.MEMORY_BASIC.encode(vm.query(ctx, address)))
    return 48


def lock_pages(ctx: Any, ops: Ops, address: int, size: int) -> int:
    """VirtualLock and VirtualUnlock."""
    ctx.mem.probe(address, size, False)
    return 1


# -- heaps -------------------------------------------------------------------------------------------


def process_heap(ctx: Any, ops: Ops) -> int:
    """GetProcessHeap."""
    found: int = ctx.mem.load_u64(peb(ctx) + PEB["ProcessHeap"])
    return found


def heap_create(ctx: Any, ops: Ops) -> int:
    """HeapCreate: a page whose address is the handle."""
    handle: int = ctx.mem.map(None, 4096, 6, name="[heap]")
    return handle


def heap_destroy(ctx: Any, ops: Ops, handle: int) -> int:
    """HeapDestroy."""
    heap(ctx).destroy(ctx.mem, handle)
    ctx.mem.unmap(handle, 4096)
    return 1


def heap_alloc(ctx: Any, ops: Ops, handle: int, flags: int, size: int) -> int:
    """HeapAlloc."""
    try:
        address = heap(ctx).alloc(ctx.mem, size, handle)
    except Errno:
        return refuse(ctx, ERROR_NOT_ENOUGH_MEMORY)
    if flags & ZERO_MEMORY:
        zero(ctx.mem, address, size)
    return address


def heap_free(ctx: Any, ops: Ops, handle: int, flags: int, address: int) -> int:
    """HeapFree; null is fine."""
    if address and not heap(ctx).free(ctx.mem, address):
        return refuse(ctx, BAD_PARAMETER)
    return 1


def heap_realloc(ctx: Any, ops: Ops, handle: int, flags: int, address: int, size: int) -> int:
    """HeapReAlloc."""
    blocks = heap(ctx)
    if address not in blocks.sizes:
        return refuse(ctx, BAD_PARAMETER)
    before = blocks.sizes[address][0]
    if flags & IN_PLACE and size > blocks.sizes[address][1]:
        return refuse(ctx, ERROR_NOT_ENOUGH_MEMORY)
    fresh = blocks.resize(ctx.mem, address, size)
    if flags & ZERO_MEMORY and size > before:
        zero(ctx.mem, fresh + before, size - before)
    return fresh


def heap_size(ctx: Any, ops: Ops, handle: int, flags: int, address: int) -> int:
    """HeapSize."""
    found = heap(ctx).sizes.get(address)
    return found[0] if found else refuse(ctx, BAD_PARAMETER, SIZE_MAX)


def local_alloc(ctx: Any, ops: Ops, flags: int, size: int) -> int:
    """LocalAlloc and GlobalAlloc: fixed blocks."""
    return heap_alloc(ctx, ops, 0, ZERO_MEMORY if flags & 0x40 else 0, size)


def local_free(ctx: Any, ops: Ops, address: int) -> int:
    """LocalFree and GlobalFree: null is success."""
    heap(ctx).free(ctx.mem, address)
    return 0


# -- modules -----------------------------------------------------------------------------------------


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
    path = from_guest(ctx.process.exec_path) if own else f"C:\\Windows\\system32\\{name}"
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


# -- text --------------------------------------------------------------------------------------------


def to_wide(
    ctx: Any, ops: Ops, page: int, flags: int, source: int, length: int, out: int, room: int
) -> int:
    """MultiByteToWideChar: every code page is UTF-8."""
    if not length or (flags & ~0x0F):
        return refuse(ctx, BAD_PARAMETER)
    raw = ctx.mem.cstr(source, 1 << 24) + b"\0" if length < 0 else ctx.mem.read(source, length)
    try:
        text = raw.decode("utf-8", "strict" if flags & 8 else "replace")
    except UnicodeDecodeError:
        return refuse(ctx, NO_UNICODE)
    encoded = wide(text)
    return _fit(ctx, encoded, out, room, 2)


def to_narrow(
    ctx: Any, ops: Ops, page: int, flags: int, source: int, length: int, out: int, room: int, used: int
) -> int:
    """WideCharToMultiByte: every code page is UTF-8."""
    if not length:
        return refuse(ctx, BAD_PARAMETER)
    if length < 0:
        text = text_at(ctx, source, wide=True) + "\0"
    else:
        text = from_wide(ctx.mem.read(source, 2 * length))
    try:
        raw = text.encode("utf-8", "strict" if flags & 0x80 else "replace")
    except UnicodeEncodeError:
        return refuse(ctx, NO_UNICODE)
    if used:
        ctx.mem.write(used, bytes(4))
    return _fit(ctx, raw, out, room, 1)


def _fit(ctx: Any, raw: bytes, out: int, room: int, unit: int) -> int:
    if not room:
        return len(raw) // unit
    if len(raw) // unit > room:
        return refuse(ctx, INSUFFICIENT)
    ctx.mem.write(out, raw)
    return len(raw) // unit


def cp_info(ctx: Any, ops: Ops, page: int, out: int) -> int:
    """GetCPInfo: UTF-8."""
    ctx.mem.write(out, struct.pack("<I2s12x2x", 4, b"?"))
    return 1


def random_bytes(ctx: Any, ops: Ops, address: int, count: int) -> int:
    """ProcessPrng, SystemFunction036."""
    if count:
        ops[Op.RANDOM](ctx, buf=ctx.mem.buffers(address, count, True))
    return 1


def bcrypt_random(ctx: Any, ops: Ops, address: int, count: int) -> int:
    """BCryptGenRandom."""
    random_bytes(ctx, ops, address, count)
    return 0


def format_message(ctx: Any, ops: Ops, flags: int, code: int, out: int, room: int) -> int:
    """FormatMessageW of a system error: a line with its number."""
    if flags & 0x100:
        return refuse(ctx, BAD_PARAMETER)
    return _fit(ctx, wide(f"error {code}.\r\n\0"), out, room, 2)


ADDRESS = {"lpAddress": To("address", RAW)}
SIZE = {"dwSize": To("size", RAW)}
HEAP = {"hHeap": To("handle", RAW), "dwFlags": To("flags", HEX32)}
NAME = {"lpName": To("name", RAW)}
TEXT = {
    "CodePage": To("page", U32), "dwFlags": To("flags", HEX32), "lpSource": To("source", RAW),
    "cchSource": To("length", S32), "lpOut": To("out", RAW), "cchOut": To("room", S32),
}  # fmt: skip
PROCESS_ARG = {"hProcess": Unused("this process only")}

# fmt: off
CALLS: tuple[Call, ...] = (
    k32("VirtualAlloc", {**ADDRESS, **SIZE, "flAllocationType": To("kind", HEX32),
        "flProtect": To("protect", HEX32)}, virtual_alloc),
    k32("VirtualAllocEx", {**PROCESS_ARG, **ADDRESS, **SIZE, "flAllocationType": To("kind", HEX32),
        "flProtect": To("protect", HEX32)}, virtual_alloc),
    k32("VirtualFree", {**ADDRESS, **SIZE, "dwFreeType": To("kind", HEX32)}, virtual_free),
    k32("VirtualFreeEx", {**PROCESS_ARG, **ADDRESS, **SIZE, "dwFreeType": To("kind", HEX32)}, virtual_free),
    k32("VirtualProtect", {**ADDRESS, **SIZE, "flNewProtect": To("wanted", HEX32), "lpflOldProtect": To("old", RAW)},
        virtual_protect),
    k32("VirtualProtectEx", {**PROCESS_ARG, **ADDRESS, **SIZE, "flNewProtect": To("wanted", HEX32),
        "lpflOldProtect": To("old", RAW)}, virtual_protect),
    k32("VirtualQuery", {**ADDRESS, "lpBuffer": To("out", RAW), "dwLength": To("length", RAW)}, virtual_query),
    k32("VirtualQueryEx", {**PROCESS_ARG, **ADDRESS, "lpBuffer": To("out", RAW), "dwLength": To("length", RAW)},
        virtual_query),
    k32("VirtualLock", {**ADDRESS, **SIZE}, lock_pages, also=("VirtualUnlock",)),
    k32("FlushInstructionCache", {"hProcess": Unused("code is coherent by itself")}, value(1)),
    k32("GetProcessHeap", {}, process_heap),
    k32("HeapCreate", {"flOptions": Unused("no limits")}, heap_create),
    k32("HeapDestroy", {"hHeap": To("handle", RAW)}, heap_destroy),
    k32("HeapAlloc", {**HEAP, "dwBytes": To("size", RAW)}, heap_alloc),
    k32("HeapFree", {**HEAP, "lpMem": To("address", RAW)}, heap_free),
    k32("HeapReAlloc", {**HEAP, "lpMem": To("address", RAW), "dwBytes": To("size", RAW)}, heap_realloc),
    k32("HeapSize", {**HEAP, "lpMem": To("address", RAW)}, heap_size),
    k32("HeapValidate", {"hHeap": Unused("always sound")}, value(1), also=("HeapLock", "HeapUnlock",
        "HeapSetInformation")),
    k32("LocalAlloc", {"uFlags": To("flags", HEX32), "uBytes": To("size", RAW)}, local_alloc, also=("GlobalAlloc",)),
    k32("LocalFree", {"hMem": To("address", RAW)}, local_free, also=("GlobalFree",)),
    *both("GetModuleHandle", NAME, module_handle),
    *both("GetModuleHandleEx", {"dwFlags": To("flags", HEX32), **NAME, "phModule": To("out", RAW)}, module_handle_ex),
    *both("LoadLibrary", NAME, load_library),
    *both("LoadLibraryEx", {**NAME, "hFile": Unused("reserved"), "dwFlags": To("flags", HEX32)}, load_library_ex),
    k32("FreeLibrary", {"hModule": Unused("libraries stay")}, value(1), also=("DisableThreadLibraryCalls",)),
    k32("GetProcAddress", {"hModule": To("module", RAW), "lpProcName": To("name", RAW)}, proc_address),
    *both("GetModuleFileName", {"hModule": To("module", RAW), "lpFilename": To("out", RAW), "nSize": To("room", U32)},
          module_file_name),
    *both("GetSystemDirectory", {"lpBuffer": To("out", RAW), "uSize": To("room", U32)}, system_directory),
    k32("MultiByteToWideChar", TEXT, to_wide),
    k32("WideCharToMultiByte", {**TEXT, "lpDefaultChar": Unused("UTF-8 has every character"),
        "lpUsedDefaultChar": To("used", RAW)}, to_narrow),
    k32("GetACP", {}, value(UTF8), also=("GetOEMCP", "GetConsoleCP", "GetConsoleOutputCP")),
    k32("SetConsoleOutputCP", {"wCodePageID": Unused("always UTF-8")}, value(1), also=("SetConsoleCP",)),
    k32("IsValidCodePage", {"CodePage": Unused("all are UTF-8")}, value(1)),
    k32("GetCPInfo", {"CodePage": To("page", U32), "lpCPInfo": To("out", RAW)}, cp_info),
    k32("FormatMessageW", {"dwFlags": To("flags", HEX32), "lpSource": Unused("system messages"),
        "dwMessageId": To("code", U32), "dwLanguageId": Unused("one language"), "lpBuffer": To("out", RAW),
        "nSize": To("room", U32)}, format_message),
    function("bcryptprimitives", "ProcessPrng", {"pbData": To("address", RAW), "cbData": To("count", RAW)},
             random_bytes),
    function("advapi32", "SystemFunction036", {"pbData": To("address", RAW), "cbData": To("count", U32)}, random_bytes),
    function("bcryptprimitives", "BCryptGenRandom", {"hAlgorithm": Unused("the system's generator"),
             "pbBuffer": To("address", RAW), "cbBuffer": To("count", U32), "dwFlags": Unused("no flags")},
             bcrypt_random, fail=fails.STATUS),
)
# fmt: on
__all__ = ["CALLS", "UNICODE", "bind"]
