"""kernel32: virtual memory and heaps. From: memoryapi.h, heapapi.h of mingw-w64."""

from __future__ import annotations

import struct
from typing import Any

from aot.personality.abi.call import Call
from aot.personality.abi.errors import E, Errno
from aot.personality.abi.kinds import HEX32, To, Unused
from aot.personality.windows import layouts as la
from aot.personality.windows import vm
from aot.personality.windows.files import Ops
from aot.personality.windows.heap import heap, zero
from aot.personality.windows.kinds import POINTER, RAW
from aot.personality.windows.layouts import PEB
from aot.personality.windows.state import peb
from aot.personality.windows.win32 import k32, refuse, value

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


ADDRESS = {"lpAddress": To("address", RAW)}
SIZE = {"dwSize": To("size", RAW)}
HEAP = {"hHeap": To("handle", RAW), "dwFlags": To("flags", HEX32)}
PROCESS_ARG = {"hProcess": Unused("this process only")}

# fmt: off
CALLS: tuple[Call, ...] = (
    k32("VirtualAlloc", {**ADDRESS, **SIZE, "flAllocationType": To("kind", HEX32),
        "flProtect": To("protect", HEX32)}, virtual_alloc),
    k32("VirtualAllocEx", {**PROCESS_ARG, **ADDRESS, **SIZE, "flAllocationType": To("kind", HEX32),
        "flProtect": To("protect", HEX32)}, virtual_alloc),
    k32("VirtualFree", {**ADDRESS, **SIZE, "dwFreeType": To("kind", HEX32)}, virtual_free),
    k32("VirtualFreeEx", {**PROCESS_ARG, **ADDRESS, **SIZE, "dwFreeType": To("kind", HEX32)}, virtual_free),
    k32("VirtualProtect", {**ADDRESS, **SIZE, "flNewProtect": To("wanted", HEX32),
        "lpflOldProtect": To("old", POINTER)}, virtual_protect),
    k32("VirtualProtectEx", {**PROCESS_ARG, **ADDRESS, **SIZE, "flNewProtect": To("wanted", HEX32),
        "lpflOldProtect": To("old", POINTER)}, virtual_protect),
    k32("VirtualQuery", {**ADDRESS, "lpBuffer": To("out", POINTER), "dwLength": To("length", RAW)},
        virtual_query),
    k32("VirtualQueryEx", {**PROCESS_ARG, **ADDRESS, "lpBuffer": To("out", POINTER),
        "dwLength": To("length", RAW)}, virtual_query),
    k32("VirtualLock", {**ADDRESS, **SIZE}, lock_pages, also=("VirtualUnlock",)),
    k32("FlushInstructionCache", {"hProcess": Unused("code is coherent by itself")}, value(1)),
    k32("GetProcessHeap", {}, process_heap),
    k32("HeapCreate", {"flOptions": Unused("no limits")}, heap_create),
    k32("HeapDestroy", {"hHeap": To("handle", RAW)}, heap_destroy),
    k32("HeapAlloc", {**HEAP, "dwBytes": To("size", RAW)}, heap_alloc),
    k32("HeapFree", {**HEAP, "lpMem": To("address", RAW)}, heap_free),
    k32("HeapReAlloc", {**HEAP, "lpMem": To("address", RAW), "dwBytes": To("size", RAW)}, heap_realloc),
    k32("HeapSize", {**HEAP, "lpMem": To("address", RAW)}, heap_size),
    k32("HeapValidate", {"hHeap": Unused("always sound")}, value(1),
        also=("HeapLock", "HeapUnlock", "HeapSetInformation")),
    k32("LocalAlloc", {"uFlags": To("flags", HEX32), "uBytes": To("size", RAW)}, local_alloc,
        also=("GlobalAlloc",)),
    k32("LocalFree", {"hMem": To("address", RAW)}, local_free, also=("GlobalFree",)),
    k32("FreeLibrary", {"hModule": Unused("libraries stay")}, value(1),
        also=("DisableThreadLibraryCalls",)),
    k32("GetACP", {}, value(UTF8), also=("GetOEMCP", "GetConsoleCP", "GetConsoleOutputCP")),
    k32("SetConsoleOutputCP", {"wCodePageID": Unused("always UTF-8")}, value(1), also=("SetConsoleCP",)),
    k32("IsValidCodePage", {"CodePage": Unused("all are UTF-8")}, value(1)),
)
# fmt: on
